PHP_ARG_WITH([pegel],
  [for Pegel],
  [AS_HELP_STRING([--with-pegel=DIR],
    [Boards of Pegel. DIR has include/pegel.h and the library in lib/; without DIR, /usr/local or
     /usr has them])])

PHP_ARG_ENABLE([pegel-static],
  [whether libpegel becomes a part of the extension],
  [AS_HELP_STRING([--enable-pegel-static],
    [Link DIR/lib/libpegel.a, so that the extension needs no other file])],
  [no],
  [no])

PHP_ARG_WITH([pegel-yyjson],
  [for yyjson],
  [AS_HELP_STRING([--with-pegel-yyjson=DIR],
    [Decode documents by yyjson, in a third of the time: the system's, or that of which DIR has
     yyjson.c and yyjson.h. Without it, PHP's own parser decodes them])],
  [auto],
  [no])

if test "$PHP_PEGEL" != "no"; then
  if test "$PHP_PEGEL" = "yes"; then
    for directory in /usr/local /usr; do
      if test -r "$directory/include/pegel.h"; then
        PHP_PEGEL=$directory
        break
      fi
    done
  fi
  AC_MSG_CHECKING([for pegel.h])
  if test ! -r "$PHP_PEGEL/include/pegel.h"; then
    AC_MSG_ERROR([no include/pegel.h in $PHP_PEGEL. Install Pegel, or name its directory: --with-pegel=DIR])
  fi
  AC_MSG_RESULT([$PHP_PEGEL/include/pegel.h])
  PHP_ADD_INCLUDE([$PHP_PEGEL/include])

  if test "$PHP_PEGEL_STATIC" != "no"; then
    dnl Only get_module remains visible: another libpegel in the process is another library.
    PEGEL_SHARED_LIBADD="$PHP_PEGEL/lib/libpegel.a -lgcc_s -lpthread -ldl -lm"
    LDFLAGS="$LDFLAGS -Wl,--exclude-libs,libpegel.a"
  else
    PHP_ADD_LIBRARY_WITH_PATH([pegel], [$PHP_PEGEL/lib], [PEGEL_SHARED_LIBADD])
  fi

  PEGEL_SOURCES="src/pegel.c src/failure.c src/number.c src/board.c src/reading.c src/wait.c src/plan.c src/decode.c src/encode.c src/value.c \
    src/json.c src/native.c src/native_reader.c src/native_writer.c src/exceptions.c \
    src/package.c src/reader.c src/reader_open.c src/reader_package.c src/snapshot.c \
    src/snapshot_access.c"
  AC_MSG_CHECKING([for yyjson])
  if test -r "$PHP_PEGEL_YYJSON/yyjson.c"; then
    AC_MSG_RESULT([$PHP_PEGEL_YYJSON])
    PEGEL_SOURCES="$PEGEL_SOURCES src/json_yyjson.c"
    AC_DEFINE_UNQUOTED([PEGEL_YYJSON_SOURCE], ["$PHP_PEGEL_YYJSON/yyjson.c"], [What has yyjson])
    AC_DEFINE([PEGEL_YYJSON], [1], [Documents are decoded by yyjson])
  elif test "$PHP_PEGEL_YYJSON" != "no" && pkg-config --exists yyjson; then
    AC_MSG_RESULT([yes])
    PHP_EVAL_INCLINE([$(pkg-config --cflags yyjson)])
    PHP_EVAL_LIBLINE([$(pkg-config --libs yyjson)], [PEGEL_SHARED_LIBADD])
    PEGEL_SOURCES="$PEGEL_SOURCES src/json_yyjson.c"
    AC_DEFINE([PEGEL_YYJSON], [1], [Documents are decoded by yyjson])
  elif test "$PHP_PEGEL_YYJSON" = "no" || test "$PHP_PEGEL_YYJSON" = "auto"; then
    AC_MSG_RESULT([no])
  else
    AC_MSG_ERROR([no yyjson. Install libyyjson-dev, or name a directory with yyjson.c])
  fi

  PHP_SUBST([PEGEL_SHARED_LIBADD])
  PHP_ADD_EXTENSION_DEP([pegel], [json])
  PHP_NEW_EXTENSION([pegel], [$PEGEL_SOURCES], [$ext_shared],,
    [-DZEND_ENABLE_STATIC_TSRMLS_CACHE=1 -std=gnu11 -fvisibility=hidden -Wall -Wextra -Werror=implicit-function-declaration -Wno-unused-parameter])
fi
