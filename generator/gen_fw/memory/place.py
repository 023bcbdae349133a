# SPDX-License-Identifier: Apache-2.0
"""Which memory of the board holds arena, model and code: candidates best first, the first fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import product
from typing import Any, get_args

from gen_fw.boards.board import Board, Memory
from gen_fw.errors import DoesNotFitError, UsageError
from gen_fw.memory.buffers import align
from gen_fw.memory.document import candidate_document
from gen_fw.program import Candidate, Item, Placement, Program, Region, RegionRole, Use

_ROLES: tuple[RegionRole, ...] = get_args(RegionRole)
#: memory kinds that a role can live in
_KINDS: Mapping[RegionRole, frozenset[str]] = {
    "arena": frozenset({"ram"}),
    "persistent": frozenset({"ram"}),
    "model": frozenset({"ram", "rom"}),
    "code": frozenset({"ram", "rom"}),
}
_NOTHING: Mapping[str, Any] = {}
#: the programs under a placement; None when they cannot run under it
Prepare = Callable[[Placement], Sequence[Program] | None]


def place(
    programs: Sequence[Program],
    board: Board,
    *,
    wanted: Mapping[str, str] = _NOTHING,
    reserve: Mapping[str, int] = _NOTHING,
    shared_arena: bool = False,
    alternatives: Callable[[], Iterable[Board]] = tuple,
) -> tuple[Candidate, tuple[Candidate, ...]]:
    """The first candidate that fits, and all that were tried up to it: ``choose`` for programs that
    are the same under every placement."""
    chosen = choose(
        lambda _placement: programs,
        roles_of(programs),
        board,
        wanted=wanted,
        reserve=reserve,
        shared_arena=shared_arena,
        alternatives=alternatives,
    )
    return chosen.tried[-1], chosen.tried


@dataclass(frozen=True, slots=True)
class Chosen:
    """The programs as prepared for the first placement that fits, the last of ``tried``."""

    programs: tuple[Program, ...]
    tried: tuple[Candidate, ...]


def choose(
    prepare: Prepare,
    roles: Sequence[RegionRole],
    board: Board,
    *,
    wanted: Mapping[str, str] = _NOTHING,
    reserve: Mapping[str, int] = _NOTHING,
    shared_arena: bool = False,
    alternatives: Callable[[], Iterable[Board]] = tuple,
) -> Chosen:
    """The first candidate that fits.

    Candidates are the combinations of ``board.placement``, best first, the arena varying slowest.
    ``wanted`` fixes a role's memory (``sram`` stands for ``sram0``, ``sram1``, ...); ``reserve``
    replaces a memory's reserved bytes. ``shared_arena`` gives all programs the largest arena
    instead of one each. ``alternatives`` is called only when nothing fits, for boards to suggest.

    Raises UsageError for a role or memory that the board does not have, DoesNotFitError (with the
    table of what was tried) when no candidate fits. ``prepare`` serves one placement or more.
    """
    check_wanted(board, wanted, reserve)
    tried: list[Candidate] = []
    programs: Sequence[Program] = ()
    for placement in placements(roles, board, wanted):
        prepared = prepare(placement)
        if prepared is None:
            continue
        programs = prepared
        _check_persistent(programs, wanted, shared_arena)
        candidate = Candidate(placement, _uses(programs, board, placement, reserve, shared_arena))
        tried.append(candidate)
        if candidate.fits:
            return Chosen(tuple(programs), tuple(tried))
    raise _does_not_fit(programs, board, tried, wanted, shared_arena, alternatives)


def roles_of(programs: Sequence[Program]) -> tuple[RegionRole, ...]:
    """The roles that have to be placed."""
    used = {region.role for program in programs for region in program.regions}
    return tuple(role for role in _ROLES if role in used)


def check_wanted(board: Board, wanted: Mapping[str, str], reserve: Mapping[str, int]) -> None:
    """Raises UsageError for what ``choose`` cannot follow."""
    memories = {memory.name: memory for memory in board.memories}
    for role, asked in wanted.items():
        if role not in _ROLES:
            raise UsageError(
                f'--place: unknown role "{role}"', hint=_near(role, _ROLES, "roles are")
            )
        for name in named(board, asked) or (asked,):
            _known(board, memories, name, "--place")
            if memories[name].kind not in _KINDS[role]:
                raise UsageError(
                    f"--place {role}={asked}: the {role} cannot live there",
                    why=f"{name} is read-only memory",
                    hint=_options(board, role),
                )
            if name not in _offered(board, role, (name,)):
                # the family's generated code puts a role only where the board says so
                raise UsageError(
                    f"--place {role}={asked}: projects for {board.name} cannot put the {role} "
                    "there",
                    hint=_options(board, role),
                )
    for name, size in reserve.items():
        _known(board, memories, name, "--reserve")
        if not 0 <= size <= memories[name].bytes:
            raise UsageError(
                f"--reserve {name}={size}: the board's {name} has {memories[name].bytes} bytes"
            )


def _check_persistent(
    programs: Sequence[Program], wanted: Mapping[str, str], shared_arena: bool
) -> None:
    if "persistent" not in wanted:
        return
    without = [p.name for p in programs if all(r.role != "persistent" for r in p.regions)]
    if without:
        raise UsageError(
            f"--place persistent=...: {', '.join(without)} keeps nothing between inferences",
            why="generated C has no interpreter",
            hint="it is for --runtime tflm",
        )
    if shared_arena:
        raise UsageError(
            "--place persistent=... and --shared-arena exclude each other",
            why="what each interpreter keeps cannot be shared",
        )


def _known(board: Board, memories: Mapping[str, Memory], name: str, option: str) -> None:
    if name not in memories:
        raise UsageError(
            f'{option}: board {board.name} has no memory "{name}"',
            hint=_near(name, memories, "its memories are"),
        )


def _near(word: str, known: Iterable[str], otherwise: str) -> str:
    names = sorted(known)
    close = get_close_matches(word, names, n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else f"{otherwise} {', '.join(names)}"


def _offered(board: Board, role: RegionRole, otherwise: Sequence[str]) -> Sequence[str]:
    """Memories that the board has for a role; what is persistent goes where arenas may."""
    return board.placement.get("arena" if role == "persistent" else role, otherwise)


def _options(board: Board, role: RegionRole) -> str:
    able = [memory.name for memory in board.memories if memory.kind in _KINDS[role]]
    names = _offered(board, role, able)
    return f"--place {role}={' or '.join(names)}"


def named(board: Board, asked: str) -> tuple[str, ...]:
    """The memories that a word means: one, or all of a numbered kind (``sram``: ``sram0``,
    ``sram1``), in the board's order; none for a word that means nothing."""
    names = [memory.name for memory in board.memories]
    if asked in names:
        return (asked,)
    return tuple(name for name in names if name.rstrip("0123456789") == asked)


