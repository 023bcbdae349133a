# SPDX-License-Identifier: Apache-2.0
"""Generated code against a real TensorFlow Lite Micro tree (TFLM_ROOT, with FLATBUFFERS_ROOT of the
release that its schema_generated.h insists on, GEMMLOWP_ROOT and RUY_ROOT; KISSFFT_ROOT for signal
operators): above all, models that keep state.

The library is built once into pytest's cache folder: the core and the kernels that the models need.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from sdk_evidence import record, sha256
from sdk_trees import Tree, tree

from gen_fw.program import Program
from host_firmware import (
    Tflm,
    build_app,
    build_gen,
    build_runner,
    firmware_of,
    plan_of,
    run,
    run_program,
    write_plan,
)

pytestmark = pytest.mark.sdk

OWN = Path(__file__).resolve().parents[1] / "data" / "models"
OWN_MODELS = (
    "branches_int8",
    "cnn_int16x8",
    "lstm_int8",
    "ring_buffer_float32",
    "ring_buffer_int8",
    "svdf_int8",
)
REAL_MODELS = (
    "tflm_trained_lstm",
    "tflm_trained_lstm_int8",
    "tflm_keyword_scrambled",
    "tflm_dtln_noise_suppression",
    "esphome_okay_nabu",
    "litert_call_once_mul",
    "neuralspot_quant_model_act",
)
SIGNAL_MODELS = ("tflm_audio_preprocessor_int8",)
#: headers beside the tree: variable -> a file that tells that the folder is right
BESIDE = {
    "FLATBUFFERS_ROOT": "include/flatbuffers/flatbuffers.h",
    "GEMMLOWP_ROOT": "fixedpoint/fixedpoint.h",
    "RUY_ROOT": "ruy/profiler/instrumentation.h",
}
CORE = (
    "tensorflow/compiler/mlir/lite/core/api/*.cc",
    "tensorflow/compiler/mlir/lite/schema/*.cc",
    "tensorflow/lite/core/api/*.cc",
    "tensorflow/lite/core/c/common.cc",
    "tensorflow/lite/kernels/*.cc",
    "tensorflow/lite/kernels/internal/*.cc",
    "tensorflow/lite/kernels/internal/reference/*.cc",
    "tensorflow/lite/micro/*.cc",
    "tensorflow/lite/micro/arena_allocator/*.cc",
    "tensorflow/lite/micro/memory_planner/*.cc",
    "tensorflow/lite/micro/tflite_bridge/*.cc",
    "tensorflow/lite/micro/kernels/*_common.cc",
    "tensorflow/lite/micro/kernels/lstm_eval.cc",
    "tensorflow/lite/micro/kernels/kernel_util.cc",
    "tensorflow/lite/micro/kernels/micro_tensor_utils.cc",
)
NOT_CORE = ("_test", "test_", "fake_", "mock_", "hexdump", "recording_", "circular_buffer")


@pytest.fixture(scope="session")
def tflm_root() -> Tree:
    return tree(
        "tflite-micro",
        "TFLM_ROOT",
        "tensorflow/lite/micro/micro_interpreter.h",
        "TFLITE_SCHEMA_VERSION",
    )


@pytest.fixture(scope="session")
def models(request: pytest.FixtureRequest) -> dict[str, tuple[Path, Path]]:
    """Model and golden file by name: ours, and the real ones where they are at hand."""
    found = {name: (OWN / f"{name}.tflite", OWN / f"{name}_golden.npz") for name in OWN_MODELS}
    names = REAL_MODELS + (SIGNAL_MODELS if os.environ.get("KISSFFT_ROOT") else ())
    root = request.getfixturevalue("shared") / "models"
    found.update({name: (root / f"{name}.tflite", root / f"{name}.npz") for name in names})
    return found


@pytest.fixture(scope="session")
def reference(
    tflm_root: Tree,
    models: dict[str, tuple[Path, Path]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Tflm:
    """The tree's reference kernels as a static library."""
    include = [tflm_root.root, *_beside()]
    flags = [
        "-DTF_LITE_STATIC_MEMORY",
        "-DTF_LITE_DISABLE_X86_NEON",
        *(part for folder in include for part in ("-isystem", str(folder))),
    ]
    sources = _sources(tflm_root.root, models)
    digest = hashlib.sha256("\n".join([*flags, *map(str, sources)]).encode()).hexdigest()[:12]
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("tflm_root") / digest
    library = folder / "libtflm.a"
    if not library.is_file():
        _archive(tflm_root.root, sources, flags, library)
    work = tmp_path_factory.mktemp("tflm_root")
    return Tflm(flags=tuple(flags), libraries=(str(library), "-lm"), work=work)


