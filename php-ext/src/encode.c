/*
 * From PHP's values to the bytes of a record, if each has just the type of its field. All else is
 * the package's: what it converts, which limits hold, and how it explains what it refuses.
 */

#include "php_pegel.h"
#include "ext/standard/html.h"

static bool is_utf8(const zend_string *text)
{
	size_t at = 0;
	zend_result status = SUCCESS;
	while (at < ZSTR_LEN(text) && status == SUCCESS) {
		if ((unsigned char) ZSTR_VAL(text)[at] < 0x80) {
			at++;
		} else {
			php_next_utf8_char(
				(const unsigned char *) ZSTR_VAL(text), ZSTR_LEN(text), &at, &status);
		}
	}
	return status == SUCCESS;
}

static bool encode_text(const pegel_plan_field *field, const zval *value, char *bytes)
{
	if (Z_TYPE_P(value) != IS_STRING) {
		return false;
	}
	const zend_string *text = Z_STR_P(value);
	if (ZSTR_LEN(text) > field->size || zend_str_has_nul_byte(text) || !is_utf8(text)) {
		return false;
	}
	memcpy(bytes, ZSTR_VAL(text), ZSTR_LEN(text));
	return true;
}

#define INTEGER(type, least, most) \
	if (Z_TYPE_P(value) != IS_LONG || Z_LVAL_P(value) < (zend_long) (least) \
			|| (most) < Z_LVAL_P(value)) { \
		return false; \
	} else { \
		type number = (type) Z_LVAL_P(value); \
		memcpy(bytes, &number, sizeof number); \
		return true; \
	}

#define FLOAT(type) \
	if (Z_TYPE_P(value) != IS_DOUBLE) { \
		return false; \
	} else { \
		type number = (type) Z_DVAL_P(value); \
		memcpy(bytes, &number, sizeof number); \
		return true; \
	}

static bool encode_element(const pegel_plan_field *field, const zval *value, char *bytes)
{
	ZVAL_DEREF(value);
	switch ((pegel_type) field->type) {
		case PEGEL_BOOL:
			*bytes = Z_TYPE_P(value) == IS_TRUE;
			return Z_TYPE_P(value) == IS_TRUE || Z_TYPE_P(value) == IS_FALSE;
		case PEGEL_I8: INTEGER(int8_t, INT8_MIN, INT8_MAX)
		case PEGEL_U8: INTEGER(uint8_t, 0, UINT8_MAX)
		case PEGEL_I16: INTEGER(int16_t, INT16_MIN, INT16_MAX)
		case PEGEL_U16: INTEGER(uint16_t, 0, UINT16_MAX)
		case PEGEL_I32: INTEGER(int32_t, INT32_MIN, INT32_MAX)
		case PEGEL_U32: INTEGER(uint32_t, 0, UINT32_MAX)
		case PEGEL_I64: INTEGER(int64_t, ZEND_LONG_MIN, ZEND_LONG_MAX)
		case PEGEL_U64: INTEGER(uint64_t, 0, ZEND_LONG_MAX)
		case PEGEL_F32: FLOAT(float)
		case PEGEL_F64: FLOAT(double)
		case PEGEL_TEXT: return encode_text(field, value, bytes);
		/* No default: the compiler reports a type that is missing here. */
		case PEGEL_JSON: case PEGEL_BYTES: case PEGEL_OPTIONAL: break;
	}
	return false;
}

static bool encode_elements(const pegel_plan_field *field, const zval *value, char *bytes)
{
	if (Z_TYPE_P(value) != IS_ARRAY || !zend_array_is_list(Z_ARRVAL_P(value))
			|| zend_hash_num_elements(Z_ARRVAL_P(value)) != field->count) {
		return false;
	}
	zval *element;
	ZEND_HASH_FOREACH_VAL(Z_ARRVAL_P(value), element) {
		if (!encode_element(field, element, bytes)) {
			return false;
		}
		bytes += field->size;
	} ZEND_HASH_FOREACH_END();
	return true;
}

/* Into a record of zeros; false if the package must decide. */
bool pegel_encode(
	const pegel_plan *plan, const HashTable *values, char *record, uint64_t *present)
{
	*present = 0;
	if (zend_hash_num_elements(values) != plan->count) {
		return false;
	}
	for (uint32_t i = 0; i < plan->count; i++) {
		const pegel_plan_field *field = &plan->fields[i];
		const zval *value = zend_hash_find(values, field->name);
		if (!value) {
			return false;
		}
		ZVAL_DEREF(value);
		if (field->bit >= 0) {
			if (Z_TYPE_P(value) == IS_NULL) {
				continue;
			}
			*present |= (uint64_t) 1 << field->bit;
		}
		char *bytes = record + field->offset;
		if (!(field->count == 1
				? encode_element(field, value, bytes)
				: encode_elements(field, value, bytes))) {
			return false;
		}
	}
	return true;
}
