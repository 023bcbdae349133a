// SPDX-License-Identifier: Apache-2.0
// What newlib asks of the system. There is no heap: malloc fails.

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "semihosting.h"

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
void _init(void);
void _fini(void);
void console_init(void);

/// A buffer of our own, as stdio would ask malloc for one.
void console_init(void) {
  static char buffer[256];
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
}

int _write(int file, const char *text, int bytes) {
  (void)file;
  return semihosting_print(text, (size_t)bytes) ? bytes : -1;
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
  (void)increment;
  errno = ENOMEM;
  return (void *)-1;
}

int _getpid(void) { return 1; }

int _kill(int process, int signal) {
  (void)process;
  semihosting_exit(128 + signal);
}

_Noreturn void _exit(int status) { semihosting_exit(status); }

void _init(void) {}

void _fini(void) {}
