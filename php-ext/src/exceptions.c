/* The exceptions: one for each status of libpegel, with its number as the code. */

#include "php_pegel.h"
#include "ext/spl/spl_exceptions.h"
#include "zend_exceptions.h"
#include "zend_interfaces.h"

static const struct {
	const char *name;
	int status;
} kinds[] = {
	{ "Pegel\\InvalidArgument", PEGEL_INVALID_ARGUMENT },
	{ "Pegel\\InvalidFields", PEGEL_INVALID_FIELDS },
	{ "Pegel\\TooLarge", PEGEL_TOO_LARGE },
	{ "Pegel\\NotFound", PEGEL_NOT_FOUND },
	{ "Pegel\\Locked", PEGEL_LOCKED },
	{ "Pegel\\Unpublished", PEGEL_EMPTY },
	{ "Pegel\\Overwritten", PEGEL_OVERWRITTEN },
	{ "Pegel\\Timeout", PEGEL_TIMEOUT },
	{ "Pegel\\Busy", PEGEL_BUSY },
	{ "Pegel\\Gone", PEGEL_GONE },
	{ "Pegel\\Conflict", PEGEL_CONFLICT },
	{ "Pegel\\Full", PEGEL_FULL },
	{ "Pegel\\Corrupt", PEGEL_CORRUPT },
	{ "Pegel\\Unsupported", PEGEL_UNSUPPORTED },
	{ "Pegel\\Untrusted", PEGEL_UNTRUSTED },
	{ "Pegel\\Denied", PEGEL_DENIED },
	{ "Pegel\\System", PEGEL_SYSTEM },
	{ "Pegel\\NoSpace", PEGEL_NO_SPACE },
	{ "Pegel\\Panic", PEGEL_PANIC },
	/* The package's own, for a library that cannot be used. */
	{ "Pegel\\Unavailable", 0 },
};

#define KINDS (sizeof kinds / sizeof *kinds)

static zend_class_entry *classes[KINDS];

void pegel_exceptions_register(zend_class_entry *parent)
{
	for (size_t i = 0; i < KINDS; i++) {
		zend_class_entry class;
		INIT_CLASS_ENTRY_EX(class, kinds[i].name, strlen(kinds[i].name), NULL);
		classes[i] = zend_register_internal_class_ex(&class, parent);
		classes[i]->ce_flags |= ZEND_ACC_FINAL;
		zend_declare_class_constant_long(classes[i], ZEND_STRL("CODE"), kinds[i].status);
	}
	/* The last one, as the others would inherit it and could not have their own. */
	zend_declare_class_constant_long(parent, ZEND_STRL("CODE"), 0);
}

/* The class of a status, once they are registered. A newer library may have more statuses. */
zend_class_entry *pegel_exception_of(pegel_status status)
{
	size_t system = 0;
	for (size_t i = 0; i < KINDS - 1; i++) {
		if (kinds[i].status == (int) status) {
			return classes[i];
		}
		if (kinds[i].status == PEGEL_SYSTEM) {
			system = i;
		}
	}
	return classes[system];
}

ZEND_METHOD(Pegel_Exception, __construct)
{
	zend_string *message;
	zval *previous = NULL;
	ZEND_PARSE_PARAMETERS_START(1, 2)
		Z_PARAM_STR(message)
		Z_PARAM_OPTIONAL
		Z_PARAM_OBJECT_OF_CLASS_OR_NULL(previous, zend_ce_throwable)
	ZEND_PARSE_PARAMETERS_END();
	zend_object *this = Z_OBJ_P(ZEND_THIS);
	zend_string *name = zend_string_init(ZEND_STRL("CODE"), 0);
	zval *code = zend_get_class_constant_ex(this->ce->name, name, this->ce, 0);
	zend_string_release(name);
	zend_update_property_str(zend_ce_exception, this, ZEND_STRL("message"), message);
	if (code) {
		zend_update_property(zend_ce_exception, this, ZEND_STRL("code"), code);
	}
	if (previous) {
		zend_update_property(zend_ce_exception, this, ZEND_STRL("previous"), previous);
	}
}

ZEND_METHOD(Pegel_Exception, of)
{
	zend_long status;
	zend_string *message;
	ZEND_PARSE_PARAMETERS_START(2, 2)
		Z_PARAM_LONG(status)
		Z_PARAM_STR(message)
	ZEND_PARSE_PARAMETERS_END();
	zend_class_entry *class = pegel_exception_of((pegel_status) status);
	object_init_ex(return_value, class);
	zval parameter;
	ZVAL_STR(&parameter, message);
	zend_call_known_instance_method_with_1_params(
		class->constructor, Z_OBJ_P(return_value), NULL, &parameter);
}
