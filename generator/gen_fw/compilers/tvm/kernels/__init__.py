# SPDX-License-Identifier: Apache-2.0
"""The kernels in TVM's TE and TIR. Only ``kernels_child.py`` imports this room: it imports TVM."""
