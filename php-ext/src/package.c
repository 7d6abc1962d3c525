/* What is rare is left to the package in PHP: to its class Pegel\ExtensionReader. */

#include "php_pegel.h"
#include "zend_interfaces.h"

static zend_class_entry *find(const char *class)
{
	zend_string *name = zend_string_init(class, strlen(class), 0);
	zend_class_entry *found = zend_lookup_class(name);
	zend_string_release(name);
	return found;
}

/* Whether the package is there, and expects of the extension what this one has. */
static bool is_fit(void)
{
	if (!find("Pegel\\Extension")) {
		return false;
	}
	zend_string *class = zend_string_init(ZEND_STRL("Pegel\\Extension"), 0);
	zend_string *name = zend_string_init(ZEND_STRL("API"), 0);
	zval *api = zend_get_class_constant_ex(class, name, NULL, ZEND_FETCH_CLASS_SILENT);
	zend_string_release(class);
	zend_string_release(name);
	return api && Z_TYPE_P(api) == IS_LONG && Z_LVAL_P(api) == PEGEL_NATIVE_API;
}

/* False with an exception; else the result is the caller's. */
bool pegel_call_package(const char *method, zval *result, uint32_t count, zval *arguments)
{
	ZVAL_UNDEF(result);
	zend_class_entry *class = is_fit() ? find("Pegel\\ExtensionReader") : NULL;
	zend_function *function = class
		? zend_hash_str_find_ptr_lc(&class->function_table, method, strlen(method))
		: NULL;
	if (!function) {
		if (!EG(exception)) {
			pegel_fail_with(PEGEL_UNSUPPORTED,
				"this needs a package pegel/pegel that fits the extension pegel " PHP_PEGEL_VERSION
				" (interface %d). Run `composer update pegel/pegel`, or set pegel.classes=0 in php.ini",
				PEGEL_NATIVE_API);
		}
		return false;
	}
	zend_call_known_function(function, NULL, class, result, count, arguments, NULL);
	return !EG(exception);
}
