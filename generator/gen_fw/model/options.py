# SPDX-License-Identifier: Apache-2.0
"""Option classes of the union BuiltinOptions, such as ``Conv2DOptions``; made on first use. Those
of BuiltinOptions2 are reachable here too."""

from __future__ import annotations

from gen_fw.model.option_classes import Options, option_class, option_names

__all__ = ["Options"]


def __getattr__(name: str) -> type[Options]:
    if name in option_names("BuiltinOptions") or name in option_names("BuiltinOptions2"):
        return option_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
