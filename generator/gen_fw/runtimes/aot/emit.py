# SPDX-License-Identifier: Apache-2.0
"""C99 text of a lowered model: the sequence of calls, the kernels, the constant data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from gen_fw.runtimes.aot.arrays import Arrays
from gen_fw.runtimes.aot.calls import Body, Call
from gen_fw.runtimes.aot.expressions import plus, rescaled
from gen_fw.runtimes.aot.helpers import helpers, preamble, system_headers
from gen_fw.runtimes.aot.layer import (
    Argument,
    DataArgument,
    ScratchArgument,
    StateArgument,
    Step,
    TensorArgument,
)
from gen_fw.runtimes.aot.profile import profile_header
from gen_fw.runtimes.aot.sequence import function, header, resetting, sequence
from gen_fw.runtimes.aot.state import State
from gen_fw.runtimes.aot.statics import Statics
from gen_fw.runtimes.aot.target import Target

_KERNELS = Path(__file__).resolve().parent / "kernels"
_HEAD = "// SPDX-License-Identifier: Apache-2.0\n"
_WIDTH = 100
#: for a target whose compiler should not schedule before it allocates registers
NO_SCHEDULE = """\
#if defined(__GNUC__) && !defined(__clang__)
// Scheduling before register allocation spills the tiles of accumulators.
#pragma GCC optimize("no-schedule-insns")
#endif
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Files by name, and what is in them."""

    files: Mapping[str, str]
    kernel_files: tuple[str, ...]
    constant_bytes: int
    kernels: tuple[str, ...]
    code_lines: int
    #: the kernels call functions of math.h
    mathematics: bool


@dataclass(slots=True)
class Kernel:
    name: str
    text: str
    prototype: str
    comment: str
    operators: list[int]


def emit(name: str, bodies: Sequence[Body], target: Target, shared: int, state: State) -> Sources:
    """All sources of program ``name``; ``state`` lies ``shared`` bytes behind the arena's begin.
    Kernels with the same text are one function, data with the same bytes is one array."""
    kernels: dict[tuple[str, str], Kernel] = {}
    arrays = Arrays(name)
    statics = Statics()
    calls = [call for body in bodies for call in body.calls]
    texts, overlapping = separated(calls, statics, lambda call: _text(name, call))
    functions = []
    for body in bodies:
        lines = []
        complete = {
            argument.tensor: position
            for position, call in enumerate(body.calls)
            for argument, place in zip(call.step.arguments, call.places, strict=True)
            if isinstance(argument, TensorArgument)
            and argument.written
            and place is not None
            and place[0] == "arena"
            and body.subgraph == 0
        }
        for position, call in enumerate(body.calls):
            done = {tensor for tensor, last in complete.items() if last == position}
            if call.skipped:
                lines.append(f"{in_place(call)}{_traces(call, done)}")
                continue
            text = texts[id(call)]
            kernel = kernel_for(name, call, text, overlapping[text], kernels)
            line = call_line(call, kernel, arrays, done)
            lines.append(f"{line}\n  DONE({call.step.operator});" if not body.subgraph else line)
        functions.append(function(name, body, lines, shared))
    code = "\n".join(commented(kernel) for kernel in kernels.values())
    kernel_file = _kernel_file(
        name, "\n".join([*statics.texts.values(), code]), target, tuple(statics.includes)
    )
    steps = [call.step.operator for body in bodies if not body.subgraph for call in body.calls]
    operators = max(steps, default=-1) + 1
    files = {
        f"{name}_aot.h": header(name, bodies, state),
        f"{name}_aot.c": sequence(name, [*functions, *resetting(name, shared, state)]),
        f"{name}_kernels.h": _kernel_header(name, list(kernels.values())),
        f"{name}_kernels.c": kernel_file,
        f"{name}_weights.h": arrays.header(),
        f"{name}_weights.c": arrays.source(),
        f"{name}_profile.h": profile_header(name, operators),
    }
    return Sources(
        files,
        tuple(file for file in files if file.endswith(".c")),
        arrays.bytes,
        tuple(kernel.name for kernel in kernels.values()),
        kernel_file.count("\n"),
        "#include <math.h>" in kernel_file,
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_KERNELS),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals["formula"] = {"rescaled": rescaled, "plus": plus}
    return environment


def _text(name: str, call: Call) -> str:
    """A kernel with @ for its prototype."""
    words = {
        **call.step.words,
        "program": name,
        "channel_type": f"struct {name}_channel",
        "signature": "@",
    }
    return _environment().get_template(f"{call.step.template}.c.j2").render(words)


def separated(
    calls: Sequence[Call], statics: Statics, render: Callable[[Call], str]
) -> tuple[dict[int, str], dict[str, frozenset[str]]]:
    """The text of each call's kernel, by ``id``, without the functions that it brings along, which
    go to ``statics``; and by text, the parameters that overlap in any of its calls."""
    texts = {id(call): "" if call.skipped else statics.separated(render(call)) for call in calls}
    overlapping: dict[str, frozenset[str]] = {}
    for call in calls:
        text = texts[id(call)]
        overlapping[text] = overlapping.get(text, frozenset()) | call.overlapping
    return texts, overlapping


def kernel_for(
    name: str,
    call: Call,
    text: str,
    overlapping: frozenset[str],
    kernels: dict[tuple[str, str], Kernel],
) -> Kernel:
    """The function for a call, made on first use. One for all calls of the same text: parameters
    that overlap in any of them are not ``restrict``."""
    step = call.step
    parameters = ", ".join(_parameter(name, a, overlapping) for a in step.arguments)
    key = (text, parameters)
    if key not in kernels:
        prefix = f"{name}_{step.name or step.template}_"
        number = sum(kernel.name.startswith(prefix) for kernel in kernels.values())
        function = f"{prefix}{number}"
        prototype = _wrapped(f"void {function}(", parameters.split(", "), ")")
        kernels[key] = Kernel(function, text.replace("@", prototype, 1), prototype, "", [])
        kernels[key].comment = f"{step.operator_name} {step.comment}".strip()
    kernels[key].operators.append(step.operator)
    return kernels[key]


def _parameter(name: str, argument: Argument, overlapping: frozenset[str] = frozenset()) -> str:
    """The declaration. Where some overlap, ``restrict`` tells the compiler that the others do not;
    else only what is written needs it."""
    c_type = f"struct {name}_channel" if argument.c_type == "channel" else argument.c_type
    mutable = isinstance(argument, ScratchArgument) or (
        isinstance(argument, TensorArgument | StateArgument) and argument.written
    )
    alone = argument.parameter not in overlapping if overlapping else mutable
    star = "*restrict " if alone else "*"
    return f"{'' if mutable else 'const '}{c_type} {star}{argument.parameter}"


def _wrapped(start: str, items: Sequence[str], end: str) -> str:
    """``start``, items with commas, ``end``; broken before the margin, aligned behind ``start``."""
    lines, line = [], start
    for position, item in enumerate(items):
        text = item + (end if position == len(items) - 1 else ",")
        joined = f"{line} {text}" if line != start and line.strip() else line + text
        if len(joined) > _WIDTH - 2 and line.strip() and line != start:
            lines.append(line)
            joined = " " * len(start) + text
        line = joined
    return "\n".join([*lines, line])


def call_line(call: Call, kernel: Kernel, arrays: Arrays, done: set[int]) -> str:
    """The call of a kernel; tensors in ``done`` are complete after it, and traced."""
    items = []
    for argument, place in zip(call.step.arguments, call.places, strict=True):
        if place is None:
            data = argument if isinstance(argument, DataArgument) else None
            given = data or call.constants[argument.parameter]
            items.append(arrays.add(given, call.step.operator))
        else:
            parameter = _parameter("", argument)
            pointer = parameter[: parameter.index("*")].strip()
            items.append(_place(pointer, *place))
    text = _wrapped(f"  {kernel.name}(", items, ");")
    return f"{_comment(call.step)}\n{text}{_traces(call, done)}{_stop(call)}"


def _stop(call: Call) -> str:
    """The end of an inference that has nothing to compute yet."""
    for argument, place in zip(call.step.arguments, call.places, strict=True):
        if call.step.stops and argument.parameter == call.step.stops and place is not None:
            counter = _place("const int32_t", *place)
            return f"\n  if (*{counter} != 0) {{\n    return;\n  }}"
    return ""


def in_place(call: Call) -> str:
    """What stands for a call that has nothing to do."""
    return f"{_comment(call.step)}, in place"


def _comment(step: Step) -> str:
    return f"  // {step.operator}: {step.operator_name} {step.comment}".rstrip()


def _traces(call: Call, done: set[int]) -> str:
    return "".join(
        f"\n  TRACE({argument.tensor}, {place[1]}, {call.bytes[argument.parameter]});"
        for argument, place in zip(call.step.arguments, call.places, strict=True)
        if isinstance(argument, TensorArgument) and argument.tensor in done and place is not None
    )


def _place(c_type: str, base: str, offset: int) -> str:
    if c_type.removeprefix("const ") in ("int8_t", "uint8_t"):
        return f"({c_type} *)({base} + {offset})"
    return f"({c_type} *)(void *)({base} + {offset})"


def commented(kernel: Kernel) -> str:
    numbers = ", ".join(map(str, dict.fromkeys(kernel.operators)))
    plural = "s" if len(set(kernel.operators)) > 1 else ""
    return f"// {kernel.comment}. Operator{plural} {numbers}.\n{kernel.text}"


def _kernel_header(name: str, kernels: Sequence[Kernel]) -> str:
    guard = f"GEN_FW_{name.upper()}_KERNELS_H_"
    prototypes = "\n".join(f"{kernel.prototype};" for kernel in kernels)
    return (
        f"{_HEAD}// Kernels of program {name}. Generated by gen-fw; do not edit.\n"
        f"#ifndef {guard}\n#define {guard}\n\n#include <stdbool.h>\n#include <stdint.h>\n\n"
        f"/// How the sum of one output channel becomes an output.\n"
        f"struct {name}_channel {{\n  int32_t bias;  // zero points folded in\n"
        f"  int32_t multiplier;\n  int32_t offset;\n  int32_t shift;\n}};\n\n"
        f"{prototypes}\n\n#endif  // {guard}\n"
    )


def _kernel_file(name: str, code: str, target: Target, libraries: Sequence[str]) -> str:
    support = helpers(code, f"struct {name}_channel")
    includes = [f"#include <{header}>" for header in system_headers(support + code)]
    quantizers = ["gen_fw_quant.h"] if "gen_fw_quantize(" in code else []
    called = f'#include "{name}_aot.h"\n\n' if f"{name}_subgraph_" in code else ""
    text = "\n".join(
        [
            f'#include "{name}_kernels.h"\n',
            *includes,
            *([""] if includes else []),
            *(f'#include "{header}"\n' for header in quantizers),
            *(f"#include {header}\n" for header in libraries),
        ]
    )
    text += called
    pragma = f"{NO_SCHEDULE}\n" if target.no_schedule else ""
    head = text + pragma + preamble(support + code) + support
    return (
        f"{_HEAD}// Kernels of program {name}, specialised to its layers.\n"
        f"// Generated by gen-fw; do not edit.\n\n{head}\n{code}"
    )
