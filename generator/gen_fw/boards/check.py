# SPDX-License-Identifier: Apache-2.0
"""Turns the merged TOML of a board into a Board, or says exactly what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from gen_fw.boards import alif_cmake, ambiq_make, esp_idf, native_cmake, xmos_xcommon
from gen_fw.boards.accelerator import read as accelerator
from gen_fw.boards.board import Board, Cpu, Memory, Sdk
from gen_fw.boards.table import ID, Table

#: family -> reader of the table of that name; a new family adds a module and a line here
FAMILIES: Mapping[str, Callable[[Table, tuple[Memory, ...]], dict[str, Any]]] = {
    "alif_cmake": alif_cmake.read,
    "ambiq_make": ambiq_make.read,
    "esp_idf": esp_idf.read,
    "native_cmake": native_cmake.read,
    "xmos_xcommon": xmos_xcommon.read,
}
ABIS = ("xtensa", "riscv-ilp32", "riscv-ilp32f", "arm-eabi", "lp64", "xcore")
RUNTIMES = ("tflm", "aot", "tvm", "xcore")
KERNELS = ("reference", "cmsis_nn", "esp_nn", "ethos_u", "portable", "xcore")
ROLES: tuple[str, ...] = ("arena", "model", "code")
#: 4 GiB: all that a 32-bit address reaches
MAX_BYTES = 1 << 32
_SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_RANGE = re.compile(r"(?:[<>]=?|==|!=|~=)\d+(?:\.\d+)*(?:,(?:[<>]=?|==|!=|~=)\d+(?:\.\d+)*)*")
_RELEASE = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")


def board(name: str, chip: str, data: Mapping[str, Any], file: str) -> Board:
    """The Board that ``data`` (one TOML document, ``extends`` already resolved) describes.

    ``file`` stands in errors only. ``chip`` is used where the data names none.

    Raises:
        UsageError: a key is missing, unknown, or its value makes no sense.
    """
    top = Table(data, file)
    memories = _memories(top)
    cpu = _cpu(top.table("cpu"))
    runtime = top.table("runtime")
    sdk = top.table("sdk")
    family = top.choice("family", FAMILIES)
    result = Board(
        name=name,
        title=top.text("title"),
        vendor=top.word("vendor", ID),
        family=family,
        chip=top.word("chip", ID, chip),
        cpu=cpu,
        default_runtime=runtime.choice("default", RUNTIMES),
        kernels=runtime.choice("kernels", KERNELS),
        memories=memories,
        placement=_placement(top.table("placement"), memories),
        sdk=Sdk(
            name=sdk.word("name", ID),
            requires=sdk.word("requires", _RANGE),
            tflm=sdk.word("tflm", _RELEASE, ""),
            prebuilt=sdk.boolean("prebuilt", False),
        ),
        licence=top.word("licence", _SPDX),
        sources=top.texts("sources"),
        family_data=FAMILIES[family](top.table(family), memories),
        accelerator=accelerator(top.table("accelerator"), memories)
        if "accelerator" in top
        else None,
    )
    if family == "esp_idf":
        for role in ("model", "code"):
            if result.placement[role] != ("flash",):
                why = "ESP-IDF projects keep it in flash; the arena alone has a choice"
                top.fail(f"placement.{role}", 'must be ["flash"]', why=why)
    if not result.sources:
        top.fail("sources", "no source", hint="name the datasheet or file of every number")
    for table in (runtime, sdk, top):
        table.close()
    return result


def _cpu(table: Table) -> Cpu:
    cpu = Cpu(
        isa=table.word("isa", ID),
        cores=table.integer("cores", 1, 64),
        clock_mhz=table.integer("clock_mhz", 1, 10_000),
        abi=table.choice("abi", ABIS),
        features=table.texts("features", ()),
    )
    table.close()
    return cpu


def _memories(top: Table) -> tuple[Memory, ...]:
    memories: list[Memory] = []
    for table in top.tables("memories"):
        name = table.word("name", ID)
        if any(memory.name == name for memory in memories):
            table.fail("name", f'memory "{name}" stands twice')
        size = table.integer("bytes", 1, MAX_BYTES)
        kind: Literal["ram", "rom"] = (
            "rom" if table.choice("kind", ("ram", "rom")) == "rom" else "ram"
        )
        memories.append(
            Memory(
                name=name,
                bytes=size,
                rank=table.integer("rank", 1, 100),
                kind=kind,
                reserved=table.integer("reserved", 0, size, 0),
                npu_visible=table.boolean("npu_visible", False),
                note=table.text("note", ""),
                loaded_from=table.word("loaded_from", ID, ""),
            )
        )
        table.close()
    kinds = {memory.name: memory.kind for memory in memories}
    for memory in memories:
        if memory.loaded_from and (memory.kind, kinds.get(memory.loaded_from)) != ("ram", "rom"):
            top.fail(
                "memories",
                f'{memory.name} is loaded from "{memory.loaded_from}"',
                why="RAM is loaded from a read-only memory of the board",
            )
    return tuple(memories)


def _placement(table: Table, memories: tuple[Memory, ...]) -> dict[str, tuple[str, ...]]:
    kinds = {memory.name: memory.kind for memory in memories}
    placement: dict[str, tuple[str, ...]] = {}
    for role in ROLES:
        names = table.texts(role)
        if not names:
            table.fail(role, "no memory named")
        for index, name in enumerate(names):
            place = f"{role}[{index}]"
            if name not in kinds:
                known = ", ".join(kinds)
                table.fail(place, f'the board has no memory "{name}"', hint=f"it has {known}")
            if role == "arena" and kinds[name] != "ram":
                table.fail(place, f'the arena cannot live in "{name}"', why="that is not RAM")
        placement[role] = names
    table.close()
    return placement
