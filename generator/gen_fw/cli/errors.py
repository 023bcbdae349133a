# SPDX-License-Identifier: Apache-2.0
"""Errors at the edge: one clear message on stderr (or JSON on stdout), a published exit code."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import click

from gen_fw.errors import ExitCode, GenFwError


def _print_error(error: GenFwError) -> None:
    lines = [f"error: {error.what}"]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.why:
        first, *rest = error.why.splitlines()
        lines.append(f"  why: {first}")
        lines.extend(f"       {line}" for line in rest)
    click.echo("\n".join(lines), err=True)
    for candidate in error.detail.get("tried", ()):
        _print_candidate(candidate)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)


def _print_candidate(candidate: dict[str, Any]) -> None:
    """The table of needs against memories of one placement that was tried (exit 4)."""
    from rich.console import Console

    from gen_fw.report.memory import show_candidate

    width = None if sys.stderr.isatty() else 120
    show_candidate(candidate, Console(file=sys.stderr, width=width, highlight=False))


def error_document(error: GenFwError) -> dict[str, object]:
    """The JSON form of an error, schema gen-fw/error/1."""
    return {
        "schema": "gen-fw/error/1",
        "exit_code": int(error.exit_code),
        "error": {
            "what": error.what,
            "where": error.where,
            "why": error.why,
            "hint": error.hint,
            "detail": error.detail,
        },
    }


def _report(error: GenFwError, as_json: bool) -> int:
    if as_json:
        import json

        click.echo(json.dumps(error_document(error), indent=2, sort_keys=True))
    _print_error(error)
    return int(error.exit_code)


def run(command: click.Command) -> int:
    """Runs ``command`` with sys.argv and returns the process's exit code."""
    as_json = "--json" in sys.argv[1:]
    _make_streams_usable()
    try:
        result = command.main(prog_name="gen-fw", standalone_mode=False)
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return int(ExitCode.OK)
    except click.ClickException as error:
        text = error.format_message()
        context = getattr(error, "ctx", None)
        usage = f"{context.command_path} --help" if context else "gen-fw --help"
        return _report(_usage(text, usage), as_json)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except GenFwError as error:
        return _report(error, as_json)
    except BrokenPipeError:
        _drop_stdout()  # the reader went away (`gen-fw ... | head`)
        return int(ExitCode.OK)
    except OSError as error:
        if error.filename is None:
            _drop_stdout()
            as_json = False
        what = "cannot write the output" if error.filename is None else "the system refuses"
        reason = error.strerror or str(error)
        return _report(GenFwError(what, where=str(error.filename or ""), why=reason), as_json)
    except Exception as error:
        if os.environ.get("GEN_FW_DEBUG"):
            raise
        return _report(
            GenFwError(
                "internal error: this is a bug in gen-fw",
                why=f"{type(error).__name__}: {error}",
                hint="run again with GEN_FW_DEBUG=1 for the traceback, and report it",
            ),
            as_json,
        )


def _make_streams_usable() -> None:
    """Printing never fails for want of a stream (`>&-`) or of a character in its encoding."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for the whole process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_stdout() -> None:
    """Keeps Python from complaining at exit about what cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(text: str, usage: str) -> GenFwError:
    from gen_fw.errors import UsageError

    return UsageError(text.rstrip("."), hint=f"see `{usage}`")
