# SPDX-License-Identifier: Apache-2.0
"""Plain C for xcore.ai, without XMOS's AI tools: built for this computer and run, compiled for a
32-bit processor as XTC would see it, and its start-up on two tiles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gen_fw
from gen_fw.pipeline import check
from gen_fw.run.measure import Wishes, run
from mlf_writer import VARIANTS, members, write_tar
from mlf_writer import run as answer
from xcore_models import ARCHIVE, DIGITS, EXAMPLES, OURS, OWN, REAL, SMALL, need_wheel

MOCKS = Path(__file__).resolve().parent / "xcore"
LPDDR = "xcore-ai-explorer-lpddr"
#: models that xformer refuses, by what they are about
REFUSED = ("ring_buffer_int8", "if_square_double", "lstm_int8", "cnn_float32")


@pytest.fixture(autouse=True)
def _warnings_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFLAGS", "-Werror")


def generated(out: Path, *paths: Path, **options: Any) -> Path:
    goldens = [EXAMPLES / f"{path.name.split('.')[0]}_golden.npz" for path in paths]
    board = options.pop("board", LPDDR)
    gen_fw.generate(list(paths), board, out, goldens=goldens, **options)
    return out


def verdicts(folder: Path) -> dict[str, str]:
    result = run(folder, environment=os.environ, seconds=600)
    assert check(folder).ok
    return {entry.program.name: entry.selftest for entry in result.programs}


@pytest.mark.parametrize(
    ("paths", "options"),
    [
        ((DIGITS,), {"runtime": "aot", "board": "xcore-ai-explorer"}),
        ((ARCHIVE,), {"board": "xk-evk-xu316"}),
        ((SMALL, ARCHIVE, DIGITS), {"runtime": "aot", "shared_arena": True}),
        ((DIGITS,), {"runtime": "aot", "place": {"model": "lpddr", "arena": "lpddr"}}),
    ],
    ids=["aot", "archive", "both", "lpddr"],
)
def test_it_is_built_and_run(
    paths: tuple[Path, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    folder = generated(tmp_path / "p", *paths, **options)
    names = [path.name.split(".")[0] for path in paths]
    assert verdicts(folder) == dict.fromkeys(names, "pass")
    told = subprocess.run(
        [str(folder / "build" / "native" / "app" / names[0])], capture_output=True, text=True
    )
    assert told.returncode == 0
    assert [line for line in told.stdout.splitlines() if line.startswith("SELFTEST")] == [
        f"SELFTEST {name} PASS" for name in names
    ]
    assert "XCORE" not in (folder / "build" / "native" / "compile_commands.json").read_text()


def test_a_profile_counts_by_operator(tmp_path: Path) -> None:
    folder = generated(tmp_path / "p", DIGITS, runtime="aot")
    (program,) = run(folder, wishes=Wishes(profile=True), environment=os.environ).programs
    counted = {row.operator.name: row.count for row in program.profile}
    assert counted["CONV_2D"] > counted["RESHAPE"] == 0


#: clang has LLVM's back end for XMOS's XCore (XS1), of which XTC's compiler is a descendant; both
#: take the headers of picolibc, as XTC's are not there
PICOLIBC = Path("/usr/lib/picolibc/riscv64-unknown-elf/include")
OTHERS = {
    "clang": ["--target=xcore", "-S", "-D__IEEE_LITTLE_ENDIAN", "-isystem", str(PICOLIBC)],
    "riscv64-unknown-elf-gcc": [
        *("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs", "-D__xcore__", "-c")
    ],
}


def compiles(folder: Path, compiler: str, work: Path) -> None:
    """All C as strict C11 with __xcore__ defined, by another compiler: XTC was not there."""
    if shutil.which(compiler) is None or not PICOLIBC.is_dir():
        pytest.skip(f"{compiler} or picolibc is not installed")
    if compiler == "clang":
        known = subprocess.run(["clang", "--print-targets"], capture_output=True, text=True)
        if "xcore" not in known.stdout:
            pytest.skip("clang has no back end for XCore")
    listed = (folder / "gen" / "sources.cmake").read_text()
    sources = re.findall(r"gen/\S+\.c\b", listed.partition("set(GEN_FW_DEFINITIONS")[0])
    sources += [f"src/{name}.c" for name in ("main", "preprocess", "postprocess")]
    assert len(set(sources)) == len(sources) > 9
    headers = [MOCKS / "include", folder / "gen", folder / "src", *folder.glob("gen/*/mlf/include")]
    for source in sources:
        command = [compiler, *OTHERS[compiler], "-std=c11", "-pedantic", "-O2", "-Wall", "-Wextra"]
        command += ["-Werror", "-DGEN_FW_PROFILE=1", "-DGEN_FW_PROFILE_COUNTER=board_count"]
        command += [*(f"-I{path}" for path in headers), str(folder / source)]
        done = subprocess.run(
            [*command, "-o", str(work / "out")], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{source}: {done.stderr}"


@pytest.mark.parametrize(
    ("compiler", "place"),
    [
        ("clang", "arena=lpddr"),
        ("clang", "arena=lpddr model=lpddr"),
        ("clang", "code=tile1"),
        ("riscv64-unknown-elf-gcc", "arena=lpddr"),
    ],
)
def test_what_is_for_the_chip_compiles(compiler: str, place: str, tmp_path: Path) -> None:
    words = dict(word.split("=") for word in place.split())
    # constants of an archive cannot lie elsewhere
    second = SMALL if "model" in words else ARCHIVE
    folder = generated(tmp_path / "p", DIGITS, second, runtime="aot", place=words)
    compiles(folder, compiler, tmp_path)


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ({"layout": "tiles"}, [("0", "gen_fw_tile0"), ("1", "gen_fw_tile1")]),
        ({"place": {"code": "tile1"}}, [("1", "gen_fw_tile1")]),
    ],
    ids=["a_model_each", "second_tile"],
)
def test_start_up_on_tiles(
    options: dict[str, Any], calls: list[tuple[str, str]], tmp_path: Path
) -> None:
    """gen/start.xc says which function runs where; gen/start.c has it and calls the application."""
    folder = generated(tmp_path / "p", SMALL, DIGITS, runtime="aot", **options)
    xc = (folder / "gen" / "start.xc").read_text()
    assert re.findall(r"on tile\[([01])\]: (\w+)\(\);", xc) == calls
    assert "set(GEN_FW_XC_SRCS gen/start.xc)" in (folder / "gen" / "sources.cmake").read_text()
    applications = ["app_main", *(["app_tile1"] if len(calls) > 1 else [])]
    lines = ['#include <stdio.h>\n#include "gen_fw_xcore.h"']
    lines += [f'int {name}(void) {{ return puts("{name}") < 0; }}' for name in applications]
    lines += [f"void {name}(void);" for _, name in calls]
    lines.append(f"int main(void) {{ {' '.join(f'{name}();' for _, name in calls)} }}")
    main = tmp_path / "main.c"
    main.write_text("\n".join(lines) + "\n")
    command = ["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-D__xcore__", f"-I{folder}/gen"]
    command += [str(main), str(folder / "gen" / "start.c"), "-o", str(tmp_path / "a")]
    subprocess.run(command, check=True, timeout=60)
    told = subprocess.run([str(tmp_path / "a")], capture_output=True, text=True, timeout=10)
    assert told.stdout.split() == applications
    # on this computer one after the other
    assert verdicts(folder) == {"sine_int8": "pass", "digits_int8": "pass"}


def test_from_xformers_cpp_to_plain_c_and_back(tmp_path: Path) -> None:
    """The application in C stands beside the one in C++, which is the user's."""
    need_wheel()
    folder = generated(tmp_path / "p", SMALL)
    assert (folder / "gen" / "aitools.cmake").is_file()
    generated(folder, SMALL, runtime="aot")
    assert verdicts(folder) == {"sine_int8": "pass"}
    assert (folder / "src" / "main.cpp").is_file() and (folder / "src" / "main.c").is_file()
    assert not (folder / "gen" / "aitools.cmake").exists()
    assert not list((folder / "gen").rglob("*.cpp"))


