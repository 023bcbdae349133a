# SPDX-License-Identifier: Apache-2.0
"""Makes xformer's C++ fit for a project: nothing in it tells day or place, bytes that it never set
are 0, the arena is ours and can be another one, and several models link side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gen_fw.errors import GenFwError

_THEIRS = "// This file is generated. Do not edit.\n"
#: lines that differ from run to run or tell the command
_COMMENTS = re.compile(r"^// (?:Generated on|Compiler version|Args):.*\n", re.MULTILINE)
_SIZE = re.compile(r"^constexpr int kTensorArenaSize = \d+;$", re.MULTILINE)
#: behind the tables, in front of the functions
_TABLES_END = "// Indices into tflTensors and tflNodes for subgraphs"
#: release 1.4.2 defines these for every model (lib_tflite_micro issue 199); 1.4.3 does not
_STATUS = re.compile(r"^TfLiteStatus mg_status;$", re.MULTILINE)
_TRAMPOLINE = 'extern "C" void invoke_subgraph_c_trampoline(){'
_OPDATA = re.compile(r"^(uint8_t ALIGN\(4\) opdata(\d+)\[\d+\] = \{)([^}]*)(\};)", re.MULTILINE)
_NODE = re.compile(r"\(TfLiteIntArray\*\)&g0\.inputs(\d+), .*?&g0\.opdata(\d+)\)")
_INPUTS = re.compile(r"^const TfArray<(\d+), int> inputs(\d+) =", re.MULTILINE)
_USED = re.compile(r"^used_operators_e used_ops\[\] =\s*\{([^}]*)\}", re.MULTILINE)
#: two bytes behind the last member of what the maxpool kernel keeps
_MAXPOOL_PAD = re.compile(rb"a\x00\x14.{20}o\x00\x08.{6}(..)", re.DOTALL)
#: sizes of up to 13 inputs, of which the operator has fewer
_CONCAT = re.compile(rb"^n\x00s\x00\x0d\x00\x00\x00(.{52})", re.DOTALL)
#: a list of real numbers, in which xformer writes infinity as printf does
_NUMBERS = re.compile(r"\bfloat[^={\n]*=\s*\{[^}]*\}")
_INFINITY = "__builtin_inff()"
_ARRAY = re.compile(r"^const ALIGN\(8\) (\w+) tensor_data\d+\[(\d+)\]", re.MULTILINE)
_LIST = re.compile(r"^const TfArray<(\d+), (?:int|float)> ", re.MULTILINE)
_ELEMENT_BYTES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int64_t": 8, "double": 8}
#: bytes on a 32-bit target of TfLiteTensor, TfLiteNode, TFLMRegistration, TfLiteAffineQuantization
#: (headers of xmos-ai-tools 1.4.2, TF_LITE_STATIC_MEMORY and NO_INTERPRETER)
_TENSOR, _NODE_BYTES, _REGISTRATION, _QUANTIZATION = 28, 20, 28, 12


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The two files. ``table_bytes``: constants and structures, on a 32-bit target. ``dispatched``:
    gen_fw_xcore.c calls the model's operators, since the release would define that twice.
    ``kernels``: names of the operators' registrations."""

    cpp: str
    header: str
    table_bytes: int
    dispatched: bool
    kernels: tuple[str, ...]
    #: entries of tables that are infinite: an exponential that has overflowed
    overflows: int = 0


def cleaned(cpp: str, header: str, prefix: str, arena: str, several: bool) -> Cleaned:
    """Both texts, ready for ``gen/<name>/``. ``prefix`` is that of the model's functions, ``arena``
    the array that the project defines.

    Raises GenFwError when the C++ is not built as expected: another release of xformer.
    """
    cpp, header = (text.replace(_THEIRS, "") for text in (cpp, header))
    cpp, header = (_COMMENTS.sub("", text).replace("\r\n", "\n") for text in (cpp, header))
    cpp = _NUMBERS.sub(_constants, _defined_bytes(cpp))
    dispatched = several and _STATUS.search(cpp) is not None
    cpp = _STATUS.sub("static TfLiteStatus mg_status;", cpp)
    if dispatched:
        cpp = cpp.replace(_TRAMPOLINE, f'extern "C" void {prefix}subgraph() {{')
        cpp = cpp.replace("STACKFUNCTION(invoke_subgraph_c_trampoline, 1000);\n", "")
    if len(_SIZE.findall(cpp)) != 1 or cpp.count(_TABLES_END) != 1:
        raise GenFwError(
            "xformer's C++ is not built as expected",
            why="gen-fw finds no arena and no end of the tables in it: another release?",
            hint="pip install xmos-ai-tools==1.4.2",
        )
    cpp = _SIZE.sub(lambda match: _own_arena(arena) + match[0], cpp)
    cpp = cpp.replace(_TABLES_END, _MOVABLE + _TABLES_END)
    lines = [line.rstrip() for line in (cpp.rstrip() + _move(prefix)).splitlines()]
    head = [line.rstrip() for line in header.strip().splitlines()]
    return Cleaned(
        _HEAD + "\n".join(lines) + "\n",
        _HEAD + "\n".join(head) + "\n",
        table_bytes(cpp),
        dispatched,
        tuple(dict.fromkeys(_operators(cpp))),
        cpp.count(_INFINITY),
    )


