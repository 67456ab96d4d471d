"""Images that a command is given by name or by a folder; what of them is not used is said."""

from contextlib import ExitStack
from dataclasses import replace

import click
from rich.progress import TaskID

from deepreshape.learn.images import layout
from deepreshape.learn.images.folder import Folder
from deepreshape.learn.images.sets import DataSet, parse, survey
from deepreshape.progress import Shown

MOST_NAMED = 5
"""Of the files that are left out, so many are named."""


def asked(text: str | None, skip_damaged: bool) -> DataSet | None:
    """The data set of a command's `--data`; None where none is given. Raises DataError."""
    if text is None:
        if skip_damaged:
            raise click.UsageError("--skip-damaged needs --data")
        return None
    return replace(parse(text), skip_damaged=True) if skip_damaged else parse(text)


def decoded(data: DataSet | None, quiet: bool) -> str | None:
    """Its name in full; a folder is decoded, with progress, where it is not in the cache, and what
    of it is not used is said. Raises DataError."""
    if data is not None and isinstance(data.source, Folder):
        _decode(data, data.source, quiet)
    return None if data is None else str(data)


def _decode(data: DataSet, source: Folder, quiet: bool) -> None:
    with ExitStack() as shown:
        tasks: list[tuple[Shown, TaskID]] = []

        def progress(done: int, of: int) -> None:
            if not tasks:
                bar = shown.enter_context(Shown("decoding {task.description}", quiet=quiet))
                tasks.append((bar, bar.add_task(str(source.path), total=of)))
            bar, task = tasks[0]
            bar.advance(task, done)

        left_out = survey(data, progress).left_out
    if tasks and (passed := layout.passed_over(source.path)):
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in passed.items())
        _note(f"files that are not taken for images: {kinds}")
    for line in left_out[:MOST_NAMED]:
        _note(f"left out: {line}")
    if len(left_out) > MOST_NAMED:
        _note(f"left out: {len(left_out):,} files in all")


def _note(line: str) -> None:
    click.echo(f"note: {line}", err=True)
