// Asks for what the library must refuse for test_bad_values.py: prints each call, its status and
// its message.

#include <pegel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pegel_field field(const char *name, uint32_t type) {
  pegel_field field = {.type = type};
  strncpy(field.name, name, sizeof field.name);
  return field;
}

static void report(const char *what, const char *call, pegel_status status) {
  const char *message = status == PEGEL_OK ? "" : pegel_error_message();
  printf("%s\t%s\t%d\t%s\n", what, call, (int)status, message);
}

#define REPORT(what, call) report(what, #call, call)

static void layout(const char *what, pegel_field field) {
  size_t size;
  REPORT(what, pegel_layout(&field, 1, &size));
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
  layout("unit that is not UTF-8", bad);

  size_t size;
  pegel_field twice[] = {field("level", PEGEL_F64), field("level", PEGEL_F32)};
  REPORT("twice", pegel_layout(twice, 2, &size));
  pegel_field mixed[] = {field("level", PEGEL_F64), field("document", PEGEL_JSON)};
  mixed[1].size = 10;
  REPORT("document among fields", pegel_layout(mixed, 2, &size));
  REPORT("no fields", pegel_layout(twice, 0, &size));
  REPORT("fields NULL", pegel_layout(NULL, 1, &size));
  REPORT("size NULL", pegel_layout(twice, 1, NULL));
}

static void bad_options(const char *board) {
  const pegel_field level = field("level", PEGEL_F64);
  pegel_writer *writer = NULL;
  pegel_options options = {0};
  REPORT("options without size", pegel_writer_create(board, &level, 1, &options, &writer));
  options.size = sizeof options, options.slots = 5;
  REPORT("5 slots", pegel_writer_create(board, &level, 1, &options, &writer));
  options.slots = 0, options.mode = 0666;
  REPORT("mode 0666", pegel_writer_create(board, &level, 1, &options, &writer));
  options.mode = 0, options.flags = 1u << 31;
  REPORT("unknown flag", pegel_writer_create(board, &level, 1, &options, &writer));
  REPORT("board NULL", pegel_writer_create(NULL, &level, 1, NULL, &writer));
  REPORT("writer NULL", pegel_writer_create(board, &level, 1, NULL, NULL));
  if (writer)
    puts("an out-parameter was written");
  struct {
    pegel_options options;
    uint64_t more;
  } newer = {{sizeof newer, 0, 0, 0, NULL, 0}, 1};
  REPORT("options of a newer program",
         pegel_writer_create(board, &level, 1, &newer.options, &writer));
  newer.more = 0, newer.options.slots = 3;
  REPORT("newer options that are zero",
         pegel_writer_create(board, &level, 1, &newer.options, &writer));
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
  REPORT("record too long", pegel_writer_publish(writer, record, sizeof record, NULL));
  REPORT("record too short", pegel_writer_publish(writer, record, 8, NULL));
  REPORT("record NULL", pegel_writer_publish(writer, NULL, 16, NULL));
  REPORT("publish by NULL", pegel_writer_publish(NULL, record, 16, NULL));
  REPORT("good record", pegel_writer_publish(writer, record, 16, NULL));
  REPORT("buffer too small", pegel_reader_read(reader, record, 15, NULL));
  REPORT("buffer NULL", pegel_reader_read(reader, NULL, 16, NULL));
  REPORT("read by NULL", pegel_reader_read(NULL, record, 16, NULL));
  REPORT("stamp without size", pegel_reader_read(reader, record, 16, &stamp));
  REPORT("info without size", pegel_reader_info(reader, &info));
  REPORT("unknown field", pegel_reader_field(reader, "depth", &found));
  REPORT("no room for fields", pegel_reader_fields(reader, &found, 1, &count));
  REPORT("sequence NULL", pegel_reader_wait(reader, 0, 0, NULL));
  REPORT("good wait", pegel_reader_wait(reader, 0, 0, &sequence));
  REPORT("buffer off its alignment", pegel_reader_wait(reader, 0, 0, (void *)((char *)record + 1)));
  REPORT("part beyond the end", pegel_reader_read_part(reader, 9, record, 8, NULL));
  REPORT("no room for a stamp", pegel_reader_snapshot(reader, record, 16, 24));
  REPORT("no room for details", pegel_reader_details(reader, (char *)record, 0, NULL));
  pegel_publish_options how = {sizeof how, 3, 0, 0};
  REPORT("unknown condition", pegel_writer_publish_on(writer, &how, record, 16, NULL));
  how.condition = PEGEL_ACKNOWLEDGED, how.sequence = 2;
  REPORT("too much acknowledged", pegel_writer_publish_on(writer, &how, record, 16, NULL));
  how.sequence = 0;
  while (pegel_writer_publish_on(writer, &how, record, 16, NULL) == PEGEL_OK)
    ;
  REPORT("full ring", pegel_writer_publish_on(writer, &how, record, 16, NULL));
  REPORT("sync of a board that is not durable", pegel_writer_sync(writer, NULL));
  pegel_writer_close(writer);
  pegel_writer_close(NULL);
  pegel_reader_close(NULL);
  printf("sequence of NULL\tpegel_reader_sequence\t%d\t\n", (int)pegel_reader_sequence(NULL));
}

int main(int count, char **arguments) {
  if (count != 2)
    return 2;
  bad_fields();
  bad_options(arguments[1]);
  bad_records(arguments[1]);
  return 0;
}
