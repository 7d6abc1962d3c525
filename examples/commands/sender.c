// Has something done by another process, and waits until it is: sender LIMIT...
//
// Exits with 3, and sends nothing, if nobody listens.
#include <pegel.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct { double limit; } command;
typedef struct { uint64_t command; bool done; char message[80]; } answer;

static const int64_t TIMEOUT = 5000000000;

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

static void send(double limit) {
  pegel_reader *answers;
  pegel_writer *commands;
  answer now;
  pegel_stamp stamp = {.size = sizeof stamp};
  check(pegel_reader_open("answers", &answers));
  check(pegel_reader_read(answers, &now, sizeof now, &stamp));
  int32_t alive;
  check(pegel_reader_writer_alive(answers, &alive));
  if (!alive) {
    fprintf(stderr, "nobody listens: the doer does not run\n");
    exit(3);
  }
  uint64_t after = stamp.sequence, sequence, newest;

  command record = {limit};
  pegel_publish_options unanswered = {.size = sizeof unanswered, .condition = PEGEL_ACKNOWLEDGED,
                                  .sequence = now.command};
  check(pegel_writer_open("commands", TIMEOUT, &commands));
  check(pegel_writer_publish_on(commands, &unanswered, &record, sizeof record, &sequence));
  pegel_writer_close(commands);

  while (now.command != sequence || !now.done) {
    check(pegel_reader_wait(answers, after, TIMEOUT, &newest));
    check(pegel_reader_read_after(answers, after, &now, sizeof now, &stamp));
    after = stamp.sequence;
  }
  printf("%.80s\n", now.message);
  pegel_reader_close(answers);
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int index = 1; index < argc; index++) {
    send(strtod(argv[index], NULL));
  }
  return 0;
}
