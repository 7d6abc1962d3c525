/*
 * Boards that this process has open, each with its newest reading.
 *
 * The table has those that were opened by name: a request looks once, and then once a second,
 * whether the name still stands for the same file. A board that leaves the table lives on for the
 * objects that use it.
 */

#include "php_pegel.h"
#include "ext/json/php_json.h"
#include "ext/standard/basic_functions.h"
#include "fopen_wrappers.h"
#include "zend_smart_str.h"
#include <time.h>

/* As many as libpegel itself keeps open. */
#define CAPACITY 64

/* Nanoseconds for which a look at a name suffices. */
#define LOOK 1000000000

static int64_t coarse_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Takes over the reader. The board has one user. */
pegel_board *pegel_board_new(zend_string *name, pegel_reader *reader)
{
	pegel_info info = { .size = sizeof info };
	pegel_reader_info(reader, &info);
	pegel_board *board = pecalloc(1, sizeof(pegel_board), 1);
	board->users = 1;
	board->name = zend_string_init(ZSTR_VAL(name), ZSTR_LEN(name), 1);
	GC_MAKE_PERSISTENT_LOCAL(board->name);
	board->reader = reader;
	board->record_size = info.record_size;
	board->content = info.content;
	/* Every read verifies a checksum. */
	board->is_cached = !(info.flags & PEGEL_CHECKSUM);
	board->next = PEGEL_G(open);
	if (board->next) {
		board->next->previous = board;
	}
	PEGEL_G(open) = board;
	return board;
}

static void forget_newest(pegel_board *board)
{
	pegel_reading newest = board->newest;
	board->newest.record = NULL;
	ZVAL_UNDEF(&board->newest.value);
	if (board->shared) {
		pegel_retire(&board->shared->retired);
		board->shared = NULL;
	} else {
		pegel_reading_free(&newest);
	}
}

void pegel_board_release(pegel_board *board)
{
	if (--board->users > 0) {
		return;
	}
	*(board->previous ? &board->previous->next : &PEGEL_G(open)) = board->next;
	if (board->next) {
		board->next->previous = board->previous;
	}
	forget_newest(board);
	if (board->plan) {
		pegel_plan_free(board->plan);
	}
	if (board->writer) {
		OBJ_RELEASE(board->writer);
	} else {
		pegel_reader_close(board->reader);
	}
	zend_string_release_ex(board->name, 1);
	pefree(board, 1);
}

/* A writer's own reader ends with it. */
bool pegel_board_is_open(const pegel_board *board)
{
	return !board->writer || pegel_native_writer_is_open(board->writer);
}

const pegel_plan *pegel_board_plan(pegel_board *board)
{
	if (UNEXPECTED(!board->plan)) {
		board->plan = pegel_plan_new(board->reader);
	}
	return board->plan;
}

/* C's strings end at a NUL, and PHP's people expect that open_basedir holds. */
bool pegel_may_open(zend_string *name)
{
	if (UNEXPECTED(zend_str_has_nul_byte(name))) {
		zval text;
		smart_str json = {0};
		ZVAL_STR(&text, name);
		php_json_encode(&json, &text, 0);
		smart_str_0(&json);
		pegel_fail_with(PEGEL_INVALID_ARGUMENT, "%s is not a valid board name: it contains NUL",
			json.s ? ZSTR_VAL(json.s) : "");
		smart_str_free(&json);
		return false;
	}
	if (EXPECTED(!PG(open_basedir) || !*PG(open_basedir))) {
		return true;
	}
	const char *slash = strrchr(ZSTR_VAL(name), '/'), *variable = getenv("PEGEL_DIR");
	char *path;
	if (slash) {
		spprintf(&path, 0, "%.*s/pegel.%s", (int) (slash - ZSTR_VAL(name)), ZSTR_VAL(name),
			slash + 1);
	} else {
		spprintf(&path, 0, "%s/pegel.%s", variable && *variable ? variable : "/dev/shm",
			ZSTR_VAL(name));
	}
	bool may = php_check_open_basedir_ex(path, 0) == 0;
	if (!may) {
		pegel_fail_with(PEGEL_DENIED,
			"board %s: open_basedir does not allow %s (got %s). Add its directory", ZSTR_VAL(name),
			path, PG(open_basedir));
	}
	efree(path);
	return may;
}

static void remember(pegel_board *board)
{
	HashTable *boards = &PEGEL_G(boards);
	PEGEL_G(last_name) = NULL;
	board->users++;
	pegel_board *before = zend_hash_find_ptr(boards, board->name);
	if (before) {
		zend_hash_update_ptr(boards, board->name, board);
		pegel_board_release(before);
		return;
	}
	if (zend_hash_num_elements(boards) == CAPACITY) {
		zend_string *oldest;
		pegel_board *first;
		ZEND_HASH_FOREACH_STR_KEY_PTR(boards, oldest, first) {
			zend_hash_del(boards, oldest);
			pegel_board_release(first);
			break;
		} ZEND_HASH_FOREACH_END();
	}
	zend_hash_add_ptr(boards, board->name, board);
}

