# SPDX-License-Identifier: Apache-2.0
"""The template environment: where templates are found, what they may use, how they are checked.

A template ``main/app_main.cc.j2`` is looked for in the user's folder, then in the family's, then in
``shared/``. ``!main/app_main.cc.j2`` names the original, so that an override can extend it and
replace single blocks. Templates run in Jinja's immutable sandbox with strict undefined values.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from gen_fw.errors import UsageError
from gen_fw.files import read_regular
from gen_fw.project import escape
from gen_fw.project.family import Family

#: prefix of a template's name that skips the user's folder
ORIGINAL = "!"
#: stands for a C array in rendered text: MARK + key + MARK, replaced by streamed rows
MARK = "\x00"
#: longest name of a tensor that is shown
_SHOWN = 64
#: largest file of a user's template folder
_MAX_BYTES = 1 << 22
#: family.toml describes a folder of templates and is no template itself
_NOT_TEMPLATES = frozenset({"family.toml"})


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the user's template folders replace (files, or blocks of files), and their hash."""

    names: tuple[str, ...] = ()
    sha256: str = ""


class Templates:
    """Finds, compiles and renders the templates of one family; the first user folder wins."""

    def __init__(self, family: Family, template_dirs: Sequence[Path] = ()) -> None:
        self._built_in = (family.folder, family.shared_folder)
        self._user: dict[str, bytes] = {}
        if template_dirs:
            known = {name for folder in self._built_in for name in _names(folder)}
            for folder in reversed(template_dirs):
                self._user.update(_read_overrides(folder, known))
        self._environment = _environment(_Loader(self._read_text))
        self._blocks = {
            name: self._check_blocks(name) for name in self._user if name.endswith(".j2")
        }

    @property
    def overrides(self) -> Overrides:
        """What the user's folder replaces."""
        if not self._user:
            return Overrides()
        digest = hashlib.sha256()
        for name, content in sorted(self._user.items()):
            digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
            digest.update(content)
        names = (self._override(name) for name in sorted(self._user))
        return Overrides(tuple(names), digest.hexdigest())

    def _override(self, name: str) -> str:
        """``main/app_main.cc.j2``, or with the blocks that alone are replaced in brackets."""
        blocks = self._blocks.get(name, ())
        return f"{name} ({', '.join(blocks)})" if blocks else name

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        """The text of one template. Raises UsageError with the template's name and line."""
        try:
            return self._environment.get_template(name).render(variables)
        except TemplateError as error:
            raise _fault(error, name) from None
        except RecursionError as error:
            raise UsageError(
                "extends or includes itself",
                where=f"template {name}",
                hint=f'{{% extends "{ORIGINAL}{name}" %}} names the original',
            ) from error
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise _fault(error, name) from None

    def raw(self, name: str) -> bytes:
        """The bytes of a file that is copied as it is."""
        return self._read(name)

    def _read(self, name: str) -> bytes:
        original = name.removeprefix(ORIGINAL)
        if name == original and name in self._user:
            return self._user[name]
        for folder in self._built_in:
            path = folder / original
            # a template that includes "../x" or "/x" must not read what is no template
            if ".." not in path.parts and path.is_relative_to(folder) and path.is_file():
                return path.read_bytes()
        raise UsageError(f"there is no template {name!r}", where="templates")

    def _read_text(self, name: str) -> str:
        try:
            return self._read(name).decode("utf-8")
        except UnicodeDecodeError as error:
            raise UsageError("is not UTF-8", where=f"template {name}", why=str(error)) from None

    def _check_blocks(self, name: str) -> tuple[str, ...]:
        """The blocks that an extending template replaces; they must exist in the original."""
        try:
            tree = self._environment.parse(self._read_text(name), filename=name)
            parents = [
                node.template.value
                for node in tree.find_all(nodes.Extends)
                if isinstance(node.template, nodes.Const)
            ]
            if not parents:
                return ()
            known = set(_block_names(self._environment, self._read_text, parents[0]))
        except TemplateError as error:
            raise _fault(error, name) from None
        outer = [node for node in tree.body if isinstance(node, nodes.Block)]
        for block in outer:
            if block.name not in known:
                raise UsageError(
                    f"there is no block {block.name!r} in {parents[0].removeprefix(ORIGINAL)}",
                    where=f"template {name}, line {block.lineno}",
                    hint=_did_you_mean(block.name, known),
                )
        return tuple(block.name for block in outer)


class _Loader(BaseLoader):
    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        try:
            return self._read(template), template, lambda: True
        except UsageError:
            raise TemplateNotFound(template) from None


