"""SENet: its first masks, its two phases, and that it keeps exactly the budget."""

from dataclasses import replace
from math import inf, prod
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from deepreshape.design import Network, Stage, cost, cull
from deepreshape.learn.images.loader import batches, shown
from deepreshape.learn.search import senet
from deepreshape.learn.search.masks import apply, sites
from deepreshape.learn.search.ranking import highest
from deepreshape.learn.search.senet import SENet, scattered
from deepreshape.learn.search.sensitivity import allocate, sensitivities
from deepreshape.learn.training.losses import divergence
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.teacher import Teacher
from tests.families import FAMILIES
from tests.learn.seeking import NETWORK, RECIPE, RELUS, baseline, digits, kept, seek

FAST = SENet(300, sensitivity_epochs=2, epochs=3, batch=20)

# Its value


@pytest.mark.parametrize(
    "wrong",
    [
        {"density": 0.0},
        {"density": 1.1},
        {"sensitivity_epochs": -1},
        {"epochs": 0},
        {"batch": 0},
        {"rate": 0.0},
        {"momentum": 1.0},
        {"weight_decay": -1.0},
        {"gamma": -0.5},
        {"alpha": -0.5},
        {"temperature": 0.0},
        {"rate": inf},
        {"weight_decay": inf},
        {"gamma": inf},
        {"alpha": inf},
        {"temperature": inf},
    ],
    ids=str,
)
def test_a_search_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=name):
        SENet(100, **wrong)


def test_whole_numbers_are_the_same_value_as_floats() -> None:
    whole = SENet(9, density=1, rate=1, momentum=0, weight_decay=0, gamma=1, alpha=1, temperature=4)
    assert repr(whole) == repr(SENet(9, 1.0, 20, 150, 128, 1.0, 0.0, 0.0, 1.0, 1.0, 4.0))


def test_the_defaults_are_those_of_its_authors() -> None:
    search = SENet(100)
    assert (search.density, search.epochs, search.batch, search.rate) == (0.1, 150, 128, 0.05)
    assert (search.momentum, search.weight_decay) == (0.9, 5e-4)
    assert (search.gamma, search.alpha, search.temperature) == (0.5, 0.5, 4)


@pytest.mark.parametrize("budget", [-1, RELUS + 1])
def test_a_budget_that_the_network_does_not_have_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"lies between 0 and its {RELUS:,} ReLUs"):
        SENet(budget).require_fitting(NETWORK)


# Its first masks


@given(st.tuples(*[st.integers(1, 5)] * 3), st.floats(0, 1), st.integers(0, 99))
def test_first_masks_repeat_one_pattern_and_have_exactly_their_budget(
    shape: tuple[int, int, int], share: float, seed: int
) -> None:
    budget = round(share * prod(shape))
    mask = scattered(budget, shape, torch.Generator().manual_seed(seed))
    assert mask.shape == shape
    assert mask.sum() == budget
    assert (mask[0] | ~mask).all()  # all that a channel has, the first has
    assert (mask[-1] & ~mask).sum() == 0  # all that the last has, each has
    assert int((mask[0] != mask[-1]).sum()) <= 1


