// SPDX-License-Identifier: Apache-2.0
// What newlib asks of the system. The heap is as large as stdio's own structures need.

#include <errno.h>
#include <reent.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include "board.h"

int _write(int file, const char *text, int bytes);
int _read(int file, char *text, int bytes);
int _close(int file);
int _lseek(int file, int offset, int from);
int _fstat(int file, struct stat *state);
int _isatty(int file);
void *_sbrk(int increment);
int _getpid(void);
int _kill(int process, int signal);
_Noreturn void _exit(int status);
void __sinit(struct _reent *reent);
void start_console(void);

/// stdout, stdin and stderr are allocated when one is first used, which takes 500 bytes.
enum { kHeapBytes = 1024 };

/// Whole lines go to the console at once.
void start_console(void) {
  static char buffer[256];
  __sinit(_REENT);  // stdout is a null pointer until stdio was used
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
}

int _write(int file, const char *text, int bytes) {
  (void)file;
  return board_print(text, (size_t)bytes) ? bytes : -1;
}

int _read(int file, char *text, int bytes) {
  (void)file, (void)text, (void)bytes;
  return 0;
}

int _close(int file) {
  (void)file;
  return -1;
}

int _lseek(int file, int offset, int from) {
  (void)file, (void)offset, (void)from;
  return 0;
}

int _fstat(int file, struct stat *state) {
  (void)file;
  state->st_mode = S_IFCHR;
  return 0;
}

int _isatty(int file) {
  (void)file;
  return 1;
}

void *_sbrk(int increment) {
  alignas(8) static char heap[kHeapBytes];
  static ptrdiff_t used;
  if (increment > kHeapBytes - used || increment < -used) {
    errno = ENOMEM;
    return (void *)-1;
  }
  char *const start = heap + used;
  used += increment;
  return start;
}

int _getpid(void) { return 1; }

int _kill(int process, int signal) {
  (void)process;
  board_exit(128 + signal);
}

_Noreturn void _exit(int status) { board_exit(status); }

// _init and _fini are in neuralSPOT's startup_gcc.c
