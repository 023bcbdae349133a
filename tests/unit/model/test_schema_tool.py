# SPDX-License-Identifier: Apache-2.0
"""The script that turns TFLite's schema into tables, and that the tables are its output."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = """
enum Kind : byte { A, B = 5, C }  // comment { }
union Any { Leaf, Twig (deprecated) }
table Twig { }
table Leaf { kind:Kind = C; old:int (deprecated); names:string; big:[long] (force_align: 16); }
table Node { leaf:Leaf; leaves:[Leaf]; any:Any; on:bool = true; ratio: float; }
root_type Node;
"""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "make_schema_tables.py"
    spec = importlib.util.spec_from_file_location("make_schema_tables", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_parsing(tool: ModuleType) -> None:
    schema = tool.parse(SCHEMA)
    assert schema.enums["Kind"].members == {"A": 0, "B": 5, "C": 6}
    assert schema.unions == {"Any": ["Leaf", "Twig"]}
    codes = {name: [(f.name, f.code, f.default) for f in t] for name, t in schema.tables.items()}
    assert codes["Leaf"] == [
        ("kind", "b.Kind", "6"),
        ("-", "-", ""),
        ("names", "$", ""),
        ("big", "*q", ""),
    ]
    assert [code for _, code, _ in codes["Node"]] == ["@Leaf", "*@Leaf", "|Any", "?", "f"]
    assert codes["Node"][3] == ("on", "?", "1")


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("table A { b:B; } table B { a:[A]; }", "recursive"),
        ("table A { b:Unknown; }", "unknown type"),
        ("table A { names:[string]; }", "vector of string"),
    ],
)
def test_schemas_that_the_reader_cannot_take(tool: ModuleType, schema: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tool.parse(schema)


@pytest.mark.sdk
@pytest.mark.skipif("TFLM_ROOT" not in os.environ, reason="TFLM_ROOT names no tflite-micro tree")
def test_the_tables_are_the_tools_output(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = Path(os.environ["TFLM_ROOT"], "tensorflow/compiler/mlir/lite/schema/schema.fbs")
    committed = tool.MODEL
    monkeypatch.setattr(tool, "MODEL", tmp_path)
    monkeypatch.setattr(sys, "argv", ["make_schema_tables.py", str(schema)])
    (tmp_path / "ruff.toml").write_text("line-length = 100\n")
    assert tool.main() == 0
    for file in tmp_path.glob("*.py*"):
        assert file.read_text() == (committed / file.name).read_text(), file.name
