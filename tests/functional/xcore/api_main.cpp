// SPDX-License-Identifier: Apache-2.0
// Uses the C API in ways that an application should not, and in ways that it may.

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "digits_int8/digits_int8.h"
#include "digits_int8/digits_int8_golden.h"
#include "gen_fw_xcore.h"
#include "sine_int8/sine_int8.h"
#include "sine_int8/sine_int8_golden.h"

namespace {

alignas(16) uint8_t own[DIGITS_INT8_ARENA_BYTES + 16];
int failures = 0;

void expect(bool holds, const char *what) {
  if (!holds) {
    std::printf("not so: %s\n", what);
    ++failures;
  }
}

bool digits_agree() {
  std::memcpy(digits_int8_input0(), digits_int8_golden_input0, DIGITS_INT8_INPUT0_BYTES);
  return digits_int8_invoke() == GEN_FW_OK &&
         std::memcmp(digits_int8_output0(), digits_int8_golden_output0, DIGITS_INT8_OUTPUT0_BYTES) == 0;
}

bool sine_agrees() {
  std::memcpy(sine_int8_input0(), sine_int8_golden_input0, SINE_INT8_INPUT0_BYTES);
  return sine_int8_invoke() == GEN_FW_OK &&
         std::memcmp(sine_int8_output0(), sine_int8_golden_output0, SINE_INT8_OUTPUT0_BYTES) == 0;
}

}  // namespace

extern "C" int app_main(void) {
  expect(digits_int8_invoke() == GEN_FW_ERROR_NOT_READY, "not ready before init");
  expect(digits_int8_input0() == nullptr && digits_int8_arena_used() == 0, "nothing before init");
  expect(digits_int8_reset() == GEN_FW_ERROR_NOT_READY, "no reset before init");
  expect(digits_int8_init_with(own, 16) == GEN_FW_ERROR_ARENA_SIZE, "a small arena is told");
  expect(digits_int8_init_with(own + 8, sizeof own - 8) == GEN_FW_ERROR_ARENA_ALIGNMENT, "alignment");
  expect(digits_int8_init_with(nullptr, 1 << 20) == GEN_FW_ERROR_ARENA_SIZE, "no arena is told");
  expect(digits_int8_init() == GEN_FW_OK && digits_agree(), "in the shared arena");
  expect(sine_int8_init() == GEN_FW_OK && sine_agrees(), "the other takes it");
  expect(digits_int8_invoke() == GEN_FW_ERROR_NOT_READY, "the first has lost it");
  expect(digits_int8_init_with(own, DIGITS_INT8_ARENA_BYTES) == GEN_FW_OK && digits_agree(), "own arena");
  const uint8_t *input = reinterpret_cast<const uint8_t *>(digits_int8_input0());
  expect(input >= own && input < own + sizeof own, "the input lies in it");
  expect(sine_agrees() && digits_agree() && sine_agrees(), "both side by side");
  expect(digits_int8_init_with(own + 16, DIGITS_INT8_ARENA_BYTES) == GEN_FW_OK && digits_agree(), "moved");
  expect(digits_int8_reset() == GEN_FW_OK && digits_agree(), "after a reset");
  expect(digits_int8_init() == GEN_FW_OK && digits_agree(), "back in the shared arena");
  if (failures == 0) {
    std::printf("all is well\n");
  }
  return failures;
}
