# SPDX-License-Identifier: Apache-2.0
"""Projects for XMOS xcore.ai, built for this computer with XMOS's own library and run: every memory
mode computes what XMOS's interpreter computes, byte for byte."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from gen_fw import generate
from gen_fw.compilers.xmos_wheel import find_wheel
from gen_fw.pipeline import check
from gen_fw.report.generate import document as generated
from gen_fw.report.run import document
from gen_fw.run.measure import run
from gen_fw.runtimes.xcore.flash import parse
from xcore_models import DIGITS, EXAMPLES, ROOT, SMALL, need_wheel, patient

MOCKS = Path(__file__).resolve().parent / "xcore"
RUN_SCHEMA = ROOT / "generator" / "gen_fw" / "report" / "schemas" / "run.json"


@dataclass(frozen=True)
class Case:
    """One way to lay out a firmware: words of ``--place``, models, more options."""

    place: str = ""
    models: tuple[Path, ...] = (SMALL,)
    board: str = "xcore-ai-explorer-lpddr"
    layout: str = ""
    shared: bool = False

    @property
    def options(self) -> dict[str, Any]:
        return {
            "place": dict(word.split("=") for word in self.place.split()),
            "layout": self.layout,
            "shared_arena": self.shared,
        }


TWO = (SMALL, DIGITS)
CASES = {
    "internal": Case(models=(DIGITS,), board="xcore-ai-explorer"),
    "flash": Case("model=flash", board="xk-evk-xu316"),
    "other_tile": Case("model=tile1"),
    "lpddr_parameters": Case("model=lpddr"),
    "lpddr_arena": Case("arena=lpddr"),
    "lpddr_both": Case("model=lpddr arena=lpddr"),
    "second_tile": Case("code=tile1 model=flash"),
    "two_in_sequence": Case("model=flash", TWO, shared=True),
    "two_internal": Case(models=TWO),
    "one_a_tile": Case("model=flash", TWO, layout="tiles"),
}


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Generated on demand, once."""
    need_wheel()
    return {"": tmp_path_factory.mktemp("xcore")}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch)


def project(projects: dict[str, Path], name: str) -> Path:
    if name not in projects:
        case, out = CASES[name], projects[""] / name
        generate(list(case.models), case.board, out, **case.options)
        projects[name] = out
    return projects[name]


@pytest.mark.parametrize("name", CASES)
def test_every_mode_is_built_and_run(projects: dict[str, Path], name: str) -> None:
    folder = project(projects, name)
    case = CASES[name]
    result = run(folder, environment=os.environ)
    told = document(result)
    jsonschema.validate(told, json.loads(RUN_SCHEMA.read_text()))
    assert told["selftest"] == "pass" and len(told["programs"]) == len(case.models)
    for entry in result.programs:
        assert entry.selftest == "pass"
        # the simulated vector unit's instructions say nothing about the chip
        assert entry.instructions is None and entry.nanoseconds
        assert entry.arena_used <= entry.arena_bytes
        golden = np.load(folder / "gen" / entry.program.name / "golden.npz")
        for output in entry.outputs:
            assert output.array[0].tobytes() == golden[f"out{output.io.position}"].tobytes()
    assert check(folder).ok
    texts = [path.read_bytes() for path in folder.glob("gen/**/*") if path.is_file()]
    assert not any(b"Generated on" in text or b"Args:" in text for text in texts)
    assert not any(str(folder).encode() in text for text in texts)


