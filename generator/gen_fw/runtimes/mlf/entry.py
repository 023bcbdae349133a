# SPDX-License-Identifier: Apache-2.0
"""How an archive's model is called, found in its sources.

Sources: GenerateCInterfaceEntrypoint, GenerateEntrypointForUnpackedAPI and
GenerateEntrypointForPackedAPI of src/target/source/source_module.cc, TVM 0.8 to 0.18, and the
tvm_model_t descriptor before that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gen_fw.archive.types import Code, Function, Interface, Module
from gen_fw.errors import ModelError

_HANDLES = re.compile(r"(?:void|TVMValue)\s*\*\s*args")
_ARGUMENT = re.compile(r"\bargs\)\[(\d{1,3})\]")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_POINTER = re.compile(r"(void|float|double|bool|u?int(?:8|16|32|64)_t)\s*\*\s*(\w+)")
_DTYPES = {"float": "float32", "double": "float64", "bool": "bool"}


@dataclass(frozen=True, slots=True)
class Entry:
    """The function that runs the model. ``tensors``: inputs and outputs in all, None when the text
    does not tell; ``types``: element types of the pointers, in call order, "" where void."""

    interface: Interface
    function: str
    tensors: int | None
    types: tuple[str, ...]
    #: the parameters of handles are TVMValue* and int*, not void*
    typed: bool = False


def find_entry(module: Module) -> Entry:
    """The entry point of ``module``. Raises ModelError when the sources define none."""
    prefix = f"tvmgen_{module.name}_"
    defined = {f.name: (f, source) for source in module.sources for f in source.functions}
    main = next((defined[n] for n in _mains(prefix) if n in defined), None)
    types = _types(main[0]) if main else ()
    if f"{prefix}run" in defined:
        function, source = defined[f"{prefix}run"]
        if any("struct " in part for part in function.parameters):
            return Entry("c", function.name, None, types)
        body = source.text[function.start : function.end]
        return _packed(function, body, main, types)
    if main is not None:
        function, source = main
        if function.parameters and _HANDLES.search(function.parameters[0]):
            return _packed(function, source.text[function.start : function.end], main, types)
        pools = [part for part in function.parameters if "workspace" in part]
        if not pools and len(types) == len(function.parameters):
            return Entry("direct", function.name, len(types), types)
    raise ModelError(
        f"no source of the archive defines {prefix}run",
        where=f"module {module.name}",
        why="sources are missing" if module.sources else "it has no C sources",
        hint="export it again: tvmc compile ... --target=c --executor=aot --output-format mlf",
    )


def _mains(prefix: str) -> tuple[str, ...]:
    """Names of the generated main function, newest first; version 2 did not mangle them."""
    return f"{prefix}__tvm_main__", f"{prefix}run_model", "run_model", "tvm__run_func"


def _packed(
    function: Function, body: str, main: tuple[Function, Code] | None, types: tuple[str, ...]
) -> Entry:
    indices = [int(text) for text in _ARGUMENT.findall(body)]
    if not indices and main is not None:
        text = main[1].text[main[0].start : main[0].end]
        indices = [int(found) for found in _ARGUMENT.findall(text)]
    typed = function.parameters[0].startswith("TVMValue")
    tensors = max(indices) + 1 if indices else None
    if main is not None and main[0].parameters and _HANDLES.search(main[0].parameters[0]):
        types = ()
    return Entry("packed", function.name, tensors, types, typed)


def _types(function: Function) -> tuple[str, ...]:
    """Element types of the pointers to tensors; pools come after them."""
    found = []
    for part in function.parameters:
        match = _POINTER.fullmatch(part)
        if match is None or "workspace" in match[2]:
            break
        kind = match[1]
        found.append("" if kind == "void" else _DTYPES.get(kind, kind.removesuffix("_t")))
    return tuple(found)


def calls(text: str, names: frozenset[str]) -> list[tuple[int, str]]:
    """Where ``text`` calls one of ``names``, in order."""
    return [(m.start(), m[1]) for m in _CALL.finditer(text) if m[1] in names]
