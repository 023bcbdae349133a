# SPDX-License-Identifier: Apache-2.0
"""No sequence of commands and edits loses a text of the user."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gen_fw.errors import ConflictError
from gen_fw.project.check import check
from gen_fw.project.plan import chunks
from gen_fw.project.writer import recover, write
from project_plans import project, tree
from writer_steps import killed_at, restore, without_fsync


@pytest.fixture(autouse=True)
def _without_fsync() -> Iterator[None]:
    without_fsync()
    yield
    restore()


PATHS = sorted({item.path for version in (1, 2) for item in project(version).files})
OWNERS = {item.path: item.owner for version in (1, 2) for item in project(version).files}


class Edits(RuleBasedStateMachine):
    """Any sequence of generating, editing, deleting, forcing and dying: a text of the user that he
    did not remove himself is in place or saved, and refusing changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.out = Path(self.folder.name, "proj")
        #: text of the user -> where he wrote it
        self.mine: dict[bytes, str] = {}
        self.number = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize()
    def start(self) -> None:
        write(project(1), self.out)

    def _forget(self, path: str) -> None:
        """The user removes what is at ``path``; copies that were saved stay."""
        place = self.out / path
        if place.exists() and place.read_bytes() in self.mine:
            del self.mine[place.read_bytes()]

    @rule(path=st.sampled_from(PATHS))
    def edit(self, path: str) -> None:
        self._forget(path)
        self.number += 1
        text = f"edit {self.number}\n".encode()
        (self.out / path).parent.mkdir(parents=True, exist_ok=True)
        (self.out / path).write_bytes(text)
        self.mine[text] = path

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path: str) -> None:
        self._forget(path)
        (self.out / path).unlink(missing_ok=True)

    @rule(version=st.sampled_from([1, 2]), force=st.booleans())
    def generate(self, version: int, force: bool) -> None:
        before = tree(self.out)
        try:
            changes = write(project(version), self.out, force=force)
        except ConflictError:
            assert not force
            assert tree(self.out) == before
            return
        wanted = {item.path: b"".join(chunks(item.content)) for item in project(version).files}
        after = tree(self.out)
        for path, content in wanted.items():
            if OWNERS[path] == "ours":
                assert after[path] == content
            elif path in before:  # edited, or as it was generated
                edited = before[path] in self.mine or OWNERS[path] == "yours"
                assert after[path] == (before[path] if edited else content)
        for change in changes.files:
            if change.action in ("keep", "unchanged"):
                assert after.get(change.path) == before.get(change.path)
            if change.action == "delete":
                assert change.path not in after
        for finding in check(self.out).drift:  # what is no longer or was never generated
            assert after[finding.path] in self.mine and finding.path not in wanted

    @rule(version=st.sampled_from([1, 2]), force=st.booleans(), at=st.integers(0, 150))
    def die(self, version: int, force: bool, at: int) -> None:
        killed_at(at, lambda: write(project(version), self.out, force=force))
        recover(self.out)

    @invariant()
    def no_edit_is_lost(self) -> None:
        found = set(tree(self.out).values())
        for text in self.mine:
            assert text in found
        assert not (self.out / ".gen-fw/journal").exists()


TestEdits = Edits.TestCase
TestEdits.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
