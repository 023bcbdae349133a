# SPDX-License-Identifier: Apache-2.0
"""What generated code asserts about TFLM's structures when it is compiled: a release, a compiler or
flags that the arena was not computed for must not get as far as running."""

from __future__ import annotations

from typing import Any

from gen_fw.model.graph import resources
from gen_fw.model.types import Model
from gen_fw.runtimes.tflm.abi import Build, host_build, load_abi
from gen_fw.runtimes.tflm.table import Registration, load

#: structures in the arena of every model, by header (micro_allocator.cc, micro_interpreter.cc);
#: those that only their .cc file knows cannot be checked
_STRUCTS = {
    "TfLiteStatus": "tensorflow/lite/c/common.h",
    "SingleArenaBufferAllocator": (
        "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
    ),
    "GreedyMemoryPlanner": "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h",
    "MicroAllocator": "tensorflow/lite/micro/micro_allocator.h",
    "SubgraphAllocations": "tensorflow/lite/micro/micro_allocator.h",
    "NodeAndRegistration": "tensorflow/lite/micro/micro_allocator.h",
    "ScratchBufferHandle": "tensorflow/lite/micro/micro_allocator.h",
    "AllocationInfo": "tensorflow/lite/micro/micro_allocation_info.h",
    "TfLiteEvalTensor": "tensorflow/lite/c/common.h",
    "TfLiteTensor": "tensorflow/lite/c/common.h",
    "TfLiteAffineQuantization": "tensorflow/lite/c/common.h",
}
_VARIABLES = {"MicroResourceVariables": "tensorflow/lite/micro/micro_resource_variable.h"}
_PARAMS = "tensorflow/lite/c/builtin_op_data.h"
_KERNELS = "tensorflow/lite/micro/kernels"


def layout_checks(model: Model, build: Build) -> dict[str, Any]:
    """Plain data for the templates: ``headers`` to include, ``release``, ``optimise`` (empty where
    the kernels do not depend on it), ``structs`` with (bytes, alignment) and ``op_data`` with bytes
    of each type under ``target`` and ``host64``.

    Raises UsageError when there is no table for the build.
    """
    target, host = load_abi(build), load_abi(host_build(build))
    structs = dict(_STRUCTS)
    if resources(model):
        structs |= _VARIABLES
    rows = [
        {"type": name, "target": list(target.struct(name)), "host64": list(host.struct(name))}
        for name in structs
    ]
    headers = set(structs.values())
    params: dict[str, dict[str, Any]] = {}
    op_data: dict[str, dict[str, Any]] = {}
    for registration in _registrations(model, build.release):
        name = registration.params
        if name:
            headers.add(_PARAMS)
            sizes = {"target": list(target.params(name)), "host64": list(host.params(name))}
            params[name] = {"type": name, **sizes}
        declared = target.declared(registration.register)
        if declared and declared == host.declared(registration.register):
            header, kind = declared
            headers.add(f"{_KERNELS}/{header}")
            op_data[kind] = {
                "type": kind,
                "target": target.op_data(registration.register),
                "host64": host.op_data(registration.register),
            }
    return {
        "release": build.release,
        "optimise": build.optimise if build.kernels in ("cmsis_nn", "ethos_u") else "",
        "headers": sorted(headers),
        "structs": [*rows, *(params[name] for name in sorted(params))],
        "op_data": [op_data[kind] for kind in sorted(op_data)],
    }


def _registrations(model: Model, release: str) -> list[Registration]:
    table = load(release)
    found = {
        registration.call: registration
        for subgraph in model.subgraphs
        for operator in subgraph.operators
        if (registration := table.find(operator)) is not None
    }
    return [found[call] for call in sorted(found)]
