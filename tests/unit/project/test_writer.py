# SPDX-License-Identifier: Apache-2.0
"""What writing does to each file; what it refuses, and that refusing leaves no trace."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gen_fw.errors import ConflictError, GenFwError, UsageError
from gen_fw.project.check import check
from gen_fw.project.journal import JOURNAL, STAGE, recover
from gen_fw.project.plan import Chunks
from gen_fw.project.writer import survey, write
from project_plans import file, plan, project, tree


def actions(changes: object) -> dict[str, str]:
    return {change.path: change.action for change in changes.files}  # type: ignore[attr-defined]


def identity(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A generated project, version 1."""
    write(project(1), tmp_path / "proj")
    return tmp_path / "proj"


def test_new_project(out: Path) -> None:
    assert set(tree(out)) == {
        "CMakeLists.txt", "README.md", "gen/a/data.c", "gen/a/same.c", "gen/tool.sh",
        "gen/only1/x.c", "main/app.c", "gen-fw.lock", ".gen-fw/.gitignore",
        ".gen-fw/base/CMakeLists.txt", ".gen-fw/base/README.md", ".gen-fw/base/main/app.c",
    }  # fmt: skip
    assert os.access(out / "gen/tool.sh", os.X_OK)
    assert not os.access(out / "gen/a/same.c", os.X_OK)
    assert (out / "gen/a/data.c").read_text() == "version 1\n" * 400
    assert check(out, project(1)).ok


def test_two_folders_get_the_same_bytes(out: Path, tmp_path: Path) -> None:
    write(project(1), tmp_path / "elsewhere/deep")
    assert tree(out) == tree(tmp_path / "elsewhere/deep")


def test_regeneration_of_the_same_touches_nothing(out: Path) -> None:
    before = {path: identity(out / path) for path in tree(out)}
    changes = write(project(1), out)
    assert set(actions(changes).values()) == {"unchanged"}
    assert before == {path: identity(out / path) for path in tree(out)}


def test_regeneration_of_another_version(out: Path) -> None:
    wanted = {
        "CMakeLists.txt": "update",
        "README.md": "update",
        "gen/a/data.c": "update",
        "gen/a/same.c": "unchanged",
        "gen/only1/x.c": "delete",
        "gen/only2/x.c": "create",
        "gen/tool.sh": "update",
        "main/app.c": "keep",
    }
    before = tree(out)
    assert actions(survey(project(2), out)) == wanted
    assert tree(out) == before
    assert actions(write(project(2), out)) == wanted
    assert not (out / "gen/only1").exists()
    assert (out / "main/app.c").read_text() == "version 1\n"
    assert (out / ".gen-fw/base/main/app.c").read_text() == "version 1\n"
    assert (out / ".gen-fw/base/CMakeLists.txt").read_text() == "version 2\n"


def test_edited_ours_stops_everything_unless_forced(out: Path) -> None:
    (out / "gen/a/same.c").write_text("mine\n")
    before = tree(out)
    with pytest.raises(ConflictError) as error:
        write(project(2), out)
    assert error.value.detail == {"conflicts": ["gen/a/same.c"]}
    assert "--force" in error.value.hint
    assert tree(out) == before
    (change,) = [c for c in write(project(2), out, force=True).files if c.saved]
    assert (out / change.saved).read_text() == "mine\n"
    assert (out / "gen/a/same.c").read_text() == "the same\n"
    (out / "gen/a/same.c").write_text("mine too\n")
    write(project(2), out, force=True)
    saved = sorted(path.read_text() for path in (out / ".gen-fw/saved").rglob("*.c"))
    assert saved == ["mine\n", "mine too\n"]


def test_edited_shared_is_kept_and_its_change_shown(out: Path) -> None:
    (out / "CMakeLists.txt").write_text("mine\n")
    assert write(project(1), out).diffs == ()  # nothing new was wanted
    for version in (2, 3):  # the change is shown against the text that the edit started from
        (diff,) = write(project(version), out).diffs
        assert diff.startswith("--- a/CMakeLists.txt\n+++ b/CMakeLists.txt\n")
        assert f"\n-version 1\n+version {version}\n" in diff
        assert (out / "CMakeLists.txt").read_text() == "mine\n"
        assert (out / ".gen-fw/base/CMakeLists.txt").read_text() == "version 1\n"
    (out / "CMakeLists.txt").write_text("version 3\n")  # the user takes it
    assert actions(write(project(3), out))["CMakeLists.txt"] == "unchanged"
    assert actions(write(project(4), out))["CMakeLists.txt"] == "update"