@pytest.mark.parametrize("name", CASES)
def test_start_up_code_with_channels_and_servers(
    projects: dict[str, Path], name: str, tmp_path: Path
) -> None:
    """gen/start.c under __xcore__ and gen/start.xc, with processes for tiles and jobs: every
    program gets its own parameters over its channel, and servers end where they can."""
    folder = project(projects, name)
    shutil.copytree(folder, tmp_path / "p", ignore=shutil.ignore_patterns("build"))
    work = tmp_path / "p"
    programs = [path.stem for path in CASES[name].models]
    start = (work / "gen" / "start.c").read_text()
    xc = work / "gen" / "start.xc"
    served = re.findall(r"^  (\w+)_xcore_channel = c_\1;$", start, re.MULTILINE)
    arrays = [p for p in programs if (work / "gen" / p / f"{p}_weights.c").exists()]
    image = work / "gen" / "flash.bin"
    expected = {
        p: data for p, data in _parameters(work, served, arrays, image).items() if p in served
    }
    sources = [work / "gen" / "start.c", MOCKS / "servers.c"]
    sources += [work / "gen" / p / f"{p}_weights.c" for p in arrays]
    (work / "app.c").write_text(_application(work, expected))
    sources.append(work / "app.c")
    if xc.exists():
        assert "int main" not in start.split("#else")[0]
        (work / "main.c").write_text(_main(xc.read_text()))
        sources.append(work / "main.c")
    binary = work / "app"
    subprocess.run(
        [
            *("cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D__xcore__"),
            *(f"-I{MOCKS / 'include'}", f"-I{work / 'gen'}", *map(str, sources), "-o", str(binary)),
        ],
        check=True,
        timeout=60,
    )
    ends = CASES[name].layout != "tiles" and served
    if CASES[name].layout == "tiles":
        # nobody ends the flash server there: both applications must have said that they are done
        with pytest.raises(subprocess.TimeoutExpired) as late:
            subprocess.run([str(binary)], cwd=work, capture_output=True, timeout=5)
        text = (late.value.stdout or b"").decode()
    else:
        done = subprocess.run([str(binary)], cwd=work, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        text = done.stdout
    for program in served:
        assert f"{program} has its parameters" in text
    assert text.count("application ended") == (2 if CASES[name].layout == "tiles" else 1)
    assert ("server ended" in text) == bool(ends)


def _parameters(work: Path, served: list[str], arrays: list[str], image: Path) -> dict[str, bytes]:
    """What every program must get, from the image and the arrays as they were generated."""
    found = {}
    for program in arrays:
        text = (work / "gen" / program / f"{program}_weights.c").read_text()
        numbers = re.search(r"= \{\n(.*)\};", text, re.DOTALL)
        assert numbers
        data = np.array([int(n) for n in numbers[1].replace("\n", " ").split(",") if n.strip()])
        found[program] = data.astype(np.int8).tobytes()[20:]
    if image.exists():
        clients = [program for program in served if program not in arrays]
        for program, engine in zip(clients, parse(image.read_bytes(), len(clients)), strict=True):
            assert engine.parameters and not engine.model
            found[program] = engine.parameters
    return found


def _application(work: Path, expected: dict[str, bytes]) -> str:
    """Applications that ask for all parameters and compare them with a file."""
    lines = ['#include "gen_fw_xcore.h"', '#include "flash_server.h"', "#include <string.h>"]
    checks = []
    for program, data in expected.items():
        (work / f"{program}.params").write_bytes(data)
        lines.append(f"unsigned {program}_xcore_channel;")
        checks.append(
            f"  if ({program}_xcore_channel != 0) {{\n"
            f'    get("{program}", {program}_xcore_channel, {len(data) // 4 * 4}u);\n  }}'
        )
    lines.append(
        """
static void get(const char *name, chanend_t channel, uint32_t bytes) __attribute__((unused));
static void get(const char *name, chanend_t channel, uint32_t bytes) {
  char path[64];
  snprintf(path, sizeof path, "%s.params", name);
  FILE *file = fopen(path, "rb");
  chan_out_word(channel, FLASH_READ_PARAMETERS);
  (void)chan_in_word(channel);
  chan_out_word(channel, 0);
  chan_out_word(channel, bytes);
  for (uint32_t at = 0; at < bytes; at += 4) {
    uint32_t wanted = 0;
    if (file == NULL || fread(&wanted, 1, 4, file) != 4 || chan_in_word(channel) != wanted) {
      printf("%s differs at %u\\n", name, (unsigned)at);
      exit(1);
    }
  }
  fclose(file);
  printf("%s has its parameters\\n", name);
}
"""
    )
    body = "\n".join(
        [*checks, '  printf("application ended\\n");', "  fflush(stdout);", "  return 0;"]
    )
    tiles = "app_tile1" in (work / "gen" / "gen_fw_xcore.h").read_text()
    for function in ("app_main", *(["app_tile1"] if tiles else [])):
        lines.append(f"int {function}(void) {{\n{body}\n}}")
    return "\n".join(lines)


def _main(xc: str) -> str:
    """C with processes for what start.xc says with tiles: each call of the par in one of its own.
    XC's rules are checked: every channel has two ends, every function is declared."""
    declared = dict(re.findall(r"^extern void (\w+)\((.*)\);$", xc, re.MULTILINE))
    channels = re.findall(r"^  chan (\w+);$", xc, re.MULTILINE)
    tiles = re.findall(
        r"^    on tile\[([01])\]: (.*?)(?=^    on tile|^  \}\n  return)", xc, re.M | re.S
    )
    assert tiles and len({number for number, _ in tiles}) == len(tiles)
    calls = [call for _, text in tiles for call in re.findall(r"(gen_fw_\w+)\(([^)]*)\);", text)]
    assert sorted(name for name, _ in calls) == sorted(declared)
    used = dict.fromkeys(channels, 0)
    lines = ['#include "mock_xcore.h"']
    lines += [
        f"void {name}({arguments.replace('chanend ', 'chanend_t ')});"
        for name, arguments in declared.items()
    ]
    lines.append("int main(void) {")
    lines += [f"  channel_t {name} = chan_alloc();" for name in channels]
    for name, arguments in calls:
        ends = []
        for channel in filter(None, (word.strip() for word in arguments.split(","))):
            ends.append(f"{channel}.{('end_a', 'end_b')[used[channel]]}")
            used[channel] += 1
        wanted = [word for word in declared[name].split(",") if word.strip() != "void"]
        assert len(ends) == len(wanted)
        lines.append(f"  (void)PJOB({name}, ({', '.join(ends)}));")
    assert set(used.values()) <= {2}
    return "\n".join([*lines, "  return mock_join();", "}"])


def test_the_c_api(projects: dict[str, Path], tmp_path: Path) -> None:
    """Faults are told, another arena serves as well, and programs take a shared arena in turns."""
    folder = tmp_path / "p"
    built = shutil.ignore_patterns("build")
    shutil.copytree(project(projects, "two_in_sequence"), folder, ignore=built)
    (folder / "src" / "main.cpp").write_text((MOCKS / "api_main.cpp").read_text())
    wheel = find_wheel()
    for command in (
        ["cmake", "--preset", "native", f"-DXMOS_AITOOLSLIB_PATH={wheel.runtime}"],
        ["cmake", "--build", "--preset", "native"],
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        ours = [line for line in done.stdout.splitlines() if "warning:" in line]
        assert not ours, ours
    binary = folder / "build" / "native" / "app" / "sine_int8"
    told = subprocess.run([str(binary)], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0 and told.stdout.endswith("all is well\n"), told.stdout


def test_a_regeneration_keeps_vectors_of_the_same_compilation(tmp_path: Path) -> None:
    need_wheel()
    out = tmp_path / "p"
    golden = EXAMPLES / "digits_int8_golden.npz"
    first = generate([DIGITS], "xcore-ai-explorer", out, goldens=[golden])
    vectors = first.planned.firmware.golden[0]
    assert vectors is not None and vectors.origin.startswith("golden file, outputs by XMOS's")
    assert vectors.difference["elements"] == 10 and vectors.difference["largest"] <= 2
    stored = (out / "gen" / "digits_int8" / "golden.npz").read_bytes()
    assert (
        np.load(golden)["out0"].tobytes()
        == np.load(out / "gen" / "digits_int8" / "golden.npz")["tflm_out0"].tobytes()
    )
    told = generated(first)
    schema = RUN_SCHEMA.with_name("generate.json")
    jsonschema.validate(told, json.loads(schema.read_text()))
    assert told["programs"][0]["report"]["difference"] == dict(vectors.difference)
    again = generate([], "", out)
    assert not again.changes.of("update", "create", "delete")
    other = generate([], "", out, compiler_options={"xcore-thread-count": "1"})
    vectors = other.planned.firmware.golden[0]
    assert vectors is not None and vectors.origin != first.planned.firmware.golden[0].origin  # type: ignore[union-attr]
    assert (out / "gen" / "digits_int8" / "golden.npz").read_bytes() == stored  # same numbers
    assert "--xcore-thread-count=1" in (out / "gen-fw.lock").read_text()


def test_the_archive_of_either_release_is_found(tmp_path: Path) -> None:
    """aitools.cmake with the folders of two releases of the wheel, for xcore.ai: 1.4.3 has renamed
    its archives."""
    aitools = ROOT / "examples" / "projects" / "xmos_xcommon" / "gen" / "aitools.cmake"
    for release, name in (("1.4.2", ""), ("1.4.3", "_xs3a")):
        runtime = tmp_path / release / "xmos_ai_tools" / "runtime"
        for folder in ("buildfiles", "lib"):
            (runtime / folder).mkdir(parents=True)
        (runtime.parents[1] / f"xmos_ai_tools-{release}.dist-info").mkdir()
        (runtime / "lib" / f"libxtflitemicro{name}.a").touch()
        old = '"${CMAKE_CURRENT_LIST_DIR}/../lib/libxtflitemicro.a"'
        (runtime / "buildfiles" / "aitoolslib.cmake").write_text(
            f"set(XMOS_AITOOLSLIB_LIBRARIES {old})\n"
        )
        script = tmp_path / f"{release}.cmake"
        script.write_text(
            f'include("{aitools}")\nmessage(STATUS "found ${{XMOS_AITOOLSLIB_LIBRARIES}}")\n'
        )
        environment = {**os.environ, "XMOS_AITOOLSLIB_PATH": str(runtime)}
        command = ["cmake", "-P", str(script)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode == 0, done.stderr
        assert f"lib/libxtflitemicro{name}.a" in done.stdout
        assert ("another release is installed" in done.stderr) == (release != "1.4.2")
    done = subprocess.run(
        ["cmake", "-P", str(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "XMOS_AITOOLSLIB_PATH": str(tmp_path)},
        timeout=60,
    )
    assert done.returncode != 0 and "pip install xmos-ai-tools==1.4.2" in " ".join(
        done.stderr.split()
    )


def test_bytes_do_not_depend_on_the_day_or_place(tmp_path: Path) -> None:
    need_wheel()
    fake = shutil.which("faketime")
    contents = []
    for index, folder in enumerate(("one", "another folder with spaces")):
        out = tmp_path / folder / "p"
        out.parent.mkdir()
        prefix = [fake, "2031-03-04 05:06:07"] if fake and index else []
        model = EXAMPLES.parents[1] / "tests" / "data" / "models" / "branches_int8.tflite"
        subprocess.run(
            [
                *(*prefix, sys.executable, "-m", "gen_fw", str(model), "-q", "-o", str(out)),
                *("--board=xcore-ai-explorer", "--place=model=tile1"),
            ],
            check=True,
            capture_output=True,
            timeout=120,
            env={**os.environ, "PYTHONHASHSEED": str(index), "X": "y" * 1000 * index},
        )
        contents.append(
            {p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
        )
    assert contents[0].keys() == contents[1].keys()
    assert [path for path in contents[0] if contents[0][path] != contents[1][path]] == []
