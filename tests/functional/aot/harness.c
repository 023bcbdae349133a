// SPDX-License-Identifier: Apache-2.0

#include "harness.h"

#include <stddef.h>
#include <string.h>

#ifdef HARNESS_HOST
#include <stdlib.h>
#else
#define STACK_PAINTED 6144u
#define PAINT 0xc5a3961eu
static _Alignas(16) uint8_t arena_memory[HARNESS_ARENA_BYTES];
#endif

#define GUARD_BYTES 64u
#define GUARD 0xd7u

// the sample that runs: what tracing compares with
static struct {
  const struct harness_case *program;
  uint32_t sample;
  const uint32_t *tensors;
  uint32_t traced;
  uint32_t failures;
  uint32_t resumed;  // ticks when the program went on after the last tensor
} state;

static void print_number(int32_t number) {
  char text[13];
  char *at = text + sizeof text - 1;
  uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;
  *at = '\0';
  do {
    *--at = (char)('0' + rest % 10u);
    rest /= 10u;
  } while (rest != 0u);
  if (number < 0) {
    *--at = '-';
  }
  *--at = ' ';
  harness_print(at);
}

static void report(const char *what) {
  harness_print(what);
  harness_print(" ");
  harness_print(state.program->name);
  print_number((int32_t)state.sample);
}

static uint32_t words(uint32_t bytes) { return (bytes + 3u) / 4u; }

static uint32_t size_of(uint32_t bytes) { return bytes & ~HARNESS_FLOAT; }

static float element(const void *data, uint32_t i) {
  float value;
  memcpy(&value, (const uint8_t *)data + 4u * i, sizeof value);
  return value;
}

static float magnitude(float value) { return value < 0.0f ? -value : value; }

// Elements that differ by more than the hundred thousandth part, where the tolerance is not smaller
// than the rounding errors of the largest element. None on the computer whose arithmetic and
// mathematical functions are the reference's, unless the compiler optimizes: it knows what tanhf
// does with signs, and the last bit of its result changes.
static uint32_t different_floats(const void *got, const void *expected, uint32_t count,
                                 uint32_t *first) {
#if defined(HARNESS_HOST) && defined(__x86_64__) && !defined(__OPTIMIZE__)
  const float relative = 0.0f, absolute = 0.0f;
#else
  const float relative = 1e-5f, absolute = 1e-6f;
#endif
  float largest = 0.0f;
  for (uint32_t i = 0; i < count; ++i) {
    const float value = magnitude(element(expected, i));
    largest = value > largest && value < 1e30f ? value : largest;
  }
  uint32_t different = 0;
  for (uint32_t i = count; i-- > 0u;) {
    const float a = element(got, i);
    const float b = element(expected, i);
    const float limit = relative * magnitude(b) + absolute * largest;
    if (!(a == b || (a != a && b != b) || magnitude(a - b) <= limit)) {
      ++different;
      *first = 4u * i;
    }
  }
  return different;
}

// MISMATCH name sample tensor byte expected got; an output is tensor -1 - its position
static void compare(int32_t tensor, const void *got, const uint32_t *expected, uint32_t bytes) {
  const uint8_t *a = got;
  const uint8_t *b = (const uint8_t *)expected;
  uint32_t different = 0;
  uint32_t first = 0;
  if ((bytes & HARNESS_FLOAT) != 0u) {
    different = different_floats(a, b, size_of(bytes) / 4u, &first);
    bytes = 0;
  }
  for (uint32_t i = bytes; i-- > 0u;) {
    if (a[i] != b[i]) {
      ++different;
      first = i;
    }
  }
  if (different == 0u) {
    return;
  }
  ++state.failures;
  report("MISMATCH");
  print_number(tensor);
  print_number((int32_t)first);
  print_number((int8_t)b[first]);
  print_number((int8_t)a[first]);
  print_number((int32_t)different);
  harness_print("\n");
}

#ifdef HARNESS_LAYERS
// LAYER name sample tensor instructions, instead of a comparison
void harness_trace(int32_t tensor, const void *data, uint32_t bytes) {
  const uint32_t ticks = harness_ticks() - state.resumed;
  (void)data;
  (void)bytes;
  report("LAYER");
  print_number(tensor);
  print_number((int32_t)harness_instructions(ticks));
  harness_print("\n");
  state.resumed = harness_ticks();
}
#else
void harness_trace(int32_t tensor, const void *data, uint32_t bytes) {
  const uint32_t *at = state.tensors;
  for (uint32_t count = *at++; count > 0u; --count) {
    if ((int32_t)at[0] == tensor) {
      if (size_of(at[1]) != bytes) {
        ++state.failures;
        report("SIZE");
        print_number(tensor);
        print_number((int32_t)bytes);
        harness_print("\n");
        return;
      }
      ++state.traced;
      compare(tensor, data, at + 2, at[1]);
      return;
    }
    at += 2u + words(size_of(at[1]));
  }
  ++state.failures;
  report("UNKNOWN");
  print_number(tensor);
  harness_print("\n");
}
#endif

