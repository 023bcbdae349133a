# SPDX-License-Identifier: Apache-2.0
"""Plain C for xcore.ai: which inputs become it, what a tile must hold, and what is refused. XMOS's
AI tools are never looked for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gen_fw
from gen_fw.boards.load import load_board
from gen_fw.candidates import prepared
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.fitting import fit
from gen_fw.inputs import read_inputs
from gen_fw.inspection import Asked, inspect
from gen_fw.memory.place import Chosen
from gen_fw.request import ModelRequest, Options
from sample_models import ROOT
from xcore_models import ARCHIVE, DIGITS, EXAMPLES, SMALL, dense_chain

EXPLORER, LPDDR = "xcore-ai-explorer", "xcore-ai-explorer-lpddr"
SCHEMAS = ROOT / "generator" / "gen_fw" / "report" / "schemas"


@pytest.fixture(autouse=True)
def _no_ai_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for the wheel fails."""
    from gen_fw import xcore_programs

    def looked_for() -> None:
        raise AssertionError("plain C needs no xmos-ai-tools")

    monkeypatch.setattr(xcore_programs, "find_wheel", looked_for)


def ready(board: str, *paths: Path, **options: Any) -> Chosen:
    asked = Options(**options)
    found = read_inputs([ModelRequest(path) for path in paths], {}, lambda _text: None)
    named = [(one.name, one.source) for one in found]
    return prepared(named, load_board(board), asked, lambda _text: None)


@pytest.mark.parametrize(
    ("paths", "runtime", "runtimes"),
    [
        ((DIGITS,), "aot", ["aot"]),
        ((ARCHIVE,), "", ["tvm"]),
        ((ARCHIVE,), "tvm", ["tvm"]),
        ((SMALL, ARCHIVE), "aot", ["aot", "tvm"]),
    ],
)
def test_what_becomes_plain_c(paths: tuple[Path, ...], runtime: str, runtimes: list[str]) -> None:
    programs = ready(EXPLORER, *paths, runtime=runtime).programs
    assert [program.runtime for program in programs] == runtimes
    assert all(program.adapter["xcore"]["kind"] == "inside" for program in programs)
    assert not any(program.requires.kernels for program in programs)


