// SPDX-License-Identifier: Apache-2.0
// What the C library asks of the system: newlib's system calls, or Arm's retargeting. The console is
// the DFP's UART; the heap is the one of the linker script.

#include "alif.h"
#include "retarget_stdout.h"

/// One character, with a carriage return before a new line.
static void put(char character) {
  if (character == '\n') {
    stdout_putchar('\r');
  }
  stdout_putchar(character);
}

#if defined(__ARMCC_VERSION)

#include <rt_sys.h>
#include <stdio.h>

__asm(".global __use_no_semihosting\n");

FILE __stdout;
FILE __stderr;

int fputc(int character, FILE *file) {
  (void)file;
  put((char)character);
  return character;
}

void _ttywrch(int character) { put((char)character); }

__NO_RETURN void _sys_exit(int status) {
  (void)status;
  for (;;) {
    __WFE();
  }
}

#else

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

int _write(int file, const char *text, int bytes);
int _read(int file, char *text, int bytes);
int _close(int file);
int _lseek(int file, int offset, int from);
int _fstat(int file, struct stat *state);
int _isatty(int file);
void *_sbrk(int increment);
int _getpid(void);
int _kill(int process, int signal);
__NO_RETURN void _exit(int status);

int _write(int file, const char *text, int bytes) {
  (void)file;
  for (int i = 0; i < bytes; ++i) {
    put(text[i]);
  }
  return bytes;
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
  extern char __heap_start[], __heap_end[];  // linker.ld
  static char *top = __heap_start;
  if (increment > __heap_end - top || increment < __heap_start - top) {
    errno = ENOMEM;
    return (void *)-1;
  }
  char *const start = top;
  top += increment;
  return start;
}

int _getpid(void) { return 1; }

int _kill(int process, int signal) {
  (void)process;
  _exit(128 + signal);
}

__NO_RETURN void _exit(int status) {
  (void)status;
  for (;;) {
    __WFE();
  }
}

#endif
