# SPDX-License-Identifier: Apache-2.0
"""Names of programs: a C prefix, a folder below ``gen/`` and, in upper case, a macro prefix.

Every generated identifier is ``<name>_<word>...`` with the first word from ``API_WORDS`` (digits
aside: ``input0`` counts as ``input``), and every macro ``<NAME>_<WORD>...``. A template that needs
a new first word adds it there, so that two programs in one link can never define one symbol.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from gen_fw.c_words import C_WORDS
from gen_fw.errors import UsageError

#: longest name, so that ``<name>_<word>`` stays below C99's 63 significant characters (5.2.4.1)
MAX_LENGTH = 32

_API = """
    abi aot api app arena banner bytes config dequantize error glue golden guard init input
    invoke kernels labels last log memory model name num op ops output plan postprocess
    preprocess print profile quantize register reset resolver resource result run runner scratch
    selftest shape stack state status task tensor tflm tvm tvmgen vectors weights xcore
"""
#: first words that may follow ``<name>_`` in generated identifiers
API_WORDS = frozenset(_API.split())

# Libc families in which <prefix>_init is already a function, and what the vendors' SDKs call so.
_LIBRARY_PREFIXES = """
    sem mtx cnd tss call pthread pthread_attr pthread_mutex pthread_cond pthread_key pthread_rwlock
    pthread_barrier pthread_spin pthread_once pthread_mutexattr pthread_condattr posix_spawnattr
    nvs_flash esp_netif esp_wifi esp_timer esp_psram gpio uart spi i2c wifi tcpip_adapter
"""
# Words that gen/ itself uses beside the programs' folders, and device names of Windows.
_FOLDERS = """
    gen_fw gen include src cmake common shared selftest config app tests build test tools
    con prn aux nul clock conin conout
"""
_RESERVED = C_WORDS.union(
    f"{_LIBRARY_PREFIXES} {_FOLDERS}".split(),
    (f"{device}{digit}" for device in ("com", "lpt") for digit in range(10)),
)
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def slug(stem: str) -> str:
    """A valid program name from a file's stem (or any text); always succeeds, always the same.

    ``MobileNet-v2 (int8)`` becomes ``mobilenet_v2_int8``; text without a usable
    character becomes ``model``.
    """
    ascii_text = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"[^a-z0-9]+", "_", ascii_text).strip("_") or "model"
    text = text[:MAX_LENGTH].rstrip("_")
    if text[0].isdigit() or _reserved(text):
        text = f"model_{text}"[:MAX_LENGTH].rstrip("_")
    return text


def check_name(text: str) -> str:
    """``text`` itself when it can be a program's name.

    Raises UsageError when it is no lower-case identifier, too long, or a reserved word.
    """
    if not _NAME.fullmatch(text):
        why = "a name is lower-case letters, digits and single underscores, a letter first"
    elif len(text) > MAX_LENGTH:
        why = f"a name has at most {MAX_LENGTH} characters"
    elif _reserved(text):
        why = "C, C++, a library or the file system already uses this word"
    else:
        return text
    raise UsageError(
        f"the name {text!r} cannot be used", where="--name", why=why, hint=f"try {slug(text)}"
    )


def check_function(text: str) -> str:
    """``text`` itself when C and C++ can call a function so; raises UsageError otherwise."""
    if not _FUNCTION.fullmatch(text) or text in C_WORDS:
        raise UsageError(
            f"{text!r:.80} cannot name a C function",
            where="--custom-op",
            why="a name is letters, digits and underscores, at most 63, and no word of C or C++",
            hint="--custom-op my_op=Register_MY_OP",
        )
    return text


def check_unique(names: Sequence[str]) -> None:
    """Raise UsageError when two names are equal or could generate one C symbol.

    ``a`` and ``a_input0`` collide (both own ``a_input0...``); ``kws`` and ``kws_v2`` do not.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UsageError(
                f"two models would be named {name!r}",
                where="--name",
                hint="give each model its own name, in order: --name first --name second",
            )
        seen.add(name)
    for name in names:
        for other in names:
            rest = other.removeprefix(f"{name}_")
            if rest == other or rest.split("_")[0].rstrip("0123456789") not in API_WORDS:
                continue
            raise UsageError(
                f"the names {name!r} and {other!r} would share C symbols",
                where="--name",
                why=f"{name} generates identifiers that begin with {other}",
                hint=f"rename {other!r} so that it does not begin with {name}_",
            )


def program_names(stems: Sequence[str], names: Sequence[str] = ()) -> tuple[str, ...]:
    """One checked, unique name per model: the given ``names``, else slugs of the file stems.

    Raises UsageError when the counts differ or names are unusable or collide.
    """
    if names and len(names) != len(stems):
        raise UsageError(
            f"{len(stems)} models but {len(names)} names",
            where="--name",
            hint="give one --name for each model, in the same order, or none",
        )
    result = tuple(check_name(name) for name in names) or tuple(slug(stem) for stem in stems)
    check_unique(result)
    return result


def macro(name: str) -> str:
    """The prefix of the program's macros."""
    return name.upper()


def _reserved(text: str) -> bool:
    return text in _RESERVED or text.startswith("gen_fw_")
