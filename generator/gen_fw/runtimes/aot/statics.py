# SPDX-License-Identifier: Apache-2.0
"""Functions that kernels bring along, and headers that they need."""

from __future__ import annotations

import re

_INCLUDE = re.compile(r"//@include (\S+)\n")
_STATIC = re.compile(r"//@static (\w+)\n(.*?)//@end\n", re.DOTALL)


class Statics:
    """Functions that kernels bring along, between lines ``//@static NAME`` and ``//@end`` of their
    text: equal ones once, ``$NAME$`` in a text is the name that one got."""

    def __init__(self) -> None:
        #: text with $NAME$ -> text
        self.texts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        #: headers of libraries, named by lines ``//@include "NAME"``
        self.includes: dict[str, None] = {}

    def separated(self, text: str) -> str:
        """The kernel alone, its functions moved to ``texts``."""

        def moved(match: re.Match[str]) -> str:
            word, body = match[1], match[2]
            for known, number in given.items():
                body = body.replace(f"${known}$", number)
            if body not in self.texts:
                used = sum(name.startswith(f"{word}_") for name in self._names.values())
                self._names[body] = f"{word}_{used}"
                self.texts[body] = body.replace(f"${word}$", self._names[body])
            given[word] = self._names[body]
            return ""

        self.includes |= dict.fromkeys(_INCLUDE.findall(text))
        text = _INCLUDE.sub("", text)
        given: dict[str, str] = {}
        rest = _STATIC.sub(moved, text)
        for word, number in given.items():
            rest = rest.replace(f"${word}$", number)
        return rest
