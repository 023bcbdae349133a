# SPDX-License-Identifier: Apache-2.0
"""Tuning records: which schedule of a kernel took how many instructions on which board.

A file is JSON with sorted keys, ``{"schema": "gen-fw/tvm-records/1", "records": [...]}``, and holds
records of any number of models and boards. A kernel's key (``steps.key``) tells what it computes in
which shapes, nothing of the model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from gen_fw.boards.board import Board
from gen_fw.errors import Diagnostic, UsageError

SCHEMA = "gen-fw/tvm-records/1"
#: those of a large model have some kilobytes
MAX_BYTES = 16 << 20
_KEY = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MAX_TEXT = 200
HINT = "`gen-fw tvm tune` writes such files; docs/tvm.md describes them"


@dataclass(frozen=True, slots=True)
class Record:
    """A tuned kernel. ``knobs`` name all choices of its schedule."""

    #: 16 hexadecimal digits
    kernel: str
    board: str
    isa: str
    knobs: Mapping[str, int]
    instructions: int
    #: of the schedule without tuning
    default_instructions: int
    #: bytes of code and of constants that are not the kernel's arguments
    code_bytes: int = 0
    default_code_bytes: int = 0
    #: for people
    template: str = ""
    what: str = ""
    compiler: str = ""
    tvm: str = ""


_FIELDS = tuple(field.name for field in fields(Record))
_COUNTS = ("instructions", "default_instructions", "code_bytes", "default_code_bytes")


@dataclass(frozen=True, slots=True)
class Read:
    """What a file has, and what of it was not understood."""

    records: tuple[Record, ...]
    notes: tuple[Diagnostic, ...] = ()


def read_records(data: bytes, where: str = "tuning records") -> Read:
    """The records of a file's contents.

    Entries that later versions may add are ignored, with a note. Raises UsageError with the place
    of the first fault.
    """
    if len(data) > MAX_BYTES:
        raise _damaged(where, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        why = str(error) or type(error).__name__
        raise _damaged(where, f"it is no JSON: {why:.200}") from None
    if not isinstance(document, dict) or "schema" not in document:
        raise _damaged(where, f'it is no JSON object with "schema": "{SCHEMA}"')
    if document["schema"] != SCHEMA:
        raise _damaged(where, f"its schema is {document['schema']!r:.80}, not {SCHEMA}")
    rows = document.get("records")
    if not isinstance(rows, list):
        raise _damaged(where, '"records" is no list')
    unknown = {str(name)[:40] for name in document if name not in ("schema", "records")}
    records = []
    for index, row in enumerate(rows):
        place = f"{where}: records[{index}]"
        if not isinstance(row, dict):
            raise _damaged(place, "it is no object")
        unknown |= {str(name)[:40] for name in row if name not in _FIELDS}
        records.append(_record(row, place))
    notes = []
    if unknown:
        names = ", ".join(sorted(unknown)[:8])
        notes.append(Diagnostic("unknown entries of the records are ignored", where, names))
    return Read(merged(records), tuple(notes))


def _record(row: Mapping[str, Any], place: str) -> Record:
    """One record. Raises UsageError."""
    values = {name: row[name] for name in _FIELDS if name in row}
    for name in ("kernel", "board", "isa", "knobs", "instructions", "default_instructions"):
        if name not in values:
            raise _damaged(place, f'there is no "{name}"')
    for name, value in values.items():
        if name == "knobs":
            if not isinstance(value, dict) or not all(map(_knob, value.items())):
                raise _damaged(place, '"knobs" is no object of numbers by name')
        elif name in _COUNTS:
            if not _whole(value) or not 0 <= value < 1 << 63:
                raise _damaged(place, f'"{name}" is no count')
        elif not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
            raise _damaged(place, f'"{name}" is no text of at most {_MAX_TEXT} characters')
    if not _KEY.fullmatch(values["kernel"]):
        raise _damaged(place, '"kernel" is no 16 hexadecimal digits')
    return Record(**{**values, "knobs": dict(sorted(values["knobs"].items()))})


def _knob(item: tuple[Any, Any]) -> bool:
    name, value = item
    return bool(_NAME.fullmatch(name)) and _whole(value) and 0 <= value <= 1 << 20


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _damaged(where: str, why: str) -> UsageError:
    return UsageError("these tuning records cannot be read", where=where, why=why, hint=HINT)


def written(records: Iterable[Record]) -> bytes:
    """The contents of a file; the same records give the same bytes."""
    rows = [asdict(record) for record in merged(records)]
    document = {"schema": SCHEMA, "records": rows}
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def merged(records: Iterable[Record]) -> tuple[Record, ...]:
    """One record for each kernel and board: the one with the fewest instructions, of equal ones the
    last; sorted by board and kernel."""
    best: dict[tuple[str, str], Record] = {}
    for record in records:
        place = (record.board, record.kernel)
        if place not in best or record.instructions <= best[place].instructions:
            best[place] = record
    return tuple(best[place] for place in sorted(best))


def for_board(records: Sequence[Record], board: Board | None) -> dict[str, Record]:
    """The record for each kernel: of the board itself, of one with the same instructions, of one
    with the same binary interface, of any; the kernel's results are the same with all of them."""

    def distance(record: Record) -> tuple[int, str]:
        if board is None or record.board == board.name:
            return 0, record.board
        if record.isa == board.cpu.isa:
            return 1, record.board
        return (2 if isa_family(record.isa) == isa_family(board.cpu.isa) else 3), record.board

    chosen: dict[str, Record] = {}
    for record in sorted(records, key=distance, reverse=True):
        chosen[record.kernel] = record
    return chosen


def isa_family(isa: str) -> str:
    """cortex-m4 -> cortex, rv32imc -> rv32, xtensa-lx7 -> xtensa."""
    return isa[:4] if isa.startswith("rv") else isa.partition("-")[0]
