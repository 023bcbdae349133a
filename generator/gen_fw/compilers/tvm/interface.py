# SPDX-License-Identifier: Apache-2.0
"""The C interface of a compiled model, as TVM 0.11 to 0.18 wrote it for ``unpacked-api``, USMP with
one external pool, and I/O in that pool: the header and the functions behind it.

Source: src/target/source/interface_c.cc and source_module.cc of apache/tvm 0.18.
"""

from __future__ import annotations

from collections.abc import Sequence

from gen_fw.c_words import C_WORDS
from gen_fw.compilers.tvm.compiled import Compiled, Port
from gen_fw.runtimes.mlf.io import sanitized

#: the pool, as a member of the struct of pools
POOL = "arena"
#: what follows the module's name in macros that are of no tensor, without ``_SIZE``
_MACROS = frozenset({"WORKSPACE", f"{POOL.upper()}_WORKSPACE_POOL"})
#: characters of a tensor's name in C; C99 promises 63 (5.2.4.1)
_LONGEST = 48


def identifiers(
    inputs: Sequence[Port], outputs: Sequence[Port]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of inputs and outputs in C: TVM's own (each other character is ``_``) where they can be
    used, else the direction and the position. All differ, in upper case too, as macros have it.

    A tensor's name is any text: it is used when it begins with a letter, has one in lower case (no
    macro does), at most 48 characters, and is no word of C or C++.

    >>> port = Port("serving_default_x:0", "int8", (1, 4), 4, 0)
    >>> identifiers([port], [port])
    (('serving_default_x_0',), ('output0',))
    """
    taken = set(_MACROS)

    def named(position: int, port: Port, direction: str) -> str:
        name = sanitized(port.name)
        if not _usable(name) or name.upper() in taken:
            name = f"{direction}{position}"
        while name.upper() in taken:
            name += "_"
        taken.add(name.upper())
        return name

    return (
        tuple(named(position, port, "input") for position, port in enumerate(inputs)),
        tuple(named(position, port, "output") for position, port in enumerate(outputs)),
    )


def _usable(name: str) -> bool:
    return (
        0 < len(name) <= _LONGEST
        and name[0].isalpha()
        and any(char.islower() for char in name)
        and name not in C_WORDS
    )


def header(compiled: Compiled) -> str:
    """``tvmgen_<module>.h``."""
    module, symbol = compiled.name, f"tvmgen_{compiled.name}"
    upper = symbol.upper()
    inputs, outputs = identifiers(compiled.inputs, compiled.outputs)
    text = _HEAD
    text += f"#ifndef {upper}_H_\n#define {upper}_H_\n#include <stdint.h>\n\n"
    text += '#ifdef __cplusplus\nextern "C" {\n#endif\n\n'
    for direction, names, ports in (
        ("Input", inputs, compiled.inputs),
        ("Output", outputs, compiled.outputs),
    ):
        for name, port in zip(names, ports, strict=True):
            text += _brief(f"{direction} tensor {name} size (in bytes)", module)
            text += f"#define {upper}_{name.upper()}_SIZE {port.bytes}\n"
    text += _struct("Input tensor pointers", f"{symbol}_inputs", inputs, module)
    text += _struct("Output tensor pointers", f"{symbol}_outputs", outputs, module)
    text += _struct("Workspace pool pointers", f"{symbol}_workspace_pools", (POOL,), module)
    pools = f"struct {symbol}_workspace_pools* workspace_pools"
    for kind in ("inputs", "outputs"):
        text += _brief("Maps I/O inside the workspace pools", module)
        text += f"struct {symbol}_{kind} {symbol}_map_{kind}(\n  {pools}\n);\n\n"
    text += _brief("entrypoint function, which returns 0,", module)
    text += f"int32_t {symbol}_run(\n  {pools}\n);\n"
    text += _brief("Workspace size", module)
    text += f"#define {upper}_WORKSPACE_SIZE {compiled.workspace_bytes}\n"
    text += _brief(f"{POOL} size, of memory that is aligned to 16 bytes,", module)
    text += f"#define {upper}_{POOL.upper()}_WORKSPACE_POOL_SIZE {compiled.workspace_bytes}\n"
    text += "\n#ifdef __cplusplus\n}\n#endif\n\n"
    return text + f"#endif // {upper}_H_\n"


def glue(compiled: Compiled) -> str:
    """``<module>_lib0.c``: where inputs and outputs lie, and the entry point."""
    symbol = f"tvmgen_{compiled.name}"
    inputs, outputs = identifiers(compiled.inputs, compiled.outputs)
    pools = f"struct {symbol}_workspace_pools* workspace_pools"
    text = f"{_HEAD}#include <stdint.h>\n#include <tvmgen_{compiled.name}.h>\n\n"
    for kind, names, ports in (
        ("inputs", inputs, compiled.inputs),
        ("outputs", outputs, compiled.outputs),
    ):
        text += f"struct {symbol}_{kind} {symbol}_map_{kind}(\n  {pools}\n) {{\n"
        text += f"  struct {symbol}_{kind} ret = {{\n"
        for name, port in zip(names, ports, strict=True):
            text += f"    .{name} = &((uint8_t*)workspace_pools->{POOL})[{port.offset}],\n"
        text += "  };\n  return ret;\n}\n\n"
    text += f"int32_t {symbol}___tvm_main__(uint8_t* {POOL});\n\n"
    text += f"int32_t {symbol}_run(\n  {pools}\n) {{\n"
    return text + f"  return {symbol}___tvm_main__(workspace_pools->{POOL});\n}}\n"


_HEAD = "// SPDX-License-Identifier: Apache-2.0\n// Generated by gen-fw; do not edit.\n"


def _brief(what: str, module: str) -> str:
    return f'/*!\n * \\brief {what} for TVM module "{module}"\n */\n'


def _struct(what: str, name: str, members: Sequence[str], module: str) -> str:
    body = "".join(f"  void* {member};\n" for member in members)
    return f"{_brief(what, module)}struct {name} {{\n{body}}};\n\n"
