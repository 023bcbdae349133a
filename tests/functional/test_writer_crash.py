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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gen_fw.errors import ConflictError, GenFwError
from gen_fw.project.check import check
from gen_fw.project.plan import Chunks, ProjectPlan
from gen_fw.project.writer import recover, write
from project_plans import file, plan, project, tree
from writer_steps import child, count_steps, killed_at, restore, stepping, without_fsync


@pytest.fixture(autouse=True)
def _without_fsync() -> Iterator[None]:
    without_fsync()
    yield
    restore()


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
        assert mine <= set(tree(out).values()), number
        write(project(2), out, force=True)
        assert mine <= set(tree(out).values()), number


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