def _environment(loader: BaseLoader) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        optimized=False,  # constant folding costs more than one rendering gains
    )
    environment.filters.update(
        c_string=escape.c_string,
        c_comment=escape.c_comment,
        c_float=c_float,
        cmake_string=escape.cmake_string,
        identifier=identifier,
        json_string=escape.json_string,
        make_value=escape.make_value,
        markdown=escape.markdown,
        markdown_code=escape.markdown_code,
        shown=shown,
        toml_string=escape.toml_string,
        yaml_string=escape.yaml_string,
        size=size,
    )
    environment.globals.update(array=array)
    return environment


def c_float(value: float) -> str:
    """A C constant of type float that is read back as exactly this float32.

    >>> c_float(0.00390625), c_float(1), c_float(1e-20)
    ('0.00390625f', '1.0f', '1e-20f')
    """
    single = _float32(value)
    text = next(
        t for t in (f"{single:.{n}g}" for n in range(1, 10)) if _float32(float(t)) == single
    )
    return f"{text}f" if re.search(r"[.en]", text) else f"{text}.0f"


def _float32(value: float) -> float:
    """The nearest float32; infinite beyond its range."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def identifier(text: str) -> str:
    """``text`` itself when it is a C identifier; ValueError otherwise."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError(f"{text!r} is no C identifier")
    return text


def shown(text: str) -> str:
    """A name from a model for people to read: one short line that means nothing in any language.

    >>> shown('serving_default_x:0'), shown('"; system("rm") //')
    ('serving_default_x:0', '_; system__rm__ //')
    """
    body = re.sub(r"[^A-Za-z0-9_ .,:;/+=-]", "_", " ".join(text.split()))
    return body if len(body) <= _SHOWN else f"{body[: _SHOWN - 3]}..."


def size(count: int) -> str:
    """Bytes for people: exact, with binary units beside it from 1 KiB on.

    >>> size(716), size(24272), size(8388608)
    ('716 B', '24 272 B (23.7 KiB)', '8 388 608 B (8.0 MiB)')
    """
    exact = f"{count:,}".replace(",", " ")
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{exact} B ({count / factor:.1f} {unit})"
    return f"{exact} B"


def array(key: str) -> str:
    """Marks the place of a constant's rows in a C array; ``render`` streams them in."""
    return f"{MARK}{key}{MARK}"


def _names(folder: Path) -> Iterator[str]:
    for base, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            name = (Path(base) / file).relative_to(folder).as_posix()
            if name not in _NOT_TEMPLATES:
                yield name


def _read_overrides(folder: Path, known: set[str]) -> dict[str, bytes]:
    """Contents of the user's template folder; links are refused, so nothing outside is read."""
    if not folder.is_dir():
        raise UsageError("there is no such folder", where=f"--template-dir {folder}")
    found: dict[str, bytes] = {}
    for base, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for entry in (*folders, *sorted(files)):
            path = Path(base) / entry
            name = path.relative_to(folder).as_posix()
            if path.is_symlink():
                raise UsageError("is a link", where=f"template {name}", hint="copy the file")
            if entry in folders or entry.startswith("."):
                continue
            if name not in known:
                raise UsageError(
                    f"there is no template {name!r} to override",
                    where=f"--template-dir {folder}",
                    hint=_did_you_mean(name, known),
                )
            found[name] = read_regular(path, _MAX_BYTES, what="template")
    return found


def _block_names(environment: Environment, read: Callable[[str], str], name: str) -> Iterator[str]:
    """All blocks of a template and of those it extends."""
    seen: set[str] = set()
    while name not in seen:
        seen.add(name)
        tree = environment.parse(read(name), filename=name)
        yield from (block.name for block in tree.find_all(nodes.Block))
        for node in tree.find_all(nodes.Extends):
            if isinstance(node.template, nodes.Const):
                name = node.template.value


def _did_you_mean(name: str, known: Sequence[str] | set[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    if close:
        return f"did you mean {', '.join(close)}?"
    return f"known: {', '.join(sorted(known))}"


def _fault(error: Exception, name: str) -> UsageError:
    """A template's error with the place in the template, not in the code Jinja made of it."""
    if isinstance(error, TemplateSyntaxError):
        place, line = error.name or name, error.lineno
    else:
        place, line = name, 0
        trace = error.__traceback__
        while trace is not None:
            # Jinja rewrites tracebacks: frames of templates carry the template's name
            file = trace.tb_frame.f_code.co_filename
            if file.endswith((".j2", "<template>")):
                place, line = (name if file == "<template>" else file), trace.tb_lineno
            trace = trace.tb_next
    where = f"template {place}, line {line}" if line else f"template {place}"
    return UsageError("cannot be rendered", where=where, why=str(error))
