# SPDX-License-Identifier: Apache-2.0
"""Which kernels get the next trials: those that cost most, as long as their search gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: rounds without a gain after which a kernel is left
PATIENCE = 4


@dataclass(slots=True)
class Standing:
    """How the search for a kernel's schedule stands. ``cost``: instructions of all its calls in one
    inference; ``left``: points that nobody has measured; ``idle``: rounds since the last gain."""

    cost: float
    left: int
    idle: int = 0

    @property
    def weight(self) -> float:
        """Its claim to trials: half as much after each round in vain."""
        return 0.0 if self.left == 0 or self.idle >= PATIENCE else self.cost / 2**self.idle


def allot(standings: Mapping[str, Standing], trials: int, batch: int) -> dict[str, int]:
    """Trials for each kernel that gets some in this round: ``batch`` at least (or what is left of
    its space), as many kernels as ``trials`` serve, by their weight; the rest of the trials goes to
    the heaviest ones.

    >>> allot({"a": Standing(90, 50), "b": Standing(10, 50)}, 20, 8)
    {'a': 12, 'b': 8}
    >>> allot({"a": Standing(90, 0), "b": Standing(10, 5), "c": Standing(10, 9, idle=3)}, 20, 8)
    {'b': 5}
    """
    order = sorted(
        (name for name, standing in standings.items() if standing.weight > 0),
        key=lambda name: (-standings[name].weight, name),
    )
    given: dict[str, int] = {}
    for share in (batch, trials):
        for name in order:
            more = min(share, standings[name].left - given.get(name, 0), trials)
            if more > 0:
                given[name] = given.get(name, 0) + more
                trials -= more
    return given
