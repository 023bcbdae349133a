// SPDX-License-Identifier: Apache-2.0
// Console of the host; instructions are not counted here.

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

void harness_print(const char *text) { (void)fputs(text, stderr); }
_Noreturn void harness_exit(int code) { exit(code); }
uint32_t harness_ticks(void) { return 0; }
uint32_t harness_instructions(uint32_t ticks) { return ticks; }
