# SPDX-License-Identifier: Apache-2.0
"""What templates see: plain data (str, int, float, bool, list, dict) under a versioned schema.

docs/templates.md documents every key. A key may be added at any time; a key that changes or goes
away makes a new schema version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gen_fw.boards.board import Board
from gen_fw.boards.document import board_document, plain
from gen_fw.errors import ModelError, UsageError
from gen_fw.memory.document import item_document
from gen_fw.program import Firmware, Golden, Io, Program
from gen_fw.project import (
    alif_cmake,
    alif_csolution,
    alif_mlek,
    ambiq_make,
    esp_idf,
    native_cmake,
    xmos_xcommon,
)
from gen_fw.project.family import Family
from gen_fw.project.licences import licences
from gen_fw.project.names import macro
from gen_fw.project.picture import svg
from gen_fw.version import __version__

SCHEMA = "gen-fw/context/1"
#: number that the files of ``gen/`` and ``main/`` check at compile time; raised with every change
#: of the C API that old application code would not survive
ABI = 1

#: element type -> how gen_fw_quant.h converts it ("raw": not at all), smallest and largest value of
#: a quantized element (equal: none)
_DTYPES: dict[str, tuple[str, int, int]] = {
    "float32": ("float", 0, 0),
    "int32": ("i32", 0, 0),
    "uint8": ("u8", 0, 255),
    "int64": ("i64", 0, 0),
    "bool": ("bool", 0, 1),
    "int16": ("i16", -32768, 32767),
    "int8": ("i8", -128, 127),
    "float16": ("raw", 0, 0),
    "float64": ("double", 0, 0),
    "uint64": ("u64", 0, 0),
    "uint32": ("u32", 0, 0),
    "uint16": ("u16", 0, 65535),
}
#: steps of an 8-bit output by which TVM's kernels may differ from TFLM's, a quarter of its range:
#: of the archives in docs/tvm.md, the one that differs most does so by 38, where noise goes in
_TVM_TOLERANCE = 64
_FAMILIES = {
    "alif_cmake": alif_cmake.data,
    "esp_idf": esp_idf.data,
    "native_cmake": native_cmake.data,
    "xmos_xcommon": xmos_xcommon.data,
}
#: those whose data depend on the layout and the model's format too
_LAYOUT_FAMILIES = {"ambiq_make": ambiq_make.data}
#: what a layout cannot do, which other layouts of the family can
_LAYOUT_CHECKS = {"csolution": alif_csolution.check, "mlek": alif_mlek.check}


@dataclass(frozen=True, slots=True)
class ProjectOptions:
    """Choices that change the project's files but not the programs."""

    model_format: Literal["array", "embed"] = "array"
    ci: Literal["none", "github", "gitlab"] = "none"
    #: empty: the family's default
    layout: str = ""
    optimise: Literal["speed", "size"] = "speed"
    #: what the self-test allows; None: what goes with the runtime
    tolerance: int | None = None


def build(
    firmware: Firmware, board: Board, family: Family, options: ProjectOptions
) -> dict[str, Any]:
    """The context of one project.

    Raises UsageError for a layout that the family does not have or that cannot follow the
    placement, DoesNotFitError for a layout with less room, ModelError for a program without
    outputs.
    """
    for program in firmware.programs:
        if not program.outputs:
            raise ModelError("the model has no outputs", where=program.name)
    layout = options.layout or family.layouts[0]
    if layout not in family.layouts:
        raise UsageError(
            f"there is no layout {layout!r} of {family.title} projects",
            where="--layout",
            hint=f"known: {', '.join(family.layouts)}",
        )
    if layout in _LAYOUT_CHECKS:
        _LAYOUT_CHECKS[layout](firmware, board.family_data)
    programs = [
        _program(one, golden, firmware, options)
        for one, golden in zip(firmware.programs, firmware.golden, strict=True)
    ]
    context: dict[str, Any] = {
        "schema": SCHEMA,
        "abi": ABI,
        "tool": {"name": "gen-fw", "version": __version__},
        "project": {"name": programs[0]["name"], "family": family.name, "layout": layout},
        "board": _board(board),
        "programs": programs,
        "arenas": _arenas(programs, firmware),
        "shared_arena": firmware.shared_arena,
        "memory": _memory(firmware),
        "licences": licences(firmware, board),
        "model_format": options.model_format,
        "ci": options.ci,
        "optimise": options.optimise,
        "flags": _flags(firmware, options, layout),
    }
    if family.name in _FAMILIES:
        context[family.name] = _FAMILIES[family.name](firmware, board)
    elif family.name in _LAYOUT_FAMILIES:
        context[family.name] = _LAYOUT_FAMILIES[family.name](
            firmware, board, layout, options.model_format
        )
    if family.name in context:
        context["project"].update(_path_words(context[family.name]))
        context["flags"] += context[family.name].get("flags", [])
    return context


