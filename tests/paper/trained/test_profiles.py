"""Profiles: what stands in them for the paper's networks, images and recipes."""

import inspect
import re
from copy import deepcopy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

import pytest
import torch

from deepreshape.design import cost, hybrenet, parse, resnet18, scale
from deepreshape.learn.images.sets import DataSet, load
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL, searched
from deepreshape.learn.training.loop import train
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net, build
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import teacher
from deepreshape.paper.trained import profiles
from deepreshape.paper.trained.profiles import PAPER_SIDES, PROFILES, Profile, profile
from deepreshape.places import RECORDED
from tests.learn.seeking import NETWORK, RECIPE

pytestmark = pytest.mark.long

SIZES = pytest.mark.parametrize("size", PROFILES.values(), ids=PROFILES.keys())
PAPER = PROFILES["paper"]
CIFAR = DataSet("cifar100")
DIGITS = DataSet("mnist5k", per_class=200, size=8)
CPU = Machine(torch.device("cpu"), "float32")


def test_a_profile_is_found_by_its_name() -> None:
    assert all(profile(name).name == name for name in PROFILES)


def test_the_repository_keeps_the_weights_of_the_teacher_at_short(tmp_path: Path) -> None:
    short = PROFILES["short"]
    run = Run(short.teacher, CIFAR, short.teacher_recipe, 1)
    assert Store(tmp_path, RECORDED).holds(run)


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown profile 'huge'; known are .*quick"):
        profile("huge")


def test_the_papers_recipe_is_the_default_one() -> None:
    assert PAPER.recipe == PAPER.teacher_recipe == Recipe()
    assert (PAPER.ratio, PAPER.data, PAPER.most, PAPER.lines) == (1, None, None, None)


def unexplained(source: str) -> list[str]:
    """The lines of reduced profiles with a number, and no comment on them or right above."""
    found, explained, reduced = [], False, False
    for line in re.sub(r'""".*?"""', "", source, flags=re.DOTALL).splitlines():
        code, _, comment = line.partition("#")
        if line.startswith("def "):
            reduced = line.startswith(("def _smoke", "def _quick", "def _short"))
        is_number = re.search(r"=.*(?<![\w\[])\d", re.sub(r'"[^"]*"', "", code))
        if reduced and is_number and not comment and not explained:
            found.append(line.strip())
        explained = bool(comment) and not code.strip()
    return found


def test_each_number_of_a_profile_has_its_reason() -> None:
    assert unexplained(inspect.getsource(profiles)) == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rate=0.1,", ["rate=0.1,"]),
        ("rate=0.1,  # why", []),
        ("# why\n    rate=0.1,", []),
        ("# why\n    data=None,\n    rate=0.1,", ["rate=0.1,"]),
        ('name="fig1",', []),
    ],
)
def test_a_number_without_a_reason_is_seen(line: str, expected: list[str]) -> None:
    assert unexplained(f"def _quick() -> Profile:\n    {line}") == expected


# Images


@pytest.mark.parametrize(("name", "side"), PAPER_SIDES.items())
def test_the_papers_sets_have_these_sides(name: str, side: int) -> None:
    assert PAPER.images(name).resolution == side
    assert str(PAPER.images(name)) == name


@SIZES
def test_a_chosen_set_is_taken_in_the_part_that_the_profile_names(size: Profile) -> None:
    assert size.images("cifar100", "mnist5k").name == "mnist5k"
    part = parse_data(size.parts.get("mnist5k", "mnist5k"))
    assert size.images("tiny-imagenet", "mnist5k") == part


@SIZES
def test_a_part_that_is_chosen_is_taken_as_it_is(size: Profile) -> None:
    assert str(size.images("cifar100", "cifar100[per_class=3]")) == "cifar100[per_class=3]"


# Networks


def test_the_papers_networks_stand_for_themselves() -> None:
    network = hybrenet(5, 5, 3, 16)
    assert PAPER.fitted(network, CIFAR) == network


