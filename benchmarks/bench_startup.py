# SPDX-License-Identifier: Apache-2.0
"""How long `gen-fw --help` takes, against an interpreter that does nothing.

python benchmarks/bench_startup.py [--json] [--strict] [--repeats N]
"""

from __future__ import annotations

import sys

from common import BARE, MIB, Row, Run, alternate, gen_fw, parser, report

HELP_GOAL_S = 0.15
COMMANDS = {
    "gen-fw --help": ["--help"],
    "gen-fw --version": ["--version"],
    "gen-fw generate --help": ["generate", "--help"],
    "gen-fw boards": ["boards"],
}


def note(one: Run) -> str:
    """What stands beside the seconds."""
    return f"cpu {one.cpu_seconds:.3f} s, peak {one.peak_bytes / MIB:.0f} MiB"


def main() -> int:
    arguments = parser(__doc__, repeats=11).parse_args()
    commands = [[str(gen_fw()), *words] for words in COMMANDS.values()]
    bare, *runs = alternate([BARE, *commands], arguments.repeats)
    rows = [Row("bare interpreter", bare.seconds, "s", note=note(bare))]
    for name, one in zip(COMMANDS, runs, strict=True):
        rows.append(
            Row(
                name,
                one.seconds,
                "s",
                ratio=one.seconds / bare.seconds,
                goal=HELP_GOAL_S if name == "gen-fw --help" else None,
                note=note(one),
            )
        )
    return report("startup", rows, arguments)


if __name__ == "__main__":
    sys.exit(main())
