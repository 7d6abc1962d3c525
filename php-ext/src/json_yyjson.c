/*
 * Documents by yyjson, which takes a third of the time of PHP's own parser. What it does not decode
 * to the same value is left to that one: all errors, and nesting that is too deep.
 */

#include "php_pegel.h"
#include "ext/json/php_json.h"

#ifdef PEGEL_YYJSON_SOURCE
/* Nobody else sees it, and what is not used here is left out. */
# define yyjson_api static __attribute__((unused))
# define YYJSON_DISABLE_WRITER 1
# define YYJSON_DISABLE_UTILS 1
# include PEGEL_YYJSON_SOURCE
#else
# include "yyjson.h"
#endif

static void *allocate(void *context, size_t size)
{
	return emalloc(size);
}

static void *reallocate(void *context, void *memory, size_t before, size_t size)
{
	return erealloc(memory, size);
}

static void deallocate(void *context, void *memory)
{
	efree(memory);
}

/* Names that were used last, by their lengths and ends: those of rows are equal in each row. */
#define NAMES 64

typedef struct {
	zend_string *names[NAMES];
} name_cache;

static zend_string *name_of(name_cache *cache, yyjson_val *name)
{
	const char *text = yyjson_get_str(name);
	size_t length = yyjson_get_len(name);
	if (UNEXPECTED(length == 0)) {
		return ZSTR_EMPTY_ALLOC();
	}
	size_t place = (length * 31 + (unsigned char) text[0] * 7 + (unsigned char) text[length - 1])
		% NAMES;
	zend_string *known = cache->names[place];
	if (known && ZSTR_LEN(known) == length && memcmp(ZSTR_VAL(known), text, length) == 0) {
		return known;
	}
	if (known) {
		zend_string_release(known);
	}
	return cache->names[place] = zend_string_init(text, length, 0);
}

static bool convert(yyjson_val *from, zval *to, int levels, name_cache *cache);

static bool convert_array(yyjson_val *from, zval *to, int levels, name_cache *cache)
{
	size_t index, count = yyjson_arr_size(from);
	yyjson_val *one;
	bool is_same = true;
	array_init_size(to, count);
	if (count == 0) {
		return true;
	}
	zend_hash_real_init_packed(Z_ARRVAL_P(to));
	ZEND_HASH_FILL_PACKED(Z_ARRVAL_P(to)) {
		yyjson_arr_foreach(from, index, count, one) {
			zval element;
			is_same &= convert(one, &element, levels, cache);
			ZEND_HASH_FILL_SET(&element);
			ZEND_HASH_FILL_NEXT();
		}
	} ZEND_HASH_FILL_END();
	return is_same;
}

static bool convert_object(yyjson_val *from, zval *to, int levels, name_cache *cache)
{
	size_t index, count = yyjson_obj_size(from);
	yyjson_val *name, *one;
	bool is_same = true;
	array_init_size(to, count);
	if (count == 0) {
		return true;
	}
	zend_hash_real_init_mixed(Z_ARRVAL_P(to));
	yyjson_obj_foreach(from, index, count, name, one) {
		zval element;
		is_same &= convert(one, &element, levels, cache);
		/* Names that are numbers are integers in PHP's arrays, and the last of equal ones holds. */
		zend_symtable_update(Z_ARRVAL_P(to), name_of(cache, name), &element);
	}
	return is_same;
}

/* A number with more digits than 64 bits or a float have. */
static void convert_big(yyjson_val *from, zval *to)
{
	const char *digits = yyjson_get_raw(from);
	size_t length = yyjson_get_len(from);
	for (size_t i = 0; i < length; i++) {
		if (strchr(".eE", digits[i])) {
			ZVAL_DOUBLE(to, zend_strtod(digits, NULL));
			return;
		}
	}
	ZVAL_STRINGL(to, digits, length);
}

/* A value that has at most so many levels below it. What it makes is valid in any case. */
static bool convert(yyjson_val *from, zval *to, int levels, name_cache *cache)
{
	ZVAL_NULL(to);
	switch (yyjson_get_tag(from)) {
		case YYJSON_TYPE_NULL | YYJSON_SUBTYPE_NONE:
			return true;
		case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE:
			ZVAL_FALSE(to);
			return true;
		case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE:
			ZVAL_TRUE(to);
			return true;
		case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
			pegel_return_u64(to, yyjson_get_uint(from));
			return true;
		case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT:
			pegel_return_i64(to, yyjson_get_sint(from));
			/* Not all versions of PHP agree on -0. */
			return yyjson_get_sint(from) != 0;
		case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL:
			ZVAL_DOUBLE(to, yyjson_get_real(from));
			return true;
		case YYJSON_TYPE_RAW | YYJSON_SUBTYPE_NONE:
			convert_big(from, to);
			return true;
		case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC:
		case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE:
			ZVAL_STRINGL_FAST(to, yyjson_get_str(from), yyjson_get_len(from));
			return true;
		case YYJSON_TYPE_ARR | YYJSON_SUBTYPE_NONE:
			return levels > 0 && convert_array(from, to, levels - 1, cache);
		case YYJSON_TYPE_OBJ | YYJSON_SUBTYPE_NONE:
			return levels > 0 && convert_object(from, to, levels - 1, cache);
		default:
			return false;
	}
}

/* False if PHP's own parser must decide. */
bool pegel_json_decode_fast(const zend_string *text, zval *value)
{
	yyjson_alc memory = { allocate, reallocate, deallocate, NULL };
	yyjson_doc *document = yyjson_read_opts(
		(char *) ZSTR_VAL(text), ZSTR_LEN(text), YYJSON_READ_BIGNUM_AS_RAW, &memory, NULL);
	if (!document) {
		return false;
	}
	name_cache cache = {0};
	int levels = PHP_JSON_PARSER_DEFAULT_DEPTH;
	bool is_same = convert(yyjson_doc_get_root(document), value, levels, &cache);
	for (size_t i = 0; i < NAMES; i++) {
		if (cache.names[i]) {
			zend_string_release(cache.names[i]);
		}
	}
	if (!is_same) {
		zval_ptr_dtor(value);
	}
	yyjson_doc_free(document);
	return is_same;
}