def test_a_tile_holds_everything_and_its_vectors_and_stack() -> None:
    chosen = ready(EXPLORER, DIGITS, runtime="aot")
    program, (candidate,) = chosen.programs[0], chosen.tried
    needed = {use.memory: use.needed for use in candidate.uses}
    regions = {region.role: region.bytes for region in program.regions}
    vectors = sum((io.bytes + 15) // 16 * 16 for io in (*program.inputs, *program.outputs))
    total = sum(regions.values()) + program.stack_bytes
    assert total < needed["tile0"] <= total + vectors + 16
    assert all(needed[name] == 0 for name in needed if name != "tile0")
    other = ready(EXPLORER, DIGITS, runtime="aot", place={"code": "tile1"})
    moved = {use.memory: use.needed for use in other.tried[-1].uses}
    assert (moved["tile0"], moved["tile1"]) == (0, needed["tile0"])


def test_a_model_for_each_tile() -> None:
    both = ready(EXPLORER, SMALL, DIGITS, runtime="aot", layout="tiles")
    assert [program.adapter["xcore"]["tile"] for program in both.programs] == ["tile0", "tile1"]
    apart = {use.memory: use.needed for use in both.tried[-1].uses}
    alone = [ready(EXPLORER, model, runtime="aot").tried[-1].uses for model in (SMALL, DIGITS)]
    single = [use.needed for uses in alone for use in uses if use.memory == "tile0"]
    assert [apart["tile0"], apart["tile1"]] == single


def test_too_large_for_a_tile(tmp_path: Path) -> None:
    model = dense_chain(tmp_path / "chain.tflite")
    with pytest.raises(DoesNotFitError) as caught:
        ready(EXPLORER, model, runtime="aot")
    assert caught.value.where == "tile0" and "too many" in caught.value.why
    assert "--runtime xcore can keep weights in flash" in caught.value.hint
    command = [sys.executable, "-m", "gen_fw", str(model), "--board", EXPLORER, "--runtime", "aot"]
    result = subprocess.run(
        [*command, "-o", str(tmp_path / "p"), "--json"], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 4 and "Traceback" not in result.stderr
    assert not (tmp_path / "p").exists()
    error = json.loads(result.stdout)
    jsonschema.validate(error, json.loads((SCHEMAS / "error.json").read_text()))
    told = subprocess.run([*command, "-o", str(tmp_path / "p")], capture_output=True, text=True)
    assert "tile0" in told.stderr and "491520" in told.stderr


def test_an_arena_in_lpddr_when_asked_or_when_nothing_else_fits() -> None:
    large: dict[str, Any] = {"runtime": "aot", "arena_margin": 500_000}
    with pytest.raises(DoesNotFitError) as caught:
        ready(LPDDR, DIGITS, **large)
    assert "with --place model=tile0 arena=lpddr it fits" in caught.value.hint
    with pytest.raises(DoesNotFitError) as caught:
        ready(EXPLORER, DIGITS, max_arena="auto", **large)
    assert "lpddr" not in caught.value.hint
    chosen = ready(LPDDR, DIGITS, max_arena="auto", **large)
    assert [candidate.fits for candidate in chosen.tried] == [False, False, True]
    assert chosen.programs[0].adapter["xcore"]["arena"] == "lpddr"
    assert "arena in LPDDR" in chosen.programs[0].diagnostics[-1].what
    assert "--max-arena auto" in chosen.programs[0].diagnostics[-1].why
    asked = ready(LPDDR, DIGITS, place={"arena": "lpddr"}, **large)
    assert asked.tried[0].fits and not asked.programs[0].diagnostics
    with pytest.raises(DoesNotFitError, match="--max-arena allows 100"):
        ready(LPDDR, DIGITS, runtime="aot", max_arena=100)


def test_weights_of_generated_c_in_lpddr(tmp_path: Path) -> None:
    model = dense_chain(tmp_path / "chain.tflite")
    with pytest.raises(DoesNotFitError) as caught:
        ready(LPDDR, model, runtime="aot")
    assert "with --place model=lpddr it fits" in caught.value.hint
    chosen = ready(LPDDR, model, runtime="aot", max_arena="auto")
    program, uses = chosen.programs[0], {use.memory: use for use in chosen.tried[-1].uses}
    assert program.adapter["xcore"]["kind"] == "external"
    assert uses["lpddr"].needed == program.region("model").bytes > uses["tile0"].needed
    text = {source.path: source.content.decode() for source in program.sources}
    declared = text["chain_weights.h"].count("extern const ")
    assert declared == text["chain_weights.h"].count(" CHAIN_PLACED;") > 0
    assert 'section(".ExtMem.data")' in text["chain_weights.h"]
    # constants of an archive are in another compiler's code
    for paths, runtime in (((ARCHIVE,), ""), ((SMALL, ARCHIVE), "aot")):
        with pytest.raises(UsageError, match="the constants of chirps_int8"):
            ready(LPDDR, *paths, runtime=runtime, place={"model": "lpddr"})
    with pytest.raises(UsageError, match="two tiles would use the LPDDR"):
        ready(LPDDR, SMALL, DIGITS, runtime="aot", layout="tiles", place={"model": "lpddr"})


def test_fit_tells_the_same(tmp_path: Path) -> None:
    model = dense_chain(tmp_path / "chain.tflite")
    boards = [EXPLORER, LPDDR, "xk-evk-xu316"]
    rows = fit([model], boards, Options(runtime="aot")).boards
    found = {row.board.name: row.verdict for row in rows}
    assert found == {
        EXPLORER: "does not fit",
        LPDDR: "fits elsewhere",
        "xk-evk-xu316": "does not fit",
    }
    rows = fit([DIGITS], boards, Options(runtime="aot", arena_margin=500_000)).boards
    verdicts = {row.board.name: row.verdict for row in rows}
    assert verdicts == {
        EXPLORER: "does not fit",
        LPDDR: "fits elsewhere",
        "xk-evk-xu316": "does not fit",
    }
    (row,) = fit([ARCHIVE], [EXPLORER]).boards
    assert row.verdict == "fits" and row.runtime == "tvm"
    chosen = ready(EXPLORER, ARCHIVE)
    assert row.candidate is not None
    assert row.candidate["memories"][0]["needed"] == chosen.tried[-1].uses[0].needed


def test_inspect_shows_generated_c() -> None:
    found = inspect(DIGITS, Asked(board=EXPLORER, runtime="aot")).document
    arena = ready(EXPLORER, DIGITS, runtime="aot").programs[0].region("arena").bytes
    assert found["arena"]["runtime"] == "aot" and found["arena"]["minimum_bytes"] == arena
    asked = inspect(ROOT / "tests/data/models/ring_buffer_int8.tflite", Asked(board=EXPLORER))
    runtimes = {name: row["ok"] for name, row in asked.document["supported"].items()}
    assert runtimes == {"xcore": False, "aot": True}
    for options in ({"runtime": "tflm"}, {"kernels": "portable", "runtime": "aot"}):
        with pytest.raises(UsageError, match="no choice of kernels"):
            inspect(DIGITS, Asked(board=EXPLORER, **options))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compiler": "xformer"}, "--compiler xformer"),
        ({"compiler": "vela"}, "--compiler vela"),
        ({"compiler_options": {"thread-count": "2"}}, "--compiler-option"),
        ({"kernels": "cmsis_nn"}, "'cmsis_nn'"),
        ({"kernels": "esp_nn"}, "'esp_nn'"),
        ({"kernels": "xcore"}, "'xcore'"),
        ({"custom_ops": {"a": "b"}}, "--custom-op"),
        ({"model_format": "embed"}, "--model-format embed"),
        ({"place": {"model": "flash"}}, "--place model=flash"),
        ({"place": {"model": "tile1"}}, "--place model=tile1"),
        ({"place": {"arena": "tile0", "code": "tile1"}}, "no access"),
        ({"place": {"arena": "flash"}}, "--place arena=flash"),
        ({"place": {"persistent": "tile0"}}, "--place persistent"),
        ({"place": {"model": "sram"}}, 'no memory "sram"'),
        ({"layout": "tiles"}, "one model on each"),
        ({"arena_size": 16}, "--arena-size 16"),
    ],
)
def test_options_that_plain_c_does_not_follow(options: dict[str, Any], words: str) -> None:
    for path, runtime in ((DIGITS, "aot"), (ARCHIVE, "")):
        with pytest.raises(UsageError) as caught:
            ready(LPDDR, path, runtime=runtime, **options)
        assert words in caught.value.what and (caught.value.hint or caught.value.why)


