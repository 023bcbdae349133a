# SPDX-License-Identifier: Apache-2.0
"""Ten digits that we drew ourselves: samples for the digit model that belong to no data set.

``python drawn_digits.py FILE.npy`` shows them and stores all ten: float32 ``[10, 8, 8, 1]``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

LEVELS = " .:+#"
"""Ink of a pixel, in quarters: nothing, a quarter, a half, three quarters, full."""

DRAWINGS = (
    """\
  .##+
  ##:##
 :#.  #:
 +#   :#
 +#   :#
 :#.  +#
  ##:+#:
   ###:""",
    """\
   .##
   +##
  .###
   :##
   :##
   :##
   :##
   .##+""",
    """\
  .###.
  ##:##.
  :: +#:
     ##.
    +#+
   +#+
  :####+
  +####+""",
    """\
  +###:
  +::##
     :#+
   ####
   :+##:
     .##
  +:.+#+
  +###+""",
    """\
    +#.
   :#+
  .##
  +#: #:
 :##:+#:
 .#####
   .##
    ##""",
    """\
  +#####
  ##+::.
  ##
  ####+.
  .::+##
      ##
  :.:##+
  +###+.""",
    """\
   +#:
  :#+
  ##.
  ##
  #####:
  ##  ##
  :#::##
   +##+""",
    """\
  +#####
  +++###
     +#:
    :##
  :#####
  .+##+:
   ##:
  .##""",
    """\
   ###
  +#:##
  +# ##
  :##+
   +##
  :#:##
  :#.##
   ###.""",
    """\
   +##+
  ##:+#+
  ##  ##
  +#++##
   :++##
      ##
  :. .##
   +##+.""",
)


def drawn(digit: int) -> npt.NDArray[np.float32]:
    """The drawing of ``digit``: float32 ``[8, 8, 1]``, 0 (paper) to 1 (ink)."""
    rows = [row.ljust(8) for row in DRAWINGS[digit].split("\n")]
    ink = np.array([[LEVELS.index(mark) for mark in row] for row in rows], dtype=np.float32)
    return (ink / (len(LEVELS) - 1))[:, :, np.newaxis]


def show() -> str:
    """The drawings side by side, five in a row."""
    rows = [[row.ljust(8) for row in drawing.split("\n")] for drawing in DRAWINGS]
    lines = []
    for five in (rows[:5], rows[5:]):
        lines += ["   ".join(parts).rstrip() for parts in zip(*five, strict=True)]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(show())
    np.save(Path(sys.argv[1]), np.stack([drawn(digit) for digit in range(len(DRAWINGS))]))
