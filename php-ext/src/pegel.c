/* The module: its settings, and what it does at the ends of requests. */

#include "php_pegel.h"
#include "ext/json/php_json.h"
#include "ext/spl/spl_exceptions.h"
#include "ext/standard/info.h"
#include "zend_interfaces.h"
#include "pegel_arginfo.h"

ZEND_DECLARE_MODULE_GLOBALS(pegel)

zend_class_entry *pegel_native_reader_ce, *pegel_native_writer_ce;

#define SETTING(name, default, who, how, member) \
	STD_PHP_INI_ENTRY("pegel." name, default, who, how, member, zend_pegel_globals, pegel_globals)

PHP_INI_BEGIN()
	SETTING("enable", "1", PHP_INI_SYSTEM, OnUpdateBool, enable)
	SETTING("classes", "1", PHP_INI_SYSTEM, OnUpdateBool, classes)
	SETTING("cache", "1", PHP_INI_ALL, OnUpdateBool, cache)
	SETTING("cache_limit", "1M", PHP_INI_SYSTEM, OnUpdateLongGEZero, cache_limit)
PHP_INI_END()

/* The newest reading, of the board that has replaced this one if need be. */
static zend_never_inline pegel_reading *read_anew(
	zend_string *name, pegel_board **board, pegel_reading *own)
{
	*board = EG(exception) ? NULL : pegel_board_open(name);
	if (!*board) {
		return NULL;
	}
	pegel_reading *reading = pegel_board_newest(*board, own, false);
	if (!reading && !EG(exception)) {
		pegel_fail(PEGEL_GONE);
	}
	return reading;
}

ZEND_FUNCTION(Pegel_read)
{
	zend_string *name;
	ZEND_PARSE_PARAMETERS_START(1, 1)
		Z_PARAM_STR(name)
	ZEND_PARSE_PARAMETERS_END();
	pegel_board *board = pegel_board_find(name);
	if (UNEXPECTED(!board)) {
		RETURN_THROWS();
	}
	pegel_reading own, *reading = pegel_board_newest(board, &own, false);
	if (UNEXPECTED(!reading)) {
		reading = read_anew(name, &board, &own);
		if (!reading) {
			RETURN_THROWS();
		}
	}
	const zval *value = pegel_reading_value(board, reading);
	if (EXPECTED(value)) {
		RETVAL_COPY((zval *) value);
	}
	if (UNEXPECTED(reading == &own)) {
		pegel_reading_free(&own);
	}
}

static PHP_GINIT_FUNCTION(pegel)
{
#if defined(COMPILE_DL_PEGEL) && defined(ZTS)
	ZEND_TSRMLS_CACHE_UPDATE();
#endif
	memset(pegel_globals, 0, sizeof *pegel_globals);
	zend_hash_init(&pegel_globals->boards, 8, NULL, NULL, true);
}

static PHP_GSHUTDOWN_FUNCTION(pegel)
{
	pegel_boards_close(pegel_globals);
}

static PHP_MINIT_FUNCTION(pegel)
{
	if (pegel_abi_version() != PEGEL_ABI_VERSION) {
		zend_error(E_CORE_WARNING,
			"pegel: libpegel %s has ABI %u, and this extension needs ABI %u. Update the older one",
			pegel_version(), pegel_abi_version(), PEGEL_ABI_VERSION);
		return FAILURE;
	}
	REGISTER_INI_ENTRIES();
	if (!PEGEL_G(enable)) {
		return SUCCESS;
	}
	zend_class_entry *native = register_class_Pegel_Native();
	zend_declare_class_constant_long(native, ZEND_STRL("API"), PEGEL_NATIVE_API);
	pegel_native_reader_register(register_class_Pegel_NativeReader());
	pegel_native_writer_register(register_class_Pegel_NativeWriter());
	if (PEGEL_G(classes)) {
		pegel_exceptions_register(register_class_Pegel_Exception(spl_ce_RuntimeException));
		pegel_reader_register(register_class_Pegel_Reader());
		pegel_snapshot_register(register_class_Pegel_Snapshot(
			zend_ce_arrayaccess, zend_ce_aggregate, zend_ce_countable, php_json_serializable_ce));
	}
	zend_register_functions(NULL, ext_functions, NULL, type);
	return SUCCESS;
}

static PHP_MSHUTDOWN_FUNCTION(pegel)
{
	UNREGISTER_INI_ENTRIES();
	return SUCCESS;
}

static PHP_RINIT_FUNCTION(pegel)
{
#if defined(COMPILE_DL_PEGEL) && defined(ZTS)
	ZEND_TSRMLS_CACHE_UPDATE();
#endif
	PEGEL_G(request)++;
	PEGEL_G(is_active) = true;
	PEGEL_G(last_name) = NULL;
	return SUCCESS;
}

static PHP_RSHUTDOWN_FUNCTION(pegel)
{
	pegel_boards_end_request();
	return SUCCESS;
}

/* Nothing of the request is left. */
static ZEND_MODULE_POST_ZEND_DEACTIVATE_D(pegel)
{
	pegel_free_retired(ZEND_MODULE_GLOBALS_BULK(pegel));
	return SUCCESS;
}

static PHP_MINFO_FUNCTION(pegel)
{
	char number[24];
	php_info_print_table_start();
	php_info_print_table_row(2, "Pegel", PEGEL_G(enable) ? "enabled" : "disabled");
	php_info_print_table_row(2, "Version", PHP_PEGEL_VERSION);
	php_info_print_table_row(2, "libpegel", pegel_version());
#ifdef PEGEL_YYJSON
	php_info_print_table_row(2, "JSON parser", "yyjson");
#else
	php_info_print_table_row(2, "JSON parser", "PHP");
#endif
	snprintf(number, sizeof number, "%d", PEGEL_NATIVE_API);
	php_info_print_table_row(2, "Interface of the package", number);
	snprintf(number, sizeof number, "%u", zend_hash_num_elements(&PEGEL_G(boards)));
	php_info_print_table_row(2, "Open boards", number);
	php_info_print_table_end();
	DISPLAY_INI_ENTRIES();
}

static const zend_module_dep dependencies[] = {
	ZEND_MOD_REQUIRED("json")
	ZEND_MOD_REQUIRED("spl")
	ZEND_MOD_END
};

zend_module_entry pegel_module_entry = {
	STANDARD_MODULE_HEADER_EX,
	NULL,
	dependencies,
	"pegel",
	NULL,
	PHP_MINIT(pegel),
	PHP_MSHUTDOWN(pegel),
	PHP_RINIT(pegel),
	PHP_RSHUTDOWN(pegel),
	PHP_MINFO(pegel),
	PHP_PEGEL_VERSION,
	PHP_MODULE_GLOBALS(pegel),
	PHP_GINIT(pegel),
	PHP_GSHUTDOWN(pegel),
	ZEND_MODULE_POST_ZEND_DEACTIVATE_N(pegel),
	STANDARD_MODULE_PROPERTIES_EX,
};

#ifdef COMPILE_DL_PEGEL
# ifdef ZTS
ZEND_TSRMLS_CACHE_DEFINE()
# endif
ZEND_GET_MODULE(pegel)
#endif
