/* The object of Pegel\Reader, for the files that have its methods. */

#ifndef PEGEL_READER_H
#define PEGEL_READER_H

#include "php_pegel.h"

typedef struct {
	pegel_board *board; /* NULL: closed */
	bool is_writers;
	bool untrusted;
	zval view;     /* the Schema of open(), or undefined */
	zval schema;   /* undefined until it is asked for */
	zval mappings; /* by their classes, or undefined */
	/* What a package that does not fit knows its writer's board by, or undefined. */
	zval backend, handle;
	zend_object std;
} pegel_reader_object;

static inline pegel_reader_object *pegel_reader_of(zend_object *object)
{
	return (pegel_reader_object *) ((char *) object - XtOffsetOf(pegel_reader_object, std));
}

#define THIS pegel_reader_of(Z_OBJ_P(ZEND_THIS))
#define NAME(reader) OBJ_PROP_NUM(&(reader)->std, 0)

pegel_board *pegel_reader_board(pegel_reader_object *reader);
pegel_board *pegel_reader_open_board(zend_string *name, const zval *view, bool untrusted);
pegel_reader_object *pegel_reader_init(zval *object, zend_string *name, pegel_board *board);
bool pegel_object_read(zval *snapshot, pegel_reader_object *reader);
bool pegel_catch(zend_class_entry *class);

#define BOARD() \
	pegel_board *board = pegel_reader_board(THIS); \
	if (UNEXPECTED(!board)) { \
		RETURN_THROWS(); \
	}

#endif