def _beside() -> list[Path]:
    folders = []
    for variable, file in BESIDE.items():
        root = Path(os.environ.get(variable, ""))
        if not (root / file).is_file():
            pytest.skip(f"{variable} does not name a folder with {file}")
        folders.append(root / "include" if variable == "FLATBUFFERS_ROOT" else root)
    kissfft = os.environ.get("KISSFFT_ROOT")
    return [*folders, Path(kissfft)] if kissfft else folders


def _sources(root: Path, models: dict[str, tuple[Path, Path]]) -> list[Path]:
    sources = {
        path
        for pattern in CORE
        for path in root.glob(pattern)
        if not any(word in path.name for word in NOT_CORE)
    }
    for model, _ in models.values():
        adapter = firmware_of({"m": model}).programs[0].adapter
        # the board's optimised kernels have the names of the reference kernels
        sources.update(root / source.replace("esp_nn/", "") for source in adapter["kernel_sources"])
        if any(source.startswith("signal/") for source in adapter["kernel_sources"]):
            sources.update((root / "signal" / "src").rglob("*.cc"))
            sources.update((root / "signal" / "micro" / "kernels").glob("*_common.cc"))
    return sorted(sources)


def _archive(root: Path, sources: Iterable[Path], flags: list[str], library: Path) -> None:
    objects = library.parent / "objects"
    objects.mkdir(parents=True, exist_ok=True)
    compiler = [*(["ccache"] if shutil.which("ccache") else []), "g++", "-std=gnu++17", "-O1"]
    options = ["-w", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", *flags]
    made = []
    for source in sources:
        place = source.relative_to(root).as_posix()
        made.append(objects / f"{place.replace('/', '_')}.o")
        # flexbuffers, which only these files use, would want a library of flatbuffers
        more = ["-DFLATBUFFERS_LOCALE_INDEPENDENT=0"] if place.startswith("signal/") else []
        run([*compiler, *options, *more, "-c", source, "-o", made[-1]])
    run(["ar", "rcs", library, *made])


def test_state_and_reset(
    reference: Tflm, tflm_root: Tree, models: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    """First run, second run without reset, and a run after reset, all as the golden files say; so
    is a second run on whatever the first has left in the inputs, where that was recorded."""
    rows = []
    for name, (model, golden) in models.items():
        firmware = firmware_of({"program": model}, {"program": golden})
        program, expected = firmware.programs[0], firmware.golden[0]
        assert expected is not None
        work = tmp_path / name
        work.mkdir()
        project = write_plan(plan_of(firmware), work / "project")
        objects = build_gen(project, reference, work / "objects")
        runner = build_runner(project, program, objects, reference, work)
        got = run_program(runner, expected, len(program.outputs), work)
        _compare(name, program, got["run1"], expected.outputs)
        recorded = _recorded_again(golden)
        if expected.run2_outputs or not program.stateful:
            _compare(name, program, got["run2"], expected.run2_outputs or expected.outputs)
        else:
            assert recorded, f"{name}: no second run to compare with"
        if recorded:
            _compare(name, program, got["again"], recorded)
        assert got["reset"] == got["run1"], f"{name}: a reset is not a fresh start"
        printed = run([build_app(project, objects, reference, work)]).stdout
        assert "SELFTEST program PASS" in printed, name
        rows.append(
            {
                "name": name,
                "model_sha256": sha256(model),
                "stateful": program.stateful,
                "selftest": "SELFTEST program PASS",
            }
        )
    record(
        "tflm-reference",
        title="Generated model API on TFLM's reference kernels, x86-64 host",
        method="the API's three runs (first, second, after reset) against golden outputs: integers "
        "equal, float32 within 1e-5; then the application with its self-test",
        command="TFLM_ROOT=... FLATBUFFERS_ROOT=... GEMMLOWP_ROOT=... RUY_ROOT=... "
        "pytest -m sdk tests/sdk/test_tflm_root.py",
        trees=[tflm_root],
        tools={"g++": run(["g++", "-dumpfullversion"]).stdout.strip()},
        results=rows,
    )


def _recorded_again(golden: Path) -> list[bytes]:
    """``tflm_run2_out0`` ...: TFLM invoked twice without writing the inputs in between."""
    with np.load(golden) as archive:
        keys = sorted(key for key in archive.files if key.startswith("tflm_run2_out"))
        return [np.ascontiguousarray(archive[key]).tobytes() for key in keys]


def _compare(name: str, program: Program, got: list[bytes], expected: Iterable[bytes]) -> None:
    for tensor, ours, theirs in zip(program.outputs, got, expected, strict=True):
        if tensor.dtype == "float32":
            a, b = np.frombuffer(ours, np.float32), np.frombuffer(theirs, np.float32)
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=0, err_msg=name)
        else:
            assert ours == theirs, f"{name} output{tensor.position}"