def placements(
    roles: Sequence[RegionRole], board: Board, wanted: Mapping[str, str] = _NOTHING
) -> Iterator[Placement]:
    """All placements of ``roles``, best first."""
    choices: list[tuple[str, ...]] = []
    for role in roles:
        memories = tuple(board.placement.get(role, ()))
        if not memories:  # a board that does not say: every memory of the right kind, by rank
            ranked = sorted(board.memories, key=lambda memory: (memory.kind != "rom", memory.rank))
            memories = tuple(memory.name for memory in ranked if memory.kind in _KINDS[role])
        if role in wanted:
            meant = named(board, wanted[role])
            memories = tuple(name for name in memories if name in meant)
        choices.append(memories)
    for chosen in product(*choices):
        yield Placement(dict(zip(roles, chosen, strict=True)))


def _uses(
    programs: Sequence[Program],
    board: Board,
    placement: Placement,
    reserve: Mapping[str, int],
    shared_arena: bool,
) -> tuple[Use, ...]:
    needs: dict[str, list[Item]] = {memory.name: [] for memory in board.memories}
    for role, name in placement.memories.items():
        items = demands(programs, role, shared_arena)
        needs[name].extend(items)
        source = board.memory(name).loaded_from
        if source and role not in ("arena", "persistent"):
            needs[source].extend(
                replace(item, label=f"{item.label}, copied to {name} at start") for item in items
            )
    return uses_of(board, needs, reserve)


