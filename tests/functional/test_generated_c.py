# SPDX-License-Identifier: Apache-2.0
"""Generated C that needs no runtime: compilers accept it, guards hold, conversions are right."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.project.context import ProjectOptions
from host_firmware import HOST, WARNINGS, firmware_of, plan_of, run, write_plan

OWN = Path(__file__).resolve().parents[1] / "data" / "models"
COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "arm": ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb"],
    "riscv": [
        "riscv64-unknown-elf-gcc",
        "-march=rv32imc",
        "-mabi=ilp32",
        "-misa-spec=2.2",
        "--specs=picolibc.specs",
    ],
}


def compiler(name: str) -> list[str]:
    command = COMPILERS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return command


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two programs: integers, floats and a bool; a stateful one; labels."""
    models = {"both": "multi_io", "ring": "ring_buffer_int8", "gate": "if_square_double"}
    firmware = firmware_of(
        {name: OWN / f"{stem}.tflite" for name, stem in models.items()},
        {name: OWN / f"{stem}_golden.npz" for name, stem in models.items()},
    )
    return write_plan(plan_of(firmware), tmp_path_factory.mktemp("generated"))


@pytest.mark.parametrize("name", COMPILERS)
@pytest.mark.parametrize("standard", ["c11", "gnu17"])
def test_c_compiles_without_warning(
    name: str, standard: str, project: Path, tmp_path: Path
) -> None:
    flags = [f"-std={standard}", *WARNINGS, "-Wshadow", "-Wstrict-prototypes", "-O1"]
    include = [f"-I{project / 'gen'}", f"-I{HOST / 'include'}"]
    for source in sorted((project / "gen").rglob("*.c")):
        run([*compiler(name), *flags, *include, "-c", source, "-o", tmp_path / "out.o"])


def test_selftest_can_be_left_out(project: Path, tmp_path: Path) -> None:
    """Without the self-test no vectors are linked, and it says so."""
    gen = project / "gen"
    sources = [gen / "gen_fw_selftest.c", *gen.glob("both/both_[gs]*.c")]
    main = tmp_path / "main.c"
    main.write_text(
        '#include "both/both.h"\n#include "both/both_selftest.h"\n'
        "enum gen_fw_status both_init(void) { return GEN_FW_OK; }\n"
        "int main(void) { return both_selftest(); }\n"
    )
    binary = tmp_path / "main"
    flags = [*WARNINGS, "-DGEN_FW_SELFTEST=0", f"-I{gen}"]
    run(["gcc", *flags, *sources, main, "-o", binary])
    assert run([binary]).stdout == "SELFTEST both SKIP\n"
    assert "golden" not in run(["nm", binary]).stdout


