# SPDX-License-Identifier: Apache-2.0
"""Stands in for compilers/tvm/compile.py in tests: C written by hand, so that no TVM is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.compiled import Compiled, Port
from gen_fw.compilers.tvm.options import TvmOptions
from gen_fw.model.types import Model
from gen_fw.runtimes.io import interface

#: y[j] = x[j] + ADDED, which wraps around
ADDED = 3


def adding(name: str = "adder", *, x: str = "x", y: str = "y", count: int = 4) -> Compiled:
    """int8 x[1, count] -> int8 y[1, count]; through a kernel with memory of its own."""
    kernel, main = f"tvmgen_{name}_add", f"tvmgen_{name}___tvm_main__"
    outputs = 16 * -(-count // 16)
    return Compiled(
        name=name,
        inputs=(Port(x, "int8", (1, count), count, 0),),
        outputs=(Port(y, "int8", (1, count), count, outputs),),
        workspace_bytes=3 * outputs,
        constant_bytes=1,
        sources={
            "lib1.c": f"""\
// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

static const int8_t constant[1] = {{
    {ADDED}
}};

int32_t {kernel}(const int8_t* p0, int8_t* T_add, uint8_t* own);
int32_t {kernel}(const int8_t* p0, int8_t* T_add, uint8_t* own) {{
  for (int32_t i = 0; i < {count}; ++i) {{
    own[i] = (uint8_t)((uint8_t)p0[i] + (uint8_t)constant[0]);
  }}
  for (int32_t i = 0; i < {count}; ++i) {{
    T_add[i] = (int8_t)own[i];
  }}
  return 0;
}}
""",
            "lib2.c": f"""\
// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

int32_t {kernel}(const int8_t* p0, int8_t* T_add, uint8_t* own);
int32_t {main}(uint8_t* pool);
int32_t {main}(uint8_t* pool) {{
  return {kernel}((const int8_t*)pool, (int8_t*)(pool + {outputs}), pool + {2 * outputs});
}}
""",
        },
        functions=((kernel, outputs),),
        report={"tunable_kernels": 0, "tuned_kernels": 0},
    )


def table(
    values: Sequence[int],
) -> Callable[[Model, str, Board | None, TvmOptions, Callable[[str], None]], Compiled]:
    """A ``compile_model`` for models with one int8 input and output of one element: ``values`` are
    the outputs for -128 to 127."""
    numbers = ", ".join(str(value) for value in values)

    def compile_model(
        model: Model,
        name: str,
        board: Board | None,
        options: TvmOptions,
        progress: Callable[[str], None],
    ) -> Compiled:
        progress(f"kernels of {name}")
        (x,), (y,) = interface(model)
        source = f"""\
// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

static const int8_t table[256] = {{
    {numbers}
}};

int32_t tvmgen_{name}___tvm_main__(uint8_t* pool);
int32_t tvmgen_{name}___tvm_main__(uint8_t* pool) {{
  const int8_t* x = (const int8_t*)pool;
  int8_t* y = (int8_t*)(pool + 16);
  y[0] = table[x[0] + 128];
  return 0;
}}
"""
        made = adding(name, count=1)
        return replace(
            made,
            inputs=(replace(made.inputs[0], name=x.name, shape=x.shape),),
            outputs=(replace(made.outputs[0], name=y.name, shape=y.shape),),
            workspace_bytes=32,
            constant_bytes=256,
            sources={"lib1.c": source},
            functions=((f"tvmgen_{name}_table", 0),),
        )

    return compile_model
