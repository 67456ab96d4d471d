"""Runs on their way: one progress bar over all of them, by the work that each takes."""

from collections.abc import Sequence
from typing import Self

from deepreshape.design import cost
from deepreshape.learn.runs.run import Run
from deepreshape.progress import Shown


def work(run: Run) -> int:
    """Multiply-accumulates of the forward passes over training images, at most: a search may end
    early."""
    epochs = run.recipe.epochs + (run.search.all_epochs if run.search else 0)
    return cost(run.network).macs * epochs * run.data.train_images


class Campaign:
    """One progress bar over many runs: share of the work, images per second, time left.

    peak: multiply-accumulates a second that the device could do; where it is known, the line says
    what share of it training reaches.
    """

    def __init__(self, runs: Sequence[Run], show: bool, peak: float | None = None) -> None:
        self._left = {run: work(run) for run in runs}
        self._images = self._macs = self._done = 0
        self._peak = peak
        self._bar = Shown(
            "training, {task.fields[done]} of {task.fields[runs]} runs done",
            "{task.fields[rate]:.0f} images/s{task.fields[share]}",
            quiet=not show,
        )
        self._task = self._bar.add_task(
            "", total=sum(self._left.values()), done=0, runs=len(runs), rate=0.0, share=""
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        if not self._bar.disable:
            self._bar.console.print(line, highlight=False, soft_wrap=True)

    def advance(self, run: Run, images: int) -> None:
        """So many more images of a run have been trained on; more than a batch holds, before this
        sitting."""
        if images <= max(run.recipe.batch, run.search.batch if run.search else 0):
            self._images += images
            self._macs += 3 * images * cost(run.network).macs  # backward is twice forward
        self._move(run, images * cost(run.network).macs)

    def finish(self, run: Run) -> None:
        self._done += 1
        self._move(run, self._left[run])

    def _move(self, run: Run, amount: int) -> None:
        amount = min(amount, self._left[run])
        self._left[run] -= amount
        elapsed = self._bar.tasks[self._task].elapsed or 1.0
        rate = self._images / elapsed
        share = (
            f", {100 * self._macs / elapsed / self._peak:.0f} % of the peak" if self._peak else ""
        )
        self._bar.update(self._task, advance=amount, done=self._done, rate=rate, share=share)
