// Writes and reads boards for workers.py, which describes its arguments and lines.

#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_WORDS = 252, BURST = 10000, REPORT_EVERY = 100 };

static const int64_t FOREVER = -1;
static const int64_t PAUSE_NS = 1000000;

typedef struct {
  uint64_t sequence, author;
  uint32_t pattern[MOST_WORDS];
} record;

static uint64_t number;
// Words of a pattern, or how often to add.
static uint32_t amount;
static const char *fault;

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    printf("%s: %s\n", pegel_status_name(status), pegel_error_message());
    exit(1);
  }
}

static void say(uint64_t sequence) {
  printf("%" PRIu64 "\n", sequence);
  fflush(stdout);
}

static size_t size(void) {
  return offsetof(record, pattern) + amount * sizeof(uint32_t);
}

static uint32_t mark(uint64_t sequence, uint64_t author) {
  return (uint32_t)(sequence + author * 65537) * 0x5bd1e995u;
}

static bool is_faulty(const char *kind, uint64_t sequence) {
  return strcmp(fault, kind) == 0 && sequence % 10 == 0;
}

// Publishes the record after this sequence, and returns its own.
static uint64_t publish_unless_full(pegel_writer *writer, uint64_t sequence) {
  static record next;
  next.sequence = sequence + 1;
  next.author = is_faulty("repeated", next.sequence) ? number + 1 : number;
  for (uint32_t i = 0; i < amount; i++) {
    const bool is_late = i >= amount / 2 && is_faulty("torn", next.sequence);
    next.pattern[i] = mark(is_late ? sequence : next.sequence, next.author);
  }
  uint64_t published;
  check(pegel_writer_publish(writer, &next, size(), &published));
  if (published != next.sequence) {
    printf("published %" PRIu64 " after %" PRIu64 "\n", published, sequence);
    exit(1);
  }
  return is_faulty("lost", published) ? published + 1000000000 : published;
}

static void write_flat_out(const char *board) {
  if (strcmp(fault, "stuck") == 0) {
    pause();
  }
  const pegel_field fields[] = {
      {.name = "sequence", .type = PEGEL_U64},
      {.name = "author", .type = PEGEL_U64},
      {.name = "pattern", .type = PEGEL_U32, .count = amount},
  };
  const pegel_options options = {
      .size = sizeof options,
      .flags = number % 2 == 0 ? PEGEL_UNSTAMPED : 0,
  };
  pegel_writer *writer;
  check(pegel_writer_create(board, fields, 3, &options, &writer));
  uint64_t sequence = pegel_reader_sequence(pegel_writer_reader(writer));
  for (uint64_t i = 0;; i++, sequence++) {
    const uint64_t published = publish_unless_full(writer, sequence);
    if (i % REPORT_EVERY == 0) {
      say(published);
    }
  }
}

static void write_shared(const char *board) {
  for (;;) {
    pegel_writer *writer;
    check(pegel_writer_open(board, FOREVER, &writer));
    const uint64_t newest = pegel_reader_sequence(pegel_writer_reader(writer));
    const uint64_t sequence = publish_unless_full(writer, newest);
    pegel_writer_close(writer);
    say(sequence);
  }
}

static bool is_whole(const record *record, uint64_t sequence) {
  const uint32_t expected = mark(record->sequence, record->author);
  bool is_same = record->sequence == sequence;
  for (uint32_t i = 0; i < amount; i++) {
    is_same &= record->pattern[i] == expected;
  }
  return is_same;
}

static void read_on(const char *board) {
  pegel_reader *reader;
  check(pegel_reader_open(board, &reader));
  record now;
  uint64_t sequence = number, author = 0;
  for (;;) {
    uint64_t torn = 0, repeated = 0;
    for (int i = 0; i < BURST; i++) {
      // Without a stamp, a read is another path.
      pegel_stamp stamp = {.size = sizeof stamp};
      const bool is_stamped = i % 2 == 0;
      check(pegel_reader_read(reader, &now, size(), is_stamped ? &stamp : NULL));
      const uint64_t newest = is_stamped ? stamp.sequence : now.sequence;
      torn += !is_whole(&now, newest);
      const bool is_other = newest == sequence && author != 0 && now.author != author;
      repeated += newest < sequence || is_other;
      sequence = newest;
      author = now.author;
    }
    printf("%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", BURST, torn, repeated,
           sequence, author);
    fflush(stdout);
    uint64_t newest;
    const pegel_status status = pegel_reader_wait(reader, sequence, PAUSE_NS, &newest);
    check(status == PEGEL_TIMEOUT ? PEGEL_OK : status);
  }
}

static void update(const char *board) {
  for (uint32_t i = 0; i < amount; i++) {
    pegel_writer *writer;
    check(pegel_writer_open(board, FOREVER, &writer));
    uint64_t count, sequence;
    pegel_stamp stamp = {.size = sizeof stamp};
    check(pegel_reader_read(pegel_writer_reader(writer), &count, sizeof count, &stamp));
    count++;
    check(pegel_writer_publish_if(writer, stamp.sequence, &count, sizeof count, &sequence));
    pegel_writer_close(writer);
    say(sequence);
  }
}

static void publish_if(const char *board) {
  pegel_reader *reader;
  check(pegel_reader_open(board, &reader));
  for (uint32_t i = 0; i < amount;) {
    uint64_t count, sequence;
    pegel_stamp stamp = {.size = sizeof stamp};
    check(pegel_reader_read(reader, &count, sizeof count, &stamp));
    count++;
    pegel_writer *writer;
    check(pegel_writer_open(board, FOREVER, &writer));
    const pegel_status status =
        pegel_writer_publish_if(writer, stamp.sequence, &count, sizeof count, &sequence);
    pegel_writer_close(writer);
    if (status != PEGEL_CONFLICT) {
      check(status);
      say(sequence);
      i++;
    }
  }
}

int main(int argc, char **argv) {
  static const struct { const char *name; void (*play)(const char *board); } roles[] = {
      {"write", write_flat_out}, {"share", write_shared}, {"read", read_on},
      {"update", update},        {"publish_if", publish_if},
  };
  if (argc != 6) {
    return 2;
  }
  fault = argv[1];
  number = strtoull(argv[4], NULL, 10);
  amount = (uint32_t)strtoul(argv[5], NULL, 10);
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) {
    return 0;
  }
  for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
    if (strcmp(argv[2], roles[i].name) == 0) {
      roles[i].play(argv[3]);
    }
  }
}
