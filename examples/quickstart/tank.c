#include <inttypes.h>
#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct tank { double level; bool rain; char note[24]; };

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

int main(void) {
  pegel_field fields[] = {
    {.name = "level", .unit = "m", .type = PEGEL_F64},
    {.name = "rain", .type = PEGEL_BOOL},
    {.name = "note", .type = PEGEL_TEXT, .size = 24},
  };
  struct tank tank = {3.21, true, "rising"};
  pegel_writer *writer;
  check(pegel_writer_create("tank", fields, 3, NULL, &writer));
  check(pegel_writer_publish(writer, &tank, sizeof tank, NULL));
  pegel_writer_close(writer);

  pegel_reader *reader;
  pegel_stamp stamp = {.size = sizeof stamp};
  check(pegel_reader_open("tank", &reader));
  check(pegel_reader_read(reader, &tank, sizeof tank, &stamp));
  printf("%g m, %.24s, %" PRId64 " ns old\n", tank.level, tank.note, stamp.age_ns);
  pegel_reader_close(reader);
}
