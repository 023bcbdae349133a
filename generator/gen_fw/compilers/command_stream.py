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
_OPTIMIZER_CONFIG, _NOP = 1, 5
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