@pytest.mark.parametrize("options", [{"kernels": "portable"}, {"kernels": "auto"}])
def test_portable_kernels_and_no_compiler_can_be_said(options: dict[str, Any]) -> None:
    for path, runtime in ((DIGITS, "aot"), (ARCHIVE, "")):
        assert ready(EXPLORER, path, runtime=runtime, compiler="none", **options).programs


@pytest.mark.parametrize(
    ("paths", "runtime", "words", "hint"),
    [
        ((ARCHIVE,), "aot", "--runtime aot: an archive", "leave --runtime out"),
        ((ARCHIVE,), "xcore", "--runtime xcore: an archive", "leave --runtime out"),
        ((DIGITS, ARCHIVE), "", "chirps_int8 is an archive", "--runtime aot"),
        ((DIGITS, ARCHIVE), "xcore", "chirps_int8 is an archive", "--runtime aot"),
        ((DIGITS,), "tflm", "no runtime 'tflm'", "--runtime xcore, --runtime aot"),
    ],
)
def test_runtimes_that_do_not_go_with_the_inputs(
    paths: tuple[Path, ...], runtime: str, words: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        ready(EXPLORER, *paths, runtime=runtime)
    assert words in caught.value.what and hint in caught.value.hint


def test_the_project_names_no_ai_tools_and_is_c(tmp_path: Path) -> None:
    """Nothing of the wheel is needed to build it, and NOTICE lists what is linked."""
    for number, (path, runtime) in enumerate(((DIGITS, "aot"), (ARCHIVE, ""))):
        out = tmp_path / f"p{number}"
        golden = EXAMPLES / f"{path.name.split('.')[0]}_golden.npz"
        gen_fw.generate([path], EXPLORER, out, goldens=[golden], runtime=runtime, ci="github")
        names = [path for path in out.rglob("*") if path.is_file()]
        assert not [path for path in names if path.suffix in (".cpp", ".cc", ".xc")]
        for name in ("CMakeLists.txt", "NOTICE", ".github/workflows/firmware.yml"):
            text = (out / name).read_text()
            assert "AITOOLS" not in text and "TensorFlow" not in text and "[xmos]" not in text
        assert "xmos_ai_tools" not in (out / "README.md").read_text()
        lock = (out / "gen-fw.lock").read_text()
        assert "xformer" not in lock
        assert not gen_fw.generate([], "", out).changes.of("update", "create", "delete")


def test_a_board_of_ones_own_with_generated_c_as_default(tmp_path: Path) -> None:
    """One tile, no flash; names that are words of CMake files."""
    board = tmp_path / "mine.toml"
    board.write_text(
        'extends = "xcore-ai-explorer"\ntitle = "mine"\n'
        'runtime = { default = "aot", kernels = "portable" }\n'
        'sources = ["runtime: mine"]\n'
    )
    out = tmp_path / "p"
    goldens = [EXAMPLES / f"{path.stem}_golden.npz" for path in (DIGITS, SMALL)]
    made = gen_fw.generate([DIGITS, SMALL], str(board), out, names=["c", "xc"], goldens=goldens)
    assert [program.runtime for program in made.planned.firmware.programs] == ["aot", "aot"]
    names = re.findall(r"^set\((\w+)", (out / "gen" / "sources.cmake").read_text(), re.MULTILINE)
    assert len(set(names)) == len(names)
    shown = inspect(DIGITS, Asked(board=str(board))).document
    assert shown["arena"]["runtime"] == "aot"
    assert fit([DIGITS], [str(board)]).boards[0].runtime == "aot"


def test_stacks_of_programs_on_a_tile_are_one() -> None:
    chosen = ready(EXPLORER, SMALL, DIGITS, runtime="aot")
    tile = next(use for use in chosen.tried[-1].uses if use.memory == "tile0")
    stacks = [item for item in tile.needs if item.label.startswith("stacks")]
    assert [item.bytes for item in stacks] == [max(p.stack_bytes for p in chosen.programs)]
    assert tile.fits
