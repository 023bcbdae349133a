# SPDX-License-Identifier: Apache-2.0
"""What TFLite Micro really asks of its arena: arena/truth.cc run on this computer or on an emulated
core. A run takes many jobs; one that crashes or hangs costs only itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from arena_build import Firmware

from gen_fw.model.graph import resources
from gen_fw.model.reader import read_model
from gen_fw.model.types import Model

#: bytes of an arena in which everything here fits
AMPLE = 3 << 20
_QEMU = (
    *("-nographic", "-monitor", "none", "-serial", "none"),
    *("-semihosting-config", "enable=on,target=native"),
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the allocator, with the positions after it, in bytes."""

    kind: str
    bytes: int
    alignment: int
    #: boot, variables, start, parse, init, prepare, plan, io or invoke
    phase: str
    #: the operator at work, or (-1, -1)
    operator: tuple[int, int]
    head: int
    #: end of the head and of what is temporary
    low: int
    tail: int
    #: what failed has False
    ok: bool = True
    #: the two ends of the arena overlap
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A buffer of the memory planner; ``offline`` is -1 when the planner chose the offset."""

    bytes: int
    first: int
    last: int
    offline: int
    offset: int


@dataclass(frozen=True, slots=True)
class Job:
    """A model in an arena. ``invocations`` may be 0; ``inputs`` are the bytes of all inputs, once
    for each invocation or once for all; empty means zeros."""

    model: Path
    arena: int = AMPLE
    invocations: int = 1
    inputs: bytes = b""
    events: bool = False
    #: stop at the first allocation that fails, instead of seeing what the kernel makes of it
    stop: bool = True
    #: bytes of a second arena, for what is persistent; such a job has no events
    persistent: int = 0


@dataclass(slots=True)
class Truth:
    """How a job ended. ``end`` is "ok", "allocate", "invoke" (their status), "refused" (an
    allocation failed, and the job stops there), "overrun" (bytes beside the arena have changed),
    "unusable", "schema", "crash" or "timeout"."""

    end: str = "crash"
    used: int = 0
    hash: str = ""
    outputs: bytes = b""
    refused: int = 0
    overlaps: int = 0
    calls: list[Call] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    #: bytes that the planner's table needs for a buffer
    per_buffer: int = 0

    @property
    def succeeded(self) -> bool:
        """AllocateTensors and Invoke returned kTfLiteOk without a failed allocation."""
        return self.end == "ok" and self.refused == 0

    @property
    def head(self) -> int:
        """Bytes of planned memory in the end; needs events."""
        return next((c.head for c in reversed(self.calls) if c.phase == "io"), 0)

    @property
    def tail(self) -> int:
        """Bytes of persistent memory in the end; needs events."""
        return self.calls[-1].tail if self.calls else 0


def variables(model: Model) -> int:
    """Resource variables, as a generated program counts them."""
    return len(resources(model))


def seeded_inputs(model: Model, rounds: int = 1, seed: int = 1) -> bytes:
    """Inputs that every kernel takes: small numbers, from a seeded generator."""
    generator = np.random.default_rng(seed)
    parts = []
    graph = model.subgraphs[0]
    for _ in range(rounds):
        for index in graph.inputs:
            tensor = graph.tensors[index]
            count = int(np.prod(tensor.shape, dtype=np.int64))
            match tensor.dtype.name:
                case "FLOAT32":
                    data = generator.uniform(-1, 1, count).astype(np.float32)
                case "INT8" | "INT16":
                    data = generator.integers(-128, 128, count).astype(tensor.dtype.name.lower())
                case "UINT8":
                    data = generator.integers(0, 256, count).astype(np.uint8)
                case "BOOL":
                    data = generator.integers(0, 2, count).astype(np.uint8)
                case "INT32" | "INT64" | "UINT32" | "UINT64":
                    # indices, most of them
                    data = generator.integers(0, 2, count).astype(tensor.dtype.name.lower())
                case _:
                    data = np.zeros(tensor.bytes, np.uint8)
            parts.append(data.tobytes())
    return b"".join(parts)


def run(firmware: Firmware, jobs: Sequence[Job], seconds: float = 300) -> list[Truth]:
    """The jobs' outcomes. ``seconds`` is the longest that a run may take without finishing one
    more job.

    Raises RuntimeError when the firmware does not get as far as its first job.
    """
    results: list[Truth] = []
    rest = list(jobs)
    while rest:
        done = _run(firmware, rest, seconds)
        results += done
        rest = rest[len(done) :]
    return results


def _run(firmware: Firmware, jobs: Sequence[Job], seconds: float) -> list[Truth]:
    with tempfile.TemporaryDirectory(prefix="arena-") as name:
        folder = Path(name)
        lines = []
        for number, job in enumerate(jobs):
            shutil.copyfile(job.model, folder / f"m{number}")
            inputs = f"i{number}" if job.inputs else "-"
            if job.inputs:
                (folder / inputs).write_bytes(job.inputs)
            lines.append(
                f"m{number} {job.arena} {variables(read_model(job.model))} {job.invocations} "
                f"{inputs} o{number} {int(job.events)} {'stop' if job.stop else 'go'} "
                f"{job.persistent}\n"
            )
        (folder / "jobs.txt").write_text("".join(lines), "utf-8")
        machine = firmware.machine
        command = [str(firmware.path)]
        if machine.emulator:
            command = [*machine.emulator, *_QEMU, "-kernel", str(firmware.path)]
        end = _wait(command, folder, seconds)
        results = list(_parse(folder, end))
        if not results:
            raise RuntimeError(f"{machine.name} does not start: {end}")
        return results


def _wait(command: list[str], folder: Path, seconds: float) -> str:
    """Runs until the end, or until the log has not grown for a while."""
    log = folder / "truth.jsonl"
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        size = -1
        while True:
            try:
                process.wait(seconds)
                return "crash"
            except subprocess.TimeoutExpired:
                now = log.stat().st_size if log.is_file() else 0
                if now == size or now == 0:
                    process.kill()
                    return "timeout"
                size = now


def _parse(folder: Path, end: str) -> Iterator[Truth]:
    """One Truth for each job that was begun; the last may have been cut off."""
    log = folder / "truth.jsonl"
    begun: list[list[dict[str, Any]]] = []
    per_buffer = 0
    for line in log.read_text("utf-8", "replace").splitlines() if log.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            break  # cut off by a crash
        if "job" in row:
            begun.append([])
        elif begun:
            begun[-1].append(row)
        else:
            per_buffer = row["per_buffer"]
    for number, rows in enumerate(begun):
        truth = Truth(end=end, per_buffer=per_buffer)
        for row in rows:
            _take(truth, row)
        outputs = folder / f"o{number}"
        truth.outputs = outputs.read_bytes() if outputs.is_file() else b""
        yield truth


def _take(truth: Truth, row: dict[str, Any]) -> None:
    """One line of a job's log."""
    if "event" in row:
        truth.calls.append(_call(row))
    elif "buffer" in row:
        row = {key: row[key] for key in ("bytes", "first", "last", "offline")}
        truth.planned.append(Planned(**row, offset=-1))
    elif "planned" in row:
        number = row["planned"]
        truth.planned[number] = replace(truth.planned[number], offset=row["offset"])
    elif "message" in row:
        truth.messages.append(row["message"])
    elif "used" in row:
        truth.used = row["used"]
    elif "hash" in row:
        truth.hash = row["hash"]
    elif "end" in row:
        truth.end, truth.refused, truth.overlaps = row["end"], row["refused"], row["overlaps"]


