"""How fast this machine trains: a probe, what fits it best, and where the result is kept.

Training steps of 21 networks of this project took between 0.8 and 1.3 times what followed from the
seven that are probed, and were a tenth off on average; those of MobileNets, 0.7 to 2 times.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import astuple
from functools import partial
from math import inf
from pathlib import Path
from statistics import fmean, median

import numpy as np
import torch
from scipy.optimize import nnls
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from deepreshape.design import Network, parse
from deepreshape.files import write_text
from deepreshape.learn.runs.price import Speed, size
from deepreshape.learn.tensor_files import alone, cache_folder
from deepreshape.learn.training.machine import Machine, describe
from deepreshape.learn.training.nets import build
from deepreshape.learn.training.processor import changes, instructions
from deepreshape.learn.training.steps import step
from deepreshape.learn.workers import report, team

PROBES = (
    ("HRN-2x5x3x(m=8)", 32, 32),
    ("HRN-2x5x3x(m=2)", 16, 64),
    ("ResNet18(m=8)", 32, 64),
    ("ResNet18(m=64)", 16, 8),
    ("ResNet18(m=64)", 8, 32),
    ("ResNet32", 32, 16),
    ("R34-HRN-2x6x3x(m=4)", 16, 64),
)
"""Networks, image sizes and batches that differ in what they have most of: multiply-accumulates,
elements, layers or learned numbers."""
ROUNDS = 4
"""Times that each of them is timed, after a first one that is not."""
TYPICAL = ("HRN-2x5x3x(m=8)", 32, 128)
"""Network, image size and batch of the `rate` that is told to a reader."""


def fitted(steps: Iterable[tuple[Network, int, float]]) -> Speed:
    """The speed that comes closest to the seconds of training steps, by relative errors.

    steps: network, batch and seconds of each. No part of the speed is negative.
    """
    rows, times = [], []
    for network, batch, taken in steps:
        macs, elements, layers, params = size(network)
        rows.append([batch * macs, batch * elements, layers, params])
        times.append(taken)
    relative = np.array(rows, dtype=float) / np.array(times)[:, None]
    units = relative.max(axis=0)
    found, _ = nnls(relative / units, np.ones(len(times)))
    return Speed(*(found / units).tolist())


def probe(
    machine: Machine, rounds: int, progress: Callable[[int], None] = lambda steps: None
) -> list[float]:
    """Median seconds of a training step of each of the `PROBES`. progress: called with 1 after
    every step."""
    return _medians([_trial(*each, machine) for each in _probes()], rounds, progress)


def rate(machine: Machine, steps: int = 3) -> float:
    """Images a second that this process trains the `TYPICAL` network on."""
    name, pixels, batch = TYPICAL
    (seconds,) = _medians([_trial(parse(name, pixels, 100), batch, machine)], steps)
    return batch / seconds


def _medians(
    trials: Sequence[Callable[[], object]],
    rounds: int,
    progress: Callable[[int], None] = lambda steps: None,
) -> list[float]:
    """Of the seconds of each, taken in turns, so that whatever else the machine does slows all of
    them alike."""
    times: list[list[float]] = [[] for _ in trials]
    for _ in range(rounds + 1):
        for trial, taken in zip(trials, times, strict=True):
            start = time.perf_counter()
            trial()
            taken.append(time.perf_counter() - start)
            progress(1)
    return [median(taken[1:]) for taken in times]


def _probes() -> list[tuple[Network, int]]:
    return [(parse(name, pixels, 10), batch) for name, pixels, batch in PROBES]


def _trial(network: Network, batch: int, machine: Machine) -> Callable[[], None]:
    """A training step, without the making of its batch."""
    net = machine.place(build(network, seed=0)).train()
    optimizer = SGD(net.parameters(), 0.01, 0.9, weight_decay=5e-4)
    side, device = network.resolution, machine.device
    images = torch.zeros(batch, 3, side, side, device=device)
    images = images.to(memory_format=torch.channels_last)
    labels = torch.zeros(batch, dtype=torch.long, device=device)

    def trial() -> None:
        step(optimizer, machine, lambda: cross_entropy(net(images).float(), labels))
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return trial


def steps_of_probe(workers: int, rounds: int = ROUNDS) -> int:
    """How often `measure` reports a step."""
    return workers * len(PROBES) * (rounds + 1)


def measure(
    machine: Machine,
    workers: int,
    rounds: int = ROUNDS,
    progress: Callable[[int], None] = lambda steps: None,
) -> Speed:
    """Probe a machine in as many processes side by side as train on it: a quarter of a minute where
    nothing else runs. The result is kept in the cache folder, where that can be written to.

    progress: called with the steps that were taken since.
    """
    if workers == 1:
        taken = probe(machine, rounds, progress)
    else:
        task = "the probe of how fast this machine trains"
        with team(workers, [task] * workers) as members:
            for number in range(workers):
                members.submit(number, _probe, machine, rounds)
            times = [found for _, found in members.results(lambda _, steps: progress(steps))]
        taken = [fmean(each) for each in zip(*times, strict=True)]
    steps = zip(_probes(), taken, strict=True)
    speed = fitted((network, batch, each) for (network, batch), each in steps)
    path = _path()
    with suppress(OSError), alone(path.with_suffix(".lock")):
        write_text(path, json.dumps(_kept() | {_key(machine, workers): astuple(speed)}, indent=1))
    return speed


def known(machine: Machine, workers: int) -> Speed | None:
    """What `measure` found before on the same processor, with the same instruction sets, variables
    that change them, torch, threads, number format and workers."""
    found = _kept().get(_key(machine, workers))
    return None if found is None else Speed(*found)


def _probe(number: int, machine: Machine, rounds: int) -> list[float]:
    return probe(machine, rounds, partial(report, number))


def _path() -> Path:
    return cache_folder() / "speed.json"


def _key(machine: Machine, workers: int) -> str:
    facts = describe(machine.device)
    parts = [facts[name] for name in ("processor", "device", "threads", "torch")]
    kernels = [*instructions(), *(f"{name}={value}" for name, value in changes().items())]
    return " ".join(map(str, [*parts, machine.precision, workers, *kernels]))


def _kept() -> dict[str, tuple[float, ...]]:
    """By key, what was measured before; a damaged file holds nothing."""
    try:
        kept = json.loads(_path().read_text())
        right = [len(each) == 4 and all(0 <= n < inf for n in each) for each in kept.values()]
        return kept if all(right) else {}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return {}
