// Does the commands of others in their order: doer FORM [MAX_AGE [ROUND]].
//
// FORM is at-most-once or at-least-once. A command older than MAX_AGE seconds (60) is refused. With
// ROUND, the program is a loop of its own, which takes what has come every ROUND seconds.
#define _POSIX_C_SOURCE 200809L

#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const pegel_field COMMANDS[] = {{.name = "limit", .unit = "%", .type = PEGEL_F64}};
static const char COMMAND_DETAILS[] = "{\"fields\":{\"limit\":{\"min\":0.0,\"max\":100.0}}}";
static const pegel_field ANSWERS[] = {
    {.name = "command", .type = PEGEL_U64},
    {.name = "done", .type = PEGEL_BOOL},
    {.name = "message", .type = PEGEL_TEXT, .size = 80},
};
static const char ANSWER_DETAILS[] =
    "{\"fields\":{\"command\":{\"default\":0},\"done\":{\"default\":true},"
    "\"message\":{\"default\":\"\"}}}";

typedef struct { double limit; } command;
typedef struct { uint64_t command; bool done; char message[80]; } answer;

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

static void reply(pegel_writer *answers, uint64_t command, bool done, const char *message) {
  answer record;
  memset(&record, 0, sizeof record);
  record.command = command;
  record.done = done;
  snprintf(record.message, sizeof record.message, "%s", message);
  check(pegel_writer_publish(answers, &record, sizeof record, NULL));
}

static void limit_to(double limit, char *message, size_t size) {
  FILE *log = fopen("limits.log", "a");
  if (log == NULL || fprintf(log, "%.17g\n", limit) < 0 || fclose(log) != 0) {
    perror("limits.log");
    exit(1);
  }
  snprintf(message, size, "limited to %g %%", limit);
}

static void run(pegel_writer *answers, const command *now, const pegel_stamp *stamp,
                bool at_most_once, double max_age) {
  char message[80];
  double age = stamp->age_ns / 1e9;
  if (age > max_age) {
    snprintf(message, sizeof message, "too old: %.1f s", age);
  } else {
    if (at_most_once) {
      reply(answers, stamp->sequence, false, "accepted");
    }
    limit_to(now->limit, message, sizeof message);
  }
  reply(answers, stamp->sequence, true, message);
}

// The loop's own work.
static void work(double seconds) {
  struct timespec pause = {.tv_sec = (time_t)seconds};
  pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
  nanosleep(&pause, NULL);
}

int main(int argc, char **argv) {
  bool at_most_once = argc > 1 && strcmp(argv[1], "at-most-once") == 0;
  double max_age = argc > 2 ? strtod(argv[2], NULL) : 60;
  bool has_rounds = argc > 3;
  double round = has_rounds ? strtod(argv[3], NULL) : 0;
  pegel_options shared = {.size = sizeof shared, .mode = 0660, .details = COMMAND_DETAILS,
                            .timeout_ns = 5000000000};
  pegel_options options = {.size = sizeof options, .details = ANSWER_DETAILS};
  pegel_writer *writer, *answers;
  check(pegel_writer_create("commands", COMMANDS, 1, &shared, &writer));
  pegel_writer_close(writer);
  check(pegel_writer_create("answers", ANSWERS, 3, &options, &answers));
  answer last;
  check(pegel_reader_read(pegel_writer_reader(answers), &last, sizeof last, NULL));
  if (!last.done) {
    reply(answers, last.command, true, "interrupted");
  }

  pegel_reader *commands;
  check(pegel_reader_open_as("commands", COMMANDS, 1, NULL, &commands));
  for (uint64_t after = last.command, newest;;) {
    command now;
    pegel_stamp stamp = {.size = sizeof stamp};
    if (!has_rounds) {
      check(pegel_reader_wait(commands, after, PEGEL_FOREVER, &newest));
    }
    pegel_status status = pegel_reader_read_after(commands, after, &now, sizeof now, &stamp);
    if (status == PEGEL_EMPTY && has_rounds) {
      work(round);
      continue;
    }
    check(status);
    run(answers, &now, &stamp, at_most_once, max_age);
    after = stamp.sequence;
  }
}
