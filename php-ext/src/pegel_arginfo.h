/* This is a generated file, edit the .stub.php file instead.
 * Stub hash: 99c1cfef9fc9d9ee1218e69f48b552ecd44d9917 */

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_Pegel_read, 0, 1, IS_MIXED, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Pegel_Native___construct, 0, 0, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Native_version, 0, 0, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Native_abi, 0, 0, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Native_layout, 0, 1, IS_ARRAY, 0)
	ZEND_ARG_TYPE_INFO(0, fields, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Native_unlink, 0, 1, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeReader___construct arginfo_class_Pegel_Native___construct

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_NativeReader_open, 0, 1, Pegel\\\116ativeReader, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_NativeReader_openAs, 0, 4, Pegel\\\116ativeReader, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, fields, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, details, IS_STRING, 1)
	ZEND_ARG_TYPE_INFO(0, untrusted, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_close, 0, 0, IS_VOID, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeReader_fields arginfo_class_Pegel_Native_version

#define arginfo_class_Pegel_NativeReader_details arginfo_class_Pegel_Native_version

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_info, 0, 0, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeReader_sequence arginfo_class_Pegel_Native_abi

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_isWriterAlive, 0, 0, _IS_BOOL, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_userData, 0, 0, IS_STRING, 1)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_setUserData, 0, 1, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, data, IS_STRING, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeReader_read arginfo_class_Pegel_Native_version

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_readAt, 0, 1, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, sequence, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_readAfter, 0, 1, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, after, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeReader_wait, 0, 2, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, after, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, timeout, IS_LONG, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeWriter___construct arginfo_class_Pegel_Native___construct

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_NativeWriter_create, 0, 7, Pegel\\\116ativeWriter, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, fields, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, details, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, slots, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, mode, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, flags, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, timeout, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_NativeWriter_open, 0, 2, Pegel\\\116ativeWriter, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, timeout, IS_LONG, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeWriter_close arginfo_class_Pegel_NativeReader_close

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_NativeWriter_reader, 0, 0, Pegel\\\116ativeReader, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeWriter_publish, 0, 1, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, record, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, present, IS_LONG, 0, "-1")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, condition, IS_LONG, 0, "0")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, sequence, IS_LONG, 0, "0")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_NativeWriter_publishValues, 0, 1, IS_LONG, 1)
	ZEND_ARG_TYPE_INFO(0, values, IS_ARRAY, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_NativeWriter_sync arginfo_class_Pegel_Native_abi

ZEND_BEGIN_ARG_INFO_EX(arginfo_class_Pegel_Exception___construct, 0, 0, 1)
	ZEND_ARG_TYPE_INFO(0, message, IS_STRING, 0)
	ZEND_ARG_OBJ_INFO_WITH_DEFAULT_VALUE(0, previous, Throwable, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Exception_of, 0, 2, Pegel\\Exception, 0)
	ZEND_ARG_TYPE_INFO(0, status, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, message, IS_STRING, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_Reader___construct arginfo_class_Pegel_Native___construct

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_open, 0, 1, Pegel\\Reader, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_OBJ_INFO_WITH_DEFAULT_VALUE(0, schema, Pegel\\Schema, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, untrusted, _IS_BOOL, 0, "false")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_tryOpen, 0, 1, Pegel\\Reader, 1)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_OBJ_INFO_WITH_DEFAULT_VALUE(0, schema, Pegel\\Schema, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, untrusted, _IS_BOOL, 0, "false")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_tryRead, 0, 1, Pegel\\Snapshot, 1)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_OBJ_INFO_WITH_DEFAULT_VALUE(0, schema, Pegel\\Schema, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_ofWriter, 0, 3, Pegel\\Reader, 0)
	ZEND_ARG_TYPE_INFO(0, board, IS_STRING, 0)
	ZEND_ARG_TYPE_INFO(0, backend, IS_OBJECT, 0)
	ZEND_ARG_TYPE_INFO(0, handle, IS_OBJECT, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_schema, 0, 0, Pegel\\Schema, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_mapping, 0, 1, Pegel\\Mapping, 0)
	ZEND_ARG_TYPE_INFO(0, class, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_read, 0, 0, Pegel\\Snapshot, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_readAt, 0, 1, Pegel\\Snapshot, 0)
	ZEND_ARG_TYPE_INFO(0, sequence, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_readAfter, 0, 1, Pegel\\Snapshot, 0)
	ZEND_ARG_TYPE_INFO(0, after, IS_LONG, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Reader_last, 0, 1, IS_ARRAY, 0)
	ZEND_ARG_TYPE_INFO(0, count, IS_LONG, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_Reader_sequence arginfo_class_Pegel_Native_abi

#define arginfo_class_Pegel_Reader_writerAlive arginfo_class_Pegel_NativeReader_isWriterAlive

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_info, 0, 0, Pegel\\Info, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Reader_wait, 0, 1, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO(0, after, IS_LONG, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Reader_follow, 0, 0, Generator, 0)
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, timeout, IS_DOUBLE, 1, "null")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, after, IS_LONG, 0, "0")
	ZEND_ARG_TYPE_INFO_WITH_DEFAULT_VALUE(0, every, _IS_BOOL, 0, "false")
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_Reader_close arginfo_class_Pegel_NativeReader_close