/* Whether the page itself chose the directory of this board, and can choose another one. */
static bool has_moved(const zend_string *name)
{
	return UNEXPECTED(zend_hash_num_elements(&BG(putenv_ht)) > 0)
		&& !strchr(ZSTR_VAL(name), '/')
		&& zend_hash_str_exists(&BG(putenv_ht), ZEND_STRL("PEGEL_DIR"));
}

/* Opens what the name stands for now; it is the table's then. */
static pegel_board *open_board(zend_string *name)
{
	pegel_reader *reader;
	pegel_status status = pegel_reader_open_cached(ZSTR_VAL(name), &reader);
	if (status) {
		pegel_fail(status);
		return NULL;
	}
	pegel_board *board = zend_hash_find_ptr(&PEGEL_G(boards), name);
	if (board && board->reader == reader) {
		pegel_reader_close(reader);
		return board;
	}
	board = pegel_board_new(name, reader);
	board->is_elsewhere = has_moved(name);
	remember(board);
	pegel_board_release(board);
	return board;
}

/* By one system call, of a board that the table has under this name, or NULL. */
static zend_never_inline pegel_board *look(zend_string *name, pegel_board *board)
{
	if (UNEXPECTED(!pegel_may_open(name))) {
		return NULL;
	}
	if (UNEXPECTED(!board || board->is_elsewhere || has_moved(name)
			|| !pegel_reader_is_current(board->reader))) {
		board = open_board(name);
	}
	if (EXPECTED(board)) {
		board->looked_in = PEGEL_G(request);
		board->looked_ns = coarse_time();
	}
	return board;
}

/* The board that a name stands for now. It is the table's: whoever keeps it counts as a user. */
pegel_board *pegel_board_open(zend_string *name)
{
	return look(name, zend_hash_find_ptr(&PEGEL_G(boards), name));
}

/* The same, but with a look at the name only if the last one was too long ago. */
pegel_board *pegel_board_find(zend_string *name)
{
	/* The same literal of the code again: as long as the request, nobody else has its address. */
	pegel_board *board = EXPECTED(name == PEGEL_G(last_name))
		? PEGEL_G(last)
		: zend_hash_find_ptr(&PEGEL_G(boards), name);
	if (UNEXPECTED(!board || board->looked_in != PEGEL_G(request) || has_moved(name)
			|| coarse_time() - board->looked_ns >= LOOK)) {
		board = look(name, board);
	}
	if (EXPECTED(board) && ZSTR_IS_INTERNED(name)) {
		PEGEL_G(last_name) = name;
		PEGEL_G(last) = board;
	}
	return board;
}

/*
 * The newest reading: the board's, which its next reading ends, or `own`, which is the caller's to
 * free. NULL without an exception: the board is gone; else with one.
 */
pegel_reading *pegel_board_newest(pegel_board *board, pegel_reading *own, bool is_stamped)
{
	pegel_reading *newest = &board->newest;
	/* After PEGEL_GONE there is no such sequence. */
	if (EXPECTED(newest->record && (newest->is_stamped || !is_stamped) && PEGEL_G(cache)
			&& pegel_reader_sequence(board->reader) == newest->stamp.sequence)) {
		newest->is_fresh = false;
		return newest;
	}
	forget_newest(board);
	bool is_kept = board->is_cached && PEGEL_G(cache) && PEGEL_G(is_active);
	pegel_reading *reading = is_kept ? newest : own;
	const pegel_plan *plan = pegel_board_plan(board);
	is_stamped |= board->content != PEGEL_FIELDS || plan->optional > 0;
	/* A record that is published in between is newer than this, and the next call reads it again. */
	uint64_t sequence = is_stamped ? 0 : pegel_reader_sequence(board->reader);
	pegel_status status = pegel_board_read(board, reading, is_stamped, pegel_read_newest, 0);
	if (EXPECTED(status == PEGEL_OK)) {
		if (!is_stamped) {
			reading->stamp.sequence = sequence;
		}
		return reading;
	}
	if (status != PEGEL_GONE) {
		pegel_fail(status);
	}
	return NULL;
}

/* Drops what the request has decoded. Its code may still run; what that reads is not kept. */
void pegel_boards_end_request(void)
{
	PEGEL_G(is_active) = false;
	for (pegel_board *board = PEGEL_G(open); board; board = board->next) {
		if (!board->shared) {
			forget_newest(board);
		}
	}
}

/* At the end of the process or thread, when no request has any. */
void pegel_boards_close(zend_pegel_globals *globals)
{
	pegel_board *board;
	ZEND_HASH_FOREACH_PTR(&globals->boards, board) {
		pegel_board_release(board);
	} ZEND_HASH_FOREACH_END();
	zend_hash_destroy(&globals->boards);
	pegel_free_retired(globals);
}
