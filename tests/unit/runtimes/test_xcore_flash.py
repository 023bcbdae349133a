# SPDX-License-Identifier: Apache-2.0
"""The image of xcore.ai's flash data partition: read back, refused when damaged, and byte for byte
what XMOS's own tool writes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_fw.compilers.xmos_wheel import find_wheel
from gen_fw.errors import GenFwError
from gen_fw.runtimes.xcore.flash import Engine, build, parse, verified
from xcore_models import need_wheel

ENGINES = st.lists(
    st.builds(Engine, st.binary(max_size=300), st.binary(max_size=40)), min_size=1, max_size=5
)
#: XMOS's flash.py in a Python that has the wheel: the image goes to the last argument
_THEIRS = """
import json, sys
from xmos_ai_tools.xformer.flash import generate_flash
files = json.loads(sys.argv[1])
generate_flash(model_files=files["models"], param_files=files["params"], output_file=sys.argv[2])
"""


@given(ENGINES)
def test_what_goes_in_comes_out(engines: list[Engine]) -> None:
    image = build(engines)
    assert parse(image, len(engines)) == tuple(engines)
    assert verified(engines) == image
    # known offsets: two engines begin at 68
    if len(engines) == 2:
        swapped = bytes(b >> 4 | (b & 15) << 4 for b in image)
        assert int.from_bytes(swapped[36:40], "little") == 68
        assert swapped[32:36] == bytes((1, 2, 0xFE, 0xFD))


@given(ENGINES, st.data())
def test_a_damaged_image_is_refused_or_reads_as_something_else(
    engines: list[Engine], data: st.DataObject
) -> None:
    image = bytearray(build(engines))
    at = data.draw(st.integers(0, len(image) - 1))
    image[at] ^= data.draw(st.integers(1, 255))
    try:
        found = parse(bytes(image), len(engines))
    except GenFwError:
        return
    assert found != tuple(engines)


@pytest.mark.parametrize("cut", [0, 20, 36, 51, 70])
def test_a_short_image_is_refused(cut: int) -> None:
    image = build([Engine(bytes(64)), Engine(bytes(64))])
    with pytest.raises(GenFwError, match="damaged"):
        parse(image[:cut], 2)


@pytest.mark.parametrize(
    "engines",
    [
        [Engine(bytes(range(256)) * 3)],
        [Engine(b"parameters!!"), Engine(bytes(1000), b"a model of nine")],
        [Engine(b"", b""), Engine(b"x" * 64), Engine(b"y" * 7, b"m")],
    ],
    ids=["one", "two", "three"],
)
def test_equals_the_vendors_image(engines: list[Engine], tmp_path: Path) -> None:
    need_wheel()
    files: dict[str, list[str]] = {"models": [], "params": []}
    for index, engine in enumerate(engines):
        for kind, content in (("models", engine.model), ("params", engine.parameters)):
            path = tmp_path / f"{kind}{index}"
            path.write_bytes(content)
            # "-" stands for no file
            files[kind].append(str(path) if content else "-")
    out = tmp_path / "image"
    command = [str(find_wheel().python), "-c", _THEIRS, json.dumps(files), str(out)]
    subprocess.run(command, check=True, timeout=60)
    assert out.read_bytes() == build(engines)