// Bytes of stack below this frame that the program touched.
static __attribute__((noinline)) uint32_t measure(const struct harness_case *program,
                                                  uint8_t *arena, uint32_t *instructions) {
#ifdef HARNESS_HOST
  *instructions = 0;
  program->run(arena);
  return 0;
#else
  uintptr_t top;  // the stack pointer here is the one with which the program is called
#ifdef __riscv
  __asm__ volatile("mv %0, sp" : "=r"(top));
#else
  __asm__ volatile("mov %0, sp" : "=r"(top));
#endif
  const uintptr_t bottom = top - STACK_PAINTED;
  for (uintptr_t at = bottom; at < top; at += 4u) {
    *(volatile uint32_t *)at = PAINT;
  }
  const uint32_t idle_start = harness_ticks();
  const uint32_t idle = harness_ticks() - idle_start;
  const uint32_t start = harness_ticks();
  state.resumed = start;
  program->run(arena);
  const uint32_t ticks = harness_ticks() - start;
  *instructions = harness_instructions(ticks - idle);
  uintptr_t at = bottom;
  while (at < top && *(volatile uint32_t *)at == PAINT) {
    at += 4u;
  }
  return (uint32_t)(top - at);
#endif
}

static const uint32_t *run_sample(const struct harness_case *program, uint8_t *arena,
                                  const uint32_t *at) {
  const uint32_t *const inputs = program->script + 1;
  const uint32_t input_count = program->script[0];
  const uint32_t *const outputs = inputs + 2u * input_count + 1u;
  const uint32_t output_count = outputs[-1];
  memset(arena, state.sample % 2u == 0u ? 0xa5 : 0x3c,
         program->arena_bytes - (*at == 0u ? program->state_bytes : 0u));
#ifndef HARNESS_HOST
  memset(arena + program->arena_bytes, GUARD, GUARD_BYTES);
#endif
  if (*at++ != 0u && program->reset != NULL) {
    program->reset(arena);
  }
  for (uint32_t i = 0; i < input_count; ++i) {
    memcpy(arena + inputs[2u * i], at, inputs[2u * i + 1u]);
    at += words(inputs[2u * i + 1u]);
  }
  const uint32_t *const expected = at;
  for (uint32_t i = 0; i < output_count; ++i) {
    at += words(size_of(outputs[2u * i + 1u]));
  }
  state.tensors = at;
  state.traced = 0;
  uint32_t instructions = 0;
  const uint32_t stack = measure(program, arena, &instructions);
  at = expected;
  for (uint32_t i = 0; i < output_count; ++i) {
    compare(-1 - (int32_t)i, arena + outputs[2u * i], at, outputs[2u * i + 1u]);
    at += words(size_of(outputs[2u * i + 1u]));
  }
#ifndef HARNESS_HOST
  for (uint32_t i = 0; i < GUARD_BYTES; ++i) {
    if (arena[program->arena_bytes + i] != GUARD) {
      ++state.failures;
      report("OVERRUN");
      harness_print("\n");
      break;
    }
  }
#endif
  report("RAN");
  print_number((int32_t)instructions);
  print_number((int32_t)stack);
  print_number((int32_t)state.traced);
  harness_print("\n");
  for (uint32_t count = *at++; count > 0u; --count) {
    at += 2u + words(size_of(at[1]));
  }
  return at;
}

int main(void) {
  for (uint32_t i = 0; i < harness_case_count; ++i) {
    const struct harness_case *const program = &harness_cases[i];
    state.program = program;
#ifdef HARNESS_HOST
    // of the exact size, so that the address sanitizer sees every overrun
    uint8_t *const arena = malloc(program->arena_bytes == 0u ? 1u : program->arena_bytes);
    if (arena == NULL) {
      return 4;
    }
#else
    uint8_t *const arena = arena_memory;
#endif
    const uint32_t *at = program->script;
    at += 1u + 2u * at[0];
    at += 1u + 2u * at[0];
    const uint32_t samples = *at++;
    for (state.sample = 0; state.sample < samples; ++state.sample) {
      at = run_sample(program, arena, at);
    }
#ifdef HARNESS_HOST
    free(arena);
#endif
  }
  harness_print("END");
  print_number((int32_t)state.failures);
  harness_print("\n");
  return state.failures == 0u ? 0 : 1;
}
