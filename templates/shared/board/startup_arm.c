// SPDX-License-Identifier: Apache-2.0
// Reset of an Arm Cortex-M: memory, FPU, C library, main. A fault prints its registers.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "semihosting.h"

extern uint32_t __stack_top[], __stack_limit[];
extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern void (*__init_array_start[])(void), (*__init_array_end[])(void);

void start_console(void);
int main(void);

#define CPACR (*(volatile uint32_t *)0xe000ed88u)
#define CFSR (*(volatile uint32_t *)0xe000ed28u)

_Noreturn void reset_handler(void) {
#if defined(__ARM_ARCH_8_1M_MAIN__) || defined(__ARM_ARCH_8M_MAIN__)
  __asm__ volatile("msr msplim, %0" : : "r"(__stack_limit));  // an overflow is a fault
#endif
  CPACR |= 0xfu << 20;  // full access to the FPU, and to MVE where there is one
  __asm__ volatile("dsb\n isb" : : : "memory");
  const uint32_t *from = __data_load;
  for (uint32_t *to = __data_start; to < __data_end;) {
    *to++ = *from++;
  }
  for (uint32_t *to = __bss_start; to < __bss_end;) {
    *to++ = 0;
  }
  start_console();
  for (void (**init)(void) = __init_array_start; init < __init_array_end; ++init) {
    (*init)();
  }
  exit(main());
}

/// `frame`: r0-r3, r12, lr, pc, xpsr as the core has stacked them.
__attribute__((used)) _Noreturn static void report_fault(const uint32_t *frame) {
  uint32_t number;
  __asm__ volatile("mrs %0, ipsr" : "=r"(number));
  printf("FAULT exception %u, pc 0x%08lx, lr 0x%08lx, CFSR 0x%08lx\n", (unsigned)number,
         (unsigned long)frame[6], (unsigned long)frame[5], (unsigned long)CFSR);
  fflush(stdout);
  semihosting_exit(EXIT_FAILURE);
}

__attribute__((naked)) void fault_handler(void) {
  __asm__ volatile(
      // after a stack overflow the rest of the stack serves
      "ldr r1, =__stack_top\n"
      "mrs r0, msp\n"
#if defined(__ARM_ARCH_8_1M_MAIN__) || defined(__ARM_ARCH_8M_MAIN__)
      "movs r2, #0\n"
      "msr msplim, r2\n"
#endif
      "mov sp, r1\n"
      "b report_fault\n");
}

__attribute__((section(".vectors"), used)) static void *const vectors[] = {
    __stack_top,           (void *)reset_handler, (void *)fault_handler, (void *)fault_handler,
    (void *)fault_handler, (void *)fault_handler, (void *)fault_handler, (void *)fault_handler,
    (void *)fault_handler, (void *)fault_handler, (void *)fault_handler, (void *)fault_handler,
    (void *)fault_handler, (void *)fault_handler, (void *)fault_handler, (void *)fault_handler,
};
