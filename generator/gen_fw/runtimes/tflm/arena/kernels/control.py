# SPDX-License-Identifier: Apache-2.0
"""Control flow and state: IF, WHILE, CALL_ONCE, resource variables, CIRCULAR_BUFFER (reference
kernels of tflite-micro 90b983c2; esp-tflite-micro 1.3.5 to 1.4.0 take the same)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.model.graph import resource_of
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op, tensor_bytes


def if_(kernel: Kernel) -> None:
    """IfPrepare: only the condition; of the branches it counts inputs and outputs."""
    kernel.look("in0")


def read_variable(kernel: Kernel) -> None:
    kernel.look("in0")


def var_handle(kernel: Kernel) -> None:
    """VarHandlePrepare: MicroResourceVariables::CreateIdIfNoneFound, and the handle points at the
    kernel's own data from now on."""
    resources, resource = kernel.resources, resource_of(kernel.operator)
    if resource not in resources.names:
        if any(
            known.shared_name == resource.shared_name
            and b"" in (known.container, resource.container)
            for known in resources.names
        ):
            # a container that is absent from the file matches every one, an empty one only itself
            kernel.confidence = "upper bound"
        resources.names.append(resource)
    handle = (kernel.subgraph.index, kernel.operator.outputs[0])
    resources.handles[handle] = resources.names.index(resource)


def assign_variable(kernel: Kernel) -> None:
    """Prepare of assign_variable.cc and MicroResourceVariables::Allocate: the first assignment of
    a variable gives it its buffer. A handle that comes from another subgraph is unknown yet."""
    kernel.temp("in1")
    resources = kernel.resources
    if kernel.constant("in0"):
        data = kernel.model.buffers[kernel["in0"].buffer].data
        number: int | None = int.from_bytes(data[:4], "little")
    else:
        number = resources.handles.get((kernel.subgraph.index, kernel.operator.inputs[0]))
    if number is not None and number not in resources.allocated:
        resources.allocated.add(number)
        kernel.keep(tensor_bytes(kernel["in1"]), "resource variables")
    kernel.free("in1")


def circular_buffer(kernel: Kernel) -> None:
    """CircularBufferPrepare of circular_buffer_common.cc. The slots are the output tensor, which
    is a variable; the kernel itself keeps two counters."""
    kernel.look("in0", "out0")


CONTROL: Mapping[str, Script] = {
    "ASSIGN_VARIABLE": Script(assign_variable, source="assign_variable.cc"),
    "CALL_ONCE": Script(no_op, source="call_once.cc"),
    "CIRCULAR_BUFFER": Script(circular_buffer, source="circular_buffer.cc"),
    "IF": Script(if_, source="if.cc"),
    "READ_VARIABLE": Script(read_variable, source="read_variable.cc"),
    "VAR_HANDLE": Script(var_handle, source="var_handle.cc"),
    "WHILE": Script(no_op, source="while.cc"),
}
