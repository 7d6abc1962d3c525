/* Pegel\Snapshot: its methods. */

#include "snapshot.h"
#include "ext/json/php_json.h"
#include "ext/spl/spl_array.h"
#include "ext/standard/base64.h"
#include "zend_interfaces.h"

zend_class_entry *pegel_snapshot_ce;

static zend_object_handlers handlers;

static zend_object *create(zend_class_entry *class)
{
	pegel_snapshot *snapshot = zend_object_alloc(sizeof(pegel_snapshot), class);
	memset(snapshot, 0, XtOffsetOf(pegel_snapshot, std));
	zend_object_std_init(&snapshot->std, class);
	snapshot->std.handlers = &handlers;
	return &snapshot->std;
}

static void free_snapshot(zend_object *object)
{
	pegel_snapshot *snapshot = pegel_snapshot_of(object);
	if (EXPECTED(snapshot->reader)) {
		pegel_reading_free(&snapshot->reading);
		pegel_board_release(snapshot->board);
		OBJ_RELEASE(snapshot->reader);
	}
	zend_object_std_dtor(object);
}

static zend_object *clone_snapshot(zend_object *object)
{
	zend_object *made = create(object->ce);
	pegel_snapshot *from = pegel_snapshot_of(object), *to = pegel_snapshot_of(made);
	memcpy(to, from, XtOffsetOf(pegel_snapshot, std));
	GC_ADDREF(to->reader);
	to->board->users++;
	zend_string_addref(to->reading.record);
	Z_TRY_ADDREF(to->reading.value);
	return made;
}

static HashTable *get_gc(zend_object *object, zval **table, int *count)
{
	zend_get_gc_buffer *buffer = zend_get_gc_buffer_create();
	if (pegel_snapshot_of(object)->reader) {
		zend_get_gc_buffer_add_obj(buffer, pegel_snapshot_of(object)->reader);
	}
	zend_get_gc_buffer_use(buffer, table, count);
	return NULL;
}

void pegel_snapshot_register(zend_class_entry *class)
{
	pegel_snapshot_ce = class;
	class->create_object = create;
	memcpy(&handlers, zend_get_std_object_handlers(), sizeof handlers);
	handlers.offset = XtOffsetOf(pegel_snapshot, std);
	handlers.free_obj = free_snapshot;
	handlers.clone_obj = clone_snapshot;
	handlers.get_gc = get_gc;
	pegel_snapshot_add_handlers(&handlers);
}

/* Of a reading that is the board's, or else the snapshot's from now on. */
void pegel_snapshot_init(
	zval *object, zend_object *reader, pegel_board *board, pegel_reading *reading)
{
	/* Decoding must not need the reader, which may be closed by then. */
	pegel_board_plan(board);
	pegel_snapshot *snapshot = emalloc(sizeof(pegel_snapshot));
	zend_object_std_init(&snapshot->std, pegel_snapshot_ce);
	snapshot->std.handlers = &handlers;
	snapshot->reader = reader;
	GC_ADDREF(reader);
	snapshot->board = board;
	board->users++;
	snapshot->is_alive_known = false;
	snapshot->reading = *reading;
	if (reading == &board->newest) {
		snapshot->reading.stamp.age_ns = pegel_reading_age(reading);
		zend_string_addref(reading->record);
		Z_TRY_ADDREF(snapshot->reading.value);
	}
	ZVAL_OBJ(object, &snapshot->std);
}

const zval *pegel_snapshot_value(pegel_snapshot *snapshot)
{
	pegel_reading *newest = &snapshot->board->newest, *own = &snapshot->reading;
	if (UNEXPECTED(Z_ISUNDEF(own->value)) && newest->record == own->record) {
		const zval *value = pegel_reading_value(snapshot->board, newest);
		if (!value) {
			return NULL;
		}
		ZVAL_COPY(&own->value, (zval *) value);
	}
	return pegel_reading_value(snapshot->board, own);
}

HashTable *pegel_snapshot_array(pegel_snapshot *snapshot)
{
	const zval *value = pegel_snapshot_value(snapshot);
	if (value && UNEXPECTED(Z_TYPE_P(value) != IS_ARRAY)) {
		pegel_fail_with(PEGEL_INVALID_ARGUMENT,
			"board %s: the document is not an array (got %s). Use ->document",
			ZSTR_VAL(snapshot->board->name), zend_zval_type_name(value));
		return NULL;
	}
	return value ? Z_ARRVAL_P(value) : NULL;
}

#define THIS pegel_snapshot_of(Z_OBJ_P(ZEND_THIS))

ZEND_METHOD(Pegel_Snapshot, __construct)
{
}

ZEND_METHOD(Pegel_Snapshot, isStale)
{
	double seconds;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_DOUBLE(seconds)
	ZEND_PARSE_PARAMETERS_END();
	int64_t age = THIS->reading.stamp.age_ns;
	RETURN_BOOL((age == INT64_MAX ? ZEND_INFINITY : (double) age / 1e9) > seconds);
}

