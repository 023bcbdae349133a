# SPDX-License-Identifier: Apache-2.0
"""Compiles ahead-of-time programs for the host and for emulated machines, runs them on recorded
inputs, and compares every tensor with TensorFlow Lite Micro's.

Many programs make one binary. The generated code hands each tensor that an operator has computed to
``GEN_FW_AOT_TRACE``, which ``trace.h`` here defines; what is measured is built without it.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aot_oracle import Question, Sample, Tensors, preserved
from aot_targets import PARTS, Target, compile_c, run_tool, write_sources
from gen_fw.model.types import DType, Model
from gen_fw.program import Program

#: HARNESS_FLOAT of harness.h
_FLOAT = 1 << 31
_ROM = '.section {section}\n.balign 16\n.global harness_store\nharness_store:\n.incbin "{path}"\n'


@dataclass(frozen=True, slots=True)
class Case:
    """A program and what it must compute, sample by sample."""

    program: Program
    model: Model
    samples: tuple[Sample, ...]
    expected: tuple[Tensors, ...]
    #: by sample: True when it begins with the state after init; empty: all do
    fresh: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A tensor that differs; ``tensor`` -1 - n is output n as the application reads it."""

    program: str
    kind: str
    sample: int
    #: tensor, first differing byte, expected and actual value there, differing bytes
    numbers: tuple[int, ...] = ()


@dataclass(slots=True)
class Measured:
    """What one program showed on one machine: for each sample instructions, bytes of stack, and
    the number of tensors that were compared; with ``layers`` instructions by tensor instead."""

    instructions: list[int] = field(default_factory=list)
    stack: list[int] = field(default_factory=list)
    traced: list[int] = field(default_factory=list)
    layers: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What a binary printed."""

    measured: dict[str, Measured] = field(default_factory=dict)
    mismatches: list[Mismatch] = field(default_factory=list)


def cases_of(
    programs: Sequence[Program],
    models: Sequence[Model],
    samples: Sequence[tuple[Sample, ...]],
    fresh: tuple[bool, ...] = (),
) -> list[Case]:
    """Programs with the tensors that TFLM computes for them. TFLM must run every model. ``fresh``
    says which samples begin anew."""
    answers = preserved([Question(*pair, fresh) for pair in zip(models, samples, strict=True)])
    cases = []
    for program, model, inputs, answer in zip(programs, models, samples, answers, strict=True):
        assert not isinstance(answer, str), f"{program.name}: {answer}"
        cases.append(Case(program, model, inputs, tuple(answer), fresh))
    return cases


def run_cases(
    cases: Sequence[Case],
    target: Target,
    work: Path,
    *,
    trace: bool = True,
    layers: bool = False,
    unity: bool = False,
    timeout: int = 300,
) -> Outcome:
    """Builds and runs. ``unity`` compiles all programs as one file, which is faster for many;
    ``layers`` counts the instructions up to each traced tensor instead of comparing it."""
    target.need()
    binary = build(cases, target, work, trace=trace, layers=layers, unity=unity)
    done = subprocess.run(
        [*target.emulator, binary],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # where QEMU's semihosting prints
        text=True,
        timeout=timeout,
    )
    outcome = _read(done.stdout)
    text = f"{target.name} ended with {done.returncode}: {done.stdout[-4000:]}"
    assert "END" in done.stdout.split(), text
    assert done.returncode == (1 if outcome.mismatches else 0), text
    assert len(outcome.measured) == len(cases), text
    return outcome


def build(
    cases: Sequence[Case],
    target: Target,
    work: Path,
    *,
    trace: bool = True,
    layers: bool = False,
    unity: bool = False,
) -> Path:
    """The binary for ``target``."""
    work.mkdir(parents=True, exist_ok=True)
    sources = [work / path for case in cases for path in write_sources(case.program, work)]
    generated = [path for path in sources if path.suffix == ".c"]
    includes = [f"-I{work}", f"-I{PARTS}"]
    if trace:
        includes += ["-include", str(PARTS / "trace.h")]
    if unity:
        everything = work / "unity.c"
        everything.write_text("".join(map(_included, generated)))
        generated = [everything]
    objects = [
        compile_c(path, path.with_suffix(".o"), target, *includes, f"-I{path.parent}")
        for path in generated
    ]
    objects += _frame(cases, target, work, *(["-DHARNESS_LAYERS"] if layers else []))
    binary = work / "harness.elf"
    run_tool(
        [
            *(target.linker or (target.cc, *target.flags)),
            *target.link,
            *objects,
            *target.archives,
            "-lm",
            "-o",
            binary,
        ]
    )
    return binary


def _included(path: Path) -> str:
    """An ``#include`` behind which the file's static functions have names of their own."""
    names = dict.fromkeys(re.findall(r"(?m)^static [\w *]*?(\w+)\(", path.read_text()))
    renamed = "".join(f"#define {name} {name}_{path.stem}\n" for name in names)
    restored = "".join(f"#undef {name}\n" for name in names)
    return f'{renamed}#include "{path}"\n{restored}'


