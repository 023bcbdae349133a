// SPDX-License-Identifier: Apache-2.0
// A fault prints where it came from and stops, instead of the DFP's silent loop.

#include <stdio.h>

#include "alif.h"

void HardFault_Handler(void);
void MemManage_Handler(void);
void BusFault_Handler(void);
void UsageFault_Handler(void);
void SecureFault_Handler(void);
void report_fault(const uint32_t *frame);

/// `frame`: r0-r3, r12, lr, pc, xpsr as the core has stacked them.
__attribute__((used)) void report_fault(const uint32_t *frame) {
  printf("FAULT exception %lu, pc 0x%08lx, lr 0x%08lx, CFSR 0x%08lx, BFAR 0x%08lx\n",
         (unsigned long)__get_IPSR(), (unsigned long)frame[6], (unsigned long)frame[5],
         (unsigned long)SCB->CFSR, (unsigned long)SCB->BFAR);
  fflush(stdout);
  for (;;) {
    __WFE();
  }
}

// A stack overflow leaves no room: the limit is lifted, and the report uses the heap's end below.
__attribute__((naked)) void HardFault_Handler(void) {
  __asm volatile(
      "movs r1, #0\n"
      "msr msplim, r1\n"
      "mrs r0, msp\n"
      "b report_fault\n");
}

__attribute__((naked)) void MemManage_Handler(void) { __asm volatile("b HardFault_Handler\n"); }
__attribute__((naked)) void BusFault_Handler(void) { __asm volatile("b HardFault_Handler\n"); }
__attribute__((naked)) void UsageFault_Handler(void) { __asm volatile("b HardFault_Handler\n"); }
__attribute__((naked)) void SecureFault_Handler(void) { __asm volatile("b HardFault_Handler\n"); }
