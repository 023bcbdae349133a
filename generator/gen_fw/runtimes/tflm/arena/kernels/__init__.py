# SPDX-License-Identifier: Apache-2.0
"""Scripts of all kernels: what each Init and Prepare takes from the arena."""

from __future__ import annotations

from gen_fw.model.types import Operator
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op
from gen_fw.runtimes.tflm.table import Registration

#: bytes that a kernel of the user's own may keep; nothing in the model tells
CUSTOM_OPERATOR_BYTES = 4096


def _custom_init(kernel: Kernel) -> None:
    kernel.keep(CUSTOM_OPERATOR_BYTES, "custom operators")


#: a kernel that the user brings
CUSTOM = Script(no_op, init=_custom_init, confidence="estimate")


def script_for(build: Build, operator: Operator, registration: Registration) -> Script:
    """The script of the kernel that ``build`` registers for an operator: that of its optimised
    kernels where they have one, else the reference kernel's."""
    from gen_fw.runtimes.tflm.arena.kernels.cmsis_nn import CMSIS_NN
    from gen_fw.runtimes.tflm.arena.kernels.esp_nn import ESP_NN
    from gen_fw.runtimes.tflm.arena.kernels.reference import REFERENCE

    name = registration.custom or registration.operator
    optimised = {"cmsis_nn": CMSIS_NN, "ethos_u": CMSIS_NN, "esp_nn": ESP_NN}
    script = optimised.get(build.kernels, {}).get(name)
    return script or REFERENCE[name]
