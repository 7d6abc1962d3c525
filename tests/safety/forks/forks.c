// A writer whose process forks, and a reader that threads share, for test_forks.py.

#include <pegel.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(pegel_status status) {
  if (status != PEGEL_OK) {
    fprintf(stderr, "%s\n", pegel_error_message());
    exit(1);
  }
}

// Two halves that are always the same.
typedef struct {
  uint64_t first, second[7];
} numbers;

static const pegel_reader *shared;
static int is_over;

static void *read_on(void *unused) {
  uint64_t newest = 0;
  do {
    numbers now;
    check(pegel_reader_read(shared, &now, sizeof now, NULL));
    for (int i = 0; i < 7; i++)
      if (now.second[i] != now.first || now.first < newest)
        exit(2);
    newest = now.first;
  } while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED));
  return unused;
}

int main(int count, char **arguments) {
  pegel_field fields[] = {{.name = "first", .type = PEGEL_U64},
                          {.name = "second", .type = PEGEL_U64, .count = 7}};
  pegel_writer *writer;
  pegel_reader *reader;
  numbers record = {1, {1, 1, 1, 1, 1, 1, 1}};
  uint64_t sequence;
  pthread_t threads[4];
  if (count != 2)
    return 2;
  check(pegel_writer_create(arguments[1], fields, 2, NULL, &writer));
  check(pegel_writer_publish(writer, &record, sizeof record, &sequence));

  check(pegel_reader_open(arguments[1], &reader));
  shared = reader;
  for (int i = 0; i < 4; i++)
    if (pthread_create(&threads[i], NULL, read_on, NULL) != 0)
      return 3;
  for (uint64_t number = 2; number <= 100000; number++) {
    record.first = number;
    for (int i = 0; i < 7; i++)
      record.second[i] = number;
    check(pegel_writer_publish(writer, &record, sizeof record, &sequence));
  }
  __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  pegel_reader_close(reader);

  pid_t child = fork();
  if (child == 0) {
    pegel_status status = pegel_writer_publish(writer, &record, sizeof record, NULL);
    int is_reported = status == PEGEL_INVALID_ARGUMENT && strstr(pegel_error_message(), "fork");
    // The child closes its own copies, without an effect on its parent.
    check(pegel_reader_read(pegel_writer_reader(writer), &record, sizeof record, NULL));
    pegel_writer_close(writer);
    _exit(is_reported ? 0 : 4);
  }
  int status;
  if (waitpid(child, &status, 0) != child || status != 0)
    return 5;
  check(pegel_writer_publish(writer, &record, sizeof record, &sequence));
  printf("%lu\n", (unsigned long)sequence);
  fflush(stdout);

  // This child outlives its parent, which is killed once the child reports that it runs.
  if (fork() == 0)
    puts("ready");
  fflush(stdout);
  getchar();
  _exit(0);
}
