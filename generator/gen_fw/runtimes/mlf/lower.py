# SPDX-License-Identifier: Apache-2.0
"""Archive module -> Program: what it needs, where it lies in the arena, how it is called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gen_fw.archive.types import Module
from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.macs import operator_macs
from gen_fw.model.types import Model
from gen_fw.program import Confidence, Constant, Io, Item, Program, Region
from gen_fw.runtimes.io import C_TYPES_BY_NAME
from gen_fw.runtimes.mlf.emit import Emitted, emit, setters
from gen_fw.runtimes.mlf.entry import Entry, find_entry
from gen_fw.runtimes.mlf.headers import libraries_of, unusable
from gen_fw.runtimes.mlf.imported import Imported
from gen_fw.runtimes.mlf.io import resolve
from gen_fw.runtimes.mlf.workspace import Workspace, stack_bytes, workspace

#: what made archives work, when one does not
TVMC = (
    "tvmc compile model.tflite --target=c --runtime=crt --executor=aot "
    "--executor-aot-unpacked-api=1 --executor-aot-interface-api=c "
    "--pass-config tir.usmp.enable=1 --pass-config tir.disable_vectorize=1 "
    "--output-format mlf --output model.tar"
)
#: bytes of machine code per line of C with a semicolon, roughly, at -O2 (docs/tvm.md)
_CODE_PER_STATEMENT = 16
_LEAST_STACK = 4096
_CALLED = re.compile(r"\b(TVM[A-Z]\w*)\s*\(")
#: vectors and 16-bit floats, as TVM's C code generator prints them
_VECTOR = re.compile(r"(?<![A-Za-z0-9_])(?:float|u?int\d\d?_t)(?:2|4|8|16)\b")
_HALF = re.compile(r"half(?:\*| \w)")
#: what the shim headers declare, and what an archive defines itself
_KNOWN = frozenset({"TVMAPISetLastError", "TVMBackendAllocWorkspace", "TVMBackendFreeWorkspace"})
_ALIGNMENT = 16


def lower(imported: Imported, name: str, board: Board) -> Program:
    """The program that runs a module of an archive on ``board``.

    Raises ModelError when the archive cannot be built for the board (all reasons) or does not tell
    what its inputs and outputs are; UsageError when ``--tflite`` or ``--io`` contradict it.
    """
    module = imported.module
    check(module, board)
    entry = find_entry(module)
    inputs, outputs = resolve(imported, entry)
    emitted = emit(name, module)
    work = workspace(module, entry.function)
    plan = _Plan()
    adapter = _adapter(name, module, entry, emitted, plan, inputs, outputs, work)
    exact = work is None or work.exact
    confidence: Confidence = "exact" if exact else "upper bound"
    arena = max(plan.bytes, _ALIGNMENT)
    reference = imported.reference
    cmsis_nn = any(library.name == "cmsis_nn" for library in libraries_of(module))
    constants = sum(source.constant_bytes for source in module.sources)
    constants = max(constants, module.constants_bytes)
    constants += sum(align(pool.bytes) for pool in _pools(module, constant=True))
    return Program(
        name=name,
        runtime="tvm",
        kernels="cmsis_nn" if cmsis_nn else "tvm",
        inputs=inputs,
        outputs=outputs,
        regions=(
            Region("arena", "tensor arena", arena, _ALIGNMENT, "static", confidence, plan.items),
            Region(
                "model", "weights and tables", align(constants), _ALIGNMENT, "static", "upper bound"
            ),
            Region("code", "kernels", _code_bytes(module), _ALIGNMENT, "static", "estimate"),
        ),
        constants=_inputs(imported),
        sources=emitted.sources,
        adapter={
            **adapter,
            "arena_bytes": {"target": arena, "host64": arena},
            "exact": bool(module.gen_fw_version),
            **({"tvm": dict(imported.made)} if imported.made else {}),
        },
        report=_report(imported, entry, work, arena),
        stack_bytes=max(_LEAST_STACK, stack_bytes(module)),
        diagnostics=(
            *imported.notes,
            *_notes(name, module, emitted, inputs, reference),
            *_unused_io(imported, [*inputs, *outputs], adapter),
        ),
    )


def _inputs(imported: Imported) -> tuple[Constant, ...]:
    """What the project keeps: its input as given, first."""
    model = imported.reference
    if imported.made and model is not None:
        records = [Constant("tuning_records", memoryview(imported.records))]
        return (Constant("model", model.raw), *(records if imported.records else []))
    archive = Constant("model", memoryview(imported.archive.raw))
    return (archive, *([Constant("reference", model.raw)] if model is not None else []))


def check(module: Module, board: Board) -> None:
    """Raises ModelError with every reason why the module cannot be built for ``board``."""
    reasons = misfits(module, board)
    if reasons:
        raise ModelError(
            f"module {module.name} of the archive cannot be built for {board.name}",
            where=f"module {module.name}",
            why="\n".join(why for why, _ in reasons),
            hint=reasons[0][1],
            detail={"reasons": [why for why, _ in reasons]},
        )


def misfits(module: Module, board: Board) -> list[tuple[str, str]]:
    """(why, hint) for everything that stands in the way; empty when nothing does."""
    found: list[tuple[str, str]] = []
    if module.style != "full-model":
        found.append((f"it has the style {module.style!r:.40}: single kernels, and no model", TVMC))
    if "aot" not in module.executors:
        has = ", ".join(module.executors) or "none"
        found.append(
            (f"it is for TVM's {has} executor, which needs TVM's runtime and a heap", TVMC)
        )
    if not module.sources and module.objects:
        found.append(
            (
                f"it has object files ({', '.join(module.objects[:3])}) and no C sources: they "
                "are for one machine, and nothing tells for which",
                TVMC,
            )
        )
    elif module.objects:
        names = ", ".join(module.objects[:3])
        found.append((f"a part of it is in object files for one machine: {names}", TVMC))
    if any("tvm/runtime/registry.h" in source.includes for source in module.sources):
        found.append(("it is for TVM's C++ runtime", TVMC))
    for source in module.sources:
        if source.cxx:
            found.append((f"{source.file} is C++, kernels of another compiler's", TVMC))
        strange_type = _strange_type(source.text)
        if strange_type:
            why = f"{source.file} computes with {strange_type}, which is no type of C"
            found.append((why, TVMC))
    called = {
        name
        for source in module.sources
        for name in _CALLED.findall(source.text)
        if not name.startswith("TVMDevice")
    }
    own = {f.name for source in module.sources for f in source.functions}
    strange = sorted(called - _KNOWN - own)
    if strange:
        found.append((f"it calls {', '.join(strange[:4])} of TVM's runtime", TVMC))
    found += [(reason.why, reason.hint) for reason in unusable(module, board)]
    return found


def _strange_type(text: str) -> str:
    """A vector or a 16-bit float that the text computes with, empty when there is none."""
    for ending in ("_t2", "_t4", "_t8", "_t16", "float2", "float4", "float8", "float16"):
        at = text.find(ending)
        if at >= 0:
            match = _VECTOR.search(text, max(0, at - 8))
            if match:
                return match[0]
    for match in _HALF.finditer(text):
        line = text.rfind("\n", 0, match.start()) + 1
        if text[line : match.start()].strip(" ") in ("", "(", "static", "static const"):
            return "half"
    return ""


class _Plan:
    """Parts of the arena, one after another."""

    def __init__(self) -> None:
        self.bytes = 0
        self.items: tuple[Item, ...] = ()

    def take(self, label: str, size: int, source: str, *, exact: bool = True) -> int:
        """The offset of ``size`` more bytes."""
        offset, size = self.bytes, align(size)
        self.bytes += size
        sure: Confidence = "exact" if exact else "upper bound"
        self.items = (*self.items, Item(label, size, sure, source))
        return offset


def _adapter(
    name: str,
    module: Module,
    entry: Entry,
    emitted: Emitted,
    plan: _Plan,
    inputs: Sequence[Io],
    outputs: Sequence[Io],
    work: Workspace | None,
) -> dict[str, Any]:
    """Plain data for templates/shared/program/tvm.c.j2."""
    header = module.header if entry.interface == "c" else None
    mapped = header is not None and header.mapped
    places: dict[str, list[dict[str, Any]]] = {"inputs": [], "outputs": []}
    members = (header.inputs, header.outputs) if header else ((), ())
    for kind, ios, names in (("inputs", inputs, members[0]), ("outputs", outputs, members[1])):
        for io in ios:
            label = f"{kind[:-1]} {io.position}"
            offset = 0 if mapped else plan.take(label, io.bytes, "the model's interface")
            places[kind].append(
                {
                    "offset": offset,
                    "member": names[io.position] if header else "",
                    "code": _DL_CODES[io.dtype.rstrip("0123456789")],
                    "bits": int(io.dtype.lstrip("abcdefghijklmnopqrstuvwxyz") or "1"),
                    "shape": list(io.shape),
                    "pointer": _pointer(entry, len(places["inputs"]) + len(places["outputs"])),
                }
            )
    pools = []
    for pool in header.pools if header else ():
        offset = 0
        if not pool.constant:
            offset = plan.take(f"pool {pool.member}", pool.bytes, "the archive's C header")
        pools.append(
            {
                "member": pool.member,
                "macro": pool.macro,
                "bytes": pool.bytes,
                "constant": pool.constant,
                "offset": offset,
            }
        )
    moved = [
        {
            "setter": setter,
            "offset": plan.take(f"pool {pool.name}", pool.bytes, "the archive's source"),
        }
        for setter, pool in zip(setters(name, emitted.relocated), emitted.relocated, strict=True)
    ]
    blocks = {"bytes": 0, "blocks": 0, "offset": 0}
    if work is not None:
        source = "calls of TVMBackendAllocWorkspace" if work.exact else "the archive's metadata"
        offset = plan.take("workspace", work.bytes, source, exact=work.exact)
        blocks = {"bytes": align(work.bytes), "blocks": work.blocks, "offset": offset}
    return {
        "needed_bytes": max(plan.bytes, _ALIGNMENT),
        "interface": entry.interface,
        "entry": entry.function,
        "module": module.name,
        "header": module.header.file if module.header else "",
        "handles": "typed" if entry.typed else "void",
        "mapped": mapped,
        "devices": list(header.devices) if header else [],
        "pools": pools,
        "moved": moved,
        "workspace": blocks,
        "errors": any("TVMAPISetLastError" in source.text for source in module.sources),
        "kernel_files": list(emitted.compiled),
        "include": "mlf/include",
        "custom_ops": [],
        **places,
    }


def _pointer(entry: Entry, position: int) -> str:
    """C type that the entry's pointer to a tensor points to."""
    dtype = entry.types[position] if position < len(entry.types) else ""
    return C_TYPES_BY_NAME[dtype][0] if dtype else "void"


