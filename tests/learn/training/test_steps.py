"""Steps: a device takes them without waiting for its host, and repeated they are the same ones."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.optim import Optimizer

from deepreshape.learn.images.loader import Loader
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.search.snl import AlphaReLU
from deepreshape.learn.training import steps as module
from deepreshape.learn.training.evaluate import TrainingFailed
from deepreshape.learn.training.loop import TrainingResult, train
from deepreshape.learn.training.losses import DKD
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.objectives import Labels, Objective, Taught, refilled
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.steps import Graphed, Progress, step
from deepreshape.learn.training.teacher import Teacher, rounded, teacher
from tests.learn.seeking import seek
from tests.learn.tiny import DISTILLING, NETWORK, PLAIN, RECIPE, STEPS, digits, fresh, same_net
from tests.learn.waiting import NoWaiting, Waits

pytestmark = pytest.mark.long

CUDA = torch.device("cuda")
RECIPES = {
    "labels": replace(RECIPE, smoothing=0.1),
    "still": PLAIN,
    **DISTILLING,
    "small at first": replace(RECIPE, small=0.4),
    "warm": replace(RECIPE, warmup=1.5, nesterov=True, schedule="linear"),
}
SEARCHES = {
    "SNL": SNL(300, epochs=2, batch=20, penalty=1e-3),
    "SENet": SENet(300, sensitivity_epochs=1, epochs=2, batch=20),
}


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


@pytest.fixture
def taught(images: Images, cpu: Machine) -> Teacher:
    return teacher(fresh(99), images, cpu, None, "shown", 3)


def trained(
    images: Images,
    machine: Machine,
    name: str,
    taught: Teacher,
    progress: Progress = lambda images: None,
) -> TrainingResult:
    teaches = taught if name in DISTILLING else None
    return train(fresh(), RECIPES[name], images, 7, machine, teaches, progress=progress)


# Nothing waits


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda x: x.sum().item(), "reads a number"),
        (lambda x: x[x > 0], "takes a mask"),
        (lambda x: (x > 0).nonzero(), "size that depends on values"),
        (lambda x: x.masked_select(x > 0), "size that depends on values"),
    ],
)
def test_waiting_is_noticed(work: Callable[[Tensor], Any], why: str) -> None:
    with pytest.raises(Waits, match=why), NoWaiting():
        work(torch.ones(3))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_copy_to_or_from_the_host_is_noticed(device: str) -> None:
    with FakeTensorMode():
        there = torch.empty(3, device=device)
        with pytest.raises(Waits, match="copies between cpu and cuda"), NoWaiting():
            there.to("cpu" if device == "cuda" else "cuda")


class Unmoved:
    """An optimizer that takes no step."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

    def zero_grad(self, set_to_none: bool) -> None:
        self.optimizer.zero_grad(set_to_none)

    def step(self) -> None:
        pass


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Losses and gradients of all steps may not wait; the operations of each. An optimizer on a CPU
    may, and is tried apart."""
    seen: list[int] = []

    def careful(optimizer: Any, machine: Machine, loss: Callable[[], Tensor]) -> Tensor:
        with NoWaiting() as mode:
            found = step(Unmoved(optimizer), machine, loss)  # type: ignore[arg-type]
        optimizer.step()
        seen.append(mode.seen)
        return found

    monkeypatch.setattr(module, "step", careful)
    return seen


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", RECIPES)
def test_a_step_of_training_waits_for_nothing(
    images: Images, cpu: Machine, taught: Teacher, watched: list[int], name: str, precision: Any
) -> None:
    trained(images, replace(cpu, precision=precision), name, taught)
    assert len(watched) == 3 * STEPS
    assert min(watched) > 50


@pytest.mark.parametrize("name", SEARCHES)
def test_a_step_of_a_search_waits_for_nothing(cpu: Machine, watched: list[int], name: str) -> None:
    seek(SEARCHES[name], cpu)
    assert len(watched) >= 2 * STEPS


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the kernels of whole optimizers are called with; they take no tensors without values."""
    called: list[dict[str, Any]] = []
    for name in ("_fused_sgd_", "_fused_adam_"):
        monkeypatch.setattr(torch, name, lambda *lists, **named: called.append(named))
    return called