def test_first_masks_are_drawn_from_the_seed() -> None:
    first, again, other = (
        scattered(32, (4, 8, 8), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# The search


@pytest.mark.parametrize("budget", [1, 300, RELUS - 1])
@pytest.mark.parametrize("sparse_epochs", [0, 1])
def test_exactly_the_budget_is_kept(cpu: Machine, budget: int, sparse_epochs: int) -> None:
    search = replace(FAST, budget=budget, sensitivity_epochs=sparse_epochs, epochs=1)
    found = seek(search, cpu)
    assert kept(found) == budget
    assert {name: tuple(mask.shape) for name, mask in found.masks.items()} == sites(NETWORK)
    assert all(mask.dtype == torch.bool for mask in found.masks.values())


def test_every_site_keeps_its_share(cpu: Machine) -> None:
    found = seek(FAST, cpu)
    shares = found.history[2]["relus"]
    assert {name: int(mask.sum()) for name, mask in found.masks.items()} == shares
    capacities = [prod(shape) for shape in sites(NETWORK).values()]
    sensitivity = [found.history[2]["sensitivity"][name] for name in sites(NETWORK)]
    assert list(shares.values()) == allocate(300, sensitivity, capacities)


def test_without_sparse_learning_sensitivities_are_those_of_the_trained_net(cpu: Machine) -> None:
    found = seek(replace(FAST, sensitivity_epochs=0), cpu)
    assert found.history[0]["sensitivity"] == sensitivities(baseline(), FAST.density)


def test_a_stage_without_relus_takes_no_part(cpu: Machine) -> None:
    network = cull(NETWORK, {1})
    found = seek(replace(FAST, budget=100), cpu, baseline(network), taught=taught(network))
    assert list(found.masks) == ["stage2/block1/relu1", "stage2/block1/relu2"]
    assert kept(found) == 100


def test_of_a_vgg_the_hidden_layers_are_searched_too(cpu: Machine) -> None:
    network = Network(2, (Stage(2, 1),), 8, 10, block=FAMILIES["VGG16"].block)
    budget = cost(network).total_relus // 2
    search = replace(FAST, budget=budget, sensitivity_epochs=1, epochs=1)
    found = seek(search, cpu, baseline(network), taught=taught(network))
    assert kept(found) == budget
    assert found.masks["head/relu1"].shape[1:] == (1, 1)


def taught(network: Network) -> Teacher:
    """Its lessons are not asked for: logits come with the maps."""
    return Teacher(baseline(network), lambda epoch, images: 1 / 0)  # type: ignore[arg-type,return-value]


def test_lessons_are_not_asked_for(cpu: Machine) -> None:
    assert kept(seek(FAST, cpu, taught=taught(NETWORK))) == 300


def test_it_tells_of_every_epoch_of_both_phases(cpu: Machine) -> None:
    found = seek(FAST, cpu)
    phases = [entry.get("phase") for entry in found.history]
    assert phases == [*2 * ["sparse learning"], None, *3 * ["mask identification"]]
    epochs = [entry for entry in found.history if "phase" in entry]
    assert [entry["epoch"] for entry in epochs] == [0, 1, 0, 1, 2]
    assert found.seconds == pytest.approx(sum(entry["seconds"] for entry in epochs))
    assert all(0 <= entry["hamming"] <= 1 for entry in found.history[3:])


def test_both_phases_are_sgds(cpu: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: list[tuple[float, ...]] = []

    class Noted(SGD):
        def step(self, closure: Any = None) -> Any:
            (group,) = self.param_groups
            settings.append((group["lr"], group["momentum"], group["weight_decay"]))
            return super().step(closure)

    monkeypatch.setattr(senet, "SGD", Noted)
    seek(replace(FAST, batch=80, rate=0.02, momentum=0.7, weight_decay=0.001), cpu)
    assert settings == 5 * [(0.02, 0.7, 0.001)]


def test_one_epoch_of_mask_identification_is_that_of_the_method(cpu: Machine) -> None:
    """One batch of all images: its loss, and the pixels farthest from the teacher's."""
    images, search = digits(), replace(FAST, batch=80, sensitivity_epochs=0, epochs=1, gamma=0.3)
    teacher, student = baseline(), baseline().train()
    names = list(sites(NETWORK))
    found = seek(search, cpu, taught=Teacher(teacher, lambda epoch, images: images))

    shares = found.history[0]["relus"]
    draws = torch.Generator().manual_seed(7)
    first = {name: scattered(shares[name], shape, draws) for name, shape in sites(NETWORK).items()}
    apply(student, first)
    epoch = shown(images.train, RECIPE.shift, RECIPE.flip, 7, 0)
    (seen,) = batches(epoch, images.train, images, 80)
    with torch.no_grad():
        logits, ours = student.observe(seen.images, names)
        answer, theirs = teacher.observe(seen.images, names)
    soft = 16 * divergence(answer / 4, logits / 4)
    expected = 0.3 * cross_entropy(logits, seen.labels) + 0.5 * soft
    assert found.history[1]["loss"] == pytest.approx(expected.item(), rel=1e-5)
    changed = 0
    for name, our, their in zip(names, ours, theirs, strict=True):
        mask = highest((their - our).abs().sum(0), shares[name])
        assert int((mask != found.masks[name]).sum()) <= 2  # sums in another order
        changed += int((found.masks[name] != first[name]).sum())
    assert found.history[1]["hamming"] == changed / RELUS


def test_mask_identification_starts_from_the_trained_weights(cpu: Machine) -> None:
    """However far sparse learning went from them; statistics of BatchNorm too."""
    losses = []
    for rate in (1e-3, 0.05):
        sparse: Net = baseline()
        search = replace(FAST, batch=80, epochs=1, density=1.0, rate=rate)
        losses.append(seek(search, cpu, sparse).history[-1]["loss"])
    assert losses[0] == losses[1]
