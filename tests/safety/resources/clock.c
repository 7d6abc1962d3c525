// Preloaded by test_resources.py: the wall clock is wrong by the seconds in the file $WRONG_BY.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long wrong_by(void) {
  FILE *file = fopen(getenv("WRONG_BY"), "r");
  long seconds = 0;
  if (file) {
    if (fscanf(file, "%ld", &seconds) != 1)
      seconds = 0;
    fclose(file);
  }
  return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (clock == CLOCK_REALTIME)
    now->tv_sec += wrong_by();
  return result;
}

// For PHP.
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  static int (*real)(struct timeval *, void *);
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(now, zone);
  now->tv_sec += wrong_by();
  return result;
}
