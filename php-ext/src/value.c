/*
 * Values beyond requests. An immutable array does not count its references: whoever changes it gets
 * a copy, as with the arrays in code that opcache keeps. Its strings are marked as interned, which
 * are not counted either; but not as permanent, so that nobody keeps them beyond the request.
 *
 * Nobody knows therefore when they are no longer used, except that none is after the request: what
 * is replaced is put aside until PHP has destroyed all else (post_deactivate).
 */

#include "php_pegel.h"

#define ALIGNED(size) ZEND_MM_ALIGNED_SIZE(size)

#if PHP_VERSION_ID >= 80200
# define ELEMENT(array, index) \
	(HT_IS_PACKED(array) ? &(array)->arPacked[index] : &(array)->arData[index].val)
# define USED_SIZE(array) \
	(HT_IS_PACKED(array) ? HT_PACKED_USED_SIZE(array) : HT_USED_SIZE(array))
#else
# define ELEMENT(array, index) (&(array)->arData[index].val)
# define USED_SIZE(array) HT_USED_SIZE(array)
#endif

static bool is_permanent(const zend_string *string)
{
	return ZSTR_IS_INTERNED(string) && (GC_FLAGS(string) & IS_STR_PERMANENT);
}

size_t pegel_string_size(size_t length)
{
	return ALIGNED(_ZSTR_STRUCT_SIZE(length));
}

static size_t size_of_string(const zend_string *string)
{
	return is_permanent(string) ? 0 : pegel_string_size(ZSTR_LEN(string));
}

static size_t size_of(const zval *value)
{
	if (Z_TYPE_P(value) == IS_STRING) {
		return size_of_string(Z_STR_P(value));
	}
	if (Z_TYPE_P(value) != IS_ARRAY || zend_hash_num_elements(Z_ARRVAL_P(value)) == 0) {
		return 0;
	}
	const HashTable *array = Z_ARRVAL_P(value);
	size_t size = ALIGNED(sizeof(zend_array)) + ALIGNED(USED_SIZE(array));
	for (uint32_t i = 0; i < array->nNumUsed; i++) {
		size += size_of(ELEMENT(array, i));
		if (!HT_IS_PACKED(array) && array->arData[i].key) {
			size += size_of_string(array->arData[i].key);
		}
	}
	return size;
}

/* A string in memory that is there already; `room` moves behind it. */
zend_string *pegel_string_place(char **room, const char *text, size_t length)
{
	zend_string *string = (zend_string *) *room;
	*room += pegel_string_size(length);
	GC_SET_REFCOUNT(string, 1);
	GC_TYPE_INFO(string) =
		GC_STRING | ((IS_STR_INTERNED | IS_STR_PERSISTENT) << GC_FLAGS_SHIFT);
	ZSTR_LEN(string) = length;
	memcpy(ZSTR_VAL(string), text, length);
	ZSTR_VAL(string)[length] = '\0';
	ZSTR_H(string) = zend_hash_func(ZSTR_VAL(string), length);
	return string;
}

static zend_string *copy_string(char **room, zend_string *string)
{
	return is_permanent(string)
		? string
		: pegel_string_place(room, ZSTR_VAL(string), ZSTR_LEN(string));
}

static void copy(char **room, zval *target, const zval *value);

static HashTable *copy_array(char **room, const HashTable *array)
{
	HashTable *new = (HashTable *) *room;
	*room += ALIGNED(sizeof(zend_array));
	memcpy(new, array, sizeof(zend_array));
	GC_SET_REFCOUNT(new, 2);
	GC_TYPE_INFO(new) = GC_ARRAY
		| ((IS_ARRAY_IMMUTABLE | GC_NOT_COLLECTABLE | GC_PERSISTENT) << GC_FLAGS_SHIFT);
	HT_FLAGS(new) |= HASH_FLAG_STATIC_KEYS;
	new->nInternalPointer = 0;
	memcpy(*room, HT_GET_DATA_ADDR(array), USED_SIZE(array));
	HT_SET_DATA_ADDR(new, *room);
	*room += ALIGNED(USED_SIZE(array));
	for (uint32_t i = 0; i < new->nNumUsed; i++) {
		zval *element = ELEMENT(new, i);
		zval old = *element;
		copy(room, element, &old);
		/* The collisions of the hash table are chained in here. */
		Z_NEXT_P(element) = Z_NEXT(old);
		if (!HT_IS_PACKED(new) && new->arData[i].key) {
			new->arData[i].key = copy_string(room, new->arData[i].key);
		}
	}
	return new;
}

static void copy(char **room, zval *target, const zval *value)
{
	if (Z_TYPE_P(value) == IS_STRING) {
		ZVAL_INTERNED_STR(target, copy_string(room, Z_STR_P(value)));
	} else if (Z_TYPE_P(value) != IS_ARRAY) {
		ZVAL_COPY_VALUE(target, value);
	} else if (zend_hash_num_elements(Z_ARRVAL_P(value)) == 0) {
		ZVAL_EMPTY_ARRAY(target);
	} else {
		ZVAL_ARR(target, copy_array(room, Z_ARRVAL_P(value)));
		Z_TYPE_INFO_P(target) = IS_ARRAY;
	}
}

/* Copies scalars, strings and arrays of these, with their record, if that takes no more bytes. */
pegel_shared *pegel_share(const zval *value, const zend_string *record, size_t limit)
{
	size_t size = ALIGNED(sizeof(pegel_shared)) + size_of(value)
		+ pegel_string_size(ZSTR_LEN(record));
	if (size > limit) {
		return NULL;
	}
	pegel_shared *shared = pemalloc(size, 1);
	char *room = (char *) shared + ALIGNED(sizeof(pegel_shared));
	shared->retired.size = size;
	shared->record = pegel_string_place(&room, ZSTR_VAL(record), ZSTR_LEN(record));
	copy(&room, &shared->value, value);
	ZEND_ASSERT(room == (char *) shared + size);
	PEGEL_G(shared_size) += size;
	return shared;
}

void pegel_retire(pegel_retired *retired)
{
	retired->next = PEGEL_G(retired);
	PEGEL_G(retired) = retired;
}

void pegel_free_retired(zend_pegel_globals *globals)
{
	while (globals->retired) {
		pegel_retired *retired = globals->retired;
		globals->retired = retired->next;
		globals->shared_size -= retired->size;
		pefree(retired, 1);
	}
}