def test_a_users_own_cpp_is_compiled(tmp_path: Path) -> None:
    folder = generated(tmp_path / "p", SMALL, runtime="aot")
    (folder / "src" / "more.cpp").write_text('extern "C" int more(void) { return 7; }\n')
    lists = folder / "CMakeLists.txt"
    text = lists.read_text()
    lists.write_text(text.replace('GEN_FW_APP_CXX_SRCS ""', "GEN_FW_APP_CXX_SRCS src/more.cpp", 1))
    main = folder / "src" / "main.c"
    main.write_text(
        main.read_text()
        .replace("  print_banner();", "  print_banner();\n  (void)more();")
        .replace("enum { kInf", "int more(void);\n\nenum { kInf")
    )
    assert verdicts(folder) == {"sine_int8": "pass"}


@pytest.mark.full
@pytest.mark.parametrize("name", [*REAL, *OWN, *REFUSED])
def test_a_model(name: str, tmp_path: Path, request: Any) -> None:
    if name in REAL:
        model = request.getfixturevalue("shared") / "models" / f"{REAL[name]}.tflite"
        golden = model.with_suffix(".npz")
    else:
        model = OWN.get(name, OURS / f"{name}.tflite")
        golden = model.with_name(f"{model.stem}_golden.npz")
    folder = tmp_path / "p"
    goldens = [golden] if golden.is_file() else []
    gen_fw.generate(
        [model], "xcore-ai-explorer", folder, names=[name], goldens=goldens, runtime="aot"
    )
    assert verdicts(folder) == {name: "pass"}
    compiles(folder, "clang", tmp_path)


@pytest.mark.full
def test_every_version_and_variant_of_archives(tmp_path: Path) -> None:
    given = np.random.default_rng(3).integers(-128, 128, (1, 8), dtype=np.int8)
    paths, goldens = [], []
    for name, variant in VARIANTS.items():
        paths.append(write_tar(tmp_path / f"{name}.tar", members(variant)))
        goldens.append(tmp_path / f"{name}.npz")
        np.savez(goldens[-1], in0=given, out0=answer(given, variant))
    gen_fw.generate(paths, LPDDR, tmp_path / "p", goldens=goldens)
    assert verdicts(tmp_path / "p") == dict.fromkeys(VARIANTS, "pass")
    compiles(tmp_path / "p", "clang", tmp_path)
