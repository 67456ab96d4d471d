"""SNL: its gates, its penalty, when it stops, and that it keeps exactly the budget."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.design import Network, Stage, cost, resnet18
from deepreshape.learn.images.loader import batches, shown
from deepreshape.learn.search.masks import counted, sites
from deepreshape.learn.search.snl import SNL, AlphaReLU
from deepreshape.learn.training.evaluate import TrainingFailed
from deepreshape.learn.training.losses import divergence
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.teacher import Teacher
from tests.families import FAMILIES
from tests.learn.seeking import (
    NETWORK,
    RECIPE,
    RELUS,
    baseline,
    digits,
    kept,
    seek,
)

FAST = SNL(300, epochs=4, batch=20, rate=0.03, alpha_rate=0.03, penalty=0.03, growth=2, patience=0)
"""Alphas fall from 1 to 0 in some 30 steps, and an epoch has 4."""


# Its value


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "row"},
        {"epochs": 0},
        {"batch": 0},
        {"rate": 0.0},
        {"rate": float("nan")},
        {"alpha_rate": 0.0},
        {"schedule": "sometimes"},
        {"penalty": -1.0},
        {"growth": 0.9},
        {"patience": -1},
        {"threshold": -0.1},
        {"temperature": 0.0},
        {"rate": math.inf},
        {"alpha_rate": math.inf},
        {"penalty": math.inf},
        {"growth": math.inf},
        {"threshold": math.inf},
        {"temperature": math.inf},
    ],
    ids=str,
)
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        SNL(100, **wrong)


def test_whole_numbers_are_the_same_value_as_floats() -> None:
    numbers = {"rate": 1, "alpha_rate": 2, "penalty": 1, "growth": 1, "threshold": 0}
    floats = {name: float(number) for name, number in numbers.items()}
    assert repr(SNL(9, **numbers, temperature=4)) == repr(SNL(9, **floats, temperature=4.0))  # type: ignore[arg-type]


def test_the_defaults_are_those_of_its_authors() -> None:
    snl = SNL(100)
    assert (snl.epochs, snl.batch, snl.temperature) == (2000, 128, 4)
    assert snl.rate == snl.alpha_rate == 1e-3
    assert (snl.penalty, snl.growth, snl.threshold) == (1e-5, 1.1, 1e-2)
    assert (snl.schedule, snl.patience) == ("stuck", 5)


@pytest.mark.parametrize("by", ["pixel", "channel"])
@pytest.mark.parametrize("budget", [-16, RELUS + 16])
def test_a_budget_that_the_network_does_not_have_is_refused(by: Any, budget: int) -> None:
    with pytest.raises(ValueError, match=f"lies between 0 and its {RELUS:,} ReLUs"):
        SNL(budget, by).require_fitting(NETWORK)


@pytest.mark.parametrize("budget", [0, 1, 17, RELUS - 1, RELUS])
def test_by_pixel_every_other_budget_fits(budget: int) -> None:
    SNL(budget).require_fitting(NETWORK)


def test_by_channel_only_what_channels_add_up_to_fits() -> None:
    for budget in (0, 16, 48, 64, 256, RELUS - 16, RELUS):
        SNL(budget, "channel").require_fitting(NETWORK)
    with pytest.raises(ValueError, match=r"of 64, 16 ReLUs, do not add up to 100; .* are 96$"):
        SNL(100, "channel").require_fitting(NETWORK)
    few = Network(4, (Stage(4, 1), Stage(1, 1)), 8, 10)  # two channels of 16
    with pytest.raises(ValueError, match=r"do not add up to 112; the most below are 96$"):
        SNL(112, "channel").require_fitting(few)


def test_of_a_vgg_the_hidden_layers_have_channels_of_one_relu() -> None:
    SNL(1001, "channel").require_fitting(FAMILIES["VGG16"])


def test_of_resnet18_by_channel_every_multiple_of_its_smallest_map_fits() -> None:
    for budget in range(0, 557_056, 4_000):
        SNL(budget - budget % 16, "channel").require_fitting(resnet18())


# Its gates


@pytest.mark.parametrize("shape", [(3, 4, 4), (5, 1, 1)], ids=["maps", "hidden layer"])
def test_a_gate_mixes_the_relu_and_what_it_reads(shape: tuple[int, int, int]) -> None:
    draws = torch.Generator().manual_seed(1)
    x = torch.randn(2, *shape, generator=draws)
    x = x.flatten(1) if shape[1] == 1 else x
    alpha = torch.randn(shape, generator=draws).view(x.shape[1:])
    gate = AlphaReLU(shape, "pixel")
    assert torch.equal(gate(x), x.relu())
    with torch.no_grad():
        gate.alpha.copy_(alpha.view(1, *shape))
    torch.testing.assert_close(gate(x), alpha * x.relu() + (1 - alpha) * x)


def test_a_gate_by_channel_has_one_alpha_for_each() -> None:
    gate = AlphaReLU((3, 4, 4), "channel")
    assert gate.alpha.shape == (1, 3, 1, 1)
    with torch.no_grad():
        gate.alpha.copy_(torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1))
    negative = -torch.ones(1, 3, 4, 4)
    assert gate(negative)[0, :, 2, 3].tolist() == [0, -0.5, -1]


def test_a_gate_counts_the_relus_whose_alpha_is_above_a_threshold() -> None:
    alphas = torch.tensor([0.5, 0.01, 0.02])
    for by, expected in (("pixel", 2), ("channel", 2 * 16)):
        gate = AlphaReLU((3, 1, 1) if by == "pixel" else (3, 4, 4), by)  # type: ignore[arg-type]
        with torch.no_grad():
            gate.alpha.copy_(alphas.view(1, 3, 1, 1))
        assert gate.above(0.011) == expected


# Its penalty


def history(*relus: int, penalty: float = 1.0) -> list[dict[str, Any]]:
    return [
        {"epoch": epoch, "relus": count, "penalty": penalty} for epoch, count in enumerate(relus)
    ]


@pytest.mark.parametrize(
    ("relus", "raised"),
    [
        ([], False),
        ([90], False),
        ([90, 90], True),
        ([90, 91], True),
        ([90, 89], False),
        ([90, 80, 85], True),
        ([90, 80, 79], False),
        ([90, 95, 92], True),
    ],
    ids=str,
)
def test_the_penalty_is_raised_after_an_epoch_that_is_no_new_minimum(
    relus: list[int], raised: bool
) -> None:
    snl = SNL(10, penalty=1.0, growth=1.5, patience=0)
    assert snl.next_penalty(history(*relus)) == (1.5 if raised else 1.0)


@given(st.lists(st.integers(0, 90), max_size=9))
def test_by_the_steady_schedule_the_penalty_grows_whatever_is_left(relus: list[int]) -> None:
    snl = SNL(10, penalty=0.5, growth=3, schedule="steady")
    assert snl.next_penalty(history(*relus)) == 0.5 * 3 ** len(relus)


@given(st.integers(0, 9), st.integers(1, 12))
def test_of_a_count_that_stays_the_epochs_before_patience_are_forgiven(
    patience: int, epochs: int
) -> None:
    """The first is always a new minimum."""
    snl = SNL(10, penalty=1.0, growth=2, patience=patience)
    found: list[dict[str, Any]] = []
    for epoch in range(epochs):
        found.append({"epoch": epoch, "relus": 90, "penalty": snl.next_penalty(found)})
    raises = max(0, epochs - max(patience, 1))
    assert snl.next_penalty(found) == 2.0**raises


# The search


@pytest.mark.parametrize("by", ["pixel", "channel"])
@pytest.mark.parametrize("budget", [16, 304, 1008])
def test_exactly_the_budget_is_kept(cpu: Machine, by: Any, budget: int) -> None:
    found = seek(replace(FAST, budget=budget, by=by, epochs=2), cpu)
    assert kept(found) == budget
    assert sum(counted(found.masks, NETWORK)) == budget
    shapes = {name: tuple(mask.shape) for name, mask in found.masks.items()}
    assert shapes == sites(NETWORK)
    assert all(mask.dtype == torch.bool for mask in found.masks.values())


def test_by_channel_masks_are_the_same_all_over_a_map(cpu: Machine) -> None:
    for mask in seek(replace(FAST, budget=304, by="channel"), cpu).masks.values():
        assert torch.equal(mask, mask[:, :1, :1].expand_as(mask))


def test_of_a_vgg_the_hidden_layers_are_searched_too(cpu: Machine) -> None:
    network = Network(2, (Stage(2, 1),), 8, 10, block=FAMILIES["VGG16"].block)
    budget = cost(network).total_relus // 2 + 1
    net = baseline(network)
    found = seek(
        replace(FAST, budget=budget, epochs=1),
        cpu,
        net,
        taught=Teacher(net, lambda epoch, images: torch.zeros(len(images), 10)),
    )
    assert kept(found) == budget
    assert found.masks["head/relu1"].shape[1:] == (1, 1)


def test_it_stops_when_the_budget_is_reached(cpu: Machine) -> None:
    found = seek(replace(FAST, epochs=60), cpu)
    *before, last = found.history
    assert 1 < len(found.history) < 60
    assert last["reached"]
    assert last["relus"] <= FAST.budget
    assert not any(entry["reached"] for entry in before)
    assert all(entry["relus"] > FAST.budget for entry in before)
    assert kept(found) == FAST.budget


@pytest.mark.parametrize("by", ["pixel", "channel"])
@pytest.mark.parametrize("budget", [400, 16])
def test_a_steady_penalty_reaches_many_relus_and_few(cpu: Machine, by: Any, budget: int) -> None:
    steady = SNL(
        budget,
        by,
        epochs=12,
        batch=20,
        alpha_rate=0.05,
        penalty=1e-4,
        growth=4,
        schedule="steady",
        threshold=0.1,
    )
    assert seek(steady, cpu).history[-1]["reached"]


def test_alphas_have_a_rate_of_their_own(cpu: Machine) -> None:
    """Adam's first step is as long as its rate."""
    search = replace(FAST, budget=RELUS - 16, batch=80, epochs=1, threshold=0.91, penalty=1.0)
    (slow,) = seek(replace(search, alpha_rate=0.08), cpu).history
    (fast,) = seek(replace(search, alpha_rate=0.1), cpu).history
    assert (slow["relus"], fast["relus"]) == (RELUS, 0)