#define arginfo_class_Pegel_Snapshot___construct arginfo_class_Pegel_Native___construct

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_isStale, 0, 1, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, seconds, IS_DOUBLE, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_Snapshot_toArray arginfo_class_Pegel_NativeReader_info

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_to, 0, 1, IS_OBJECT, 0)
	ZEND_ARG_TYPE_INFO(0, class, IS_STRING, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_offsetExists, 0, 1, _IS_BOOL, 0)
	ZEND_ARG_TYPE_INFO(0, offset, IS_MIXED, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_offsetGet, 0, 1, IS_MIXED, 0)
	ZEND_ARG_TYPE_INFO(0, offset, IS_MIXED, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_offsetSet, 0, 2, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, offset, IS_MIXED, 0)
	ZEND_ARG_TYPE_INFO(0, value, IS_MIXED, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_offsetUnset, 0, 1, IS_VOID, 0)
	ZEND_ARG_TYPE_INFO(0, offset, IS_MIXED, 0)
ZEND_END_ARG_INFO()

ZEND_BEGIN_ARG_WITH_RETURN_OBJ_INFO_EX(arginfo_class_Pegel_Snapshot_getIterator, 0, 0, ArrayIterator, 0)
ZEND_END_ARG_INFO()

#define arginfo_class_Pegel_Snapshot_count arginfo_class_Pegel_Native_abi

ZEND_BEGIN_ARG_WITH_RETURN_TYPE_INFO_EX(arginfo_class_Pegel_Snapshot_jsonSerialize, 0, 0, IS_MIXED, 0)
ZEND_END_ARG_INFO()


ZEND_FUNCTION(Pegel_read);
ZEND_METHOD(Pegel_Native, __construct);
ZEND_METHOD(Pegel_Native, version);
ZEND_METHOD(Pegel_Native, abi);
ZEND_METHOD(Pegel_Native, layout);
ZEND_METHOD(Pegel_Native, unlink);
ZEND_METHOD(Pegel_NativeReader, __construct);
ZEND_METHOD(Pegel_NativeReader, open);
ZEND_METHOD(Pegel_NativeReader, openAs);
ZEND_METHOD(Pegel_NativeReader, close);
ZEND_METHOD(Pegel_NativeReader, fields);
ZEND_METHOD(Pegel_NativeReader, details);
ZEND_METHOD(Pegel_NativeReader, info);
ZEND_METHOD(Pegel_NativeReader, sequence);
ZEND_METHOD(Pegel_NativeReader, isWriterAlive);
ZEND_METHOD(Pegel_NativeReader, userData);
ZEND_METHOD(Pegel_NativeReader, setUserData);
ZEND_METHOD(Pegel_NativeReader, read);
ZEND_METHOD(Pegel_NativeReader, readAt);
ZEND_METHOD(Pegel_NativeReader, readAfter);
ZEND_METHOD(Pegel_NativeReader, wait);
ZEND_METHOD(Pegel_NativeWriter, __construct);
ZEND_METHOD(Pegel_NativeWriter, create);
ZEND_METHOD(Pegel_NativeWriter, open);
ZEND_METHOD(Pegel_NativeWriter, close);
ZEND_METHOD(Pegel_NativeWriter, reader);
ZEND_METHOD(Pegel_NativeWriter, publish);
ZEND_METHOD(Pegel_NativeWriter, publishValues);
ZEND_METHOD(Pegel_NativeWriter, sync);
ZEND_METHOD(Pegel_Exception, __construct);
ZEND_METHOD(Pegel_Exception, of);
ZEND_METHOD(Pegel_Reader, __construct);
ZEND_METHOD(Pegel_Reader, open);
ZEND_METHOD(Pegel_Reader, tryOpen);
ZEND_METHOD(Pegel_Reader, tryRead);
ZEND_METHOD(Pegel_Reader, ofWriter);
ZEND_METHOD(Pegel_Reader, schema);
ZEND_METHOD(Pegel_Reader, mapping);
ZEND_METHOD(Pegel_Reader, read);
ZEND_METHOD(Pegel_Reader, readAt);
ZEND_METHOD(Pegel_Reader, readAfter);
ZEND_METHOD(Pegel_Reader, last);
ZEND_METHOD(Pegel_Reader, sequence);
ZEND_METHOD(Pegel_Reader, writerAlive);
ZEND_METHOD(Pegel_Reader, info);
ZEND_METHOD(Pegel_Reader, wait);
ZEND_METHOD(Pegel_Reader, follow);
ZEND_METHOD(Pegel_Reader, close);
ZEND_METHOD(Pegel_Snapshot, __construct);
ZEND_METHOD(Pegel_Snapshot, isStale);
ZEND_METHOD(Pegel_Snapshot, toArray);
ZEND_METHOD(Pegel_Snapshot, to);
ZEND_METHOD(Pegel_Snapshot, offsetExists);
ZEND_METHOD(Pegel_Snapshot, offsetGet);
ZEND_METHOD(Pegel_Snapshot, offsetSet);
ZEND_METHOD(Pegel_Snapshot, offsetUnset);
ZEND_METHOD(Pegel_Snapshot, getIterator);
ZEND_METHOD(Pegel_Snapshot, count);
ZEND_METHOD(Pegel_Snapshot, jsonSerialize);


