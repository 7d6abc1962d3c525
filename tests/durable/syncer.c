// Opens a durable board, prints the restored record, publishes LEVEL, syncs, and waits.
#include <inttypes.h>
#include <pegel.h>
#include <stdio.h>
#include <stdlib.h>

static pegel_status check(pegel_status status) {
  if (status != PEGEL_OK && status != PEGEL_EMPTY) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
  return status;
}

int main(int argc, char **argv) {
  double level = 0;
  uint64_t sequence;
  pegel_field field = {.name = "level", .unit = "m", .type = PEGEL_F64};
  pegel_options options = {.size = sizeof options, .flags = PEGEL_DURABLE};
  pegel_stamp stamp = {.size = sizeof stamp};
  pegel_info info = {.size = sizeof info};
  pegel_writer *writer;
  check(pegel_writer_create("gauge", &field, 1, &options, &writer));
  check(pegel_reader_info(pegel_writer_reader(writer), &info));
  check(pegel_reader_read(pegel_writer_reader(writer), &level, sizeof level, &stamp));
  const char *kind = (info.flags & PEGEL_DURABLE) != 0 ? "durable" : "";
  printf("%" PRIu64 " %g %s\n", stamp.sequence, level, kind);

  level = strtod(argv[argc - 1], NULL);
  check(pegel_writer_publish(writer, &level, sizeof level, NULL));
  check(pegel_writer_sync(writer, &sequence));
  printf("%" PRIu64 "\n", sequence);
  fflush(stdout);
  getchar();
  pegel_writer_close(writer);
  return 0;
}
