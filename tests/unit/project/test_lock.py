# SPDX-License-Identifier: Apache-2.0
"""The lock reads back as written, and a hostile or broken one is refused."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.errors import ConflictError, GenFwError
from gen_fw.project.lock import Entry, Lock, lock_bytes, parse_lock
from gen_fw.project.paths import check_paths, path_fault

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
VALUES = st.recursive(
    TEXT | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
RECEIPTS = st.dictionaries(TEXT.filter(lambda k: k not in ("file", "lock_version")), VALUES)
HASH = "0" * 64


@given(RECEIPTS)
def test_lock_reads_back(receipt: dict[str, object]) -> None:
    files = {"gen/a.c": Entry("ours", HASH), "ü b.md": Entry("shared", "f" * 64)}
    data = lock_bytes(Lock(receipt, files))
    assert parse_lock(data) == Lock(receipt, files)
    assert b"\r" not in data
    shuffled = Lock(dict(reversed(receipt.items())), dict(reversed(files.items())))
    assert lock_bytes(shuffled) == data
    assert parse_lock(data.replace(b"\n", b"\r\n")) == Lock(receipt, files)


@pytest.mark.parametrize("receipt", [{"file": 1}, {"lock_version": 2}, {"a": None}, {"a": 2**63}])
def test_receipts_that_toml_cannot_hold_are_refused(receipt: dict[str, object]) -> None:
    with pytest.raises(GenFwError):
        lock_bytes(Lock(receipt, {}))


def row(path: str, owner: str = "ours", sha256: str = HASH) -> str:
    return f"[[file]]\npath = '{path}'\nowner = '{owner}'\nsha256 = '{sha256}'\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lock_version = 99\n", "newer"),
        ("lock_version = 1\n<<<<<<< HEAD\n", "merge conflicts"),
        ("lock_version = 'x'\n", "damaged"),
        ("", "damaged"),
        ("lock_version = 1\nfile = 3\n", "damaged"),
        ("lock_version = 1\n[[file]]\npath = 1\n", "damaged"),
        ("lock_version = 1\n" + row("a", owner="root"), "damaged"),
        ("lock_version = 1\n" + row("a", sha256="x"), "damaged"),
        ("lock_version = 1\n" + row("../a"), "cannot be a file"),
        ("lock_version = 1\n" + row("/etc/passwd"), "cannot be a file"),
        ("lock_version = 1\n" + row(".git/hooks/post-checkout"), "cannot be a file"),
        ("lock_version = 1\n" + row(".gen-fw/base/a"), "cannot be a file"),
        ("lock_version = 1\n" + row("gen-fw.lock"), "cannot be a file"),
        ("lock_version = 1\n" + row("a/b") + row("A/b"), "clash"),
        ("lock_version = 1\n" + row("a") + row("a"), "clash"),
        ("lock_version = 1\na = " + "[" * 9999, "damaged"),
        ("lock_version = 1\n[", "damaged"),
        ("\0", "damaged"),
    ],
)
def test_bad_locks_are_refused(text: str, said: str) -> None:
    with pytest.raises(ConflictError, match=said):
        parse_lock(text.encode())


@given(st.binary(max_size=200) | TEXT.map(lambda text: f"lock_version = 1\n{text}".encode()))
def test_any_bytes_are_a_lock_or_a_conflict(data: bytes) -> None:
    try:
        lock = parse_lock(data)
    except ConflictError:
        return
    assert tomllib.loads(lock_bytes(lock).decode())["lock_version"] == 1


@pytest.mark.parametrize(
    "path",
    ["", "/a", "a//b", "a/", "./a", "a/../b", "..", "C:/a", "a\\b", "a\nb", "a.", "a ", "nul",
     "x/COM1.txt", "a*b", "u\u0308", "\ud800", "x" * 241, ".git/config", ".GIT/x", ".gen-fw/x",
     ".GEN-FW/x", "Gen-FW.lock", "lpt¹", "aux .c"],
)  # fmt: skip
def test_bad_paths(path: str) -> None:
    assert path_fault(path)
    with pytest.raises(GenFwError):
        check_paths([path], "plan")


def test_good_paths_and_clashes() -> None:
    check_paths(["a/b", "a/ü.c", ".gitignore", ".github/x.yml", "sub/gen-fw.lock", "nulls"], "plan")
    for clash in (["a", "a/b"], ["a/b", "A/c"], ["a", "A"], ["straße", "STRASSE"]):
        with pytest.raises(GenFwError, match="clash"):
            check_paths(clash, "plan")
