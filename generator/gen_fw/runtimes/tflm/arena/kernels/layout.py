# SPDX-License-Identifier: Apache-2.0
"""Operators that move elements without computing: shapes, slices, padding, gathering, resizing
(reference kernels of tflite-micro 90b983c2; esp-tflite-micro 1.3.5 to 1.4.0 take the same)."""

from __future__ import annotations

from collections.abc import Mapping

from gen_fw.runtimes.tflm.arena.kernel import Kernel, Script, no_op
from gen_fw.runtimes.tflm.arena.kernels.shared import in_out, looks, own_dims, two_in_out


def depth_to_space(kernel: Kernel) -> None:
    """CalculateOpData of depth_to_space.cc."""
    kernel.temp("in0", "out0")
    batch, height, width, depth = kernel["in0"].shape
    size = max(1, kernel.option("block_size"))
    own_dims(kernel, batch, height * size, width * size, depth // size // size)
    kernel.free("in0", "out0")


def space_to_depth(kernel: Kernel) -> None:
    """Prepare of space_to_depth.cc."""
    kernel.temp("in0", "out0")
    batch, height, width, depth = kernel["in0"].shape
    size = max(1, kernel.option("block_size"))
    own_dims(kernel, batch, height // size, width // size, depth * size * size)
    kernel.free("in0", "out0")


def gather(kernel: Kernel) -> None:
    """GatherPrepare."""
    kernel.temp("in0", "in1", "out0")
    source, positions = kernel["in0"].shape, kernel["in1"].shape
    axis, batch = kernel.option("axis"), kernel.option("batch_dims")
    axis += len(source) if axis < 0 else 0
    batch += len(positions) if batch < 0 else 0
    own_dims(kernel, *source[:axis], *positions[batch:], *source[axis + 1 :])
    kernel.free("in0", "in1", "out0")


def gather_nd(kernel: Kernel) -> None:
    """GatherNdPrepare."""
    kernel.temp("in0", "in1", "out0")
    source, indices = kernel["in0"].shape, kernel["in1"].shape
    own_dims(kernel, *indices[:-1], *source[indices[-1] :])
    kernel.free("in0", "in1", "out0")


def embedding_lookup(kernel: Kernel) -> None:
    """EmbeddingLookUpPrepare. There is no Init: CalculateOpData keeps the operator data."""
    kernel.temp("in0", "in1", "out0")
    own_dims(kernel, kernel["in0"].shape[0], *kernel["in1"].shape[1:])
    kernel.keep_type("embedding_lookup.cc", "OpData")
    kernel.free("in0", "in1", "out0")


def mirror_pad(kernel: Kernel) -> None:
    """MirrorPadPrepare."""
    kernel.temp("in0", "in1", "out0")
    size = 4 * len(kernel["in0"].shape)
    kernel.scratch(size)
    kernel.scratch(size)
    kernel.free("in0", "in1", "out0")


LAYOUT: Mapping[str, Script] = {
    "BATCH_TO_SPACE_ND": Script(in_out, source="batch_to_space_nd.cc"),
    "BROADCAST_ARGS": Script(two_in_out, source="broadcast_args.cc"),
    "BROADCAST_TO": Script(two_in_out, source="broadcast_to.cc"),
    "DEPTH_TO_SPACE": Script(depth_to_space, source="depth_to_space.cc"),
    "DYNAMIC_UPDATE_SLICE": Script(
        looks("in0", "in1", "in2", "out0"), source="dynamic_update_slice.cc"
    ),
    "EMBEDDING_LOOKUP": Script(embedding_lookup, source="embedding_lookup.cc"),
    "EXPAND_DIMS": Script(two_in_out, source="expand_dims.cc"),
    "FILL": Script(two_in_out, source="fill.cc"),
    "GATHER": Script(gather, source="gather.cc"),
    "GATHER_ND": Script(gather_nd, source="gather_nd.cc"),
    "MIRROR_PAD": Script(mirror_pad, source="mirror_pad.cc"),
    "PACK": Script(no_op, source="pack.cc"),
    "PAD": Script(looks("in0", "in1", "in2", "out0"), source="pad_common.cc"),
    "PADV2": Script(looks("in0", "in1", "in2", "out0"), source="pad_common.cc"),
    # dims are kept only for a shape with -1, which no file that can be read has
    "RESHAPE": Script(in_out, source="reshape_common.cc"),
    "RESIZE_BILINEAR": Script(two_in_out, source="resize_bilinear.cc"),
    "RESIZE_NEAREST_NEIGHBOR": Script(two_in_out, source="resize_nearest_neighbor.cc"),
    "REVERSE_V2": Script(two_in_out, source="reverse.cc"),
    "SHAPE": Script(no_op, source="shape.cc"),
    "SLICE": Script(looks("in0", "in1", "in2", "out0"), source="slice.cc"),
    "SPACE_TO_BATCH_ND": Script(in_out, source="space_to_batch_nd.cc"),
    "SPACE_TO_DEPTH": Script(space_to_depth, source="space_to_depth.cc"),
    "SPLIT": Script(looks("in0"), source="split.cc"),
    "SPLIT_V": Script(looks("in2"), source="split_v.cc"),
    "SQUEEZE": Script(in_out, source="squeeze.cc"),
    "STRIDED_SLICE": Script(
        looks("in0", "in1", "in2", "in3", "out0"), source="strided_slice_common.cc"
    ),
    "TRANSPOSE": Script(two_in_out, source="transpose_common.cc"),
    "UNPACK": Script(no_op, source="unpack.cc"),
    "ZEROS_LIKE": Script(in_out, source="zeros_like.cc"),
}
