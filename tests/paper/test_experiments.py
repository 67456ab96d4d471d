"""Figure 12 as runs, in every profile."""

from collections import Counter
from dataclasses import fields, replace
from itertools import pairwise

import pytest

from deepreshape.design import cost
from deepreshape.learn.data import parse as parse_data
from deepreshape.learn.train import Recipe
from deepreshape.paper.experiments import (
    PANELS,
    PAPER_M,
    PROFILES,
    REUSE_FACTORS,
    Point,
    Profile,
    deviations,
    fig12,
    profile,
)

SIZES = pytest.mark.parametrize("size", PROFILES.values(), ids=PROFILES.keys())


def of_series(points: list[Point], series: str) -> list[Point]:
    return [point for point in points if point.series == series]


def changed_fields(recipe: Recipe) -> list[str]:
    """Where a recipe is not the paper's."""
    names = [field.name for field in fields(Recipe)]
    return [name for name in names if getattr(recipe, name) != getattr(Recipe(), name)]


# Points


@SIZES
def test_every_panel_of_a_profile_is_there_once_and_in_order(size: Profile) -> None:
    assert list(dict.fromkeys(point.panel for point in fig12(size))) == list(size.panels)


@SIZES
def test_a_panel_has_a_point_for_each_width_and_each_reuse_factor(size: Profile) -> None:
    expected = dict.fromkeys(size.panels, len(size.scaled) + len(REUSE_FACTORS))
    assert Counter(point.panel for point in fig12(size)) == expected


@SIZES
def test_no_point_stands_twice(size: Profile) -> None:
    points = [(point.panel, point.network) for point in fig12(size)]
    assert len(set(points)) == len(points)


@SIZES
def test_only_the_series_with_reuse_has_reuse(size: Profile) -> None:
    points = fig12(size)
    assert {point.network.relus.reuse for point in of_series(points, "channel scaling")} == {1}
    reused = {point.network.relus.reuse for point in of_series(points, "ReLU-reuse")}
    assert reused == set(REUSE_FACTORS)


@SIZES
def test_every_network_is_culled_in_stage_1_and_thinned_in_the_rest(size: Profile) -> None:
    plans = {(point.network.relus.culled, point.network.relus.thinned) for point in fig12(size)}
    assert plans == {(frozenset({1}), frozenset({2, 3, 4}))}


