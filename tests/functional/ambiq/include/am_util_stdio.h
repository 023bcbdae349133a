// SPDX-License-Identifier: Apache-2.0
// Declarations of AmbiqSuite that generated board code uses, for compiling it without AmbiqSuite.
#ifndef AM_UTIL_STDIO_H
#define AM_UTIL_STDIO_H

#include <stdint.h>

uint32_t am_util_stdio_printf(const char *format, ...);

#endif
