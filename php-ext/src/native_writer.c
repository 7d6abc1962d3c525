/* Publishing, as the package's classes want it: bytes that they have encoded. */

#include "php_pegel.h"
#include "zend_exceptions.h"

/* Records up to this size are encoded on the stack. */
#define STACK 4096

typedef struct {
	pegel_writer *writer;
	zend_string *board;
	pegel_plan *plan;     /* NULL until values are published */
	bool has_limits;      /* which the package checks */
	uint32_t record_size, content;
	zend_object std;
} pegel_native_writer;

static zend_object_handlers handlers;

static pegel_native_writer *of(zend_object *object)
{
	return (pegel_native_writer *) ((char *) object - XtOffsetOf(pegel_native_writer, std));
}

static zend_object *create(zend_class_entry *class)
{
	pegel_native_writer *writer = zend_object_alloc(sizeof(pegel_native_writer), class);
	zend_object_std_init(&writer->std, class);
	writer->std.handlers = &handlers;
	memset(writer, 0, XtOffsetOf(pegel_native_writer, std));
	return &writer->std;
}

static void close_writer(pegel_native_writer *writer)
{
	pegel_writer_close(writer->writer);
	writer->writer = NULL;
}

/* PHP calls this after a fatal error, too: no worker holds a board beyond its request. */
static void free_writer(zend_object *object)
{
	pegel_native_writer *writer = of(object);
	close_writer(writer);
	if (writer->plan) {
		pegel_plan_free(writer->plan);
	}
	if (writer->board) {
		zend_string_release(writer->board);
	}
	zend_object_std_dtor(object);
}

void pegel_native_writer_register(zend_class_entry *class)
{
	pegel_native_writer_ce = class;
	class->create_object = create;
	memcpy(&handlers, zend_get_std_object_handlers(), sizeof handlers);
	handlers.offset = XtOffsetOf(pegel_native_writer, std);
	handlers.free_obj = free_writer;
	handlers.clone_obj = NULL;
}

bool pegel_native_writer_is_open(zend_object *object)
{
	return of(object)->writer != NULL;
}

static void return_writer(
	zval *return_value, pegel_status status, zend_string *board, pegel_writer *writer)
{
	if (status) {
		pegel_fail(status);
		RETURN_THROWS();
	}
	object_init_ex(return_value, pegel_native_writer_ce);
	of(Z_OBJ_P(return_value))->writer = writer;
	of(Z_OBJ_P(return_value))->board = zend_string_copy(board);
}

ZEND_METHOD(Pegel_NativeWriter, __construct)
{
}

ZEND_METHOD(Pegel_NativeWriter, create)
{
	zend_string *board, *bytes, *details;
	zend_long slots, mode, flags, timeout;
	ZEND_PARSE_PARAMETERS_START(7, 7)
		Z_PARAM_STR(board)
		Z_PARAM_STR(bytes)
		Z_PARAM_STR(details)
		Z_PARAM_LONG(slots)
		Z_PARAM_LONG(mode)
		Z_PARAM_LONG(flags)
		Z_PARAM_LONG(timeout)
	ZEND_PARSE_PARAMETERS_END();
	if (!pegel_may_open(board)) {
		RETURN_THROWS();
	}
	pegel_options options = {
		.size = sizeof options,
		.slots = slots,
		.mode = mode,
		.flags = flags,
		.details = ZSTR_VAL(details),
		.timeout_ns = timeout,
	};
	size_t count;
	const pegel_field *fields = pegel_fields_of(bytes, &count);
	pegel_writer *writer;
	pegel_status status = pegel_writer_create(ZSTR_VAL(board), fields, count, &options, &writer);
	return_writer(return_value, status, board, writer);
}

ZEND_METHOD(Pegel_NativeWriter, open)
{
	zend_string *board;
	zend_long timeout;
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_STR(board)
		Z_PARAM_LONG(timeout)
	ZEND_PARSE_PARAMETERS_END();
	if (!pegel_may_open(board)) {
		RETURN_THROWS();
	}
	pegel_writer *writer;
	pegel_status status = pegel_writer_open(ZSTR_VAL(board), timeout, &writer);
	return_writer(return_value, status, board, writer);
}

ZEND_METHOD(Pegel_NativeWriter, close)
{
	ZEND_PARSE_PARAMETERS_NONE();
	close_writer(of(Z_OBJ_P(ZEND_THIS)));
}

static pegel_native_writer *open_writer(zval *this)
{
	pegel_native_writer *writer = of(Z_OBJ_P(this));
	if (UNEXPECTED(!writer->writer)) {
		zend_throw_error(NULL, "Pegel: the writer is closed");
		return NULL;
	}
	return writer;
}

