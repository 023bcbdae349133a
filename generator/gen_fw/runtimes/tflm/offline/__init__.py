# SPDX-License-Identifier: Apache-2.0
"""A better memory plan than TFLM's own, written into the model: docs/arena.md."""
