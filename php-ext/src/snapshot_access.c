/* Pegel\Snapshot: its properties, and its values by name. */

#include "snapshot.h"
#include "ext/date/php_date.h"
#include "zend_exceptions.h"
#include "zend_interfaces.h"
#include "zend_smart_str.h"

static void refuse(zend_object *object)
{
	pegel_fail_with(PEGEL_INVALID_ARGUMENT,
		"board %s: a snapshot cannot be changed. Publish with a Writer",
		ZSTR_VAL(pegel_snapshot_of(object)->board->name));
}

static void return_time(zval *return_value, int64_t nanoseconds)
{
	/* Rounds down, before 1970 too. */
	int64_t microseconds = nanoseconds / 1000 - (nanoseconds % 1000 < 0);
	int64_t seconds = microseconds / 1000000 - (microseconds % 1000000 < 0);
	zend_class_entry *immutable = php_date_get_immutable_ce();
	zval format, text, time, name, zone;
	ZVAL_STRING(&format, "U.u");
	ZVAL_STR(&text, zend_strpprintf(
		0, "%" PRId64 ".%06d", seconds, (int) (microseconds - seconds * 1000000)));
	zend_call_method_with_2_params(
		NULL, immutable, NULL, "createfromformat", &time, &format, &text);
	ZVAL_STRING(&name, get_timezone_info()->name);
	object_init_ex(&zone, php_date_get_timezone_ce());
	zend_call_known_instance_method_with_1_params(
		Z_OBJCE(zone)->constructor, Z_OBJ(zone), NULL, &name);
	zend_call_method_with_1_params(
		Z_OBJ(time), immutable, NULL, "settimezone", return_value, &zone);
	zval_ptr_dtor(&format);
	zval_ptr_dtor(&text);
	zval_ptr_dtor(&time);
	zval_ptr_dtor(&name);
	zval_ptr_dtor(&zone);
}

static double age_of(const pegel_stamp *stamp)
{
	return stamp->age_ns == INT64_MAX ? ZEND_INFINITY : (double) stamp->age_ns / 1e9;
}

static void get_age(pegel_snapshot *snapshot, zval *value)
{
	ZVAL_DOUBLE(value, age_of(&snapshot->reading.stamp));
}

static void get_sequence(pegel_snapshot *snapshot, zval *value)
{
	pegel_return_u64(value, snapshot->reading.stamp.sequence);
}

static void get_document(pegel_snapshot *snapshot, zval *value)
{
	const zval *document = pegel_snapshot_value(snapshot);
	if (document) {
		ZVAL_COPY(value, (zval *) document);
	}
}

static void get_bytes(pegel_snapshot *snapshot, zval *value)
{
	ZVAL_STR_COPY(value, snapshot->reading.record);
}

static void get_generation(pegel_snapshot *snapshot, zval *value)
{
	pegel_return_u64(value, snapshot->reading.stamp.generation);
}

static void get_is_default(pegel_snapshot *snapshot, zval *value)
{
	ZVAL_BOOL(value, snapshot->reading.stamp.generation == 0);
}

static void get_missed(pegel_snapshot *snapshot, zval *value)
{
	pegel_return_u64(value, snapshot->reading.stamp.missed);
}

static void get_published_at(pegel_snapshot *snapshot, zval *value)
{
	/* Without an age, its writer leaves out the time, too. */
	if (snapshot->reading.stamp.age_ns != INT64_MAX) {
		return_time(value, snapshot->reading.stamp.published_ns);
	}
}

static void get_writer_alive(pegel_snapshot *snapshot, zval *value)
{
	if (!snapshot->is_alive_known) {
		if (!pegel_reader_writer_is_alive(snapshot->reader, &snapshot->is_alive)) {
			return;
		}
		snapshot->is_alive_known = true;
	}
	ZVAL_BOOL(value, snapshot->is_alive);
}

static const struct {
	const char *name;
	void (*get)(pegel_snapshot *, zval *);
} properties[] = {
	{ "age", get_age },
	{ "sequence", get_sequence },
	{ "document", get_document },
	{ "bytes", get_bytes },
	{ "generation", get_generation },
	{ "isDefault", get_is_default },
	{ "missed", get_missed },
	{ "publishedAt", get_published_at },
	{ "writerAlive", get_writer_alive },
};

#define PROPERTIES (sizeof properties / sizeof *properties)

static int find_property(const zend_string *name)
{
	for (size_t i = 0; i < PROPERTIES; i++) {
		if (strcmp(ZSTR_VAL(name), properties[i].name) == 0) {
			return (int) i;
		}
	}
	return -1;
}

static zval *read_property(
	zend_object *object, zend_string *name, int type, void **slot, zval *value)
{
	int index = find_property(name);
	if (UNEXPECTED(index < 0)) {
		if (type != BP_VAR_IS) {
			pegel_fail_with(
				PEGEL_INVALID_ARGUMENT, "a snapshot has no property %s", ZSTR_VAL(name));
		}
		return &EG(uninitialized_zval);
	}
	ZVAL_NULL(value);
	properties[index].get(pegel_snapshot_of(object), value);
	return value;
}

