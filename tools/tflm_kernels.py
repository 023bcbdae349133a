# SPDX-License-Identifier: Apache-2.0
"""What the kernels of TensorFlow Lite Micro allocate, as a target's compiler sees their files.

An array is put into every call of AllocatePersistentBuffer, so that each sizeof is evaluated in its
own scope, local types and template instances included; the sizes of the arrays are read from the
object file. Nothing runs on the target. For tools/probe_tflm_abi.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile

#: what every firmware is built with
FLAGS = (
    *("-std=gnu++17", "-w", "-fno-rtti", "-fno-exceptions", "-fno-threadsafe-statics"),
    *("-DTF_LITE_STATIC_MEMORY", "-DESP_NN", "-DCMSIS_NN"),
)
#: headers that a kernel includes and that no layout depends on
STAND_INS = {
    "sdkconfig.h": "#define CONFIG_NN_OPTIMIZED 1\n",
    "esp_timer.h": "#include <stdint.h>\nextern \"C\" int64_t esp_timer_get_time(void);\n",
    "ethosu_driver.h": """#include <stddef.h>
#include <stdint.h>
struct ethosu_driver;
extern "C" ethosu_driver *ethosu_reserve_driver(void);
extern "C" void ethosu_release_driver(ethosu_driver *);
extern "C" int ethosu_invoke_v3(ethosu_driver *, const void *, const int, uint64_t *const,
                                const size_t *, const int, void *);
""",
}  # fmt: skip
COMMON = (
    "flatbuffers/flexbuffers.h",
    "tensorflow/lite/kernels/internal/quantization_util.h",
    "tensorflow/lite/kernels/kernel_util.h",
    "tensorflow/lite/micro/kernels/kernel_util.h",
    "tensorflow/lite/micro/micro_graph.h",
    "tensorflow/lite/micro/micro_utils.h",
)
CALL = "AllocatePersistentBuffer"
SYMBOL = re.compile(r"gfw(\d+)x(\d+)z")
_LINE = re.compile(r'^# \d+ "([^"]*)"')
_REGISTER = re.compile(r"\bTFLMRegistration\s*\*?\s+(?:tflite::)?(Register_\w+)\s*\(\s*\)\s*{")
_SIZEOF = re.compile(r"\bsizeof\s*\(")
#: an integral constant: literals, kNames, operators; each sizeof stands as 1
_CONSTANT = re.compile(r"[\d\s*+()]|\bk[A-Z]\w*|static_cast<size_t>")


@dataclass(frozen=True)
class Call:
    """One call of AllocatePersistentBuffer in a kernel file."""

    function: str
    #: text of the size, without line breaks
    size: str
    #: bytes where ``size`` is constant, else None
    bytes: int | None


@dataclass(frozen=True)
class KernelFile:
    calls: tuple[Call, ...]
    #: text of each sizeof's operand -> bytes; several where template instances differ
    types: dict[str, frozenset[int]]
    #: registration -> name of its Init, "" for none
    inits: dict[str, str]
    #: every function that is defined -> functions whose result it returns
    functions: dict[str, tuple[str, ...]]
    #: functions that do nothing but return nullptr
    empty: frozenset[str]


class Compiler:
    """A compiler with its flags and the tree's include paths. ``folder`` is scratch space.

    ``optimise`` is what CMSIS-NN's kernels are optimised for: "speed" or "size".
    """

    def __init__(
        self, command: str, tree: Path, include: list[Path], folder: Path, optimise: str = "speed"
    ) -> None:
        self.words = shlex.split(command)
        self.folder = folder
        stand_ins = folder / "stand-ins"
        stand_ins.mkdir(exist_ok=True)
        for name, text in STAND_INS.items():
            (stand_ins / name).write_text(text, "utf-8")
        own = [tree / "third_party" / name for name in ("gemmlowp", "ruy", "kissfft")]
        own.append(tree / "third_party" / "flatbuffers" / "include")
        folders = [tree, *(path for path in own if path.is_dir()), *include, stand_ins]
        base = [*self.words, *FLAGS, *(f"-I{path}" for path in folders)]
        # what nearly every kernel includes, read once; other compilers read it every time
        common = folder / "common.h"
        common.write_text("".join(f'#include "{path}"\n' for path in COMMON), "utf-8")
        self.gnu = "Free Software Foundation" in run([self.words[0], "--version"])
        compiled = folder / "common.h.gch"
        if self.gnu and not compiled.exists():
            run([*base, "-x", "c++-header", str(common), "-o", str(compiled)])
        self.command = [*base, f"-DKERNELS_OPTIMIZED_FOR_{optimise.upper()}"]
        self._common = ["-include", str(common)]

    @property
    def description(self) -> str:
        """Name, version and flags, without paths."""
        version = run([self.words[0], "--version"]).splitlines()[0]
        flags, skip = [], False
        for word in self.words[1:]:
            if skip or word in ("-isystem", "-I"):
                skip = not skip
            elif not word.startswith(("-I", "/")):
                flags.append(word)
        return " ".join([version, *flags])

    def preprocess(self, source: Path) -> str:
        text = source.read_text("utf-8")
        # only comments matter to a file that allocates nothing and has one shape
        plain = f"{CALL}(" not in text and "#if" not in text
        if plain:
            return run([*self.words, "-fpreprocessed", "-E", str(source)])
        options = ["-fpch-preprocess"] if self.gnu else []
        return run([*self.command, *self._common, *options, "-E", str(source)])

    def symbols(self, text: str, suffix: str, *flags: str) -> dict[str, int]:
        """Symbols of a source text with gfw… in their names, and their sizes."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            source, target = Path(folder) / f"probe{suffix}", Path(folder) / "probe.o"
            source.write_text(text, "utf-8")
            # preprocessed text has the common headers already
            common = self._common if suffix == ".cc" else []
            run([*self.command, *common, *flags, "-c", str(source), "-o", str(target)])
            with target.open("rb") as file:
                table = ELFFile(file).get_section_by_name(".symtab")
                return {
                    symbol.name: symbol["st_size"]
                    for symbol in table.iter_symbols()
                    if SYMBOL.search(symbol.name)
                }


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"error: {shlex.join(command)}\n{done.stderr[:4000]}")
    return done.stdout


