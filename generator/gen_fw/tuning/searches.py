# SPDX-License-Identifier: Apache-2.0
"""The searches of all kernels of a model side by side: rounds of trials, each compiled by TVM at
once, measured kernel by kernel, and stored."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gen_fw.compilers.tvm.steps import Kernel as Made
from gen_fw.errors import GenFwError
from gen_fw.run.bench import Bench, Count, Kernel, widest
from gen_fw.tuning.allotment import PATIENCE, Standing, allot
from gen_fw.tuning.kernels import Knobs, Task, versions
from gen_fw.tuning.search import Search
from gen_fw.tuning.trials import Trial, Trials

#: trials of a round, and of each kernel in it
ROUND, BATCH = 48, 12
#: a kernel with a smaller share of the instructions gets one round
_SMALL = 0.002
#: a schedule counts as faster when it saves this share
_GAIN = 0.001
#: of schedules that are so close to the fastest, the one with the smallest code is taken
_CLOSE = 0.005


@dataclass(slots=True)
class Tuning:
    """A kernel and its search."""

    task: Task
    search: Search
    standing: Standing
    #: the kernel as the database knows it: another text of the default schedule is another kernel
    name: str
    default: Trial
    digest: str
    trials: list[Trial]
    #: what was measured, by its C text
    counts: dict[str, Count]
    small: bool = False

    @property
    def chosen(self) -> Trial:
        """The default, or a schedule that gains."""
        usable = [self.default, *(trial for trial in self.trials if not trial.fault)]
        best = min(trial.instructions for trial in usable)
        if best > self.default.instructions * (1 - _GAIN):
            return self.default
        close = [trial for trial in usable if trial.instructions <= best * (1 + _CLOSE)]
        return min(close, key=lambda trial: (trial.code_bytes, trial.instructions))

    @property
    def saved(self) -> int:
        """Instructions of one inference."""
        return (self.default.instructions - self.chosen.instructions) * self.task.calls


class Searches:
    """All searches of a model. ``hints``: knobs of tuned kernels by template, as records of other
    models have them."""

    def __init__(
        self,
        tasks: Sequence[Task],
        bench: Bench,
        trials: Trials,
        *,
        seed: int = 0,
        hints: Mapping[str, Sequence[Knobs]] | None = None,
    ) -> None:
        self._bench, self._trials = bench, trials
        self._hints = {name: list(knobs) for name, knobs in (hints or {}).items()}
        #: trials that were measured by this run, and those that the database had
        self.measured = self.known = 0
        made = versions([(task, task.default) for task in tasks])
        self.all = [self._started(task, one, seed) for task, one in zip(tasks, made, strict=True)]
        for tuning in self.all:
            tuning.small = tuning.standing.cost < _SMALL * self.cost
            if tuning.small:
                tuning.standing.idle = PATIENCE - 1

    def _started(self, task: Task, made: Made, seed: int) -> Tuning:
        """Measures the default schedule; takes over what is known. Raises GenFwError when the
        kernel does not run."""
        kernel, text = task.version(made)
        count = self._bench.count(kernel, [text])[0] if not made.fault else Count(fault=made.fault)
        if count.fault:
            raise GenFwError(
                f"the kernel {task.what} does not run", where=task.key, why=count.fault
            )
        name = f"{task.key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        default = Trial(task.default, count.instructions, count.bytes)
        known = self._trials.known(name)
        self.known += len(known)
        search = Search(task.space, task.default, seed + zlib.crc32(task.key.encode()))
        search.tell(search.default, count.instructions)
        usable = []
        for trial in known:
            if set(search.names) <= set(trial.knobs):
                search.tell(search.point(trial.knobs), None if trial.fault else trial.instructions)
                usable.append(trial)
        cost = search.best[1] * task.calls
        standing = Standing(cost, search.left)
        return Tuning(task, search, standing, name, default, count.digest, usable, {text: count})

    @property
    def cost(self) -> float:
        """Instructions of all these kernels in one inference, with the best schedules."""
        return sum(tuning.search.best[1] * tuning.task.calls for tuning in self.all)

    def round(self, most: int, done: Callable[[Tuning, int], bool]) -> bool:
        """One round of at most ``most`` trials; false when nothing is left to try. ``done`` is
        called after each kernel, with its position among all; it says whether to go on."""
        named = {tuning.task.key: tuning for tuning in self.all}
        given = allot({key: one.standing for key, one in named.items()}, min(most, ROUND), BATCH)
        wanted = [(named[key], self._proposed(named[key], count)) for key, count in given.items()]
        pairs = [(tuning.task, knobs) for tuning, many in wanted for knobs in many]
        if not pairs:
            return False
        made = iter(versions(pairs))
        for tuning, many in wanted:
            self._measure(tuning, [(knobs, next(made)) for knobs in many])
            if not done(tuning, self.all.index(tuning)):
                break
        return True

    def _proposed(self, tuning: Tuning, count: int) -> list[Knobs]:
        hints = [
            other.chosen.knobs
            for other in sorted(self.all, key=lambda one: -one.saved)
            if other.task.template == tuning.task.template and other.saved > 0
        ]
        hints += self._hints.get(tuning.task.template, [])
        search = tuning.search
        return [search.knobs(point) for point in search.propose(count, hints[: count // 2])]

    def _measure(self, tuning: Tuning, wanted: Sequence[tuple[Knobs, Made]]) -> None:
        """Measures versions of one kernel, and stores what came out."""
        results = [Count(fault=made.fault) for _, made in wanted]
        texts: dict[int, str] = {}
        groups: dict[tuple[str, ...], list[tuple[int, Kernel, str]]] = {}
        for position, (_, made) in enumerate(wanted):
            if not made.fault:
                kernel, text = tuning.task.version(made)
                texts[position] = text
                if text in tuning.counts:  # some knobs change nothing for some kernels
                    continue
                tuning.counts[text] = Count()
                names = (kernel.entry, *(buffer.name for buffer in kernel.buffers))
                groups.setdefault(names, []).append((position, kernel, text))
        for group in groups.values():
            kernel = widest([kernel for _, kernel, _ in group])
            counts = self._bench.count(kernel, [text for _, _, text in group])
            tuning.counts.update(zip((text for _, _, text in group), counts, strict=True))
        for position, text in texts.items():
            results[position] = tuning.counts[text]
        before = tuning.search.best[1]
        for (knobs, _), count in zip(wanted, results, strict=True):
            fault = count.fault
            if not fault and count.digest != tuning.digest:
                fault = "its results differ from those of the default schedule"
            trial = Trial(knobs, count.instructions, count.bytes, fault)
            self._trials.add(tuning.name, trial)
            tuning.trials.append(trial)
            tuning.search.tell(tuning.search.point(knobs), None if fault else count.instructions)
        self.measured += len(wanted)
        best = tuning.search.best[1]
        standing = tuning.standing
        gains = best < before * (1 - _GAIN) and not tuning.small
        standing.idle = 0 if gains else standing.idle + 1
        standing.cost, standing.left = best * tuning.task.calls, tuning.search.left
