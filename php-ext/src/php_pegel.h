/*
 * What the parts of the extension share.
 *
 * A board is a file that this process has open. Each PHP object that uses it counts as a user, and
 * so does the table of boards by name. A reading is one record of it with what is known about it;
 * a board keeps its newest one, so that an unchanged record costs one load.
 */

#ifndef PHP_PEGEL_H
#define PHP_PEGEL_H

#ifdef HAVE_CONFIG_H
# include "config.h"
#endif

#include "php.h"
#include "pegel.h"

#define PHP_PEGEL_VERSION "0.1.0"

/* The number of what the package and the extension expect of each other. */
#define PEGEL_NATIVE_API 1

/* Memory that no request counts and that PHP values may point into: freed after the request. */
typedef struct pegel_retired {
	struct pegel_retired *next;
	size_t size;
} pegel_retired;

/* A value that all requests share, with the record that it was decoded of; one allocation. */
typedef struct {
	pegel_retired retired;
	zval value;
	zend_string *record;
} pegel_shared;

typedef struct {
	zend_string *name;
	uint32_t offset, size, count;
	uint16_t type;
	int16_t bit; /* its place in the stamp's `present`; -1: always known */
} pegel_plan_field;

/* How records are decoded; one allocation with the names. */
typedef struct {
	pegel_retired retired;
	/* Whether values may use the names themselves, as they outlive the request. */
	bool is_lasting;
	uint32_t count, optional;
	pegel_plan_field fields[];
} pegel_plan;

typedef struct {
	pegel_stamp stamp;
	/* Whether all of the stamp is known, or its sequence alone, which then is the record's or an
	 * earlier one. */
	bool is_stamped;
	/* Whether it was read right now. */
	bool is_fresh;
	/* The time by CLOCK_BOOTTIME at which the stamp's age was true. */
	int64_t read_ns;
	zend_string *record; /* NULL: there is no reading */
	zval value;          /* undefined until it is decoded */
} pegel_reading;

typedef struct pegel_board {
	struct pegel_board *next, *previous;
	uint32_t users;
	/* Whether the page chose its directory, which the next one need not do. */
	bool is_elsewhere;
	/* Whether its newest reading serves until there is a newer one. */
	bool is_cached;
	zend_string *name;
	pegel_reader *reader;
	zend_object *writer; /* the one whose own reader it is, or NULL */
	uint32_t record_size, content;
	pegel_plan *plan;
	pegel_reading newest;
	pegel_shared *shared; /* what `newest` has of it, or NULL: that is the request's */
	uint64_t decoded;     /* the sequence that was decoded last */
	uint32_t decoded_in;  /* the request */
	uint32_t looked_in;   /* the last request that looked whether the name means this file */
	int64_t looked_ns;    /* and when, by CLOCK_MONOTONIC_COARSE */
} pegel_board;

ZEND_BEGIN_MODULE_GLOBALS(pegel)
	HashTable boards;       /* by name, the one that was opened last at the end */
	pegel_board *open;      /* all boards */
	zend_string *last_name; /* of read()'s last board, by an interned string, or NULL */
	pegel_board *last;
	pegel_retired *retired;
	size_t shared_size;     /* of what is shared or retired */
	uint32_t request;
	bool is_active;
	bool enable;
	bool classes;
	bool cache;
	zend_long cache_limit;
ZEND_END_MODULE_GLOBALS(pegel)

ZEND_EXTERN_MODULE_GLOBALS(pegel)
#define PEGEL_G(v) ZEND_MODULE_GLOBALS_ACCESSOR(pegel, v)

#if defined(ZTS) && defined(COMPILE_DL_PEGEL)
ZEND_TSRMLS_CACHE_EXTERN()
#endif

extern zend_module_entry pegel_module_entry;
extern zend_class_entry *pegel_native_reader_ce, *pegel_native_writer_ce;


/* Those of the package's names, unless the package has them itself (pegel.classes=0). */
extern zend_class_entry *pegel_reader_ce, *pegel_snapshot_ce;

/* exceptions.c */
void pegel_exceptions_register(zend_class_entry *parent);
zend_class_entry *pegel_exception_of(pegel_status status);

