/* Publishing, as the package's classes want it: bytes that they have encoded. */

#include "php_pegel.h"
#include "zend_exceptions.h"

typedef struct {
	pegel_writer *writer;
	zend_string *board;
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
	writer->writer = NULL;
	writer->board = NULL;
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
