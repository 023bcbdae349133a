# SPDX-License-Identifier: Apache-2.0
"""An arena's plan as a picture: SVG, the same bytes for the same plan.

Time runs to the right, one column a step; bytes run upwards. A box is a buffer: as wide as its life
and as high as its size. Names come from untrusted models and are escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gen_fw.memory.buffers import align
from gen_fw.memory.overlap import most_in_use, shared
from gen_fw.program import ArenaPlan, Block
from gen_fw.project.escape import xml

#: boxes drawn at most, the largest first; the rest is counted in a line
MAX_BOXES = 1500
#: pixels: the plot, a column of a small plan, margins, the width of a character
_WIDTH, _LEAST, _HEIGHT, _COLUMN = 868, 720, 360, 72
_LEFT, _TOP, _RIGHT = 76, 72, 16
_CHARACTER = 6.8
#: columns and rows narrower than this get no text
_TEXT_WIDTH, _TEXT_HEIGHT = 11.0, 12.0
_LONGEST, _LONGEST_TITLE = 24, 160
_TICKS = 8

_STYLE = """\
text{font:11px system-ui,sans-serif;fill:#1f2328}
.h{font-size:14px;font-weight:600}
.m{text-anchor:middle}
.e{text-anchor:end}
.paper{fill:#fff}
.peak{fill:#c11d28}
.grid{stroke:#d1d9e0}
.t{fill:#b6daf8;stroke:#0a5fb4}
.s{fill:url(#hatch);stroke:#8a5a00}
.hb{fill:#fff1cc}
.hl{stroke:#b98a2c}
.a{fill-opacity:.6;stroke-width:2;stroke-dasharray:4 2}
.bound{stroke:#1a7f37;stroke-width:2;stroke-dasharray:8 4}
.total{stroke:#c11d28;stroke-width:2}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.paper{fill:#0d1117}
.peak{fill:#ff7b72}
.grid{stroke:#3d444d}
.t{fill:#153b61;stroke:#6cb6ff}
.s{stroke:#e3b341}
.hb{fill:#3a2d0c}
.hl{stroke:#9e7720}
.bound{stroke:#57d364}
.total{stroke:#ff7b72}
}
"""
_HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect class="hb" width="6" height="6"/>'
    '<path class="hl" d="M0 0V6"/></pattern></defs>'
)


def svg(plan: ArenaPlan, name: str) -> str:
    """The picture of a plan; ``name`` is the program's or the model's, for the heading."""
    return "\n".join(_Picture(plan, name).lines()) + "\n"


class _Picture:
    def __init__(self, plan: ArenaPlan, name: str) -> None:
        self.plan, self.name = plan, name
        by_size = sorted(range(len(plan.blocks)), key=lambda i: (-plan.blocks[i].bytes, i))
        # in the order of the plan, so that its neighbours are neighbours in the file
        self.blocks = [plan.blocks[i] for i in sorted(by_size[:MAX_BOXES])]
        self.hidden = len(plan.blocks) - len(self.blocks)
        self.shared = shared(self.blocks)
        self.peak, _ = most_in_use(self.blocks)
        # TFLM gives tensors that nothing touches the time -1
        self.first = min([0, *(block.first for block in plan.blocks)])
        last = max([len(plan.steps) - 1, 0, *(block.last for block in plan.blocks)])
        self.columns = last - self.first + 1
        self.width = min(_WIDTH, max(_LEAST, self.columns * _COLUMN))
        self.column = self.width / self.columns
        self.top = max(plan.bytes, plan.lower_bound, 1)

    def x(self, step: int) -> float:
        return _LEFT + (step - self.first) * self.column

    def y(self, count: int) -> float:
        return _TOP + _HEIGHT * (1 - count / self.top)

    def lines(self) -> Iterator[str]:
        labels = list(self.step_labels())
        longest = max((len(text) for _, text in labels), default=0)
        width = _LEFT + self.width + _RIGHT
        height = _TOP + _HEIGHT + 28 + 0.87 * _CHARACTER * longest + (16 if self.hidden else 0)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
            f'width="{_n(width)}" height="{_n(height)}" role="img" aria-labelledby="title desc">'
        )
        yield "<!-- SPDX-License-Identifier: Apache-2.0 -->"
        yield f'<title id="title">{xml(self.heading())}</title>'
        yield f'<desc id="desc">{xml(self.description())}</desc>'
        yield f"<style>\n{_STYLE}</style>"
        yield _HATCH
        yield f'<rect class="paper" width="{_n(width)}" height="{_n(height)}"/>'
        yield _text(16, 24, self.heading(), "h")
        yield from self.legend()
        yield from self.axes(labels)
        for index, block in enumerate(self.blocks):
            yield from self.box(block, index in self.shared)
        right = _n(_LEFT + self.width)
        for count, kind in ((self.plan.bytes, "total"), (self.plan.lower_bound, "bound")):
            y = _n(self.y(count))
            yield f'<path class="{kind}" d="M{_LEFT} {y}H{right}"/>'
        if self.hidden:
            yield _text(16, height - 8, f"{self.hidden} smaller buffers are not drawn")
        yield "</svg>"

    def step(self, number: int) -> str:
        """A step for people: its number and what runs."""
        if 0 <= number < len(self.plan.steps):
            return f"{number} ({_short(self.plan.steps[number])})"
        return str(number)

    def heading(self) -> str:
        return f"Arena plan of {self.name}: {_count(self.plan.bytes)} bytes"

    def description(self) -> str:
        return (
            "Time runs from left to right, one column an operator; bytes of the arena run from "
            f"bottom to top. Each of {len(self.plan.blocks)} buffers is a box. Most bytes are in "
            f"use at step {self.step(self.peak)}. The plan has {self.plan.bytes} bytes; no plan of "
            f"these buffers has fewer than {self.plan.lower_bound}. Planner: {self.plan.planner}."
        )

    def legend(self) -> Iterator[str]:
        kinds = [("t", "tensor (its index)")]
        if any(block.scratch for block in self.blocks):
            kinds.append(("s", "scratch"))
        if self.shared:
            kinds.append(("t a", "shares bytes"))
        x = 16.0
        for kind, text in kinds:
            yield f'<rect class="{kind}" x="{_n(x)}" y="38" width="16" height="12"/>'
            yield _text(x + 22, 48, text)
            x += 36 + _CHARACTER * len(text)
        yield f'<path class="peak" d="M{_n(x + 8)} 40l5 8h-10z"/>'
        yield _text(x + 22, 48, "most in use")
        x += 36 + _CHARACTER * 11
        for kind, text in (
            ("total", "end of the plan"),
            ("bound", f"lower bound {_count(self.plan.lower_bound)}"),
        ):
            yield f'<path class="{kind}" d="M{_n(x)} 44h16"/>'
            yield _text(x + 22, 48, text)
            x += 36 + _CHARACTER * len(text)

    def step_labels(self) -> Iterator[tuple[int, str]]:
        """(step, text) of the columns that have room for a name."""
        every = max(1, -int(-_TEXT_WIDTH // self.column))
        for step in range(0, len(self.plan.steps), every):
            yield step, _short(self.plan.steps[step])

    def axes(self, labels: Sequence[tuple[int, str]]) -> Iterator[str]:
        bottom = _TOP + _HEIGHT
        if self.blocks:
            middle = _n(self.x(self.peak) + self.column / 2)
            yield f'<path class="peak" d="M{middle} {bottom + 2}l5 8h-10z"/>'
        unit = 1
        while self.top // unit > _TICKS:
            unit *= 2
        for count in range(0, self.top + 1, unit):
            y = self.y(count)
            yield f'<path class="grid" d="M{_LEFT} {_n(y)}h{_n(self.width)}"/>'
            yield _text(_LEFT - 6, y + 4, _tick(count, unit), "e")
        for step, text in labels:
            place = f"{_n(self.x(step) + self.column / 2 + 4)} {bottom + 18}"
            yield f'<text class="e" transform="translate({place}) rotate(-60)">{xml(text)}</text>'

    def box(self, block: Block, aliased: bool) -> Iterator[str]:
        x, y = self.x(block.first), self.y(block.offset + align(block.bytes))
        width = (block.last - block.first + 1) * self.column
        height = max(self.y(block.offset) - y, 0.5)
        kind = ("s" if block.scratch else "t") + (" a" if aliased else "")
        title = (
            f"{block.title[:_LONGEST_TITLE]}: {_count(block.bytes)} bytes at {block.offset}, "
            f"from step {self.step(block.first)} to {self.step(block.last)}"
        )
        yield (
            f'<rect class="{kind}" x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" '
            f'height="{_n(height)}"><title>{xml(title)}</title></rect>'
        )
        if block.label and height >= _TEXT_HEIGHT and width >= _CHARACTER * len(block.label) + 4:
            yield _text(x + width / 2, y + height / 2 + 4, block.label, "m")


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{_n(x)}" y="{_n(y)}">{xml(text)}</text>'


def _n(value: float) -> str:
    """A coordinate with two digits at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _count(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def _tick(count: int, unit: int) -> str:
    return f"{_count(count // 1024)} KiB" if count and unit % 1024 == 0 else _count(count)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
