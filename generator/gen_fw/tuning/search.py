# SPDX-License-Identifier: Apache-2.0
"""The search for a kernel's fastest schedule: which values of its knobs to measure next.

A model of what was measured guides it: ridge regression (Hoerl and Kennard, 1970) of the logarithm
of the instructions on every value of every knob and on every pair of values. Part of each batch is
one knob off the best schedule, since the model is smooth and counts are not; part is drawn at
random, so that the model learns what it does not expect.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

#: name of a knob -> its values, in an order in which neighbours are alike
Space = Mapping[str, Sequence[int]]
Point = tuple[int, ...]
#: of larger spaces a sample is searched
_POOL = 16384
#: of a batch: one knob off the best point; drawn at random. The rest is what the model likes best
_NEAR_SHARE = 0.25
_RANDOM_SHARE = 0.25
_RIDGE = 0.05


class Search:
    """Points are tuples of values, in the order of the space's knobs."""

    def __init__(self, space: Space, default: Mapping[str, int], seed: int) -> None:
        self.names = tuple(space)
        self.default = self.point(default)
        self._values = [tuple(space[name]) for name in self.names]
        self._random = random.Random(seed)
        self._pool = self._points()
        #: instructions of what was measured; infinite when it cannot be used
        self.measured: dict[Point, float] = {}

    def _points(self) -> list[Point]:
        size = math.prod(len(values) for values in self._values)
        if size <= _POOL:
            return list(product(*self._values))
        drawn = {self.default}
        while len(drawn) < _POOL:
            drawn.add(tuple(self._random.choice(values) for values in self._values))
        return sorted(drawn)

    def point(self, knobs: Mapping[str, int]) -> Point:
        return tuple(knobs[name] for name in self.names)

    def knobs(self, point: Point) -> dict[str, int]:
        return dict(zip(self.names, point, strict=True))

    def tell(self, point: Point, instructions: float | None) -> None:
        """A result; None when the point cannot be used."""
        self.measured[point] = math.inf if instructions is None else float(max(instructions, 1))

    @property
    def best(self) -> tuple[Point, float]:
        """The best point so far, of equals the one that was told first, and its instructions."""
        if not self.measured:
            return self.default, math.inf
        point = min(self.measured, key=lambda one: self.measured[one])
        return point, self.measured[point]

    @property
    def left(self) -> int:
        """Points that nobody has measured."""
        return sum(point not in self.measured for point in self._pool)

    def propose(self, count: int, hints: Iterable[Mapping[str, int]] = ()) -> list[Point]:
        """At most ``count`` points to measure; fewer when no more are left. ``hints``: good knobs
        of similar kernels, which come first as far as this space has them."""
        free = [point for point in self._pool if point not in self.measured]
        known = set(free)
        chosen = [
            point
            for point in dict.fromkeys(self._hinted(hint) for hint in hints)
            if point is not None and point in known
        ][:count]
        room = count - len(chosen)
        free = [point for point in free if point not in set(chosen)]
        usable = sum(math.isfinite(value) for value in self.measured.values())
        if usable >= 2 and room and free:
            order = [free[i] for i in np.argsort(self._predicted(free), kind="stable").tolist()]
            best = self.best[0]
            near = [point for point in order if _changes(point, best) == 1]
            picked = dict.fromkeys(near[: round(room * _NEAR_SHARE)])
            by_chance = max(1, round(room * _RANDOM_SHARE)) if room > 1 else 0
            for point in order:
                if len(picked) >= room - by_chance:
                    break
                picked.setdefault(point)
            chosen += picked
            free = [point for point in free if point not in picked]
            room = count - len(chosen)
        chosen += self._random.sample(free, min(room, len(free)))
        return chosen

    def _hinted(self, hint: Mapping[str, int]) -> Point | None:
        """The hint as a point: the nearest values that this space has."""
        if not set(self.names) <= set(hint):
            return None
        return tuple(
            min(values, key=lambda value: (abs(value - hint[name]), value))
            for name, values in zip(self.names, self._values, strict=True)
        )

    def _predicted(self, points: Sequence[Point]) -> npt.NDArray[np.float64]:
        """Logarithm of the instructions, by the model."""
        known = [(point, value) for point, value in self.measured.items() if math.isfinite(value)]
        target = np.log([value for _, value in known])
        mean = float(target.mean())
        features = self._features([point for point, _ in known])
        # the dual form: as many equations as there are measurements
        gram = features @ features.T
        gram[np.diag_indices_from(gram)] += _RIDGE
        dual = np.linalg.solve(gram, target - mean)
        return np.asarray(mean + self._features(points) @ (features.T @ dual))

    def _features(self, points: Sequence[Point]) -> npt.NDArray[np.float64]:
        """One column for each value of a knob, and for each pair of values of two knobs."""
        single = [
            np.array([[point[k] == value for value in values] for point in points], dtype=float)
            for k, values in enumerate(self._values)
            if len(values) > 1
        ]
        if not single:
            return np.zeros((len(points), 1))
        pairs = [
            (a[:, :, None] * b[:, None, :]).reshape(len(points), -1)
            for a, b in combinations(single, 2)
        ]
        return np.concatenate([*single, *pairs], axis=1)


def _changes(point: Point, other: Point) -> int:
    """How many knobs differ."""
    return sum(a != b for a, b in zip(point, other, strict=True))