_DL_CODES = {"int": 0, "uint": 1, "bool": 1, "float": 2}


def _pools(module: Module, *, constant: bool) -> list[Any]:
    pools = module.header.pools if module.header else ()
    return [pool for pool in pools if pool.constant == constant]


def _code_bytes(module: Module) -> int:
    """From the statements of all functions; constants have none."""
    statements = sum(
        source.text.count(";", function.start, function.end)
        for source in module.sources
        for function in source.functions
    )
    return align(statements * _CODE_PER_STATEMENT)


def _report(imported: Imported, entry: Entry, work: Workspace | None, arena: int) -> dict[str, Any]:
    module = imported.module
    report: dict[str, Any] = {
        "archive": {
            "version": imported.archive.version,
            "tvm": module.tvm_version,
            "module": module.name,
            "interface": entry.interface,
            "targets": list(module.targets),
            "kernels": len(module.operators),
            "workspace": "allocator" if work is not None else "pools",
        },
        "operators": [],
        "arena_bytes": {"target": arena, "host64": arena},
    }
    if imported.made:
        report["tvm"] = dict(imported.made)
    if imported.reference is not None:
        report["macs_total"] = _macs(imported.reference)
    return report


def _macs(model: Model) -> int:
    main = model.subgraphs[0]
    return sum(operator_macs(model, main, operator) for operator in main.operators)


