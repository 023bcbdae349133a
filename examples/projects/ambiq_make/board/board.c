// SPDX-License-Identifier: Apache-2.0
// Ambiq Apollo4 Plus EVB: clocks, caches, console, cycle counter.

#include "board.h"

#include <string.h>

#include "am_bsp.h"
#include "am_mcu_apollo.h"
#include "am_util_stdio.h"

// of the architecture: debug exception and monitor control, data watchpoint and trace
#define DEMCR_REGISTER (*(volatile uint32_t *)0xe000edfcu)
#define DWT_CTRL_REGISTER (*(volatile uint32_t *)0xe0001000u)
#define DWT_CYCCNT_REGISTER (*(volatile uint32_t *)0xe0001004u)

void start_console(void);

static void start_counter(void) {
  DEMCR_REGISTER |= 1u << 24;  // TRCENA
  DWT_CYCCNT_REGISTER = 0;
  DWT_CTRL_REGISTER |= 1u;  // CYCCNTENA
}

/// The cache of the MRAM, and 192 MHz instead of 96.
static bool start_clocks(void) {
  am_hal_cachectrl_config(&am_hal_cachectrl_defaults);
  am_hal_cachectrl_enable();
  am_bsp_low_power_init();
  return am_hal_pwrctrl_mcu_mode_select(AM_HAL_PWRCTRL_MCU_MODE_HIGH_PERFORMANCE) ==
         AM_HAL_STATUS_SUCCESS;
}

bool board_init(void) {
  const bool fast = start_clocks();
  am_bsp_itm_printf_enable();
  start_console();
  start_counter();
  return fast;
}

/// AmbiqSuite prints strings that end: in pieces, as the C library gives no such.
bool board_print(const char *text, size_t bytes) {
  char piece[64];
  while (bytes > 0) {
    const size_t count = bytes < sizeof piece - 1 ? bytes : sizeof piece - 1;
    memcpy(piece, text, count);
    piece[count] = '\0';
    am_util_stdio_printf("%s", piece);
    text += count;
    bytes -= count;
  }
  return true;
}

uint64_t board_count(void) {
  static uint64_t total;
  static uint32_t last;
  const uint32_t now = DWT_CYCCNT_REGISTER;
  total += now - last;
  last = now;
  return total;
}

_Noreturn void board_exit(int status) {
  for (;;) {
    __asm__ volatile("mov r0, %0\n bkpt 0" : : "r"(status) : "r0");
  }
}