static zval *write_property(zend_object *object, zend_string *name, zval *value, void **slot)
{
	refuse(object);
	return value;
}

/* PHP then reads and writes, which is refused. */
static zval *get_property_ptr_ptr(
	zend_object *object, zend_string *name, int type, void **slot)
{
	return NULL;
}

static int has_property(zend_object *object, zend_string *name, int mode, void **slot)
{
	int index = find_property(name);
	if (index < 0 || mode != ZEND_PROPERTY_NOT_EMPTY) {
		return index >= 0;
	}
	zval value;
	ZVAL_NULL(&value);
	properties[index].get(pegel_snapshot_of(object), &value);
	bool is_true = zend_is_true(&value);
	zval_ptr_dtor(&value);
	return is_true;
}

/* As PHP looks up keys of arrays. */
static zval *find(const HashTable *array, const zval *offset)
{
	ZVAL_DEREF(offset);
	switch (Z_TYPE_P(offset)) {
		case IS_STRING: return zend_symtable_find(array, Z_STR_P(offset));
		case IS_LONG: return zend_hash_index_find(array, Z_LVAL_P(offset));
		case IS_NULL: return zend_hash_find(array, ZSTR_EMPTY_ALLOC());
		case IS_FALSE: return zend_hash_index_find(array, 0);
		case IS_TRUE: return zend_hash_index_find(array, 1);
		case IS_DOUBLE: return zend_hash_index_find(array, zend_dval_to_lval(Z_DVAL_P(offset)));
		default: return NULL;
	}
}

static void fail_to_find(pegel_snapshot *snapshot, HashTable *array, zval *offset)
{
	zend_string *text = zval_get_string(offset), *name;
	smart_str known = {0};
	if (snapshot->board->content == PEGEL_FIELDS) {
		ZEND_HASH_FOREACH_STR_KEY(array, name) {
			smart_str_appends(&known, known.s ? ", " : "; it has ");
			smart_str_append(&known, name);
		} ZEND_HASH_FOREACH_END();
	}
	smart_str_0(&known);
	if (!EG(exception)) {
		pegel_fail_with(PEGEL_NOT_FOUND, "board %s has no field %s%s",
			ZSTR_VAL(snapshot->board->name), ZSTR_VAL(text), known.s ? ZSTR_VAL(known.s) : "");
	}
	smart_str_free(&known);
	zend_string_release(text);
}

static zval *read_dimension(zend_object *object, zval *offset, int type, zval *value)
{
	if (UNEXPECTED((type != BP_VAR_R && type != BP_VAR_IS) || !offset)) {
		return zend_get_std_object_handlers()->read_dimension(object, offset, type, value);
	}
	pegel_snapshot *snapshot = pegel_snapshot_of(object);
	const zval *document = pegel_snapshot_value(snapshot);
	if (UNEXPECTED(!document)) {
		return NULL;
	}
	if (UNEXPECTED(Z_TYPE_P(document) != IS_ARRAY)) {
		return type == BP_VAR_IS || pegel_snapshot_array(snapshot)
			? &EG(uninitialized_zval)
			: NULL;
	}
	zval *found = find(Z_ARRVAL_P(document), offset);
	if (UNEXPECTED(!found)) {
		if (type == BP_VAR_IS) {
			return &EG(uninitialized_zval);
		}
		fail_to_find(snapshot, Z_ARRVAL_P(document), offset);
		return NULL;
	}
	ZVAL_COPY(value, found);
	return value;
}

static int has_dimension(zend_object *object, zval *offset, int is_not_empty)
{
	const zval *document = pegel_snapshot_value(pegel_snapshot_of(object));
	zval *found = document && Z_TYPE_P(document) == IS_ARRAY
		? find(Z_ARRVAL_P(document), offset)
		: NULL;
	return found && (is_not_empty ? zend_is_true(found) : Z_TYPE_P(found) != IS_NULL);
}

static void write_dimension(zend_object *object, zval *offset, zval *value)
{
	refuse(object);
}

static void unset_dimension(zend_object *object, zval *offset)
{
	refuse(object);
}

/* What var_dump() and debuggers show. */
static HashTable *get_properties_for(zend_object *object, zend_prop_purpose purpose)
{
	if (purpose != ZEND_PROP_PURPOSE_DEBUG) {
		return zend_std_get_properties_for(object, purpose);
	}
	HashTable *shown = zend_new_array(PROPERTIES);
	for (size_t i = 0; i < PROPERTIES && properties[i].get != get_generation; i++) {
		zval value;
		ZVAL_NULL(&value);
		properties[i].get(pegel_snapshot_of(object), &value);
		zend_hash_str_add_new(shown, properties[i].name, strlen(properties[i].name), &value);
	}
	return shown;
}

void pegel_snapshot_add_handlers(zend_object_handlers *handlers)
{
	handlers->read_property = read_property;
	handlers->write_property = write_property;
	handlers->get_property_ptr_ptr = get_property_ptr_ptr;
	handlers->has_property = has_property;
	handlers->read_dimension = read_dimension;
	handlers->has_dimension = has_dimension;
	handlers->write_dimension = write_dimension;
	handlers->unset_dimension = unset_dimension;
	handlers->get_properties_for = get_properties_for;
}
