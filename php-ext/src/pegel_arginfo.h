/* This is a generated file, edit the .stub.php file instead.
 * Stub hash: d4ffb9e152c9f935d7f749d18b4f21ab0783e7d4 */

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

#define arginfo_class_Pegel_NativeWriter_sync arginfo_class_Pegel_Native_abi


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
ZEND_METHOD(Pegel_NativeWriter, sync);


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
	ZEND_ME(Pegel_NativeWriter, sync, arginfo_class_Pegel_NativeWriter_sync, ZEND_ACC_PUBLIC)
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
