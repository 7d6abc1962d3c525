// Writes and reads boards for test_matrix.py, which describes the form of its lines.

#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 4096 };

struct record {
  bool flag, flags[3];
  int8_t i8, i8s[2];
  uint8_t u8, u8s[2];
  int16_t i16, i16s[2];
  uint16_t u16, u16s[2];
  int32_t i32, i32s[2];
  uint32_t u32, u32s[2];
  int64_t i64, i64s[2];
  uint64_t u64, u64s[2];
  float f32, f32s[9];
  double f64, f64s[9];
  char text[24], texts[3][9];
  uint8_t last;
};

#define MEMBER(name) (((struct record *)0)->name)
#define PLAIN(name, unit, type) \
  {#name, unit, type, sizeof MEMBER(name), 1, offsetof(struct record, name)}
#define ARRAY(name, unit, type) \
  {#name, unit, type, sizeof MEMBER(name)[0], sizeof MEMBER(name) / sizeof MEMBER(name)[0], \
   offsetof(struct record, name)}

static const pegel_field record_fields[] = {
    PLAIN(flag, "", PEGEL_BOOL),   ARRAY(flags, "", PEGEL_BOOL),
    PLAIN(i8, "", PEGEL_I8),       ARRAY(i8s, "", PEGEL_I8),
    PLAIN(u8, "", PEGEL_U8),       ARRAY(u8s, "", PEGEL_U8),
    PLAIN(i16, "", PEGEL_I16),     ARRAY(i16s, "", PEGEL_I16),
    PLAIN(u16, "", PEGEL_U16),     ARRAY(u16s, "", PEGEL_U16),
    PLAIN(i32, "", PEGEL_I32),     ARRAY(i32s, "", PEGEL_I32),
    PLAIN(u32, "Wh", PEGEL_U32),   ARRAY(u32s, "", PEGEL_U32),
    PLAIN(i64, "", PEGEL_I64),     ARRAY(i64s, "", PEGEL_I64),
    PLAIN(u64, "", PEGEL_U64),     ARRAY(u64s, "", PEGEL_U64),
    PLAIN(f32, "µS/cm", PEGEL_F32), ARRAY(f32s, "", PEGEL_F32),
    PLAIN(f64, "°C", PEGEL_F64),   ARRAY(f64s, "", PEGEL_F64),
    PLAIN(text, "", PEGEL_TEXT),   ARRAY(texts, "", PEGEL_TEXT),
    PLAIN(last, "", PEGEL_U8),
};
static const pegel_field json_fields[] = {{"document", "", PEGEL_JSON, CAPACITY, 1, 0}};
static const pegel_field bytes_fields[] = {{"document", "", PEGEL_BYTES, CAPACITY, 1, 0}};

static const pegel_field *fields;
static size_t field_count;

static void choose(const char *kind) {
  if (strcmp(kind, "record") == 0) {
    fields = record_fields;
    field_count = sizeof record_fields / sizeof *record_fields;
  } else {
    fields = strcmp(kind, "json") == 0 ? json_fields : bytes_fields;
    field_count = 1;
  }
}

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s: %s\n", pegel_status_name(status), pegel_error_message());
    exit(1);
  }
}

static void parse(const pegel_field *field, const char *word, void *place) {
  uint32_t bits32;
  uint64_t bits64;
  switch (field->type) {
  case PEGEL_BOOL: *(bool *)place = strcmp(word, "true") == 0; break;
  case PEGEL_I8: *(int8_t *)place = (int8_t)strtoimax(word, NULL, 10); break;
  case PEGEL_U8: *(uint8_t *)place = (uint8_t)strtoumax(word, NULL, 10); break;
  case PEGEL_I16: *(int16_t *)place = (int16_t)strtoimax(word, NULL, 10); break;
  case PEGEL_U16: *(uint16_t *)place = (uint16_t)strtoumax(word, NULL, 10); break;
  case PEGEL_I32: *(int32_t *)place = (int32_t)strtoimax(word, NULL, 10); break;
  case PEGEL_U32: *(uint32_t *)place = (uint32_t)strtoumax(word, NULL, 10); break;
  case PEGEL_I64: *(int64_t *)place = strtoimax(word, NULL, 10); break;
  case PEGEL_U64: *(uint64_t *)place = strtoumax(word, NULL, 10); break;
  case PEGEL_F32:
    bits32 = (uint32_t)strtoumax(word, NULL, 16);
    memcpy(place, &bits32, sizeof bits32);
    break;
  case PEGEL_F64:
    bits64 = strtoumax(word, NULL, 16);
    memcpy(place, &bits64, sizeof bits64);
    break;
  // Pads with NULs, and writes none when the text has its full length.
  default: strncpy(place, word, field->size); break;
  }
}

