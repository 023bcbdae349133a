# SPDX-License-Identifier: Apache-2.0
"""``gen-fw tvm tune``: searches schedules of a model's kernels by their instructions on an emulated
board. The room has the search, the database of what was measured, and the loop over both."""
