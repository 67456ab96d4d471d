"""Runs in several processes of this machine, each on an equal share of the cores."""

from collections.abc import Sequence
from functools import partial

from deepreshape.learn.runs.campaign import Campaign
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine, Precision, this_machine
from deepreshape.learn.workers import report, team


def side_by_side(
    waves: Sequence[Sequence[Run]],
    store: Store,
    machine: Machine,
    workers: int,
    campaign: Campaign,
) -> dict[Run, Record]:
    made: dict[Run, Record] = {}
    runs = [run for wave in waves for run in wave]
    numbers = {run: number for number, run in enumerate(runs)}
    tasks = [f"run {run.key} ({run.network} on {run.data})" for run in runs]
    place = (machine.device.type, machine.precision)
    with team(workers, tasks) as members:
        for wave in waves:
            for run in wave:
                members.submit(numbers[run], _work, run, store, *place)
            for number, record in members.results(
                lambda number, images: campaign.advance(runs[number], images)
            ):
                made[runs[number]] = record
                campaign.finish(runs[number])
    return made


def _work(number: int, run: Run, store: Store, device: str, precision: Precision) -> Record:
    progress = partial(report, number)
    return obtain(run, store, this_machine(device, precision), progress, net_too=True)