@SIZES
def test_every_network_has_the_factors_of_its_panel(size: Profile) -> None:
    for point in fig12(size):
        base, factors = PANELS[point.panel]
        widths = point.network.widths
        assert tuple(b // a for a, b in pairwise(widths)) == factors
        assert len(set(point.network.depths)) == (1 if base == "18" else 3)


@SIZES
def test_reuse_by_n_has_a_scaled_partner_where_the_profile_has_its_width(size: Profile) -> None:
    """Reuse by N leaves as many ReLUs as base channels m / N do."""
    points = fig12(size)
    scaled = {
        (point.panel, point.network.stem): cost(point.network).relus
        for point in of_series(points, "channel scaling")
    }
    for point in of_series(points, "ReLU-reuse"):
        factor = point.network.relus.reuse
        if size.m % factor == 0 and size.m // factor in size.scaled:
            assert scaled[point.panel, size.m // factor] == cost(point.network).relus


@pytest.mark.parametrize(
    ("name", "factors"),
    [("smoke", {4}), ("quick", {4, 8}), ("short", {4, 8}), ("paper", {4, 8, 16})],
)
def test_these_reuse_factors_have_a_scaled_partner(name: str, factors: set[int]) -> None:
    points = fig12(PROFILES[name])
    scaled = {(p.panel, cost(p.network).total_relus) for p in of_series(points, "channel scaling")}
    paired = {
        (point.panel, point.network.relus.reuse)
        for point in of_series(points, "ReLU-reuse")
        if (point.panel, cost(point.network).total_relus) in scaled
    }
    assert paired == {(panel, factor) for panel in PROFILES[name].panels for factor in factors}


def test_the_papers_networks_are_its_own_in_its_profile() -> None:
    assert all(point.paper == point.network for point in fig12(PROFILES["paper"]))


@SIZES
def test_the_papers_networks_have_the_same_edits_at_its_own_widths(size: Profile) -> None:
    for point in fig12(size):
        assert point.paper.relus == point.network.relus
        assert size.m * point.paper.stem == PAPER_M * point.network.stem


# Runs


@SIZES
def test_every_run_fits_its_data(size: Profile) -> None:
    for point in fig12(size, seeds=(1, 2, 3)):
        for run in point.runs:
            shape = (run.data.resolution, run.data.classes)
            assert (run.network.resolution, run.network.classes) == shape


@SIZES
@pytest.mark.parametrize("data", ["mnist5k", "cifar100", "tiny-imagenet"])
def test_every_profile_can_be_run_on_every_data_set(size: Profile, data: str) -> None:
    points = fig12(size, data)
    assert {run.data.name for point in points for run in point.runs} == {data}


@SIZES
def test_a_point_has_a_run_for_each_seed(size: Profile) -> None:
    for point in fig12(size, seeds=(3, 1)):
        assert [run.seed for run in point.runs] == [3, 1]


@SIZES
def test_every_run_has_a_key_of_its_own(size: Profile) -> None:
    keys = [run.key for point in fig12(size, seeds=(1, 2, 3)) for run in point.runs]
    assert len(set(keys)) == len(keys)


def test_no_two_profiles_share_a_key() -> None:
    keys = [{run.key for point in fig12(size) for run in point.runs} for size in PROFILES.values()]
    assert len(set().union(*keys)) == sum(map(len, keys))


@SIZES
def test_all_runs_learn_from_one_teacher(size: Profile) -> None:
    teachers = {run.teacher for point in fig12(size, seeds=(1, 2)) for run in point.runs}
    assert len(teachers) == 1
    (teacher,) = teachers
    assert teacher is not None
    assert teacher.recipe == size.teacher_recipe
    assert teacher.teacher is None


@SIZES
def test_every_run_has_the_recipe_of_its_profile(size: Profile) -> None:
    assert {run.recipe for point in fig12(size) for run in point.runs} == {size.recipe}


def test_a_seed_given_twice_is_run_once() -> None:
    assert all(len(point.runs) == 1 for point in fig12(PROFILES["quick"], seeds=(1, 1)))


def test_panels_in_place_of_the_profiles_are_drawn_alone() -> None:
    assert {point.panel for point in fig12(PROFILES["quick"], panels="ca")} == {"a", "c"}


def test_a_panel_given_twice_is_drawn_once() -> None:
    assert fig12(PROFILES["quick"], panels="bb") == fig12(PROFILES["quick"], panels="b")


def test_a_part_of_a_data_set_that_is_named_is_taken_as_it_is() -> None:
    data = "cifar100[per_class=7,size=8]"
    points = fig12(PROFILES["quick"], data)
    assert {run.data for point in points for run in point.runs} == {parse_data(data)}


# What cannot be


def test_a_profile_is_found_by_its_name() -> None:
    assert all(profile(name).name == name for name in PROFILES)


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown profile 'huge'; known are .*quick"):
        profile("huge")


@pytest.mark.parametrize("panels", ["g", "bz", "B", " "])
def test_an_unknown_panel_is_named(panels: str) -> None:
    with pytest.raises(ValueError, match="Figure 12 has no panel"):
        fig12(PROFILES["quick"], panels=panels)


@pytest.mark.parametrize("data", ["cifar", "cifar100[size=7]", "cifar100[", "mnist5k[per_class=0]"])
def test_an_unknown_data_set_is_an_error(data: str) -> None:
    with pytest.raises(ValueError, match=r"data set|divide|per_class"):
        fig12(PROFILES["quick"], data)


def test_no_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        fig12(PROFILES["quick"], seeds=())


# Deviations


def test_the_papers_recipe_is_the_default_one() -> None:
    assert PROFILES["paper"].recipe == PROFILES["paper"].teacher_recipe == Recipe()


@SIZES
def test_deviations_name_every_changed_field_of_the_recipe_and_both_values(size: Profile) -> None:
    said = " ".join(deviations(size))
    for name in changed_fields(size.recipe):
        ours, theirs = getattr(size.recipe, name), getattr(Recipe(), name)
        assert f"{name.replace('_', ' ')} {ours} (paper: {theirs})" in said


@pytest.mark.parametrize("name", ["smoke", "quick", "short"])
def test_a_reduced_profile_changes_the_recipe(name: str) -> None:
    assert changed_fields(PROFILES[name].recipe)
    assert any(line.startswith("Recipe:") for line in deviations(PROFILES[name]))


def test_the_papers_profile_deviates_in_the_held_out_images_only() -> None:
    (line,) = deviations(PROFILES["paper"])
    assert "held out for validation" in line


@SIZES
def test_deviations_name_another_data_set(size: Profile) -> None:
    said = " ".join(deviations(size, "mnist5k"))
    assert "mnist5k in place of CIFAR-100" in said


@pytest.mark.parametrize("size", [8, 16])
def test_deviations_name_smaller_images_and_how_many_relus_are_left(size: int) -> None:
    said = " ".join(deviations(PROFILES["paper"], f"cifar100[size={size}]"))
    assert f"{size} x {size} pixels" in said
    assert f"1/{(32 // size) ** 2} of the ReLUs" in said


def test_deviations_name_larger_images_and_how_many_relus_there_are() -> None:
    said = " ".join(deviations(PROFILES["paper"], "tiny-imagenet"))
    assert "64 x 64 pixels" in said
    assert "4 of the ReLUs" in said


def test_deviations_name_fewer_images_of_a_class() -> None:
    assert "Training images: 50 of each class." in deviations(
        PROFILES["paper"], "cifar100[per_class=50]"
    )


def test_deviations_name_a_data_set_of_some_shards() -> None:
    assert deviations(PROFILES["paper"], "cifar100[shards=0]") != deviations(PROFILES["paper"])


def test_deviations_name_narrower_networks() -> None:
    narrow = replace(PROFILES["paper"], m=8)
    assert "Widths: base channels are 8/16 of the paper's." in deviations(narrow)


@pytest.mark.parametrize("name", ["smoke", "quick", "short"])
def test_deviations_name_another_teacher(name: str) -> None:
    size = PROFILES[name]
    said = " ".join(deviations(size))
    assert size.teacher.name in said
    assert f"{size.teacher_recipe.epochs} epochs" in said


@SIZES
def test_deviations_name_every_changed_field_of_the_teachers_recipe(size: Profile) -> None:
    said = " ".join(line for line in deviations(size) if line.startswith("Teacher:"))
    for name in changed_fields(size.teacher_recipe):
        assert name.replace("_", " ") in said
        assert str(getattr(size.teacher_recipe, name)) in said
