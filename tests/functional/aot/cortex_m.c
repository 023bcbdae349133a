// SPDX-License-Identifier: Apache-2.0
// Start-up, console and instruction counter of QEMU's mps2-an386 (Cortex-M4) and mps3-an547
// (Cortex-M55).

#include <stdint.h>
#include <string.h>

#include "harness.h"

extern uint32_t __stack_top[], __bss_start[], __bss_end[], __data_start[], __data_end[],
    __data_load[];

int main(void);
void reset_handler(void);
void fault_handler(void);

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    __stack_top,           (void *)reset_handler, (void *)fault_handler, (void *)fault_handler,
    (void *)fault_handler, (void *)fault_handler, (void *)fault_handler,
};

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

static int semihosting(int call, const void *argument) {
  register int r0 __asm__("r0") = call;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void harness_print(const char *text) { (void)semihosting(0x04, text); }  // SYS_WRITE0

_Noreturn void harness_exit(int code) {
  const uint32_t block[2] = {0x20026, (uint32_t)code};  // ADP_Stopped_ApplicationExit
  (void)semihosting(0x20, block);                       // SYS_EXIT_EXTENDED
  for (;;) {
  }
}

#ifdef __ARM_FEATURE_MVE
// the SSE-300's system counter: 32 MHz, 1.024 ticks an instruction with -icount shift=5
static void counter_start(void) { REGISTER(0x58100000) = 1; }
uint32_t harness_ticks(void) { return REGISTER(0x48101000); }
uint32_t harness_instructions(uint32_t ticks) {
  return (uint32_t)(((uint64_t)ticks * 1000u + 512u) / 1024u);
}
#else
// CMSDK timer 0: 25 MHz, counts down, 1.6 ticks an instruction with -icount shift=6
static void counter_start(void) {
  REGISTER(0x40000008) = 0xffffffffu;
  REGISTER(0x40000004) = 0xffffffffu;
  REGISTER(0x40000000) = 1;
}
uint32_t harness_ticks(void) { return 0xffffffffu - REGISTER(0x40000004); }
uint32_t harness_instructions(uint32_t ticks) {
  return (uint32_t)(((uint64_t)ticks * 10u + 8u) / 16u);
}
#endif

void fault_handler(void) {
  harness_print("FAULT\n");
  harness_exit(3);
}

void reset_handler(void) {
  REGISTER(0xe000ed88) |= 0xfu << 20;  // CPACR: FPU and MVE
  __asm__ volatile("dsb\n isb" ::: "memory");
  memcpy(__data_start, __data_load, (size_t)((char *)__data_end - (char *)__data_start));
  memset(__bss_start, 0, (size_t)((char *)__bss_end - (char *)__bss_start));
  counter_start();
  harness_exit(main());
}
