"""Runs one after another, in this process."""

from collections.abc import Sequence
from functools import partial

from deepreshape.learn.runs.campaign import Campaign
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine


def in_turn(
    waves: Sequence[Sequence[Run]],
    store: Store,
    machine: Machine,
    workers: int,
    campaign: Campaign,
) -> dict[Run, Record]:
    made: dict[Run, Record] = {}
    for wave in waves:
        for run in wave:
            made[run] = obtain(run, store, machine, partial(campaign.advance, run), net_too=True)
            campaign.finish(run)
    return made
