// Asks for what the library must refuse for test_bad_values.py: prints each status and its message.

#include <pegel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pegel_field field(const char *name, uint32_t type) {
  pegel_field field = {.type = type};
  strncpy(field.name, name, sizeof field.name);
  return field;
}

static void tell(const char *what, pegel_status status) {
  printf("%s\t%d\t%s\n", what, (int)status, status == PEGEL_OK ? "" : pegel_error_message());
}

static void layout(const char *what, pegel_field field) {
  size_t size;
  tell(what, pegel_layout(&field, 1, &size));
}

static void bad_fields(void) {
  pegel_field bad = field("level", PEGEL_F64);
  layout("empty name", field("", PEGEL_F64));
  layout("bad name", field("1st", PEGEL_F64));
  layout("name without end", field("abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", PEGEL_F64));
  layout("no type", field("level", 0));
  layout("unknown type", field("level", 15));
  layout("text without size", field("note", PEGEL_TEXT));
  bad.size = 4;
  layout("other size", bad);
  bad.size = 0, bad.offset = 4;
  layout("other offset", bad);
  bad.offset = 0, bad.count = UINT32_MAX;
  layout("too many elements", bad);
  bad.count = 1, memset(bad.unit, 'm', sizeof bad.unit);
  layout("unit without end", bad);
  memset(bad.unit, 0, sizeof bad.unit), bad.unit[0] = (char)0xff;
  layout("unit that is no UTF-8", bad);

  size_t size;
  pegel_field twice[] = {field("level", PEGEL_F64), field("level", PEGEL_F32)};
  tell("twice", pegel_layout(twice, 2, &size));
  pegel_field mixed[] = {field("level", PEGEL_F64), field("document", PEGEL_JSON)};
  mixed[1].size = 10;
  tell("document among fields", pegel_layout(mixed, 2, &size));
  tell("no fields", pegel_layout(twice, 0, &size));
  tell("fields NULL", pegel_layout(NULL, 1, &size));
  tell("size NULL", pegel_layout(twice, 1, NULL));
}

static void bad_options(const char *board) {
  const pegel_field level = field("level", PEGEL_F64);
  pegel_writer *writer = NULL;
  pegel_options options = {0, 0, 0, 0, NULL, 0};
  tell("options without size", pegel_writer_create(board, &level, 1, &options, &writer));
  options.size = sizeof options, options.slots = 5;
  tell("5 slots", pegel_writer_create(board, &level, 1, &options, &writer));
  options.slots = 0, options.mode = 0666;
  tell("mode 0666", pegel_writer_create(board, &level, 1, &options, &writer));
  options.mode = 0, options.flags = 1u << 31;
  tell("unknown flag", pegel_writer_create(board, &level, 1, &options, &writer));
  tell("board NULL", pegel_writer_create(NULL, &level, 1, NULL, &writer));
  tell("writer NULL", pegel_writer_create(board, &level, 1, NULL, NULL));
  if (writer)
    puts("an out-parameter was written");
}

static void bad_records(const char *board) {
  const pegel_field fields[] = {field("level", PEGEL_F64), field("flow", PEGEL_F64)};
  pegel_writer *writer;
  pegel_field found;
  double record[3] = {1, 2, 3};
  size_t count;
  pegel_stamp stamp = {0};
  pegel_info info = {0};
  uint64_t sequence;
  if (pegel_writer_create(board, fields, 2, NULL, &writer) != PEGEL_OK)
    exit(1);
  const pegel_reader *reader = pegel_writer_reader(writer);
  tell("record too long", pegel_writer_publish(writer, record, sizeof record, NULL));
  tell("record too short", pegel_writer_publish(writer, record, 8, NULL));
  tell("record NULL", pegel_writer_publish(writer, NULL, 16, NULL));
  tell("publish by NULL", pegel_writer_publish(NULL, record, 16, NULL));
  tell("good record", pegel_writer_publish(writer, record, 16, NULL));
  tell("buffer too small", pegel_reader_read(reader, record, 15, NULL));
  tell("buffer NULL", pegel_reader_read(reader, NULL, 16, NULL));
  tell("read by NULL", pegel_reader_read(NULL, record, 16, NULL));
  tell("stamp without size", pegel_reader_read(reader, record, 16, &stamp));
  tell("info without size", pegel_reader_info(reader, &info));
  tell("unknown field", pegel_reader_field(reader, "depth", &found));
  tell("no room for fields", pegel_reader_fields(reader, &found, 1, &count));
  tell("sequence NULL", pegel_reader_wait(reader, 0, 0, NULL));
  tell("good wait", pegel_reader_wait(reader, 0, 0, &sequence));
  pegel_writer_close(writer);
  pegel_writer_close(NULL);
  pegel_reader_close(NULL);
  printf("sequence of NULL\t%d\t\n", (int)pegel_reader_sequence(NULL));
}

int main(int count, char **arguments) {
  if (count != 2)
    return 2;
  bad_fields();
  bad_options(arguments[1]);
  bad_records(arguments[1]);
  return 0;
}