def _call(row: dict[str, Any]) -> Call:
    return Call(
        row["event"],
        row["bytes"],
        row["alignment"],
        row["phase"],
        (row["subgraph"], row["op"]),
        row["head"],
        row["low"],
        row["tail"],
        bool(row["ok"]),
        bool(row["overlap"]),
    )


def truth(firmware: Firmware, model: Path, *, arena: int = AMPLE, invocations: int = 1) -> Truth:
    """Everything about one model, with seeded inputs."""
    inputs = seeded_inputs(read_model(model)) if invocations else b""
    (found,) = run(firmware, [Job(model, arena, invocations, inputs, events=True)])
    return found


def succeeds(firmware: Firmware, model: Path, arena: int, *, invocations: int = 1) -> bool:
    """Whether AllocateTensors and Invoke work in an arena of exactly ``arena`` bytes."""
    inputs = seeded_inputs(read_model(model)) if invocations else b""
    return run(firmware, [Job(model, arena, invocations, inputs)])[0].succeeded


def minimum(firmware: Firmware, model: Path, start: int, *, invocations: int = 1) -> int:
    """The smallest multiple of 16 that works. ``start`` is a guess; a wrong one costs time.

    Raises ValueError when not even AMPLE bytes work.
    """
    inputs = seeded_inputs(read_model(model)) if invocations else b""

    def first(sizes: Sequence[int]) -> int:
        """Index of the first size that works, or their number."""
        jobs = [Job(model, size, invocations, inputs) for size in sizes]
        good = [one.succeeded for one in run(firmware, jobs)]
        return good.index(True) if True in good else len(sizes)

    start = max(start // 16 * 16, 32)
    found = first([start - 16, start])
    if found == 1:
        return start
    low, high = (16, start - 16) if found == 0 else (start, AMPLE)
    if found == 2 and first([AMPLE]) != 0:
        raise ValueError(f"{model.name} does not work in {AMPLE} bytes")
    while high - low > 16:  # low fails, high works
        step = max(16, (high - low) // 16 // 16 * 16)
        sizes = list(range(low + step, high, step))
        number = first(sizes)
        low, high = ([low, *sizes][number], [*sizes, high][number])
    return high
