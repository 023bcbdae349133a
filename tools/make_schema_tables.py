# SPDX-License-Identifier: Apache-2.0
"""Writes the modules of gen_fw.model that repeat TFLite's schema as data.

    python tools/make_schema_tables.py path/to/schema.fbs

Reads the FlatBuffers schema of TFLite (tensorflow/compiler/mlir/lite/schema/schema.fbs in a
TensorFlow or tflite-micro tree; nothing is downloaded) and writes ``schema_tables.py``,
``operators.py``, ``enums.py`` and the type stubs of ``options`` below generator/gen_fw/model/.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "generator" / "gen_fw" / "model"

#: schema scalar -> struct format character
SCALARS = {
    "bool": "?", "byte": "b", "int8": "b", "ubyte": "B", "uint8": "B",
    "short": "h", "int16": "h", "ushort": "H", "uint16": "H",
    "int": "i", "int32": "i", "uint": "I", "uint32": "I",
    "long": "q", "int64": "q", "ulong": "Q", "uint64": "Q", "float": "f", "double": "d",
}  # fmt: skip
PYTHON = {"?": "bool", "f": "float", "d": "float"}
#: enums that gen_fw.model.types or the operator table already hold
ELSEWHERE = {"TensorType": "DType", "BuiltinOperator": "int"}


@dataclass(frozen=True)
class Enum:
    base: str
    members: dict[str, int]


@dataclass(frozen=True)
class Field:
    name: str
    code: str
    default: str


@dataclass(frozen=True)
class Schema:
    enums: dict[str, Enum]
    unions: dict[str, list[str]]
    tables: dict[str, list[Field]]


def parse(text: str) -> Schema:
    """The enums, unions and tables of a schema. Raises ValueError on what it does not know."""
    text = re.sub(r"//[^\n]*", "", text)
    blocks = re.findall(r"\b(enum|union|table)\s+(\w+)\s*(?::\s*(\w+))?[^{]*\{([^}]*)\}", text)
    enums = {name: _enum(base, body) for kind, name, base, body in blocks if kind == "enum"}
    unions = {
        name: [
            re.split(r"[\s(]", member.strip())[0] for member in body.split(",") if member.strip()
        ]
        for kind, name, _, body in blocks
        if kind == "union"
    }
    names = {name for kind, name, _, _ in blocks if kind == "table"}
    schema = Schema(enums, unions, {})
    for kind, name, _, body in blocks:
        if kind == "table":
            fields = [line.strip() for line in body.split(";") if line.strip()]
            schema.tables[name] = [_field(field, schema, names) for field in fields]
    _refuse_recursion(schema)
    return schema


def _enum(base: str, body: str) -> Enum:
    members: dict[str, int] = {}
    value = -1
    for member in filter(None, (part.strip() for part in body.split(","))):
        name, _, number = (part.strip() for part in re.sub(r"\(.*?\)", "", member).partition("="))
        value = int(number) if number else value + 1
        members[name] = value
    return Enum(base, members)


def _field(text: str, schema: Schema, tables: set[str]) -> Field:
    match = re.fullmatch(r"(\w+)\s*:\s*(\[?)\s*(\w+)\s*\]?\s*(?:=\s*([-\w.]+))?\s*(\(.*\))?", text)
    if match is None:
        raise ValueError(f"cannot parse field {text!r}")
    name, bracket, kind, default, attributes = match.groups()
    star = "*" if bracket else ""
    if attributes and "deprecated" in attributes:
        return Field("-", "-", "")
    if kind in SCALARS:
        code = SCALARS[kind]
        default = {None: "", "true": "1", "false": ""}.get(default, default)
    elif kind in schema.enums:
        enum = schema.enums[kind]
        code = f"{SCALARS[enum.base]}.{kind}"
        default = str(enum.members[default]) if default else ""
    elif kind == "string":
        code = "$"
    elif kind in schema.unions:
        code = f"|{kind}"
    elif kind in tables:
        code = f"@{kind}"
    else:
        raise ValueError(f"unknown type {kind} of field {name}")
    if star and code[0] in "$|":
        raise ValueError(f"vector of {kind} in field {name}")
    return Field(name, star + code, "" if default in ("", "0", None) else default)


def _children(schema: Schema, table: str) -> set[str]:
    found: set[str] = set()
    for field in schema.tables[table]:
        code = field.code.lstrip("*")
        if code.startswith("@"):
            found.add(code[1:])
        elif code.startswith("|"):
            found.update(schema.unions[code[1:]])
    return found


def _refuse_recursion(schema: Schema) -> None:
    """The reader's depth is bounded because no table of the schema contains itself."""
    done: set[str] = set()
    while len(done) < len(schema.tables):
        ready = {t for t in schema.tables if t not in done and _children(schema, t) <= done}
        if not ready:
            raise ValueError(f"recursive tables: {sorted(set(schema.tables) - done)}")
        done |= ready


def _wrapped(tokens: list[str], indent: str) -> str:
    lines, line = [], ""
    for token in tokens:
        if line and len(indent) + len(line) + 1 + len(token) > 96:
            lines.append(line)
            line = ""
        line = f"{line} {token}" if line else token
    lines.append(line)
    return f"\n{indent}".join(f'"{part}{" " if part is not lines[-1] else ""}"' for part in lines)


