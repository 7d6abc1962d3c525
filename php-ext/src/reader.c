/* Pegel\Reader. */

#include "reader.h"
#include "zend_exceptions.h"

zend_class_entry *pegel_reader_ce;

static zend_object_handlers handlers;

static zend_object *create(zend_class_entry *class)
{
	pegel_reader_object *reader = zend_object_alloc(sizeof(pegel_reader_object), class);
	memset(reader, 0, XtOffsetOf(pegel_reader_object, std));
	zend_object_std_init(&reader->std, class);
	object_properties_init(&reader->std, class);
	reader->std.handlers = &handlers;
	return &reader->std;
}

static void drop_board(pegel_reader_object *reader)
{
	pegel_board *board = reader->board;
	reader->board = NULL;
	if (board) {
		pegel_board_release(board);
	}
}

static void free_reader(zend_object *object)
{
	pegel_reader_object *reader = pegel_reader_of(object);
	drop_board(reader);
	zval_ptr_dtor(&reader->view);
	zval_ptr_dtor(&reader->schema);
	zval_ptr_dtor(&reader->mappings);
	zval_ptr_dtor(&reader->backend);
	zval_ptr_dtor(&reader->handle);
	zend_object_std_dtor(object);
}

static HashTable *get_gc(zend_object *object, zval **table, int *count)
{
	pegel_reader_object *reader = pegel_reader_of(object);
	zend_get_gc_buffer *buffer = zend_get_gc_buffer_create();
	zend_get_gc_buffer_add_zval(buffer, &reader->view);
	zend_get_gc_buffer_add_zval(buffer, &reader->schema);
	zend_get_gc_buffer_add_zval(buffer, &reader->mappings);
	zend_get_gc_buffer_add_zval(buffer, &reader->backend);
	zend_get_gc_buffer_add_zval(buffer, &reader->handle);
	zend_get_gc_buffer_use(buffer, table, count);
	return zend_std_get_properties(object);
}

void pegel_reader_register(zend_class_entry *class)
{
	pegel_reader_ce = class;
	class->create_object = create;
	memcpy(&handlers, zend_get_std_object_handlers(), sizeof handlers);
	handlers.offset = XtOffsetOf(pegel_reader_object, std);
	handlers.free_obj = free_reader;
	handlers.get_gc = get_gc;
	handlers.clone_obj = NULL;
}

/* A reader that takes over a use of the board. */
pegel_reader_object *pegel_reader_init(zval *object, zend_string *name, pegel_board *board)
{
	object_init_ex(object, pegel_reader_ce);
	pegel_reader_object *reader = pegel_reader_of(Z_OBJ_P(object));
	reader->board = board;
	ZVAL_STR_COPY(NAME(reader), name);
	return reader;
}

/* A board for a view, or that is not trusted; NULL with an exception. */
static pegel_board *open_as(zend_string *name, const zval *view, bool untrusted)
{
	zval arguments[3], handle;
	ZVAL_STR(&arguments[0], name);
	ZVAL_COPY_VALUE(&arguments[1], view);
	if (Z_ISUNDEF(arguments[1])) {
		ZVAL_NULL(&arguments[1]);
	}
	ZVAL_BOOL(&arguments[2], untrusted);
	if (!pegel_call_package("openAs", &handle, 3, arguments)) {
		return NULL;
	}
	pegel_board *board = pegel_native_reader_board(&handle);
	if (board) {
		board->users++;
	}
	zval_ptr_dtor(&handle);
	return board;
}

/* A use of the board as it is now; NULL with an exception. */
pegel_board *pegel_reader_open_board(zend_string *name, const zval *view, bool untrusted)
{
	if (UNEXPECTED(!Z_ISUNDEF_P(view) || untrusted)) {
		return open_as(name, view, untrusted);
	}
	pegel_board *board = pegel_board_open(name);
	if (EXPECTED(board)) {
		board->users++;
	}
	return board;
}

ZEND_METHOD(Pegel_Reader, __construct)
{
}

/* NULL with an exception. */
pegel_board *pegel_reader_board(pegel_reader_object *reader)
{
	pegel_board *board = reader->board;
	if (UNEXPECTED(!board || !pegel_board_is_open(board))) {
		pegel_fail_with(PEGEL_INVALID_ARGUMENT, "board %s: the reader is closed. Open it again",
			Z_STRVAL_P(NAME(reader)));
		return NULL;
	}
	return board;
}

/* Whether an exception of this class was thrown; it then no longer is. */
bool pegel_catch(zend_class_entry *class)
{
	if (EG(exception) && EG(exception)->ce == class) {
		zend_clear_exception();
		return true;
	}
	return false;
}

/* Opens the board that has replaced this one; false with an exception. */
static bool reopen(pegel_reader_object *reader)
{
	pegel_fail(PEGEL_GONE);
	if (reader->is_writers) {
		/* A writer that lost its board must know. */
		return false;
	}
	zend_object *gone = EG(exception);
	EG(exception) = NULL;
	pegel_board *board = pegel_reader_open_board(
		Z_STR_P(NAME(reader)), &reader->view, reader->untrusted);
	if (!board) {
		if (pegel_catch(pegel_exception_of(PEGEL_NOT_FOUND))) {
			EG(exception) = gone;
		} else {
			OBJ_RELEASE(gone);
		}
		return false;
	}
	OBJ_RELEASE(gone);
	drop_board(reader);
	reader->board = board;
	zval_ptr_dtor(&reader->schema);
	zval_ptr_dtor(&reader->mappings);
	ZVAL_UNDEF(&reader->schema);
	ZVAL_UNDEF(&reader->mappings);
	return true;
}

