// SPDX-License-Identifier: Apache-2.0
// Arm MPS3 AN547 (Cortex-M55), emulated by QEMU: instruction counter, and files on the host by semihosting.

#include "board.h"

#include "semihosting.h"

// The SSE-300's system counter. With -icount shift=5 an instruction takes 2^5 ns.
#define COUNTER_ENABLE (*(volatile uint32_t *)0x58100000u)
#define COUNTER_LOW (*(volatile uint32_t *)0x48101000u)
#define COUNTER_HIGH (*(volatile uint32_t *)0x48101004u)

static uint64_t ticks(void) {
  COUNTER_ENABLE = 1;
  for (;;) {
    const uint32_t high = COUNTER_HIGH;
    const uint32_t low = COUNTER_LOW;
    if (high == COUNTER_HIGH) {
      return (uint64_t)high << 32 | low;
    }
  }
}

/// 128 ticks are 125 instructions.
uint64_t board_count(void) { return ticks() * 125u / 128u; }

uint8_t *board_stack_limit(void) {
  extern uint8_t __stack_limit[];  // linker.ld
  return __stack_limit;
}

int board_open(const char *path, bool write) { return semihosting_open(path, write); }

size_t board_read(int file, void *data, size_t bytes) {
  return semihosting_read(file, data, bytes);
}

bool board_write(int file, const void *data, size_t bytes) {
  return semihosting_write(file, data, bytes);
}

void board_close(int file) { semihosting_close(file); }
