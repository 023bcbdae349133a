# SPDX-License-Identifier: Apache-2.0
"""TIR from text: kernels whose loops are as they should be are written in TVMScript."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tvm.script

from gen_fw.compilers.tvm.kernels.spec import Spec
from gen_fw.runtimes.aot.arrays import DTYPES


class Script:
    """The text of one PrimFunc, line by line."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._depth = 1
        self._lines: list[str] = []
        self._loops = 0

    def line(self, text: str) -> None:
        """A statement."""
        self._lines.append("    " * self._depth + text)

    def local(self, name: str, dtype: str) -> str:
        """A variable: how it is read and written."""
        self.line(f'{name} = T.alloc_buffer((1,), "{dtype}")')
        return f"{name}[0]"

    @contextlib.contextmanager
    def loop(self, extent: int | str, *, unroll: bool = False) -> Iterator[str]:
        """A loop: the name of its variable."""
        name = f"i{self._loops}"
        self._loops += 1
        self.line(f"for {name} in T.{'unroll' if unroll else 'serial'}({extent}):")
        with self._inner():
            yield name

    @contextlib.contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """Statements under a condition."""
        self.line(f"if {condition}:")
        with self._inner():
            yield

    def largest(self, dtype: str, lowest: str, extent: int, element: Callable[[str], str]) -> str:
        """A variable that becomes the largest of ``element``'s values."""
        variable = self.local("largest", dtype)
        self.line(f"{variable} = {lowest}")
        with self.loop(extent) as i:
            self.line(f"{variable} = T.max({variable}, {element(i)})")
        return variable

    @contextlib.contextmanager
    def loops(self, extents: Sequence[int]) -> Iterator[list[str]]:
        """Nested loops, outermost first."""
        with contextlib.ExitStack() as stack:
            yield [stack.enter_context(self.loop(extent)) for extent in extents]

    @contextlib.contextmanager
    def _inner(self) -> Iterator[None]:
        self._depth += 1
        yield
        self._depth -= 1

    def func(self) -> Any:
        """The PrimFunc, its parameters in the spec's order."""
        parameters = ", ".join(
            f'{p.name}: T.Buffer(({p.elements},), "{p.dtype}")' for p in self.spec.parameters
        )
        head = [
            "@T.prim_func(s_tir=True)",
            f"def kernel({parameters}):",
            '    T.func_attr({"global_symbol": "kernel", "tirx.noalias": True})',
        ]
        return tvm.script.from_source("\n".join([*head, *self._lines]) + "\n")


def term(steps: Sequence[tuple[str, int]], start: int = 0) -> str:
    """An index: the sum of variables times steps."""
    parts = [f"{name} * {step}" for name, step in steps if step]
    if start or not parts:
        parts.append(str(start))
    return " + ".join(parts)


def call(dtype: str, function: str, *arguments: str) -> str:
    """A call of a C function with a value."""
    return f"T.call_extern({', '.join([repr(dtype), repr(function), *arguments])})"


def address(array: str) -> str:
    """The address of an array's first element."""
    return f"T.address_of({array}[0])"


def cast(dtype: str, value: str) -> str:
    return f'T.Cast("{dtype}", {value})'


def static(name: str, head: str, lines: Sequence[str]) -> str:
    """Text of an inline C function; ``$NAME$`` is its name."""
    body = "".join(f"  {line}\n" for line in lines)
    return f"//@static {name}\nstatic inline {head} {{\n{body}}}\n//@end\n"


def number(text: Any) -> str:
    """A C literal of an integer or float as Python reads it."""
    known = {
        "INT32_MIN": "T.int32(-2147483648)",
        "true": "T.bool(True)",
        "FLT_MAX": "T.float32(3.4028234663852886e+38)",
        "-FLT_MAX": "T.float32(-3.4028234663852886e+38)",
    }
    if isinstance(text, int) or text in known:
        return known.get(str(text), str(text))
    if text.endswith("f"):
        return f"T.float32({float.fromhex(text[:-1]) if 'x' in text else float(text[:-1])!r})"
    return str(int(text))


def c_type(dtype: str) -> str:
    return next(name for name, known in DTYPES.items() if known == dtype)
