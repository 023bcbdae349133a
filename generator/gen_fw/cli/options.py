# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs share, and how their values are read."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from gen_fw.cli.talk import Talk
from gen_fw.errors import UsageError

_SUFFIXES = {"": 1, "k": 1024, "m": 1024 * 1024}
_MAX_DIGITS = 20
_PLACE = re.compile(r"(arena|model|code|persistent)=[A-Za-z0-9_]+")


class FileOption(click.Option):
    """An option whose value is a file; existence is checked where the file is read."""

    def __init__(self, param_decls: Sequence[str], **kwargs: Any) -> None:
        kwargs.update(type=click.Path(path_type=Path), metavar="FILE")
        super().__init__(param_decls, **kwargs)


def talk_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --json, -q and -v, and passes a Talk as ``talk``."""

    @click.option("--json", "as_json", is_flag=True, help="Result as JSON on stdout.")
    @click.option("-q", "--quiet", is_flag=True, help="Only errors and results.")
    @click.option("-v", "--verbose", is_flag=True, help="Say every stage.")
    @functools.wraps(command)
    def wrapper(*args: Any, as_json: bool, quiet: bool, verbose: bool, **kwargs: Any) -> Any:
        return command(*args, talk=Talk(as_json, quiet, verbose), **kwargs)

    return wrapper


def tvm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what a user may choose for TVM's kernels."""
    for option in (
        click.option(
            "--allow-float",
            is_flag=True,
            default=None,
            help="Let operators compute in float on a processor without FPU (tvm).",
        ),
        click.option(
            "--tuning-records",
            "tuning_records",
            multiple=True,
            cls=FileOption,
            help="Schedules that `gen-fw tvm tune` found (tvm).",
        ),
        click.option(
            "--tensor-layout",
            type=click.Choice(["nhwc", "nchw"]),
            help="Layout of activations inside kernels (tvm); default: nhwc.",
        ),
    ):
        command = option(command)
    return command


def described_by(xn: Path, board: str) -> str:
    """The board that ``--xn`` names. Raises UsageError for another file and beside ``--board``."""
    if board:
        raise UsageError("--board and --xn exclude each other", hint="the .xn describes the board")
    if xn.suffix != ".xn":
        raise UsageError(
            f"--xn {xn.name}: no network description", hint="its name ends in .xn, as XTC wants"
        )
    return str(xn)


def places(place: Sequence[str], models: Sequence[Path]) -> tuple[dict[str, str], tuple[Path, ...]]:
    """Role -> memory, and the models: in ``--place arena=dtcm model=ospi`` the second pair arrives
    as an argument of its own. Raises UsageError for what is no pair."""
    more = [str(path) for path in models if place and _PLACE.fullmatch(str(path))]
    more = [text for text in more if not Path(text).exists()]
    rest = tuple(path for path in models if str(path) not in more)
    return pairs("--place", (*place, *more)), rest


def pairs(option: str, values: Sequence[str]) -> dict[str, str]:
    """``("a=b", ...)`` as a dict. Raises UsageError for anything else."""
    result: dict[str, str] = {}
    for value in values:
        key, equals, text = value.partition("=")
        if not (key and equals and text):
            raise UsageError(f"{option} {value}: expected NAME=VALUE")
        if key in result:
            raise UsageError(f"{option}: {key} is given twice")
        result[key] = text
    return result


def counts(option: str, values: dict[str, str]) -> dict[str, int]:
    """Byte counts with an optional suffix k or M. Raises UsageError."""
    result: dict[str, int] = {}
    for key, text in values.items():
        digits = text.rstrip("kKmM")
        suffix = text[len(digits) :].lower()
        number = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
        if not number or suffix not in _SUFFIXES:
            raise UsageError(
                f"{option}: {text!r:.80} is no number of bytes",
                hint="examples: 65536, 64k, 2M",
            )
        result[key] = int(digits) * _SUFFIXES[suffix]
    return result


def margin(text: str | None) -> int | str | None:
    """The value of --arena-margin: bytes as ``counts`` reads them, or a share such as ``10%``."""
    if text is None or text.endswith("%"):
        return text
    return counts("--arena-margin", {"": text})[""]