def _closing(text: str, start: int, pair: str = "()") -> int:
    """Position after the bracket that closes the one before ``start``; quotes are skipped."""
    depth, position = 1, start
    while depth:
        character = text[position]
        if character in "\"'":
            position += 1
            while text[position] != character:
                position += 2 if text[position] == "\\" else 1
        elif character == pair[0]:
            depth += 1
        elif character == pair[1]:
            depth -= 1
        position += 1
    return position


def _last_argument(text: str, start: int, end: int) -> int:
    """Where the last of the arguments between two brackets begins."""
    depth, last = 0, start
    for position in range(start, end):
        character = text[position]
        depth += {"(": 1, "<": 1, "{": 1, ")": -1, ">": -1, "}": -1}.get(character, 0)
        if character == ">" and text[position - 1] == "-":
            depth += 1  # an arrow
        if character == "," and depth == 0:
            last = position + 1
    return last


def _own_text(text: str, source: Path) -> str:
    """Lines of the file itself, everything from headers blanked: offsets stay."""
    own, lines = False, []
    for line in text.split("\n"):
        mark = _LINE.match(line)
        if mark:
            own = mark[1] == str(source)
        lines.append(line if own and not mark else " " * len(line))
    return "\n".join(lines)


def _functions(text: str) -> list[tuple[str, int, int]]:
    """(name, start and end of the body) of every function definition."""
    found = []
    position = 0
    opener = re.compile(r"[{\"']")
    while match := opener.search(text, position):
        position = match.end()
        if match[0] != "{":
            while text[position] != match[0]:
                position += 2 if text[position] == "\\" else 1
            position += 1
            continue
        before = text[: match.start()].rstrip()
        if re.search(r"\)\s*(const|override|noexcept|\s)*$", before[-60:]):
            depth, at = 1, before.rindex(")") - 1
            while depth:
                depth += {")": 1, "(": -1}.get(before[at], 0)
                at -= 1
            name = re.search(r"(\w+)\s*$", before[max(0, at - 200) : at + 1])
            end = _closing(text, match.end(), "{}")
            found.append((name[1] if name else "", match.end(), end))
            position = end
    return found


