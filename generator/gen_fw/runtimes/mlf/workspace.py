# SPDX-License-Identifier: Apache-2.0
"""How much TVMBackendAllocWorkspace gives out at once, and how deep the stack gets.

Kernels and the main function take blocks and give them back, the last one first, in straight
lines (src/tir/transforms/lower_tvm_builtin.cc): walking the calls in the order of the text gives
the peak exactly. Blocks are aligned to 16 bytes, as in TVM's own stack allocator
(src/runtime/crt/memory/stack_allocator.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gen_fw.archive.types import Code, Function, Module
from gen_fw.memory.buffers import align
from gen_fw.runtimes.mlf.entry import calls

_ALLOC = re.compile(
    r"\b(\w{1,250})\s*=\s*TVMBackendAllocWorkspace\(([^,;]{1,40}),([^,;]{1,40}),([^,;]{1,80}),"
)
_ANY_ALLOC = "TVMBackendAllocWorkspace("
_FREE = re.compile(r"TVMBackendFreeWorkspace\([^,;]{1,40},[^,;]{1,40},\s*(\w+)\s*\)")
_SIZE = re.compile(r"\s*(?:\(\s*u?int64_t\s*\)\s*)?\(?\s*(\d{1,12})(?:[uUlL]*)\s*\)?\s*")
_LOCAL = re.compile(
    r"^ +(float|double|half|bool|u?int(?:8|16|32|64)_t|TVMValue) \w{1,250}\[(\d{1,9})\];",
    re.MULTILINE,
)
_LOCAL_BYTES = {"float": 4, "double": 8, "half": 2, "bool": 1, "TVMValue": 8}
#: saved registers and spilled values of one function, roughly
_FRAME = 256


@dataclass(frozen=True, slots=True)
class Workspace:
    """``bytes`` at once in ``blocks``; ``exact`` unless the text could not be followed."""

    bytes: int
    blocks: int
    exact: bool


def workspace(module: Module, entry: str) -> Workspace | None:
    """What the allocator must have; None when nothing calls it."""
    texts = {
        f.name: source.text[f.start : f.end] for source in module.sources for f in source.functions
    }
    sites = sum(source.text.count(_ANY_ALLOC) for source in module.sources)
    if not sites:
        return None
    walk = _Walk(texts)
    peak, blocks = walk.peak(entry)
    if walk.followed:
        return Workspace(peak, blocks, exact=True)
    # TVM's own number, and what aligning may add
    told = module.header.workspace_bytes if module.header else None
    return Workspace(align(max(told or 0, module.workspace_bytes)) + 16 * sites, sites, exact=False)


class _Walk:
    """The peak of each function, its callees included."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts, self.names = texts, frozenset(texts)
        self.known: dict[str, tuple[int, int]] = {}
        #: False after anything that the walk does not understand
        self.followed = True

    def peak(self, name: str, above: tuple[str, ...] = ()) -> tuple[int, int]:
        if name in self.known:
            return self.known[name]
        if name in above or len(above) > 8:
            self.followed = False
            return 0, 0
        live: list[tuple[str, int]] = []
        most = blocks = 0
        for _, kind, value, size in self._events(self.texts[name]):
            if kind == "alloc":
                live.append((value, size))
            elif kind == "free":
                if not live or live[-1][0] != value:
                    self.followed = False
                elif live:
                    live.pop()
            below = self.peak(value, (*above, name)) if kind == "call" else (0, 0)
            most = max(most, sum(size for _, size in live) + below[0])
            blocks = max(blocks, len(live) + below[1])
        if live:
            self.followed = False
        self.known[name] = most, blocks
        return most, blocks

    def _events(self, text: str) -> list[tuple[int, str, str, int]]:
        events = [(at, "call", callee, 0) for at, callee in calls(text, self.names)]
        allocations = 0
        for match in _ALLOC.finditer(text):
            size = _SIZE.fullmatch(match[4])
            self.followed = self.followed and size is not None
            events.append((match.start(), "alloc", match[1], align(int(size[1])) if size else 0))
            allocations += 1
        self.followed = self.followed and allocations == text.count(_ANY_ALLOC)
        events += [(match.start(), "free", match[1], 0) for match in _FREE.finditer(text)]
        return sorted(events)


def stack_bytes(module: Module) -> int:
    """An estimate of the stack of an inference: local arrays of the main function and of the
    deepest kernel, and a frame for each."""
    sizes = sorted(
        (_locals(source, function) for source in module.sources for function in source.functions),
        reverse=True,
    )
    return align(sum(sizes[:3]) + 4 * _FRAME)


def _locals(source: Code, function: Function) -> int:
    total = 0
    for kind, count in _LOCAL.findall(source.text, function.start, function.end):
        width = _LOCAL_BYTES.get(kind) or int(kind.strip("uint_")) // 8
        total += width * int(count)
    return total
