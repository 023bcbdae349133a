# SPDX-License-Identifier: Apache-2.0
"""Takes limits upon itself and becomes another program: ``BYTES SECONDS COMMAND...``."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

#: no output of a compiler for microcontrollers is larger
_LARGEST_FILE = 1 << 30
#: ADDR_NO_RANDOMIZE of <linux/personality.h>
_NO_RANDOM_ADDRESSES = 0x0040000


def main(memory: int, seconds: int, command: list[str]) -> int:
    """Does not return where processes can be replaced."""
    try:
        import resource
    except ImportError:  # no POSIX: the parent's time limit is all there is
        return subprocess.run(command, check=False).returncode
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, _LARGEST_FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(limit, (value, value))
    _plain_addresses()
    os.execv(command[0], command)


def _plain_addresses() -> None:
    """The same addresses in every run, where the system can do that: a compiler that writes bytes
    it never set writes the same ones."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).personality(_NO_RANDOM_ADDRESSES)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
