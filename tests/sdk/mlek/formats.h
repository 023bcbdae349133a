// SPDX-License-Identifier: Apache-2.0
/// Formats that the kit's profiler prints with, and that newlib of Debian 12 does not define.
#pragma once

#include <inttypes.h>

#ifndef PRIu64
#define PRIu64 "llu"
#endif
