# SPDX-License-Identifier: Apache-2.0
"""Options of XMOS's ``xcore-opt`` that ``--compiler-option`` takes, and what is asked of it.

Source: ``xcore-opt --help-list-hidden`` of xmos-ai-tools 1.4.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gen_fw.boards.table import did_you_mean
from gen_fw.errors import UsageError

#: parameters inside the model's tables, behind a server on a channel (flash, or the other tile's
#: RAM), or in external memory that the cores address
Weights = Literal["inside", "server", "external"]

_PREFIX = "xcore-"
_COUNT = re.compile(r"[0-9]{1,10}")
_COUNTS = re.compile(r"[0-9]{1,5}(?:,[0-9]{1,5})*")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,9})?")
_NAMES = re.compile(r"[^\s\"'\\]{1,400}")
_FLAG = re.compile(r"true|false")
_KINDS: Mapping[re.Pattern[str], str] = {
    _COUNT: "a whole number",
    _COUNTS: "whole numbers, such as 0,7",
    _NUMBER: "a number, such as 0.5",
    _NAMES: "names of tensors",
    _FLAG: "true or false",
}
#: name -> what its value looks like
OPTIONS: Mapping[str, re.Pattern[str]] = {
    "xcore-thread-count": _COUNT,
    "xcore-conv-err-threshold": _NUMBER,
    "xcore-quadratic-lookup-error": _COUNT,
    "xcore-load-externally-if-larger": _COUNT,
    "xcore-max-load-external-size": _COUNT,
    "xcore-async-load-weights": _FLAG,
    "xcore-op-split-tensor-arena": _FLAG,
    "xcore-op-split-target-size": _COUNT,
    "xcore-op-split-top-op": _COUNTS,
    "xcore-op-split-bottom-op": _COUNTS,
    "xcore-op-split-num-splits": _COUNTS,
    "xcore-conv-channelwise-split-size": _COUNT,
    "xcore-conv-multiplier-factor": _COUNT,
    "xcore-force-conv-err-full-check": _FLAG,
    "xcore-allow-input-modification": _FLAG,
    "xcore-dont-minify": _FLAG,
    "xcore-merge-transpose": _FLAG,
    "xcore-try-overlap-modifying-ops": _FLAG,
    "xcore-enable-beta-float": _FLAG,
    "xcore-same-allocation-input-output-tensor": _NAMES,
}
#: options that gen-fw sets itself, or that no longer exist, and what to do instead
_NOT_HERE: Mapping[str, str] = {
    "xcore-weights-file": "--place model=flash, tile1 or lpddr",
    "xcore-write-weights-as-array": "--place model=tile1 or lpddr",
    "xcore-weights-in-external-memory": "--place model=lpddr",
    "xcore-naming-prefix": "--name",
    "xcore-target-arch": "the board",
    "xcore-flash-image-file": "--place model=flash (xcore-opt has this option no more)",
    "xcore-load-tile": "--place model=tile1 (xcore-opt has this option no more)",
    "xcore-reduce-memory": "nothing: xcore-opt has this option no more",
}
#: hardware threads that compute, of the eight of a tile: five use all of its instruction slots
THREADS = 5
_MOST_THREADS = 5
#: reading from the other tile's RAM needs so many (assertion in XC_ld_weights, lib_tflite_micro)
PARALLEL_THREADS = 4
SPLITS = ("xcore-op-split-top-op", "xcore-op-split-bottom-op", "xcore-op-split-num-splits")


@dataclass(frozen=True, slots=True)
class XformerSettings:
    """What is asked of xcore-opt. ``options``: its own names and values, checked."""

    weights: Weights = "inside"
    options: Mapping[str, str] = field(default_factory=dict)
    architecture: str = "XS3A"

    @property
    def threads(self) -> int:
        return int(self.options.get("xcore-thread-count", THREADS))

    @property
    def asynchronous(self) -> bool:
        return self.options.get("xcore-async-load-weights") == "true"

    def splitting(self, top: str, bottom: str, parts: str) -> XformerSettings:
        """The same with these operators split."""
        split = dict(zip(SPLITS, (top, bottom, parts), strict=True))
        options = {**self.options, "xcore-op-split-tensor-arena": "true", **split}
        return XformerSettings(self.weights, options, self.architecture)

    @property
    def splits(self) -> bool:
        return self.options.get("xcore-op-split-tensor-arena") == "true"

    def arguments(self, parameters: str = "params") -> list[str]:
        """Command-line options, but for input, output and prefix."""
        words = [f"--xcore-thread-count={self.threads}", f"--xcore-target-arch={self.architecture}"]
        for name, value in sorted(self.options.items()):
            if name == "xcore-thread-count" or value == "false":
                continue
            words.append(f"--{name}" if value == "true" else f"--{name}={value}")
        if self.weights != "inside":
            words.append(f"--xcore-weights-file={parameters}")
        if self.weights == "external":
            words += ["--xcore-write-weights-as-array", "--xcore-weights-in-external-memory"]
        return words


def checked(options: Mapping[str, str]) -> dict[str, str]:
    """``--compiler-option`` values under xcore-opt's own names; ``thread-count`` stands for
    ``xcore-thread-count``. Raises UsageError for what it does not have, or gen-fw decides."""
    result: dict[str, str] = {}
    for key, value in options.items():
        name = key if key.startswith(_PREFIX) else _PREFIX + key
        if name in _NOT_HERE:
            raise UsageError(
                f"--compiler-option {key}: gen-fw does not pass it on",
                hint=f"what decides is {_NOT_HERE[name]}",
            )
        if name not in OPTIONS:
            raise UsageError(
                f"--compiler-option: xcore-opt has no option {key!r:.80}",
                hint=did_you_mean(name, OPTIONS),
            )
        pattern = OPTIONS[name]
        if not pattern.fullmatch(value):
            raise UsageError(
                f"--compiler-option {key}: {value!r:.80} is not {_KINDS[pattern]}",
                hint="`xcore-opt --help` explains its options",
            )
        if name in result:
            raise UsageError(f"--compiler-option: {name} is given twice")
        result[name] = value
    threads = result.get("xcore-thread-count")
    if threads is not None and not 1 <= int(threads) <= _MOST_THREADS:
        raise UsageError(
            f"--compiler-option xcore-thread-count: {threads} threads",
            why=f"xcore-opt takes 1 to {_MOST_THREADS}",
        )
    if any(name in result for name in SPLITS) and "xcore-op-split-tensor-arena" not in result:
        result["xcore-op-split-tensor-arena"] = "true"
    return result
