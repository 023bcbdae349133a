# SPDX-License-Identifier: Apache-2.0
"""The process dies, or the system refuses, at every single step of writing: the project is the old
one or the new one, and no edit is lost."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gen_fw.errors import ConflictError, GenFwError
from gen_fw.project import folder as folder_module
from gen_fw.project.check import check
from gen_fw.project.plan import Chunks, ProjectPlan
from gen_fw.project.writer import recover, write
from project_plans import file, plan, project, tree

Step = Callable[[int, str, Callable[..., Any], tuple[Any, ...]], None]


class Steps:
    """Stands for the module ``os`` in the one module that touches projects, and calls ``step``
    with (number, name, function, arguments) before every call that changes the file system.
    fsync does nothing else: it makes no difference to a process that dies, only to a machine."""

    _CHANGING = frozenset(["write", "fsync", "rename", "unlink", "mkdir", "rmdir"])

    def __init__(self, step: Step) -> None:
        self.step = step
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        function = getattr(os, name)
        if name not in self._CHANGING and name != "open":
            return function

        def call(*args: Any, **kwargs: Any) -> Any:
            if name != "open" or args[1] & os.O_CREAT:
                self.count += 1
                self.step(self.count - 1, name, function, args)
            return None if name == "fsync" else function(*args, **kwargs)

        return call


@pytest.fixture(autouse=True)
def _without_fsync() -> Iterator[None]:
    folder_module.os = Steps(lambda *_: None)  # type: ignore[assignment,misc]
    yield
    folder_module.os = os  # type: ignore[misc]


def stepping(step: Step, work: Callable[[], object]) -> int:
    """Do ``work`` with ``step`` before each change; how many changes there were."""
    steps = Steps(step)
    folder_module.os = steps  # type: ignore[assignment,misc]
    try:
        work()
    finally:
        folder_module.os = Steps(lambda *_: None)  # type: ignore[assignment,misc]
    return steps.count


def count_steps(work: Callable[[], object]) -> int:
    return stepping(lambda *_: None, work)


def child(work: Callable[[], object]) -> int:
    """Start a process that does ``work``; its id."""
    if pid := os.fork():
        return pid
    try:
        work()
    finally:
        os._exit(0)


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that kills itself at a step; whether it got that far. A write that
    is cut short leaves half of its block."""

    def step(count: int, name: str, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        if count == number:
            if name == "write":
                function(args[0], args[1][: len(args[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = os.waitpid(child(lambda: stepping(step, work)), 0)
    return os.WIFSIGNALED(status)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "proj"


@pytest.fixture
def trees(tmp_path: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The project of version 1, and what version 2 makes of it."""
    write(project(1), tmp_path / "expected")
    old = tree(tmp_path / "expected")
    write(project(2), tmp_path / "expected")
    return old, tree(tmp_path / "expected")


def fresh(out: Path, edited: bool = False) -> None:
    """A project of version 1, copied from the first one that was made."""
    template = out.parent / "template"
    if not template.exists():
        write(project(1), template)
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(template, out)
    if edited:
        (out / "gen/a/same.c").write_text("mine\n")
        (out / "gen/a/data.c").write_text("mine as well\n")


def test_killed_at_every_step(out: Path, trees: Any) -> None:
    fresh(out)
    total = count_steps(lambda: write(project(2), out))
    seen = []
    for number in range(total):
        fresh(out)
        assert killed_at(number, lambda: write(project(2), out))
        recover(out)
        seen.append(trees.index(tree(out)))
        assert not recover(out)
        if number % 8 == 0:
            write(project(2), out)
            assert tree(out) == trees[1]
    # the old project up to one step, the new one from then on
    assert seen == sorted(seen) and {0, 1} == set(seen) and seen.count(0) > 60


def test_first_generation_killed(out: Path, trees: Any) -> None:
    total = count_steps(lambda: write(project(1), out))
    for number in range(0, total, 2):
        shutil.rmtree(out, ignore_errors=True)
        assert killed_at(number, lambda: write(project(1), out))
        recover(out)
        assert tree(out) in ({}, trees[0])
        if number % 8 == 0:
            write(project(1), out)
            assert tree(out) == trees[0]


def test_undoing_killed_at_every_step(out: Path, trees: Any) -> None:
    fresh(out)
    total = count_steps(lambda: write(project(2), out))
    for number in range(total // 2, total, 9):
        step = 0
        while True:
            fresh(out)
            killed_at(number, lambda: write(project(2), out))
            if not killed_at(step, lambda: recover(out)):
                break
            recover(out)
            assert tree(out) in trees
            step += 3


@pytest.mark.parametrize("dead", [False, True], ids=["once", "from then on"])
def test_refused_at_every_step(out: Path, trees: Any, dead: bool) -> None:
    """Disk full, no permission, an I/O error: once, or at every later step as well."""
    fresh(out)
    total = count_steps(lambda: write(project(2), out))
    for number in range(0, total, 3 if dead else 1):
        reason = (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EIO)[number // 3 % 4]

        def step(count: int, *_: Any, at: int = number, why: int = reason) -> None:
            if count == at or (dead and count > at):
                raise OSError(why, os.strerror(why))

        fresh(out)
        try:
            stepping(step, lambda: write(project(2), out))
        except GenFwError as error:
            assert "cannot write the project" in str(error)
            if not dead:
                assert tree(out) == trees[0]
            recover(out)
            assert tree(out) == trees[0]
        else:  # only tidying up was refused
            recover(out)
            assert tree(out) == trees[1]


def test_interrupted_by_the_user_at_every_step(out: Path, trees: Any) -> None:
    fresh(out)
    total = count_steps(lambda: write(project(2), out))
    for number in range(0, total, 3):

        def step(count: int, *_: Any, at: int = number) -> None:
            if count == at:
                raise KeyboardInterrupt

        fresh(out)
        with pytest.raises(KeyboardInterrupt):
            stepping(step, lambda: write(project(2), out))
        recover(out)
        assert tree(out) in trees


def texts(out: Path) -> set[bytes]:
    return set(tree(out).values())


def test_edits_before_and_after_a_kill_are_kept(out: Path) -> None:
    """The user edits, forces, the process dies, the user edits what he finds, then the next
    command comes: all of his texts are in place or saved."""
    fresh(out, edited=True)
    total = count_steps(lambda: write(project(2), out, force=True))
    for number in range(0, total, 4):
        fresh(out, edited=True)
        assert killed_at(number, lambda: write(project(2), out, force=True))
        mine = {b"mine\n", b"mine as well\n"} - {b""}
        for index, path in enumerate(tree(out, state=False)):
            if path != "gen-fw.lock":
                if (out / path).read_bytes() in mine:
                    continue
                text = f"edit {index}\n".encode()
                (out / path).write_bytes(text)
                mine.add(text)
        recover(out)
        assert mine <= texts(out), number
        write(project(2), out, force=True)
        assert mine <= texts(out), number


def large(version: int) -> ProjectPlan:
    block = f"{version} {'x' * 500}\n".encode()
    content = Chunks(lambda: iter([block] * 20))
    return plan(*(file(f"gen/d{n % 9}/f{n}.c", content) for n in range(80)), version=version)


def test_killed_at_random_instants(out: Path, tmp_path: Path) -> None:
    """kill -9 from outside, 50 times, while a real process regenerates."""
    write(large(1), out)
    old = tree(out)
    shutil.copytree(out, tmp_path / "new")
    start = time.perf_counter()
    os.waitpid(child(lambda: write(large(2), tmp_path / "new")), 0)
    duration = time.perf_counter() - start
    new = tree(tmp_path / "new")
    assert set(new) == set(old) and new != old
    rng = random.Random(0)
    seen = []
    for instant in range(50):
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "old", out) if instant else write(large(1), out)
        if not instant:
            shutil.copytree(out, tmp_path / "old")
        pid = child(lambda: write(large(2), out))
        time.sleep(rng.uniform(0, duration))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        recover(out)
        assert tree(out) in (old, new)
        seen.append(tree(out) == new)
        assert check(out, large(2 if seen[-1] else 1)).ok
    assert False in seen


def test_two_processes_at_once(out: Path) -> None:
    """Of two processes that start together, each succeeds or says that the other is writing."""
    write(large(0), out)
    for round_ in range(1, 6):
        codes = []

        def attempt(version: int) -> None:
            try:
                write(large(version), out)
            except ConflictError as error:
                os._exit(6 if "another gen-fw" in str(error) else 1)

        pids = [child(lambda v=2 * round_ + n: attempt(v)) for n in range(2)]  # type: ignore[misc]
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        assert 0 in codes and set(codes) <= {0, 6}
        assert any(check(out, large(2 * round_ + n)).ok for n in range(2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("read_only", ["", "gen", ".gen-fw", "gen/a"])
def test_read_only_folders(out: Path, read_only: str, trees: Any) -> None:
    """Without permission nothing changes and the error is ours (root tries as another user)."""
    fresh(out)
    before = tree(out)
    if os.getuid() == 0:
        for path in [out, *out.rglob("*")]:
            os.chown(path, 65534, 65534)
        for parent in out.parents[:3]:
            parent.chmod(0o755)
    (out / read_only).chmod(0o555)

    def attempt() -> None:
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            write(project(2), out)
        except GenFwError as error:
            os._exit(1 if "cannot" in str(error) else 2)

    _, status = os.waitpid(child(attempt), 0)
    (out / read_only).chmod(0o755)
    assert os.waitstatus_to_exitcode(status) == 1
    assert tree(out) == before
    (out / "gen/a/data.c").chmod(0o444)  # a read-only file is no obstacle
    write(project(2), out)
    assert tree(out) == trees[1]


PATHS = sorted({item.path for version in (1, 2) for item in project(version).files})
OWNERS = {item.path: item.owner for version in (1, 2) for item in project(version).files}


class Edits(RuleBasedStateMachine):
    """Any sequence of generating, editing, deleting, forcing and dying: a text of the user that he
    did not remove himself is in place or saved, and refusing changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

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
        wanted = {
            item.path: b"".join(item.content.open())
            if isinstance(item.content, Chunks)
            else item.content
            for item in project(version).files
        }
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
        found = texts(self.out)
        for text in self.mine:
            assert text in found
        assert not (self.out / ".gen-fw/journal").exists()


TestEdits = Edits.TestCase
TestEdits.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