def test_widths_are_scaled_and_input_and_classes_are_the_images() -> None:
    size = replace(PAPER, ratio=Fraction(1, 4))
    images = DataSet("mnist5k", size=16)
    expected = replace(scale(resnet18(), "1/4"), resolution=16, classes=10)
    assert size.fitted(resnet18(), images) == expected


def test_a_width_that_would_not_stay_whole_has_no_network() -> None:
    size = replace(PAPER, ratio=Fraction(1, 4))
    assert size.fitted(hybrenet(5, 5, 3, 2), CIFAR) is None


def test_images_that_do_not_fit_have_no_network() -> None:
    assert PAPER.fitted(parse("VGG16"), DataSet("cifar100", size=8)) is None


def test_a_network_that_is_too_heavy_has_none() -> None:
    macs = cost(resnet18()).macs
    assert replace(PAPER, heaviest=macs).fitted(resnet18(), CIFAR) == resnet18()
    assert replace(PAPER, heaviest=macs - 1).fitted(resnet18(), CIFAR) is None


def test_a_network_that_is_too_light_has_none() -> None:
    macs = cost(resnet18()).macs
    assert replace(PAPER, lightest=macs).fitted(resnet18(), CIFAR) == resnet18()
    assert replace(PAPER, lightest=macs + 1).fitted(resnet18(), CIFAR) is None


def test_where_only_stages_are_compared_widths_are_halved_until_a_network_is_light() -> None:
    light = cost(resnet18(16)).macs
    size = replace(PAPER, ratio=Fraction(1, 4), by_stage=(Fraction(1), light))
    assert size.for_stages().fitted(resnet18(64), CIFAR) == resnet18(16)
    assert size.for_stages().fitted(resnet18(16), CIFAR) == resnet18(16)
    assert size.fitted(resnet18(64), CIFAR) == resnet18(16)
    assert size.fitted(resnet18(16), CIFAR) == resnet18(4)


def test_a_profile_without_widths_for_stages_takes_its_own() -> None:
    assert PAPER.for_stages() is PAPER


def test_widths_are_halved_twice_at_most() -> None:
    assert replace(PAPER, halved_to=1).fitted(resnet18(64), CIFAR) == resnet18(16)


# Recipes


@SIZES
def test_a_network_with_a_teacher_has_the_recipe_of_the_others(size: Profile) -> None:
    assert size.taught(KD()) == size.recipe
    assert replace(size.taught(DKD()), distillation=KD()) == size.recipe


@SIZES
def test_the_ramp_of_dkd_is_a_tenth_of_the_epochs(size: Profile) -> None:
    distillation = size.taught(DKD()).distillation
    assert isinstance(distillation, DKD)
    assert distillation.warmup == pytest.approx(size.recipe.epochs / 10)


@SIZES
def test_tuning_after_a_search_sees_whole_images(size: Profile) -> None:
    """Masks of pixels do not fit images of half the side."""
    assert size.tuning.small == size.senet_tuning.small == 0


# Searches


@pytest.fixture(scope="module")
def baseline() -> Net:
    """So small that its searches take a second or two."""
    net = build(NETWORK, 1)
    train(net, PROFILES["quick"].recipe, load(DIGITS), 1, CPU)
    return net


@pytest.mark.parametrize("by", ["pixel", "channel"])
@pytest.mark.parametrize(("name", "batch"), [("quick", 64), ("short", 10)])
def test_a_search_arrives_at_few_relus_in_the_steps_of_its_profile(
    baseline: Net, name: str, batch: int, by: Literal["pixel", "channel"]
) -> None:
    """28 steps an epoch, and some 175."""
    search = replace(PROFILES[name].snl, budget=16, by=by, batch=batch)
    assert search.epochs == 8
    images, net = load(DIGITS), deepcopy(baseline)
    lessons = teacher(baseline, images, CPU, None, "", search.epochs, True)
    still = replace(RECIPE, shift=0, flip=False)
    found = searched(search, net, still, images, 1, CPU, lessons, None, lambda images: None)
    assert found.history[-1]["reached"]
    assert 1 < len(found.history) < search.epochs


def test_the_search_of_the_papers_profile_is_its_authors() -> None:
    assert PAPER.snl == SNL(0)