static void print(const pegel_field *field, const void *place) {
  uint32_t bits32;
  uint64_t bits64;
  switch (field->type) {
  case PEGEL_BOOL: printf("%s", *(const bool *)place ? "true" : "false"); break;
  case PEGEL_I8: printf("%" PRId8, *(const int8_t *)place); break;
  case PEGEL_U8: printf("%" PRIu8, *(const uint8_t *)place); break;
  case PEGEL_I16: printf("%" PRId16, *(const int16_t *)place); break;
  case PEGEL_U16: printf("%" PRIu16, *(const uint16_t *)place); break;
  case PEGEL_I32: printf("%" PRId32, *(const int32_t *)place); break;
  case PEGEL_U32: printf("%" PRIu32, *(const uint32_t *)place); break;
  case PEGEL_I64: printf("%" PRId64, *(const int64_t *)place); break;
  case PEGEL_U64: printf("%" PRIu64, *(const uint64_t *)place); break;
  case PEGEL_F32:
    memcpy(&bits32, place, sizeof bits32);
    printf("%08" PRIx32, bits32);
    break;
  case PEGEL_F64:
    memcpy(&bits64, place, sizeof bits64);
    printf("%016" PRIx64, bits64);
    break;
  default: printf("%.*s", (int)field->size, (const char *)place); break;
  }
}

// The bytes of a line, and how many.
static size_t encode(char *line, unsigned char *record) {
  if (fields->type == PEGEL_JSON) {
    memcpy(record, line, strlen(line));
    return strlen(line);
  }
  if (fields->type == PEGEL_BYTES) {
    for (size_t i = 0; i < strlen(line) / 2; i++) {
      const char digits[] = {line[2 * i], line[2 * i + 1], '\0'};
      record[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return strlen(line) / 2;
  }
  for (size_t i = 0; i < field_count; i++) {
    for (size_t j = 0; j < fields[i].count; j++) {
      char *next = line + strcspn(line, "\t");
      const bool is_last = *next == '\0';
      *next = '\0';
      parse(&fields[i], line, record + fields[i].offset + j * fields[i].size);
      line = is_last ? next : next + 1;
    }
  }
  return sizeof(struct record);
}

static void decode(const unsigned char *record, size_t size) {
  if (fields->type == PEGEL_JSON) {
    printf("\t%.*s", (int)size, (const char *)record);
  } else if (fields->type == PEGEL_BYTES) {
    printf("\t");
    for (size_t i = 0; i < size; i++)
      printf("%02x", record[i]);
  } else {
    for (size_t i = 0; i < field_count; i++)
      for (size_t j = 0; j < fields[i].count; j++) {
        printf("\t");
        print(&fields[i], record + fields[i].offset + j * fields[i].size);
      }
  }
}

static char *next_line(void) {
  static char *line;
  static size_t room;
  const ssize_t length = getline(&line, &room, stdin);
  if (length < 0) {
    free(line);
    return NULL;
  }
  line[strcspn(line, "\n")] = '\0';
  return line;
}

static union {
  struct record record;
  unsigned char bytes[CAPACITY];
} buffer;

static void write_board(const char *board) {
  pegel_writer *writer;
  check(pegel_writer_create(board, fields, field_count, NULL, &writer));
  puts("ready");
  fflush(stdout);
  for (char *line = next_line(); line; line = next_line()) {
    uint64_t sequence;
    const size_t size = encode(line, buffer.bytes);
    check(pegel_writer_publish(writer, buffer.bytes, size, &sequence));
    printf("%" PRIu64 "\n", sequence);
    fflush(stdout);
  }
  pegel_writer_close(writer);
}

static void read_board(const char *board) {
  pegel_reader *reader;
  check(pegel_reader_open(board, &reader));
  pegel_field found[sizeof record_fields / sizeof *record_fields];
  size_t count;
  check(pegel_reader_fields(reader, found, sizeof found / sizeof *found, &count));
  if (count != field_count || memcmp(found, fields, count * sizeof *fields) != 0) {
    fputs("the board has other fields than this program's struct\n", stderr);
    exit(1);
  }
  for (char *line = next_line(); line; line = next_line()) {
    uint64_t sequence;
    pegel_stamp stamp = {.size = sizeof stamp};
    int32_t alive;
    check(pegel_reader_wait(reader, strtoumax(line, NULL, 10), INT64_C(60000000000), &sequence));
    check(pegel_reader_read(reader, buffer.bytes, sizeof buffer, &stamp));
    check(pegel_reader_writer_alive(reader, &alive));
    const char *writer = alive ? "true" : "false";
    printf("%" PRIu64 "\t%" PRIu64 "\t%s", stamp.sequence, stamp.generation, writer);
    decode(buffer.bytes, stamp.record_size);
    puts("");
    fflush(stdout);
  }
  pegel_reader_close(reader);
}

int main(int count, char **arguments) {
  if (count != 4)
    return 2;
  choose(arguments[3]);
  if (strcmp(arguments[1], "write") == 0)
    write_board(arguments[2]);
  else
    read_board(arguments[2]);
  return 0;
}
