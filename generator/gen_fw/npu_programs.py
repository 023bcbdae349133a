# SPDX-License-Identifier: Apache-2.0
"""From a model to a program for a board with an NPU: compiled now, or given compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gen_fw.boards.board import Accelerator, Board
from gen_fw.compilers.command_stream import compiled_for, damage, scratch_bytes
from gen_fw.compilers.vela import INI, Compiled, VelaSettings, vela
from gen_fw.compilers.vela_summary import float_tensors, left_on_cpu, quantized_tensors
from gen_fw.errors import Diagnostic, DoesNotFitError, ModelError
from gen_fw.model.graph import resources
from gen_fw.model.types import Model
from gen_fw.program import Constant, Program
from gen_fw.request import Options
from gen_fw.runtimes.tflm.lower import Npu, lower

Progress = Callable[[str], None]
#: reasons that a warning names
_FEW = 3
_MEANT = "--compiler none says that this is meant"
_BEFORE = "generate from the original model, before Vela"


def compiled_program(
    model: Model,
    name: str,
    board: Board,
    options: Options,
    settings: VelaSettings,
    progress: Progress,
) -> Program:
    """``model`` compiled for the board's NPU and lowered; as it is, with a warning, when the NPU
    has nothing to do. The arena is not sized yet.

    Raises what ``vela`` and ``lower`` raise.
    """
    npu = _accelerator(board)
    try:
        compiled = vela(model, name, settings, progress)
    except ModelError:
        if quantized_tensors(model):
            # where the CPU cannot execute it either, TFLM's reasons say more, and what to do
            lower(model, name, board, options)
            raise
        # nothing in it is for the NPU, so that Vela cannot read it does not matter
        program = lower(model, name, board, options)
        return replace(program, diagnostics=(*program.diagnostics, _float(model, name)))
    if compiled.all_on_cpu:
        program = lower(model, name, board, options)
        note = _float(model, name) if float_tensors(model) else _unused(name, compiled)
        return replace(
            program,
            report={**program.report, "npu": dict(compiled.report)},
            diagnostics=(*program.diagnostics, note),
        )
    facts = _facts(npu, compiled.report, given_compiled=False)
    extra = (Constant("vela.ini", memoryview(INI.read_bytes())),)
    program = lower(compiled.model, name, board, options, Npu(model, facts, compiled.report, extra))
    if settings.accelerator == npu.name:
        return program
    note = Diagnostic(
        f"{name} is compiled for {settings.accelerator}, the board has {npu.name}",
        why="--compiler-option accelerator-config; the driver refuses another NPU's model",
    )
    return replace(program, diagnostics=(*program.diagnostics, note))


def as_given(model: Model, name: str, board: Board, options: Options) -> Program | None:
    """A model that is not to be compiled, lowered; None for any other model. It was given
    compiled, or has what Vela does not compile rightly.

    Raises ModelError when it was compiled for another NPU than the board's, or is damaged.
    """
    found = compiled_for(model)
    if found is None:
        if len(model.subgraphs) == 1 and not resources(model):
            return None
        program = lower(model, name, board, options)
        note = Diagnostic(
            f"the NPU will not be used: {name} has several subgraphs or resource variables",
            why="of such models Vela's memory plan lets parts overlap that TFLite Micro needs at "
            "the same time",
            hint=_MEANT,
        )
        return replace(program, diagnostics=(*program.diagnostics, note))
    npu = _accelerator(board)
    notes: tuple[Diagnostic, ...] = ()
    if found and found != npu.name:
        raise ModelError(
            f"the model was compiled by Vela for {found}, which {npu.name} cannot execute",
            where=name,
            why="a compiled model runs on the NPU that it was made for, and cannot be recompiled",
            hint=_BEFORE,
        )
    fault = damage(model)
    if fault:
        raise ModelError(
            "the model was compiled by Vela, and the driver of the NPU refuses it",
            where=name,
            why=fault,
            hint=_BEFORE,
        )
    if not found:
        notes = (
            Diagnostic(
                f"{name} was compiled by Vela, and does not tell for which NPU",
                hint=f"it must be {npu.name}",
            ),
        )
    on_cpu = list(left_on_cpu(model, model))
    report = {
        "compiler": "vela",
        "version": "",
        "accelerator": found or npu.name,
        "settings": None,
        "command": "",
        "operators": {"npu": None, "cpu": len(on_cpu)},
        "on_cpu": on_cpu,
        "scratch_bytes": scratch_bytes(model),
    }
    facts = _facts(npu, report, given_compiled=True)
    program = lower(model, name, board, options, Npu(None, facts, report))
    return replace(program, diagnostics=(*program.diagnostics, *notes))


def _accelerator(board: Board) -> Accelerator:
    assert board.accelerator is not None  # candidates.compiling saw to it
    return board.accelerator


def _facts(npu: Accelerator, report: Mapping[str, Any], *, given_compiled: bool) -> dict[str, Any]:
    """What templates need."""
    return {
        "name": npu.name,
        "architecture": npu.architecture,
        "macs": npu.macs,
        "base": npu.base,
        "irq": npu.irq,
        "compiler": report["compiler"],
        "version": report["version"],
        "command": report["command"],
        "settings": report["settings"],
        "scratch_bytes": report["scratch_bytes"],
        "given_compiled": given_compiled,
    }


def _float(model: Model, name: str) -> Diagnostic:
    return Diagnostic(
        f"the NPU will not be used: {name} computes in floating point",
        why=f"{float_tensors(model)} of its tensors are float, the NPU computes in int8 and int16",
        hint=f"convert the model for full int8; {_MEANT}",
    )


def _unused(name: str, compiled: Compiled) -> Diagnostic:
    """The warning that nothing is left for the NPU, with the compiler's reasons."""
    rows = compiled.report["on_cpu"]
    reasons = list(dict.fromkeys(f"{row['operator']}: {row['reason']}" for row in rows))
    more = f" and {len(reasons) - _FEW} more" if len(reasons) > _FEW else ""
    return Diagnostic(
        f"the NPU will not be used: vela leaves all {len(rows)} operators of {name} to the CPU",
        why="; ".join(reasons[:_FEW]) + more,
        hint=_MEANT,
    )


def row_of(program: Program, options: Options) -> dict[str, Any]:
    """One line of the table of what was tried; empty when the NPU has nothing to do."""
    from gen_fw.memory.sizing import sized

    if "npu" not in program.adapter:
        return {}
    npu = program.report["npu"]
    with_margin = sized(program, margin=options.arena_margin)
    return {
        "optimise": npu["settings"]["optimise"],
        "arena_cache_size": npu["settings"]["arena_cache_size"],
        "scratch_bytes": npu["scratch_bytes"],
        "arena_bytes": with_margin.region("arena").bytes,
        "model_bytes": program.region("model").bytes,
        "cycles": npu["cycles"],
        "inference_ms": npu["inference_ms"],
    }


def over_budget(
    program: Program, needed: int, limit: int, rows: Sequence[Mapping[str, Any]]
) -> DoesNotFitError:
    """The error that no plan of the compiler is within ``limit`` bytes."""
    tried = "; ".join(
        f"{row['optimise']}"
        + (f" with arena cache {row['arena_cache_size']}" if row["arena_cache_size"] else "")
        + f": {row['arena_bytes'] or row['why']}"
        for row in rows
    )
    return DoesNotFitError(
        f"the arena of {program.name} has {needed} bytes at least, --max-arena allows {limit}",
        why=f"tried with vela: {tried}",
        hint=f"--max-arena {needed}, or a smaller model",
        detail={"needed": needed, "allowed": limit, "tried": [], "compiled": list(rows)},
    )
