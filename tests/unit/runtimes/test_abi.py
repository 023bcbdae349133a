# SPDX-License-Identifier: Apache-2.0
"""The tables of structure sizes, and the build that a board or the name of a CPU stands for."""

from __future__ import annotations

from pathlib import Path

import pytest

from gen_fw.boards.load import all_boards, load_board
from gen_fw.errors import UsageError
from gen_fw.runtimes.tflm import abi, table
from gen_fw.runtimes.tflm.abi import Build, build_for_isa, build_of, host_build, load_abi

UPSTREAM = "tflite-micro-90b983c2"
#: facts that were measured on Cortex-M55 and x86-64 by other means than the probe
MEASURED = {
    "arm-eabi": {"TfLiteEvalTensor": 12, "NodeAndRegistration": 32, "TfLiteTensor": 32},
    "x86-64": {"TfLiteEvalTensor": 24, "NodeAndRegistration": 64, "TfLiteTensor": 64},
}


def tables() -> list[tuple[str, str]]:
    folder = Path(abi.__file__).parent / "data" / "abi"
    stems = [path.name.removesuffix(".json") for path in sorted(folder.glob("*.json"))]
    return [(stem.rpartition(".")[0], stem.rpartition(".")[2]) for stem in stems]


def kernel_sets(release: str, name: str) -> list[str]:
    kernels = abi._document(release, name)["kernels"]
    return [key for key in kernels if ":" not in key]


@pytest.mark.parametrize(("release", "name"), tables())
def test_a_table_answers_for_every_operator_of_its_release(release: str, name: str) -> None:
    operators = table.load(release)
    document = abi._document(release, name)
    assert (document["release"], document["abi"]) == (release, name)
    assert document["revision"] == operators.revision
    assert document["pointer"] == (8 if name == "x86-64" else 4)
    for kernels in kernel_sets(release, name):
        found = load_abi(Build(release, name, kernels))
        for row in (*operators.builtin.values(), *operators.custom.values()):
            if row.params:
                size, alignment = found.params(row.params)
                assert size % alignment == 0 < size
            try:
                assert 0 <= found.op_data(row.register) < 2048
            except KeyError:
                # the probe saw the kernel and says why it has no number
                sets = document["kernels"].values()
                assert any(row.register in rows["by_model"] for rows in sets), row.register


def test_every_release_has_every_abi_that_its_boards_have() -> None:
    esp = [name for name in table.releases() if name.startswith("esp")]
    missing = [(name, key) for name in esp for key in ("riscv-ilp32", "xtensa", "x86-64")]
    missing = [pair for pair in missing if pair not in tables()]
    missing += [
        (build.release, build.abi)
        for board in all_boards()
        if board.default_runtime != "xcore"
        for build in (build_of(board, "reference"), host_build(build_of(board, "reference")))
        if (build.release, build.abi) not in tables()
    ]
    assert not missing


@pytest.mark.parametrize("name", MEASURED)
def test_known_sizes(name: str) -> None:
    found = load_abi(Build(UPSTREAM, name, "reference"))
    assert {key: found.struct(key)[0] for key in MEASURED[name]} == MEASURED[name]
    assert found.constant("GreedyMemoryPlanner::per_buffer_size") == 40


def test_kernel_sets_answer_for_what_they_replace() -> None:
    reference, cmsis, ethos = (
        load_abi(Build(UPSTREAM, "arm-eabi", kernels))
        for kernels in ("reference", "cmsis_nn", "ethos_u")
    )
    # shared/facts: 56/60 and 48/72 bytes, and 44 of a kernel that CMSIS-NN does not have
    assert [reference.op_data(f"Register_{op}") for op in ("CONV_2D", "FULLY_CONNECTED")] == [
        56,
        48,
    ]
    assert [cmsis.op_data(f"Register_{op}") for op in ("CONV_2D", "FULLY_CONNECTED")] == [60, 72]
    assert cmsis.op_data("Register_MEAN") == reference.op_data("Register_MEAN") == 44
    assert ethos.op_data("Register_CONV_2D") == 60
    assert [a.op_data("Register_ETHOSU") for a in (cmsis, ethos)] == [0, 12]
    size = load_abi(Build(UPSTREAM, "arm-eabi", "ethos_u", "mve", "size"))
    assert size.op_data("Register_SVDF") == cmsis.op_data("Register_SVDF") + 4
    assert reference.declared("Register_CONV_2D") == ("conv.h", "OpDataConv")
    assert cmsis.declared("Register_CONV_2D") is None  # its own struct, in its own file
    assert cmsis.type_size("conv.cc", "OpData") == 60
    with pytest.raises(KeyError, match="Register_RFFT"):
        reference.op_data("Register_RFFT")  # depends on the length of the transform


