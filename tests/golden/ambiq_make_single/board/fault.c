// SPDX-License-Identifier: Apache-2.0
// A fault prints where it came from and stops, instead of a silent loop.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "board.h"

#define CFSR (*(volatile uint32_t *)0xe000ed28u)
#define BFAR (*(volatile uint32_t *)0xe000ed38u)

void HardFault_Handler(void);
void report_fault(const uint32_t *frame);

/// `frame`: r0-r3, r12, lr, pc, xpsr as the core has stacked them.
__attribute__((used)) void report_fault(const uint32_t *frame) {
  uint32_t number;
  __asm__ volatile("mrs %0, ipsr" : "=r"(number));
  printf("FAULT exception %lu, pc 0x%08lx, lr 0x%08lx, CFSR 0x%08lx, BFAR 0x%08lx\n",
         (unsigned long)number, (unsigned long)frame[6], (unsigned long)frame[5],
         (unsigned long)CFSR, (unsigned long)BFAR);
  fflush(stdout);
  board_exit(EXIT_FAILURE);
}

// MemManage, BusFault and UsageFault are not enabled: they arrive here
__attribute__((naked)) void HardFault_Handler(void) {
  __asm__ volatile(
#if defined(__ARM_ARCH_8_1M_MAIN__)
      "movs r1, #0\n"
      "msr msplim, r1\n"  // a stack overflow leaves no room
#endif
      "mrs r0, msp\n"
      "b report_fault\n");
}