def test_when_its_epochs_are_over_it_cuts_and_says_so(cpu: Machine) -> None:
    found = seek(replace(FAST, epochs=2, penalty=0.0), cpu)
    assert [entry["reached"] for entry in found.history] == [False, False]
    assert found.history[-1]["relus"] > FAST.budget
    assert kept(found) == FAST.budget


def test_it_tells_of_every_epoch(cpu: Machine) -> None:
    found = seek(replace(FAST, epochs=3), cpu)
    assert [entry["epoch"] for entry in found.history] == [0, 1, 2]
    for entry in found.history:
        assert list(entry) == ["epoch", "relus", "penalty", "loss", "seconds", "reached"]
    assert found.seconds == sum(entry["seconds"] for entry in found.history) > 0
    for number in range(3):
        assert found.history[number]["penalty"] == FAST.next_penalty(found.history[:number])


@pytest.mark.parametrize("by", ["pixel", "channel"])
def test_the_first_loss_is_that_of_labels_teacher_and_penalty(cpu: Machine, by: Any) -> None:
    """Of one batch of all images: cross-entropy + T^2 KL + penalty times the number of ReLUs."""
    images, net = digits(), baseline().train()
    search = replace(FAST, by=by, budget=304, batch=80, epochs=1, temperature=3)
    epoch = shown(images.train, RECIPE.shift, RECIPE.flip, 7, 0)
    (seen,) = batches(epoch, images.train, images, 80)
    draws = torch.Generator().manual_seed(2)
    lesson = torch.randn(80, 10, generator=draws)
    with torch.no_grad():
        student = net(seen.images)
        expected = cross_entropy(student, seen.labels) + FAST.penalty * RELUS
        expected += 9 * divergence(lesson[seen.rows] / 3, student / 3)
    found = seek(search, cpu, taught=Teacher(net, lambda epoch, images: lesson))
    assert found.history[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_the_lesson_is_asked_for_once_an_epoch_with_its_images(cpu: Machine) -> None:
    asked: list[tuple[int, Tensor]] = []

    def lesson(epoch: int, images: Tensor) -> Tensor:
        asked.append((epoch, images))
        return torch.zeros(len(images), 10)

    seek(replace(FAST, epochs=2), cpu, taught=Teacher(baseline(), lesson))
    train = digits().train
    assert [epoch for epoch, _ in asked] == [0, 1]
    for epoch, images in asked:
        assert images.equal(shown(train, RECIPE.shift, RECIPE.flip, 7, epoch).images)


def test_relus_that_nothing_reads_go_first(cpu: Machine) -> None:
    """The penalty alone moves their alphas; with Adam, none falls faster."""
    net = baseline()
    weight = net.get_parameter("stage1/block1/conv2.weight")
    with torch.no_grad():
        weight.zero_()
    weight.requires_grad_(False)
    found = seek(
        replace(FAST, rate=1e-3, alpha_rate=1e-3, penalty=1e-6, budget=RELUS - 256), cpu, net
    )
    left = {name: mask.float().mean().item() for name, mask in found.masks.items()}
    assert left.pop("stage1/block1/relu1") < 0.1
    assert min(left.values()) > 0.7


def test_weights_that_are_no_numbers_after_an_epoch_are_a_failure(cpu: Machine) -> None:
    net = baseline()
    net.get_buffer("stem/conv_bn.running_var").fill_(float("inf"))
    with pytest.raises(TrainingFailed, match="running_var is no longer finite at step 3"):
        seek(FAST, cpu, net)
