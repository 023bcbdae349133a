# SPDX-License-Identifier: Apache-2.0
"""Context and rendering: what a project consists of, and what users may change about it."""

from __future__ import annotations

import dataclasses
import doctest
import json
import re
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.boards.load import all_boards, load_board
from gen_fw.errors import ModelError, UsageError
from gen_fw.memory.place import place
from gen_fw.program import Constant, Firmware
from gen_fw.project import templating
from gen_fw.project.context import ProjectOptions, build, constants
from gen_fw.project.family import load_family
from gen_fw.project.plan import Chunks, ProjectFile, ProjectPlan, chunks
from gen_fw.project.render import render
from gen_fw.resources import templates_root
from host_firmware import BOARD, firmware_of, plan_of

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "data" / "models"


@pytest.fixture(scope="module")
def firmware() -> Firmware:
    """Two programs with vectors: several inputs and outputs, and one that keeps state."""
    names = {"both": "multi_io", "ring": "ring_buffer_int8"}
    return firmware_of(
        {name: MODELS / f"{stem}.tflite" for name, stem in names.items()},
        {name: MODELS / f"{stem}_golden.npz" for name, stem in names.items()},
    )


def files(plan: ProjectPlan) -> dict[str, ProjectFile]:
    return {file.path: file for file in plan.files}


def text(file: ProjectFile) -> str:
    return b"".join(chunks(file.content)).decode()


def test_owners(firmware: Firmware) -> None:
    plan = plan_of(firmware, options=ProjectOptions(ci="github"))
    for file in plan.files:
        folder = file.path.split("/")[0]
        assert file.owner == {"gen": "ours", "main": "yours"}.get(folder, "shared"), file.path
    assert [file.path for file in plan.files] == sorted(file.path for file in plan.files)
    assert {
        ".clangd",
        ".editorconfig",
        ".gitattributes",
        ".github/workflows/firmware.yml",
        ".gitignore",
        ".vscode/launch.json",
        "CMakeLists.txt",
        "LICENSES/Apache-2.0.txt",
        "NOTICE",
        "README.md",
        "gen/both/golden.npz",
        "gen/both/model.tflite",
        "gen/idf_component.yml",
        "main/app_main.cc",
        "partitions.csv",
        "sdkconfig.defaults",
        "sdkconfig.defaults.esp32s3",
    } <= files(plan).keys()


def test_every_text_file_has_its_licence_and_no_trace_of_the_machine(firmware: Firmware) -> None:
    for ci in ("none", "github", "gitlab"):
        plan = plan_of(firmware, options=ProjectOptions(ci=ci))
        for file in plan.files:
            if file.path.endswith((".tflite", ".npz")) or file.path.startswith("LICENSES/"):
                continue
            content = text(file)
            assert "SPDX-License-Identifier: Apache-2.0" in content[:200], file.path
            assert content.endswith("\n"), file.path
            assert not content.endswith("\n\n"), file.path
            assert "\n\n\n" not in content, file.path
            assert not re.search(r"[ \t]\n", content), file.path
            assert "/home/" not in content and str(ROOT) not in content, file.path
            assert not re.search(r"\b20\d\d-\d\d-\d\d\b", content), file.path


def test_rendering_is_deterministic_and_fast(firmware: Firmware) -> None:
    single = dataclasses.replace(
        firmware, programs=firmware.programs[:1], golden=firmware.golden[:1]
    )
    seconds = []
    plans = []
    for _ in range(3):
        start = time.process_time()
        plans.append(plan_of(single))
        seconds.append(time.process_time() - start)
    assert [text_of(plan) for plan in plans[1:]] == [text_of(plans[0])] * 2
    assert min(seconds) < 0.15


def text_of(plan: ProjectPlan) -> list[tuple[str, bytes]]:
    return [(file.path, b"".join(chunks(file.content))) for file in plan.files]


