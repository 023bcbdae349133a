# SPDX-License-Identifier: Apache-2.0
"""``tune``: a model's kernels are searched within a budget; what gains on the whole model becomes
records."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from gen_fw.boards.board import Board
from gen_fw.compilers.tvm.installed import VERSION, check_installed
from gen_fw.compilers.tvm.options import TensorLayout, TvmOptions
from gen_fw.compilers.tvm.records import Record, read_records, written
from gen_fw.errors import Diagnostic, GenFwError, UsageError
from gen_fw.run.bench import Bench
from gen_fw.run.measure import ProgramRun, Wishes, run
from gen_fw.run.project import load
from gen_fw.run.tools import ARM_CC, RISCV_CC, find, needed, require
from gen_fw.tuning.boards import check_tunable
from gen_fw.tuning.kernels import Task, tasks
from gen_fw.tuning.searches import Searches, Tuning
from gen_fw.tuning.trials import Trials
from gen_fw.version import __version__

Progress = Callable[[str], None]
#: samples of noise on which the tuned model must equal the untuned one
_SAMPLES = 4
#: of the budget that the comparison of whole models gets; seconds
_RESERVE = 20.0
_COMPILERS = {"arm-none-eabi": ARM_CC, "riscv64-unknown-elf": RISCV_CC}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to tune, and how long. ``trials``: schedules to measure at most, those that the database
    has not counted; None: until the budget ends or nothing gains any more."""

    model: Path
    board: str
    #: the file of records; what it has of other kernels and boards is kept
    out: Path
    database: Path
    budget_seconds: float = 1200.0
    trials: int | None = None
    seed: int = 0
    #: nhwc or nchw
    tensor_layout: str = "nhwc"
    #: operators may compute in float32 on a processor without FPU
    allow_float: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole model: instructions of one inference, bytes of arena and flash."""

    instructions: int
    arena_bytes: int
    code_bytes: int
    constant_bytes: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """A kernel as it was and as it is."""

    key: str
    template: str
    what: str
    #: in one inference
    calls: int
    #: that can be chosen from
    schedules: int
    default: Mapping[str, int]
    knobs: Mapping[str, int]
    default_instructions: int
    instructions: int
    default_code_bytes: int
    code_bytes: int
    trials: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What ``tune`` found."""

    name: str
    board: Board
    compiler: str
    kernels: tuple[Tuned, ...]
    untuned: Whole
    tuned: Whole
    records: tuple[Record, ...]
    content: bytes
    measured: int
    known: int
    seconds: float
    #: why it ended: "done", "budget", "trials", "interrupted"
    stopped: str
    notes: tuple[Diagnostic, ...]


def tune(wanted: Wanted, progress: Progress, clock: Callable[[], float] = time.monotonic) -> Result:
    """Searches schedules for the kernels of a model; writes nothing but the database.

    KeyboardInterrupt ends the search early, not the function: what was found is kept. Raises
    UsageError for boards that are not emulated and damaged files, ToolMissingError without
    compiler, emulator or TVM, ModelError for models that TVM cannot compile, DoesNotFitError.
    """
    from gen_fw.boards.load import all_boards, load_board

    started = clock()
    board = load_board(wanted.board)
    check_tunable(board, all_boards())
    toolchain = str(board.family_data["toolchain"])
    require(needed(toolchain))
    check_installed()
    before, notes = _existing(wanted.out)
    compiler = f"{toolchain}-gcc {find(_COMPILERS[toolchain]).version}"
    bench_name = {
        "board": board.name,
        "compiler": compiler,
        "tvm": VERSION,
        "gen_fw": __version__,
    }
    trials = Trials(wanted.database, bench_name)
    with tempfile.TemporaryDirectory(prefix="gen-fw-tune-") as folder:
        work = Work(wanted, Path(folder), progress)
        progress("building the model without tuning")
        name, untuned = work.measured(None)
        found = work.tasks(board)
        bench = Bench(load(work.project(None)), Path(folder) / "bench")
        hints: dict[str, list[Mapping[str, int]]] = {}
        for record in before:
            hints.setdefault(record.template, []).append(record.knobs)
        progress(f"{len(found)} kernels: measuring them without tuning")
        searches = Searches(found, bench, trials, seed=wanted.seed, hints=hints)
        end = started + wanted.budget_seconds - min(_RESERVE, wanted.budget_seconds / 4)
        stopped = _search(searches, wanted.trials, end, clock, progress)
        if stopped == "interrupted":
            progress("stopping: comparing the whole model (ctrl-C again leaves at once)")
        chosen, tuned = work.settled(searches.all, board, compiler, untuned)
    content = written(_together(before, chosen))
    return Result(
        name,
        board,
        compiler,
        tuple(_row(tuning) for tuning in searches.all),
        _whole(untuned),
        _whole(tuned),
        tuple(chosen),
        content,
        searches.measured,
        searches.known,
        clock() - started,
        stopped,
        tuple(notes),
    )


def _search(
    searches: Searches,
    trials: int | None,
    end: float,
    clock: Callable[[], float],
    progress: Progress,
) -> str:
    """Rounds until the budget ends; why it ended."""
    first = sum(tuning.default.instructions * tuning.task.calls for tuning in searches.all)
    total = len(searches.all)

    def done(tuning: Tuning, position: int) -> bool:
        gain = 100 * (1 - tuning.chosen.instructions / max(tuning.default.instructions, 1))
        whole = 100 * (1 - searches.cost / max(first, 1))
        left = max(0, round(end - clock()))
        progress(
            f"kernel {position + 1}/{total} ({tuning.task.what}): "
            f"{tuning.chosen.instructions:,} instructions, {gain:.1f} % fewer; "
            f"all kernels {whole:.1f} % fewer; {searches.measured} trials, "
            f"{left // 60} min {left % 60:02d} s left"
        )
        return clock() < end

    try:
        while clock() < end:
            room = 1 << 30 if trials is None else trials - searches.measured
            if room <= 0:
                return "trials"
            if not searches.round(room, done):
                return "done"
    except KeyboardInterrupt:
        return "interrupted"
    return "budget"


