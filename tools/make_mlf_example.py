# SPDX-License-Identifier: Apache-2.0
"""Makes examples/models/chirps_int8.mlf.tar: our chirps model as an archive in TVM's Model Library
Format (version 7, C interface, one internal pool).

The kernels are those of `--runtime aot`, put into the two files that TVM would write; TVM itself
is not needed, and none of its code is in the archive. So the archive is exact where TVM's own
kernels may differ from TFLite Micro.

usage: python tools/make_mlf_example.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from gen_fw.archive.container import pack
from gen_fw.boards.load import load_board
from gen_fw.model.reader import read_model
from gen_fw.runtimes.aot.lower import AotOptions, lower

MODELS = Path(__file__).resolve().parents[1] / "examples" / "models"
MODULE = "chirps"
X, Y = "serving_default_keras_tensor_10_0", "StatefulPartitionedCall_1_0"
HEAD = "// SPDX-License-Identifier: Apache-2.0\n// tvm target: c -keys=cpu\n"


def archive() -> bytes:
    """The archive's bytes, the same on every machine."""
    model = read_model(MODELS / "chirps_int8.tflite")
    program = lower(model, MODULE, load_board("esp32c3"), AotOptions())
    sources = {source.path: source.content.decode() for source in program.sources}
    (x,), (y,) = program.inputs, program.outputs
    places = program.adapter["inputs"][0]["offset"], program.adapter["outputs"][0]["offset"]
    workspace = program.region("arena").bytes
    return pack(
        {
            "metadata.json": _metadata(x.bytes, y.bytes, workspace, program.region("model").bytes),
            f"codegen/host/include/tvmgen_{MODULE}.h": _header(x.bytes, y.bytes, workspace),
            f"codegen/host/src/{MODULE}_lib0.c": _glue(workspace),
            f"codegen/host/src/{MODULE}_lib1.c": _kernels(sources, x.bytes, y.bytes, places),
            f"src/{MODULE}.relay": (
                f"def @main(%{X}: Tensor[(1, 32, 16, 1), int8]) -> Tensor[(1, 4), int8] {{\n"
                "  /* made by tools/make_mlf_example.py of gen-fw, without TVM */\n}\n"
            ).encode(),
        }
    )


def _metadata(x: int, y: int, workspace: int, constants: int) -> bytes:
    main = {
        "constants_size_bytes": constants,
        "device": 1,
        "inputs": {X: {"dtype": "int8", "size": x}},
        "io_size_bytes": x + y,
        "outputs": {Y: {"dtype": "int8", "size": y}},
        "workspace_size_bytes": workspace,
    }
    module = {
        "executors": ["aot"],
        "memory": {"functions": {"main": [main], "operator_functions": []}},
        "model_name": MODULE,
        "style": "full-model",
        "target": ["c -keys=cpu"],
    }
    return json.dumps({"modules": {MODULE: module}, "version": 7}, indent=2).encode()


def _header(x: int, y: int, workspace: int) -> bytes:
    upper = f"TVMGEN_{MODULE.upper()}"
    return f"""\
#ifndef {upper}_H_
#define {upper}_H_
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define {upper}_{X.upper()}_SIZE {x}
#define {upper}_{Y.upper()}_SIZE {y}
struct tvmgen_{MODULE}_inputs {{
  void* {X};
}};

struct tvmgen_{MODULE}_outputs {{
  void* {Y};
}};

int32_t tvmgen_{MODULE}_run(
  struct tvmgen_{MODULE}_inputs* inputs,
  struct tvmgen_{MODULE}_outputs* outputs
);
#define {upper}_WORKSPACE_SIZE {workspace}

#ifdef __cplusplus
}}
#endif

#endif // {upper}_H_
""".encode()


def _glue(workspace: int) -> bytes:
    main = f"tvmgen_{MODULE}___tvm_main__"
    return f"""\
// SPDX-License-Identifier: Apache-2.0
#include "tvm/runtime/c_runtime_api.h"
#ifdef __cplusplus
extern "C" {{
#endif
__attribute__((section(".bss.noinit.tvm"), aligned(16)))
static uint8_t global_workspace[{workspace}];
#include <tvmgen_{MODULE}.h>
TVM_DLL int32_t {main}(void* {X},void* output0,uint8_t* global_workspace_0_var);
int32_t tvmgen_{MODULE}_run(struct tvmgen_{MODULE}_inputs* inputs,struct tvmgen_{MODULE}_outputs* \
outputs) {{return {main}(inputs->{X},outputs->{Y},&global_workspace);
}}
#ifdef __cplusplus
}}
#endif
""".encode()


def _kernels(sources: dict[str, str], x: int, y: int, places: tuple[int, int]) -> bytes:
    """One file out of the runtime's six: no includes of its own, data with internal linkage."""
    parts = [sources[f"{MODULE}_kernels.h"], sources[f"{MODULE}_weights.c"]]
    parts += [sources[f"{MODULE}_kernels.c"], sources[f"{MODULE}_aot.c"]]
    parts[1] = re.sub(r"^const ", "static const ", parts[1], flags=re.MULTILINE)
    text = "\n".join(parts)
    text = re.sub(r'^#include "[^"]*"\n', "", text, flags=re.MULTILINE)
    text = re.sub(r"^// SPDX-License-Identifier.*\n", "", text, flags=re.MULTILINE)
    text = text.replace(f"{MODULE}_", f"tvmgen_{MODULE}_")
    includes = '#include "tvm/runtime/c_runtime_api.h"\n#include "tvm/runtime/c_backend_api.h"\n'
    includes += "#include <math.h>\n#include <stdbool.h>\n#include <string.h>\n\n"
    main = f"""
TVM_DLL int32_t tvmgen_{MODULE}___tvm_main__(int8_t* {X}_buffer_var, int8_t* {Y}_buffer_var, \
uint8_t* global_workspace_0_var) {{
  memcpy((&(global_workspace_0_var[{places[0]}])), {X}_buffer_var, {x});
  tvmgen_{MODULE}_aot_run(global_workspace_0_var);
  memcpy({Y}_buffer_var, (&(global_workspace_0_var[{places[1]}])), {y});
  return 0;
}}
"""
    return (HEAD + includes + text + main).encode()


if __name__ == "__main__":
    (MODELS / "chirps_int8.mlf.tar").write_bytes(archive())
