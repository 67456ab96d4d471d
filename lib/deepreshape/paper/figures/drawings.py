"""Drawings laid by hand: boxes, arrows and words, as SVG that follows a page's colours.

Words have the page's colour, fills are a tint of a tone, and the tones are CSS variables
(book/style/drawings.css), so that a drawing is legible on light and on dark. It is laid out in a
width that a phone shows without making it smaller, and every drawing is described in words.

    one = Box(190, 30, 120, 40, "stem")
    two = Box(190, 110, 120, 40, "stage 1", "2 blocks", tone="blue")
    Drawing("A network", "A stem, then a stage.", 140, (one, two, Arrow((one.bottom, two.top))))

A notebook displays it as it is; a Markdown page has the directive `drawing`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import hypot
from typing import Literal

WIDTH = 380.0
"""Units across a drawing: about as many pixels as a phone has for it."""
ENLARGED = 1.3
"""Pixels for each unit, at most, where there is more room."""
TEXT, NOTE = 14.0, 12.0
"""Sizes of words, in units."""
LINE = 1.25
"""From one line of words to the next, in sizes."""

TONES = {"blue": "#3969ac", "orange": "#b87300", "teal": "#128384", "rose": "#95044d"}
"""Tones where a page sets none; each has a contrast to white of 3.5 or more."""
Tone = Literal["plain", "blue", "orange", "teal", "rose"]
"""`plain` is the page's own colour."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Words, and below them smaller ones, in a box around its centre (x, y), in units. Lines are
    separated by newlines. dashed: an edge of dashes."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    note: str = ""
    tone: Tone = "plain"
    dashed: bool = False

    @property
    def top(self) -> Point:
        return self.x, self.y - self.height / 2

    @property
    def bottom(self) -> Point:
        return self.x, self.y + self.height / 2

    @property
    def left(self) -> Point:
        return self.x - self.width / 2, self.y

    @property
    def right(self) -> Point:
        return self.x + self.width / 2, self.y

    def svg(self) -> str:
        sides = f'width="{_n(self.width)}" height="{_n(self.height)}" rx="5"'
        edge = f'<rect x="{_n(self.left[0])}" y="{_n(self.top[1])}" {sides} {_look(self)}/>'
        lines = [(line, TEXT) for line in self.text.splitlines()]
        lines += [(line, NOTE) for line in self.note.splitlines()]
        high = sum(size * LINE for _, size in lines)
        y, written = self.y - high / 2, ""
        for line, size in lines:
            written += _words(self.x, y + 0.95 * size, line, size)
            y += size * LINE
        return edge + written


@dataclass(frozen=True, slots=True)
class Frame:
    """A dashed frame from its upper left corner (x, y) around what belongs together, its name
    inside that corner. Drawn before what it holds."""

    x: float
    y: float
    width: float
    height: float
    text: str = ""
    tone: Tone = "plain"
    dashed: bool = True

    def svg(self) -> str:
        size = f'width="{_n(self.width)}" height="{_n(self.height)}" rx="8"'
        look = _look(self, filled=False)
        name = _words(self.x + 8, self.y + 16, self.text, NOTE, "start", bold=True)
        return f'<rect x="{_n(self.x)}" y="{_n(self.y)}" {size} {look}/>' + name


@dataclass(frozen=True, slots=True)
class Label:
    """Words without a box, (x, y) in the middle of the first line, or where it starts or ends."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "middle"
    size: float = NOTE
    bold: bool = False

    def svg(self) -> str:
        written, y = "", self.y + 0.35 * self.size
        for line in self.text.splitlines():
            written += _words(self.x, y, line, self.size, self.anchor, self.bold)
            y += LINE * self.size
        return written


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line through points with a head at its end, or without one."""

    points: Sequence[Point]
    tone: Tone = "plain"
    dashed: bool = False
    head: bool = True

    def svg(self) -> str:
        *before, end = self.points
        path = "L".join(f"{_n(x)} {_n(y)}" for x, y in [*before, end])
        line = f'<path d="M{path}" {_look(self, filled=False)}/>'
        return line + (_head(before[-1], end, self.tone) if self.head else "")


Part = Box | Frame | Label | Arrow


@dataclass(frozen=True, slots=True)
class Drawing:
    """Parts on a sheet that is `WIDTH` units wide, later ones over earlier ones.

    title: what it is, in a few words, different from that of any other drawing on a page.
    description: what there is to be seen, for those who do not see it.
    """

    title: str
    description: str
    height: float
    parts: Sequence[Part]

    def svg(self) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        room = f"width:100%;max-width:{ENLARGED * WIDTH:.0f}px;height:auto"
        opening = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img"'
            f' viewBox="0 0 {_n(WIDTH)} {_n(self.height)}" style="{room}"'
            f' aria-labelledby="{name}-title" aria-describedby="{name}-words"'
            f' font-family="sans-serif" fill="currentColor">'
        )
        title = f'<title id="{name}-title">{escape(self.title)}</title>'
        words = f'<desc id="{name}-words">{escape(self.description)}</desc>'
        return opening + title + words + "".join(part.svg() for part in self.parts) + "</svg>"

    def words(self) -> Iterator[tuple[str, float, float]]:
        """Every line of words in a box, its size, and the width of that box."""
        for part in self.parts:
            if isinstance(part, Box):
                for line in part.text.splitlines():
                    yield line, TEXT, part.width
                for line in part.note.splitlines():
                    yield line, NOTE, part.width

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        said = f"{self.title}. {self.description}"
        return {"text/html": f'<div class="drawn">{self.svg()}</div>', "text/plain": said}


def _look(part: Box | Frame | Arrow, filled: bool = True) -> str:
    """The edge and fill of a part, as attributes."""
    colour = _colour(part.tone)
    fill = f'fill="{colour}" fill-opacity="0.13"' if filled else 'fill="none"'
    dashes = ' stroke-dasharray="4 3"' if part.dashed else ""
    return f'{fill} stroke="{colour}" stroke-width="1.2"{dashes}'


def _colour(tone: Tone) -> str:
    return "currentColor" if tone == "plain" else f"var(--drawing-{tone}, {TONES[tone]})"


def _words(
    x: float, y: float, text: str, size: float, anchor: str = "middle", bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" text-anchor="{anchor}"{weight}>'
        f"{escape(text)}</text>"
    )


def _head(before: Point, end: Point, tone: Tone) -> str:
    """The triangle at the end of a line."""
    across, down = end[0] - before[0], end[1] - before[1]
    length = hypot(across, down)
    x, y = across / length, down / length
    base = end[0] - 8 * x, end[1] - 8 * y
    corners = (end, (base[0] - 4 * y, base[1] + 4 * x), (base[0] + 4 * y, base[1] - 4 * x))
    points = " ".join(f"{_n(a)},{_n(b)}" for a, b in corners)
    return f'<polygon points="{points}" fill="{_colour(tone)}"/>'


def _n(number: float) -> str:
    """A number as short as it can be told to a hundredth."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
