# SPDX-License-Identifier: Apache-2.0
"""Reads mutants in a process of its own, with bounded memory, and says how it went.

    python mutant_reader.py COUNT START MEGABYTES OUT MODEL...

Writes the mutants that were accepted to the folder OUT and prints one JSON object. Whatever is not
ModelError, or takes over two seconds, is a fault.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from gen_fw.errors import ModelError
from gen_fw.model.graph import is_stateful
from gen_fw.model.macs import total_macs
from gen_fw.model.metadata import read_labels
from gen_fw.model.reader import read_model
from mutants import MUTATORS, mutants, seed

SECONDS = 2


class _TooSlowError(BaseException):
    """Not an Exception, so that nothing in between can swallow it."""


def _alarm(*_: object) -> None:
    raise _TooSlowError


def main() -> int:
    count, start, megabytes = (int(text) for text in sys.argv[1:4])
    out = Path(sys.argv[4])
    paths = [Path(text) for text in sys.argv[5:]]
    seeds = [seed(path.stem, read_model(path)) for path in paths]
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    signal.signal(signal.SIGALRM, _alarm)
    table = {kind: Counter[str]() for kind in MUTATORS}
    faults: list[str] = []
    worst = 0.0
    for name, content in mutants(seeds, count, start):
        kind = name.split("/")[1]
        began = time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            model = read_model(content, name=name)
            total_macs(model), is_stateful(model), read_labels(model)
            verdict = "accepted"
            (out / name.replace("/", "~")).write_bytes(content)
        except ModelError as error:
            verdict = "refused"
            if not (error.what and error.where.startswith(name)):
                faults.append(f"{name}: an error without a place: {error}")
        except BaseException as error:
            verdict = "fault"
            faults.append(f"{name}: {type(error).__name__}: {error}")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        worst = max(worst, time.perf_counter() - began)
        table[kind][verdict] += 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"table": table, "faults": faults, "worst": worst, "peak_kb": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