static pegel_reading *newest(pegel_reader_object *reader, pegel_reading *own)
{
	pegel_board *board = pegel_reader_board(reader);
	pegel_reading *reading = EXPECTED(board) ? pegel_board_newest(board, own, true) : NULL;
	if (EXPECTED(reading) || EG(exception) || !reopen(reader)) {
		return reading;
	}
	reading = pegel_board_newest(reader->board, own, true);
	if (!reading && !EG(exception)) {
		pegel_fail(PEGEL_GONE);
	}
	return reading;
}

/* The newest record as a Snapshot; false with an exception. */
bool pegel_object_read(zval *snapshot, pegel_reader_object *reader)
{
	pegel_reading own;
	pegel_reading *reading = newest(reader, &own);
	if (UNEXPECTED(!reading)) {
		return false;
	}
	pegel_snapshot_init(snapshot, &reader->std, reader->board, reading);
	return true;
}

ZEND_METHOD(Pegel_Reader, read)
{
	ZEND_PARSE_PARAMETERS_NONE();
	pegel_object_read(return_value, THIS);
}

static bool is_sequence(pegel_reader_object *reader, zend_long sequence)
{
	if (UNEXPECTED(sequence < 0)) {
		pegel_fail_with(PEGEL_INVALID_ARGUMENT,
			"board %s: a sequence must be at least 0 (got " ZEND_LONG_FMT ")",
			Z_STRVAL_P(NAME(reader)), sequence);
		return false;
	}
	return true;
}

static void read_numbered(
	INTERNAL_FUNCTION_PARAMETERS,
	pegel_status (*read)(const pegel_board *, uint64_t, void *, size_t, pegel_stamp *))
{
	zend_long sequence;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_LONG(sequence)
	ZEND_PARSE_PARAMETERS_END();
	if (!is_sequence(THIS, sequence)) {
		RETURN_THROWS();
	}
	BOARD()
	pegel_reading reading;
	pegel_status status = pegel_board_read(board, &reading, true, read, sequence);
	if (status) {
		pegel_fail(status);
		RETURN_THROWS();
	}
	pegel_snapshot_init(return_value, Z_OBJ_P(ZEND_THIS), board, &reading);
}

ZEND_METHOD(Pegel_Reader, readAt)
{
	read_numbered(INTERNAL_FUNCTION_PARAM_PASSTHRU, pegel_read_at);
}

ZEND_METHOD(Pegel_Reader, readAfter)
{
	read_numbered(INTERNAL_FUNCTION_PARAM_PASSTHRU, pegel_read_after);
}

ZEND_METHOD(Pegel_Reader, sequence)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	uint64_t sequence = pegel_reader_sequence(board->reader);
	if (UNEXPECTED(sequence == UINT64_MAX)) {
		pegel_fail(PEGEL_GONE);
		RETURN_THROWS();
	}
	pegel_return_u64(return_value, sequence);
}

/* False with an exception. */
bool pegel_reader_writer_is_alive(zend_object *object, bool *alive)
{
	pegel_board *board = pegel_reader_board(pegel_reader_of(object));
	int32_t is_alive;
	pegel_status status = board ? pegel_reader_writer_alive(board->reader, &is_alive) : PEGEL_OK;
	if (!board || status) {
		if (status) {
			pegel_fail(status);
		}
		return false;
	}
	*alive = is_alive != 0;
	return true;
}

ZEND_METHOD(Pegel_Reader, writerAlive)
{
	ZEND_PARSE_PARAMETERS_NONE();
	bool alive;
	if (!pegel_reader_writer_is_alive(Z_OBJ_P(ZEND_THIS), &alive)) {
		RETURN_THROWS();
	}
	RETURN_BOOL(alive);
}

ZEND_METHOD(Pegel_Reader, wait)
{
	zend_long after;
	double timeout = 0;
	bool is_endless = true;
	ZEND_PARSE_PARAMETERS_START(1, 2)
		Z_PARAM_LONG(after)
		Z_PARAM_OPTIONAL
		Z_PARAM_DOUBLE_OR_NULL(timeout, is_endless)
	ZEND_PARSE_PARAMETERS_END();
	BOARD()
	if (!is_sequence(THIS, after)) {
		RETURN_THROWS();
	}
	if (!is_endless && !(timeout >= 0)) {
		zval given;
		ZVAL_DOUBLE(&given, timeout);
		zend_string *text = zval_get_string(&given);
		pegel_fail_with(PEGEL_INVALID_ARGUMENT,
			"a timeout must be at least 0 s, or null to wait without end (got %s)", ZSTR_VAL(text));
		zend_string_release(text);
		RETURN_THROWS();
	}
	/* Longer ones than a century do not end either. */
	int64_t nanoseconds = is_endless || timeout > 4e9 ? -1 : (int64_t) (timeout * 1e9);
	pegel_return_wait(return_value, board, after, nanoseconds);
}

ZEND_METHOD(Pegel_Reader, close)
{
	ZEND_PARSE_PARAMETERS_NONE();
	drop_board(THIS);
}
