# SPDX-License-Identifier: Apache-2.0
"""Models that Vela made: their ethos-u operators, and the NPU that they were made for.

Source: ethosu_driver.c (``cop_data_s``, ``opt_cfg_s``, ``ethosu_invoke_v3``) and ``config_r`` of
ethosu55_interface.h, ethosu65_interface.h, ethosu85_interface.h of the Ethos-U core driver
(hal_ethos_u 0356707); the streams of Vela 5.2.0 for all eleven accelerators say the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from gen_fw.model.types import Model, Operator, Subgraph

ETHOS_U = b"ethos-u"
#: inputs of the operator: command stream, constants, scratch, fast scratch, then the model's own
STREAM, SCRATCH = 0, 2
_FOURCC = (b"COP1", b"COP2")
_OPTIMIZER_CONFIG, _COMMANDS, _NOP = 1, 2, 5
#: words that follow the word of an action; those of ``_COMMANDS`` stand in it
_WORDS = {_OPTIMIZER_CONFIG: 2, _NOP: 0}
_PRODUCTS = {0: "u55", 1: "u65", 2: "u85"}
#: driver actions before the one that says for which NPU the stream is
_MOST_ACTIONS = 16


def npu_operators(model: Model) -> Iterator[tuple[Subgraph, Operator]]:
    """The operators that run on an Ethos-U."""
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator.custom_code == ETHOS_U:
                yield subgraph, operator


def is_compiled(model: Model) -> bool:
    """Whether Vela made this model, and the NPU has something to do."""
    return any(True for _ in npu_operators(model))


def compiled_for(model: Model) -> str | None:
    """The accelerator as Vela names it (``ethos-u55-256``); "" when a command stream is there that
    does not tell, or when two of them differ; None for a model without ethos-u operators."""
    found = {_accelerator(model, *place) for place in npu_operators(model)}
    if not found:
        return None
    return found.pop() if len(found) == 1 else ""


def scratch_bytes(model: Model) -> int:
    """Bytes of the largest scratch tensor: what Vela planned for the arena."""
    sizes = [
        subgraph.tensors[operator.inputs[SCRATCH]].bytes
        for subgraph, operator in npu_operators(model)
        if len(operator.inputs) > SCRATCH and operator.inputs[SCRATCH] >= 0
    ]
    return max(sizes, default=0)


def damage(model: Model) -> str:
    """Why the driver refuses a command stream of the model, or the first that it refuses; "" when
    it accepts them all. What the NPU's own commands say is not looked at."""
    for subgraph, operator in npu_operators(model):
        for position, what in ((STREAM, "command stream"), (SCRATCH, "scratch tensor")):
            if len(operator.inputs) <= position or operator.inputs[position] < 0:
                return f"operator {operator.index} has no {what}"
        fault = _fault(model.buffers[subgraph.tensors[operator.inputs[STREAM]].buffer].data)
        if fault:
            return f"command stream of operator {operator.index}: {fault}"
    return ""


def _fault(data: memoryview) -> str:
    """What ``ethosu_invoke_async`` finds wrong with a stream."""
    if bytes(data[:4]) == _FOURCC[1]:
        return "its format is COP2, the driver of the project reads COP1 (vela --cop-format COP1)"
    if bytes(data[:4]) != _FOURCC[0]:
        return "it does not begin with COP1"
    if len(data) % 4:
        return "its length is no multiple of 4"
    at, streams = 4, 0
    while at < len(data):
        (word,) = struct.unpack_from("<I", data, at)
        action = word & 0xFF
        if action == _COMMANDS:
            streams += 1
            words = (word >> 8 & 0xFF) << 16 | word >> 16
            if (at + 4) % 16:
                return "the NPU's commands are not aligned to 16 bytes"
        elif action in _WORDS:
            words = _WORDS[action]
        else:
            return f"byte {at}: there is no driver action {action}"
        at += 4 + 4 * words
    if at > len(data):
        return f"it is cut off: {len(data)} of {at} bytes"
    return "" if streams == 1 else f"it has {streams} parts with commands, not one"


def _accelerator(model: Model, subgraph: Subgraph, operator: Operator) -> str:
    if not operator.inputs or operator.inputs[STREAM] < 0:
        return ""
    data = model.buffers[subgraph.tensors[operator.inputs[STREAM]].buffer].data
    if bytes(data[:4]) not in _FOURCC:
        return ""
    at = 4
    for _ in range(_MOST_ACTIONS):
        if len(data) < at + 8:
            return ""
        action, config = struct.unpack_from("<II", data, at)
        if action & 0xFF == _OPTIMIZER_CONFIG:
            product, macs = _PRODUCTS.get(config >> 28), 1 << (config & 0xF)
            return f"ethos-{product}-{macs}" if product else ""
        if action & 0xFF != _NOP:
            return ""
        at += 4
    return ""