def test_diffs_are_patches_that_git_applies(out: Path) -> None:
    (out / "README.md").write_text("version 1\n" * 30 + "my line")
    (diff,) = write(project(2), out).diffs
    source = out / "patched"
    source.mkdir()
    (source / "README.md").write_text("version 1\n" * 30)
    subprocess.run(["patch", "-p1"], input=diff, text=True, cwd=source, check=True)
    assert (source / "README.md").read_text() == "version 2\n" * 30


def test_deleted_files(out: Path) -> None:
    for path in ("CMakeLists.txt", "main/app.c", "gen/a/same.c"):
        (out / path).unlink()
    for _ in range(2):
        changes = actions(write(project(2), out))
        assert changes["CMakeLists.txt"] == changes["main/app.c"] == "keep"
    assert (out / "gen/a/same.c").read_text() == "the same\n"
    assert not (out / "CMakeLists.txt").exists()
    assert (out / ".gen-fw/base/CMakeLists.txt").read_text() == "version 1\n"


def test_stale_edited_files_are_kept(out: Path) -> None:
    (out / "gen/only1/x.c").write_text("mine\n")
    assert actions(write(project(2), out))["gen/only1/x.c"] == "keep"
    assert (out / "gen/only1/x.c").read_text() == "mine\n"
    result = check(out)
    assert [finding.path for finding in result.drift] == ["gen/only1/x.c"]


def test_merged_files_are_written_over_edits_that_are_saved(out: Path) -> None:
    def settings(text: str) -> object:
        return plan(file("gen-fw.toml", text, "shared", merged=True))

    write(settings("a\n"), out)  # type: ignore[arg-type]
    (out / "gen-fw.toml").write_text("edit\n")
    (change,) = [c for c in write(settings("edit, b\n"), out).files if c.saved]  # type: ignore[arg-type]
    assert (out / "gen-fw.toml").read_text() == "edit, b\n"
    assert (out / change.saved).read_text() == "edit\n"
    (out / "gen-fw.toml").unlink()
    write(settings("c\n"), out)  # type: ignore[arg-type]
    assert (out / "gen-fw.toml").read_text() == "c\n"


def test_files_of_the_user_in_the_way_of_new_ones(out: Path) -> None:
    (out / "gen/only2").mkdir()
    (out / "gen/only2/x.c").write_text("mine\n")
    with pytest.raises(ConflictError):
        write(project(2), out)
    more = plan(*project(1).files, file("LICENSE", "ours\n", "shared"))
    (out / "LICENSE").write_text("mine\n")
    changes = write(more, out)
    assert actions(changes)["LICENSE"] == "keep"
    assert "-mine\n+ours\n" in changes.diffs[0]


def test_checkout_with_crlf_is_not_edited(out: Path) -> None:
    for path in tree(out):
        (out / path).write_bytes((out / path).read_bytes().replace(b"\n", b"\r\n"))
    assert check(out, project(1)).ok
    assert not check(out, project(1)).edited
    assert set(actions(write(project(1), out)).values()) == {"unchanged"}
    assert actions(write(project(2), out))["README.md"] == "update"
    binary = plan(file("gen/m.bin", b"\0\r\n"))
    write(binary, out.parent / "binary")
    (out.parent / "binary/gen/m.bin").write_bytes(b"\0\n")
    assert not check(out.parent / "binary").ok


def test_fresh_clone_regenerates(out: Path, tmp_path: Path) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    (out / "CMakeLists.txt").write_text("mine\n")
    (out / "gen/a/same.c").write_text("lost\n")
    write(project(1), out, force=True)
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=out, check=True)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(out), str(clone)], check=True)
    assert not (clone / ".gen-fw/saved").exists()
    assert "-version 1\n+version 2\n" in write(project(2), clone).diffs[0]


@pytest.mark.parametrize("force", [False, True])
def test_foreign_folders_are_refused_without_a_trace(tmp_path: Path, force: bool) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    before = identity(tmp_path)
    for use in (survey, write):
        with pytest.raises(ConflictError, match="not generated by gen-fw"):
            use(project(1), tmp_path, force=force)
    assert identity(tmp_path) == before
    with pytest.raises(UsageError):
        check(tmp_path)