static const zend_function_entry ext_functions[] = {
	ZEND_NS_FALIAS("Pegel", read, Pegel_read, arginfo_Pegel_read)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_Native_methods[] = {
	ZEND_ME(Pegel_Native, __construct, arginfo_class_Pegel_Native___construct, ZEND_ACC_PRIVATE)
	ZEND_ME(Pegel_Native, version, arginfo_class_Pegel_Native_version, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Native, abi, arginfo_class_Pegel_Native_abi, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Native, layout, arginfo_class_Pegel_Native_layout, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Native, unlink, arginfo_class_Pegel_Native_unlink, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_NativeReader_methods[] = {
	ZEND_ME(Pegel_NativeReader, __construct, arginfo_class_Pegel_NativeReader___construct, ZEND_ACC_PRIVATE)
	ZEND_ME(Pegel_NativeReader, open, arginfo_class_Pegel_NativeReader_open, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_NativeReader, openAs, arginfo_class_Pegel_NativeReader_openAs, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_NativeReader, close, arginfo_class_Pegel_NativeReader_close, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, fields, arginfo_class_Pegel_NativeReader_fields, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, details, arginfo_class_Pegel_NativeReader_details, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, info, arginfo_class_Pegel_NativeReader_info, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, sequence, arginfo_class_Pegel_NativeReader_sequence, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, isWriterAlive, arginfo_class_Pegel_NativeReader_isWriterAlive, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, userData, arginfo_class_Pegel_NativeReader_userData, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, setUserData, arginfo_class_Pegel_NativeReader_setUserData, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, read, arginfo_class_Pegel_NativeReader_read, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, readAt, arginfo_class_Pegel_NativeReader_readAt, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, readAfter, arginfo_class_Pegel_NativeReader_readAfter, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeReader, wait, arginfo_class_Pegel_NativeReader_wait, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_NativeWriter_methods[] = {
	ZEND_ME(Pegel_NativeWriter, __construct, arginfo_class_Pegel_NativeWriter___construct, ZEND_ACC_PRIVATE)
	ZEND_ME(Pegel_NativeWriter, create, arginfo_class_Pegel_NativeWriter_create, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_NativeWriter, open, arginfo_class_Pegel_NativeWriter_open, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_NativeWriter, close, arginfo_class_Pegel_NativeWriter_close, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeWriter, reader, arginfo_class_Pegel_NativeWriter_reader, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeWriter, publish, arginfo_class_Pegel_NativeWriter_publish, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeWriter, publishValues, arginfo_class_Pegel_NativeWriter_publishValues, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_NativeWriter, sync, arginfo_class_Pegel_NativeWriter_sync, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_Exception_methods[] = {
	ZEND_ME(Pegel_Exception, __construct, arginfo_class_Pegel_Exception___construct, ZEND_ACC_PUBLIC|ZEND_ACC_FINAL)
	ZEND_ME(Pegel_Exception, of, arginfo_class_Pegel_Exception_of, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_Reader_methods[] = {
	ZEND_ME(Pegel_Reader, __construct, arginfo_class_Pegel_Reader___construct, ZEND_ACC_PRIVATE)
	ZEND_ME(Pegel_Reader, open, arginfo_class_Pegel_Reader_open, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Reader, tryOpen, arginfo_class_Pegel_Reader_tryOpen, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Reader, tryRead, arginfo_class_Pegel_Reader_tryRead, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Reader, ofWriter, arginfo_class_Pegel_Reader_ofWriter, ZEND_ACC_PUBLIC|ZEND_ACC_STATIC)
	ZEND_ME(Pegel_Reader, schema, arginfo_class_Pegel_Reader_schema, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, mapping, arginfo_class_Pegel_Reader_mapping, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, read, arginfo_class_Pegel_Reader_read, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, readAt, arginfo_class_Pegel_Reader_readAt, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, readAfter, arginfo_class_Pegel_Reader_readAfter, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, last, arginfo_class_Pegel_Reader_last, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, sequence, arginfo_class_Pegel_Reader_sequence, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, writerAlive, arginfo_class_Pegel_Reader_writerAlive, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, info, arginfo_class_Pegel_Reader_info, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, wait, arginfo_class_Pegel_Reader_wait, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, follow, arginfo_class_Pegel_Reader_follow, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Reader, close, arginfo_class_Pegel_Reader_close, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};


static const zend_function_entry class_Pegel_Snapshot_methods[] = {
	ZEND_ME(Pegel_Snapshot, __construct, arginfo_class_Pegel_Snapshot___construct, ZEND_ACC_PRIVATE)
	ZEND_ME(Pegel_Snapshot, isStale, arginfo_class_Pegel_Snapshot_isStale, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, toArray, arginfo_class_Pegel_Snapshot_toArray, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, to, arginfo_class_Pegel_Snapshot_to, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, offsetExists, arginfo_class_Pegel_Snapshot_offsetExists, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, offsetGet, arginfo_class_Pegel_Snapshot_offsetGet, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, offsetSet, arginfo_class_Pegel_Snapshot_offsetSet, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, offsetUnset, arginfo_class_Pegel_Snapshot_offsetUnset, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, getIterator, arginfo_class_Pegel_Snapshot_getIterator, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, count, arginfo_class_Pegel_Snapshot_count, ZEND_ACC_PUBLIC)
	ZEND_ME(Pegel_Snapshot, jsonSerialize, arginfo_class_Pegel_Snapshot_jsonSerialize, ZEND_ACC_PUBLIC)
	ZEND_FE_END
};

static zend_class_entry *register_class_Pegel_Native(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "Native", class_Pegel_Native_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;

	return class_entry;
}

static zend_class_entry *register_class_Pegel_NativeReader(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "NativeReader", class_Pegel_NativeReader_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;

	return class_entry;
}

static zend_class_entry *register_class_Pegel_NativeWriter(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "NativeWriter", class_Pegel_NativeWriter_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;

	return class_entry;
}

static zend_class_entry *register_class_Pegel_Exception(zend_class_entry *class_entry_RuntimeException)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "Exception", class_Pegel_Exception_methods);
	class_entry = zend_register_internal_class_ex(&ce, class_entry_RuntimeException);

	return class_entry;
}

static zend_class_entry *register_class_Pegel_Reader(void)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "Reader", class_Pegel_Reader_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;

	zval property_board_default_value;
	ZVAL_UNDEF(&property_board_default_value);
	zend_string *property_board_name = zend_string_init("board", sizeof("board") - 1, 1);
	zend_declare_typed_property(class_entry, property_board_name, &property_board_default_value, ZEND_ACC_PUBLIC|ZEND_ACC_READONLY, NULL, (zend_type) ZEND_TYPE_INIT_MASK(MAY_BE_STRING));
	zend_string_release(property_board_name);

	return class_entry;
}

static zend_class_entry *register_class_Pegel_Snapshot(zend_class_entry *class_entry_ArrayAccess, zend_class_entry *class_entry_IteratorAggregate, zend_class_entry *class_entry_Countable, zend_class_entry *class_entry_JsonSerializable)
{
	zend_class_entry ce, *class_entry;

	INIT_NS_CLASS_ENTRY(ce, "Pegel", "Snapshot", class_Pegel_Snapshot_methods);
	class_entry = zend_register_internal_class_ex(&ce, NULL);
	class_entry->ce_flags |= ZEND_ACC_FINAL|ZEND_ACC_NO_DYNAMIC_PROPERTIES|ZEND_ACC_NOT_SERIALIZABLE;
	zend_class_implements(class_entry, 4, class_entry_ArrayAccess, class_entry_IteratorAggregate, class_entry_Countable, class_entry_JsonSerializable);

	return class_entry;
}
