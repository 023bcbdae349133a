// SPDX-License-Identifier: Apache-2.0
/// What the firmware needs of Arm MPS3 AN547 (Cortex-M55), emulated by QEMU.
#ifndef BOARD_H_
#define BOARD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What board_count() counts. Exact, and the same in every run, with QEMU's -icount shift=5.
#define BOARD_COUNT_UNIT "instructions"

/// A count that grows while the program runs.
uint64_t board_count(void);

/// The lowest address that the stack of main may reach.
uint8_t *board_stack_limit(void);

/// Opens a file on the host; a negative value if that fails.
int board_open(const char *path, bool write);

/// Reads up to `bytes`; returns how many there were.
size_t board_read(int file, void *data, size_t bytes);

/// Writes all of `data`; false if that fails.
bool board_write(int file, const void *data, size_t bytes);

void board_close(int file);

#ifdef __cplusplus
}
#endif

#endif  // BOARD_H_
