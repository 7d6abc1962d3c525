// Preloaded by test_resources.py: the wall clock is wrong by the seconds that stand in the file $WRONG_BY.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  FILE *file = clock == CLOCK_REALTIME ? fopen(getenv("WRONG_BY"), "r") : NULL;
  long wrong_by;
  if (file) {
    if (fscanf(file, "%ld", &wrong_by) == 1)
      now->tv_sec += wrong_by;
    fclose(file);
  }
  return result;
}
