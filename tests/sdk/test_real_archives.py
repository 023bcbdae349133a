# SPDX-License-Identifier: Apache-2.0
"""Real archives of TVM: each generates, compiles for the host and for emulated Cortex-M55 and
rv32imc, and answers as the same sources do that were compiled by hand; or it is refused with the
right reason."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sdk_evidence
from numpy.typing import NDArray
from sdk_archives import RealArchive, real_archives
from sdk_trees import cmsis_nn

import gen_fw
from gen_fw.archive.container import read_files
from gen_fw.errors import ModelError
from gen_fw.pipeline import Result
from mlf_writer import C7, members, run, write_tar
from sample_models import ROOT

pytestmark = pytest.mark.sdk

EXAMPLES = ROOT / "examples" / "models"
BOARDS = {
    "host": "cc",
    "qemu-cortex-m55": "arm-none-eabi-gcc",
    "qemu-riscv32": "riscv64-unknown-elf-gcc",
}
SAMPLES = 4
#: what an archive does not tell, by name of its entry: this one is older than its own format says
TOLD = {"sine_aot": {"output": "float32:1x1"}}
#: two headers are all that a build by hand needs (facts of the format)
HAND_API = """\
#include <stddef.h>
#include <stdint.h>
#define TVM_DLL
"""
HAND_BACKEND = """\
#include <stdint.h>
void *TVMBackendAllocWorkspace(int, int, uint64_t, int, int);
int TVMBackendFreeWorkspace(int, int, void *);
"""
HAND_MAIN = """\
#include <stdio.h>
#include <stdlib.h>
#include "tvmgen_default.h"
void *TVMBackendAllocWorkspace(int t, int i, uint64_t n, int c, int b) {{ return malloc(n); }}
int TVMBackendFreeWorkspace(int t, int i, void *p) {{ free(p); return 0; }}
{prototype}
int main(void) {{
  static char x[{x}] __attribute__((aligned(16))), y[{y}] __attribute__((aligned(16)));
  FILE *in = fopen("x.bin", "rb"), *out = fopen("y.bin", "wb");
  while (fread(x, 1, sizeof x, in) == sizeof x) {{
    if ({call} != 0) return 1;
    fwrite(y, 1, sizeof y, out);
  }}
  fclose(out);
  return 0;
}}
"""


def by_hand(archive: RealArchive, folder: Path, result: Result, x: bytes) -> bytes:
    """The archive's sources compiled for this computer as TVM's own examples do it."""
    files = read_files(archive.path).contents
    (folder / "tvm" / "runtime").mkdir(parents=True)
    (folder / "tvm/runtime/c_runtime_api.h").write_text(HAND_API)
    (folder / "tvm/runtime/c_backend_api.h").write_text(HAND_BACKEND)
    sources = []
    for name, data in files.items():
        if name.startswith(("codegen/host/src/", "codegen/host/include/")):
            path = folder / name.rpartition("/")[2]
            path.write_bytes(bytes(data))
            sources += [path] if path.suffix == ".c" else []
    (program,) = result.planned.firmware.programs
    entry = program.adapter["entry"]
    member = program.adapter["inputs"][0]["member"], program.adapter["outputs"][0]["member"]
    prototype, call = "", f"{entry}(&(struct tvmgen_default_inputs){{x}}, "
    call += "&(struct tvmgen_default_outputs){y})"
    if program.adapter["interface"] == "direct":
        prototype, call = f"int32_t {entry}(void *, void *);", f"{entry}(x, y)"
    assert member
    main = HAND_MAIN.format(
        x=program.inputs[0].bytes, y=program.outputs[0].bytes, prototype=prototype, call=call
    )
    (folder / "main.c").write_text(main)
    command = ["cc", "-O2", "-w", "-ffp-contract=off", f"-I{folder}", *sources, folder / "main.c"]
    subprocess.run([*command, "-lm", "-o", folder / "hand"], check=True)
    (folder / "x.bin").write_bytes(x)
    subprocess.run([folder / "hand"], cwd=folder, check=True)
    return (folder / "y.bin").read_bytes()


def noise(result: Result) -> NDArray[Any]:
    (io,) = result.planned.firmware.programs[0].inputs
    rng = np.random.default_rng(11)
    shape = (SAMPLES, *io.shape)
    if io.dtype == "float32":
        return rng.standard_normal(shape).astype(np.float32)
    return rng.integers(-128, 128, shape).astype(io.dtype)


def measured(folder: Path, x: Path, y: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "gen_fw", "run", str(folder), "--json", "-q"]
    command += ["--input", str(x), "--output", str(y)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "CFLAGS": "-Werror"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    row: dict[str, Any] = json.loads(done.stdout)["programs"][0]
    return row


def test_real_archives(tmp_path: Path) -> None:
    for compiler in BOARDS.values():
        if shutil.which(compiler) is None:
            pytest.skip(f"{compiler} is not installed")
    rows: list[dict[str, Any]] = []
    for archive in real_archives():
        folder = tmp_path / re.sub(r"\W", "_", archive.name)
        options: dict[str, Any] = {"names": ["net"], "io": TOLD.get(archive.name, {})}
        if archive.tflite is not None:
            options["tflites"] = [archive.tflite]
        try:
            result = gen_fw.generate([archive.path], "host", folder / "host", **options)
        except ModelError as error:
            assert re.search("ESP-DL|edited by hand", error.why), error.why
            rows.append({"name": archive.name, "refused": error.why})
            continue
        rows.append(_runs(archive, folder, result, options))
    sdk_evidence.record(
        "mlf-real",
        title="Real archives of TVM: host, emulated Cortex-M55 and rv32imc",
        method="gen-fw ARCHIVE --board ..., then gen-fw run with noise as input; the outputs on "
        "the host are equal, byte by byte, to those of the archive's sources compiled by hand. "
        "Integers are equal on all three; floats differ by the C libraries' expf and roundf. "
        "Warnings are errors. differs: from TFLite Micro, in steps of an int8 output",
        command="MLF_ARCHIVES=... pytest -m sdk tests/sdk/test_real_archives.py",
        trees=(),
        tools={},
        results=rows,
    )
    ran = [row for row in rows if "refused" not in row]
    assert ran, "all archives were refused"


def _runs(
    archive: RealArchive, folder: Path, result: Result, options: dict[str, Any]
) -> dict[str, Any]:
    x = noise(result)
    np.save(folder / "x.npy", x)
    hand = folder / "hand"
    hand.mkdir()
    expected = by_hand(archive, hand, result, x.tobytes())
    (program,) = result.planned.firmware.programs
    (io,) = program.outputs
    row: dict[str, Any] = {
        "name": archive.name,
        "version": program.report["archive"]["version"],
        "tvm": program.report["archive"]["tvm"],
        "interface": program.report["archive"]["interface"],
        "arena_bytes": program.region("arena").bytes,
    }
    for board in BOARDS:
        out = folder / board
        if board != "host":
            gen_fw.generate([archive.path], board, out, **options)
        told = measured(out, folder / "x.npy", folder / "y.npz")
        assert told["selftest"] == ("skip" if archive.tflite is None else "pass")
        got = np.load(folder / "y.npz")["out0"]
        wanted = np.frombuffer(expected, io.dtype).reshape(got.shape)
        if board == "host" or io.dtype != "float32":
            np.testing.assert_array_equal(got, wanted)
        else:
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)
        row[board] = {
            "instructions": told["instructions"],
            "code_bytes": told["code_bytes"],
            "constant_bytes": told["constant_bytes"],
            "stack_bytes": told["stack_bytes"],
        }
        # on the host, the first call of expf runs the dynamic linker on the same stack
        assert board == "host" or told["stack_bytes"] <= program.stack_bytes
    return row


def test_alif_links(tmp_path: Path) -> None:
    """An Alif ELF of the example and, where there is one, a real archive with a pool of constants:
    weights are in MRAM, the pool in SRAM, nothing of TVM's runtime is missing."""
    roots = {name: os.environ.get(name, "") for name in ("ALIF_DFP_ROOT", "CMSIS_6_ROOT")}
    if not all(roots.values()):
        pytest.skip("ALIF_DFP_ROOT and CMSIS_6_ROOT do not name trees")
    archives = [EXAMPLES / "chirps_int8.mlf.tar"]
    if os.environ.get("MLF_ARCHIVES"):
        wanted = "esp32_QDQ_project"
        archives += [one.path for one in real_archives() if one.name.endswith(wanted)]
    out = tmp_path / "project"
    names = ["chirps", "net"][: len(archives)]
    gen_fw.generate(archives, "alif-e7-hp", out, names=names)
    given = [f"-D{name}={root}" for name, root in roots.items()]
    for command in (["--preset", "release", *given], ["--build", "--preset", "release"]):
        done = subprocess.run(["cmake", *command], cwd=out, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    (elf,) = (out / "build" / "release" / "app").glob("*.elf")
    listed = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True).stdout
    symbols = {line.split()[2]: int(line.split()[0], 16) for line in listed.splitlines()}
    mram = range(0x80000000, 0x80600000)
    assert symbols["tvmgen_chirps_op0_weights"] in mram
    if "net" in names:
        assert symbols["global_const_workspace"] in mram


