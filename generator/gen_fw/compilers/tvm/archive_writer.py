# SPDX-License-Identifier: Apache-2.0
"""Compiled models as an archive in TVM's Model Library Format, version 7, with the same bytes on
every day and machine.

Source: python/tvm/micro/model_library_format.py of apache/tvm 0.18 (facts in docs/tvm.md).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gen_fw.archive.container import pack
from gen_fw.compilers.tvm.compiled import Compiled, Port
from gen_fw.compilers.tvm.installed import VERSION
from gen_fw.compilers.tvm.interface import glue, header, identifiers
from gen_fw.errors import UsageError
from gen_fw.version import __version__

#: the format wants a date, and the archive has none
_DATE = "1970-01-01 00:00:00Z"
_DEVICE_CPU = 1  # kDLCPU of dlpack.h


def archive(modules: Sequence[Compiled]) -> bytes:
    """An uncompressed tar with one module for each of ``modules``, in the order of their names.

    Raises UsageError when two have one name.
    """
    names = [compiled.name for compiled in modules]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two modules would be named {name!r}",
                hint="give each model its own name, in order: --name first --name second",
            )
    files: dict[str, bytes] = {}
    entries: dict[str, Any] = {}
    for compiled in sorted(modules, key=lambda compiled: compiled.name):
        module = compiled.name
        entries[module] = _metadata(compiled)
        texts = {
            f"src/{module}.relay": _relay(compiled),
            f"codegen/host/include/tvmgen_{module}.h": header(compiled),
            f"codegen/host/src/{module}_lib0.c": glue(compiled),
            **{
                f"codegen/host/src/{module}_{file}": text for file, text in compiled.sources.items()
            },
        }
        files.update({path: text.encode() for path, text in texts.items()})
    metadata = {"modules": entries, "version": 7}
    files["metadata.json"] = (json.dumps(metadata, indent=2) + "\n").encode()
    return pack({f"./{path}": content for path, content in files.items()}, owner="root")


def _metadata(compiled: Compiled) -> dict[str, Any]:
    """The module's part of metadata.json; inputs and outputs in the order of the model."""
    inputs, outputs = identifiers(compiled.inputs, compiled.outputs)
    ports = (*compiled.inputs, *compiled.outputs)
    main = {
        "device": _DEVICE_CPU,
        "workspace_size_bytes": compiled.workspace_bytes,
        "constants_size_bytes": compiled.constant_bytes,
        "io_size_bytes": sum(port.bytes for port in ports),
        "inputs": _tensors(inputs, compiled.inputs),
        "outputs": _tensors(outputs, compiled.outputs),
    }
    kernels = [
        {
            "function_name": name,
            "workspace": [{"device": _DEVICE_CPU, "workspace_size_bytes": count}],
        }
        for name, count in compiled.functions
    ]
    # no runtime of TVM belongs to the archive, so none is named
    made_by = (("tvm", "https://tvm.apache.org", VERSION), ("gen-fw", "", __version__))
    return {
        "model_name": compiled.name,
        "export_datetime": _DATE,
        "memory": {"functions": {"main": [main], "operator_functions": kernels}},
        "target": ["c -keys=cpu"],
        "executors": ["aot"],
        "style": "full-model",
        "external_dependencies": [
            {"short_name": name, "url": url, "url_type": "web", "version_spec": version}
            for name, url, version in made_by
        ],
    }


def _tensors(names: Sequence[str], ports: Sequence[Port]) -> dict[str, Any]:
    return {
        name: {"size": port.bytes, "dtype": port.dtype}
        for name, port in zip(names, ports, strict=True)
    }


def _relay(compiled: Compiled) -> str:
    """The types of inputs and outputs in Relay's notation, and a line for each kernel."""
    inputs, outputs = identifiers(compiled.inputs, compiled.outputs)
    parameters = [
        f"%{name}: {_type(port)}" for name, port in zip(inputs, compiled.inputs, strict=True)
    ]
    titles = ", ".join(f'"{name}"' for name in outputs)
    types = [_type(port) for port in compiled.outputs]
    result = types[0] if len(types) == 1 else f"({', '.join(types)})"
    kernels = "".join(
        f"  {name};  // {count} bytes of its own\n" for name, count in compiled.functions
    )
    return (
        '#[version = "0.0.5"]\n'
        f"def @main({', '.join(parameters)}, output_tensor_names=[{titles}]) -> {result} {{\n"
        f"{kernels}}}\n"
    )


def _type(port: Port) -> str:
    """TVM's names of element types are numpy's."""
    return f"Tensor[({', '.join(str(size) for size in port.shape)}), {port.dtype}]"
