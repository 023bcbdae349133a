// SPDX-License-Identifier: Apache-2.0
// printf() on neuralSPOT's console. neuralSPOT links newlib's write() to a function that throws the
// text away (__wrap__write_r of ns_core.c), so stdout gets a function of its own.

#include <reent.h>
#include <stddef.h>
#include <stdio.h>

#include "board.h"

void __sinit(struct _reent *reent);
void start_console(void);

static int print(struct _reent *reent, void *cookie, const char *text, int bytes) {
  (void)reent, (void)cookie;
  return board_print(text, (size_t)bytes) ? bytes : -1;
}

/// Whole lines go to the console at once.
void start_console(void) {
  static char buffer[256];
  __sinit(_REENT);  // stdout is a null pointer until stdio was used
  setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
  stdout->_write = print;
}
