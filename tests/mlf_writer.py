# SPDX-License-Identifier: Apache-2.0
"""Writes small archives in the Model Library Format of every version and variant; mlf_code.py says
which model is in them."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlf_code import WORKSPACE, Variant, glue, header, kernels, run


def members(variant: Variant) -> dict[str, bytes]:
    """The archive's files by path."""
    v = variant
    names = ("lib0.c", "lib1.c") if v.version < 3 else (f"{v.module}_lib0.c", f"{v.module}_lib1.c")
    files = {
        "metadata.json": json.dumps(metadata((v,)), indent=2, sort_keys=v.version < 7).encode(),
        f"codegen/host/src/{names[0]}": glue(v).encode(),
        f"codegen/host/src/{names[1]}": kernels(v).encode(),
        **{path: text.encode() for path, text in _relay(v).items()},
        f"parameters/{v.module}.params": b"\0" * 8,
    }
    if v.interface == "c" and v.version >= 5:
        files[f"codegen/host/include/tvmgen_{v.module}.h"] = header(v).encode()
    return {**files, **v.extra}


def several(*variants: Variant) -> dict[str, bytes]:
    """An archive of version 7 with several modules."""
    files: dict[str, bytes] = {}
    for variant in variants:
        files.update(members(variant))
    files["metadata.json"] = json.dumps(metadata(variants), indent=2).encode()
    return files


def write_tar(path: Path, files: dict[str, bytes], *, mode: str = "w") -> Path:
    """A tar as TVM writes it: members ./..., folders too, owner root."""
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        folders = {str(p) for name in files for p in Path(name).parents} - {"."}
        for name in [".", *sorted(folders), *files]:
            info = tarfile.TarInfo("." if name == "." else f"./{name}")
            info.uname = info.gname = "root"
            if name in files:
                info.size = len(files[name])
            else:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info, io.BytesIO(files.get(name, b"")))
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    """The same as an unpacked folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def metadata(variants: tuple[Variant, ...]) -> dict[str, Any]:
    """metadata.json as version 1 to 7 has it."""
    entries = {v.module: _entry(v) for v in variants}
    first = variants[0]
    if first.version >= 7 and first.style == "full-model":
        return {"version": first.version, "modules": entries}
    return {"version": first.version, **entries[first.module]}


def _entry(v: Variant) -> dict[str, Any]:
    main: dict[str, Any] = {
        "device": 1,
        "workspace_size_bytes": WORKSPACE,
        "constants_size_bytes": 0 if v.constants == "static" else 24,
        "io_size_bytes": 9999,  # no release writes a number that means something
    }
    if v.version >= 7 and v.sizes:
        main["inputs"] = {v.input_name: {"size": 8, "dtype": "int8"}}
        main["outputs"] = {v.output_name: {"size": 4, "dtype": "int8"}}
    kernel = {
        "function_name": f"tvmgen_{v.module}_fused_mix",
        "workspace": [{"device": 1, "workspace_size_bytes": WORKSPACE}],
    }
    functions = {"main": [main], "operator_functions": [kernel]}
    target: Any = ["c -keys=cpu"] if v.version >= 6 else {"1": "c -keys=cpu -link-params=0"}
    entry: dict[str, Any] = {
        "model_name": v.module,
        "export_datetime": "2022-06-01 14:17:28Z",
        "memory": [] if v.version == 1 else {"functions": functions},
        "target": target,
        "executors" if v.version >= 5 else "runtimes": list(v.executors),
    }
    if v.version >= 4:
        entry["style"] = v.style
    if v.version >= 6:
        entry["external_dependencies"] = [
            {"short_name": "tvm_standalone_crt", "url": "./runtime", "version_spec": "0.12.0"}
        ]
    return entry


def _relay(v: Variant) -> dict[str, str]:
    path = (
        "relay.txt"
        if v.version < 4
        else f"src/{v.module}.relay"
        if v.version >= 7
        else "src/relay.txt"
    )
    result = " -> Tensor[(1, 4), int8]" if v.relay_result else ""
    text = (
        f"def @main(%{v.input_name}: Tensor[(1, 8), int8] /* ty=Tensor[(1, 8), int8] */, "
        f"%v_param_1: Tensor[(8), int8]"
        + (f', output_tensor_names=["{v.output_name}"]' if v.version >= 5 else "")
        + f"){result} {{\n  nn.dense(%{v.input_name}, %v_param_1)\n}}\n"
    )
    return {path: text}


__all__ = ["VARIANTS", "Variant", "members", "run", "several", "write_folder", "write_tar"]

C7 = Variant()
#: every version and variant that can be run
VARIANTS = {
    "v1_packed": Variant(version=1, interface="packed", workspace="alloc"),
    "v2_packed": Variant(version=2, interface="packed", workspace="alloc"),
    "v3_packed": Variant(version=3, interface="packed", workspace="alloc", module="three"),
    "v4_packed": Variant(version=4, interface="packed", workspace="alloc"),
    "v5_c_alloc": Variant(version=5, workspace="alloc", alloc=(16, 33, 5)),
    "v5_packed_entry": Variant(version=5, interface="packed", workspace="alloc"),
    "v6_c_pool": Variant(version=6),
    "v6_packed_entry_pool": Variant(version=6, interface="packed"),
    "v7_c_alloc": Variant(workspace="alloc", module="m7"),
    "v7_c_pool": C7,
    "v7_const_pool": Variant(constants="internal"),
    "v7_external_pools": Variant(workspace="external", constants="external"),
    "v7_mapped_io": Variant(workspace="external", mapped=True),
    "v7_devices": Variant(devices=("my_accelerator",)),
    "v7_packed": Variant(
        interface="packed", packed_kernels=True, constants="internal", system_lib=True
    ),
    "v7_odd_names": Variant(
        interface="packed", input_name='in*/put?" \\', output_name="%s;$(x)`<b>|??/"
    ),
    "v7_no_sizes": Variant(sizes=False),
}


def with_module(variant: Variant, module: str, **changes: Any) -> Variant:
    """The variant as another module."""
    return replace(variant, module=module, **changes)
