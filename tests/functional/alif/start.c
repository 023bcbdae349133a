// SPDX-License-Identifier: Apache-2.0
// Stands for Alif's start-up code where only the linker script is looked at.
#include <stddef.h>

void Reset_Handler(void);
int main(void);
int puts(const char *text);

__attribute__((section(".vectors"), used)) static void *const vectors[] = {NULL,
                                                                           (void *)Reset_Handler};
int cleared;
int set = 1;

void Reset_Handler(void) {
  cleared += set;
  main();
  for (;;) {
  }
}
