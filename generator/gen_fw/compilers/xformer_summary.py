# SPDX-License-Identifier: Apache-2.0
"""What xformer does to a model, as plain data: operators before and after, what became an XC_
operator, what stayed and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gen_fw.model.types import Model, Operator, Subgraph

#: operators that xformer makes: their kernels use the vector unit
PREFIX = b"XC_"
#: operators of Larq's 1-bit networks, which xformer takes
LARQ = b"Lce"
#: XMOS's guide excludes them (docs/rst/xcore-ai-coding.rst of ai_tools); xcore-opt crashes
_EXCLUDED = frozenset(
    {"ASSIGN_VARIABLE", "CALL_ONCE", "IF", "READ_VARIABLE", "VAR_HANDLE", "WHILE"}
)
#: "WARNING: what", and the lines of its block
_WARNING = re.compile(r"^WARNING: (.*)\n((?:(?!WARNING:).+\n?)*)", re.MULTILINE)
_FIELD = re.compile(r"^(Reason|Name|Solution): (.*)$", re.MULTILINE)
_LONGEST = 300


def is_xformed(model: Model) -> bool:
    """Whether xformer made this model."""
    return any(
        (operator.custom_code or b"").startswith(PREFIX) for _, operator in _operators(model)
    )


def binary_operators(model: Model) -> int:
    """How many operators are of a 1-bit network."""
    return sum((o.custom_code or b"").startswith(LARQ) for _, o in _operators(model))


def refusals(model: Model) -> list[str]:
    """Why xformer cannot take this model, one line an operator: ``where: reason``."""
    found = []
    for graph, operator in _operators(model):
        where = f"subgraphs[{graph.index}].operators[{operator.index}]"
        if operator.custom_code is not None and not operator.custom_code.startswith(LARQ):
            found.append(f"{where}: xformer knows no custom operator {operator.label}")
        elif operator.name in _EXCLUDED:
            found.append(f"{where}: {operator.label} is not supported by XMOS's AI tools")
    return found


def warnings_of(talk: str) -> list[dict[str, str]]:
    """xcore-opt's warnings: ``what``, ``reason``, ``name`` (of tensors), ``solution``."""
    found = []
    for what, block in _WARNING.findall(talk):
        fields = {key.lower(): _line(text) for key, text in _FIELD.findall(block)}
        found.append({"what": _line(what), "reason": "", "name": "", "solution": "", **fields})
    return found


def summary(before: Model, after: Model, warnings: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Counts by kind of operator. ``optimised`` are XC_ operators; the others run on TFLite Micro's
    reference kernels. ``binary`` counts 1-bit operators of the original."""
    first = Counter(_label(operator) for _, operator in _operators(before))
    last = Counter(_label(operator) for _, operator in _operators(after))
    made = sum(
        (operator.custom_code or b"").startswith(PREFIX) for _, operator in _operators(after)
    )
    return {
        "operators": {
            "before": sum(first.values()),
            "after": sum(last.values()),
            "optimised": made,
            "reference": sum(last.values()) - made,
            "binary": binary_operators(before),
        },
        "before": dict(sorted(first.items())),
        "after": dict(sorted(last.items())),
        "left": [dict(warning) for warning in warnings],
    }


def _label(operator: Operator) -> str:
    return operator.label.removeprefix("CUSTOM:")


def _operators(model: Model) -> Iterator[tuple[Subgraph, Operator]]:
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield graph, operator


def _line(text: str) -> str:
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:_LONGEST]
