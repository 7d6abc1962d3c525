/* Reading, as the package's classes want it: bytes that they decode. */

#include "php_pegel.h"
#include "zend_exceptions.h"
#include "zend_smart_str.h"

typedef struct {
	pegel_board *board;
	zend_object std;
} pegel_native_reader;

static zend_object_handlers handlers;

static pegel_native_reader *of(zend_object *object)
{
	return (pegel_native_reader *) ((char *) object - XtOffsetOf(pegel_native_reader, std));
}

static zend_object *create(zend_class_entry *class)
{
	pegel_native_reader *reader = zend_object_alloc(sizeof(pegel_native_reader), class);
	zend_object_std_init(&reader->std, class);
	reader->std.handlers = &handlers;
	reader->board = NULL;
	return &reader->std;
}

static void close_reader(pegel_native_reader *reader)
{
	pegel_board *board = reader->board;
	reader->board = NULL;
	if (board) {
		pegel_board_release(board);
	}
}

static void free_reader(zend_object *object)
{
	close_reader(of(object));
	zend_object_std_dtor(object);
}

void pegel_native_reader_register(zend_class_entry *class)
{
	pegel_native_reader_ce = class;
	class->create_object = create;
	memcpy(&handlers, zend_get_std_object_handlers(), sizeof handlers);
	handlers.offset = XtOffsetOf(pegel_native_reader, std);
	handlers.free_obj = free_reader;
	handlers.clone_obj = NULL;
}

/* Takes over a use of the board. */
void pegel_native_reader_init(zval *object, pegel_board *board)
{
	object_init_ex(object, pegel_native_reader_ce);
	of(Z_OBJ_P(object))->board = board;
}

/* The board of a NativeReader that is open; NULL for all else. */
pegel_board *pegel_native_reader_board(const zval *value)
{
	return Z_OBJCE_P(value) == pegel_native_reader_ce ? of(Z_OBJ_P(value))->board : NULL;
}

static pegel_board *board_of(zval *this)
{
	pegel_board *board = of(Z_OBJ_P(this))->board;
	if (UNEXPECTED(!board || !pegel_board_is_open(board))) {
		zend_throw_error(NULL, "Pegel: the reader is closed");
		return NULL;
	}
	return board;
}

#define BOARD() \
	pegel_board *board = board_of(ZEND_THIS); \
	if (UNEXPECTED(!board)) { \
		RETURN_THROWS(); \
	}

/* Returns after a call with this status. */
#define CHECK(call) \
	do { \
		pegel_status status_ = (call); \
		if (UNEXPECTED(status_)) { \
			pegel_fail(status_); \
			RETURN_THROWS(); \
		} \
	} while (0)

ZEND_METHOD(Pegel_NativeReader, __construct)
{
}

ZEND_METHOD(Pegel_NativeReader, open)
{
	zend_string *name;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(name)
	ZEND_PARSE_PARAMETERS_END();
	pegel_board *board = pegel_board_open(name);
	if (UNEXPECTED(!board)) {
		RETURN_THROWS();
	}
	board->users++;
	pegel_native_reader_init(return_value, board);
}

ZEND_METHOD(Pegel_NativeReader, openAs)
{
	zend_string *name, *bytes, *details;
	bool untrusted;
	ZEND_PARSE_PARAMETERS_START(4, 4)
		Z_PARAM_STR(name)
		Z_PARAM_STR(bytes)
		Z_PARAM_STR_OR_NULL(details)
		Z_PARAM_BOOL(untrusted)
	ZEND_PARSE_PARAMETERS_END();
	if (!pegel_may_open(name)) {
		RETURN_THROWS();
	}
	size_t count;
	const pegel_field *fields = pegel_fields_of(bytes, &count);
	const char *text = details ? ZSTR_VAL(details) : NULL;
	pegel_reader *reader;
	CHECK(untrusted
		? pegel_reader_open_untrusted(ZSTR_VAL(name), fields, count, text, &reader)
		: pegel_reader_open_as(ZSTR_VAL(name), fields, count, text, &reader));
	pegel_board *board = pegel_board_new(name, reader);
	/* Its writer could change a record under the same sequence. */
	board->is_cached = board->is_cached && !untrusted;
	pegel_native_reader_init(return_value, board);
}

ZEND_METHOD(Pegel_NativeReader, close)
{
	ZEND_PARSE_PARAMETERS_NONE();
	close_reader(of(Z_OBJ_P(ZEND_THIS)));
}

