# SPDX-License-Identifier: Apache-2.0
"""Channels first: images between layers as [channels, height, width].

Kernels of layers read and write either layout, so nothing is ever transposed: the first layer reads
the model's input as it is, the last one writes what the rest expects. An image is turned when all
that touches it can work on either layout; element-by-element operators need all of theirs alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gen_fw.model.types import Subgraph
from gen_fw.runtimes.aot.layer import Alias, Step, TensorArgument

_LAYERS = frozenset({"tvm_product", "tvm_depthwise", "pool_average", "pool_maximum"})


def channels_first(
    steps: Sequence[Step], graph: Subgraph, aliases: Sequence[Alias]
) -> Sequence[Step]:
    """The steps, their words with the layouts of what they read and write."""
    turned = _images(steps, graph, aliases)
    return [_worded(step, turned) for step in steps]


def _images(steps: Sequence[Step], graph: Subgraph, aliases: Sequence[Alias]) -> set[int]:
    """Tensors that are stored channels first."""
    written = {a.tensor for step in steps for a in _tensors(step) if a.written}
    fixed = {*graph.inputs, *graph.outputs}
    fixed.update(tensor for alias in aliases for tensor in (alias.input, alias.output))
    turned = {tensor for tensor in written - fixed if _is_image(graph.tensors[tensor].shape)}
    while True:
        bad = {tensor for step in steps for tensor in _refused(step, graph, turned)}
        if not bad & turned:
            return turned
        turned -= bad


def _is_image(shape: Sequence[int]) -> bool:
    """One image that has both pixels and channels."""
    return len(shape) == 4 and shape[0] == 1 and shape[1] * shape[2] > 1 and shape[3] > 1


def _refused(step: Step, graph: Subgraph, turned: set[int]) -> set[int]:
    """Tensors that this step needs as they were."""
    used = [argument.tensor for argument in _tensors(step)]
    if step.template in _LAYERS:
        return {
            argument.tensor
            for argument in _tensors(step)
            if graph.tensors[argument.tensor].shape != _shape(step, argument)
        }
    if step.template == "elementwise" and _all_elements(step) and set(used) <= turned:
        shapes = {graph.tensors[tensor].shape for tensor in used}
        return set() if len(shapes) == 1 else set(used)
    return set(used)


def _shape(step: Step, argument: TensorArgument) -> tuple[int, ...]:
    """What the layer takes the tensor for."""
    w = step.words
    if argument.written:
        return w["batch"], w["out_height"], w["out_width"], w["out_depth"]
    return w["batch"], w["height"], w["width"], w["depth"]


def _all_elements(step: Step) -> bool:
    """Every tensor from its first to its last element."""
    loops = step.words["loops"]
    return len(loops) == 1 and set(loops[0][1]) == {1} and not any(step.words["starts"])


def _worded(step: Step, turned: set[int]) -> Step:
    if step.template not in _LAYERS:
        return step
    words = dict(step.words)
    for argument in _tensors(step):
        if argument.tensor in turned:
            words["out_layout" if argument.written else "in_layout"] = "nchw"
    return replace(step, words=words)


def _tensors(step: Step) -> list[TensorArgument]:
    return [a for a in step.arguments if isinstance(a, TensorArgument)]
