# SPDX-License-Identifier: Apache-2.0
"""The model with a memory plan of ours, when that makes its arena smaller.

Candidates are the operators in the given and in other orders; for each, tensors apart, views
sharing memory, and element-wise operators working in place. Each is counted as TFLM will run it
(gen_fw.runtimes.tflm.arena.account), the smallest arena wins, and the model as given wins ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gen_fw.errors import ModelError
from gen_fw.memory.buffers import align
from gen_fw.model.lifetimes import OFFLINE_PLAN, has_offline_plan, lifetimes
from gen_fw.model.reader import read_model
from gen_fw.model.rewrite import reordered, with_metadata
from gen_fw.model.types import Model
from gen_fw.runtimes.tflm.abi import Build
from gen_fw.runtimes.tflm.arena.account import Account, account
from gen_fw.runtimes.tflm.offline.alias import Alias, candidates, merged
from gen_fw.runtimes.tflm.offline.check import faults
from gen_fw.runtimes.tflm.offline.layout import (
    Layout,
    bound,
    chosen,
    fixable,
    layouts,
    metadata,
)
from gen_fw.runtimes.tflm.offline.order import orders


@dataclass(frozen=True, slots=True)
class Improved:
    """A rewritten model. Sizes are those of ``before`` and ``after``."""

    #: what runs on the target
    model: Model
    before: Account
    after: Account
    #: what was done, for people
    steps: tuple[str, ...]
    #: tensors of subgraph 0 that share memory, after reordering
    aliases: tuple[Alias, ...] = ()
    #: new order of the operators of subgraph 0, as old indices; empty: as given
    order: tuple[int, ...] = ()

    #: whether the model got a memory plan, and not another order only
    planned: bool = False

    @property
    def saved(self) -> int:
        """Bytes of arena."""
        return self.before.minimum - self.after.minimum


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One way to run the model; ``layout`` None: TFLM's own plan."""

    model: Model
    account: Account
    order: tuple[int, ...] = ()
    layout: Layout | None = None

    @property
    def rank(self) -> tuple[int, int, bool, int, bool]:
        """The smaller the better: arena, use, then what changes less."""
        layout = self.layout
        changed = len(layout.aliases) if layout else 0
        return (
            self.account.minimum,
            self.account.used,
            bool(self.order),
            changed,
            layout is not None,
        )


def improve(model: Model, build: Build) -> Improved | None:
    """The model with the plan that needs the smallest arena under ``build``; None when nothing is
    smaller than the model as given, or when it has an offline plan already, which stays.

    The model must have passed ``support.check``. Raises ModelError when a plan of ours does not
    pass its own check, UsageError and ModelError like ``account``.
    """
    if has_offline_plan(model):
        return None
    given = _Candidate(model, account(model, build))
    search = _Search(given, build)
    search.run()
    if search.best.account.minimum >= given.account.minimum:
        return None
    return _written(given, search.best, build)


class _Search:
    """The best candidate so far. What cannot beat its arena is not tried."""

    def __init__(self, given: _Candidate, build: Build) -> None:
        self.given, self.build = given, build
        self.best = given

    def run(self) -> None:
        model = self.given.model
        allowed = candidates(model, self.build)
        self._plans(self.given, allowed)
        for order in orders(model, self.given.account.scratch, allowed):
            try:
                moved = read_model(reordered(model.raw, {0: order}))
            except ModelError:  # a file that stores its operators in an odd way
                return
            start = _Candidate(moved, account(moved, self.build), order)
            self._consider(start)
            self._plans(start, candidates(moved, self.build))

    def _consider(self, candidate: _Candidate) -> None:
        self.best = min(self.best, candidate, key=lambda one: one.rank)

    def _plans(self, start: _Candidate, allowed: Sequence[Alias]) -> None:
        """``start`` with plans of ours: tensors apart, with the aliases that help, with all."""
        model, buffers = start.model, start.account.plan.buffers
        movable = fixable(model, lifetimes(model))
        self._plan(start, ())
        for wanted in dict.fromkeys((tuple(allowed), _last_input_first(allowed))):
            _, every = merged(model, movable, wanted)
            # fewer aliases have no lower bound
            if every and self._hopeful(start, bound(model, buffers, every)):
                self._plan(start, chosen(model, buffers, every))
                self._plan(start, every)

    def _plan(self, start: _Candidate, aliases: Sequence[Alias]) -> None:
        model, buffers = start.model, start.account.plan.buffers
        if not self._hopeful(start, bound(model, buffers, aliases)):
            return
        for layout in layouts(model, buffers, aliases):
            if layout.head < start.account.head and self._hopeful(start, layout.head):
                counted = account(model, self.build, offsets=layout.offsets)
                self._consider(_Candidate(model, counted, start.order, layout))

    def _hopeful(self, start: _Candidate, head: int) -> bool:
        """Whether a head of so many bytes could make a smaller arena than the best one has."""
        counted = start.account
        if counted.minimum > align(counted.used):  # start-up decides, not the plan
            return counted.minimum < self.best.account.minimum
        return align(head + counted.tail) < self.best.account.minimum


def _last_input_first(allowed: Sequence[Alias]) -> tuple[Alias, ...]:
    """The same with the other input of operators that have a choice."""
    turned = sorted(enumerate(allowed), key=lambda pair: (pair[1].operator, -pair[0]))
    return tuple(alias for _, alias in turned)


def _written(given: _Candidate, best: _Candidate, build: Build) -> Improved:
    """The best candidate as a file, proven and counted anew."""
    raw = bytes(best.model.raw)
    steps = []
    if best.order:
        moved = sum(old != new for new, old in enumerate(best.order))
        steps.append(f"{moved} operators reordered")
    aliases: tuple[Alias, ...] = ()
    if best.layout is not None:
        raw = with_metadata(raw, OFFLINE_PLAN, metadata(best.model, best.layout.offsets))
        aliases = best.layout.aliases
        steps.append("offline memory plan")
        for kind, what in (("view", "views share memory"), ("in place", "operators in place")):
            count = sum(alias.kind == kind for alias in aliases)
            if count:
                steps.append(f"{count} {what}")
    model = read_model(raw)
    after = account(model, build)
    scratch = [(one.subgraph, one.operator) for one in after.scratch]
    wrong = list(faults(model, after.plan, scratch, aliases))
    if (after.minimum, after.used) != (best.account.minimum, best.account.used):
        wrong.append(f"the written model needs {after.minimum} bytes, not {best.account.minimum}")
    if wrong:
        raise ModelError(
            "the memory plan that gen-fw made for this model is not safe",
            why="; ".join(wrong[:3]),
            hint="this is a defect of gen-fw, please report it; --no-offline-plan does without",
        )
    return Improved(
        model=model,
        before=given.account,
        after=after,
        steps=tuple(steps),
        aliases=aliases,
        order=best.order,
        planned=best.layout is not None,
    )
