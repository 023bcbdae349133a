// SPDX-License-Identifier: Apache-2.0
/// What the firmware needs of Ambiq Apollo3 Blue Plus EVB.
#ifndef BOARD_H_
#define BOARD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What board_count() counts.
#define BOARD_COUNT_UNIT "cycles"
/// The clock that board_init() selects: burst mode.
#define BOARD_CLOCK_MHZ 96

/// Clocks, caches, console, cycle counter: call it first. False when something does not work.
bool board_init(void);

/// A count that grows while the program runs. Must be called once in 2^32 cycles.
uint64_t board_count(void);

/// Writes to the console: SWO, by J-Link. False when that fails.
bool board_print(const char *text, size_t bytes);

/// The end: the debugger sees a breakpoint.
_Noreturn void board_exit(int status);

#ifdef __cplusplus
}
#endif

#endif  // BOARD_H_