ZEND_METHOD(Pegel_NativeWriter, reader)
{
	ZEND_PARSE_PARAMETERS_NONE();
	pegel_native_writer *writer = open_writer(ZEND_THIS);
	if (!writer) {
		RETURN_THROWS();
	}
	/* Closing a board that belongs to a writer leaves its reader alone. */
	pegel_reader *reader = (pegel_reader *) pegel_writer_reader(writer->writer);
	pegel_board *board = pegel_board_new(writer->board, reader);
	GC_ADDREF(&writer->std);
	board->writer = &writer->std;
	pegel_native_reader_init(return_value, board);
}

static void return_sequence(zval *return_value, pegel_status status, uint64_t sequence)
{
	if (UNEXPECTED(status)) {
		pegel_fail(status);
		RETURN_THROWS();
	}
	pegel_return_u64(return_value, sequence);
}

ZEND_METHOD(Pegel_NativeWriter, publish)
{
	zend_string *record;
	zend_long present = -1, condition = PEGEL_ALWAYS, expected = 0;
	ZEND_PARSE_PARAMETERS_START(1, 4)
		Z_PARAM_STR(record)
		Z_PARAM_OPTIONAL
		Z_PARAM_LONG(present)
		Z_PARAM_LONG(condition)
		Z_PARAM_LONG(expected)
	ZEND_PARSE_PARAMETERS_END();
	pegel_native_writer *writer = open_writer(ZEND_THIS);
	if (!writer) {
		RETURN_THROWS();
	}
	pegel_publish_options options = {
		.size = sizeof options,
		.condition = condition,
		.sequence = expected,
		.present = present,
	};
	uint64_t sequence;
	pegel_status status = pegel_writer_publish_on(
		writer->writer, &options, ZSTR_VAL(record), ZSTR_LEN(record), &sequence);
	return_sequence(return_value, status, sequence);
}

static bool has_limits(const pegel_reader *reader)
{
	size_t length;
	if (pegel_reader_details(reader, NULL, 0, &length) || length == 0) {
		return false;
	}
	char *details = emalloc(length + 1);
	pegel_reader_details(reader, details, length + 1, &length);
	bool has = strstr(details, "\"min\"") || strstr(details, "\"max\"");
	efree(details);
	return has;
}

static void prepare(pegel_native_writer *writer)
{
	const pegel_reader *reader = pegel_writer_reader(writer->writer);
	pegel_info info = { .size = sizeof info };
	pegel_reader_info(reader, &info);
	writer->record_size = info.record_size;
	writer->content = info.content;
	writer->has_limits = has_limits(reader);
	writer->plan = pegel_plan_new(reader);
}

static void publish_values(
	zval *return_value, pegel_native_writer *writer, const HashTable *values)
{
	char stack[STACK], *record = stack;
	size_t size = writer->record_size;
	if (size > STACK) {
		record = emalloc(size);
	}
	memset(record, 0, size);
	pegel_publish_options options = { .size = sizeof options };
	if (EXPECTED(pegel_encode(writer->plan, values, record, &options.present))) {
		uint64_t sequence;
		pegel_status status = writer->plan->optional == 0
			? pegel_writer_publish(writer->writer, record, size, &sequence)
			: pegel_writer_publish_on(writer->writer, &options, record, size, &sequence);
		return_sequence(return_value, status, sequence);
	}
	if (record != stack) {
		efree(record);
	}
}

/* Null if the package must encode them: they are a document, or need more than a copy. */
ZEND_METHOD(Pegel_NativeWriter, publishValues)
{
	HashTable *values;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_ARRAY_HT(values)
	ZEND_PARSE_PARAMETERS_END();
	pegel_native_writer *writer = of(Z_OBJ_P(ZEND_THIS));
	if (UNEXPECTED(!writer->writer)) {
		return;
	}
	if (UNEXPECTED(!writer->plan)) {
		prepare(writer);
	}
	zval *whole = zend_hash_index_find(values, 0);
	if (whole) {
		ZVAL_DEREF(whole);
		if (zend_hash_num_elements(values) > 1 || Z_TYPE_P(whole) != IS_ARRAY) {
			return;
		}
		values = Z_ARRVAL_P(whole);
	}
	if (EXPECTED(writer->content == PEGEL_FIELDS && !writer->has_limits)) {
		publish_values(return_value, writer, values);
	}
}

ZEND_METHOD(Pegel_NativeWriter, sync)
{
	ZEND_PARSE_PARAMETERS_NONE();
	pegel_native_writer *writer = open_writer(ZEND_THIS);
	if (!writer) {
		RETURN_THROWS();
	}
	uint64_t sequence;
	pegel_status status = pegel_writer_sync(writer->writer, &sequence);
	return_sequence(return_value, status, sequence);
}