def test_every_board_renders(firmware: Firmware) -> None:
    for board in all_boards():
        if board.kernels == "xcore":
            continue  # what xformer makes is rendered there: tests/functional/test_xcore.py
        chosen, tried = place(firmware.programs, board)
        placed = dataclasses.replace(firmware, chosen=chosen, tried=tried)
        plan = files(plan_of(placed, board=board.name))
        assert plan["README.md"] and plan["NOTICE"]
        if board.family != "esp_idf":
            continue
        target = board.family_data["target"]
        defaults = text(plan[f"sdkconfig.defaults.{target}"])
        flash = board.memory("flash").bytes
        assert f"CONFIG_ESPTOOLPY_FLASHSIZE_{flash >> 20}MB=y" in defaults
        assert f"idf.py set-target {target}" in text(plan["README.md"])
        rows = [
            [cell.strip() for cell in line.split(",")]
            for line in text(plan["partitions.csv"]).splitlines()
            if not line.startswith("#")
        ]
        sizes = {row[0]: int(row[4], 16) for row in rows}
        assert sizes["factory"] % 0x10000 == 0
        # bootloader, table and the small partitions end by the second 64 KiB page at most
        assert sizes["factory"] + 2 * 0x10000 <= flash


def test_context_is_plain_and_documented(firmware: Firmware) -> None:
    family = load_family("esp_idf")
    context = build(firmware, load_board(BOARD), family, ProjectOptions())
    assert json.loads(json.dumps(context)) == context
    page = (ROOT / "docs" / "templates.md").read_text()
    program = context["programs"][0]
    for table in (context, program, program["inputs"][0], context["arenas"][0], context["esp_idf"]):
        for key in table:
            assert f"`{key}`" in page, key
    native = load_family("native_cmake")
    emulated = build(firmware, load_board("qemu-cortex-m4"), native, ProjectOptions())
    pages = page + (ROOT / "docs" / "boards.md").read_text()
    for key in emulated["native_cmake"]:
        assert f"`{key}`" in pages, key
    alif = load_board("alif-e7-hp")
    chosen, tried = place(firmware.programs, alif)
    placed = dataclasses.replace(firmware, chosen=chosen, tried=tried)
    npu = load_family("alif_cmake")
    for key in build(placed, alif, npu, ProjectOptions())["alif_cmake"]:
        assert f"`{key}`" in pages, key
    for path in (*native.folder.rglob("*.j2"), *npu.folder.rglob("*.j2")):
        for block in re.findall(r"{% block (\w+)", path.read_text()):
            assert f"`{block}`" in page, block
    for name in ("main/app_main.cc.j2", "README.md.j2"):
        source = (templates_root() / "esp_idf" / name).read_text()
        for block in re.findall(r"{% block (\w+)", source):
            assert f"`{block}`" in page, block


def test_notice_of_a_licence_without_text(firmware: Firmware) -> None:
    board = dataclasses.replace(load_board(BOARD), licence="LicenseRef-Own")
    family = load_family("esp_idf")
    context = build(firmware, board, family, ProjectOptions())
    plan = files(render(family, context, constants(firmware)))
    assert "\nLicenseRef-Own\n" in text(plan["NOTICE"])  # there is no page of it
    assert "LICENSES/LicenseRef-Own.txt" not in plan


def test_a_model_without_outputs_is_refused(firmware: Firmware) -> None:
    mute = dataclasses.replace(firmware.programs[0], outputs=())
    with pytest.raises(ModelError, match="no outputs"):
        plan_of(dataclasses.replace(firmware, programs=(mute,), golden=(None,)))


def test_unknown_layout(firmware: Firmware) -> None:
    with pytest.raises(UsageError, match="layout") as caught:
        plan_of(firmware, options=ProjectOptions(layout="flat"))
    assert "component" in caught.value.hint


def test_large_models_are_streamed(firmware: Firmware) -> None:
    program = firmware.programs[0]
    data = memoryview(bytes(range(256)) * 4096 * 8)
    large = dataclasses.replace(program, constants=(Constant("model", data),))
    single = dataclasses.replace(firmware, programs=(large,), golden=(None,))
    file = files(plan_of(single))["gen/both/both_model_data.c"]
    assert isinstance(file.content, Chunks)
    pieces = [len(piece) for piece in chunks(file.content)]
    assert max(pieces) < 1 << 20
    assert sum(pieces) > 6 * len(data)
    assert b"".join(file.content.open()) == b"".join(file.content.open())


def test_arrays_hold_the_bytes(firmware: Firmware) -> None:
    plan = files(plan_of(firmware))
    model = firmware.programs[0].constants[0].data
    cells = re.findall(r"0x([0-9a-f]{2}),", text(plan["gen/both/both_model_data.c"]))
    assert bytes(int(cell, 16) for cell in cells) == bytes(model)
    assert b"".join(chunks(plan["gen/both/model.tflite"].content)) == bytes(model)


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    return tmp_path / "templates"


