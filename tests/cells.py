"""The printed cells of a table, for tests that take them all."""

from collections.abc import Iterator

from deepreshape.paper.printed.tables import Printed, table, value


def cells(name: str, columns: tuple[str, ...]) -> Iterator[Printed]:
    """The printed values of some columns of a table, row by row."""
    for number, row in enumerate(table(name), start=1):
        for column in columns:
            if row[column] not in ("", "NA"):
                yield value(name, number, column)