def _unused_io(
    imported: Imported, ios: Sequence[Io], adapter: Mapping[str, Any]
) -> list[Diagnostic]:
    known = {f"{kind}{io.position}" for kind in ("input", "output") for io in ios}
    known.update(io.name for io in ios)
    known.update(place["member"] for kind in ("inputs", "outputs") for place in adapter[kind])
    return [
        Diagnostic(
            f"--io {name}: module {imported.module.name} has no such tensor",
            hint=f"it has {', '.join(io.name for io in ios)}",
        )
        for name in imported.io
        if name not in known
    ]


def _notes(
    name: str, module: Module, emitted: Emitted, inputs: Sequence[Io], reference: Model | None
) -> list[Diagnostic]:
    notes = []
    quantized = any(io.dtype in ("int8", "uint8", "int16") for io in inputs)
    if reference is None and quantized:
        notes.append(
            Diagnostic(
                f"the scale and zero point of {name}'s inputs and outputs are not known",
                why="an archive does not have them",
                hint="--tflite MODEL names the model that it was compiled from",
            )
        )
    for pool in emitted.fixed:
        notes.append(
            Diagnostic(
                f"{pool.bytes} bytes of pool {pool.name} are a static array of the archive's "
                "source, and not in the arena",
                where=f"module {module.name}",
                why="the source uses its name in a way that TVM does not",
            )
        )
    for device in module.header.devices if module.header else ():
        notes.append(
            Diagnostic(
                f"{name} calls the device {device}",
                why="its context is whatever the device's code wants",
                hint=f"define void *{name}_tvm_device_{device}(void); without it, it is NULL",
            )
        )
    return notes
