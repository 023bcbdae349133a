# SPDX-License-Identifier: Apache-2.0
"""A process of its own that imports TVM: ``REQUEST ANSWER``, two files of JSON. The request is a
list of kernels (``kernels/spec.py``); the answer has the C of each, or why there is none."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(request: Path, answer: Path) -> int:
    """Compiles all kernels of the request."""
    from gen_fw.compilers.tvm.kernels.lowering import lowered, scheduled
    from gen_fw.compilers.tvm.kernels.spec import spec_of
    from gen_fw.compilers.tvm.kernels.table import KERNELS

    made: list[dict[str, Any]] = []
    for data in json.loads(request.read_text("utf-8")):
        spec = spec_of(data)
        kernel = KERNELS[spec.template](spec)
        result = lowered(scheduled(spec, kernel), spec, kernel.helpers)
        made.append(
            {
                "body": result.body,
                "helpers": result.helpers,
                "workspaces": [list(row) for row in result.workspaces],
            }
        )
    answer.write_text(json.dumps(made), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
