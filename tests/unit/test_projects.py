# SPDX-License-Identifier: Apache-2.0
"""The life of a project through the Python API: what it keeps, what it refuses, what is drift."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gen_fw import generate
from gen_fw.errors import ConflictError, ExitCode, GenFwError, UsageError
from gen_fw.pipeline import check
from gen_fw.project.intent import read_intent

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "examples" / "models"
INSIDE = ROOT / "tests" / "data" / "models" / "labels_inside.tflite"


def again(out: Path, **options: object) -> None:
    generate([], "", out, **options)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of the sine model, with vectors from a golden file."""
    out = tmp_path / "project"
    golden = [MODELS / "sine_int8_golden.npz"]
    generate([MODELS / "sine_int8.tflite"], "esp32s3", out, names=["sine"], goldens=golden)
    return out


def drift(out: Path) -> dict[str, str]:
    return {finding.path: finding.reason for finding in check(out).drift}


def test_a_damaged_project_is_drift_not_an_error(project: Path) -> None:
    assert check(project).ok
    (project / "gen" / "sine" / "model.tflite").write_bytes(b"no model")
    assert drift(project) == {"gen/sine/model.tflite": "edited"}
    shutil.rmtree(project / "gen")
    result = check(project)
    assert not result.ok and not result.regenerated
    assert any("cannot be regenerated" in note for note in result.notes)


def test_an_error_of_the_settings_stays_an_error(project: Path) -> None:
    settings = project / "gen-fw.toml"
    settings.write_text(settings.read_text().replace("esp32s3", "esp32s9"))
    with pytest.raises(UsageError, match="esp32s9"):
        check(project)
    settings.unlink()
    with pytest.raises(UsageError, match=r"there is no .*gen-fw\.toml"):
        check(project)


def test_edited_vectors_are_a_conflict(project: Path) -> None:
    vectors = project / "gen" / "sine" / "golden.npz"
    vectors.write_bytes(vectors.read_bytes() + b"edit")
    assert drift(project) == {"gen/sine/golden.npz": "edited"}
    with pytest.raises(ConflictError) as caught:
        again(project)
    assert caught.value.exit_code is ExitCode.CONFLICT and "--force" in caught.value.hint
    golden = [MODELS / "sine_int8_golden.npz"]
    generate([MODELS / "sine_int8.tflite"], "", project, goldens=golden, force=True)
    assert check(project).ok


def test_labels_inside_a_model_are_its_own(tmp_path: Path) -> None:
    out = tmp_path / "p"
    golden = [INSIDE.with_name("labels_inside_golden.npz")]
    generate([INSIDE], "esp32s3", out, names=["m"], goldens=golden)
    stored = read_intent(out)
    labels = (out / "gen/m/labels.txt").read_text()
    assert stored is not None and labels and stored.models[0].labels == ""
    assert check(out).ok

    # a new model without labels: the application refers to them, so they stay
    new = generate([MODELS / "sine_int8.tflite"], "", out)
    assert "\n".join(new.planned.firmware.programs[0].labels) + "\n" == labels
    stored = read_intent(out)
    assert stored is not None and stored.models[0].labels == "gen/m/labels.txt"
    assert check(out).ok

    given = tmp_path / "given.txt"
    given.write_text("yes\nno\n")
    generate([INSIDE], "", out, labels=[given], goldens=golden)
    again(out)
    assert (out / "gen/m/labels.txt").read_text() == "yes\nno\n" and check(out).ok


@pytest.mark.parametrize("name", ["our-board.toml", "our-board"])
def test_a_board_of_the_user_travels_with_the_project(tmp_path: Path, name: str) -> None:
    boards = tmp_path / "boards"
    (boards / "common").mkdir(parents=True)
    base = 'extends = "esp32s3"\ntitle = "Base"\nsources = ["a measurement"]\n'
    memories = '[[memories]]\nname = "internal"\nreserved = 123456\n'
    (boards / "common" / "base.toml").write_text(base + memories)
    (boards / name).write_text('extends = "common/base.toml"\ntitle = "Ours"\n')
    out = tmp_path / "p"
    golden = [MODELS / "sine_int8_golden.npz"]
    made = generate([MODELS / "sine_int8.tflite"], str(boards / name), out, goldens=golden)
    shutil.rmtree(boards)
    moved = out.rename(tmp_path / "elsewhere")
    assert check(moved).ok
    again(moved)
    stored = read_intent(moved)
    assert stored is not None and stored.board == "gen/our-board.toml"
    memory = made.planned.board.memory("internal")
    assert made.planned.board.title == "Ours" and memory.reserved == 123456


def test_templates_outside_the_project_are_pointed_out(project: Path, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "editorconfig").write_text("root = true\n")
    inside = project / "templates"
    result = generate([], "", project, template_dir=templates)
    assert any("lie outside" in note.what for note in result.planned.diagnostics)
    shutil.copytree(templates, inside)
    result = generate([], "", project, template_dir=inside)
    assert not any("lie outside" in note.what for note in result.planned.diagnostics)
    assert check(project).ok


@pytest.mark.parametrize("function", ['a();system("x")', "int", "9a"])
def test_a_custom_operator_needs_a_c_function(tmp_path: Path, function: str) -> None:
    model = ROOT / "tests" / "data" / "models" / "custom_operator.tflite"
    with pytest.raises(UsageError, match="C function"):
        generate([model], "esp32s3", tmp_path / "p", custom_ops={"ExampleBlend": function})
    assert not (tmp_path / "p").exists()


def test_a_path_that_the_system_refuses_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(GenFwError):
        generate([MODELS / "sine_int8.tflite"], "esp32s3", tmp_path / ("x" * 300))
