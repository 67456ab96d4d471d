"""Recipes: what makes sense, the learning rate of every step, and how a value is written down."""

import json
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.values import described
from tests.learn.tiny import OTHER_RECIPE

# What makes sense


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch": 0},
        {"rate": 0.0},
        {"rate": -0.1},
        {"rate": math.nan},
        {"momentum": -0.1},
        {"momentum": 1.0},
        {"weight_decay": -1e-4},
        {"weight_decay": math.nan},
        {"momentum": 0.0, "nesterov": True},
        {"warmup": -1.0},
        {"epochs": 5, "warmup": 5.0},
        {"schedule": "constant"},
        {"shift": -1},
        {"smoothing": -0.1},
        {"smoothing": 1.0},
        {"small": -0.1},
        {"small": 1.0},
        {"pram": -1.0},
        {"pram": math.nan},
        {"rate": math.inf},
        {"weight_decay": math.inf},
        {"pram": math.inf},
    ],
    ids=str,
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        Recipe(**wrong)


def test_the_default_recipe_is_the_papers() -> None:
    paper = Recipe()
    assert (paper.epochs, paper.batch, paper.rate, paper.schedule) == (200, 128, 0.1, "cosine")
    assert (paper.momentum, paper.weight_decay) == (0.9, 5e-4)
    assert paper.distillation == KD(temperature=4, soft=0.9, hard=0.1)


def test_what_the_paper_does_not_do_is_off() -> None:
    paper = Recipe()
    assert not paper.nesterov
    assert (paper.warmup, paper.smoothing, paper.small, paper.pram) == (0, 0, 0, 0)


@pytest.mark.parametrize(("shift", "flip", "alone"), [(0, False, True), (1, False, False)])
def test_images_are_left_alone_without_shift_and_flip(shift: int, flip: bool, alone: bool) -> None:
    assert Recipe(shift=shift, flip=flip).leaves_images_alone is alone


def test_a_flip_does_not_leave_images_alone() -> None:
    assert not Recipe(shift=0, flip=True).leaves_images_alone


# The learning rate

steps_per_epoch = st.integers(1, 400)
schedules = st.sampled_from(["cosine", "linear"])
recipes = st.builds(
    lambda epochs, part, schedule: Recipe(epochs=epochs, warmup=part * epochs, schedule=schedule),
    st.integers(1, 50),
    st.floats(0, 0.99),
    schedules,
)


@given(schedules, steps_per_epoch)
def test_without_warmup_the_rate_starts_whole(schedule: Any, steps: int) -> None:
    assert Recipe(epochs=10, schedule=schedule).rate_factor(0, steps) == 1


@given(recipes, steps_per_epoch)
def test_the_rate_ends_at_zero(recipe: Recipe, steps: int) -> None:
    assert recipe.rate_factor(recipe.epochs * steps, steps) == pytest.approx(0, abs=1e-12)


@given(st.integers(1, 50), schedules, steps_per_epoch)
def test_half_way_the_rate_is_a_half(half: int, schedule: Any, steps: int) -> None:
    recipe = Recipe(epochs=2 * half, schedule=schedule)
    assert recipe.rate_factor(half * steps, steps) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("schedule", "expected"), [("cosine", (1 + math.sqrt(0.5)) / 2), ("linear", 0.75)]
)
def test_at_a_quarter_of_the_way_it_is_that_of_the_curve(schedule: Any, expected: float) -> None:
    recipe = Recipe(epochs=8, schedule=schedule)
    assert recipe.rate_factor(20, 10) == pytest.approx(expected)


@given(recipes, steps_per_epoch, st.floats(0, 1))
def test_the_fall_begins_where_warmup_ends(recipe: Recipe, steps: int, part: float) -> None:
    """Moved back by the warm-up and stretched, it is that of a recipe without."""
    start = recipe.warmup * steps
    step = start + part * (recipe.epochs * steps - start)
    whole = replace(recipe, epochs=100, warmup=0.0)
    expected = whole.rate_factor(100 * part, 1)  # type: ignore[arg-type]
    assert recipe.rate_factor(step, steps) == pytest.approx(expected, abs=1e-9)  # type: ignore[arg-type]


