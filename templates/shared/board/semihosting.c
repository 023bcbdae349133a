// SPDX-License-Identifier: Apache-2.0
#include "semihosting.h"

#include <stdint.h>
#include <string.h>

enum {
  kOpen = 0x01,
  kClose = 0x02,
  kWrite = 0x05,
  kRead = 0x06,
  kExitExtended = 0x20,
  kApplicationExit = 0x20026,
  kModeReadBinary = 1,
  kModeWriteBinary = 5
};

static intptr_t call(uintptr_t operation, const void *argument) {
#if defined(__riscv)
  register uintptr_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  // the three instructions are the call's signature: uncompressed and in one page
  __asm__ volatile(
      ".balign 16\n"
      ".option push\n"
      ".option norvc\n"
      "slli zero, zero, 0x1f\n"
      "ebreak\n"
      "srai zero, zero, 7\n"
      ".option pop\n"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return (intptr_t)a0;
#else
  register uintptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return (intptr_t)r0;
#endif
}

int semihosting_open(const char *path, bool write) {
  const uintptr_t mode = write ? kModeWriteBinary : kModeReadBinary;
  const uintptr_t block[] = {(uintptr_t)path, mode, strlen(path)};
  return (int)call(kOpen, block);
}

size_t semihosting_read(int file, void *data, size_t bytes) {
  const uintptr_t block[] = {(uintptr_t)file, (uintptr_t)data, bytes};
  const size_t missing = (size_t)call(kRead, block);
  return missing <= bytes ? bytes - missing : 0;
}

bool semihosting_write(int file, const void *data, size_t bytes) {
  const uintptr_t block[] = {(uintptr_t)file, (uintptr_t)data, bytes};
  return call(kWrite, block) == 0;
}

void semihosting_close(int file) {
  const uintptr_t block[] = {(uintptr_t)file};
  call(kClose, block);
}

bool semihosting_print(const char *text, size_t bytes) {
  static int console = -1;
  if (console < 0) {
    console = semihosting_open(":tt", true);
  }
  return console >= 0 && semihosting_write(console, text, bytes);
}

_Noreturn void semihosting_exit(int status) {
  const uintptr_t block[] = {kApplicationExit, (uintptr_t)status};
  for (;;) {
    call(kExitExtended, block);
  }
}