def test_empty_and_git_folders_are_taken(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    write(project(1), tmp_path)
    assert check(tmp_path).ok


def test_bad_plans_and_places_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(GenFwError):
            write(project(1), place)
    for path in ("../x", "/x", "a/../../x", ".gen-fw/stage/x", "gen-fw.lock"):
        with pytest.raises(GenFwError):
            write(plan(file(path, "x")), tmp_path / "a/b")

    def failing() -> object:
        yield b"x"
        raise OSError(28, "No space left on device")

    with pytest.raises(GenFwError):
        write(plan(file("gen/x", Chunks(failing))), tmp_path / "a/b")  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("victim", ["gen", "gen/a", "gen/a/data.c", "gen/a/same.c", ".gen-fw",
    ".gen-fw/base", ".gen-fw/base/main/app.c", "gen-fw.lock", ".gen-fw/stage", ".gen-fw/journal",
    ".gen-fw/saved", ".gen-fw/busy", "main"])  # fmt: skip
@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_links_are_never_followed(out: Path, tmp_path: Path, victim: str, kind: str) -> None:
    """Any part of the project replaced by a link: nothing outside changes, whatever is said."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (outside / "app.c").write_text("mine")
    before = tree(outside)
    place = out / victim
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    targets = {"folder": outside, "file": outside / "precious", "dangling": outside / "new"}
    place.symlink_to(targets[kind])
    for force in (False, True):
        for use in (recover, lambda path: write(project(2), path, force=force)):  # noqa: B023
            try:
                use(out)  # type: ignore[operator]
            except GenFwError:
                assert place.is_symlink()
    assert tree(outside) == before


def test_output_may_be_a_link_that_the_user_gives(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(project(1), tmp_path / "link")
    assert check(tmp_path / "real").ok


@pytest.mark.parametrize(
    "journal",
    [
        b"", b"{}", b"[]", b"\xff", b'{"version": 1}', b"[" * 99999,
        b'{"version": 9, "operations": [], "folders": []}',
        b'{"version": 1, "operations": [["../outside/x", "00"]], "folders": []}',
        b'{"version": 1, "operations": [["/etc/passwd", ""]], "folders": []}',
        b'{"version": 1, "operations": [[".git/config", ""]], "folders": []}',
        b'{"version": 1, "operations": [[".gen-fw/saved/../../../x", ""]], "folders": []}',
        b'{"version": 1, "operations": [], "folders": ["../outside"]}',
        b'{"version": 1, "operations": [], "folders": [".git"]}',
    ],
)  # fmt: skip
def test_hostile_journals_are_refused(out: Path, tmp_path: Path, journal: bytes) -> None:
    (tmp_path / "outside").mkdir()
    (out / STAGE).mkdir()
    (out / STAGE / "0.old").write_text("evil")
    (out / JOURNAL).write_bytes(journal)
    before = tree(tmp_path)
    with pytest.raises(ConflictError, match="cannot be undone"):
        recover(out)
    assert tree(tmp_path) == before
    assert (tmp_path / "outside").is_dir()


def test_one_process_at_a_time(out: Path) -> None:
    busy = out / ".gen-fw/busy"
    with busy.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        before = tree(out)
        with pytest.raises(ConflictError, match="another gen-fw"):
            write(project(2), out)
        assert tree(out) == before
    write(project(2), out)
    assert check(out, project(2)).ok


def test_edit_while_writing_is_kept(out: Path) -> None:
    """The user saves a file after the survey: everything goes back, the edit stays."""
    before = tree(out)

    def editor(path: str) -> None:
        if path == "gen/tool.sh":
            (out / "gen/a/data.c").write_text("mine\n")
            (out / "gen/only2").mkdir(exist_ok=True)
            (out / "gen/only2/x.c").write_text("mine too\n")

    with pytest.raises(ConflictError, match="changed while"):
        write(project(2), out, progress=editor)
    edited = {"gen/a/data.c": b"mine\n", "gen/only2/x.c": b"mine too\n"}
    assert tree(out) == before | edited


def test_check_names_what_drifted(out: Path) -> None:
    (out / "gen/a/same.c").write_text("mine\n")
    (out / "gen/tool.sh").unlink()
    (out / "gen/extra.c").write_text("x")
    (out / "gen/.DS_Store").write_text("x")
    (out / "README.md").write_text("mine\n")
    (out / "main/app.c").unlink()
    result = check(out, project(1))
    assert {(f.path, f.reason) for f in result.drift} == {
        ("gen/a/same.c", "edited"),
        ("gen/tool.sh", "deleted"),
        ("gen/extra.c", "not generated"),
    }
    assert {(f.path, f.owner, f.reason) for f in result.edited} == {
        ("README.md", "shared", "edited"),
        ("main/app.c", "yours", "deleted"),
    }


def test_check_compares_a_regeneration(out: Path) -> None:
    newer_tool = plan(*project(1).files, version=2)
    result = check(out, newer_tool)
    assert result.ok and result.regenerated
    assert result.notes == ("gen-fw.lock: tool.version: changed",)
    result = check(out, project(2))
    assert {(f.path, f.reason) for f in result.drift} == {
        ("gen/a/data.c", "regenerated otherwise"),
        ("gen/tool.sh", "regenerated otherwise"),
        ("gen/only1/x.c", "no longer generated"),
        ("gen/only2/x.c", "new in a regeneration"),
    }
    pinned = plan(*project(1).files)
    pinned.receipt["board"] = "other"
    (drift,) = check(out, pinned).drift
    assert (drift.path, drift.reason) == ("gen-fw.lock: board", "changed")
