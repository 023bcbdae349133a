# SPDX-License-Identifier: Apache-2.0
"""What is in the C text of an archive: functions, pools, constants, headers that it includes.

The text is scanned, not parsed: TVM prints every function with its closing brace in the first
column (src/target/source/codegen_c.cc and codegen_c_host.cc). All patterns work line by line.
"""

from __future__ import annotations

import re

from gen_fw.archive.types import Code, Function, Pool
from gen_fw.errors import ModelError

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]{1,200})[>\"]", re.MULTILINE)
_FUNCTION = re.compile(
    r"^(?:TVM_DLL )?(?:int32_t|int|void|const TVMModule\*|struct \w{1,200}) ?"
    r"([A-Za-z_]\w{0,250}) ?\(",
    re.MULTILINE,
)
_OBJECT = re.compile(
    r"^(?:const tvm_model_t (\w{1,250}) = \{|void\* (\w{1,250}) = NULL;"
    r"|(?:const )?(?:float|double|u?int(?:8|16|32|64)_t) (\w{1,250})\[\d{0,12}\] = )",
    re.MULTILINE,
)
_POOL = re.compile(r"^static uint8_t (\w{1,200})\[(\d{1,12})\];", re.MULTILINE)
_ARRAY = re.compile(
    r"^(?:static const |  )(float|double|half|bool|u?int(?:8|16|32|64)_t) "
    r"(?:__attribute__\(\(.{0,80}\)\) )?\w{1,250}\[(\d{1,12})\](?: = \{| __attribute__\(\()",
    re.MULTILINE,
)
_BYTES = {
    "float": 4,
    "double": 8,
    "half": 2,
    "bool": 1,
    **{f"{sign}int{bits}_t": bits // 8 for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
#: text that C does not have; the glue that TVM calls .cc is plain C
_CXX = re.compile(r"^[ \t]*(?:namespace|template|class|using) |\w::\w|static_cast<", re.MULTILINE)
_EXTENSIONS = (".c", ".cc", ".cpp")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}\.(?:c|cc|cpp)")
_MAX_PARAMETERS = 512
_MAX_FUNCTIONS = 20_000
#: of one file; a model with 4 MB of float weights has 16 MB of C in 300 000 lines
_MAX_BYTES = 32 << 20
_MAX_LINES = 1_000_000
#: characters of a list of parameters
_MAX_LIST = 64 << 10


def is_source(name: str) -> bool:
    """Whether a file below codegen/host/src is C or C++ text."""
    return name.endswith(_EXTENSIONS)


def scan(file: str, content: memoryview) -> Code:
    """A source file, scanned. Raises ModelError for a name or content that no C file has."""
    if not _NAME.fullmatch(file):
        raise ModelError(
            "the archive has a source file with an unusable name",
            where=f"codegen/host/src/{file:.200}",
            hint="TVM's names are letters, digits and underscores",
        )
    data = bytes(content)
    if b"\0" in data:
        raise ModelError("this is no C text", where=f"codegen/host/src/{file}")
    if len(data) > _MAX_BYTES or data.count(b"\n") > _MAX_LINES:
        raise ModelError("the source is too large", where=f"codegen/host/src/{file}")
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return Code(
        file=file,
        content=content,
        text=text,
        includes=tuple(dict.fromkeys(_INCLUDE.findall(text))),
        functions=tuple(_functions(text, file)),
        objects=tuple("".join(names) for names in _OBJECT.findall(text)),
        pools=tuple(Pool(name, int(size)) for name, size in _POOL.findall(text)),
        constant_bytes=sum(
            -(-int(count) * _BYTES[kind] // 16) * 16 for kind, count in _ARRAY.findall(text)
        ),
        lines=text.count("\n"),
        cxx=not file.endswith(".c") and _CXX.search(text) is not None,
    )


def _functions(text: str, file: str) -> list[Function]:
    """Every definition, in order; each part of the text is searched once."""
    found: list[Function] = []
    close = end = 0
    for match in _FUNCTION.finditer(text):
        if 0 <= close < match.end():
            close = text.find(")", match.end())
        if close < 0:
            break
        if close - match.end() > _MAX_LIST:
            continue
        rest = text[close + 1 : close + 16].lstrip()
        if not rest.startswith("{"):
            continue  # a declaration
        if len(found) == _MAX_FUNCTIONS:
            raise ModelError(
                f"more than {_MAX_FUNCTIONS} functions", where=f"codegen/host/src/{file}"
            )
        if 0 <= end < close:
            end = text.find("\n}", close)
        parameters = [part.strip() for part in text[match.end() : close].split(",")]
        found.append(
            Function(
                match[1],
                tuple(part for part in parameters if part)[:_MAX_PARAMETERS],
                close + 1,
                end if end >= 0 else len(text),
            )
        )
    return found
