// SPDX-License-Identifier: Apache-2.0
// Reset of a RISC-V core in machine mode: memory, C library, main. A trap prints its registers.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "semihosting.h"

extern uint32_t __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];
extern void (*__init_array_start[])(void), (*__init_array_end[])(void);

int main(void);

__attribute__((section(".vectors"), naked, used)) _Noreturn void _start(void) {
  __asm__ volatile(
      ".option push\n"
      ".option norelax\n"
      "la gp, __global_pointer$\n"
      ".option pop\n"
      "la sp, __stack_top\n"
      "la tp, __tls_base\n"
      "la t0, trap_handler\n"
      "csrw mtvec, t0\n"
      "j start_c\n");
}

__attribute__((used)) _Noreturn void start_c(void) {
  const uint32_t *from = __data_load;
  for (uint32_t *to = __data_start; to < __data_end;) {
    *to++ = *from++;
  }
  for (uint32_t *to = __bss_start; to < __bss_end;) {
    *to++ = 0;
  }
  for (void (**init)(void) = __init_array_start; init < __init_array_end; ++init) {
    (*init)();
  }
  exit(main());
}

__attribute__((used)) _Noreturn static void report_trap(void) {
  uint32_t cause;
  uint32_t pc;
  uint32_t value;
  __asm__ volatile("csrr %0, mcause" : "=r"(cause));
  __asm__ volatile("csrr %0, mepc" : "=r"(pc));
  __asm__ volatile("csrr %0, mtval" : "=r"(value));
  printf("FAULT mcause %lu, pc 0x%08lx, mtval 0x%08lx\n", (unsigned long)cause, (unsigned long)pc,
         (unsigned long)value);
  fflush(stdout);
  semihosting_exit(EXIT_FAILURE);
}

/// mtvec wants four bytes of alignment.
__attribute__((naked, aligned(4), used)) void trap_handler(void) {
  __asm__ volatile(
      // after a stack overflow the stack serves from its top
      "la sp, __stack_top\n"
      "j report_trap\n");
}
