# SPDX-License-Identifier: Apache-2.0
"""Names of programs are identifiers everywhere, and never share a symbol."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.errors import UsageError
from gen_fw.project.names import (
    API_WORDS,
    check_function,
    check_name,
    check_unique,
    macro,
    program_names,
    slug,
)
from gen_fw.project.paths import path_fault
from gen_fw.resources import templates_root

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z0-9]{1,6}){0,2}", fullmatch=True)


@given(st.text() | st.sampled_from(["Über-Net (int8)", "3d", "int", "CON", "a__b", "x" * 99, ""]))
def test_every_text_has_a_usable_name(text: str) -> None:
    name = slug(text)
    assert check_name(name) == name == slug(name)
    assert len(name) <= 32
    assert not path_fault(f"gen/{name}/model.tflite")


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("MobileNet-v2 (int8)", "mobilenet_v2_int8"),
        ("kws_ref_model", "kws_ref_model"),
        ("1dcnn", "model_1dcnn"),
        ("Größe", "groe"),
        ("日本", "model"),
        ("while", "model_while"),
        ("gen_fw_status", "model_gen_fw_status"),
    ],
)
def test_slugs_are_stable(stem: str, name: str) -> None:
    assert slug(stem) == name


@pytest.mark.parametrize(
    "text",
    ["", "A", "a__b", "_a", "a_", "a-b", "x" * 33, "int", "and_eq", "main", "nul", "gen_fw_x"],
)
def test_unusable_names_are_refused_with_one_that_works(text: str) -> None:
    with pytest.raises(UsageError) as error:
        check_name(text)
    assert check_name(error.value.hint.removeprefix("try "))


@pytest.mark.parametrize("standard", ["-std=c99", "-std=c2x", "-std=c++17", "-std=c++20"])
def test_names_are_identifiers_to_the_compiler(standard: str, tmp_path: Path) -> None:
    """Words that any of the standards reserves, slugged, compile as variables in all of them."""
    words = "int auto nullptr concept co_await xor not_eq alignas typeof linux unix main std errno"
    lines = [f"extern int {slug(word)};\nint {slug(word)} = 0;" for word in words.split()]
    source = tmp_path / ("names.cc" if "++" in standard else "names.c")
    source.write_text("#include <errno.h>\n#include <stdlib.h>\n" + "\n".join(lines))
    compiler = "g++" if "++" in standard else "gcc"
    command = [compiler, standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(source)]
    assert subprocess.run(command, capture_output=True).stderr == b""


@given(st.lists(NAMES, max_size=4), st.lists(st.sampled_from(sorted(API_WORDS)), max_size=3))
def test_accepted_names_never_share_a_symbol(names: list[str], words: list[str]) -> None:
    names += [f"{name}_{word}0" for name in names for word in words]
    symbols = [f"{n}_{w}{d}" for n in names for w in API_WORDS for d in ("", "0", "0_bytes")]
    try:
        check_unique(names)
    except UsageError:
        return
    assert len(set(symbols)) == len(symbols)


def test_collisions_are_refused_and_neighbours_are_not() -> None:
    check_unique(["kws", "kws_v2", "kws2", "vww"])
    for pair in (["a", "a"], ["a", "a_input0"], ["a_output1_x", "a"], ["net", "net_init"]):
        with pytest.raises(UsageError):
            check_unique(pair)


def test_names_or_slugs_one_for_each_model() -> None:
    assert program_names(["KWS", "a.b"]) == ("kws", "a_b")
    assert program_names(["KWS", "x"], ["one", "two"]) == ("one", "two")
    assert macro("a_b") == "A_B"
    for stems, names in ((["a", "b"], ["x"]), (["model", "Model"], []), (["a"], ["Bad"])):
        with pytest.raises(UsageError):
            program_names(stems, names)


def test_templates_generate_only_symbols_that_uniqueness_knows() -> None:
    used = set()
    for template in templates_root().rglob("*.j2"):
        text = template.read_text()
        used |= set(re.findall(r"\{\{ ?(?:p|program)\.name ?\}\}_([a-z]+)", text))
    assert used
    assert used <= API_WORDS


@pytest.mark.parametrize(
    "text", ["", "9a", "a b", 'a();system("x")', "a\n", "int", "class", "my::Op", "ä", "a" * 64]
)
def test_a_function_is_an_identifier_of_c_and_cpp(text: str) -> None:
    assert check_function("Register_MY_OP") == "Register_MY_OP"
    with pytest.raises(UsageError, match="C function"):
        check_function(text)
