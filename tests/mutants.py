# SPDX-License-Identifier: Apache-2.0
"""Reproducible damage to model files: ten mutators over a model's structural bytes.

Weights are left alone where the model's size allows to tell them apart: flipping them changes
numbers, not structure.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gen_fw.model.types import Model

#: values that break naive offset arithmetic
EVIL = (0, 1, 2, 3, 4, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


@dataclass(frozen=True)
class Seed:
    """A model to damage: its bytes and the positions that hold structure, in order."""

    name: str
    content: bytes
    structure: tuple[int, ...]

    @property
    def offsets(self) -> tuple[int, ...]:
        """Aligned structural words that could be offsets into the file."""
        size = len(self.content)
        return tuple(
            position
            for position in self.structure
            if position % 4 == 0
            and position + 4 <= size
            and 0 < _word(self.content, position) < size - position
        )


def seed(name: str, model: Model) -> Seed:
    """A seed whose structure is all but the constants longer than 32 bytes."""
    data = bytearray(len(model.raw))
    for buffer in model.buffers:
        if len(buffer.data) > 32:
            data[buffer.offset : buffer.offset + len(buffer.data)] = b"\1" * len(buffer.data)
    structure = tuple(position for position, inside in enumerate(data) if not inside)
    return Seed(name, bytes(model.raw), structure)


def _word(content: bytes | bytearray, position: int) -> int:
    return int(struct.unpack_from("<I", content, position)[0])


def _flip_anywhere(rng: random.Random, seed: Seed, out: bytearray) -> None:
    out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)


def _flip_structure(rng: random.Random, seed: Seed, out: bytearray) -> None:
    out[rng.choice(seed.structure)] ^= 1 << rng.randrange(8)


def _random_bytes(rng: random.Random, seed: Seed, out: bytearray) -> None:
    position = rng.choice(seed.structure)
    out[position : position + 16] = rng.randbytes(len(out[position : position + 16]))


def _fill(value: int) -> Callable[[random.Random, Seed, bytearray], None]:
    def fill(rng: random.Random, seed: Seed, out: bytearray) -> None:
        position = rng.choice(seed.structure)
        length = rng.choice((1, 2, 4, 8, 16, 32))
        out[position : position + length] = bytes([value]) * len(out[position : position + length])

    return fill


def _evil_offset(rng: random.Random, seed: Seed, out: bytearray) -> None:
    struct.pack_into("<I", out, rng.choice(seed.offsets), rng.choice(EVIL))


def _random_offset(rng: random.Random, seed: Seed, out: bytearray) -> None:
    position = rng.choice(seed.offsets)
    struct.pack_into("<I", out, position, rng.randrange(len(out) - position))


def _swapped_offsets(rng: random.Random, seed: Seed, out: bytearray) -> None:
    """The second offset is set to the first one's target: aliases, cycles, wrong types."""
    first, second = rng.choice(seed.offsets), rng.choice(seed.offsets)
    target = first + _word(out, first)
    struct.pack_into("<I", out, second, (target - second) & 0xFFFFFFFF)


def _inserted(rng: random.Random, seed: Seed, out: bytearray) -> None:
    position = rng.choice(seed.structure)
    out[position:position] = rng.randbytes(rng.choice((1, 2, 4, 8)))


def _cut(rng: random.Random, seed: Seed, out: bytearray) -> None:
    del out[rng.randrange(len(out)) :]


MUTATORS: dict[str, Callable[[random.Random, Seed, bytearray], None]] = {
    "bitflip1": _flip_anywhere,
    "bitflip_struct": _flip_structure,
    "byte16": _random_bytes,
    "zero_block": _fill(0),
    "ff_block": _fill(0xFF),
    "off_evil": _evil_offset,
    "off_rand": _random_offset,
    "off_swap": _swapped_offsets,
    "ins": _inserted,
    "trunc": _cut,
}


def mutants(seeds: list[Seed], count: int, start: int = 0) -> Iterator[tuple[str, bytes]]:
    """``count`` mutants as (name, content), the same ones every time.

    The name has seed, mutator and number, from which a mutant can be made again; ``start`` gives
    another, disjoint series.
    """
    kinds = list(MUTATORS)
    for number in range(start, start + count):
        source = seeds[number % len(seeds)]
        kind = kinds[(number // len(seeds)) % len(kinds)]
        rng = random.Random(f"{source.name}/{kind}/{number}")
        out = bytearray(source.content)
        MUTATORS[kind](rng, source, out)
        yield f"{source.name}/{kind}/{number}", bytes(out)
