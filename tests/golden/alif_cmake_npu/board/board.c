// SPDX-License-Identifier: Apache-2.0
// Alif Ensemble E7, Cortex-M55 HP and Ethos-U55-256: console and cycle counter.

#include "board.h"

#include "alif.h"
#include "retarget_stdout.h"
#include "setup_flash_xip.h"

#include <stdio.h>

static void start_counter(void) {
  DCB->DEMCR |= DCB_DEMCR_TRCENA_Msk;
  DWT->CYCCNT = 0;
  DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
}

bool board_init(void) {
  // UART4 with 115200 baud: retarget_config.h of the DFP
  if (stdout_init() != 0) {
    return false;
  }
  start_counter();
  // the model lies in the flash of DevKit-e7; another flash needs another driver
  if (setup_flash_xip() != 0) {
    printf("OSPI: the flash cannot be mapped\n");
    return false;
  }
  return board_npu_init();
}

uint64_t board_count(void) {
  static uint64_t total;
  static uint32_t last;
  const uint32_t now = DWT->CYCCNT;
  total += now - last;
  last = now;
  return total;
}

uint32_t board_clock_hz(void) { return GetSystemCoreClock(); }
