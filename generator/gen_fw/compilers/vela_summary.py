# SPDX-License-Identifier: Apache-2.0
"""What Vela says about a compilation, as plain data: the summary table (CSV), the operators that
stay on the CPU, and the reasons that it prints."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gen_fw.compilers.command_stream import ETHOS_U, is_compiled, scratch_bytes
from gen_fw.model.types import DType, Model, Operator, Subgraph, display

_NPU = re.compile(r"^NPU operators = (\d+) ", re.MULTILINE)
#: a reason ends at an empty line
_REASON = re.compile(r"\nReason: (.*?)\n(?:\n|$)", re.DOTALL)
#: Vela splits a fused activation off, and calls what lies between so
_SUFFIXES = ("", "_act")
_LONGEST = 300


def summary(table: str, talk: str, given: Model, compiled: Model) -> dict[str, Any]:
    """The figures. Bytes, cycles of the NPU's clock, and milliseconds; ``label`` says how sure
    the time and the cycles are.

    ``table`` is Vela's summary CSV, ``talk`` what it printed.
    """
    row = next(csv.DictReader(io.StringIO(table)), {})
    on_cpu = list(left_on_cpu(given, compiled, talk))
    counted = _NPU.findall(talk)
    return {
        "operators": {
            "npu": int(counted[-1]) if counted and is_compiled(compiled) else 0,
            "cpu": len(on_cpu),
        },
        "on_cpu": on_cpu,
        "scratch_bytes": scratch_bytes(compiled),
        "sram_bytes": _bytes(row, "sram_memory_used"),
        "dram_bytes": _bytes(row, "dram_memory_used"),
        "flash_bytes": _bytes(row, "on_chip_flash_memory_used")
        + _bytes(row, "off_chip_flash_memory_used"),
        "macs": round(_number(row, "nn_macs")),
        "cycles": round(_number(row, "cycles_total")),
        "clock_mhz": round(_number(row, "core_clock") / 1e6),
        "inference_ms": round(_number(row, "inference_time") * 1000, 6),
        "label": "estimate",
    }


def left_on_cpu(given: Model, compiled: Model, talk: str = "") -> Iterator[dict[str, Any]]:
    """The operators that the CPU executes, in order. They are those of ``given`` when the NPU has
    nothing to do. ``reason`` is empty where Vela names none."""
    model = compiled if is_compiled(compiled) else given
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator.custom_code != ETHOS_U:
                yield {
                    "subgraph": subgraph.index,
                    "index": operator.index,
                    "operator": operator.label,
                    "name": _output(subgraph, operator),
                    "reason": _reason(subgraph, operator, talk),
                }


def float_tensors(model: Model) -> int:
    """How many tensors that are computed, or are inputs, hold floating-point numbers."""
    return _computed(model, (DType.FLOAT32, DType.FLOAT16, DType.FLOAT64, DType.BFLOAT16))


def quantized_tensors(model: Model) -> int:
    """How many such tensors hold what an NPU computes in: 8 or 16-bit integers."""
    return _computed(model, (DType.INT8, DType.UINT8, DType.INT16))


def _computed(model: Model, dtypes: tuple[DType, ...]) -> int:
    return sum(
        tensor.dtype in dtypes and not model.is_constant(tensor)
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
    )


def _output(subgraph: Subgraph, operator: Operator) -> str:
    return subgraph.tensors[operator.outputs[0]].display_name if operator.outputs else ""


def _reason(subgraph: Subgraph, operator: Operator, talk: str) -> str:
    if not operator.outputs:
        return ""
    kind = "CUSTOM" if operator.custom_code is not None else operator.name
    name = subgraph.tensors[operator.outputs[0]].name.decode("utf-8", "replace") or "<unnamed>"
    for what in (kind, r"[A-Z0-9_]+"):  # of a fused activation only its own name is printed
        for suffix in _SUFFIXES:
            found = re.search(rf"operator: {what}, ofm: '{re.escape(name + suffix)}'", talk)
            reason = _REASON.match(talk, found.end()) if found else None
            if reason:
                return display(" ".join(reason.group(1).split()).encode())[:_LONGEST]
    return ""


def _number(row: Mapping[str, Any], key: str) -> float:
    """A figure of the table; 0 where it is missing or, as without NPU operators, no number."""
    try:
        value = float(row.get(key) or 0)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def _bytes(row: Mapping[str, Any], key: str) -> int:
    return round(_number(row, key) * 1024)
