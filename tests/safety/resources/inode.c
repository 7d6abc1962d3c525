/* A file system with different inode numbers for an open file and for its name. For LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

static int is_board(const char *path) { return strstr(path, "/pegel.") != NULL; }

int lstat(const char *path, struct stat *status) {
  int (*next)(const char *, struct stat *);
  *(void **)&next = dlsym(RTLD_NEXT, "lstat");
  int result = next(path, status);
  if (result == 0 && is_board(path)) status->st_ino += 1000;
  return result;
}

int lstat64(const char *path, struct stat64 *status) {
  int (*next)(const char *, struct stat64 *);
  *(void **)&next = dlsym(RTLD_NEXT, "lstat64");
  int result = next(path, status);
  if (result == 0 && is_board(path)) status->st_ino += 1000;
  return result;
}
