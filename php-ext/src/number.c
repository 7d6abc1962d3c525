/* Numbers of 64 bits as PHP's integers, or as decimal strings if they are beyond these. */

#include "php_pegel.h"

void pegel_return_u64(zval *return_value, uint64_t number)
{
	if (EXPECTED(number <= ZEND_LONG_MAX)) {
		ZVAL_LONG(return_value, (zend_long) number);
	} else {
		ZVAL_STR(return_value, zend_u64_to_str(number));
	}
}

void pegel_return_i64(zval *return_value, int64_t number)
{
	if (EXPECTED(number >= ZEND_LONG_MIN && number <= ZEND_LONG_MAX)) {
		ZVAL_LONG(return_value, (zend_long) number);
	} else {
		ZVAL_STR(return_value, zend_i64_to_str(number));
	}
}
