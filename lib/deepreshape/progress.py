"""How far a long command is: a bar on a terminal, elsewhere a line a minute, on standard error."""

from datetime import timedelta
from threading import Event, Thread

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

PAUSE = 60.0
"""Seconds between lines."""


class Shown(Progress):
    """Rich's progress on standard error; where that is no terminal (a batch system's log, a file, a
    notebook), a line for each task that is under way, now and then, and one at the end.

    text: of a task, in rich's format, such as `{task.description}`. rate: behind the percentage.
    """

    def __init__(self, text: str, rate: str = "", quiet: bool = False) -> None:
        columns: list[ProgressColumn] = [TextColumn(text, markup=False)]
        columns += [BarColumn(), TaskProgressColumn()]
        columns += [TextColumn(rate, markup=False)] if rate else []
        # In a notebook rich asks for widgets, in a warning as often as it would draw.
        plain = False if Console().is_jupyter else None
        console = Console(stderr=True, force_jupyter=plain, force_terminal=plain)
        self._drawn = console.is_terminal and not console.is_dumb_terminal
        self._text, self._rate = text, rate
        self._over = Event()
        self._writer = Thread(target=self._write, daemon=True)
        super().__init__(
            *columns, TimeRemainingColumn(compact=True), console=console, disable=quiet
        )

    def start(self) -> None:
        if self._drawn:
            super().start()
        elif not self.disable:
            self._writer.start()

    def stop(self) -> None:
        if self._drawn:
            super().stop()
        elif not self.disable and not self._over.is_set():
            self._over.set()
            self._writer.join()
            self._write_lines()

    def _write(self) -> None:
        while not self._over.wait(PAUSE):
            self._write_lines()

    def _write_lines(self) -> None:
        for task in self.tasks:
            parts = [self._text.format(task=task), f"{task.percentage:.0f} %"]
            parts += [self._rate.format(task=task)] if self._rate else []
            left = None if task.finished else task.time_remaining
            parts += [] if left is None else [f"{timedelta(seconds=round(left))} left"]
            self.console.print(", ".join(parts), highlight=False, markup=False, soft_wrap=True)
