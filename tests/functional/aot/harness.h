// SPDX-License-Identifier: Apache-2.0
// Runs ahead-of-time programs on recorded inputs and compares every tensor that they trace.

#ifndef HARNESS_H_
#define HARNESS_H_

#include <stdint.h>

// One program. `script` is a little-endian stream of 32-bit words, data padded to words:
//   inputs, {offset in the arena, bytes} each; outputs, {offset in the arena, bytes} each; samples,
//   and for each sample 1 when it begins anew (0: from the state that the one before has left), the
//   inputs' data, the outputs' data, tensors, {index, bytes, data} each.
// Bytes of outputs and tensors whose elements are float have HARNESS_FLOAT added.
#define HARNESS_FLOAT 0x80000000u

struct harness_case {
  const char *name;
  void (*run)(uint8_t *arena);
  void (*reset)(uint8_t *arena);  // NULL when the program has no state
  uint32_t arena_bytes;
  uint32_t state_bytes;  // at the end of the arena
  const uint32_t *script;
};

extern const struct harness_case harness_cases[];
extern const uint32_t harness_case_count;

// the generated code calls this behind GEN_FW_AOT_TRACE
void harness_trace(int32_t tensor, const void *data, uint32_t bytes);

// of the machine
void harness_print(const char *text);
_Noreturn void harness_exit(int code);
uint32_t harness_ticks(void);
uint32_t harness_instructions(uint32_t ticks);

#endif  // HARNESS_H_
