// SPDX-License-Identifier: Apache-2.0
// Host stand-in for ESP-IDF's header: what generated projects use of it.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#define MALLOC_CAP_8BIT (1 << 2)
#define MALLOC_CAP_SPIRAM (1 << 10)
#define MALLOC_CAP_INTERNAL (1 << 11)

static inline void *heap_caps_aligned_alloc(size_t alignment, size_t size, uint32_t caps) {
  (void)caps;
  return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