ZEND_METHOD(Pegel_NativeReader, fields)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	size_t count;
	CHECK(pegel_reader_fields(board->reader, NULL, 0, &count));
	zend_string *bytes = zend_string_safe_alloc(count, sizeof(pegel_field), 0, 0);
	pegel_reader_fields(board->reader, (pegel_field *) ZSTR_VAL(bytes), count, &count);
	ZSTR_VAL(bytes)[ZSTR_LEN(bytes)] = '\0';
	RETURN_STR(bytes);
}

ZEND_METHOD(Pegel_NativeReader, details)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	size_t length;
	CHECK(pegel_reader_details(board->reader, NULL, 0, &length));
	zend_string *text = zend_string_alloc(length, 0);
	pegel_reader_details(board->reader, ZSTR_VAL(text), length + 1, &length);
	RETURN_STR(text);
}

static void add_hex(zval *array, uint64_t number)
{
	add_next_index_str(array, zend_strpprintf(0, "%016" PRIx64, number));
}

/* In the order of the parameters of Pegel\Info. */
ZEND_METHOD(Pegel_NativeReader, info)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	pegel_info info = { .size = sizeof info };
	CHECK(pegel_reader_info(board->reader, &info));
	zval generation;
	pegel_return_u64(&generation, info.generation);
	array_init_size(return_value, 9);
	add_next_index_long(return_value, info.record_size);
	add_next_index_long(return_value, info.slots);
	add_hex(return_value, info.schema_hash);
	add_next_index_zval(return_value, &generation);
	add_next_index_long(return_value, info.mode);
	add_hex(return_value, info.lineage);
	add_next_index_bool(return_value, (info.flags & PEGEL_CHECKSUM) != 0);
	add_next_index_bool(return_value, (info.flags & PEGEL_DURABLE) != 0);
	add_next_index_bool(return_value, (info.flags & PEGEL_MIRROR) != 0);
}

ZEND_METHOD(Pegel_NativeReader, userData)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	const char *data = pegel_reader_user_data(board->reader);
	if (data) {
		RETURN_STRING(data);
	}
}

ZEND_METHOD(Pegel_NativeReader, setUserData)
{
	zend_string *data;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(data)
	ZEND_PARSE_PARAMETERS_END();
	BOARD()
	CHECK(pegel_reader_set_user_data(board->reader, ZSTR_VAL(data)));
}

ZEND_METHOD(Pegel_NativeReader, sequence)
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

ZEND_METHOD(Pegel_NativeReader, isWriterAlive)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	int32_t alive;
	CHECK(pegel_reader_writer_alive(board->reader, &alive));
	RETURN_BOOL(alive);
}

/* A stamp and its record. */
static void return_reading(zval *return_value, const pegel_reading *reading)
{
	size_t length = ZSTR_LEN(reading->record);
	zend_string *bytes = zend_string_alloc(sizeof(pegel_stamp) + length, 0);
	memcpy(ZSTR_VAL(bytes), &reading->stamp, sizeof(pegel_stamp));
	memcpy(ZSTR_VAL(bytes) + sizeof(pegel_stamp), ZSTR_VAL(reading->record), length + 1);
	RETURN_STR(bytes);
}

ZEND_METHOD(Pegel_NativeReader, read)
{
	ZEND_PARSE_PARAMETERS_NONE();
	BOARD()
	pegel_reading reading;
	CHECK(pegel_board_read(board, &reading, true, pegel_read_newest, 0));
	return_reading(return_value, &reading);
	pegel_reading_free(&reading);
}

ZEND_METHOD(Pegel_NativeReader, readAt)
{
	zend_long sequence;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_LONG(sequence)
	ZEND_PARSE_PARAMETERS_END();
	BOARD()
	pegel_reading reading;
	CHECK(pegel_board_read(board, &reading, true, pegel_read_at, sequence));
	return_reading(return_value, &reading);
	pegel_reading_free(&reading);
}

ZEND_METHOD(Pegel_NativeReader, readAfter)
{
	zend_long after;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_LONG(after)
	ZEND_PARSE_PARAMETERS_END();
	BOARD()
	pegel_reading reading;
	CHECK(pegel_board_read(board, &reading, true, pegel_read_after, after));
	return_reading(return_value, &reading);
	pegel_reading_free(&reading);
}

ZEND_METHOD(Pegel_NativeReader, wait)
{
	zend_long after, nanoseconds;
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_LONG(after)
		Z_PARAM_LONG(nanoseconds)
	ZEND_PARSE_PARAMETERS_END();
	BOARD()
	pegel_return_wait(return_value, board, after, nanoseconds);
}
