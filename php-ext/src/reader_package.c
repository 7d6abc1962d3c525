/* Methods of Pegel\Reader that the package has in PHP: pages rarely need them. */

#include "reader.h"
#include "zend_interfaces.h"

/* The package knows boards by this. */
static void handle(zval *object, pegel_board *board)
{
	board->users++;
	pegel_native_reader_init(object, board);
}

/* Sets the schema; false with an exception. */
static bool find_schema(pegel_reader_object *reader)
{
	if (!Z_ISUNDEF(reader->schema)) {
		return true;
	}
	pegel_board *board = pegel_reader_board(reader);
	if (!board) {
		return false;
	}
	if (!Z_ISUNDEF(reader->backend)) {
		zend_call_method_with_2_params(Z_OBJ(reader->backend), Z_OBJCE(reader->backend), NULL,
			"schema", &reader->schema, &reader->handle, NAME(reader));
		return !EG(exception);
	}
	zval arguments[3];
	handle(&arguments[0], board);
	ZVAL_COPY_VALUE(&arguments[1], NAME(reader));
	ZVAL_COPY_VALUE(&arguments[2], &reader->view);
	if (Z_ISUNDEF(arguments[2])) {
		ZVAL_NULL(&arguments[2]);
	}
	zval schema;
	bool is_found = pegel_call_package("schema", &schema, 3, arguments);
	zval_ptr_dtor(&arguments[0]);
	if (is_found) {
		zval_ptr_dtor(&reader->schema);
		ZVAL_COPY_VALUE(&reader->schema, &schema);
	}
	return is_found;
}

ZEND_METHOD(Pegel_Reader, schema)
{
	ZEND_PARSE_PARAMETERS_NONE();
	if (!find_schema(THIS)) {
		RETURN_THROWS();
	}
	RETURN_COPY(&THIS->schema);
}

/* The Mapping of a class, which the reader keeps; NULL with an exception. */
zend_object *pegel_reader_mapping(zend_object *object, zend_string *class)
{
	pegel_reader_object *reader = pegel_reader_of(object);
	if (Z_ISUNDEF(reader->mappings)) {
		array_init(&reader->mappings);
	}
	zval *known = zend_hash_find(Z_ARRVAL(reader->mappings), class);
	if (known) {
		return Z_OBJ_P(known);
	}
	if (!find_schema(reader)) {
		return NULL;
	}
	zval arguments[3], mapping;
	ZVAL_STR(&arguments[0], class);
	ZVAL_COPY_VALUE(&arguments[1], &reader->schema);
	ZVAL_COPY_VALUE(&arguments[2], NAME(reader));
	if (!pegel_call_package("mapping", &mapping, 3, arguments)) {
		return NULL;
	}
	zend_hash_update(Z_ARRVAL(reader->mappings), class, &mapping);
	return Z_OBJ(mapping);
}

ZEND_METHOD(Pegel_Reader, mapping)
{
	zend_string *class;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(class)
	ZEND_PARSE_PARAMETERS_END();
	zend_object *mapping = pegel_reader_mapping(Z_OBJ_P(ZEND_THIS), class);
	if (!mapping) {
		RETURN_THROWS();
	}
	RETURN_OBJ_COPY(mapping);
}

ZEND_METHOD(Pegel_Reader, info)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	zval argument;
	handle(&argument, board);
	pegel_call_package("info", return_value, 1, &argument);
	zval_ptr_dtor(&argument);
}

ZEND_METHOD(Pegel_Reader, last)
{
	zend_long count;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_LONG(count)
	ZEND_PARSE_PARAMETERS_END();
	zval arguments[2];
	ZVAL_COPY_VALUE(&arguments[0], ZEND_THIS);
	ZVAL_LONG(&arguments[1], count);
	pegel_call_package("last", return_value, 2, arguments);
}

ZEND_METHOD(Pegel_Reader, follow)
{
	double timeout = 0;
	bool is_endless = true, every = false;
	zend_long after = 0;
	ZEND_PARSE_PARAMETERS_START(0, 3)
		Z_PARAM_OPTIONAL
		Z_PARAM_DOUBLE_OR_NULL(timeout, is_endless)
		Z_PARAM_LONG(after)
		Z_PARAM_BOOL(every)
	ZEND_PARSE_PARAMETERS_END();
	pegel_reader_object *reader = THIS;
	zval arguments[6];
	ZVAL_COPY_VALUE(&arguments[0], ZEND_THIS);
	ZVAL_COPY_VALUE(&arguments[1], &reader->view);
	if (Z_ISUNDEF(arguments[1])) {
		ZVAL_NULL(&arguments[1]);
	}
	ZVAL_BOOL(&arguments[2], reader->untrusted);
	ZVAL_DOUBLE(&arguments[3], timeout);
	if (is_endless) {
		ZVAL_NULL(&arguments[3]);
	}
	ZVAL_LONG(&arguments[4], after);
	ZVAL_BOOL(&arguments[5], every);
	pegel_call_package("follow", return_value, 6, arguments);
}
