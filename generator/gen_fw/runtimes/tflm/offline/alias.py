# SPDX-License-Identifier: Apache-2.0
"""Tensors that may share their bytes although both are alive while an operator runs.

Two kinds, told from the kernels' source (tensorflow/lite/micro/kernels and
tensorflow/lite/kernels/internal/reference at tflite-micro 90b983c2, kernels/esp_nn at
esp-tflite-micro 1.4.0, CMSIS-NN 99f736a6, esp-nn d45b843):

* a view: the output has the bytes of the input (RESHAPE compares the pointers and copies nothing;
  SQUEEZE and EXPAND_DIMS copy every element onto itself);
* in place: every element of the output is written after the last read of the same element of the
  input, and no other element is read later. Vector loops load a vector of each input before they
  store the vector at the same place.

Two rules keep what applications may rely on: the memory of a graph input or output is never
overwritten in place, and graph inputs and outputs never share memory with each other by this.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from gen_fw.model.lifetimes import Lifetime, runtime_bytes
from gen_fw.model.types import Model, Operator, Tensor
from gen_fw.runtimes.tflm.abi import Build

Kind = Literal["view", "in place"]

#: kernels that copy input 0 to output 0 without a change
_VIEWS = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
#: input 0 -> output 0, one loop over elements: activations.h and activations_common.cc,
#: logistic.h, tanh.h, hard_swish.h, leaky_relu.h, elu.cc, elementwise.cc, neg.h, exp.cc, floor.h,
#: ceil.h, round.h, requantize.h (QUANTIZE between types of one size)
_UNARY = frozenset(
    {
        "ABS",
        "CEIL",
        "COS",
        "ELU",
        "EXP",
        "FLOOR",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGICAL_NOT",
        "LOGISTIC",
        "NEG",
        "QUANTIZE",
        "RELU",
        "RELU6",
        "ROUND",
        "RSQRT",
        "SIN",
        "SQRT",
        "SQUARE",
        "TANH",
    }
)
#: inputs 0 and 1 -> output 0. The input that is overwritten has the output's shape, so broadcasting
#: (broadcast_loop.h; loops over rows in arm_maximum_s8.c) reads each of its elements once, for the
#: element of the output at that place
_BINARY = frozenset({"ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"})
#: the slope, input 1, is read again for every row
_FIRST_INPUT = frozenset({"PRELU"})
#: kernels with assembly of their own on ESP32-S3 and -P4, where the order of loads and stores is
#: nobody's promise
_ESP_NN_ASSEMBLY = frozenset({"ADD", "MUL"})


@dataclass(frozen=True, slots=True)
class Alias:
    """Tensor ``result`` of subgraph 0, written by ``operator``, may lie where ``source`` lies."""

    operator: int
    source: int
    result: int
    kind: Kind


def candidates(model: Model, build: Build) -> tuple[Alias, ...]:
    """What the kernels of ``build`` allow in subgraph 0, in the order of execution.

    Which of them are compatible with each other and with the lifetimes says ``merged``.
    """
    main = model.subgraphs[0]
    found = []
    for operator in main.operators:
        for position, kind in _positions(operator, build):
            source, result = operator.inputs[position], operator.outputs[0]
            if source < 0 or operator.inputs.count(source) > 1:
                continue
            if _alike(main.tensors[source], main.tensors[result], kind):
                found.append(Alias(operator.index, source, result, kind))
    return tuple(found)


def _positions(operator: Operator, build: Build) -> Iterable[tuple[int, Kind]]:
    name, inputs = operator.name, len(operator.inputs)
    if len(operator.outputs) != 1:
        return
    if name in _VIEWS and inputs:
        yield 0, "view"
    elif (name in _UNARY and inputs == 1) or (name in _FIRST_INPUT and inputs == 2):
        yield 0, "in place"
    elif name in _BINARY and inputs == 2:
        own = build.kernels == "esp_nn" and build.variant != "generic"
        if not (own and name in _ESP_NN_ASSEMBLY):
            yield 0, "in place"
            yield 1, "in place"


def _alike(source: Tensor, result: Tensor, kind: Kind) -> bool:
    if runtime_bytes(source) != runtime_bytes(result) or source.dtype.bits != result.dtype.bits:
        return False
    return kind == "view" or _trimmed(source.shape) == _trimmed(result.shape)


def _trimmed(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape without leading ones, which broadcasting adds."""
    first = next((i for i, dim in enumerate(shape) if dim != 1), len(shape))
    return tuple(shape[first:])


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors of subgraph 0 that lie at one offset, and when any of them is alive."""

    tensors: tuple[int, ...]
    first_use: int
    last_use: int


def merged(
    model: Model, lives: Sequence[Lifetime], wanted: Iterable[Alias]
) -> tuple[dict[int, Group], tuple[Alias, ...]]:
    """Groups by tensor of subgraph 0, and the aliases that could be followed, in order.

    ``lives`` are the tensors that an offline plan may place. An alias is left out when one of its
    tensors is not among them, when it would overwrite what is read later, or by the rules for graph
    inputs and outputs.
    """
    main = model.subgraphs[0]
    inputs, outputs = set(main.inputs), set(main.outputs)
    span = {life.tensor: life for life in lives if life.subgraph == 0 and life.tensor >= 0}
    groups = {index: Group((index,), life.first_use, life.last_use) for index, life in span.items()}
    taken: list[Alias] = []
    written: set[int] = set()
    for alias in wanted:
        if alias.source not in groups or alias.result not in groups or alias.result in written:
            continue
        source, result = groups[alias.source], groups[alias.result]
        members = (*source.tensors, *result.tensors)
        public = [tensor for tensor in members if tensor in inputs or tensor in outputs]
        if len(public) + len(set(public) & inputs & outputs) > 1:
            continue
        now = span[alias.result].first_use
        if alias.kind == "in place" and (
            inputs.intersection(source.tensors)
            or outputs.intersection(source.tensors)
            or source.last_use > now
            or sum(tensor in source.tensors for tensor in main.operators[alias.operator].inputs) > 1
        ):
            continue
        group = Group(
            members,
            min(source.first_use, result.first_use),
            max(source.last_use, result.last_use),
        )
        groups.update(dict.fromkeys(members, group))
        written.add(alias.result)
        taken.append(alias)
    return groups, tuple(taken)
