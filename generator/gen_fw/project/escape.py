# SPDX-License-Identifier: Apache-2.0
"""One escaping function per language: the only way for a model's text into a generated file.

Text is any ``str`` (tensor names, labels, descriptions of an untrusted model). Exact functions
(C string, JSON, TOML, YAML) give the consumer back the same text, lone surrogates aside; the
others (C comment, CMake, Markdown) show what cannot be carried as a visible substitute.
"""

from __future__ import annotations

import json
import re
import unicodedata

from gen_fw.errors import UsageError

_REPLACEMENT = "\ufffd"
_PRINTABLE_C = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\?')
_MAKE_VALUE = re.compile(r"[A-Za-z0-9_./+=,@-]*")


def c_string(text: str) -> str:
    """A C or C++ string literal, quotes included, of the UTF-8 bytes of ``text``.

    Octal escapes have three digits, so a digit may follow; ``?`` is escaped against trigraphs. An
    embedded NUL stays in the literal.
    """
    body = "".join(
        chr(byte) if byte in _PRINTABLE_C else f"\\{byte:03o}" for byte in _scalar(text).encode()
    )
    return f'"{body}"'


def c_comment(text: str) -> str:
    """One line of printable ASCII that neither ends nor opens a comment, nor splices a line.

    The template puts a blank on either side, in ``/* */`` as well as after ``//``.
    """
    body = "".join(
        char if " " <= char <= "~" and char != "\\" else f"<U+{ord(char):04X}>" for char in text
    )
    # a blank inside every */, /* and ??, overlapping ones included
    return re.sub(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)", " ", body)


def cmake_string(text: str) -> str:
    """A CMake quoted argument, quotes included, in which nothing is evaluated.

    A ``;`` stays as it is: pass the value on quoted, as CMake splits unquoted ones.
    """
    body = re.sub(r'([\\"$@])', r"\\\1", _visible(text, keep="\t\n"))
    return '"' + body.replace("\t", "\\t").replace("\n", "\\n") + '"'


def make_value(text: str) -> str:
    """``text`` itself when it means nothing to make or to a shell, for the right of ``:=``.

    Raises UsageError otherwise: a model's names have no place in a Makefile.
    """
    if not _MAKE_VALUE.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot stand in a Makefile",
            why="only letters, digits and the signs _ . / + = , @ - are safe there",
        )
    return text


def json_string(text: str) -> str:
    """A JSON string, quotes included, in ASCII."""
    return json.dumps(_scalar(text))


def toml_string(text: str) -> str:
    """A TOML basic string, quotes included, in ASCII."""
    return _quoted(text)


def yaml_string(text: str) -> str:
    """A YAML double-quoted scalar, quotes included, in ASCII."""
    return _quoted(text)


def markdown(text: str) -> str:
    """Markdown text without markup, links, HTML or line breaks, in a paragraph or a table cell."""
    body = " ".join(_visible(text).split())
    body = body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = re.sub(r"([\\`*_\[\]|~$!#@])", r"\\\1", body)
    # autolinks of GitHub: scheme://..., www.…, and :emoji:
    body = re.sub(r"(?i)(?<=www)\.|:", lambda found: f"\\{found[0]}", body)
    # markers that make a list, a heading or a rule only at the start of a line
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", body)


def markdown_code(text: str, *, cell: bool = False) -> str:
    """A Markdown code span that shows ``text``; ``cell`` for one inside a table."""
    body = " ".join(_visible(text).split())
    if not body:
        return ""
    if cell:
        body = body.replace("|", "\\|")
    fence = "`" * (max(map(len, re.findall("`+", body)), default=0) + 1)
    # CommonMark strips one blank on either side
    pad = " " if body[0] == "`" or body[-1] == "`" else ""
    return f"{fence}{pad}{body}{pad}{fence}"


def xml(text: str) -> str:
    """XML character data or a part of a quoted attribute: no markup, no entity, one line, and only
    characters that XML 1.0 allows."""
    body = " ".join(_visible(text).split())
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        body = body.replace(char, entity)
    return body.replace("'", "&#39;")


def _scalar(text: str) -> str:
    """``text`` with lone surrogates replaced, so that it can be encoded."""
    return re.sub("[\ud800-\udfff]", _REPLACEMENT, text)


def _quoted(text: str) -> str:
    """The common subset of TOML basic strings and YAML double-quoted scalars."""

    def escaped(char: str) -> str:
        if char in '"\\':
            return f"\\{char}"
        if " " <= char <= "~":
            return char
        return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"

    return '"' + "".join(map(escaped, _scalar(text))) + '"'


def _visible(text: str, keep: str = "") -> str:
    """``text`` with what no reader sees replaced by U+FFFD: controls (Cc), formats such as bidi
    overrides (Cf), surrogates, unassigned and line separators; white space becomes a blank."""

    def shown(char: str) -> str:
        if char in keep or " " <= char <= "~":
            return char
        if char in "\t\n\r\v\f\u2028\u2029":
            return " "
        hidden = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Co")
        return _REPLACEMENT if hidden else char

    return "".join(map(shown, text))
