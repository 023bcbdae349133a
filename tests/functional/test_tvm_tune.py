# SPDX-License-Identifier: Apache-2.0
"""`gen-fw tvm tune` on emulated boards: what it finds is faster, the same, and applied."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gen_fw import generate
from gen_fw.compilers.tvm.records import read_records, written
from gen_fw.run import tools
from gen_fw.run.measure import Wishes, run

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tvm") is None, reason="needs the extra tvm"
)
ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"
MODEL = ROOT / "examples" / "models" / "chirps_int8.tflite"
BOARD = "qemu-cortex-m55"


def gen_fw(
    *arguments: object, environment: Mapping[str, str] | None = None, seconds: int = 300
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gen_fw", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment,
    )


def tuned(*arguments: object, seconds: int = 300) -> dict[str, Any]:
    done = gen_fw("tvm", "tune", *arguments, "--json", "-v", seconds=seconds)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    jsonschema.validate(document, json.loads((SCHEMAS / "tvm-tune.json").read_text()))
    return {**document, "talk": done.stderr}


def interrupted(*arguments: object) -> dict[str, Any]:
    """A run that gets Ctrl-C after its first kernel."""
    command = [sys.executable, "-m", "gen_fw", "tvm", "tune", *map(str, arguments), "--json", "-v"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("... kernel "):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    document: dict[str, Any] = json.loads(out)
    return document


def need(toolchain: str) -> None:
    found = [tools.find(tool) for tool in tools.needed(toolchain)]
    missing = [entry.tool.command for entry in found if entry.tool.required and not entry.ok]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The records of a few trials, and what was told of them."""
    need("arm-none-eabi")
    records = tmp_path_factory.mktemp("tuned") / "chirps.json"
    return records, tuned(MODEL, "--board", BOARD, "-o", records, "--trials", 30)


def test_a_tuned_model_is_faster_and_the_same(
    first: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, told = first
    assert told["stopped"] == "trials" and told["trials"] == 30 and told["known_trials"] == 0
    assert told["tuned"]["instructions"] < told["untuned"]["instructions"]
    assert "kernel " in told["talk"] and "left" in told["talk"]
    assert not any("differ" in fault for row in told["kernels"] for fault in row["faults"])
    records = read_records(path.read_bytes()).records
    assert written(records) == path.read_bytes()
    recorded = {row["kernel"]: row for row in told["kernels"] if row["recorded"]}
    assert {record.kernel for record in records} == set(recorded) and recorded
    for record in records:
        assert record.instructions < record.default_instructions
        assert (record.board, record.isa) == (BOARD, "cortex-m55")
        assert record.knobs == recorded[record.kernel]["knobs"]

    outputs = []
    for name, files in (("untuned", []), ("tuned", [path])):
        folder = tmp_path / name
        generate([MODEL], BOARD, folder, runtime="tvm", tuning_records=files)
        done = run(folder, wishes=Wishes(random=5, seed=3)).programs[0]
        # the samples are others than those that the tuning compared
        assert abs(done.instructions - told[name]["instructions"]) < 200
        outputs.append([output.array.tobytes() for output in done.outputs])
    assert outputs[0] == outputs[1]
    kept = tmp_path / "tuned" / "gen" / "chirps_int8" / "tuning_records.json"
    assert kept.read_bytes() == path.read_bytes()
    assert gen_fw("check", tmp_path / "tuned").returncode == 0


def test_a_second_run_goes_on_until_ctrl_c(
    first: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, told = first
    records = tmp_path / "chirps.json"
    other = json.loads(path.read_bytes())
    other["records"] = [{**other["records"][0], "board": "my-board", "isa": "rv32imc"}]
    records.write_text(json.dumps(other))
    database = tmp_path / "trials.jsonl"
    database.write_bytes(path.with_suffix(".trials.jsonl").read_bytes())
    again = interrupted(MODEL, "-b", BOARD, "-o", records, "--database", database)
    assert again["stopped"] == "interrupted" and again["known_trials"] == 30
    assert again["untuned"] == told["untuned"]
    assert again["tuned"]["instructions"] <= told["tuned"]["instructions"]
    boards = [record.board for record in read_records(records.read_bytes()).records]
    assert boards[0] == "my-board" and set(boards[1:]) == {BOARD}


def test_records_serve_real_boards(first: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    path, _ = first
    archive = tmp_path / "m.tar"
    done = gen_fw(
        "tvm", "compile", MODEL, "-o", archive, "--board", "esp32c3", "--tuning-records", path
    )
    assert done.returncode == 0, done.stderr
    assert "tuning records of qemu-cortex-m55 are used for rv32imc" in done.stderr
    done = gen_fw(
        *("tvm", "compile", MODEL, "-o", archive, "--board", "alif-e7-hp"),
        *("--tuning-records", path, "--json"),
    )
    assert "warning" not in done.stderr
    how = json.loads(done.stdout)["modules"][0]["tvm"]
    assert 0 < how["tuned_kernels"] <= how["tunable_kernels"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((MODEL,), 2, "no board given"),
        ((MODEL, "-b", "esp32c3"), 2, "qemu-riscv32 executes the same instructions"),
        ((MODEL, "-b", "host"), 2, "emulated boards"),
        ((MODEL, "-b", BOARD, "--budget", "soon"), 2, "no time"),
        (("missing.tflite", "-b", BOARD), 2, "no such file"),
        ((MODEL, "-b", BOARD, "-o", "broken.json"), 2, "broken.json"),
        ((MODEL, "-b", BOARD, "--database", "broken.json"), 2, "no database of trials"),
    ],
)
def test_bad_input(
    arguments: tuple[object, ...], code: int, words: str, tmp_path: Path, monkeypatch: Any
) -> None:
    need("arm-none-eabi")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{}")
    done = gen_fw("tvm", "tune", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.json"]


def test_without_an_emulator(tmp_path: Path) -> None:
    bare = {**os.environ, "PATH": str(tmp_path)}
    done = gen_fw("tvm", "tune", MODEL, "-b", BOARD, environment=bare)
    assert done.returncode == 7 and "qemu-system-arm" in done.stderr
    assert "apt-get install" in done.stderr


def test_damaged_records_are_one_error(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"schema": "gen-fw/tvm-records/1", "records": [{}]}')
    done = gen_fw(
        MODEL, "--runtime", "tvm", "-b", BOARD, "-o", tmp_path / "p", "--tuning-records", path
    )
    assert done.returncode == 2 and "r.json: records[0]" in done.stderr
    assert not (tmp_path / "p").exists()


@pytest.mark.full
@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("mlperf_kws_ref_model", "qemu-cortex-m55"),
        ("mlperf_kws_ref_model", "qemu-riscv32"),
        ("mlperf_ad01_int8", "qemu-cortex-m4"),
    ],
)
def test_real_models(model: str, board: str, tmp_path: Path, shared: Path) -> None:
    need("riscv64-unknown-elf" if "riscv" in board else "arm-none-eabi")
    path = shared / "models" / f"{model}.tflite"
    told = tuned(path, "-b", board, "-o", tmp_path / "r.json", "--budget", "10m", seconds=900)
    assert told["records"] and told["tuned"]["instructions"] < told["untuned"]["instructions"]
    assert not any("differ" in fault for row in told["kernels"] for fault in row["faults"])
