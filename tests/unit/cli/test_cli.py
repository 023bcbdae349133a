# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: verbs, exit codes, errors, JSON, start-up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from gen_fw.cli.options import counts, pairs
from gen_fw.errors import UsageError

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
MODELS = ROOT / "examples" / "models"
MODEL = MODELS / "sine_int8.tflite"
GOLDEN = MODELS / "sine_int8_golden.npz"


def gen_fw(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gen_fw", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )


def validated(text: str) -> dict:
    document = json.loads(text)
    verb = document["schema"].split("/")[1]
    jsonschema.validate(document, json.loads((SCHEMAS / f"{verb}.json").read_text()))
    return document


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from gen_fw.cli.main import main\n"
        "sys.argv = ['gen-fw', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'rich', 'jinja2', 'numpy', 'flatbuffers', 'tomlkit', 'importlib.metadata'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == "[]"
    assert "generate" in result.stdout and "inspect" in result.stdout


def test_generate_is_the_default_verb(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    result = gen_fw(MODEL, "--board", "esp32s3", "--golden", GOLDEN, "-o", out, "--json")
    assert result.returncode == 0, result.stderr
    document = validated(result.stdout)
    assert document["programs"][0]["name"] == "sine_int8"
    assert document["memory"]["fits"] is True
    assert {file["action"] for file in document["files"]} == {"create"}
    assert all((out / file["path"]).is_file() for file in document["files"])

    again = validated(gen_fw("-o", out, "--json").stdout)
    assert {file["action"] for file in again["files"]} == {"unchanged"}
    checked = gen_fw("check", out, "--json")
    assert checked.returncode == 0 and validated(checked.stdout)["ok"] is True


def test_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    arguments = (MODEL, "-b", "esp32c3", "--golden", GOLDEN, "-o", tmp_path / "p", "--json")
    dry = validated(gen_fw(*arguments, "--dry-run").stdout)
    assert not (tmp_path / "p").exists()
    wet = validated(gen_fw(*arguments).stdout)
    assert dry["files"] == wet["files"] and dry["memory"] == wet["memory"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing.tflite", "-b", "esp32s3", "-o", "p"], 2, ["nothing.tflite", "hint:"]),
        (["M", "-b", "esp32s33", "-o", "p"], 2, ["esp32s33", "esp32s3"]),
        (["M", "-o", "p"], 2, ["no board"]),
        (["M", "-b", "esp32s3"], 2, ["--out"]),
        (["M", "-b", "esp32s3", "-o", "p", "--name", "int"], 2, ["int"]),
        (["M", "-b", "esp32s3", "-o", "p", "--place", "arena=moon"], 2, ["moon"]),
        (["M", "-b", "esp32s3", "-o", "p", "--place", "arena"], 2, ["NAME=VALUE"]),
        (["M", "-b", "esp32s3", "-o", "p", "--max-arena", "100"], 4, ["--max-arena"]),
        (["M", "-b", "esp32s3", "-o", "p", "--arena-size", "16"], 2, ["--allow-small-arena"]),
        (["M", "-b", "esp32s3", "-o", "p", "--runtime", "magic"], 2, ["magic", "tflm"]),
        (["check", "."], 2, ["gen-fw.lock"]),
        (["inspct", "M"], 2, ["inspct", "inspect"]),
        (["M", "-b", "esp32s3", "-o", "p", "--max-arena", "x"], 2, ["--max-arena"]),
        (["M", "-b", "esp32s3", "-o", "p", "--reserve", "internal=" + "9" * 5000], 2, ["number"]),
        (["boards", "no such board"], 2, ["no board matches"]),
        (["inspect", "README"], 3, ["README"]),
    ],
)
def test_errors(tmp_path: Path, arguments: list[str], code: int, words: list[str]) -> None:
    (tmp_path / "README").write_text("just text\n")
    result = gen_fw(*[MODEL if word == "M" else word for word in arguments], cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert result.stderr.startswith("error: ") and "Traceback" not in result.stderr
    assert all(word in result.stderr for word in words), result.stderr
    assert not (tmp_path / "p").exists()
    document = gen_fw(
        *[MODEL if word == "M" else word for word in arguments], "--json", cwd=tmp_path
    )
    assert validated(document.stdout)["exit_code"] == code


def test_yours_files_that_would_start_differently_are_named(tmp_path: Path) -> None:
    out = tmp_path / "p"
    assert gen_fw(MODEL, "-b", "esp32s3", "--golden", GOLDEN, "-o", out).returncode == 0
    main = out / "main" / "app_main.cc"
    main.write_text(main.read_text() + "// mine\n")
    edited = main.read_bytes()
    other = (MODELS / "chirps_int8.tflite", "-o", out, "--name", "chirps")
    brief = gen_fw(*other, "--dry-run")
    assert "main/app_main.cc" in brief.stderr and "-v shows how" in brief.stderr
    assert "+++ b/main/app_main.cc" not in brief.stderr
    full = gen_fw(*other, "--dry-run", "-v")
    assert "+++ b/main/app_main.cc" in full.stderr
    assert gen_fw(*other).returncode == 0 and main.read_bytes() == edited


def test_comments_in_the_settings_are_no_deviation(tmp_path: Path) -> None:
    out = tmp_path / "p"
    assert gen_fw(MODEL, "-b", "esp32s3", "--golden", GOLDEN, "-o", out).returncode == 0
    settings = out / "gen-fw.toml"
    settings.write_text(settings.read_text() + "# revision B\n")
    result = validated(gen_fw("check", out, "--json").stdout)
    assert result["ok"] and result["notes"] == []
    assert [finding["path"] for finding in result["edited"]] == ["gen-fw.toml"]


def test_inspect_json_keeps_its_interface() -> None:
    document = validated(gen_fw("inspect", MODEL, "--json").stdout)
    assert document["operators"][0]["resolver"] == "AddFullyConnected"
    assert document["macs_total"] == sum(o["macs"] for o in document["operators"]) > 0
    assert document["supported"]["tflm"] == {"ok": True, "reasons": []}
    assert set(document["inputs"][0]) >= {"name", "dtype", "shape", "scale", "zero_point"}


@pytest.mark.parametrize(
    ("redirection", "code"),
    [(">&-", 0), ("2>&-", 0), ("| head -c 1", 0), (">/dev/full", 1), ("--json >/dev/full", 1)],
)
def test_output_that_cannot_be_written(redirection: str, code: int) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    command = f'"{sys.executable}" -m gen_fw boards {redirection}'
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=120)
    assert result.returncode == code
    expected = "error: cannot write the output" if code else ""
    assert result.stderr.startswith(expected) and "internal" not in result.stderr
    assert "Traceback" not in result.stderr and "ignored" not in result.stderr


def test_any_encoding_and_any_path_can_be_printed(tmp_path: Path) -> None:
    model = tmp_path / "m\udcff\u00fc.tflite"
    model.write_bytes(MODEL.read_bytes())
    for encoding in ("ascii", "utf-8:strict"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        for arguments in (["inspect", model], ["inspect", model, "--json"], ["inspect", "nö"]):
            result = subprocess.run(
                [sys.executable, "-m", "gen_fw", *map(str, arguments)],
                capture_output=True,
                env=environment,
                timeout=120,
            )
            assert result.returncode == (2 if "nö" in arguments else 0), result.stderr


def test_boards() -> None:
    listed = validated(gen_fw("boards", "--json").stdout)["boards"]
    assert {"esp32", "esp32s3", "esp32p4", "esp32-s3-box-3"} <= {board["name"] for board in listed}
    assert validated(gen_fw("boards", "show", "esp32c3", "--json").stdout)["boards"][0] in listed
    assert "esp32c6" in gen_fw("boards", "c6").stdout


def test_options_are_read_strictly() -> None:
    assert counts("--reserve", {"a": "64k", "b": "2M", "c": "7"}) == {
        "a": 65536,
        "b": 2 << 20,
        "c": 7,
    }
    for text in ("", "k", "-1", "1.5k", "1kk", "²"):
        with pytest.raises(UsageError):
            counts("--reserve", {"a": text})
    with pytest.raises(UsageError, match="twice"):
        pairs("--place", ["arena=a", "arena=b"])
