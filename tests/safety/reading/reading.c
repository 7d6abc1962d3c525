// Parts of records, records without stamps, and boards that stay open: prints what goes wrong. With
// the argument `leave`, it leaves a board whose record has no stamp.

#include <inttypes.h>
#include <pegel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 200 };

static void expect(pegel_status status, pegel_status expected, const char *what) {
  if (status != expected) {
    printf("%s: %s instead of %s: %s\n", what, pegel_status_name(status),
           pegel_status_name(expected), pegel_error_message());
    exit(1);
  }
}

static void ensure(int is_true, const char *what) {
  if (!is_true) {
    printf("%s\n", what);
    exit(1);
  }
}

static pegel_writer *create(uint32_t flags) {
  const pegel_field field = {.name = "bytes", .type = PEGEL_U8, .count = SIZE};
  const pegel_options options = {.size = sizeof options, .flags = flags};
  pegel_writer *writer;
  expect(pegel_writer_create("parts", &field, 1, &options, &writer), PEGEL_OK, "create");
  return writer;
}

static void publish(pegel_writer *writer, unsigned char first) {
  unsigned char record[SIZE];
  for (int i = 0; i < SIZE; i++) {
    record[i] = (unsigned char)(first + i);
  }
  expect(pegel_writer_publish(writer, record, SIZE, NULL), PEGEL_OK, "publish");
}

// Every part is what it is of the whole.
static void read_parts(const pegel_reader *reader, unsigned char first) {
  for (size_t offset = 0; offset <= SIZE; offset++) {
    for (size_t size = 0; size <= SIZE - offset; size += size < 20 ? 1 : 17) {
      // A separate allocation, so that memory checkers see a byte too many.
      unsigned char *part = malloc(size + (size == 0));
      pegel_stamp stamp = {.size = sizeof stamp};
      pegel_stamp *wanted = offset % 3 == 0 ? &stamp : NULL;
      expect(pegel_reader_read_part(reader, offset, part, size, wanted), PEGEL_OK, "a part");
      for (size_t i = 0; i < size; i++) {
        ensure(part[i] == (unsigned char)(first + offset + i), "a part is another one");
      }
      ensure(wanted == NULL || stamp.record_size == SIZE, "the stamp is not that of the record");
      free(part);
    }
  }
  unsigned char part[8];
  const size_t offsets[] = {SIZE - 7, SIZE, SIZE + 8, SIZE_MAX, SIZE_MAX - 7};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
    const pegel_status status = pegel_reader_read_part(reader, offsets[i], part, 8, NULL);
    expect(status, PEGEL_INVALID_ARGUMENT, "a part beyond the end");
  }
  expect(pegel_reader_read_part(reader, 0, NULL, 8, NULL), PEGEL_INVALID_ARGUMENT, "no part");
  expect(pegel_reader_read_part(NULL, 0, part, 8, NULL), PEGEL_INVALID_ARGUMENT, "no reader");
}

// Publications without a stamp have their sequence, and no age.
static void read_unstamped(pegel_writer *writer, const pegel_reader *reader) {
  for (uint64_t sequence = 2; sequence <= 1000; sequence++) {
    publish(writer, (unsigned char)sequence);
    unsigned char record[SIZE];
    pegel_stamp stamp = {.size = sizeof stamp};
    expect(pegel_reader_read(reader, record, SIZE, &stamp), PEGEL_OK, "read");
    ensure(stamp.sequence == sequence, "another sequence");
    ensure(stamp.age_ns == INT64_MAX && stamp.published_ns == 0, "a time out of nowhere");
    ensure(record[0] == (unsigned char)sequence, "another record");
    expect(pegel_reader_read(reader, record, SIZE, NULL), PEGEL_OK, "read");
    ensure(record[SIZE - 1] == (unsigned char)(sequence + SIZE - 1), "another end");
    expect(pegel_reader_read(reader, record, SIZE - 1, NULL), PEGEL_TOO_LARGE, "a small buffer");
  }
}

// A reader of a board that was replaced notices it: at once, or by its 8192nd call where somebody
// removed the file by hand.
static void find_out(int by_hand) {
  pegel_writer *writer = create(0);
  publish(writer, 1);
  pegel_reader *reader, *other;
  expect(pegel_reader_open("parts", &reader), PEGEL_OK, "open");
  expect(pegel_reader_open("parts", &other), PEGEL_OK, "open");
  ensure(pegel_reader_sequence(reader) == 1, "another sequence");
  pegel_writer_close(writer);
  if (by_hand) {
    ensure(remove("pegel.parts") == 0 && remove("pegel.parts.lock") == 0, "cannot remove it");
  } else {
    expect(pegel_unlink("parts"), PEGEL_OK, "unlink");
  }
  writer = create(0);
  publish(writer, 2);
  int asked = 0;
  while (asked <= 8192 && pegel_reader_sequence(reader) != UINT64_MAX) {
    asked++;
  }
  ensure(by_hand ? asked <= 8192 : asked == 0, "the sequence goes on");
  ensure(strstr(pegel_error_message(), "was replaced or removed") != NULL, "no message");
  unsigned char record[SIZE];
  asked = 0;
  while (asked <= 8192 && pegel_reader_read(other, record, SIZE, NULL) == PEGEL_OK) {
    asked++;
  }
  expect(pegel_reader_read(other, record, SIZE, NULL), PEGEL_GONE, "read");
  pegel_reader_close(reader);
  pegel_reader_close(other);
  pegel_writer_close(writer);
  expect(pegel_unlink("parts"), PEGEL_OK, "unlink");
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "leave") == 0) {
    pegel_writer *writer = create(PEGEL_UNSTAMPED);
    publish(writer, 1);
    pegel_writer_close(writer);
    return 0;
  }
  find_out(0);
  find_out(1);
  pegel_writer *writer = create(0);
  publish(writer, 7);
  pegel_reader *reader, *kept;
  expect(pegel_reader_open("parts", &reader), PEGEL_OK, "open");
  read_parts(reader, 7);
  pegel_writer_close(writer);
  writer = create(PEGEL_UNSTAMPED);
  read_unstamped(writer, reader);
  pegel_reader_close(reader);
  for (int i = 0; i < 3; i++) {
    expect(pegel_reader_open_cached("parts", &kept), PEGEL_OK, "open kept");
    read_parts(kept, (unsigned char)1000);
    expect(pegel_reader_is_current(kept), 1, "a board that is there");
    pegel_reader_close(kept);
  }
  expect(pegel_reader_is_current(NULL), 0, "no reader");
  pegel_writer_close(writer);
  expect(pegel_unlink("parts"), PEGEL_OK, "unlink");
  expect(pegel_reader_open_cached("parts", &kept), PEGEL_NOT_FOUND, "open what was removed");
  writer = create(0);
  publish(writer, 9);
  expect(pegel_reader_open_cached("parts", &kept), PEGEL_OK, "open the new board");
  read_parts(kept, 9);
  pegel_writer_close(writer);
  expect(pegel_unlink("parts"), PEGEL_OK, "unlink the new board");
  expect(pegel_reader_is_current(kept), 0, "a board that was removed");
  pegel_writer_close(create(0));
  expect(pegel_reader_is_current(kept), 0, "a board that was replaced");
  pegel_reader_close(kept);
  return 0;
}
