/* What the package calls that needs no open board. */

#include "php_pegel.h"

/* The package packs fields as C lays them out. */
const pegel_field *pegel_fields_of(const zend_string *bytes, size_t *count)
{
	*count = ZSTR_LEN(bytes) / sizeof(pegel_field);
	return (const pegel_field *) ZSTR_VAL(bytes);
}

ZEND_METHOD(Pegel_Native, __construct)
{
}

ZEND_METHOD(Pegel_Native, version)
{
	ZEND_PARSE_PARAMETERS_NONE();
	RETURN_STRING(pegel_version());
}

ZEND_METHOD(Pegel_Native, abi)
{
	ZEND_PARSE_PARAMETERS_NONE();
	RETURN_LONG(pegel_abi_version());
}

ZEND_METHOD(Pegel_Native, layout)
{
	zend_string *given;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(given)
	ZEND_PARSE_PARAMETERS_END();
	zend_string *bytes = zend_string_init(ZSTR_VAL(given), ZSTR_LEN(given), 0);
	size_t count, size;
	pegel_field *fields = (pegel_field *) pegel_fields_of(bytes, &count);
	pegel_status status = pegel_layout(fields, count, &size);
	if (status) {
		zend_string_release(bytes);
		pegel_fail(status);
		RETURN_THROWS();
	}
	array_init_size(return_value, 2);
	add_next_index_str(return_value, bytes);
	add_next_index_long(return_value, (zend_long) size);
}

ZEND_METHOD(Pegel_Native, unlink)
{
	zend_string *board;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(board)
	ZEND_PARSE_PARAMETERS_END();
	if (!pegel_may_open(board)) {
		RETURN_THROWS();
	}
	pegel_status status = pegel_unlink(ZSTR_VAL(board));
	if (status) {
		pegel_fail(status);
		RETURN_THROWS();
	}
}
