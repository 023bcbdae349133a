// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

uint32_t LocalToGlobal(const volatile void *local_addr);