RELU = """\
// tvm target: cmsis-nn
#define TVM_EXPORTS
#include "tvm/runtime/c_runtime_api.h"
#include "tvm/runtime/c_backend_api.h"
#include <stdio.h>
#include <stdlib.h>
#include <dlpack/dlpack.h>
#include <arm_nnfunctions.h>
#include <arm_nn_types.h>
#include <arm_nn_math_types.h>
TVM_DLL int32_t tvmgen_default_cmsis_nn_0(int8_t* output_) {
  arm_relu6_s8(output_, 4);
  return 0;
}
"""


@pytest.mark.parametrize("board", ["host", "qemu-cortex-m55"])
def test_kernels_that_call_cmsis_nn(board: str, tmp_path: Path) -> None:
    tree = cmsis_nn()
    files = members(C7)
    lib1 = "codegen/host/src/default_lib1.c"
    text = files[lib1].decode()
    at = text.rindex("  return 0;")
    buffer = "StatefulPartitionedCall_0_buffer_var"
    call = f"  if (tvmgen_default_cmsis_nn_0({buffer}) != 0 ) return -1;\n"
    text = text[:at] + call + text[at:]
    text = text.replace(
        "#include <math.h>", "#include <math.h>\nint32_t tvmgen_default_cmsis_nn_0(int8_t*);"
    )
    files[lib1] = text.encode()
    files["codegen/host/src/default_lib2.c"] = RELU.encode()
    x = np.random.default_rng(0).integers(-128, 128, (1, 8), dtype=np.int8)
    np.savez(tmp_path / "g.npz", in0=x, out0=np.clip(run(x), 0, 6).astype(np.int8))
    archive = write_tar(tmp_path / "net.tar", files)
    out = tmp_path / "project"
    gen_fw.generate([archive], board, out, names=["net"], goldens=[tmp_path / "g.npz"])
    command = [sys.executable, "-m", "gen_fw", "run", str(out), "--json", "-q"]
    without = {k: v for k, v in os.environ.items() if k != "CMSIS_NN_ROOT"}
    done = subprocess.run(command, capture_output=True, text=True, env=without)
    assert done.returncode == 7 and "CMSIS_NN_ROOT" in done.stderr
    shutil.rmtree(out / "build")
    done = subprocess.run(
        command, capture_output=True, text=True, env={**without, "CMSIS_NN_ROOT": str(tree.root)}
    )
    assert json.loads(done.stdout)["selftest"] == "pass", done.stderr
