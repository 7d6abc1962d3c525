/* Waiting in slices, so that PHP's signal handlers and time limit do not wait, too. */

#include "php_pegel.h"
#include <time.h>

#define SLICE 200000000

static int64_t now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

#if PHP_VERSION_ID >= 80200
# define IS_INTERRUPTED() zend_atomic_bool_load_ex(&EG(vm_interrupt))
# define CLEAR_INTERRUPT() zend_atomic_bool_store_ex(&EG(vm_interrupt), false)
# define IS_TIMED_OUT() zend_atomic_bool_load_ex(&EG(timed_out))
#else
# define IS_INTERRUPTED() EG(vm_interrupt)
# define CLEAR_INTERRUPT() (EG(vm_interrupt) = 0)
# define IS_TIMED_OUT() EG(timed_out)
#endif

/* As PHP does between two instructions. */
static void handle_interrupt(void)
{
	if (!IS_INTERRUPTED()) {
		return;
	}
	CLEAR_INTERRUPT();
	if (IS_TIMED_OUT()) {
		zend_timeout();
	} else if (zend_interrupt_function) {
		zend_interrupt_function(EG(current_execute_data));
	}
}

/* With an exception, of a signal's handler, the status means nothing. */
static pegel_status wait_for(
	pegel_board *board, uint64_t after, int64_t timeout, uint64_t *sequence)
{
	int64_t end = now() + timeout, left = timeout;
	while (true) {
		int64_t slice = left < 0 ? SLICE : MIN(left, SLICE);
		pegel_status status = pegel_reader_wait(board->reader, after, slice, sequence);
		handle_interrupt();
		if (status != PEGEL_TIMEOUT || left == slice || EG(exception)
				|| !pegel_board_is_open(board)) {
			return status;
		}
		left = left < 0 ? left : MAX(0, end - now());
	}
}

/* The board stays open meanwhile, whatever a signal's handler does. */
void pegel_return_wait(zval *return_value, pegel_board *board, zend_long after, int64_t timeout)
{
	uint64_t sequence;
	board->users++;
	pegel_status status = wait_for(board, after, timeout, &sequence);
	if (EXPECTED(!EG(exception))) {
		if (EXPECTED(status == PEGEL_OK)) {
			pegel_return_u64(return_value, sequence);
		} else {
			pegel_fail(status);
		}
	}
	pegel_board_release(board);
}
