# SPDX-License-Identifier: Apache-2.0
"""Escaped text meets its real consumer: compilers, cmake, make, parsers. Nothing may execute."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gen_fw.errors import UsageError
from gen_fw.project import escape

HOSTILE = [
    "",
    'a"; system("touch PWNED"); //',
    "*/ int pwned; /*",
    "/*/",
    "**//**/",
    "ends with \\",
    "line\\\nspliced",
    "??/",
    "what???/",
    "??=define X",
    "\0nul\x01\x7f",
    "0\x0012",
    "\u202edesrever\u2066",
    "\u2028\u2029\x85",
    "\ud800",
    "\U0001f600ü日本",
    "${CMAKE_VERSION} $ENV{HOME} @CMAKE_VERSION@ $<1:x>",
    '")\nfile(WRITE PWNED x)\n#',
    "]==] [[ a;b \\; \\",
    "$(shell touch PWNED)",
    "`touch PWNED`",
    "#!/bin/sh",
    "{{ 7*7 }}{% raw %}",
    "<script>alert(1)</script>",
    "[x](javascript:1) ![y](z) <http://a.b> www.a.b http://a.b :smile: a@b.c",
    "| a | b |",
    "1. x",
    "- x",
    "# x",
    "= x",
    "``` ` ``",
    "~~a~~ **b** _c_ &amp; \\*",
    "    code",
    "key: [a, *b, &c] # !d %e",
    "\r\n\t\v\f",
]
TEXT = st.lists(st.text(max_size=8) | st.sampled_from(HOSTILE), max_size=4).map("".join)
BATCH = st.lists(TEXT, min_size=150, max_size=150)
few = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
#: what no reader sees, and consumers may read as a line end
HIDDEN = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def scalar(text: str) -> str:
    return "".join("\ufffd" if unicodedata.category(char) == "Cs" else char for char in text)


def clear(texts: list[str]) -> list[str]:
    return ["".join(c for c in text if unicodedata.category(c) not in HIDDEN) for text in texts]


@pytest.mark.parametrize("compiler", [["gcc", "-std=c99"], ["g++", "-std=c++14"]])
def test_c_strings_and_comments(compiler: list[str], tmp_path: Path) -> None:
    """-std=c99 and c++14 still know trigraphs. Strings come back byte by byte; comments hide only
    themselves, or a declaration between them would be missing."""

    @few
    @given(BATCH)
    def run(texts: list[str]) -> None:
        texts = HOSTILE + texts
        lines = ["#include <stdio.h>", "int main(void) {"]
        for number, text in enumerate(texts):
            comment = escape.c_comment(text)
            assert comment.isascii() and comment.isprintable()
            lines += [
                f"  static const char s{number}[] = {escape.c_string(text)};",
                f"  /* {comment} */ int a{number} = 1; // {comment}",
                f"  int b{number} = a{number}; /** {comment} */",
                f"  for (unsigned i = 0; i + b{number} < sizeof s{number}; ++i)",
                f'    printf("%02x", (unsigned)(unsigned char)s{number}[i]);',
                '  printf("\\n");',
            ]
        source, program = tmp_path / "text.c", tmp_path / "text"
        source.write_text("\n".join([*lines, "  return 0;", "}"]) + "\n")
        warnings = ["-Wall", "-Wextra", "-Werror", "-Wcomment", "-Wtrigraphs", "-pedantic"]
        subprocess.run([*compiler, *warnings, source, "-o", program], check=True, cwd=tmp_path)
        out = subprocess.run([program], capture_output=True, check=True, text=True).stdout
        assert out.split("\n")[:-1] == [scalar(text).encode().hex() for text in texts]
        assert not (tmp_path / "PWNED").exists()

    run()


@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake")
def test_cmake_strings(tmp_path: Path) -> None:
    @few
    @given(BATCH)
    def run(texts: list[str]) -> None:
        texts = HOSTILE + texts
        script = tmp_path / "text.cmake"
        for policy in ("", "cmake_minimum_required(VERSION 3.16)\n"):
            exact = [f"{text}\t\n" for text in clear(texts)]
            lines = [f"set(v {escape.cmake_string(text)})" for text in exact + texts]
            # string(HEX) came with CMake 3.18
            show = '\nstring(HEX "${v}" hex)\nmessage("${hex}")\n'
            script.write_text(policy + show.join(lines) + show)
            command = ["cmake", "-P", str(script)]
            result = subprocess.run(command, capture_output=True, cwd=tmp_path, text=True)
            assert result.returncode == 0, result.stderr
            hexes = result.stderr.split("\n")
            assert hexes[: len(exact)] == [text.encode().hex() for text in exact]
            assert len(hexes) == len(exact) + len(texts) + 1
        assert not (tmp_path / "PWNED").exists()

    run()


def test_make_values(tmp_path: Path) -> None:
    @few
    @given(st.lists(TEXT | st.from_regex(r"[A-Za-z0-9_./+=,@-]{0,9}", fullmatch=True)))
    def run(texts: list[str]) -> None:
        values = []
        for text in [*texts, *HOSTILE]:
            try:
                values.append(escape.make_value(text))
            except UsageError:
                assert not text.isalnum() or not text.isascii()
        lines = [f"V := {value}\n$(info [$(V)])" for value in values]
        (tmp_path / "Makefile").write_text("\n".join([*lines, "all: ; @:"]))
        out = subprocess.run(["make", "-s"], cwd=tmp_path, capture_output=True, text=True)
        assert out.stdout.split("\n")[:-1] == [f"[{value}]" for value in values]
        assert not (tmp_path / "PWNED").exists()

    run()


@given(TEXT)
def test_json_toml_yaml(text: str) -> None:
    yaml = pytest.importorskip("yaml")
    assert json.loads(escape.json_string(text)) == scalar(text)
    for key in (escape.toml_string, escape.yaml_string):
        assert key(text).isascii() and key(text).isprintable()
    assert tomllib.loads(f"a = {escape.toml_string(text)}") == {"a": scalar(text)}
    assert yaml.safe_load(f"a: {escape.yaml_string(text)} # b") == {"a": scalar(text)}


@settings(deadline=None)
@given(st.lists(TEXT, max_size=3))
def test_markdown(texts: list[str]) -> None:
    """Only text and code spans come out of a parser, with the text that went in."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    for text in clear([*texts, *HOSTILE]):
        plain = " ".join(text.split())
        span = escape.markdown_code(text)
        assert content(parser, f"{escape.markdown(text)}\n") == [("text", plain)] * bool(plain)
        assert content(parser, span) == [("code_inline", plain)] * bool(plain)
        row = f"| a | b |\n|---|---|\n| {escape.markdown(text)} | "
        cells = content(parser, row + escape.markdown_code(text, cell=True) + " |")
        assert [text for _, text in cells[2:]] == [plain, plain] * bool(plain)


def content(parser: object, source: str) -> list[tuple[str, str]]:
    """(kind, text) of every run of inline content; runs of text are joined."""
    runs: list[tuple[str, str]] = []
    for token in parser.parse(source):  # type: ignore[attr-defined]
        assert token.type.split("_")[0] in (
            "paragraph", "inline", "table", "thead", "tbody", "tr", "th", "td",
        ), token  # fmt: skip
        cell = [(child.type, child.content) for child in token.children or ()]
        assert {kind for kind, _ in cell} <= {"text", "text_special", "code_inline"}, cell
        if cell and "code_inline" not in {kind for kind, _ in cell}:
            cell = [("text", "".join(text for _, text in cell))]
        runs += [(kind, text) for kind, text in cell if text]
    return runs
