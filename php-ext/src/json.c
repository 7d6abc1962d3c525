/* Documents: what json_decode() makes of them, with objects as arrays. */

#include "php_pegel.h"
#include "ext/json/php_json.h"
#include "zend_exceptions.h"

/* As a float, an integer beyond PHP_INT_MAX would lose its last digits. */
#define OPTIONS (PHP_JSON_BIGINT_AS_STRING | PHP_JSON_THROW_ON_ERROR)

static zend_result decode(const zend_string *text, zend_long options, zval *value)
{
	return php_json_decode_ex(
		value, ZSTR_VAL(text), ZSTR_LEN(text), options, PHP_JSON_PARSER_DEFAULT_DEPTH);
}

zend_result pegel_json_decode(const zend_string *text, zval *value)
{
#ifdef PEGEL_YYJSON
	if (EXPECTED(pegel_json_decode_fast(text, value))) {
		return SUCCESS;
	}
#endif
	return decode(text, OPTIONS | PHP_JSON_OBJECT_AS_ARRAY, value);
}

/* With objects, so that {} differs from []. */
zend_result pegel_json_decode_objects(const zend_string *text, zval *value)
{
	return decode(text, OPTIONS, value);
}

/* Explains the JsonException that was thrown. */
void pegel_fail_json(const zend_string *board)
{
	zval room;
	zval *message = zend_read_property(
		zend_ce_exception, EG(exception), ZEND_STRL("message"), true, &room);
	pegel_fail_with(PEGEL_CORRUPT, "board %s: the document is not valid JSON: %s",
		ZSTR_VAL(board), Z_TYPE_P(message) == IS_STRING ? Z_STRVAL_P(message) : "");
}
