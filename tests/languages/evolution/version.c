// A program made for one version of a schema: version VERSION read | VERSION write LEVEL.
#include <pegel.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL {.name = "level", .unit = "m", .type = PEGEL_F64}
#define RAIN {.name = "rain", .type = PEGEL_BOOL}

typedef struct {
  double level;
  bool rain;
  union {
    uint16_t limit;
    float wind;
    bool hot;
  } more;
} record;

typedef struct {
  const char *name;
  size_t count, size;
  const char *details;
  pegel_field fields[3];
} version;

static const version VERSIONS[] = {
    {"first", 2, 16, NULL, {LEVEL, RAIN}},
    {"default", 3, 16, "{\"fields\":{\"limit\":{\"default\":80}}}",
     {LEVEL, RAIN, {.name = "limit", .type = PEGEL_U16}}},
    {"optional", 3, 16, NULL, {LEVEL, RAIN, {.name = "wind", .type = PEGEL_F32 | PEGEL_OPTIONAL}}},
    {"plain", 3, 16, NULL, {LEVEL, RAIN, {.name = "hot", .type = PEGEL_BOOL}}},
    {"feet", 2, 16, NULL, {{.name = "level", .unit = "ft", .type = PEGEL_F64}, RAIN}},
    {"less", 1, 8, NULL, {LEVEL}},
};

static void check(pegel_status status) {
  if (status == PEGEL_INVALID_FIELDS) {
    printf("INVALID_FIELDS %s\n", pegel_error_message());
    exit(0);
  }
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

static void print(const version *program, const unsigned char *bytes, uint64_t present) {
  record now;
  memset(&now, 0, sizeof now);
  size_t common = offsetof(record, more);
  memcpy(&now, bytes, program->size < common ? program->size : common);
  printf("{\"level\": %g", now.level);
  if (program->count > 1) {
    printf(", \"rain\": %s", now.rain ? "true" : "false");
  }
  if (strcmp(program->name, "default") == 0) {
    memcpy(&now.more.limit, bytes + 10, sizeof now.more.limit);
    printf(", \"limit\": %u", (unsigned)now.more.limit);
  } else if (strcmp(program->name, "optional") == 0) {
    memcpy(&now.more.wind, bytes + 12, sizeof now.more.wind);
    if ((present & 1) != 0) {
      printf(", \"wind\": %g", now.more.wind);
    } else {
      printf(", \"wind\": null");
    }
  } else if (strcmp(program->name, "plain") == 0) {
    printf(", \"hot\": %s", bytes[9] != 0 ? "true" : "false");
  }
  printf("}\n");
}

static void publish(const version *program, double level) {
  // Padding is not part of a record: bytes of an old program there must not become the value of a
  // new field.
  unsigned char bytes[16];
  uint16_t limit = 60;
  float wind = 1.5F;
  memset(bytes, 0xee, sizeof bytes);
  memcpy(bytes, &level, sizeof level);
  bytes[8] = 1;
  if (strcmp(program->name, "default") == 0) {
    memcpy(bytes + 10, &limit, sizeof limit);
  } else if (strcmp(program->name, "optional") == 0) {
    memcpy(bytes + 12, &wind, sizeof wind);
  } else if (strcmp(program->name, "plain") == 0) {
    bytes[9] = 1;
  }
  pegel_options options = {.size = sizeof options, .details = program->details};
  pegel_writer *writer;
  check(pegel_writer_create("tank", program->fields, program->count, &options, &writer));
  check(pegel_writer_publish(writer, bytes, program->size, NULL));
  pegel_writer_close(writer);
}

int main(int argc, char **argv) {
  const version *program = VERSIONS;
  while (strcmp(program->name, argv[1]) != 0) {
    program++;
  }
  if (argc > 3) {
    publish(program, strtod(argv[3], NULL));
    return 0;
  }
  unsigned char bytes[16];
  pegel_stamp stamp = {.size = sizeof stamp};
  pegel_reader *reader;
  check(pegel_reader_open_as("tank", program->fields, program->count, program->details, &reader));
  check(pegel_reader_read(reader, bytes, program->size, &stamp));
  print(program, bytes, stamp.present);
  pegel_reader_close(reader);
  return 0;
}