@pytest.mark.parametrize("name", ["g++", "clang++", "arm-none-eabi-g++"])
@pytest.mark.parametrize("standard", ["gnu++14", "gnu++2b"])
def test_headers_are_cplusplus(name: str, standard: str, project: Path, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    headers = [
        path.relative_to(project / "gen").as_posix()
        for path in sorted((project / "gen").rglob("*.h"))
        if "tflm" not in path.name and "resolver" not in path.name
    ]
    source = tmp_path / "all.cc"
    # twice: include guards
    source.write_text("".join(f'#include "{header}"\n' for header in headers * 2))
    flags = [f"-std={standard}", *WARNINGS]
    run([name, *flags, f"-I{project / 'gen'}", "-fsyntax-only", source])


@pytest.mark.parametrize("name", ["g++", "clang++"])
def test_application_compiles(name: str, project: Path, tmp_path: Path) -> None:
    for standard in ("gnu++14", "gnu++2b"):
        for source in sorted((project / "main").glob("*.cc")):
            include = [f"-I{project / part}" for part in ("gen", "main")]
            include.append(f"-I{HOST / 'include'}")
            run([name, f"-std={standard}", *WARNINGS, *include, "-fsyntax-only", source])


@pytest.mark.parametrize("name", COMPILERS)
def test_embedded_model_is_aligned_and_whole(name: str, tmp_path: Path) -> None:
    model = OWN / "cnn_float32.tflite"
    firmware = firmware_of({"cnn": model})
    plan = plan_of(firmware, options=ProjectOptions(model_format="embed"))
    folder = write_plan(plan, tmp_path / "p")
    source = folder / "gen/cnn/cnn_model_data.S"
    output = tmp_path / "out.o"
    command = [*compiler(name), f"-I{folder / 'gen'}", "-c", source, "-o", output]
    run(command)
    prefix = {"arm": "arm-none-eabi-", "riscv": "riscv64-unknown-elf-"}.get(name, "")
    sections = run([f"{prefix}objdump", "-h", "-w", output]).stdout
    (row,) = [line for line in sections.splitlines() if ".rodata.cnn_model_data" in line]
    assert "2**4" in row
    assert "READONLY" in row
    raw = tmp_path / "raw"
    section = "--only-section=.rodata.cnn_model_data"
    run([f"{prefix}objcopy", "-O", "binary", section, output, raw])
    assert raw.read_bytes() == model.read_bytes()

    (folder / "gen/cnn/model.tflite").write_bytes(model.read_bytes() + b"\0")
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode != 0
    assert "run gen-fw again" in done.stderr


def test_half_updated_files_do_not_compile(project: Path, tmp_path: Path) -> None:
    include = [f"-I{tmp_path}", f"-I{HOST / 'include'}"]
    cases = {
        "gen_fw.h": ("#define GEN_FW_ABI 1", "#define GEN_FW_ABI 2", "both/both_selftest.c"),
        "both/both_golden.h": ("MODEL_ID 0x", "MODEL_ID 0x1", "both/both_selftest.c"),
        "both/both_model_data.h": ("MODEL_ID 0x", "MODEL_ID 0x1", "both/both_model_data.c"),
    }
    for header, (old, new, source) in cases.items():
        copy = tmp_path / "gen"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(project / "gen", copy)
        text = (copy / header).read_text()
        assert old in text
        (copy / header).write_text(text.replace(old, new, 1))
        command = ["gcc", f"-I{copy}", *include[1:], "-fsyntax-only", copy / source]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode != 0, header
        assert "half updated" in done.stderr, header


@pytest.fixture(scope="module")
def quantizer(project: Path, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("quant")
    source = folder / "quant.c"
    source.write_text(
        '#include "gen_fw_quant.h"\n'
        "int32_t quantize(float v, float s, int32_t z, int32_t l, int32_t h) {\n"
        "  return gen_fw_quantize(v, s, z, l, h);\n}\n"
        "float dequantize(int32_t e, float s, int32_t z) { return gen_fw_dequantize(e, s, z); }\n"
        "int64_t round_to(float v, int64_t l, int64_t h) { return gen_fw_round(v, l, h); }\n"
    )
    library = folder / "quant.so"
    # traps undefined behaviour, such as a float that does not fit its integer
    strict = ["-fsanitize=undefined,float-cast-overflow", "-fsanitize-undefined-trap-on-error"]
    gen = f"-I{project / 'gen'}"
    run(["gcc", *WARNINGS, *strict, "-shared", "-fPIC", gen, source, "-o", library])
    loaded = ctypes.CDLL(str(library))
    loaded.quantize.argtypes = [ctypes.c_float, ctypes.c_float, *[ctypes.c_int32] * 3]
    loaded.dequantize.argtypes = [ctypes.c_int32, ctypes.c_float, ctypes.c_int32]
    loaded.dequantize.restype = ctypes.c_float
    loaded.round_to.argtypes = [ctypes.c_float, ctypes.c_int64, ctypes.c_int64]
    loaded.round_to.restype = ctypes.c_int64
    return loaded


def affine_quantize(value: float, scale: float, zero: int, low: int, high: int) -> int:
    """AffineQuantize of tensorflow/lite/kernels/internal/reference/quantize.h, in float32, then
    exact: round half away from zero, add the zero point, clamp."""
    with np.errstate(over="ignore"):
        scaled = float(np.float32(value) / np.float32(scale))
    if np.isnan(scaled):
        return zero
    if np.isinf(scaled):
        return high if scaled > 0 else low
    whole = int(abs(scaled))
    rounded = whole + (abs(scaled) - whole >= 0.5)
    return min(max((rounded if scaled >= 0 else -rounded) + zero, low), high)


float32 = st.floats(width=32)
scales = st.floats(min_value=2**-20, max_value=2**10, width=32)
ranges = st.sampled_from([(-128, 127), (0, 255), (-32768, 32767)])


@settings(max_examples=1500, deadline=None)
@given(float32, scales, ranges, st.data())
def test_quantize_is_tflites(
    quantizer: ctypes.CDLL, value: float, scale: float, limits: tuple[int, int], data: st.DataObject
) -> None:
    low, high = limits
    zero = data.draw(st.integers(low, high)) if low != -32768 else 0
    expected = affine_quantize(value, scale, zero, low, high)
    assert quantizer.quantize(value, scale, zero, low, high) == expected
    near = data.draw(st.integers(low, high))
    # every element survives the way there and back, and halves go away from zero
    real = quantizer.dequantize(near, scale, zero)
    assert quantizer.quantize(real, scale, zero, low, high) == near
    half = float(np.float32((near - zero + 0.5) * scale))
    assert quantizer.quantize(half, scale, zero, low, high) == affine_quantize(
        half, scale, zero, low, high
    )


@settings(max_examples=500, deadline=None)
@given(float32, st.sampled_from([8, 16, 32, 63]))
def test_round_saturates(quantizer: ctypes.CDLL, value: float, bits: int) -> None:
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    got = quantizer.round_to(value, low, high)
    assert low <= got <= high
    if not np.isnan(value) and low <= value <= high:
        assert abs(got - value) <= 0.5
