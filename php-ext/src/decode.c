/* From the bytes of a record to PHP's values. */

#include "php_pegel.h"
#include "ext/standard/html.h"
#include "zend_smart_str.h"

/* U+FFFD for what is not UTF-8: raw records can hold any bytes. */
static zend_never_inline void decode_wide_text(const char *text, size_t length, zval *value)
{
	smart_str valid = {0};
	size_t at = 0;
	while (at < length) {
		zend_result status;
		size_t before = at;
		php_next_utf8_char((const unsigned char *) text, length, &at, &status);
		if (status == SUCCESS) {
			smart_str_appendl(&valid, text + before, at - before);
		} else {
			smart_str_appendl(&valid, "\xef\xbf\xbd", 3);
		}
	}
	ZVAL_STR(value, smart_str_extract(&valid));
}

static void decode_text(const char *text, size_t size, zval *value)
{
	size_t length = strnlen(text, size);
	bool is_ascii = true;
	for (size_t i = 0; i < length; i++) {
		is_ascii &= (unsigned char) text[i] < 0x80;
	}
	if (EXPECTED(is_ascii)) {
		ZVAL_STRINGL_FAST(value, text, length);
	} else {
		decode_wide_text(text, length, value);
	}
}

#define NUMBER(type, set) { \
	type number; \
	memcpy(&number, bytes, sizeof number); \
	set(value, number); \
	return; \
}

static zend_always_inline void decode_element(
	const pegel_plan_field *field, const char *bytes, zval *value)
{
	switch ((pegel_type) field->type) {
		case PEGEL_BOOL: ZVAL_BOOL(value, *bytes != 0); return;
		case PEGEL_I8: NUMBER(int8_t, ZVAL_LONG)
		case PEGEL_U8: NUMBER(uint8_t, ZVAL_LONG)
		case PEGEL_I16: NUMBER(int16_t, ZVAL_LONG)
		case PEGEL_U16: NUMBER(uint16_t, ZVAL_LONG)
		case PEGEL_I32: NUMBER(int32_t, ZVAL_LONG)
		case PEGEL_U32: NUMBER(uint32_t, pegel_return_i64)
		case PEGEL_I64: NUMBER(int64_t, pegel_return_i64)
		case PEGEL_U64: NUMBER(uint64_t, pegel_return_u64)
		case PEGEL_F32: NUMBER(float, ZVAL_DOUBLE)
		case PEGEL_F64: NUMBER(double, ZVAL_DOUBLE)
		case PEGEL_TEXT: decode_text(bytes, field->size, value); return;
		/* No default: the compiler reports a type that is missing here. */
		case PEGEL_JSON: case PEGEL_BYTES: case PEGEL_OPTIONAL: break;
	}
	ZVAL_NULL(value);
}

static void decode_elements(const pegel_plan_field *field, const char *bytes, zval *value)
{
	array_init_size(value, field->count);
	zend_hash_real_init_packed(Z_ARRVAL_P(value));
	ZEND_HASH_FILL_PACKED(Z_ARRVAL_P(value)) {
		for (uint32_t i = 0; i < field->count; i++) {
			zval element;
			decode_element(field, bytes + (size_t) i * field->size, &element);
			ZEND_HASH_FILL_SET(&element);
			ZEND_HASH_FILL_NEXT();
		}
	} ZEND_HASH_FILL_END();
}

void pegel_decode(
	const pegel_plan *plan, const char *record, const pegel_stamp *stamp, zval *value)
{
	HashTable *array = zend_new_array(plan->count);
	zend_hash_real_init_mixed(array);
	for (uint32_t i = 0; i < plan->count; i++) {
		const pegel_plan_field *field = &plan->fields[i];
		zval element;
		if (field->bit >= 0 && !(stamp->present >> field->bit & 1)) {
			ZVAL_NULL(&element);
		} else if (EXPECTED(field->count == 1)) {
			decode_element(field, record + field->offset, &element);
		} else {
			decode_elements(field, record + field->offset, &element);
		}
		if (EXPECTED(plan->is_lasting)) {
			_zend_hash_append_ex(array, field->name, &element, true);
		} else {
			zend_hash_str_add_new(
				array, ZSTR_VAL(field->name), ZSTR_LEN(field->name), &element);
		}
	}
	ZVAL_ARR(value, array);
}
