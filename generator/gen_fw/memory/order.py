# SPDX-License-Identifier: Apache-2.0
"""Another order of the operators, when it lowers the largest sum of bytes alive at one time.

The bytes alive after a set of steps depend on the set only, so the search goes over sets that are
closed under "must come before" (as in Liberis and Lane, "Neural networks on microcontrollers:
saving memory at inference via operator reordering", 2019). All of them when they are few, else the
best of every length (a beam). Steps that every other one must precede or follow cut the graph;
what lies between two of them is searched on its own. The work is counted, never timed.

Lives are those of TFLM (micro_allocation_info.cc at tflite-micro 90b983c2): a buffer lives from the
step that writes it to its last reader, a graph input from before the first step, a graph output to
the end, scratch during its step, and what nobody reads during the step that writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gen_fw.memory.buffers import align
from gen_fw.memory.order_search import Segment, cheapest, floor

#: steps tried at most: a second or two on a desktop
EFFORT = 300_000
#: steps above which a segment is searched in windows, and how far these reach to both sides
_LARGE = 1500
_REACHES = (10, 40, 160)
#: steps of the graph that cost as much to prepare for a window as one step to try
_PREPARE = 4


@dataclass(frozen=True, slots=True)
class Step:
    """An operator: which buffers it reads and writes, bytes of scratch, steps it must follow.

    ``after`` are indices of earlier steps, for effects that buffers do not show (variables).
    ``in_place`` are pairs (read, written) that may share their bytes when the step is the last
    user of the one that it reads.
    """

    reads: tuple[int, ...]
    writes: tuple[int, ...]
    scratch: int = 0
    after: tuple[int, ...] = ()
    in_place: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ordering:
    """Steps in a new order, its peak in bytes, and the least that any order could have."""

    order: tuple[int, ...]
    bytes: int
    lower_bound: int

    @property
    def optimal(self) -> bool:
        """True when no order is known to be able to have a lower peak."""
        return self.bytes <= self.lower_bound


def reorder(
    steps: Sequence[Step],
    sizes: Sequence[int] | Mapping[int, int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    effort: int = EFFORT,
) -> tuple[int, ...]:
    """Indices of ``steps`` in the best order found; as given when none has a lower peak."""
    return search(steps, sizes, inputs, outputs, effort=effort).order


def search(
    steps: Sequence[Step],
    sizes: Sequence[int] | Mapping[int, int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    *,
    effort: int = EFFORT,
) -> Ordering:
    """The best order found by trying about ``effort`` steps.

    The given order must be a valid one. Steps that touch the same buffer keep their order when one
    of them writes it. ``sizes`` are bytes, rounded up to 16 here.

    Raises ValueError when a step reads what is neither an input nor written before, or follows
    itself or a later one.
    """
    graph = _Graph(steps, sizes, inputs, outputs)
    order = list(range(len(steps)))
    needs = graph.needs(order)
    peaks = [(max(needs[first:end]), first, end) for first, end in graph.segments()]
    peaks.sort(key=lambda row: (-row[0], row[1]))
    #: what the segments that are done need, and the most that is proven of one of them
    done = bound = graph.start
    for highest, first, end in peaks:
        if highest <= max(done, bound):
            break
        segment, wanted = graph.segment(order, first, end), max(done, bound)
        proven = min(highest, floor(segment))
        if end - first <= _LARGE:
            best = cheapest(segment, highest, wanted, effort // 2)
            effort -= best.tried
            highest, proven = best.bytes, best.lower_bound
            if best.order is not None:
                order[first:end] = [first + at for at in best.order]
        if highest > max(wanted, proven):
            highest, tried = _slide(graph, order, first, end, max(wanted, proven), effort // 2)
            effort -= tried
        done, bound = max(done, highest), max(bound, proven)
    total = max(graph.start, *graph.needs(order), 0)
    return Ordering(tuple(order), total, min(bound, total))


def _slide(
    graph: _Graph, order: list[int], first: int, end: int, wanted: int, effort: int
) -> tuple[int, int]:
    """Orders the steps around the peak anew, again and again; gives the peak and the steps tried.

    For a range that is too long, or too wide, to be searched as one. Changes ``order``.
    """
    tried = 0
    while True:
        needs = graph.needs(order)[first:end]
        highest = max(needs)
        at = first + needs.index(highest)
        for reach in _REACHES:
            if highest <= wanted or tried >= effort:
                return highest, tried
            low, high = max(first, at - reach), min(end, at + reach + 1)
            found = cheapest(graph.segment(order, low, high), highest, wanted, effort // 8)
            tried += found.tried + len(order) // _PREPARE
            if found.order is not None:
                order[low:high] = [order[low + place] for place in found.order]
                break
        else:
            return highest, tried


def peak(
    steps: Sequence[Step],
    sizes: Sequence[int] | Mapping[int, int],
    inputs: Sequence[int],
    outputs: Sequence[int],
    order: Sequence[int] | None = None,
) -> int:
    """The largest sum of bytes alive at one time when the steps run in ``order``."""
    graph = _Graph(steps, sizes, inputs, outputs)
    return max(graph.start, *graph.needs(range(len(steps)) if order is None else order), 0)


class _Graph:
    """Who must precede whom, and who uses which buffer."""

    def __init__(
        self,
        steps: Sequence[Step],
        sizes: Sequence[int] | Mapping[int, int],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> None:
        self._steps, self._inputs, self._outputs = steps, set(inputs), set(outputs)
        #: users of every buffer, writers too, in the given order
        self._users: dict[int, list[int]] = {buffer: [] for buffer in [*inputs, *outputs]}
        self._before: list[set[int]] = []
        writers: dict[int, list[int]] = {}
        readers: dict[int, list[int]] = {}
        for index, step in enumerate(steps):
            if any(not 0 <= other < index for other in step.after):
                raise ValueError(f"steps[{index}] must follow {step.after}: not all are before it")
            before = set(step.after)
            for buffer in step.reads:
                if buffer not in writers and buffer not in self._inputs:
                    raise ValueError(f"steps[{index}] reads buffer {buffer} that nothing has made")
                before.update(writers.get(buffer, ())[-1:])
            for buffer in step.writes:
                before.update(writers.get(buffer, ())[-1:])
                before.update(readers.pop(buffer, ()))
            for buffer in step.reads:
                readers.setdefault(buffer, []).append(index)
            for buffer in step.writes:
                writers.setdefault(buffer, []).append(index)
            for buffer in {*step.reads, *step.writes}:
                self._users.setdefault(buffer, []).append(index)
            before.discard(index)
            self._before.append(before)
        self._size = {buffer: align(sizes[buffer]) for buffer in self._users}
        #: bytes alive before the first step
        self.start = sum(self._size[buffer] for buffer in self._inputs)

    def needs(self, order: Sequence[int]) -> list[int]:
        """Bytes alive during every step of ``order``."""
        left = {buffer: len(users) for buffer, users in self._users.items()}
        alive = {b for b in self._inputs if left[b] or b in self._outputs}
        live = sum(self._size[buffer] for buffer in alive)
        found = []
        for index in order:
            step = self._steps[index]
            touched = {*step.reads, *step.writes}
            made = touched - alive
            alive |= made
            live += sum(self._size[buffer] for buffer in made)
            dying = set()
            for buffer in touched:
                left[buffer] -= 1
                if not left[buffer] and buffer not in self._outputs:
                    dying.add(buffer)
            shared = 0
            taken: set[int] = set()
            for source, target in step.in_place:
                if source in dying and target in made and not {source, target} & taken:
                    shared += min(self._size[source], self._size[target])
                    taken |= {source, target}
            found.append(live + align(step.scratch) - shared)
            alive -= dying
            live -= sum(self._size[buffer] for buffer in dying)
        return found

    def segments(self) -> list[tuple[int, int]]:
        """Ranges of the given order that can be ordered on their own.

        A range ends after a step that all before it lead to and that leads to all after it.
        """
        count = len(self._steps)
        following, preceding = [count] * count, [-1] * count
        for index, before in enumerate(self._before):
            for other in before:
                following[other] = min(following[other], index)
                preceding[index] = max(preceding[index], other)
        reach, cuts = 0, []
        for index in range(count):
            # every earlier step has a follower that is not behind this one, so it leads here
            if reach <= index:
                cuts.append(index)
            reach = max(reach, following[index])
        back, certain = count, []
        for index in range(count - 1, -1, -1):
            if back >= index:
                certain.append(index)
            back = min(back, preceding[index])
        ends = sorted({index + 1 for index in set(cuts) & set(certain)} | {count})
        starts = [0, *ends[:-1]]
        return [(first, end) for first, end in zip(starts, ends, strict=True) if first < end]

    def segment(self, order: Sequence[int], first: int, end: int) -> Segment:
        """A range of ``order``: what is alive when it begins, and who uses what within it."""
        inside = order[first:end]
        place = {step: at for at, step in enumerate(order)}
        span = {b: self._span(users, place) for b, users in self._users.items()}
        buffers = sorted(
            {b for i in inside for b in (*self._steps[i].reads, *self._steps[i].writes)}
        )
        number = {buffer: at for at, buffer in enumerate(buffers)}
        users = [
            sum(1 << (place[i] - first) for i in self._users[b] if first <= place[i] < end)
            for b in buffers
        ]
        born = [b not in self._inputs and span[b][0] >= first for b in buffers]
        dies = [b not in self._outputs and span[b][1] < end for b in buffers]
        live = 0
        for buffer, (begin, last) in span.items():
            begun = buffer in self._inputs or begin < first
            over = buffer not in self._outputs and last < first
            live += self._size[buffer] if begun and not over else 0
        steps = [self._steps[i] for i in inside]
        return Segment(
            before=[
                sum(1 << (place[j] - first) for j in self._before[i] if place[j] >= first)
                for i in inside
            ],
            touches=[sorted({number[b] for b in (*s.reads, *s.writes)}) for s in steps],
            scratch=[align(step.scratch) for step in steps],
            in_place=[[(number[a], number[b]) for a, b in step.in_place] for step in steps],
            sizes=[self._size[buffer] for buffer in buffers],
            users=users,
            born=born,
            dies=dies,
            live=live,
        )

    def _span(self, users: list[int], place: Mapping[int, int]) -> tuple[int, int]:
        """Places of the first and the last user; behind all when there is none."""
        if not users:
            return len(place), -1
        return min(place[i] for i in users), max(place[i] for i in users)