def _on_a_gpu(
    monkeypatch: pytest.MonkeyPatch, recipe: Recipe
) -> tuple[Net, Loader, Machine, Objective, Optimizer]:
    """What a step needs, on a GPU that is not there: tensors without values."""
    monkeypatch.setattr(Tensor, "backward", lambda loss: None)
    few = Split(torch.zeros(40, 8, 8, 3, dtype=torch.uint8), torch.zeros(40, dtype=torch.long))
    images = Images(few, few, few, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0), "")
    with CUDA:
        net, their = Net(NETWORK), Net(NETWORK)
    loader = Loader(images, CUDA, 20, recipe.shift, recipe.flip, 7, recipe.halved)
    lessons = Teacher(their, lambda epoch, x: rounded(their(x.permute(0, 3, 1, 2).float())).float())
    objective = Taught(net, recipe, lessons) if recipe.pram else Labels(net, recipe)
    for parameter in net.parameters():
        parameter.grad = torch.empty_like(parameter)
    monkeypatch.setattr(Optimizer, "zero_grad", lambda *all, **named: None)
    return net, loader, Machine(CUDA, "float32"), objective, recipe.optimizer(net)


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize(
    "recipe", [RECIPE, replace(RECIPE, pram=1.0, distillation=DKD(), small=0.4)]
)
def test_a_step_on_a_gpu_copies_nothing(
    monkeypatch: pytest.MonkeyPatch, kernels: list[dict[str, Any]], recipe: Recipe, graphs: bool
) -> None:
    """All of it but what autograd adds, which takes no step without a GPU."""
    with FakeTensorMode():
        _, loader, machine, objective, optimizer = _on_a_gpu(monkeypatch, recipe)
        kind = Graphed if graphs else module.Asked
        steps = kind(optimizer, loader, machine, lambda number: 0.1, lambda images: None)
        for epoch in (0, 1):
            pictures = loader.shown(epoch)
            assert pictures.images.device.type == "cuda"
            objective.begin(epoch, pictures.images)
            if isinstance(steps, Graphed):
                steps._fill(epoch, pictures)
                with NoWaiting():
                    steps._once(objective, loader.is_halved(epoch))
            else:
                for batch in loader.batches(epoch, pictures):
                    with NoWaiting():
                        module._set_rate(optimizer, 0.2)
                        step(optimizer, machine, partial(objective.loss, batch))
    assert kernels
    assert all(each["lr"].device.type == "cuda" for each in kernels)


def test_the_optimizer_of_a_search_waits_for_nothing_on_a_gpu(
    kernels: list[dict[str, Any]],
) -> None:
    with FakeTensorMode():
        with CUDA:
            net = Net(NETWORK)
            net.replace("stem/relu", AlphaReLU((4, 8, 8), "pixel"))
        for search in SEARCHES.values():
            optimizer = search.optimizer(net)
            for parameter in net.parameters():
                parameter.grad = torch.empty_like(parameter)
            optimizer.step()
            with NoWaiting():
                optimizer.step()
    assert len(kernels) >= 2 * len(SEARCHES)


# Repeated steps


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", RECIPES)
def test_repeated_steps_are_those_that_the_host_asks_for(
    images: Images, cpu: Machine, taught: Teacher, name: str, precision: Any
) -> None:
    asked = trained(images, replace(cpu, precision=precision), name, taught)
    again = trained(images, replace(cpu, precision=precision, graphs=True), name, taught)
    assert same_net(asked.net, again.net)
    assert [epoch.loss for epoch in asked.curve] == [epoch.loss for epoch in again.curve]


@pytest.mark.parametrize("name", SEARCHES)
def test_repeated_steps_of_a_search_are_the_same(cpu: Machine, name: str) -> None:
    asked, again = (seek(SEARCHES[name], replace(cpu, graphs=graphs)) for graphs in (False, True))
    assert all(mask.equal(again.masks[site]) for site, mask in asked.masks.items())
    assert [each.get("loss") for each in asked.history] == [
        each.get("loss") for each in again.history
    ]


@pytest.mark.parametrize(
    ("name", "times"),
    [("labels", 1), ("KD", 1), ("PRAM", 1), ("DIST", 1), ("DKD", 2), ("small at first", 2)],
)
def test_a_step_is_captured_anew_only_where_it_is_another(
    images: Images,
    cpu: Machine,
    taught: Teacher,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    times: int,
) -> None:
    """DKD's ramp rises over two epochs."""
    captured: list[int] = []
    capture = Graphed._captured

    def noted(self: Graphed, *what: Any) -> Any:
        captured.append(1)
        return capture(self, *what)

    monkeypatch.setattr(Graphed, "_captured", noted)
    trained(images, replace(cpu, graphs=True), name, taught)
    assert len(captured) == times


def test_progress_of_repeated_steps_counts_every_image_once(
    images: Images, cpu: Machine, taught: Teacher
) -> None:
    counted: list[int] = []
    trained(images, replace(cpu, graphs=True), "labels", taught, counted.append)
    assert sum(counted) == 3 * 80


def test_an_epoch_shorter_than_the_first_steps_is_taken_whole(images: Images, cpu: Machine) -> None:
    recipe = replace(RECIPE, batch=80)
    asked, again = (
        train(fresh(), recipe, images, 7, replace(cpu, graphs=graphs)) for graphs in (False, True)
    )
    assert same_net(asked.net, again.net)


@pytest.mark.parametrize("graphs", [False, True])
def test_the_first_loss_that_is_no_number_is_named(
    images: Images, cpu: Machine, graphs: bool
) -> None:
    recipe = replace(RECIPE, rate=1e9)
    with pytest.raises(TrainingFailed) as caught:
        train(fresh(), recipe, images, 1, replace(cpu, graphs=graphs))
    with pytest.raises(TrainingFailed) as other:
        train(fresh(), recipe, images, 1, cpu)
    assert str(caught.value) == str(other.value)


def test_values_go_where_they_fit() -> None:
    kept, new = torch.zeros(2, 3), torch.ones(2, 3)
    assert refilled(None, new) is new
    assert refilled(kept, new) is kept
    assert kept.equal(new)
    assert refilled(kept, torch.ones(4)).shape == (4,)
    assert refilled(kept, kept) is kept