class Work:
    """Projects of the model, with and without records, in a folder."""

    def __init__(self, wanted: Wanted, folder: Path, progress: Progress) -> None:
        self._wanted, self._folder, self._progress = wanted, folder, progress
        self._count = 0

    def project(self, records: Sequence[Record] | None) -> Path:
        """Where the project with these records lies; None: without any."""
        return self._folder / ("untuned" if records is None else f"tuned{self._count}")

    def measured(self, records: Sequence[Record] | None) -> tuple[str, ProgramRun]:
        """The model's name, and what it takes and answers in a project of its own."""
        from gen_fw.pipeline import generate
        from gen_fw.request import request

        files = []
        if records is not None:
            self._count += 1
            file = self._folder / f"records{self._count}.json"
            file.write_bytes(written(records))
            files.append(file)
        asked = request(
            [self._wanted.model],
            self._wanted.board,
            tuning_records=files,
            runtime="tvm",
            tensor_layout=self._wanted.tensor_layout,
            allow_float=self._wanted.allow_float,
        )
        folder = self.project(records)
        generate(asked, folder)
        done = run(folder, wishes=Wishes(random=_SAMPLES, seed=1))
        program = done.programs[0]
        if program.selftest == "fail":
            raise GenFwError(
                "the model's self-test fails", where=str(folder), why=program.difference
            )
        return program.program.name, program

    def tasks(self, board: Board) -> list[Task]:
        """The kernels of the model."""
        from gen_fw.model.reader import read_model

        layout = cast(TensorLayout, self._wanted.tensor_layout)
        options = TvmOptions(layout, allow_float=self._wanted.allow_float)
        found = tasks(read_model(self._wanted.model), board, options, self._progress)
        if not found:
            raise UsageError(
                "there is nothing to tune in this model",
                where=str(self._wanted.model),
                why="none of its kernels has more than one schedule",
                hint="convolutions and fully connected layers have",
            )
        return found

    def settled(
        self, searched: Sequence[Tuning], board: Board, compiler: str, untuned: ProgramRun
    ) -> tuple[list[Record], ProgramRun]:
        """The records with which the whole model is faster, and that model; those that gain least
        are dropped until it is. Raises GenFwError when tuning changes an output."""
        gaining = sorted(
            (tuning for tuning in searched if tuning.saved > 0),
            key=lambda tuning: (-tuning.saved, tuning.task.key),
        )
        while gaining:
            records = [_record(tuning, board, compiler) for tuning in gaining]
            self._progress(f"building the model with {len(records)} tuned kernels")
            _, tuned = self.measured(records)
            if _answers(tuned) != _answers(untuned):
                raise GenFwError(
                    "the tuned model computes something else than the untuned one",
                    why="this is an error in a schedule; please report it",
                )
            if (tuned.instructions or 0) < (untuned.instructions or 0):
                return records, tuned
            gaining = gaining[: len(gaining) // 2]
        return [], untuned


def _answers(program: ProgramRun) -> list[bytes]:
    return [output.array.tobytes() for output in program.outputs]


def _existing(path: Path) -> tuple[tuple[Record, ...], list[Diagnostic]]:
    """The records that the file has already."""
    from gen_fw.compilers.tvm.records import HINT, MAX_BYTES
    from gen_fw.files import read_regular

    if not path.exists():
        return (), []
    data = read_regular(path, MAX_BYTES, what="tuning records", hint=HINT)
    read = read_records(data, str(path))
    return read.records, list(read.notes)


def _together(before: Sequence[Record], found: Sequence[Record]) -> list[Record]:
    """The file's records and the new ones. A record of another compiler or TVM gives way: its count
    says nothing here."""
    places = {(record.board, record.kernel): record for record in found}
    kept = []
    for record in before:
        new = places.get((record.board, record.kernel))
        if new is None or (record.compiler, record.tvm) == (new.compiler, new.tvm):
            kept.append(record)
    return [*kept, *found]


def _record(tuning: Tuning, board: Board, compiler: str) -> Record:
    chosen = tuning.chosen
    return Record(
        kernel=tuning.task.key,
        board=board.name,
        isa=board.cpu.isa,
        knobs=dict(sorted(chosen.knobs.items())),
        instructions=chosen.instructions,
        default_instructions=tuning.default.instructions,
        code_bytes=chosen.code_bytes,
        default_code_bytes=tuning.default.code_bytes,
        template=tuning.task.template,
        what=tuning.task.what[:200],
        compiler=compiler,
        tvm=VERSION,
    )


def _row(tuning: Tuning) -> Tuned:
    chosen = tuning.chosen
    faults = dict.fromkeys(trial.fault for trial in tuning.trials if trial.fault)
    return Tuned(
        tuning.task.key,
        tuning.task.template,
        tuning.task.what,
        tuning.task.calls,
        math.prod(len(values) for values in tuning.task.space.values()),
        dict(tuning.task.default),
        dict(chosen.knobs),
        tuning.default.instructions,
        chosen.instructions,
        tuning.default.code_bytes,
        chosen.code_bytes,
        len(tuning.trials),
        tuple(faults),
    )


def _whole(program: ProgramRun) -> Whole:
    return Whole(
        program.instructions or 0,
        program.arena_bytes,
        program.sizes.code,
        program.sizes.constants,
    )
