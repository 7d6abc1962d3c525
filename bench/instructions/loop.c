// Reads or publishes a record of 64 bytes TIMES times: `loop WAY TIMES`.

#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "loop read|read-stamp|publish|publish-unstamped TIMES\n");
    return 2;
  }
  const char *way = arguments[1];
  long times = atol(arguments[2]);
  bool is_unstamped = strcmp(way, "publish-unstamped") == 0;
  pegel_field field = {.name = "words", .type = PEGEL_U64, .count = 8};
  pegel_options options = {.size = sizeof options, .flags = is_unstamped ? PEGEL_UNSTAMPED : 0};
  pegel_writer *writer;
  check(pegel_writer_create("loop", &field, 1, &options, &writer));
  uint64_t record[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  check(pegel_writer_publish(writer, record, sizeof record, NULL));
  pegel_reader *reader;
  check(pegel_reader_open("loop", &reader));
  pegel_stamp stamp = {.size = sizeof stamp};
  pegel_stamp *wanted = strcmp(way, "read-stamp") == 0 ? &stamp : NULL;
  bool is_read = strncmp(way, "read", 4) == 0;
  for (long turn = 0; turn < times; turn++) {
    if (is_read) {
      check(pegel_reader_read(reader, record, sizeof record, wanted));
    } else {
      check(pegel_writer_publish(writer, record, sizeof record, NULL));
    }
  }
  pegel_reader_close(reader);
  pegel_writer_close(writer);
}
