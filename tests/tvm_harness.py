# SPDX-License-Identifier: Apache-2.0
"""Models compiled by TVM and executed on this computer: all kernels in one child process, all
modules in one library, which a child process loads.

    python tvm_harness.py LIBRARY JOB

JOB: a JSON file with modules, the places of their inputs and outputs, and samples in hex.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wmissing-prototypes", "-ffp-contract=off"]
_SECONDS = 120


def compile_together(
    models: Mapping[str, Any], board: Any = None, layout: Any = "nhwc"
) -> dict[str, Any]:
    """name -> ``Compiled``, or the ModelError. One start of TVM for all."""
    from gen_fw.compilers.tvm import compile as room
    from gen_fw.compilers.tvm.options import TvmOptions
    from gen_fw.errors import ModelError

    options = TvmOptions(tensor_layout=layout, allow_float=True)
    real = room.compile_kernels
    wanted: dict[str, Mapping[str, Any]] = {}

    class RecordedError(Exception):
        pass

    def record(specifications: Sequence[Mapping[str, Any]]) -> Any:
        wanted.update((json.dumps(s, sort_keys=True), s) for s in specifications)
        raise RecordedError

    found: dict[str, Any] = {}
    room.compile_kernels = record
    try:
        for name, model in models.items():
            try:
                room.compile_model(model, name, board, options, lambda _: None)
            except ModelError as error:
                found[name] = error
            except RecordedError:
                pass
        made = dict(zip(wanted, real(list(wanted.values())), strict=True))
        room.compile_kernels = lambda specifications: [
            made[json.dumps(s, sort_keys=True)] for s in specifications
        ]
        for name, model in models.items():
            if name not in found:
                found[name] = room.compile_model(model, name, board, options, lambda _: None)
    finally:
        room.compile_kernels = real
    return found


def execute(
    compiled: Mapping[str, Any],
    samples: Mapping[str, Sequence[tuple[bytes, ...]]],
    work: Path,
    flags: Sequence[str] = ("-O1",),
) -> dict[str, list[list[bytes]]]:
    """name -> for each sample the bytes of each output. Builds with warnings as errors."""
    work.mkdir(parents=True, exist_ok=True)
    include = ROOT / "generator/gen_fw/runtimes/mlf/shim"
    files = []
    for name, module in compiled.items():
        path = work / f"{name}.c"
        path.write_text(module.sources["lib1.c"])
        files.append(str(path))
    library = work / "modules.so"
    command = ["gcc", *FLAGS, *flags, "-shared", "-fPIC", f"-I{include}", *files, "-lm"]
    done = subprocess.run([*command, "-o", str(library)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    job = [
        {
            "name": name,
            "bytes": module.workspace_bytes,
            "inputs": [[port.offset, port.bytes] for port in module.inputs],
            "outputs": [[port.offset, port.bytes] for port in module.outputs],
            "samples": [[data.hex() for data in sample] for sample in samples[name]],
        }
        for name, module in compiled.items()
    ]
    (work / "job.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, __file__, str(library), str(work / "job.json")],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {
        name: [[bytes.fromhex(data) for data in sample] for sample in outputs]
        for name, outputs in json.loads(done.stdout).items()
    }


def _run(library: str, job: str) -> None:
    loaded = ctypes.CDLL(library)
    results = {}
    for row in json.loads(Path(job).read_text()):
        function = getattr(loaded, f"tvmgen_{row['name']}___tvm_main__")
        # what lies behind the workspace must stay as it is
        memory = ctypes.create_string_buffer(b"\xa5" * (row["bytes"] + 64), row["bytes"] + 64)
        start = ctypes.addressof(memory)
        start += -start % 16
        guard = start + row["bytes"]
        outputs = []
        for sample in row["samples"]:
            for (offset, size), data in zip(row["inputs"], sample, strict=True):
                ctypes.memmove(start + offset, bytes.fromhex(data), size)
            assert function(ctypes.c_void_p(start)) == 0
            assert ctypes.string_at(guard, 16) == b"\xa5" * 16, row["name"]
            outputs.append([ctypes.string_at(start + o, n).hex() for o, n in row["outputs"]])
        results[row["name"]] = outputs
    print(json.dumps(results))


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2])
