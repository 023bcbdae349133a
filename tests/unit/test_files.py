# SPDX-License-Identifier: Apache-2.0
"""Files that a user names: every reader is bounded, and never waits on a FIFO."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gen_fw.boards.load import load_board
from gen_fw.errors import ModelError, UsageError
from gen_fw.files import read_regular
from gen_fw.model.reader import read_model
from gen_fw.project.labels import labels_text, read_labels

READERS: tuple[Callable[[Path], object], ...] = (load_board, read_model, read_labels)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    (tmp_path / "link").symlink_to(file)
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(ModelError, match="the thing has 5 bytes, more than the limit of 4"):
        read_regular(file, 4, what="thing", too_large=ModelError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_what_is_no_file_is_one_clear_error(tmp_path: Path, read: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "fifo.toml")
    (tmp_path / "folder.toml").mkdir()
    for name, words in (
        ("fifo.toml", "not a regular file"),
        ("folder.toml", "a folder"),
        ("absent.toml", "no such file"),
        ("x" * 300 + ".toml", "cannot read"),
    ):
        with pytest.raises(UsageError, match=words):
            read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        ("a\nb\n\n", ("a", "b")),
        ("\ufeffyes\r\nno\r\n", ("yes", "no")),
        ("\n second \n", ("", "second")),
        # only line feeds end a label: other separators of Unicode stand inside it
        ("x\u2028y\nz\x0c", ("x\u2028y", "z")),
        ('"; system("x"); //\\\n??/', ('"; system("x"); //\\', "??/")),
    ],
)
def test_labels(tmp_path: Path, content: str, labels: tuple[str, ...]) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes(content.encode())
    assert read_labels(file) == labels
    file.write_bytes(labels_text(labels))
    assert read_labels(file) == labels


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        ("ä\n".encode("latin-1"), "not UTF-8"),
        ("a\nb\n".encode("utf-16"), "not UTF-8"),
        (b"a\0b\n", "control characters"),
        (b"\x1b[31mred\n", "control characters"),
        (b"a\n" * (1 << 20), "more than the limit"),
    ],
)
def test_what_is_no_label_file(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(UsageError, match=words):
        read_labels(tmp_path / "labels.txt")
