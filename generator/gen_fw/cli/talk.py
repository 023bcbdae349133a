# SPDX-License-Identifier: Apache-2.0
"""Results go to stdout, talk goes to stderr; progress shows itself after a second."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from gen_fw.errors import Diagnostic

if TYPE_CHECKING:
    from rich.console import Console

_PROGRESS_AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Talk:
    """How this run talks: tables or JSON, quiet or verbose."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def note(self, text: str) -> None:
        if not self.quiet:
            click.echo(text, err=True)

    def warnings(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Prints each warning once, with its hint."""
        for diagnostic in dict.fromkeys(diagnostics):
            self.note(f"warning: {diagnostic}")
            if diagnostic.hint:
                self.note(f"hint: {diagnostic.hint}")

    def result(self, document: dict[str, Any], show: Callable[[Console], None]) -> None:
        """Prints the result: the JSON document, or what ``show`` draws."""
        if self.as_json:
            click.echo(json.dumps(document, indent=2))
            return
        from rich.console import Console

        # a pipe gets full lines, a terminal its own width
        width = None if sys.stdout.isatty() else 120
        show(Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False))

    @contextmanager
    def progress(self) -> Iterator[Callable[[str], None]]:
        """A callback for stage names: all of them when verbose, else those after one second."""
        lock = threading.Lock()
        current = [""]
        late = [self.verbose]

        def tell(stage: str) -> None:
            with lock:
                current[0] = stage
                if late[0] and not self.quiet:
                    click.echo(f"... {stage}", err=True)

        def reveal() -> None:
            with lock:
                if not late[0] and current[0] and not self.quiet:
                    click.echo(f"... {current[0]}", err=True)
                late[0] = True

        timer = threading.Timer(_PROGRESS_AFTER_SECONDS, reveal)
        timer.daemon = True
        timer.start()
        try:
            yield tell
        finally:
            timer.cancel()
