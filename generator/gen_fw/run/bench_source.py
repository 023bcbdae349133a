# SPDX-License-Identifier: Apache-2.0
"""C text of the bench: a firmware that calls many versions of one kernel and counts each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_LICENCE = "// SPDX-License-Identifier: Apache-2.0\n"
#: bytes behind every buffer that is written, which must stay as they are
GUARD = 64
_ALIGNMENT = 16
_ROW = 24

Role = Literal["input", "output", "scratch", "constant"]


@dataclass(frozen=True, slots=True)
class Buffer:
    """What one parameter of a kernel points to: ``length`` bytes. ``data`` is the contents of a
    constant; inputs are filled with noise: whole numbers of all values (int32: of 16 bits), float32
    within ±1."""

    name: str
    #: int8_t, int16_t, float, ...
    c_type: str
    length: int
    role: Role
    data: bytes = b""


def target_cmake(slots: int) -> str:
    """The target, in the project's own scope, so that it is compiled with the project's options."""
    files = "\n".join(f'  "${{GEN_FW_BENCH}}/{slot_file(index)}"' for index in range(slots))
    return (
        "add_executable(gen_fw_bench EXCLUDE_FROM_ALL\n"
        f'  "${{GEN_FW_BENCH}}/main.c"\n  "${{GEN_FW_BENCH}}/buffers.c"\n{files})\n'
        "target_link_libraries(gen_fw_bench PRIVATE board)\n"
    )


#: included at the end of the project() command: the target is defined when all options are set
HOOK_CMAKE = 'cmake_language(DEFER CALL include "${GEN_FW_BENCH}/target.cmake")\n'


def slot_file(index: int) -> str:
    """The file of one version of the kernel."""
    return f"slot_{index}.c"


def slot_source(index: int, text: str, entry: str, parameters: int) -> str:
    """A version of the kernel: ``text`` defines the function ``entry``. It is called through a
    pointer that the compiler cannot see through, as a function of another file."""
    arguments = ", ".join(f"data[{position}]" for position in range(parameters))
    return (
        f"#define {entry} bench_kernel_{index}\n{text}\n"
        f"void bench_slot_{index}(void **data);\n"
        f"void bench_slot_{index}(void **data) {{\n"
        f"  __typeof__(&{entry}) volatile call = &{entry};\n"
        f"  call({arguments});\n}}\n"
    )


EMPTY_SLOT = f"{_LICENCE}extern int bench_nothing;\n"


def buffers_source(buffers: Sequence[Buffer]) -> str:
    """The memory of all parameters, and what is known of it."""
    parts = [_LICENCE, '#include "bench.h"\n\n']
    for index, buffer in enumerate(buffers):
        if buffer.role == "constant":
            rows = ",\n".join(_rows(buffer.data))
            parts.append(
                f"static const _Alignas({_ALIGNMENT}) uint8_t data_{index}[{len(buffer.data)}] = "
                f"{{\n{rows}}};\n"
            )
        else:
            size = max(buffer.length, 1) + GUARD
            parts.append(f"static _Alignas({_ALIGNMENT}) uint8_t data_{index}[{size}];\n")
    rows = ",\n".join(
        f"    {{(void *)data_{index}, {buffer.length}u, '{buffer.role[0]}', '{_fill(buffer)}'}}"
        for index, buffer in enumerate(buffers)
    )
    parts.append(f"\nconst struct bench_buffer bench_buffers[] = {{\n{rows}}};\n")
    parts.append(f"const unsigned bench_buffer_count = {len(buffers)};\n")
    return "".join(parts)


def _rows(data: bytes) -> Iterator[str]:
    for start in range(0, len(data), _ROW):
        yield ",".join(map(str, data[start : start + _ROW]))


def _fill(buffer: Buffer) -> str:
    if buffer.c_type == "float":
        return "f"
    return "w" if buffer.c_type in ("int32_t", "uint32_t") else "b"


HEADER = f"""{_LICENCE}\
#include <stddef.h>
#include <stdint.h>

struct bench_buffer {{
  void *data;
  uint32_t bytes;
  char role;  // input, output, scratch, constant
  char fill;  // bytes, words, floats
}};