def uses_of(
    board: Board, needs: Mapping[str, Sequence[Item]], reserve: Mapping[str, int]
) -> tuple[Use, ...]:
    """Every memory of the board with what it holds, RAM first. ``reserve``: bytes that are kept
    free, where not as many as the board says."""
    return tuple(
        Use(
            memory.name,
            memory.kind,
            memory.bytes,
            reserve.get(memory.name, memory.reserved),
            tuple(needs[memory.name]),
        )
        for memory in sorted(board.memories, key=lambda memory: (memory.kind != "ram", memory.rank))
    )


def demands(
    programs: Sequence[Program], role: RegionRole, shared_arena: bool = False
) -> list[Item]:
    """What a memory that holds this role must have: one line a program; a shared arena and code
    that programs share count once."""
    found = [(p, region) for p in programs for region in p.regions if region.role == role]
    if role == "code":
        return _shared_code([region for _, region in found])
    if role == "arena" and shared_arena and len(found) > 1:
        program, region = max(found, key=lambda pair: pair[1].bytes)
        label = f"shared arena, as large as that of {program.name}"
        return [Item(label, align(region.bytes, region.alignment), region.confidence)]
    return [
        Item(
            f"{program.name}: {region.label}",
            align(region.bytes, region.alignment),
            region.confidence,
        )
        for program, region in found
    ]


def _shared_code(regions: Sequence[Region]) -> list[Item]:
    """Programs on one runtime link the same interpreter and kernels once."""
    lines: dict[str, Item] = {}
    for region in regions:
        for item in region.items:
            lines.setdefault(item.label, item)
    total = sum(item.bytes for item in lines.values())
    plain = sum(region.bytes for region in regions if not region.items)
    return [Item("runtime and kernels", total + plain, regions[0].confidence)] if regions else []


def _does_not_fit(
    programs: Sequence[Program],
    board: Board,
    tried: Sequence[Candidate],
    wanted: Mapping[str, str],
    shared_arena: bool,
    alternatives: Callable[[], Iterable[Board]],
) -> DoesNotFitError:
    best = min(tried, key=shortage)
    short = [use for use in best.uses if not use.fits]
    why = "; ".join(
        f"{use.memory} has {use.available} bytes, {use.needed} are needed "
        f"({use.needed - use.available} too many)"
        for use in short
    )
    larger = [] if wanted else _fitting(programs, board, shared_arena, alternatives())
    hints = [f"choose a board that fits: {', '.join(larger)}"] if larger else []
    if wanted:
        hints.append("leave --place out, so that all placements are tried")
    arena_short = any(use.kind == "ram" for use in short)
    if arena_short and len(programs) > 1 and not shared_arena:
        hints.append("--shared-arena, when the models run one after the other")
    hints.append("a smaller model" + (" or int8 quantization" if arena_short else ""))
    return DoesNotFitError(
        f"{' and '.join(program.name for program in programs)} does not fit {board.name}",
        where=", ".join(use.memory for use in short),
        why=why,
        hint="; ".join(hints),
        detail={
            "board": board.name,
            "tried": [candidate_document(c) for c in tried],
            "alternatives": larger,
        },
    )


def shortage(candidate: Candidate) -> int:
    """Bytes that its memories lack, all together."""
    return sum(max(0, use.needed - use.available) for use in candidate.uses)


def _fitting(
    programs: Sequence[Program],
    board: Board,
    shared_arena: bool,
    others: Iterable[Board],
) -> list[str]:
    """Names of boards that hold these programs: those of the same chip first, then by memory.

    The bytes are those of this board's kernels, so another chip is suggested only when its kernels
    are the same; the generator computes its own figures when asked for it.
    """
    found = []
    for other in others:
        same_kernels = other.family_data.get("esp_nn") == board.family_data.get("esp_nn")
        if other.name == board.name or other.kernels != board.kernels or not same_kernels:
            continue
        if any(program.kernels == "ethos_u" for program in programs) and (
            other.accelerator is None
            or board.accelerator is None
            or other.accelerator.name != board.accelerator.name
        ):
            continue
        for placement in placements(roles_of(programs), other):
            if all(u.fits for u in _uses(programs, other, placement, _NOTHING, shared_arena)):
                size = sum(memory.bytes for memory in other.memories)
                found.append((other.chip != board.chip, size, other.name))
                break
    return [name for _, _, name in sorted(found)]
