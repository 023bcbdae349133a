# SPDX-License-Identifier: Apache-2.0
"""Model -> Program for the TensorFlow Lite Micro interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol

from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.graph import is_stateful, reachable, resources
from gen_fw.model.lifetimes import entered_subgraphs
from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model, Operator, display
from gen_fw.program import Constant, Item, Program, Region, Requires
from gen_fw.runtimes.io import interface
from gen_fw.runtimes.tflm.abi import build_of, host_build, kernels_of
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.arena.document import run_plan, wasteful
from gen_fw.runtimes.tflm.layout import layout_checks
from gen_fw.runtimes.tflm.offline.program import Runs, planned
from gen_fw.runtimes.tflm.signatures import slots, type_name
from gen_fw.runtimes.tflm.support import Reason, check
from gen_fw.runtimes.tflm.table import OperatorTable, facts, load

#: of flatbuffers' Model.version; TFLITE_SCHEMA_VERSION of micro_interpreter.h
SCHEMA_VERSION = 3


class Choices(Protocol):
    """The part of a request's options that this runtime reads."""

    @property
    def kernels(self) -> str: ...
    @property
    def custom_ops(self) -> Mapping[str, str]: ...
    @property
    def optimise(self) -> Literal["speed", "size"]: ...
    @property
    def offline_plan(self) -> bool: ...
    @property
    def place(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class TflmOptions:
    """What the user may choose."""

    #: "reference" or "esp_nn"; empty means the board's
    kernels: str = ""
    #: custom operator code -> C function that returns its TFLMRegistration*
    custom_ops: Mapping[str, str] = field(default_factory=dict)
    #: KERNELS_OPTIMIZED_FOR_SPEED or _SIZE, which CMSIS-NN's kernels ask for
    optimise: Literal["speed", "size"] = "speed"
    #: write a memory plan into the model when it saves arena
    offline_plan: bool = True
    #: role -> memory; "persistent" gives what the interpreter keeps an arena of its own
    place: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Npu:
    """What the board's NPU adds to a program. ``facts`` (for templates) and ``report`` are plain
    data; ``constants`` go into the project beside the model."""

    #: the model before its compilation; None when it was given compiled
    given: Model | None
    facts: Mapping[str, Any]
    report: Mapping[str, Any]
    constants: tuple[Constant, ...] = ()


def resolver_call(release: str = "") -> Callable[[Operator], str | None]:
    """For reports: operator -> the method that registers it, such as ``AddConv2D``, or None."""
    table = load(release)

    def call(operator: Operator) -> str | None:
        registration = table.find(operator)
        return registration.call if registration else None

    return call


def lower(
    model: Model, name: str, board: Board, options: Choices, npu: Npu | None = None
) -> Program:
    """The program that runs ``model`` on ``board`` through the interpreter; with ``npu``, of which
    the NPU executes a part.

    Raises ModelError with every reason when the release of the board's SDK cannot execute the
    model, UsageError when an option does not fit the board.
    """
    table = load(board.sdk.tflm)
    build = build_of(board, "ethos_u" if npu else options.kernels, options.optimise)
    reasons = check(
        model,
        board.sdk.tflm,
        custom_ops=options.custom_ops,
        board=board.name,
        kernels=build.kernels,
    )
    if reasons:
        raise _unsupported(reasons, table)
    # what the NPU's compiler planned must stay as it is
    runs = planned(model, build, offline_plan=options.offline_plan and npu is None)
    given, constants = model, runs.constants
    if npu is not None:
        given = npu.given or model
        constants = (
            *((Constant("input", given.raw),) if npu.given else ()),
            Constant("model", model.raw),
            *npu.constants,
        )
    inputs, outputs = interface(given)
    split = "persistent" in options.place
    counted = account(runs.model, build, split=True) if split else runs.account
    host = account(runs.model, host_build(build), split=split)
    arena_bytes, persistent_bytes = _sizes(counted, host)
    resolver, sources = _resolver(model, table, options.custom_ops)
    operators = _operators(model, resolver_call(table.release))
    return Program(
        name=name,
        runtime="tflm",
        kernels=build.kernels,
        inputs=inputs,
        outputs=outputs,
        regions=_regions(counted, len(runs.model.raw), table, sources),
        constants=constants,
        requires=Requires(
            kernels=(build.kernels if npu else kernels_of(board, options.kernels),),
            libraries=(table.release,),
        ),
        adapter={
            "release": table.release,
            "revision": table.revision,
            "namespace": table.namespace,
            "resolver": resolver,
            "resource_variables": len(resources(model)),
            "subgraphs": len(model.subgraphs),
            "operators": sum(len(subgraph.operators) for subgraph in model.subgraphs),
            "schema_version": SCHEMA_VERSION,
            "arena_bytes": arena_bytes,
            "persistent_bytes": persistent_bytes,
            "custom_ops": [row for row in resolver if row["call"] == "AddCustom"],
            "has_control_flow": _has_control_flow(model),
            "kernel_sources": sources,
            "layout": layout_checks(model, build),
            **({"npu": dict(npu.facts)} if npu else {}),
        },
        report={
            **_report(operators, runs, counted.used, arena_bytes),
            **({"npu": dict(npu.report), "macs_total": _macs(given)} if npu else {}),
        },
        stateful=is_stateful(given),
        arena_plan=run_plan(runs),
        diagnostics=(
            *given.diagnostics,
            *runs.diagnostics,
            *_notes(model, table, options),
            *wasteful(runs),
        ),
    )


def _unsupported(reasons: list[Reason], table: OperatorTable) -> ModelError:
    hints = list(dict.fromkeys(reason.hint for reason in reasons))
    return ModelError(
        "TensorFlow Lite Micro cannot execute this model",
        where=reasons[0].where,
        why="\n".join(_grouped(reasons)),
        hint="; ".join(hints),
        detail={
            "release": table.release,
            "reasons": [
                {
                    "subgraph": reason.subgraph,
                    "operator": reason.operator,
                    "label": reason.label,
                    "why": reason.why,
                    "hint": reason.hint,
                }
                for reason in reasons
            ],
        },
    )


def _grouped(reasons: list[Reason]) -> Iterator[str]:
    """One line for each different reason, with the operators that it holds for."""
    places: dict[tuple[int, str, str], list[int]] = {}
    for reason in reasons:
        key = (reason.subgraph, reason.label, reason.why)
        places.setdefault(key, []).append(reason.operator)
    for (subgraph, label, why), operators in places.items():
        numbers = ", ".join(str(operator) for operator in operators if operator >= 0)
        where = f"subgraphs[{subgraph}]" + (f".operators[{numbers}]" if numbers else "")
        yield f"{where} {label}".rstrip() + f": {why}"


def _resolver(
    model: Model, table: OperatorTable, custom_ops: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Each registration once, in order of first use, and the kernel files behind them."""
    rows: dict[tuple[str, bytes | None], dict[str, Any]] = {}
    sources: dict[str, None] = {}
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            key = (operator.name, operator.custom_code)
            if key in rows:
                continue
            registration = table.find(operator)
            code = operator.custom_code
            text = None if code is None else display(code)
            function = None if code is None else custom_ops.get(code.decode("utf-8", "replace"))
            if function is not None:
                call, arguments = "AddCustom", function
            elif registration is not None:
                call, arguments = registration.call, ""
                sources[registration.source] = None
            else:  # support.check refuses such a model
                raise AssertionError(operator.label)
            rows[key] = {
                "call": call,
                "arguments": arguments,
                "operator": operator.name,
                "custom": text,
            }
    return list(rows.values()), list(sources)


def _regions(
    counted: Account, size: int, table: OperatorTable, sources: list[str]
) -> tuple[Region, ...]:
    """One arena, or two; the model of ``size`` bytes; the code."""
    code = _code_items(table, sources)
    kept = counted.persistent_items
    planned = counted.items[: len(counted.items) - len(kept)]
    split = Region(
        "persistent", "persistent arena", counted.split[0], 16, "static", counted.label, kept
    )
    bytes_ = counted.split[1] if kept else counted.minimum
    return (
        Region("arena", "tensor arena", bytes_, 16, "static", counted.label, planned),
        *((split,) if kept else ()),
        Region(
            "model",
            "model file",
            align(size),
            16,
            "static",
            "exact",
            (Item("model file", align(size), "exact", "the .tflite, rounded up to 16"),),
        ),
        Region(
            "code",
            "runtime and kernels",
            sum(item.bytes for item in code),
            16,
            "static",
            "estimate",
            code,
        ),
    )


def _sizes(counted: Account, host: Account) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes of the arena, and of the persistent one (0: there is one for both), by ABI.

    64-bit host builds may have flags that enlarge TFLM's structures (a recording allocator,
    compression), so half of what is persistent and 2 KiB are added.
    """
    more = host.tail // 2 + 2048
    if counted.persistent_items:
        kept, planned = counted.split, host.split
        return (
            {"target": kept[1], "host64": planned[1]},
            {"target": kept[0], "host64": align(planned[0] + more)},
        )
    sizes = {"target": counted.minimum, "host64": align(host.minimum + more)}
    return sizes, {"target": 0, "host64": 0}


def _code_items(table: OperatorTable, sources: list[str]) -> tuple[Item, ...]:
    """Flash for the interpreter and the needed kernels (data/code.json)."""
    code = facts("code")
    # by file name: reference and optimised kernels of one name are of one size, roughly
    known = {PurePosixPath(path).stem: size for path, size in code["kernels"].items()}
    origin = f"{code['note']} esp-tflite-micro {code['revision'][:12]}"
    items = [Item("interpreter", code["runtime"], "estimate", origin)]
    for source in sources:
        name = PurePosixPath(source).stem
        size = known.get(name, max(known.values()))
        items.append(Item(f"kernel {name}", size, "estimate", origin))
    return tuple(items)


def _operators(model: Model, call: Callable[[Operator], str | None]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            present = slots(subgraph, operator)
            rows.append(
                {
                    "index": operator.index,
                    "subgraph": subgraph.index,
                    "name": operator.label,
                    "resolver": call(operator) or "AddCustom",
                    "macs": operator_macs(model, subgraph, operator),
                    "dtypes": {slot: type_name(tensor.dtype) for slot, tensor in present.items()},
                }
            )
    return rows


def _report(
    operators: list[dict[str, Any]], runs: Runs, used: int, arena_bytes: dict[str, int]
) -> dict[str, Any]:
    counted, picture = runs.account, run_plan(runs)
    return {
        "operators": operators,
        "macs_total": sum(row["macs"] for row in operators),
        "plan": {
            "buffers": len(counted.plan.buffers),
            "bytes": counted.plan.bytes,
            "lower_bound": picture.lower_bound,
            "planner": runs.planner,
            "offline": runs.report,
        },
        "arena_bytes": arena_bytes,
        # of both arenas, when there are two
        "arena_used": used,
    }


def _macs(model: Model) -> int:
    return sum(
        operator_macs(model, subgraph, operator)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )


def _has_control_flow(model: Model) -> bool:
    return any(
        entered_subgraphs(operator)
        for subgraph in model.subgraphs
        for operator in subgraph.operators
    )


def _notes(model: Model, table: OperatorTable, options: Choices) -> list[Diagnostic]:
    notes = []
    used = {
        operator.custom_code.decode("utf-8", "replace")
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if operator.custom_code is not None
    }
    for code in sorted(set(options.custom_ops) - used):
        notes.append(
            Diagnostic(f"the model has no custom operator {code}", hint="check --custom-op")
        )
    for code in sorted(set(options.custom_ops) & used):
        notes.append(
            Diagnostic(
                f"the arena size is a guess for custom operator {display(code.encode())}",
                why="only its kernel knows what it allocates; 4 KiB each are added",
                hint="compare <name>_arena_used() on the target and set --arena-size",
            )
        )
    idle = sorted(set(range(len(model.subgraphs))) - set(reachable(model)))
    if idle:
        notes.append(
            Diagnostic(
                f"{len(idle)} of {len(model.subgraphs)} subgraphs never run",
                where=", ".join(f"subgraphs[{index}]" for index in idle),
                why=f"{table.release} runs subgraph 0; other signatures need a model of their own",
            )
        )
    return notes
