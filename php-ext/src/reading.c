/* One record with its stamp, and the value that is decoded of it at the first look. */

#include "php_pegel.h"
#include <time.h>

/* The first room for a document, in bytes: most are shorter. */
#define BUFFER 4096

int64_t pegel_boot_time(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

pegel_status pegel_read_newest(
	const pegel_board *board, uint64_t sequence, void *record, size_t size, pegel_stamp *stamp)
{
	return pegel_reader_read(board->reader, record, size, stamp);
}

pegel_status pegel_read_at(
	const pegel_board *board, uint64_t sequence, void *record, size_t size, pegel_stamp *stamp)
{
	return pegel_reader_read_at(board->reader, sequence, record, size, stamp);
}

pegel_status pegel_read_after(
	const pegel_board *board, uint64_t after, void *record, size_t size, pegel_stamp *stamp)
{
	return pegel_reader_read_after(board->reader, after, record, size, stamp);
}

/* Reads a record by one of libpegel's functions into a reading that is empty. */
pegel_status pegel_board_read(
	pegel_board *board, pegel_reading *reading, bool is_stamped,
	pegel_status (*read)(const pegel_board *, uint64_t, void *, size_t, pegel_stamp *),
	uint64_t sequence)
{
	size_t most = board->record_size, room = most;
	if (board->content != PEGEL_FIELDS && room > BUFFER) {
		room = BUFFER;
	}
	while (true) {
		zend_string *record = zend_string_alloc(room, 0);
		reading->stamp.size = sizeof reading->stamp;
		pegel_status status = read(
			board, sequence, ZSTR_VAL(record), room, is_stamped ? &reading->stamp : NULL);
		if (UNEXPECTED(status)) {
			zend_string_efree(record);
			if (status == PEGEL_TOO_LARGE && room < most) {
				room = MIN(room * 4, most);
				continue;
			}
			return status;
		}
		if (is_stamped && reading->stamp.record_size < room) {
			record = zend_string_truncate(record, reading->stamp.record_size, 0);
		}
		ZSTR_VAL(record)[ZSTR_LEN(record)] = '\0';
		reading->record = record;
		reading->is_stamped = is_stamped;
		reading->is_fresh = true;
		reading->read_ns = is_stamped ? pegel_boot_time() : 0;
		ZVAL_UNDEF(&reading->value);
		return PEGEL_OK;
	}
}

void pegel_reading_free(pegel_reading *reading)
{
	if (reading->record) {
		zend_string_release(reading->record);
		zval_ptr_dtor_nogc(&reading->value);
		reading->record = NULL;
	}
	ZVAL_UNDEF(&reading->value);
}

/* The age of its record now, not when it was read for somebody else. */
int64_t pegel_reading_age(const pegel_reading *reading)
{
	int64_t age = reading->stamp.age_ns;
	return age == INT64_MAX || reading->is_fresh
		? age
		: age + (pegel_boot_time() - reading->read_ns);
}

/*
 * A value that a second request decodes is worth its memory: it is kept for the next requests, too.
 * One that changes with each request is not.
 */
static void share(pegel_board *board, pegel_reading *reading)
{
	uint64_t sequence = reading->stamp.sequence;
	bool is_again = board->decoded == sequence && board->decoded_in != PEGEL_G(request);
	board->decoded = sequence;
	board->decoded_in = PEGEL_G(request);
	if (!is_again) {
		return;
	}
	size_t limit = MAX(PEGEL_G(cache_limit), 0);
	size_t left = limit - MIN(limit, PEGEL_G(shared_size));
	pegel_shared *shared = pegel_share(&reading->value, reading->record, left);
	if (shared) {
		pegel_reading_free(reading);
		reading->record = shared->record;
		ZVAL_COPY_VALUE(&reading->value, &shared->value);
		board->shared = shared;
	}
}

/* The value of a reading, which keeps it; NULL with an exception. */
const zval *pegel_reading_value(pegel_board *board, pegel_reading *reading)
{
	if (EXPECTED(Z_TYPE(reading->value) != IS_UNDEF)) {
		return &reading->value;
	}
	if (EXPECTED(board->content == PEGEL_FIELDS)) {
		const char *record = ZSTR_VAL(reading->record);
		pegel_decode(pegel_board_plan(board), record, &reading->stamp, &reading->value);
	} else if (board->content == PEGEL_BYTES_DOCUMENT) {
		ZVAL_STR_COPY(&reading->value, reading->record);
	} else if (pegel_json_decode(reading->record, &reading->value) == FAILURE) {
		ZVAL_UNDEF(&reading->value);
		pegel_fail_json(board->name);
		return NULL;
	}
	if (reading == &board->newest) {
		share(board, reading);
	}
	return &reading->value;
}
