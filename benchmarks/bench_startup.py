# SPDX-License-Identifier: Apache-2.0
"""How long `gen-fw --help` takes, against an interpreter that does nothing.

python benchmarks/bench_startup.py [--json] [--strict] [--repeats N]
"""

from __future__ import annotations

import sys

from common import BARE, MIB, Row, alternate, gen_fw, parser, report

HELP_GOAL_S = 0.15
COMMANDS = {
    "gen-fw --help": ["--help"],
    "gen-fw --version": ["--version"],
    "gen-fw generate --help": ["generate", "--help"],
    "gen-fw boards": ["boards"],
}


def main() -> int:
    arguments = parser(__doc__, repeats=11).parse_args()
    commands = [[str(gen_fw()), *words] for words in COMMANDS.values()]
    bare, *runs = alternate([BARE, *commands], arguments.repeats)
    rows = [
        Row("bare interpreter", bare.seconds, "s", note=f"peak {bare.peak_bytes / MIB:.0f} MiB")
    ]
    for name, one in zip(COMMANDS, runs, strict=True):
        rows.append(
            Row(
                name,
                one.seconds,
                "s",
                ratio=one.seconds / bare.seconds,
                goal=HELP_GOAL_S if name == "gen-fw --help" else None,
                note=f"peak {one.peak_bytes / MIB:.0f} MiB",
            )
        )
    return report("startup", rows, arguments)


if __name__ == "__main__":
    sys.exit(main())
