/* The object of Pegel\Snapshot, for the files that have its parts. */

#ifndef PEGEL_SNAPSHOT_H
#define PEGEL_SNAPSHOT_H

#include "php_pegel.h"

typedef struct {
	zend_object *reader;
	pegel_board *board;
	pegel_reading reading; /* its stamp has the age at the read */
	bool is_alive_known, is_alive;
	zend_object std;
} pegel_snapshot;

static inline pegel_snapshot *pegel_snapshot_of(zend_object *object)
{
	return (pegel_snapshot *) ((char *) object - XtOffsetOf(pegel_snapshot, std));
}

/* NULL with an exception. */
const zval *pegel_snapshot_value(pegel_snapshot *snapshot);
HashTable *pegel_snapshot_array(pegel_snapshot *snapshot);

void pegel_snapshot_add_handlers(zend_object_handlers *handlers);

#endif
