"""Tables that fit the terminal: text is broken between words, columns stand below each other where
there is no room side by side, and nothing is cut.

Rich is imported where a table is drawn: `--json` would wait for it for nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from rich.console import Console
    from rich.table import Table

Row = dict[str, Any]
Columns = dict[str, str | Callable[[Row], str]]
"""What a row has under each name of a column: a format of its values, or a function of it."""


def new_table(*columns: str) -> "Table":
    """A plain table; a column's name that ends in `>` is set right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in columns:
        table.add_column(name.removesuffix(">"), justify="right" if name[-1:] == ">" else "left")
    return table


def table_of(rows: Iterable[Row], columns: Columns) -> "Table":
    """A table with a line for each row."""
    table = new_table(*columns)
    for row in rows:
        cells = columns.values()
        table.add_row(*(c.format_map(row) if isinstance(c, str) else c(row) for c in cells))
    return table


def show(table: "Table") -> None:
    """Print a table in the width of the terminal, or in 80 columns where there is none.

    Where it is wider, a column whose cells are all the same becomes a line above it; what does not
    fit then follows as further tables, each with the first column.
    """
    console = _console()
    columns = _columns(table)
    if _width(columns, [column.natural for column in columns]) <= console.width:
        console.print(table)
        return
    ends = [row.end_section for row in table.rows]
    first, *others = columns
    alike = [column for column in others if len(ends) > 1 and len(set(column.cells)) == 1]
    if named := [f"{column.name}: {column.cells[0]}" for column in alike if column.cells[0]]:
        console.print("\n" + ", ".join(named))
    kept = [column for column in others if column not in alike]
    for part in _parts(first, kept, console.width):
        console.print(_drawn(part, ends, console.width))


def say(sentence: str) -> None:
    """Print a sentence, broken between words where it is wider than the terminal."""
    _console().print(sentence)


GREYS = " .:-=+*#%@"
"""From black to white, where a terminal has no colours."""


def draw(pixels: "npt.NDArray[np.uint8]") -> None:
    """Print an image (height, width, 3) in characters: two pixels in each, one above the other,
    where there are colours; else a brightness for each such pair."""
    from rich.text import Text

    console, drawn = _console(), Text()
    lower = pixels[1::2]
    for above, below in zip(pixels[: 2 * len(lower) : 2], lower, strict=True):
        for one, other in zip(above.tolist(), below.tolist(), strict=True):
            if console.color_system is None:
                drawn.append(GREYS[sum(one + other) * len(GREYS) // (6 * 256)])
            else:
                drawn.append("▀", "rgb({},{},{}) on rgb({},{},{})".format(*one, *other))
        drawn.append("\n")
    console.print(drawn, end="")


def _console() -> "Console":
    from rich.console import Console

    # A data set's name may have brackets: they are no markup.
    return Console(markup=False, emoji=False, highlight=False)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    right: bool
    cells: tuple[str, ...]

    @property
    def natural(self) -> int:
        return max(map(_cells, (self.name, *self.cells)))

    @property
    def least(self) -> int:
        """Numbers stay whole, and so do words."""
        if self.right:
            return self.natural
        return max(
            _cells(word) for text in (self.name, *self.cells) for word in [*text.split(), ""]
        )


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _columns(table: "Table") -> list[_Column]:
    return [
        _Column(str(column.header), column.justify == "right", tuple(map(str, column.cells)))
        for column in table.columns
    ]


def _width(columns: Sequence[_Column], widths: Sequence[int]) -> int:
    """Of a table, with two spaces between its columns and one at either side."""
    return sum(widths) + 2 * len(columns)


def _parts(first: _Column, others: list[_Column], room: int) -> Iterator[list[_Column]]:
    """The columns table by table, each with the first and as many more as there is room for."""
    part = [first]
    for column in others:
        wider = [*part, column]
        if len(part) > 1 and _width(wider, [each.least for each in wider]) > room:
            yield part
            wider = [first, column]
        part = wider
    yield part


def _drawn(columns: list[_Column], ends: Sequence[bool], room: int) -> "Table":
    drawn = new_table(*(column.name + ">" * column.right for column in columns))
    for width, made in zip(_widths(columns, room), drawn.columns, strict=True):
        made.width, made.overflow = width, "fold"
    for row, end in zip(zip(*(column.cells for column in columns), strict=True), ends, strict=True):
        drawn.add_row(*row, end_section=end)
    return drawn


def _widths(columns: list[_Column], room: int) -> list[int]:
    """Texts have what numbers leave them, the first one first; where a single column has too little
    room for its words, they are broken."""
    widths = [column.least for column in columns]
    spare = room - _width(columns, widths)
    if spare < 0:
        widths[-1] = max(widths[-1] + spare, 1)
        return widths
    for place, column in enumerate(columns):
        wider = min(column.natural - widths[place], spare)
        widths[place] += wider
        spare -= wider
    return widths
