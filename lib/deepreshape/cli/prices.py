"""What a run takes on this machine and on a GPU, before it is made."""

import click

from deepreshape.cli.output import digits, duration, large
from deepreshape.cli.rows import epochs, settings, what
from deepreshape.cli.tables import Row, say
from deepreshape.design import cost
from deepreshape.learn.runs import executors, speed
from deepreshape.learn.runs.agenda import elapsed
from deepreshape.learn.runs.crews import processes
from deepreshape.learn.runs.price import Gpu, Speed, macs, seconds, with_teachers
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training import machine
from deepreshape.progress import Shown


class Price:
    """What runs take on this machine and on a GPU, and which of them are recorded.

    anew: measure the machine even where it was measured before.
    """

    def __init__(self, gpu: Gpu, store: Store, executor: executors.Executor, anew: bool) -> None:
        here = machine.this_machine(executor.device, executor.precision)
        self.gpu, self.store, self.workers = gpu, store, processes(here, executor.workers)
        known = None if anew else speed.known(here, self.workers)
        self.speed = known or _measured(here, self.workers, executor.show)
        self.here = {
            "processor": machine.describe(here.device)["processor"],
            "device": here.device.type,
            "precision": here.precision,
            "workers": self.workers,
        }

    def run(self, run: Run, users: list[str]) -> Row:
        """A run's row; users: the figures that it is for."""
        described, record = run.describe(), self.store.get(run)
        trained, searched = epochs(settings(described))
        return {
            "key": run.key,
            "network": described["network"],
            "data": described["data"],
            "what": what(described),
            "seed": run.seed,
            "epochs": trained,
            "search_epochs": searched,
            "macs_an_image": cost(run.network).macs,
            "macs": macs(run),
            "here_s": seconds(run, self.speed),
            "gpu_s": seconds(run, self.gpu),
            "record": record.status if record else None,
            "figures": users,
        }

    def total(self, runs: list[Run]) -> Row:
        """Of runs and what they learn or start from: how many there are, and what those take that
        have to be made."""
        made = executors.lacking(runs, self.store)
        return {
            "runs": len(with_teachers(runs)),
            "to_make": len(made),
            "macs": sum(map(macs, made)),
            "here_s": elapsed(made, self.speed, self.workers),
            "gpu_s": sum(seconds(run, self.gpu) for run in made),
            "searches": sum(run.search is not None for run in made),
        }


def _measured(here: machine.Machine, workers: int, said: bool) -> Speed:
    """The speed of this machine, measured with progress on stderr."""
    if said:
        click.echo(
            "measuring how fast this machine trains, once: a quarter of a minute where it is idle,"
            " a minute where it is busy",
            err=True,
        )
    with Shown("{task.description}", quiet=not said) as progress:
        task = progress.add_task("measuring", total=speed.steps_of_probe(workers))
        return speed.measure(here, workers, progress=lambda steps: progress.advance(task, steps))


def print_total(total: Row, price: Price) -> None:
    """What all of it takes, in sentences."""
    runs, made, here = total["runs"], total["to_make"], price.here
    say(
        f"{runs} runs, {runs - made} recorded, {made} to make:"
        f" {large(total['macs'])} multiply-accumulates forward and backward"
    )
    if not made:
        return
    say(
        f"here: about {duration(total['here_s'])} with {here['workers']} at a time on"
        f" {here['processor']} ({here['device']}, {here['precision']})"
    )
    say(
        f"{price.gpu.name}: about {duration(total['gpu_s'])}, where it reaches"
        f" {digits(price.gpu.flops / 1e12)} TFLOP/s"
    )
    if total["searches"]:
        say(
            f"at most: {total['searches']} searches may end before their last epoch, or go part of"
            " their way together"
        )