/* reader.c, snapshot.c */
void pegel_reader_register(zend_class_entry *class);
zend_object *pegel_reader_mapping(zend_object *reader, zend_string *class);
bool pegel_reader_writer_is_alive(zend_object *reader, bool *alive);
void pegel_snapshot_register(zend_class_entry *class);
void pegel_snapshot_init(
	zval *object, zend_object *reader, pegel_board *board, pegel_reading *reading);

/* package.c */
bool pegel_call_package(const char *method, zval *result, uint32_t count, zval *arguments);

/* failure.c */
void pegel_fail(pegel_status status);
void pegel_fail_with(pegel_status status, const char *format, ...)
	ZEND_ATTRIBUTE_FORMAT(printf, 2, 3);

/* number.c */
void pegel_return_u64(zval *return_value, uint64_t number);
void pegel_return_i64(zval *return_value, int64_t number);

/* board.c */
pegel_board *pegel_board_new(zend_string *name, pegel_reader *reader);
pegel_board *pegel_board_find(zend_string *name);
pegel_board *pegel_board_open(zend_string *name);
void pegel_board_release(pegel_board *board);
bool pegel_may_open(zend_string *name);
bool pegel_board_is_open(const pegel_board *board);
const pegel_plan *pegel_board_plan(pegel_board *board);
pegel_reading *pegel_board_newest(pegel_board *board, pegel_reading *own, bool is_stamped);
void pegel_boards_end_request(void);
void pegel_boards_close(zend_pegel_globals *globals);

/* reading.c */
pegel_status pegel_board_read(
	pegel_board *board, pegel_reading *reading, bool is_stamped,
	pegel_status (*read)(const pegel_board *, uint64_t, void *, size_t, pegel_stamp *),
	uint64_t sequence);
pegel_status pegel_read_newest(
	const pegel_board *board, uint64_t sequence, void *record, size_t size, pegel_stamp *stamp);
pegel_status pegel_read_at(
	const pegel_board *board, uint64_t sequence, void *record, size_t size, pegel_stamp *stamp);
pegel_status pegel_read_after(
	const pegel_board *board, uint64_t after, void *record, size_t size, pegel_stamp *stamp);
void pegel_reading_free(pegel_reading *reading);
const zval *pegel_reading_value(pegel_board *board, pegel_reading *reading);
int64_t pegel_reading_age(const pegel_reading *reading);
int64_t pegel_boot_time(void);

/* wait.c */
void pegel_return_wait(
	zval *return_value, pegel_board *board, zend_long after, int64_t timeout);

/* plan.c */
pegel_plan *pegel_plan_new(const pegel_reader *reader);
void pegel_plan_free(pegel_plan *plan);

/* decode.c */
void pegel_decode(
	const pegel_plan *plan, const char *record, const pegel_stamp *stamp, zval *value);

/* encode.c */
bool pegel_encode(
	const pegel_plan *plan, const HashTable *values, char *record, uint64_t *present);

/* json.c, json_yyjson.c */
bool pegel_json_decode_fast(const zend_string *text, zval *value);
zend_result pegel_json_decode(const zend_string *text, zval *value);
zend_result pegel_json_decode_objects(const zend_string *text, zval *value);
void pegel_fail_json(const zend_string *board);

/* value.c */
zend_string *pegel_string_place(char **room, const char *text, size_t length);
size_t pegel_string_size(size_t length);
pegel_shared *pegel_share(const zval *value, const zend_string *record, size_t limit);
void pegel_retire(pegel_retired *retired);
void pegel_free_retired(zend_pegel_globals *globals);

/* native.c, native_reader.c, native_writer.c */
const pegel_field *pegel_fields_of(const zend_string *bytes, size_t *count);
void pegel_native_reader_register(zend_class_entry *class);
void pegel_native_reader_init(zval *object, pegel_board *board);
pegel_board *pegel_native_reader_board(const zval *value);
void pegel_native_writer_register(zend_class_entry *class);
bool pegel_native_writer_is_open(zend_object *object);

#endif
