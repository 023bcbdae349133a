# SPDX-License-Identifier: Apache-2.0
"""The TensorFlow Lite Micro interpreter as a runtime."""

from gen_fw.runtimes.tflm.lower import TflmOptions, lower, resolver_call
from gen_fw.runtimes.tflm.support import Reason, check

__all__ = ["Reason", "TflmOptions", "check", "lower", "resolver_call"]
