# SPDX-License-Identifier: Apache-2.0
"""One model, explained before anything is generated: what is in it, which runtime can execute it,
and the arena that it will need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, ModelError, UsageError
from gen_fw.model.types import Model, Operator
from gen_fw.program import ArenaPlan
from gen_fw.request import Options
from gen_fw.runtimes.tflm.abi import Build

Progress = Callable[[str], None]
#: runtimes whose arena can be shown
RUNTIMES = ("tflm", "aot")


def _quiet(_stage: str) -> None:
    """The default progress callback."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arena is computed for: a board, or a CPU as ``build_for_isa`` knows it, or neither,
    which stands for this computer. ``kernels`` and ``runtime`` empty: the default of either."""

    board: str = ""
    cpu: str = ""
    kernels: str = ""
    runtime: str = ""
    offline_plan: bool = True


@dataclass(frozen=True, slots=True)
class Inspection:
    """``document`` has the schema gen-fw/inspect/1; ``plan`` is the planned part of the arena, None
    when the runtime cannot execute the model."""

    document: Mapping[str, Any]
    plan: ArenaPlan | None


@dataclass(frozen=True, slots=True)
class _Arena:
    document: Mapping[str, Any] | None = None
    plan: ArenaPlan | None = None
    notes: tuple[Diagnostic, ...] = ()


def inspect(path: Path, asked: Asked | None = None, *, progress: Progress = _quiet) -> Inspection:
    """Reads and explains a model. Raises ModelError if it is unreadable, UsageError for a board, a
    CPU, kernels or a runtime that do not exist."""
    from gen_fw.compilers.command_stream import compiled_for
    from gen_fw.compilers.tvm import compile as tvm
    from gen_fw.model.reader import read_model
    from gen_fw.report.inspect import document
    from gen_fw.runtimes.aot.lower import misfits
    from gen_fw.runtimes.tflm.lower import resolver_call
    from gen_fw.runtimes.tflm.prebuilt import allowance
    from gen_fw.runtimes.tflm.support import check as check_support

    asked = asked or Asked()
    board, build = _target(asked)
    progress(f"reading {path.name}")
    model = read_model(path)
    if board.family == "xmos_xcommon":
        call = resolver_call(build.release)
        return _on_xcore(
            model, board, path.name, call, plain=(asked.runtime or board.default_runtime) == "aot"
        )
    named = asked.board and board.name
    npu = board.accelerator
    compiled = npu is not None and compiled_for(model) in ("", npu.name)
    if compiled:
        build = replace(build, kernels="ethos_u")
    reasons = {
        "tflm": [
            str(reason)
            for reason in check_support(model, build.release, board=named, kernels=build.kernels)
        ],
        "aot": misfits(model, board),
        "tvm": tvm.misfits(model, board),
    }
    supported = {name: {"ok": not found, "reasons": found} for name, found in reasons.items()}
    progress("planning memory")
    runtime = asked.runtime or "tflm"
    found = _Arena()
    if not reasons[runtime]:
        try:
            found = _tflm(model, build, asked) if runtime == "tflm" else _aot(model, board)
        except (ModelError, UsageError) as error:
            # a release or an ABI that nobody has measured, or a plan in the model that is wrong
            why = f"{error.what}; {error.why}" if error.why else error.what
            note = Diagnostic("the arena is not known", error.where, why, error.hint)
            found = _Arena(notes=(note,))
    if npu is not None and not compiled and runtime == "tflm" and found.document is not None:
        note = Diagnostic(
            f"{npu.name} of {board.name} is not counted: this is the arena with --compiler none",
            why=f"only {npu.compiler} knows what the NPU needs",
            hint="gen-fw MODEL --board B -o DIR --dry-run runs it",
        )
        found = replace(found, notes=(*found.notes, note))
    if board.sdk.prebuilt and runtime == "tflm" and found.document is not None:
        note = Diagnostic(
            f"{board.sdk.name}'s library of TFLM may need up to {allowance(model)} bytes more",
            why="this is the arena with upstream's kernels; that library is a fork",
            hint="projects have the upper bound, those of --layout standalone the exact size",
        )
        found = replace(found, notes=(*found.notes, note))
    made = document(
        replace(model, diagnostics=(*model.diagnostics, *found.notes)),
        path.name,
        supported,
        resolver_call(build.release),
        found.document,
    )
    return Inspection(made, found.plan)


def _on_xcore(
    model: Model, board: Board, file: str, call: Callable[[Operator], str | None], *, plain: bool
) -> Inspection:
    """What can be told before xformer runs: which operators it refuses, and which generated C does
    not have. The arena is that of generated C when ``plain``."""
    from gen_fw.compilers.xformer_summary import is_xformed, refusals
    from gen_fw.report.inspect import document
    from gen_fw.runtimes.aot.lower import misfits

    reasons = ["xformer made this model, and takes no model twice"] * is_xformed(model)
    reasons += refusals(model)
    unknown = misfits(model, board)
    supported = {
        "xcore": {"ok": not reasons, "reasons": reasons},
        "aot": {"ok": not unknown, "reasons": unknown},
    }
    if plain:
        found = _Arena() if unknown else _aot(model, board)
        return Inspection(document(model, file, supported, call, found.document), found.plan)
    note = Diagnostic(
        f"the arena on {board.name} is not known",
        why="xformer, XMOS's compiler, plans it",
        hint="gen-fw MODEL --board B -o DIR --dry-run runs it; gen-fw fit estimates; "
        "--runtime aot shows that of generated C",
    )
    told = replace(model, diagnostics=(*model.diagnostics, note))
    return Inspection(document(told, file, supported, call, None), None)


def _target(asked: Asked) -> tuple[Board, Build]:
    """The board that judges, and the build of the interpreter."""
    from gen_fw.boards.load import load_board
    from gen_fw.runtimes.tflm.abi import build_for_isa, build_of

    if asked.runtime == "tvm":
        raise UsageError(
            "--runtime tvm: the arena is not known before TVM has made the kernels",
            why="inspect runs no compiler",
            hint="gen-fw tvm compile MODEL -o mlf.tar, then gen-fw inspect mlf.tar",
        )
    if asked.runtime and asked.runtime not in RUNTIMES:
        raise UsageError(f"there is no runtime {asked.runtime!r}", hint="known: aot, tflm")
    if asked.board and asked.cpu:
        raise UsageError("--board and --cpu exclude each other", hint="a board has its own CPU")
    if asked.cpu and asked.runtime == "aot":
        raise UsageError(
            "--cpu chooses a build of the interpreter",
            why="runtime aot has no builds",
            hint="--runtime aot, with --board NAME for a certain board",
        )
    board = load_board(asked.board or "host")
    if board.family == "xmos_xcommon":
        if asked.runtime not in ("", "aot") or asked.kernels:
            raise UsageError(
                f"board {board.name} has the runtimes xcore and aot, and no choice of kernels",
                hint="leave --runtime and --kernels out, or --runtime aot",
            )
        return board, build_for_isa("host", "")
    if asked.board:
        return board, build_of(board, asked.kernels)
    return board, build_for_isa(asked.cpu or "host", asked.kernels)


def _tflm(model: Model, build: Build, asked: Asked) -> _Arena:
    from gen_fw.runtimes.tflm.arena.document import arena_document, run_plan
    from gen_fw.runtimes.tflm.offline.program import planned

    runs = planned(model, build, offline_plan=asked.offline_plan)
    plan = run_plan(runs)
    return _Arena(arena_document(model, build, runs, plan), plan, runs.diagnostics)


def _aot(model: Model, board: Board) -> _Arena:
    """The arena of generated C: all of it is planned."""
    from gen_fw.memory.document import item_document
    from gen_fw.runtimes.aot.lower import lower

    program = lower(model, "model", board, Options())
    region, plan = program.region("arena"), program.arena_plan
    assert plan is not None
    document = {
        "runtime": "aot",
        "build": None,
        "used_bytes": region.bytes,
        "minimum_bytes": region.bytes,
        "head_bytes": region.bytes,
        "tail_bytes": 0,
        "lower_bound_bytes": plan.lower_bound,
        "split": None,
        "label": region.confidence,
        "weakest": "",
        "items": [item_document(item) for item in region.items],
        "planner": plan.planner,
        "buffers": len(plan.blocks),
        "operators": [],
        "offline_plan": None,
    }
    return _Arena(document, plan)