def _entry(name: str, tokens: list[str]) -> str:
    single = f'    "{name}": "{" ".join(tokens)}",\n'
    if len(single) <= 101:
        return single
    return f'    "{name}": (\n        {_wrapped(tokens, " " * 8)}\n    ),\n'


def tables_module(schema: Schema, origin: str) -> str:
    """Text of schema_tables.py."""
    tables = "".join(
        _entry(
            name,
            [
                f.name
                if f.name == "-"
                else f"{f.name}:{f.code}" + (f"={f.default}" if f.default else "")
                for f in fields
            ],
        )
        for name, fields in schema.tables.items()
    )
    unions = "".join(_entry(name, members) for name, members in schema.unions.items())
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        f'"""TFLite\'s schema as data. {origin}\n\n'
        "A table is its fields in slot order, ``name:type`` with an optional ``=default``; a type\n"
        "is a struct format character (``.Enum`` after it names the enum), ``$`` for a string,\n"
        "``@T`` for a table, ``|U`` for a union (which takes two slots), ``*`` before it for a\n"
        'vector, and ``-`` marks the slot of a deprecated field."""\n\n'
        f"TABLES: dict[str, str] = {{\n{tables}}}\n\n"
        "#: union -> tables; the type code of the first is 1\n"
        f"UNIONS: dict[str, str] = {{\n{unions}}}\n"
    )


def operators_module(schema: Schema, origin: str) -> str:
    """Text of operators.py."""
    operators = schema.enums["BuiltinOperator"].members
    if list(operators.values()) != list(range(len(operators))):
        raise ValueError("BuiltinOperator has gaps")
    names = "".join(f'    "{name}",\n' for name in operators)
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        f'"""Names of builtin operators. {origin}"""\n\n'
        f"#: names of BuiltinOperator, by value\nBUILTIN_OPERATORS: tuple[str, ...] = (\n{names})\n"
    )


def enums_module(schema: Schema, origin: str) -> str:
    """Text of enums.py: the enums that option tables use."""
    parts = []
    for name, enum in schema.enums.items():
        if name not in ELSEWHERE and name != "DimensionType":
            members = "".join(f"    {member} = {value}\n" for member, value in enum.members.items())
            parts.append(f"\n\nclass {name}(IntEnum):\n{members}")
    return (
        "# SPDX-License-Identifier: Apache-2.0\n"
        f'"""Enums of operator options. {origin}"""\n\n'
        "from enum import IntEnum\n" + "".join(parts)
    )


def _annotation(code: str) -> str:
    if code.startswith("*"):
        return f"tuple[{_annotation(code[1:])}, ...]"
    if code == "$":
        return "bytes"
    character, _, enum = code.partition(".")
    return ELSEWHERE.get(enum, enum) if enum else PYTHON.get(character, "int")


def _stub(name: str, fields: list[Field]) -> str:
    lines = "".join(f"    {f.name}: {_annotation(f.code)} = ...\n" for f in fields if f.name != "-")
    return f"class {name}(Options):\n{lines}\n" if lines else f"class {name}(Options): ...\n"


def stub_modules(schema: Schema, origin: str) -> dict[str, str]:
    """Text of options.pyi and options2.pyi, by file name."""
    used = sorted(
        {
            _annotation(f.code.lstrip("*"))
            for table in (*schema.unions["BuiltinOptions"], *schema.unions["BuiltinOptions2"])
            for f in schema.tables[table]
            if "." in f.code
        }
        - {"DType", "int"}
    )
    stubs = {}
    for union, file in (("BuiltinOptions", "options.pyi"), ("BuiltinOptions2", "options2.pyi")):
        body = "\n".join(_stub(name, schema.tables[name]) for name in schema.unions[union])
        enums = [name for name in used if re.search(rf"\b{name}\b", body)]
        imports = f"from gen_fw.model.enums import {', '.join(enums)}\n" if enums else ""
        imports += "from gen_fw.model.option_classes import Options as Options\n"
        if "DType" in body:
            imports += "from gen_fw.model.types import DType\n"
        if union == "BuiltinOptions":
            names = ", ".join(f"{n} as {n}" for n in schema.unions["BuiltinOptions2"])
            imports += f"from gen_fw.model.options2 import {names}\n"
        stubs[file] = f"# SPDX-License-Identifier: Apache-2.0\n# {origin}\n\n{imports}\n{body}"
    return stubs


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("schema", type=Path, help="TFLite's schema.fbs")
    source = parser.parse_args().schema.read_bytes()
    schema = parse(source.decode())
    origin = (
        "Generated by tools/make_schema_tables.py\n"
        f"from TFLite's schema.fbs, sha256 {hashlib.sha256(source).hexdigest()[:16]}."
    )
    outputs = {
        "schema_tables.py": tables_module(schema, origin),
        "operators.py": operators_module(schema, origin),
        "enums.py": enums_module(schema, origin),
        **stub_modules(schema, origin.replace("\n", "\n# ")),
    }
    for name, text in outputs.items():
        (MODEL / name).write_text(text, encoding="utf-8", newline="\n")
    files = [str(MODEL / name) for name in outputs]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--quiet", "--select", "I", "--fix", *files], check=True)
    subprocess.run([*ruff, "format", "--quiet", *files], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
