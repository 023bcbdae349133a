# SPDX-License-Identifier: Apache-2.0
"""A process of its own that imports TVM: ``REQUEST ANSWER``, two files of JSON. The request is a
list of kernels (``kernels/spec.py``); the answer has the C of each with the space of its schedules,
or, where a kernel says ``trial``, why there is none."""

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

    def made(data: dict[str, Any]) -> dict[str, Any]:
        spec = spec_of(data)
        kernel = KERNELS[spec.template](spec)
        func, space = scheduled(spec, kernel)
        result = lowered(func, spec, kernel.helpers)
        return {
            "body": result.body,
            "helpers": result.helpers,
            "workspaces": [list(row) for row in result.workspaces],
            "space": space,
        }

    rows: list[dict[str, Any]] = []
    for data in json.loads(request.read_text("utf-8")):
        try:
            rows.append(made(data))
        except Exception as error:
            if not data.get("trial"):
                raise
            # a schedule that TVM refuses is a result of a search as any other
            rows.append({"fault": (str(error).strip() or type(error).__name__)[-400:]})
    answer.write_text(json.dumps(rows), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