@given(st.integers(1, 9), schedules, steps_per_epoch)
def test_warmup_rises_by_equal_steps_to_the_whole_rate(
    warmup: int, schedule: Any, steps: int
) -> None:
    recipe = Recipe(epochs=10, warmup=warmup, schedule=schedule)
    last = warmup * steps
    factors = [recipe.rate_factor(step, steps) for step in range(last + 1)]
    assert factors == pytest.approx([(step + 1) / (last + 1) for step in range(last + 1)])


@given(recipes, steps_per_epoch, st.floats(0, 1, exclude_max=True))
def test_every_step_has_a_rate_above_zero_and_at_most_whole(
    recipe: Recipe, steps: int, part: float
) -> None:
    assert 0 < recipe.rate_factor(int(part * recipe.epochs * steps), steps) <= 1


@given(recipes, st.integers(1, 40))
def test_after_warmup_the_rate_never_rises(recipe: Recipe, steps: int) -> None:
    start = math.ceil(recipe.warmup * steps)
    factors = [recipe.rate_factor(step, steps) for step in range(start, recipe.epochs * steps)]
    assert factors == sorted(factors, reverse=True)


# Images of half the side


def test_without_a_share_no_epoch_sees_small_images() -> None:
    assert Recipe(epochs=4).halved == 0


@given(st.integers(1, 40), st.integers(0, 39))
def test_the_first_share_of_the_epochs_sees_small_images(epochs: int, small: int) -> None:
    """The share in eighths, which floats hold exactly; a part of an epoch is none."""
    share = small % 8 / 8
    assert Recipe(epochs=epochs, small=share).halved == epochs * (small % 8) // 8


# Written down


def test_every_field_of_a_recipe_is_changed_here() -> None:
    assert set(OTHER_RECIPE) == {each.name for each in fields(Recipe)}


@pytest.mark.parametrize("value", [Recipe(), KD(), DKD(), SNL(7), SENet(7)], ids=repr)
def test_every_field_is_written_down(value: Any) -> None:
    assert list(described(value)) == [each.name for each in fields(value)]


@pytest.mark.parametrize("name", [name for name in OTHER_RECIPE if name != "distillation"])
def test_a_field_is_written_down_as_it_is(name: str) -> None:
    assert described(Recipe(**{name: OTHER_RECIPE[name]}))[name] == OTHER_RECIPE[name]


def test_a_distillation_names_its_kind_and_all_its_values() -> None:
    text = described(Recipe(distillation=DKD(beta=2, warmup=3)))["distillation"]
    expected = {"kind": "DKD", "beta": 2.0, "alpha": 1.0, "temperature": 4.0, "warmup": 3.0}
    assert text == expected


@dataclass(frozen=True)
class Nested:
    parts: tuple[KD, ...] = (KD(),)
    sides: tuple[int, ...] = (8, 16)


def test_a_description_is_the_json_that_it_becomes() -> None:
    assert json.loads(json.dumps(described(Nested()))) == described(Nested())


def again(kind: Any, text: dict[str, Any]) -> Any:
    """The value that a description was made of."""
    kinds = {each.__name__: each for each in (KD, DKD)}
    parts = {
        name: again(kinds[part["kind"]], {k: v for k, v in part.items() if k != "kind"})
        if isinstance(part, dict)
        else part
        for name, part in text.items()
    }
    return kind(**parts)


DISTILLATIONS = st.sampled_from([KD(), KD(temperature=5), DKD(), DKD(beta=2, warmup=3)])


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.just(value) for name, value in OTHER_RECIPE.items()}
    ),
    DISTILLATIONS,
)
def test_a_description_gives_the_recipe_back(values: dict[str, Any], taught: KD | DKD) -> None:
    recipe = Recipe(**values | {"distillation": taught})
    assert again(Recipe, json.loads(json.dumps(described(recipe)))) == recipe


@pytest.mark.parametrize("search", [SNL(7), SENet(7, epochs=3)], ids=repr)
def test_a_description_gives_a_search_back(search: SNL | SENet) -> None:
    assert again(type(search), json.loads(json.dumps(described(search)))) == search


@pytest.mark.parametrize("name", ["rate", "warmup", "pram", "weight_decay"])
def test_a_whole_number_is_written_as_a_float(name: str) -> None:
    values: list[dict[str, Any]] = [{name: 3}, {name: 3.0}]
    integer, decimal = (described(Recipe(**value)) for value in values)
    assert json.dumps(integer) == json.dumps(decimal)
