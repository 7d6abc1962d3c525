/* Opening: the static methods of Pegel\Reader. */

#include "reader.h"
#include "zend_exceptions.h"

static bool open_reader(zval *object, zend_string *name, zend_object *schema, bool untrusted)
{
	zval view;
	ZVAL_UNDEF(&view);
	if (schema) {
		ZVAL_OBJ(&view, schema);
	}
	pegel_board *board = pegel_reader_open_board(name, &view, untrusted);
	if (UNEXPECTED(!board)) {
		return false;
	}
	pegel_reader_object *reader = pegel_reader_init(object, name, board);
	reader->untrusted = untrusted;
	if (schema) {
		ZVAL_OBJ_COPY(&reader->view, schema);
	}
	return true;
}

static bool is_schema(zend_object *object, uint32_t argument)
{
	if (object && !zend_string_equals_literal(object->ce->name, "Pegel\\Schema")) {
		zend_argument_type_error(argument, "must be of type ?Pegel\\Schema, %s given",
			ZSTR_VAL(object->ce->name));
		return false;
	}
	return true;
}

#define PARSE_OPEN(most) \
	zend_string *name; \
	zend_object *schema = NULL; \
	bool untrusted = false; \
	ZEND_PARSE_PARAMETERS_START(1, most) \
		Z_PARAM_STR(name) \
		Z_PARAM_OPTIONAL \
		Z_PARAM_OBJ_OR_NULL(schema) \
		Z_PARAM_BOOL(untrusted) \
	ZEND_PARSE_PARAMETERS_END(); \
	if (UNEXPECTED(!is_schema(schema, 2))) { \
		RETURN_THROWS(); \
	}

ZEND_METHOD(Pegel_Reader, open)
{
	PARSE_OPEN(3)
	open_reader(return_value, name, schema, untrusted);
}

/* Opens, or leaves null if the board does not exist yet; false with an exception. */
static bool try_open(zval *object, zend_string *name, zend_object *schema, bool untrusted)
{
	ZVAL_NULL(object);
	if (EXPECTED(open_reader(object, name, schema, untrusted))) {
		return true;
	}
	if (EG(exception)->ce != pegel_exception_of(PEGEL_NOT_FOUND)) {
		return false;
	}
	zval arguments[2], result;
	ZVAL_STR(&arguments[0], name);
	ZVAL_OBJ_COPY(&arguments[1], EG(exception));
	zend_clear_exception();
	bool is_absent = pegel_call_package("requireAbsent", &result, 2, arguments);
	zval_ptr_dtor(&arguments[1]);
	return is_absent;
}

ZEND_METHOD(Pegel_Reader, tryOpen)
{
	PARSE_OPEN(3)
	try_open(return_value, name, schema, untrusted);
}

ZEND_METHOD(Pegel_Reader, tryRead)
{
	PARSE_OPEN(2)
	zval object;
	if (!try_open(&object, name, schema, untrusted) || Z_TYPE(object) == IS_NULL) {
		return;
	}
	if (!pegel_object_read(return_value, pegel_reader_of(Z_OBJ(object)))) {
		/* Gone: it was removed since it was opened. */
		if (pegel_catch(pegel_exception_of(PEGEL_EMPTY)) || pegel_catch(pegel_exception_of(PEGEL_GONE))) {
			ZVAL_NULL(return_value);
		}
	}
	zval_ptr_dtor(&object);
}

ZEND_METHOD(Pegel_Reader, ofWriter)
{
	zend_string *name;
	zval *backend, *handle;
	ZEND_PARSE_PARAMETERS_START(3, 3)
		Z_PARAM_STR(name)
		Z_PARAM_OBJECT(backend)
		Z_PARAM_OBJECT(handle)
	ZEND_PARSE_PARAMETERS_END();
	pegel_board *board = pegel_native_reader_board(handle), *own = board;
	/* A package that does not fit has a writer of its own, which holds the board. */
	board = own ? own : pegel_board_open(name);
	if (!board) {
		RETURN_THROWS();
	}
	board->users++;
	pegel_reader_object *reader = pegel_reader_init(return_value, name, board);
	reader->is_writers = true;
	if (!own) {
		ZVAL_COPY(&reader->backend, backend);
		ZVAL_COPY(&reader->handle, handle);
	}
}
