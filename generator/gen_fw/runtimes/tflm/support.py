# SPDX-License-Identifier: Apache-2.0
"""Whether a TFLM release can execute a model, and if not, every reason, each with a hint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gen_fw.model.types import DType, Model, Operator, Subgraph, Tensor
from gen_fw.runtimes.tflm.rules import RULES, Site, intermediates
from gen_fw.runtimes.tflm.signatures import shape_misfits, slots, spoken, type_misfit, type_name
from gen_fw.runtimes.tflm.table import OperatorTable, facts, load

#: element types without a size in memory_helpers.cc: any tensor of them stops AllocateTensors
_NO_SIZE = frozenset({DType.STRING, DType.VARIANT, DType.INT2, DType.UINT4})
_WEIGHTS: Mapping[str, tuple[str, str]] = {
    "CONV_2D": ("in0", "in1"),
    "DEPTHWISE_CONV_2D": ("in0", "in1"),
    "FULLY_CONNECTED": ("in0", "in1"),
    "TRANSPOSE_CONV": ("in2", "in1"),
    "BATCH_MATMUL": ("in0", "in1"),
    "SVDF": ("in0", "in1"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("in0", "in1"),
}
_NARROW = frozenset({DType.INT8, DType.UINT8, DType.INT16, DType.INT4, DType.INT2})
_RECONVERT = "convert the model again for full int8 (with a representative data set) or float32"
_REVELA = "compile the original model with Vela again"
_REPLACE = "replace it in the model, or convert the model again without it"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one operator (or, with ``operator`` -1, a subgraph) cannot run."""

    subgraph: int
    operator: int
    #: schema name, or CUSTOM:code
    label: str
    why: str
    hint: str

    @property
    def where(self) -> str:
        place = f"subgraphs[{self.subgraph}]"
        return place if self.operator < 0 else f"{place}.operators[{self.operator}]"

    def __str__(self) -> str:
        head = f"{self.where} {self.label}".rstrip()
        return f"{head}: {self.why}; hint: {self.hint}"


def check(
    model: Model,
    release: str = "",
    *,
    custom_ops: Mapping[str, str] | None = None,
    board: str = "",
    kernels: str = "",
) -> list[Reason]:
    """All reasons why ``release`` cannot execute ``model``; empty when it can.

    ``custom_ops`` maps custom codes to C functions that return their TFLMRegistration*, which
    makes these operators accepted. ``board`` is only named in texts. ``kernels`` (``cmsis_nn``,
    ``esp_nn``, ...) empty means those of the release's table; with ``ethos_u``, operators that Vela
    made are accepted too. Raises UsageError for an unknown release.
    """
    table = load(release)
    reasons: list[Reason] = []
    for subgraph in model.subgraphs:
        reasons.extend(_tensors(subgraph))
        for operator in subgraph.operators:
            found = _operator(model, subgraph, operator, table, custom_ops or {}, board, kernels)
            reasons.extend(
                Reason(subgraph.index, operator.index, operator.label, why, hint)
                for why, hint in found
            )
    return reasons


def _tensors(subgraph: Subgraph) -> Iterator[Reason]:
    for dtype in sorted({t.dtype for t in subgraph.tensors} & _NO_SIZE):
        count = sum(tensor.dtype is dtype for tensor in subgraph.tensors)
        yield Reason(
            subgraph.index,
            -1,
            "",
            f"{count} tensor(s) of type {type_name(dtype)}, which TFLM cannot hold",
            "take the operators that need them (text, tables) out of the model",
        )


