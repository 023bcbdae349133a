# SPDX-License-Identifier: Apache-2.0
"""A plan of buffers as people read it: which tensor, which operator, over the steps of a run."""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.memory.buffers import Buffer, Plan
from gen_fw.memory.overlap import most_in_use
from gen_fw.model.lifetimes import scopes
from gen_fw.model.types import Model, Tensor
from gen_fw.program import ArenaPlan, Block


def arena_plan(model: Model, plan: Plan, *, planner: str, steps: Sequence[str]) -> ArenaPlan:
    """``plan`` with names from ``model``, and the bound of what is alive at one time.

    A buffer's label tells what it is: ``subgraphs[0].tensors[5]`` or ``tensors[5]``, ``scratch of
    ...``, or any other text. ``steps[i]`` is what runs at time ``i``.
    """
    tensors = {
        label: (tensor, f"{subgraph.index}:{tensor.index}" if subgraph.index else f"{tensor.index}")
        for subgraph in model.subgraphs
        for tensor in subgraph.tensors
        for label in (
            f"subgraphs[{subgraph.index}].tensors[{tensor.index}]",
            *([f"tensors[{tensor.index}]"] if subgraph.index == 0 else []),
        )
    }
    blocks = tuple(
        _block(buffer, offset, tensors.get(buffer.label))
        for buffer, offset in zip(plan.buffers, plan.offsets, strict=True)
    )
    return ArenaPlan(blocks, tuple(steps), plan.bytes, most_in_use(blocks)[1], planner)


def interpreter_steps(model: Model, order: Sequence[int] = ()) -> tuple[str, ...]:
    """What runs at each value of TFLM's scope counter. ``order`` has the numbers that people know
    the main subgraph's operators by, when they were reordered. Raises ModelError as ``lifetimes``
    does."""
    names = []
    for subgraph, operator in scopes(model):
        if operator >= 0:
            known = order[operator] if order and not subgraph else operator
            number = f"{subgraph}:{known}" if subgraph else f"{known}"
            names.append(f"{number} {model.subgraphs[subgraph].operators[operator].label}")
        else:
            names.append(f"subgraphs[{subgraph}]" if names else "inputs")
    return tuple(names)


def _block(buffer: Buffer, offset: int, found: tuple[Tensor, str] | None) -> Block:
    label, title = "", buffer.label
    if found is not None:
        tensor, label = found
        dims = "x".join(str(size) for size in tensor.shape) or "scalar"
        title = f"{buffer.label} {tensor.display_name}, {tensor.dtype.name.lower()} {dims}"
    return Block(
        label=label,
        title=title,
        bytes=buffer.bytes,
        offset=offset,
        first=buffer.first_use,
        last=buffer.last_use,
        scratch=found is None and buffer.label.startswith("scratch"),
    )
