# SPDX-License-Identifier: Apache-2.0
"""Weights of generated C in a section of their own, for memories that the linker fills by name."""

from __future__ import annotations

import re
from dataclasses import replace

from gen_fw.program import Program, Source

_DECLARATION = re.compile(r"^extern const [^;]+(?=;$)", re.MULTILINE)


def in_section(program: Program, section: str, defined: str) -> Program:
    """``program`` with its constant arrays in ``section`` where the compiler defines the macro
    ``defined``: their declarations say so. A program without weights stays as it is."""
    placed = f"{program.name.upper()}_PLACED"
    macro = f"""// where the weights lie
#ifdef {defined}
#define {placed} __attribute__((section("{section}")))
#else
#define {placed}
#endif

"""

    def changed(source: Source) -> Source:
        if source.path != f"{program.name}_weights.h":
            return source
        text, count = _DECLARATION.subn(rf"\g<0> {placed}", source.content.decode())
        first = text.find("extern const ")
        return replace(source, content=(text[:first] + macro * bool(count) + text[first:]).encode())

    return replace(program, sources=tuple(changed(source) for source in program.sources))
