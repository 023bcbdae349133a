# SPDX-License-Identifier: Apache-2.0
"""What the compiler hands to the writer of archives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of the model; it lies ``offset`` bytes behind the begin of the pool."""

    #: as the model calls it, any text
    name: str
    #: numpy's name of the element type
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """A model as C sources.

    They define ``int32_t tvmgen_<name>___tvm_main__(uint8_t *pool)``: one inference in
    ``workspace_bytes`` bytes of ``pool``, aligned to 16, in which inputs and outputs lie too.
    """

    #: name of the module: [a-z][a-z0-9_]*
    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    workspace_bytes: int
    constant_bytes: int
    #: C files by their name without the module's, "lib1.c" ...
    sources: Mapping[str, str]
    #: kernels: (name of the C function, bytes of the pool that it uses for itself)
    functions: tuple[tuple[str, int], ...]
    #: for people and for the lock: version of TVM, layout, operators computed in float, ...
    report: Mapping[str, Any] = field(default_factory=dict)
