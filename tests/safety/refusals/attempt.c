// Tries one thing with a board for test_bad_boards.py: prints the status and its message.

#include <inttypes.h>
#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tank {
  double level;
  bool rain;
  char note[24];
};

static const pegel_field tank_fields[] = {
    {"level", "m", PEGEL_F64, 0, 0, 0},
    {"rain", "", PEGEL_BOOL, 0, 0, 0},
    {"note", "", PEGEL_TEXT, 24, 0, 0},
};
static const pegel_field other_fields[] = {{"level", "cm", PEGEL_F64, 0, 0, 0}};

static void tell(pegel_status status) {
  printf("%d\t%s\n", (int)status, status == PEGEL_OK ? "" : pegel_error_message());
  exit(0);
}

static void check(pegel_status status) {
  if (status != PEGEL_OK)
    tell(status);
}

int main(int count, char **arguments) {
  if (count != 3)
    return 2;
  const char *action = arguments[1], *board = arguments[2];
  // A checksum is also of what pads it.
  struct tank tank;
  memset(&tank, 0, sizeof tank);
  tank.level = 3.21;
  tank.rain = true;
  memcpy(tank.note, "rising", 6);
  uint64_t sequence;
  pegel_writer *writer;
  pegel_reader *reader;

  if (strcmp(action, "create") == 0) {
    check(pegel_writer_create(board, tank_fields, 3, NULL, &writer));
    tell(pegel_writer_publish(writer, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "differ") == 0)
    tell(pegel_writer_create(board, other_fields, 1, NULL, &writer));
  if (strcmp(action, "unlink") == 0)
    tell(pegel_unlink(board));
  if (strcmp(action, "write") == 0) {
    check(pegel_writer_open(board, 0, &writer));
    tell(pegel_writer_publish(writer, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "conflict") == 0) {
    check(pegel_writer_open(board, 0, &writer));
    tell(pegel_writer_publish_if(writer, 1000, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "read_untrusted") == 0) {
    check(pegel_reader_open_untrusted(board, NULL, 0, NULL, &reader));
    tell(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  }
  check(pegel_reader_open(board, &reader));
  if (strcmp(action, "read") == 0)
    tell(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  if (strcmp(action, "read_at") == 0)
    tell(pegel_reader_read_at(reader, 1000, &tank, sizeof tank, NULL));
  if (strcmp(action, "wait") == 0)
    tell(pegel_reader_wait(reader, 1000, 1000, &sequence));
  if (strcmp(action, "lose") == 0) {
    check(pegel_unlink(board));
    tell(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  }
  return 2;
}