def constants(firmware: Firmware) -> dict[str, bytes | memoryview]:
    """Binary data of the project by key.

    For each program ``<name>/model``, ``/input`` (the file as given), ``/golden.npz``,
    ``/arena.svg``, ``/golden/<tensor>`` and ``/source/<path>``; compiled for an NPU
    ``/vela.ini``, the compiler's configuration.
    """
    result: dict[str, bytes | memoryview] = {}
    for program, golden in zip(firmware.programs, firmware.golden, strict=True):
        for constant in program.constants:
            result[f"{program.name}/{constant.label}"] = constant.data
        result.setdefault(f"{program.name}/input", result.get(f"{program.name}/model", b""))
        for source in program.sources:
            result[f"{program.name}/source/{source.path}"] = source.content
        if program.arena_plan is not None:
            result[f"{program.name}/arena.svg"] = svg(program.arena_plan, program.name).encode()
        if golden is not None:
            result[f"{program.name}/golden.npz"] = golden.npz
            for vector, data in _vectors(golden):
                result[f"{program.name}/golden/{vector}"] = data
    return result


def _vectors(golden: Golden) -> list[tuple[str, bytes]]:
    groups = (
        ("input", golden.inputs),
        ("output", golden.outputs),
        ("run2_output", golden.run2_outputs),
    )
    return [(f"{label}{i}", data) for label, group in groups for i, data in enumerate(group)]


def _program(
    program: Program, golden: Golden | None, firmware: Firmware, options: ProjectOptions
) -> dict[str, Any]:
    model = next((part for part in program.constants if part.label == "model"), None)
    rewritten = any(part.label == "input" for part in program.constants)
    digest = model.sha256 if model else hashlib.sha256().hexdigest()
    arena = program.region("arena")
    code = [region for region in program.regions if region.role == "code"]
    adapter = plain(program.adapter)
    report = plain(program.report)
    return {
        "name": program.name,
        "macro": macro(program.name),
        "runtime": program.runtime,
        "kernels": program.kernels,
        "inputs": [_io(io, "input") for io in program.inputs],
        "outputs": [_io(io, "output") for io in program.outputs],
        "model": {
            "bytes": len(model.data) if model else 0,
            "alignment": model.alignment if model else 16,
            "sha256": digest,
            "id": f"0x{digest[:8]}u",
            "file": _model_file(program, rewritten),
        },
        "arena": {
            "target": _rounded(adapter.get("arena_bytes", {}).get("target", arena.bytes)),
            "host64": _rounded(adapter.get("arena_bytes", {}).get("host64", arena.bytes)),
            "alignment": arena.alignment,
            "confidence": arena.confidence,
            "memory": adapter.get("xcore", {}).get(
                "arena", firmware.chosen.placement.memories.get("arena", "")
            ),
            "items": [item_document(item) for item in arena.items],
        },
        "persistent": _persistent(program, firmware),
        "code": {
            "bytes": sum(region.bytes for region in code),
            "confidence": code[0].confidence if code else "estimate",
        },
        "stack_bytes": program.stack_bytes,
        "stateful": program.stateful,
        "labels": list(program.labels),
        "golden": _golden(program, golden, options.tolerance),
        "requires": {
            "kernels": list(program.requires.kernels),
            "libraries": list(program.requires.libraries),
            "defines": list(program.requires.defines),
        },
        "sources": [source.path for source in program.sources],
        "adapter": adapter,
        "report": report,
        "flags": [
            f"runtime-{program.runtime}",
            *(["golden"] if golden is not None else []),
            *(["labels"] if program.labels else []),
            *(["archive"] if program.is_archive else []),
            *(["reference"] if any(c.label == "reference" for c in program.constants) else []),
            *(["rewritten"] if rewritten and "npu" not in adapter else []),
            *(["npu"] if "npu" in adapter else []),
            # compiled now, not given compiled
            *(["compiled"] if rewritten and "npu" in adapter else []),
            *(["picture"] if program.arena_plan is not None else []),
            *adapter.get("flags", []),
        ],
    }


def _model_file(program: Program, rewritten: bool) -> str:
    """The file in ``gen/<name>/`` that runs on the target."""
    if program.is_archive:
        return "model.mlf.tar"
    if not rewritten:
        return "model.tflite"
    return "model_vela.tflite" if "npu" in program.adapter else "model_planned.tflite"


def _persistent(program: Program, firmware: Firmware) -> dict[str, Any]:
    """The arena of what the interpreter keeps for ever; 0 bytes when there is one for both."""
    regions = [region for region in program.regions if region.role == "persistent"]
    sizes = program.adapter.get("persistent_bytes", {}) if regions else {}
    return {
        "target": _rounded(int(sizes.get("target", 0))),
        "host64": _rounded(int(sizes.get("host64", 0))),
        "memory": firmware.chosen.placement.memories.get("persistent", "") if regions else "",
        "items": [item_document(item) for region in regions for item in region.items],
    }