def _frame(cases: Sequence[Case], target: Target, work: Path, *defines: str) -> list[Path]:
    """Objects of the runner, its table of programs and the recorded data."""
    store, offsets = bytearray(), []
    for case in cases:
        offsets.append(len(store))
        store += _script(case)
    (work / "store.bin").write_bytes(store)
    section = ".rodata" if target.is_host else '.store, "a"'
    (work / "store.S").write_text(_ROM.format(section=section, path=work / "store.bin"))
    (work / "cases.c").write_text(_table(cases, offsets))
    arena = max(case.program.adapter["arena_bytes"]["target"] for case in cases) + 64
    define = f"-DHARNESS_ARENA_BYTES={arena}"
    objects = []
    for path in (work / "cases.c", work / "store.S", PARTS / "harness.c", PARTS / target.machine):
        objects.append(work / f"frame_{path.stem}.o")
        strict = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", define, *defines)
        places = (f"-I{PARTS}", f"-I{work}", "-c", path, "-o", objects[-1])
        run_tool([target.cc, *target.flags, *strict, *places])
    return objects


def _table(cases: Sequence[Case], offsets: Iterable[int]) -> str:
    lines = ['#include "harness.h"', "extern const uint32_t harness_store[];"]
    rows = []
    for case, offset in zip(cases, offsets, strict=True):
        name = case.program.name
        reset = f"{name}_aot_reset" if case.program.stateful else "0"
        lines.append(f"void {name}_aot_run(uint8_t *arena);")
        if case.program.stateful:
            lines.append(f"void {reset}(uint8_t *arena);")
        arena = case.program.adapter["arena_bytes"]["target"]
        state = case.program.adapter.get("state_bytes", 0)
        rows.append(
            f'{{"{name}", {name}_aot_run, {reset}, {arena}u, {state}u, '
            f"harness_store + {offset // 4}}},"
        )
    lines += ["const struct harness_case harness_cases[] = {", *rows, "};"]
    lines.append(f"const uint32_t harness_case_count = {len(rows)}u;")
    return "\n".join(lines) + "\n"


def _script(case: Case) -> bytes:
    """The stream that harness.h describes."""
    adapter, graph = case.program.adapter, case.model.subgraphs[0]
    parts = []
    for key, places in (("inputs", case.program.inputs), ("outputs", case.program.outputs)):
        parts.append(_words(len(places)))
        for io, place in zip(places, adapter[key], strict=True):
            kind = _FLOAT * (key == "outputs" and io.dtype == "float32")
            parts.append(_words(place["offset"], io.bytes + kind))
    parts.append(_words(len(case.samples)))
    fresh = case.fresh or (True,) * len(case.samples)
    for begins, sample, tensors in zip(fresh, case.samples, case.expected, strict=True):
        parts.append(_words(begins))
        parts += [_padded(data) for data in sample]
        parts += [_padded(tensors[index]) for index in graph.outputs]
        parts.append(_words(len(tensors)))
        for index, data in tensors.items():
            kind = _FLOAT * (graph.tensors[index].dtype is DType.FLOAT32)
            parts += [_words(index, len(data) + kind), _padded(data)]
    return b"".join(parts)


def _words(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _read(text: str) -> Outcome:
    outcome = Outcome()
    for line in text.splitlines():
        kind, *rest = line.split() or [""]
        if kind == "RAN":
            name, _, instructions, stack, traced = rest
            measured = outcome.measured.setdefault(name, Measured())
            measured.instructions.append(int(instructions))
            measured.stack.append(int(stack))
            measured.traced.append(int(traced))
        elif kind == "LAYER":
            name, _, tensor, instructions = rest
            measured = outcome.measured.setdefault(name, Measured())
            measured.layers[int(tensor)] = int(instructions)
        elif kind in {"MISMATCH", "SIZE", "UNKNOWN", "OVERRUN"}:
            name, sample, *numbers = rest
            outcome.mismatches.append(
                Mismatch(name, kind, int(sample), tuple(int(number) for number in numbers))
            )
    return outcome
