// SPDX-License-Identifier: Apache-2.0
// Start-up, console and instruction counter of QEMU's virt machine (rv32).

#include <stdint.h>
#include <string.h>

#include "harness.h"

extern char __bss_start[], __bss_end[];

int main(void);
void start(void);

__attribute__((naked, used, section(".vectors"))) void _start(void) {
  __asm__ volatile(
      ".option push\n .option norelax\n la gp, __global_pointer$\n .option pop\n"
      "la sp, __stack_top\n la t0, fault_handler\n csrw mtvec, t0\n j start\n");
}

__attribute__((used, aligned(4))) static void fault_handler(void) {
  harness_print("FAULT\n");
  harness_exit(3);
}

void start(void) {
  memset(__bss_start, 0, (size_t)(__bss_end - __bss_start));
  harness_exit(main());
}

void harness_print(const char *text) {
  for (; *text != '\0'; ++text) {
    *(volatile uint8_t *)0x10000000 = (uint8_t)*text;  // the UART's transmit register
  }
}

_Noreturn void harness_exit(int code) {
  // the test device: 0x5555 ends QEMU with 0, 0x3333 with a code
  *(volatile uint32_t *)0x100000 = code == 0 ? 0x5555u : ((uint32_t)code << 16 | 0x3333u);
  for (;;) {
  }
}

uint32_t harness_ticks(void) {
  uint32_t count;
  __asm__ volatile("csrr %0, minstret" : "=r"(count));
  return count;
}

uint32_t harness_instructions(uint32_t ticks) { return ticks; }