def _path_words(family_data: Mapping[str, Any]) -> dict[str, Any]:
    """Words of the family that paths in family.toml may use."""
    words = ("target", "toolchain", "device", "core", "xn")
    return {key: family_data[key] for key in words if key in family_data}


def _rounded(count: int) -> int:
    """Arenas are whole multiples of the buffer alignment, so that nothing is lost at the end."""
    return (count + 15) // 16 * 16


def _golden(program: Program, golden: Golden | None, tolerance: int | None) -> dict[str, Any]:
    if golden is None:
        return {"present": False, "run2": False, "origin": "", "tolerance": 0}
    if tolerance is None:
        # expected outputs of one's own are exact; kernels of tvmc round otherwise than TFLM's
        other_kernels = program.runtime == "tvm" and not program.adapter["exact"]
        tolerance = _TVM_TOLERANCE if other_kernels and golden.origin != "golden file" else 0
    return {
        "present": True,
        "run2": bool(golden.run2_outputs),
        "origin": golden.origin,
        "tolerance": tolerance,
    }


def _io(io: Io, direction: str) -> dict[str, Any]:
    conversion, low, high = _DTYPES.get(io.dtype, ("raw", 0, 0))
    return {
        "id": f"{direction}{io.position}",
        "position": io.position,
        "name": io.name,
        "dtype": io.dtype,
        "c_type": io.c_type,
        # 16-bit floats are compared as bit patterns
        "vector_type": "UINT16" if io.dtype in ("float16", "bfloat16") else io.dtype.upper(),
        "conversion": conversion,
        "shape": list(io.shape),
        "elements": io.elements,
        "bytes": io.bytes,
        "kind": _kind(io),
        "quantized": io.scale is not None,
        "scale": 1.0 if io.scale is None else io.scale,
        "zero_point": 0 if io.zero_point is None else io.zero_point,
        "low": low,
        "high": high,
    }


def _kind(io: Io) -> str:
    """``scalar``, ``vector`` (class scores, say) or ``tensor``; ``raw`` has no real numbers."""
    if io.dtype not in _DTYPES or _DTYPES[io.dtype][0] == "raw":
        return "raw"
    if io.elements == 1:
        return "scalar"
    vector = io.elements <= 1024 and bool(io.shape) and io.shape[-1] == io.elements
    return "vector" if vector else "tensor"


def _board(board: Board) -> dict[str, Any]:
    """The board without what only placement and reports need."""
    document = board_document(board)
    keys = ("name", "title", "vendor", "chip", "cpu", "memories", "accelerator", "sdk", "licence")
    return {**{key: document[key] for key in keys}, "data": document["family_data"]}


def _arenas(programs: list[dict[str, Any]], firmware: Firmware) -> list[dict[str, Any]]:
    """One buffer for each program, or the largest for all of them."""
    if not firmware.shared_arena:
        return [
            {
                "prefix": program["name"],
                "macro": program["macro"],
                "path": f"{program['name']}/{program['name']}",
                "memory": program["arena"]["memory"],
                "alignment": program["arena"]["alignment"],
                "target": program["arena"]["target"],
                "host64": program["arena"]["host64"],
                "persistent": program["persistent"]["memory"],
                "programs": [program["name"]],
            }
            for program in programs
        ]
    return [
        {
            "prefix": "gen_fw",
            "macro": "GEN_FW",
            "path": "gen_fw",
            "memory": programs[0]["arena"]["memory"],
            "alignment": max(program["arena"]["alignment"] for program in programs),
            "target": max(program["arena"]["target"] for program in programs),
            "host64": max(program["arena"]["host64"] for program in programs),
            "persistent": "",
            "programs": [program["name"] for program in programs],
        }
    ]


def _memory(firmware: Firmware) -> dict[str, Any]:
    return {
        "placement": dict(firmware.chosen.placement.memories),
        "uses": [
            {
                "memory": use.memory,
                "kind": use.kind,
                "capacity": use.capacity,
                "reserved": use.reserved,
                "available": use.available,
                "needed": use.needed,
                "needs": [item_document(item) for item in use.needs],
            }
            for use in firmware.chosen.uses
        ],
    }


def _flags(firmware: Firmware, options: ProjectOptions, layout: str) -> list[str]:
    """Conditions for ``when`` in family.toml."""
    flags = [f"ci-{options.ci}", f"layout-{layout}", f"model-{options.model_format}"]
    flags.extend(sorted({f"any-runtime-{program.runtime}" for program in firmware.programs}))
    if firmware.shared_arena:
        flags.append("shared-arena")
    if any("npu" in program.adapter for program in firmware.programs):
        flags.append("any-npu")
    if any(
        _golden(program, golden, options.tolerance)["tolerance"]
        for program, golden in zip(firmware.programs, firmware.golden, strict=True)
    ):
        flags.append("any-tolerance")
    if any(golden is not None for golden in firmware.golden):
        flags.append("any-golden")
    return flags
