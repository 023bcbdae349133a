# SPDX-License-Identifier: Apache-2.0
"""The vendors' kernel libraries, compiled from real trees for the targets of the ahead-of-time
tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aot_targets import Target, run_tool

#: library -> (include folders, patterns of sources, patterns of file names left out)
_PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "cmsis_nn": (("Include",), ("Source/*/*.c",), ("_f16", "_f32")),
    "esp_nn": (
        ("include", "src/common"),
        ("src/*/*_ansi.c", "src/*/*_opt.c"),
        (),
    ),
}
#: the variant of ESP-NN that chips without assembler of their own use
_DEFINES = {"cmsis_nn": (), "esp_nn": ("-DCONFIG_NN_OPTIMIZED",)}


def with_library(target: Target, library: str, tree: Path, work: Path) -> Target:
    """``target`` with a library of ``tree`` to include and to link, built in ``work``."""
    includes, patterns, without = _PARTS[library]
    work.mkdir(parents=True, exist_ok=True)
    flags = [*_DEFINES[library], *(f"-I{tree / part}" for part in includes)]
    sources = sorted(
        path
        for pattern in patterns
        for path in tree.glob(pattern)
        if not path.stem.endswith(without or ("\0",))
    )
    assert sources, f"no sources in {tree}"
    objects = []
    for source in sources:
        objects.append(work / f"{source.stem}.o")
        level = "-Ofast" if library == "cmsis_nn" else "-O2"  # as their own build files have it
        run_tool(
            [
                "ccache",
                target.cc,
                *target.flags,
                level,
                "-w",
                *flags,
                "-c",
                source,
                "-o",
                objects[-1],
            ]
        )
    archive = work / f"lib{library}.a"
    archive.unlink(missing_ok=True)
    prefix = target.cc.removesuffix("gcc").removesuffix("clang")
    run_tool([f"{prefix}ar", "rcs", archive, *objects])
    system = tuple(word for part in includes for word in ("-isystem", str(tree / part)))
    return replace(
        target,
        name=f"{target.name} {library}",
        flags=(*target.flags, *_DEFINES[library], *system),
        archives=(archive,),
    )
