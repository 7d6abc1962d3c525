/* Failures of libpegel as the package's exceptions. */

#include "php_pegel.h"
#include "ext/spl/spl_exceptions.h"
#include "zend_exceptions.h"
#include "zend_interfaces.h"

/* An exception that is thrown already becomes the previous one. */
static void fail(pegel_status status, const char *message)
{
	if (EXPECTED(pegel_reader_ce)) {
		zend_throw_exception(pegel_exception_of(status), message, status);
		return;
	}
	zval parameters[2], exception;
	ZVAL_UNDEF(&exception);
	ZVAL_LONG(&parameters[0], status);
	ZVAL_STRING(&parameters[1], message);
	zend_object *cause = EG(exception);
	EG(exception) = NULL;
	zend_string *name = zend_string_init(ZEND_STRL("Pegel\\Exception"), 0);
	zend_class_entry *class = zend_lookup_class(name);
	zend_string_release(name);
	if (class) {
		zend_call_method_with_2_params(
			NULL, class, NULL, "of", &exception, &parameters[0], &parameters[1]);
	}
	if (!EG(exception)) {
		EG(exception) = cause;
		if (Z_TYPE(exception) == IS_OBJECT) {
			zend_throw_exception_object(&exception);
		} else {
			zend_throw_exception(spl_ce_RuntimeException, message, status);
		}
	} else if (cause) {
		zend_exception_set_previous(EG(exception), cause);
	}
	zval_ptr_dtor(&parameters[1]);
}

void pegel_fail(pegel_status status)
{
	fail(status, pegel_error_message());
}

void pegel_fail_with(pegel_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	zend_string *message = zend_vstrpprintf(0, format, arguments);
	va_end(arguments);
	fail(status, ZSTR_VAL(message));
	zend_string_release(message);
}