extern const struct bench_buffer bench_buffers[];
extern const unsigned bench_buffer_count;
"""

_MAIN = """\
#include "bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "board.h"

enum { kMaxBuffers = 32, kGuard = GUARD, kWritten = 0x5a, kPaint = 0xa5 };

static uint32_t noise(uint32_t *state) {  // xorshift32
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void prepare(const struct bench_buffer *buffer, uint32_t seed) {
  uint8_t *const data = buffer->data;
  if (buffer->role == 'c') {
    return;
  }
  memset(data + buffer->bytes, kPaint, kGuard);
  if (buffer->role != 'i') {
    memset(data, kWritten, buffer->bytes);
    return;
  }
  uint32_t state = 0x9e3779b9u * (seed + 1u);
  const uint32_t step = buffer->fill == 'b' ? 1 : 4;
  for (uint32_t i = 0; i + step <= buffer->bytes; i += step) {
    const uint32_t bits = noise(&state);
    if (buffer->fill == 'b') {
      data[i] = (uint8_t)(bits >> 13);
    } else if (buffer->fill == 'w') {
      const int32_t word = (int32_t)(bits >> 13 & 0xffffu) - 0x8000;
      memcpy(data + i, &word, 4);
    } else {
      const float number = (float)((int32_t)(bits >> 8) - (1 << 23)) / (float)(1 << 23);
      memcpy(data + i, &number, 4);
    }
  }
}

/// Two sums over all that is no scratch, and what lies behind it.
static void digest(uint32_t sums[2]) {
  sums[0] = 2166136261u;  // FNV-1a
  sums[1] = 0;
  for (unsigned b = 0; b < bench_buffer_count; ++b) {
    const struct bench_buffer *const buffer = &bench_buffers[b];
    const uint8_t *const data = buffer->data;
    const bool counts = buffer->role == 'i' || buffer->role == 'o';
    for (uint32_t i = 0; counts && i < buffer->bytes + kGuard; ++i) {
      sums[0] = (sums[0] ^ data[i]) * 16777619u;
      sums[1] = sums[1] * 65599u + data[i];
    }
  }
}

/// Whether nothing has written behind scratch.
static bool guarded(void) {
  for (unsigned b = 0; b < bench_buffer_count; ++b) {
    const struct bench_buffer *const buffer = &bench_buffers[b];
    const uint8_t *const guard = (const uint8_t *)buffer->data + buffer->bytes;
    for (uint32_t i = 0; buffer->role == 's' && i < kGuard; ++i) {
      if (guard[i] != kPaint) {
        return false;
      }
    }
  }
  return true;
}

static void measure(unsigned slot, void (*call)(void **)) {
  void *data[kMaxBuffers];
  for (unsigned b = 0; b < bench_buffer_count; ++b) {
    prepare(&bench_buffers[b], b);
    data[b] = bench_buffers[b].data;
  }
  printf("BEGIN %u\\n", slot);
  fflush(stdout);
  (void)board_count();  // starts the counter where that is needed
  const uint64_t nothing = board_count();
  const uint64_t reading = board_count() - nothing;
  const uint64_t before = board_count();
  call(data);
  const uint64_t count = board_count() - before;
  const uint64_t net = count > reading ? count - reading : 0;
  uint32_t sums[2];
  digest(sums);
  printf("KERNEL %u %lu*1000000+%lu %08lx%08lx %s\\n", slot, (unsigned long)(net / 1000000u),
         (unsigned long)(net % 1000000u), (unsigned long)sums[0], (unsigned long)sums[1],
         guarded() ? "OK" : "BEYOND");
  fflush(stdout);
}
"""


def main_source(slots: Sequence[int]) -> str:
    """The program that measures these slots, in this order."""
    prototypes = "".join(f"void bench_slot_{index}(void **data);\n" for index in slots)
    calls = "".join(f"  measure({index}, bench_slot_{index});\n" for index in slots)
    body = _MAIN.replace("GUARD", str(GUARD))
    return f"{_LICENCE}{body}\n{prototypes}\nint main(void) {{\n{calls}  return 0;\n}}\n"