def put(folder: Path, name: str, content: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_override_of_a_file(firmware: Firmware, overrides: Path) -> None:
    put(overrides, "partitions.csv.j2", "# {{ project.name }}\n")
    put(overrides, "gitignore", "mine\n")
    put(overrides, ".DS_Store", "ignored")
    plan = plan_of(firmware, template_dirs=[overrides])
    assert text(files(plan)["partitions.csv"]) == "# both\n"
    assert text(files(plan)[".gitignore"]) == "mine\n"
    receipt = plan.receipt["templates"]
    assert isinstance(receipt, dict)
    assert receipt["overridden"] == ["gitignore", "partitions.csv.j2"]
    put(overrides, "gitignore", "other\n")
    changed = plan_of(firmware, template_dirs=[overrides]).receipt["templates"]
    assert isinstance(changed, dict)
    assert changed["sha256"] != receipt["sha256"]


def test_override_of_a_block(firmware: Firmware, overrides: Path) -> None:
    name = "main/app_main.cc.j2"
    put(
        overrides,
        name,
        '{% extends "!main/app_main.cc.j2" %}\n'
        "{% block banner %}{{ super() }}// mine: {{ board.chip }}\n{% endblock %}\n",
    )
    before = text(files(plan_of(firmware))["main/app_main.cc"])
    plan = plan_of(firmware, template_dirs=[overrides])
    after = text(files(plan)["main/app_main.cc"])
    receipt = plan.receipt["templates"]
    assert isinstance(receipt, dict)
    assert receipt["overridden"] == ["main/app_main.cc.j2 (banner)"]
    assert [line for line in after.splitlines() if line not in before.splitlines()] == [
        "// mine: esp32s3"
    ]


@pytest.mark.parametrize(
    ("name", "content", "where", "said"),
    [
        ("main/app_main.cc", "", "--template-dir", "main/app_main.cc.j2"),
        (
            "main/app_main.cc.j2",
            '{% extends "!main/app_main.cc.j2" %}\n{% block baner %}{% endblock %}',
            "main/app_main.cc.j2, line 2",
            "banner",
        ),
        ("NOTICE.j2", "first\n{{ project.nam }}\n", "NOTICE.j2, line 2", "nam"),
        ("NOTICE.j2", "\n\n{% if %}", "NOTICE.j2, line 3", ""),
        ("NOTICE.j2", "{{ ''.__class__.__mro__ }}", "NOTICE.j2", "__class__"),
        ("NOTICE.j2", "{{ project.update(name='x') }}", "NOTICE.j2", ""),
        ("NOTICE.j2", '{% include "../../../etc/passwd" %}', "NOTICE.j2", "passwd"),
        ("NOTICE.j2", '{% include "/etc/passwd" %}', "NOTICE.j2", "passwd"),
        ("NOTICE.j2", '{% include "../../README.md" %}', "NOTICE.j2", "README.md"),
        ("NOTICE.j2", '{% extends "NOTICE.j2" %}', "NOTICE.j2", "!NOTICE.j2"),
        ("NOTICE.j2", "{{ 1 + 'a' }}", "NOTICE.j2, line 1", ""),
        ("NOTICE.j2", '{{ array("nothing") }}', "NOTICE.j2", "nothing"),
        ("NOTICE.j2", '{{ "a b" | identifier }}', "NOTICE.j2, line 1", "a b"),
    ],
)
def test_faulty_overrides(
    name: str, content: str, where: str, said: str, firmware: Firmware, overrides: Path
) -> None:
    put(overrides, name, content)
    with pytest.raises(UsageError) as caught:
        plan_of(firmware, template_dirs=[overrides])
    error = caught.value
    assert where in error.where
    assert said in f"{error.what} {error.why} {error.hint}"


def test_overrides_never_leave_their_folder(firmware: Firmware, overrides: Path) -> None:
    secret = overrides.parent / "secret"
    secret.write_text("secret")
    overrides.mkdir()
    (overrides / "NOTICE.j2").symlink_to(secret)
    with pytest.raises(UsageError, match="link"):
        plan_of(firmware, template_dirs=[overrides])
    (overrides / "NOTICE.j2").unlink()
    (overrides / "app").symlink_to(overrides.parent, target_is_directory=True)
    with pytest.raises(UsageError, match="link"):
        plan_of(firmware, template_dirs=[overrides])
    with pytest.raises(UsageError, match="no such folder"):
        plan_of(firmware, template_dirs=[overrides / "none"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('schema = "gen-fw/family/2"', "gen-fw/family/1"),
        ('schema = "gen-fw/family/1"\ncolour = "red"', "colour"),
        ('schema = "gen-fw/family/1"\n[[file]]\npath = "a"\nowner = "ours"', "template"),
        ('schema = "gen-fw/family/1"\n[[file]]\npath = "a"\nowner = "me"\nraw = "b"', "owner"),
        ("schema = ", "family.toml"),
    ],
)
def test_faulty_families(content: str, said: str, tmp_path: Path) -> None:
    put(tmp_path, "strange/family.toml", content)
    with pytest.raises(UsageError) as caught:
        load_family("strange", tmp_path)
    assert said in f"{caught.value} {caught.value.hint}"


def test_unknown_family(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        load_family("nowhere", tmp_path)


@pytest.mark.parametrize("name", sorted({board.family for board in all_boards()}))
def test_every_template_and_flag_is_used(name: str) -> None:
    """A template that no rule names, or a flag that nothing sets, is a leftover or a typo."""
    family = load_family(name)
    named = {rule.source for rule in family.files if rule.origin != "constant"}
    spdx = {f"licences/{name}.txt" for name in ("Apache-2.0", "BSD-3-Clause", "MIT")}
    present = {
        path.relative_to(family.folder).as_posix()
        for path in family.folder.rglob("*")
        if path.is_file() and path.name != "family.toml"
    }
    included = {
        word
        for path in family.folder.rglob("*.j2")
        for word in re.findall(r'{% include "([^"]+)" %}', path.read_text())
    }
    assert present <= named | included
    for path in named - {"licences/{spdx}.txt"} | spdx:
        assert any((folder / path).is_file() for folder in (family.folder, family.shared_folder))
    known = re.compile(
        r"(ci-(none|github|gitlab)|model-(array|embed)|runtime-\w+|layout-\w+"
        r"|archive|golden|labels|picture|reference|rewritten|shared-arena|any-golden|any-runtime-\w+|licence-text"
        r"|two-tiles|dispatched|flash|own-xn|weights|flash-image"
        r"|host|emulated|any-npu|compiled|third-party|toolchain-(arm-none-eabi|riscv64-unknown-elf))"
    )
    for rule in family.files:
        assert all(known.fullmatch(flag.removeprefix("!")) for flag in rule.when), rule


def test_render_refuses_two_files_at_one_place(firmware: Firmware) -> None:
    family = load_family("esp_idf")
    twice = dataclasses.replace(family, files=(*family.files, family.files[0]))
    context = build(firmware, load_board(BOARD), family, ProjectOptions())
    with pytest.raises(Exception, match="two files"):
        render(twice, context, constants(firmware))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_c_float_is_exact(value: float) -> None:
    literal = templating.c_float(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal)
    assert re.search(r"[.e]", literal)
    assert struct.pack("<f", float(literal[:-1])) == struct.pack("<f", value)


def test_header_has_the_numbers_of_the_program(firmware: Firmware) -> None:
    """The compile-time numbers of the header are those of the program."""
    header = text(files(plan_of(firmware))["gen/both/both.h"])
    values: dict[str, Any] = dict(re.findall(r"#define BOTH_(\w+) (\S+)", header))
    program = firmware.programs[0]
    for io, label in ((program.inputs, "INPUT"), (program.outputs, "OUTPUT")):
        assert values[f"{label}S"] == str(len(io))
        for tensor in io:
            assert values[f"{label}{tensor.position}_ELEMENTS"] == f"{tensor.elements}u"
            assert values[f"{label}{tensor.position}_BYTES"] == f"{tensor.bytes}u"
            assert values[f"{label}{tensor.position}_RANK"] == str(len(tensor.shape))


def test_examples_in_docstrings() -> None:
    results = doctest.testmod(templating)
    assert results.attempted >= 3
    assert results.failed == 0
