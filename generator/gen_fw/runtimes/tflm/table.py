# SPDX-License-Identifier: Apache-2.0
"""Operator tables of TFLM releases: data/*.json, made by tools/make_tflm_tables.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gen_fw.errors import UsageError
from gen_fw.model.types import Operator

_DATA = Path(__file__).resolve().parent / "data"
#: used when a board names no release
DEFAULT_RELEASE = "esp-tflite-micro-1.4.0"


@dataclass(frozen=True, slots=True)
class Registration:
    """One ``AddXxx`` method of MicroMutableOpResolver."""

    call: str
    #: schema name of the operator, CUSTOM for custom operators
    operator: str
    #: custom code, or None
    custom: str | None
    #: source file of the kernel, relative to the root of the release
    source: str
    #: structure of builtin_op_data.h that the parser allocates, or None
    params: str | None
    #: function that returns the TFLMRegistration, such as Register_CONV_2D
    register: str


@dataclass(frozen=True, slots=True)
class OperatorTable:
    """All operators that one release can register."""

    release: str
    revision: str
    #: kernels that replace the reference ones: "reference" or "esp_nn"
    kernels: str
    #: "tflite" or "tflite::micro"
    namespace: str
    builtin: Mapping[str, Registration]
    custom: Mapping[str, Registration]

    def find(self, operator: Operator) -> Registration | None:
        """The registration of an operator, or None when the release has no kernel for it."""
        if operator.custom_code is None:
            return self.builtin.get(operator.name)
        try:
            return self.custom.get(operator.custom_code.decode("ascii"))
        except UnicodeDecodeError:
            return None


def releases() -> tuple[str, ...]:
    """Labels of all tables, sorted."""
    stems = (path.stem for path in _DATA.glob("*.json"))
    return tuple(sorted(stem for stem in stems if "tflite-micro" in stem))


@cache
def load(release: str = "") -> OperatorTable:
    """The table of a release label such as ``esp-tflite-micro-1.4.0``; empty: the default.

    Raises UsageError for a label without a table.
    """
    release = release or DEFAULT_RELEASE
    if release not in releases():
        raise UsageError(
            f'unknown TFLite Micro release "{release}"',
            hint=f"known releases: {', '.join(releases())}",
        )
    document = json.loads((_DATA / f"{release}.json").read_text("utf-8"))
    builtin: dict[str, Registration] = {}
    custom: dict[str, Registration] = {}
    for row in document["registrations"]:
        registration = Registration(
            row["call"],
            row["operator"],
            row["custom"],
            row["source"],
            row["params"],
            row["register"],
        )
        if registration.custom is None:
            builtin[registration.operator] = registration
        else:
            custom[registration.custom] = registration
    return OperatorTable(
        document["release"],
        document["revision"],
        document["kernels"],
        document["namespace"],
        builtin,
        custom,
    )


@cache
def facts(name: str) -> Mapping[str, Any]:
    """The JSON object ``data/<name>.json`` (types, sizes)."""
    document: dict[str, Any] = json.loads((_DATA / f"{name}.json").read_text("utf-8"))
    return document