def test_a_computed_table_says_so() -> None:
    computed = load_abi(Build(UPSTREAM, "xtensa", "reference"))
    measured = load_abi(Build(UPSTREAM, "riscv-ilp32", "reference"))
    assert computed.computed and not measured.computed
    assert "computed" in computed.source and "riscv64" in measured.source
    # enums of 4 bytes: longer than on Arm
    assert computed.params("TfLiteAddParams") == measured.params("TfLiteAddParams") == (8, 4)


@pytest.mark.parametrize(
    ("board", "kernels", "expected"),
    [
        ("qemu-cortex-m55", "cmsis_nn", Build(UPSTREAM, "arm-eabi", "cmsis_nn", "mve")),
        ("qemu-cortex-m4", "cmsis_nn", Build(UPSTREAM, "arm-eabi", "cmsis_nn", "dsp")),
        ("qemu-cortex-m4", "", Build(UPSTREAM, "arm-eabi", "reference")),
        ("qemu-riscv32", "", Build(UPSTREAM, "riscv-ilp32", "reference")),
        ("host", "", Build(UPSTREAM, "x86-64", "reference")),
        (
            "esp32-s3-devkitc-n8r8",
            "",
            Build("esp-tflite-micro-1.4.0", "xtensa", "esp_nn", "esp32s3"),
        ),
        (
            "esp32-p4-function-ev",
            "",
            Build("esp-tflite-micro-1.4.0", "riscv-ilp32", "esp_nn", "esp32p4"),
        ),
    ],
)
def test_the_build_of_a_board(board: str, kernels: str, expected: Build) -> None:
    assert build_of(load_board(board), kernels) == expected


def test_the_host_runs_portable_code() -> None:
    board = load_board("esp32-s3-devkitc-n8r8")
    assert host_build(build_of(board)) == Build(
        "esp-tflite-micro-1.4.0", "x86-64", "esp_nn", "generic"
    )


def test_every_boards_cpu_is_known_by_name() -> None:
    for board in all_boards():
        if board.default_runtime == "xcore":
            continue  # no interpreter
        assert build_for_isa(board.cpu.isa).abi == build_of(board, "reference").abi, board.name


@pytest.mark.parametrize(
    ("isa", "kernels", "expected"),
    [
        ("cortex-m55", "", Build(UPSTREAM, "arm-eabi", "cmsis_nn", "mve")),
        ("cortex-m33", "ethos_u", Build(UPSTREAM, "arm-eabi", "ethos_u", "dsp")),
        ("cortex-m0plus", "", Build(UPSTREAM, "arm-eabi", "cmsis_nn", "plain")),
        ("cortex-m7", "reference", Build(UPSTREAM, "arm-eabi", "reference")),
        ("rv32imc", "", Build(UPSTREAM, "riscv-ilp32", "reference")),
        ("host", "cmsis_nn", Build(UPSTREAM, "x86-64", "cmsis_nn", "plain")),
        (
            "xtensa-lx7",
            "esp_nn:generic",
            Build("esp-tflite-micro-1.4.0", "xtensa", "esp_nn", "generic"),
        ),
    ],
)
def test_the_build_for_a_cpu(isa: str, kernels: str, expected: Build) -> None:
    assert build_for_isa(isa, kernels) == expected
    assert load_abi(expected).build == expected


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: build_for_isa("cortexm55"), 'did you mean "cortex-m55"'),
        (lambda: build_for_isa("rv32imc", "cmsis_nn"), "reference"),
        (lambda: build_for_isa("cortex-m4", "cmsis_nn:mve"), "follow from the CPU"),
        (lambda: build_for_isa("rv32imc", optimise="spede"), 'did you mean "speed"'),
        (lambda: load_abi(Build(UPSTREAM, "mips", "reference")), "probe_tflm_abi.py"),
        (lambda: load_abi(Build(UPSTREAM, "riscv-ilp32", "cmsis_nn")), "reference"),
    ],
)
def test_unknown_words(call: object, word: str) -> None:
    assert callable(call)
    with pytest.raises(UsageError) as caught:
        call()
    assert word in caught.value.hint
