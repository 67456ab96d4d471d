"""Images per second of this project's training loop against a plain PyTorch loop.

    python ci/bench/train.py [ROUNDS]

Plain: float32, NCHW, a DataLoader with PIL transforms and two workers, as the field writes it. Ours
is `learn.training.loop` as the executor runs it, a process for each core with one thread. Both see
batches of 128 images of 32 x 32 pixels, interleaved; the ratio counts. Then it says where the time
goes.
"""

import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from deepreshape.design import cost, parse
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.training.loop import train
from deepreshape.learn.training.losses import KD
from deepreshape.learn.training.machine import this_machine
from deepreshape.learn.training.nets import build
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import teacher
from deepreshape.learn.workers import environment, tuned

NETWORKS = ("HRN-2x5x3x(m=8)", "ResNet18(m=16)")
TAUGHT = "HRN-2x5x3x(m=8)"
TEACHER = "ResNet18(m=16)"
BATCH = 128
STEPS = 30
ROUNDS = 5
TARGET = 3.0
PEAK = 1024
"""Rows and columns of the matrices whose product tells the machine's peak."""

KINDS = {
    "convolution": ("convolution",),
    "BatchNorm": ("batch_norm",),
    "ReLU": ("clamp_min", "relu", "threshold"),
    "optimizer": ("sgd", "Optimizer"),
    "data and copies": ("index", "copy", "_to", "randperm", "sub", "div"),
}
"""Groups of operations of the profile, by what stands in their names."""


class Pictures(Dataset[tuple[Tensor, int]]):
    """Random pictures behind the usual transforms."""

    def __init__(self, count: int) -> None:
        self.pixels, self.labels = _random(count)
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize((0.5,) * 3, (0.25,) * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.pixels[row])
        return self.transform(picture), int(self.labels[row])


def _random(count: int) -> tuple[Any, Any]:
    choices = np.random.default_rng(0)
    pixels = choices.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return pixels, choices.integers(0, 100, count)


def plain(name: str, steps: int, taught: bool = False) -> float:
    """Images per second of the plain loop, from its first batch to its last."""
    net, knowing = build(parse(name), 0), build(parse(TEACHER), 0).eval()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=5e-4)
    loader = DataLoader(Pictures(BATCH * (steps + 1)), BATCH, shuffle=True, num_workers=2)
    times = []
    for x, labels in loader:
        if taught:
            with torch.no_grad():
                answers = knowing(x)
            loss = KD().loss(net(x), answers, labels, 0)
        else:
            loss = nn.functional.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        times.append(perf_counter())
    return BATCH * (len(times) - 1) / (times[-1] - times[0])


def ours(name: str, steps: int, taught: bool = False) -> float:
    """Images per second of this project's loop on all cores; a teacher's lessons are on disk, as
    for every run but the first that is shown the same images."""
    context = get_context("spawn")
    workers = len(os.sched_getaffinity(0))
    barrier, results = context.Barrier(workers), context.SimpleQueue()
    members = [
        context.Process(target=_member, args=(name, steps, taught, barrier, results))
        for _ in range(workers)
    ]
    with environment(tuned()):
        for member in members:
            member.start()
    rates = [results.get() for _ in members]
    for member in members:
        member.join()
    return float(sum(rates))


def _member(name: str, steps: int, taught: bool, barrier: Any, results: Any) -> None:
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        lessons = Path(folder) if taught else None
        _trained(name, steps if taught else 2, lessons)
        barrier.wait()
        results.put(_trained(name, steps, lessons))


def _trained(name: str, steps: int, lessons: Path | None = None) -> float:
    """Images per second of `train` in this process, from its first step to its last."""
    pixels, labels = _random(BATCH * (steps + 1))
    split = Split(torch.from_numpy(pixels), torch.from_numpy(labels))
    few = Split(split.images[:8], split.labels[:8])
    images = Images(split, few, few, (127.0,) * 3, (64.0,) * 3, "")
    times: list[float] = []

    def note(count: int) -> None:
        times.append(perf_counter())

    recipe, machine = Recipe(epochs=1, batch=BATCH), this_machine("cpu")
    teaching = None
    if lessons:
        teaching = teacher(machine.place(build(parse(TEACHER), 0)), images, machine, lessons, 0, 1)
    train(build(parse(name), 0), recipe, images, 1, machine, teaching, progress=note)
    return BATCH * (len(times) - 1) / (times[-1] - times[0])


def peak() -> float:
    """Multiply-accumulates per second of a bfloat16 matrix product on all cores."""
    matrix = torch.randn(PEAK, PEAK).bfloat16()
    best = min(_timed(lambda: matrix @ matrix) for _ in range(10))
    return PEAK**3 / best


def _timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def shares(name: str) -> dict[str, float]:
    """What part of a step's time goes to which kind of operation, on one thread."""
    torch.set_num_threads(1)
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        _trained(name, 4)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    totals = dict.fromkeys([*KINDS, "the rest"], 0.0)
    for event in seen.key_averages():
        kind = next(
            (kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)),
            "the rest",
        )
        totals[kind] += event.self_cpu_time_total
    return {kind: each / sum(totals.values()) for kind, each in totals.items()}


def main(rounds: int = ROUNDS) -> int:
    print(f"precision here: {this_machine('cpu').precision}")
    reached = True
    for name in NETWORKS:
        measured = [(plain(name, STEPS), ours(name, STEPS), peak()) for _ in range(rounds)]
        slow, fast, product = (median(column) for column in zip(*measured, strict=True))
        ratio = median(each[1] / each[0] for each in measured)
        used = median(3 * cost(parse(name)).macs * each[1] / each[2] for each in measured)
        print(f"{name}: plain {slow:.0f}, ours {fast:.0f} images/s: {ratio:.2f} times as many")
        print(f"  {100 * used:.0f} % of the peak of {product / 1e9:.0f} GMAC/s in bfloat16")
        parts = sorted(shares(name).items(), key=lambda item: -item[1])
        print("  time goes to " + ", ".join(f"{kind} {100 * part:.0f} %" for kind, part in parts))
        reached &= ratio >= TARGET
    pairs = [(plain(TAUGHT, STEPS, True), ours(TAUGHT, STEPS, True)) for _ in range(rounds)]
    ratio = median(fast / slow for slow, fast in pairs)
    slow, fast = (median(column) for column in zip(*pairs, strict=True))
    print(f"{TAUGHT} taught by {TEACHER}: plain {slow:.0f}, ours {fast:.0f}: {ratio:.2f} times")
    print(f"target {TARGET:.0f} times: {'reached' if reached else 'not reached'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
