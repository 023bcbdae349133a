# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite Micro's arena, byte by byte, before anything runs: docs/arena.md."""