def _own_arena(arena: str) -> str:
    return (
        "// gen-fw: the arena is that of the project\n"
        "#define SHARED_TENSOR_ARENA\n"
        f"#define tensor_arena {arena}\n"
    )


_HEAD = """\
// SPDX-License-Identifier: LicenseRef-XMOS-Public-Licence-1
// Made by xformer, the compiler of XMOS's AI tools, and prepared by gen-fw; do not edit.
"""
_MOVABLE = """\
// gen-fw: the tables begin with the project's arena; functions use the one of now
uint8_t *gen_fw_arena = tensor_arena;
#undef tensor_arena
#define tensor_arena gen_fw_arena

"""


def _move(prefix: str) -> str:
    return f"""

// gen-fw: all tensors in another arena, of kTensorArenaSize bytes and aligned to 8; init follows
void {prefix}move(uint8_t *arena) {{
  for (TfLiteTensor &tensor : tflTensors) {{
    uint8_t *data = (uint8_t *)tensor.data.data;
    if (data >= gen_fw_arena && data < gen_fw_arena + kTensorArenaSize) {{
      tensor.data.data = arena + (data - gen_fw_arena);
    }}
  }}
  gen_fw_arena = arena;
}}
"""


def _operators(cpp: str) -> list[str]:
    """``XC_conv2d_v2``, ``SOFTMAX``, ... in order of execution."""
    found = _USED.search(cpp)
    words = found[1].split(",") if found else []
    return [word.strip().removeprefix("OP_") for word in words if word.strip()]


def _constants(match: re.Match[str]) -> str:
    """``inf`` and ``nan`` as C++ has them."""
    text = re.sub(r"\binf\b", _INFINITY, match[0])
    return re.sub(r"-?\bnan\b", '__builtin_nanf("")', text)


def _defined_bytes(cpp: str) -> str:
    """Sets the bytes to 0 that xformer copies from memory that it never wrote: no kernel reads
    them, and two runs are not alike with them."""
    operators = _operators(cpp)
    users: dict[str, tuple[str, int]] = {}
    counts = {number: int(count) for count, number in _INPUTS.findall(cpp)}
    for name, (inputs, data) in zip(operators, _NODE.findall(cpp), strict=False):
        users[data] = (name, counts.get(inputs, 0))

    def set_bytes(match: re.Match[str]) -> str:
        name, inputs = users.get(match[2], ("", 0))
        data = bytes(int(word) & 0xFF for word in match[3].split(",") if word.strip())
        pattern = {"XC_maxpool2d": _MAXPOOL_PAD, "XC_concat": _CONCAT}.get(name)
        found = pattern.search(data) if pattern else None
        if found is None:
            return match[0]
        first = found.start(1) + (4 * inputs if name == "XC_concat" else 0)
        data = data[:first] + bytes(max(0, found.end(1) - first)) + data[max(first, found.end(1)) :]
        return f"{match[1]} {', '.join(map(str, data))},  {match[4]}"

    return _OPDATA.sub(set_bytes, cpp)


def table_bytes(cpp: str) -> int:
    """What the model's constants and structures take in a 32-bit target's memory. The compiler's
    padding between members, and code, come on top."""
    arrays = sum(
        -(-int(count) * _ELEMENT_BYTES.get(kind, 4) // 8) * 8 for kind, count in _ARRAY.findall(cpp)
    )
    lists = sum(4 + 4 * int(count) for count in _LIST.findall(cpp))
    options = sum(len(data.split(",")) for _, _, data, _ in _OPDATA.findall(cpp))
    tensors = cpp.count(",(TfLiteIntArray*)&g0.tensor_dimension")
    operators = _operators(cpp)
    return (
        arrays
        + lists
        + options
        + tensors * _TENSOR
        + len(operators) * (_NODE_BYTES + 4)
        + len(set(operators)) * _REGISTRATION
        + cpp.count("const TfLiteAffineQuantization ") * _QUANTIZATION
    )