def _clean(text: str) -> str:
    return re.sub(r"\s*([<>(),*])\s*", r"\1", " ".join(text.split())).replace(",", ", ")


@dataclass
class _Probe:
    """One call: ``operands`` of its sizeofs are probed in places 0…, all of it after them."""

    function: str
    size: str
    operands: list[str] = field(default_factory=list)
    constant: bool = False


def kernel_file(compiler: Compiler, source: Path) -> KernelFile:
    """Reads and compiles one kernel file."""
    whole = compiler.preprocess(source)
    text = _own_text(whole, source)
    bodies = _functions(text)
    probes: list[_Probe] = []
    pieces, done = [], 0
    for match in re.finditer(rf"\b{CALL}\s*\(", text):
        end = _closing(text, match.end()) - 1
        start = _last_argument(text, match.end(), end)
        function = next((name for name, first, last in bodies if first <= start < last), "")
        if function:  # else a declaration
            probe, changed = _probe(len(probes), function, text[start:end])
            probes.append(probe)
            pieces += [whole[done:start], changed]
            done = end
    sizes: dict[tuple[int, int], set[int]] = {}
    if probes:
        for symbol, size in compiler.symbols("".join([*pieces, whole[done:]]), ".ii").items():
            mark = SYMBOL.search(symbol)
            assert mark, symbol
            sizes.setdefault((int(mark[1]), int(mark[2])), set()).add(size)
    types: dict[str, set[int]] = {}
    calls = []
    for number, probe in enumerate(probes):
        for place, operand in enumerate(probe.operands):
            types.setdefault(operand, set()).update(sizes.get((number, place), ()))
        found = sizes.get((number, len(probe.operands)), set()) if probe.constant else set()
        calls.append(Call(probe.function, probe.size, found.pop() if len(found) == 1 else None))
    return KernelFile(
        calls=tuple(calls),
        types={operand: frozenset(values) for operand, values in types.items()},
        inits=_inits(text),
        functions={name: _returned(text[first:last]) for name, first, last in bodies},
        empty=frozenset(name for name, *body in bodies if _is_empty(text[slice(*body)])),
    )


def _probe(number: int, function: str, size: str) -> tuple[_Probe, str]:
    """The probe of a call, and the text that takes the place of its size."""
    operands, sizeofs, rest, at = [], [], "", 0
    for part in _SIZEOF.finditer(size):
        if part.start() >= at:  # else within another
            stop = _closing(size, part.end())
            operands.append(_clean(size[part.end() : stop - 1]))
            sizeofs.append(size[part.start() : stop])
            rest += size[at : part.start()] + "1"
            at = stop
    constant = bool(operands) and not _CONSTANT.sub("", rest + size[at:])
    made = "".join(
        f"static char gfw{number}x{place}z[{value}] __attribute__((used)); "
        for place, value in enumerate([*sizeofs, *([size] if constant else [])])
    )
    probe = _Probe(function, _clean(size), operands, constant)
    return probe, f"(__extension__({{ {made}{size}; }}))"


def _is_empty(body: str) -> bool:
    """True for a function that does nothing but return nullptr."""
    return re.fullmatch(r"\s*return\s+nullptr\s*;\s*}", body) is not None


def _returned(body: str) -> tuple[str, ...]:
    call = r"\breturn\s+(\w+)\s*(?:<[^<>]*>)?\s*\(\s*context\s*,\s*buffer\s*,\s*length\s*\)"
    return tuple(dict.fromkeys(re.findall(call, body)))


def _inits(text: str) -> dict[str, str]:
    """Registration -> its Init. A stub that returns nullptr has none."""
    found = {}
    for match in _REGISTER.finditer(text):
        body = text[match.end() : _closing(text, match.end(), "{}")]
        call = re.search(r"\bRegisterOp\s*\(\s*([\w:]+)", body)
        other = re.search(r"\breturn\s+(Register_\w+)\s*\(", body)
        if call:
            found[match[1]] = "" if call[1] == "nullptr" else call[1].rpartition(":")[2]
        elif other:
            found[match[1]] = other[1]
        elif re.search(r"\breturn\s+nullptr", body):
            found[match[1]] = ""
        else:
            raise SystemExit(f"error: cannot read {match[1]}")
    return found