ZEND_METHOD(Pegel_Snapshot, toArray)
{
	ZEND_PARSE_PARAMETERS_NONE();
	if (UNEXPECTED(!pegel_snapshot_array(THIS))) {
		RETURN_THROWS();
	}
	RETURN_COPY(&THIS->reading.value);
}

ZEND_METHOD(Pegel_Snapshot, to)
{
	zend_string *class;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(class)
	ZEND_PARSE_PARAMETERS_END();
	zend_object *mapping = pegel_reader_mapping(THIS->reader, class);
	if (!mapping || !pegel_snapshot_array(THIS)) {
		RETURN_THROWS();
	}
	zval board;
	ZVAL_STRINGL(&board, ZSTR_VAL(THIS->board->name), ZSTR_LEN(THIS->board->name));
	GC_ADDREF(mapping);
	zend_call_method_with_2_params(
		mapping, mapping->ce, NULL, "make", return_value, &THIS->reading.value, &board);
	OBJ_RELEASE(mapping);
	zval_ptr_dtor(&board);
}

ZEND_METHOD(Pegel_Snapshot, offsetExists)
{
	zval *offset;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_ZVAL(offset)
	ZEND_PARSE_PARAMETERS_END();
	RETURN_BOOL(handlers.has_dimension(Z_OBJ_P(ZEND_THIS), offset, 0));
}

ZEND_METHOD(Pegel_Snapshot, offsetGet)
{
	zval *offset;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_ZVAL(offset)
	ZEND_PARSE_PARAMETERS_END();
	handlers.read_dimension(Z_OBJ_P(ZEND_THIS), offset, BP_VAR_R, return_value);
}

ZEND_METHOD(Pegel_Snapshot, offsetSet)
{
	zval *offset, *value;
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_ZVAL(offset)
		Z_PARAM_ZVAL(value)
	ZEND_PARSE_PARAMETERS_END();
	handlers.write_dimension(Z_OBJ_P(ZEND_THIS), offset, value);
}

ZEND_METHOD(Pegel_Snapshot, offsetUnset)
{
	zval *offset;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_ZVAL(offset)
	ZEND_PARSE_PARAMETERS_END();
	handlers.unset_dimension(Z_OBJ_P(ZEND_THIS), offset);
}

ZEND_METHOD(Pegel_Snapshot, getIterator)
{
	ZEND_PARSE_PARAMETERS_NONE();
	if (!pegel_snapshot_array(THIS)) {
		RETURN_THROWS();
	}
	object_init_ex(return_value, spl_ce_ArrayIterator);
	zend_call_known_instance_method_with_1_params(
		spl_ce_ArrayIterator->constructor, Z_OBJ_P(return_value), NULL, &THIS->reading.value);
}

ZEND_METHOD(Pegel_Snapshot, count)
{
	ZEND_PARSE_PARAMETERS_NONE();
	HashTable *array = pegel_snapshot_array(THIS);
	if (!array) {
		RETURN_THROWS();
	}
	RETURN_LONG(zend_hash_num_elements(array));
}

/* Null for floats that JSON cannot express. */
static void return_finite(zval *return_value, const zval *value)
{
	if (Z_TYPE_P(value) == IS_DOUBLE && !zend_finite(Z_DVAL_P(value))) {
		RETURN_NULL();
	}
	if (Z_TYPE_P(value) != IS_ARRAY) {
		RETURN_COPY((zval *) value);
	}
	zend_string *name;
	zval *element, finite;
	array_init_size(return_value, zend_hash_num_elements(Z_ARRVAL_P(value)));
	ZEND_HASH_FOREACH_STR_KEY_VAL(Z_ARRVAL_P(value), name, element) {
		return_finite(&finite, element);
		if (name) {
			zend_hash_add_new(Z_ARRVAL_P(return_value), name, &finite);
		} else {
			zend_hash_next_index_insert_new(Z_ARRVAL_P(return_value), &finite);
		}
	} ZEND_HASH_FOREACH_END();
}

ZEND_METHOD(Pegel_Snapshot, jsonSerialize)
{
	ZEND_PARSE_PARAMETERS_NONE();
	pegel_snapshot *snapshot = THIS;
	const zend_string *record = snapshot->reading.record;
	if (snapshot->board->content == PEGEL_BYTES_DOCUMENT) {
		RETURN_STR(php_base64_encode(
			(const unsigned char *) ZSTR_VAL(record), ZSTR_LEN(record)));
	}
	if (snapshot->board->content == PEGEL_JSON_DOCUMENT) {
		/* With objects, so that {} differs from []. */
		if (pegel_json_decode_objects(record, return_value) == FAILURE) {
			ZVAL_NULL(return_value);
			pegel_fail_json(snapshot->board->name);
		}
		return;
	}
	const zval *value = pegel_snapshot_value(snapshot);
	if (!value) {
		RETURN_THROWS();
	}
	return_finite(return_value, value);
}
