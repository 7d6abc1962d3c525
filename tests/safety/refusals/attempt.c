// Tries one thing with a board for test_bad_boards.py: prints the status, and the message and the
// call of a failure.

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

static void end(const char *call, pegel_status status) {
  if (status == PEGEL_OK)
    puts("0\t");
  else
    printf("%d\t%s\t%s\n", (int)status, pegel_error_message(), call);
  exit(0);
}

static void check(const char *call, pegel_status status) {
  if (status != PEGEL_OK)
    end(call, status);
}

// The last call, and one before it.
#define END(call) end(#call, call)
#define CHECK(call) check(#call, call)

// Somebody removes the lock file alone.
static void lose_lock(const char *board, const struct tank *tank) {
  char lock[4096];
  pegel_writer *writer;
  snprintf(lock, sizeof lock, "%s/pegel.%s.lock", getenv("PEGEL_DIR"), board);
  CHECK(pegel_writer_open(board, 0, &writer));
  CHECK(pegel_writer_publish(writer, tank, sizeof *tank, NULL));
  if (remove(lock) != 0)
    exit(2);
  while (pegel_writer_publish(writer, tank, sizeof *tank, NULL) == PEGEL_OK)
    ;
  END(pegel_writer_publish(writer, tank, sizeof *tank, NULL));
}

int main(int count, char **arguments) {
  if (count != 3)
    return 2;
  const char *action = arguments[1], *board = arguments[2];
  // A checksum covers the padding, too.
  struct tank tank;
  memset(&tank, 0, sizeof tank);
  tank.level = 3.21;
  tank.rain = true;
  memcpy(tank.note, "rising", 6);
  uint64_t sequence;
  pegel_writer *writer;
  pegel_reader *reader;

  if (strcmp(action, "create") == 0) {
    CHECK(pegel_writer_create(board, tank_fields, 3, NULL, &writer));
    END(pegel_writer_publish(writer, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "differ") == 0)
    END(pegel_writer_create(board, other_fields, 1, NULL, &writer));
  if (strcmp(action, "unlink") == 0)
    END(pegel_unlink(board));
  if (strcmp(action, "write") == 0) {
    CHECK(pegel_writer_open(board, 0, &writer));
    END(pegel_writer_publish(writer, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "lose_lock") == 0)
    lose_lock(board, &tank);
  if (strcmp(action, "conflict") == 0) {
    CHECK(pegel_writer_open(board, 0, &writer));
    END(pegel_writer_publish_if(writer, 1000, &tank, sizeof tank, NULL));
  }
  if (strcmp(action, "read_untrusted") == 0) {
    CHECK(pegel_reader_open_untrusted(board, NULL, 0, NULL, &reader));
    END(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  }
  CHECK(pegel_reader_open(board, &reader));
  if (strcmp(action, "read") == 0)
    END(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  if (strcmp(action, "read_at") == 0)
    END(pegel_reader_read_at(reader, 1000, &tank, sizeof tank, NULL));
  if (strcmp(action, "wait") == 0)
    END(pegel_reader_wait(reader, 1000, 1000, &sequence));
  if (strcmp(action, "lose") == 0) {
    CHECK(pegel_unlink(board));
    END(pegel_reader_read(reader, &tank, sizeof tank, NULL));
  }
  return 2;
}
