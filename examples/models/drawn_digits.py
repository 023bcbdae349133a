# SPDX-License-Identifier: Apache-2.0
"""Ten digits that we drew ourselves: samples for the digit model that belong to no data set."""

from __future__ import annotations

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
