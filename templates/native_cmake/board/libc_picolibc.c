// SPDX-License-Identifier: Apache-2.0
// What picolibc asks of the system. There is no heap: malloc fails.

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "semihosting.h"

_Noreturn void _exit(int status);
int getpid(void);
int kill(int process, int signal);
void *sbrk(ptrdiff_t increment);

static char line[256];
static size_t used;

static int flush(FILE *file) {
  (void)file;
  const size_t bytes = used;
  used = 0;
  return bytes == 0 || semihosting_print(line, bytes) ? 0 : EOF;
}

static int put(char character, FILE *file) {
  line[used++] = character;
  return character == '\n' || used == sizeof line ? flush(file) : 0;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, flush, _FDEV_SETUP_WRITE);

FILE *const stdin = NULL;
FILE *const stdout = &console;
FILE *const stderr = &console;

_Noreturn void _exit(int status) {
  flush(&console);
  semihosting_exit(status);
}

int getpid(void) { return 1; }

/// What abort() comes to.
int kill(int process, int signal) {
  (void)process;
  _exit(128 + signal);
}

void *sbrk(ptrdiff_t increment) {
  (void)increment;
  errno = ENOMEM;
  return (void *)-1;
}
