# SPDX-License-Identifier: Apache-2.0
"""The picture of an arena's plan: well-formed whatever the names, and true to the plan."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from gen_fw.memory.best import plan as best
from gen_fw.memory.buffers import Buffer, align, lower_bound
from gen_fw.memory.overlap import most_in_use, shared
from gen_fw.program import ArenaPlan, Block
from gen_fw.project.picture import MAX_BOXES, svg

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert(1)</script>&amp; ]]> \x00\x1b\ufffe\ud800 \u202e'\""

blocks = st.builds(
    Block,
    label=st.text(max_size=6),
    title=st.one_of(st.text(max_size=30), st.just(HOSTILE)),
    bytes=st.integers(1, 1 << 20),
    offset=st.integers(0, 1 << 16).map(lambda n: 16 * n),
    first=st.integers(-1, 30),
    last=st.integers(30, 40),
    scratch=st.booleans(),
)


def boxes(root: ET.Element) -> list[ET.Element]:
    return [rect for rect in root.iter(f"{SVG}rect") if rect.find(f"{SVG}title") is not None]


@settings(max_examples=60, deadline=None)
@given(st.lists(blocks, max_size=8), st.lists(st.text(max_size=40), max_size=20), st.text())
def test_any_plan_with_any_names_is_well_formed(
    found: list[Block], steps: list[str], name: str
) -> None:
    end = max((block.offset + align(block.bytes) for block in found), default=0)
    plan = ArenaPlan(tuple(found), tuple(steps), end, end, HOSTILE)
    text = svg(plan, name)
    root = ET.fromstring(text.encode("utf-8"))
    assert len(boxes(root)) == len(found)
    assert text == svg(plan, name) and text.endswith("</svg>\n") and "\r" not in text
    kinds = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert kinds <= {"svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "text"}
    _, _, width, height = (float(word) for word in root.attrib["viewBox"].split())
    for rect in boxes(root):
        x, y, w, h = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert x >= 0 and x + w <= width + 0.1 and y >= 0 and y + h <= height + 0.1


def test_boxes_lie_as_planned() -> None:
    life = [(64, 0, 1), (32, 1, 2), (32, 1, 1), (96, 2, 3)]
    buffers = [Buffer(*one) for one in life]
    found = best(buffers)
    plan = ArenaPlan(
        tuple(
            Block(str(i), f"t{i}", b.bytes, offset, b.first_use, b.last_use, i == 2)
            for i, (b, offset) in enumerate(zip(buffers, found.offsets, strict=True))
        ),
        ("inputs", "0 ADD", "1 <&>", "2 SOFTMAX"),
        found.bytes,
        lower_bound(buffers),
        "test",
    )
    root = ET.fromstring(svg(plan, "demo"))
    rects = boxes(root)
    column = float(rects[0].attrib["width"]) / 2
    unit = float(rects[0].attrib["height"]) / 64
    bottom = max(float(r.attrib["y"]) + float(r.attrib["height"]) for r in rects)
    left = min(float(r.attrib["x"]) for r in rects)
    for rect, block in zip(rects, plan.blocks, strict=True):
        assert abs(float(rect.attrib["x"]) - left - block.first * column) < 0.05
        top = (bottom - float(rect.attrib["y"])) / unit
        assert abs(top - block.offset - block.bytes) < 0.1
    assert [rect.attrib["class"] for rect in rects] == ["t", "t", "s", "t"]
    assert most_in_use(plan.blocks) == (1, lower_bound(buffers)) and not shared(plan.blocks)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "1 <&>" in texts and "Arena plan of demo: 128 bytes" in texts


def test_shared_bytes_are_marked_and_count_once() -> None:
    view = Block("1", "view", 48, 16, 1, 2)
    pair = (Block("0", "whole", 64, 0, 0, 1), view, Block("2", "later", 64, 0, 3, 3))
    assert shared(pair) == {0, 1}
    assert most_in_use(pair) == (0, 64)
    root = ET.fromstring(svg(ArenaPlan(pair, ("inputs",), 64, 64, "p"), "demo"))
    assert [rect.attrib["class"] for rect in boxes(root)] == ["t a", "t a", "t"]


def test_large_plans_stay_readable_and_small() -> None:
    many = tuple(Block(str(i), f"t{i}", 16 + i, 64 * i, i, i + 3) for i in range(4 * MAX_BOXES))
    names = tuple(f"{i} CONV_2D" for i in range(4 * MAX_BOXES))
    text = svg(ArenaPlan(many, names, 1 << 20, 1 << 19, "p"), "demo")
    root = ET.fromstring(text)
    assert len(boxes(root)) == MAX_BOXES and len(text) < 500_000
    assert f"{3 * MAX_BOXES} smaller buffers are not drawn" in text
    steps = [t for t in root.iter(f"{SVG}text") if (t.text or "").endswith("CONV_2D")]
    assert len(steps) <= 868 / 11


def test_the_legend_has_room() -> None:
    pair = (Block("0", "t", 1 << 23, 0, 0, 0), Block("1", "s", 64, 0, 0, 0, True))
    root = ET.fromstring(svg(ArenaPlan(pair, ("inputs",), 1 << 23, 1 << 23, "p"), "demo"))
    last = next(t for t in root.iter(f"{SVG}text") if (t.text or "").startswith("lower bound"))
    end = float(last.attrib["x"]) + 6.8 * len(last.text or "")
    assert end <= float(root.attrib["width"])