def _operator(
    model: Model,
    subgraph: Subgraph,
    operator: Operator,
    table: OperatorTable,
    custom_ops: Mapping[str, str],
    board: str,
    kernels: str,
) -> Iterator[tuple[str, str]]:
    code = operator.custom_code
    if code is not None and code.decode("utf-8", "replace") in custom_ops:
        return
    present = slots(subgraph, operator)
    storage = list(_storage(present))
    yield from storage
    registration = table.find(operator)
    for_npu = registration is not None and registration.custom == "ethos-u"
    if for_npu and kernels == "ethos_u":  # Prepare in ethos_u/ethosu.cc checks no more than this
        if not operator.custom_options or not operator.inputs or operator.inputs[0] < 0:
            yield "it has no options or no command stream, the kernel needs both", _REVELA
        return
    if registration is None or for_npu:
        yield _no_kernel(operator, table, board)
        return
    kind = "operators" if registration.custom is None else "custom"
    name = registration.custom or registration.operator
    spec = facts("types")[kind][name]
    if not storage:
        yield from _types(operator, spec, kernels or table.kernels, present)
    for why in shape_misfits(spec, model, operator, present):
        yield why, _REPLACE
    for why in _omitted(spec, operator):
        yield why, _REPLACE
    site = Site(model, subgraph, operator, present, kernels or table.kernels)
    yield from intermediates(site)
    for rule in RULES.get(name, ()):
        yield from rule(site)


def _storage(present: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Weights stored in a way that no TFLM kernel unpacks."""
    for slot, tensor in present.items():
        if tensor.sparsity is not None:
            yield (
                f"{spoken(slot)} is stored sparse; TFLM reads dense tensors only",
                "convert the model again without sparsity",
            )
        if tensor.quantization_details is not None:
            yield (
                f"{spoken(slot)} has {tensor.quantization_details} quantization; TFLM knows one "
                "scale per tensor or per channel",
                _RECONVERT,
            )


def _types(
    operator: Operator, spec: Mapping[str, Any], kernels: str, present: Mapping[str, Tensor]
) -> Iterator[tuple[str, str]]:
    misfit = type_misfit(spec, kernels, present)
    if misfit is None:
        return
    data, weights = (present.get(slot) for slot in _WEIGHTS.get(operator.name, ("", "")))
    types = {tensor.dtype for tensor in present.values()}
    why, accepted = misfit
    if data is not None and weights is not None and _hybrid(data, weights):
        yield (
            f"hybrid (dynamic range) operator: {type_name(data.dtype)} activations with "
            f"{type_name(weights.dtype)} weights; TFLM computes all in float or all in integers",
            _RECONVERT,
        )
    elif DType.UINT8 in types:
        yield (
            f"uint8 quantization (the scheme of 2018): {why}; the kernel takes {accepted}",
            "quantize the original model again with a current converter (int8)",
        )
    elif types & {DType.FLOAT16, DType.BFLOAT16}:
        yield f"half-precision tensors: {why}", _RECONVERT
    else:
        yield f"{why}; the kernel takes {accepted}", _RECONVERT


def _hybrid(data: Tensor, weights: Tensor) -> bool:
    return data.dtype is DType.FLOAT32 and weights.dtype in _NARROW


def _omitted(spec: Mapping[str, Any], operator: Operator) -> Iterator[str]:
    optional = spec.get("optional", ())
    missing = [
        str(position)
        for position, index in enumerate(operator.inputs)
        if index < 0 and position not in optional
    ]
    if missing:
        yield f"input {', '.join(missing)} is omitted, the kernel needs it"


def _no_kernel(operator: Operator, table: OperatorTable, board: str) -> tuple[str, str]:
    if operator.custom_code is None:
        return f"{table.release} has no kernel for {operator.name}", _REPLACE
    code = operator.custom_code.decode("utf-8", "replace")
    shown = operator.label.removeprefix("CUSTOM:")
    if code == "ethos-u":
        where = f"board {board}" if board else "this target"
        return (
            f"it was compiled by Vela for an Arm Ethos-U NPU; {where} has no such NPU",
            "generate from the original model, before Vela",
        )
    if code.startswith("XC_"):
        return (
            f"{shown} was compiled by xformer for XMOS xcore processors",
            "generate from the original model, before xformer, or choose an XMOS board",
        )
    if code == "edgetpu-custom-op":
        return (
            "it was compiled for a Coral Edge TPU, whose code no other processor executes",
            "generate from the original model, before edgetpu_compiler",
        )
    if code.startswith("Flex"):
        return (
            f"{shown} is a TensorFlow operator (Select TF ops), which needs all of TensorFlow",
            "convert the model again with TFLITE_BUILTINS only",
        )
    return (
        f"{table.release} does not know the custom operator {shown}",
        "write a kernel in the application and register it: --custom-op CODE=FUNCTION, a C++ "
        "function that returns its gen_fw::Registration",
    )
