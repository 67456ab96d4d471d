"""Where numbers come from, in words: what is changed against the paper."""

from dataclasses import fields, replace
from fractions import Fraction

import pytest

from deepreshape.design import cost, resnet18
from deepreshape.learn.runs.run import Run
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.experiments import EXPERIMENTS, Point, find
from deepreshape.paper.trained.profiles import PROFILES, Profile
from deepreshape.paper.trained.provenance import (
    HELD_OUT,
    caption,
    deviations,
    is_whole,
    paper_set,
    provenance,
    recipe_chosen,
    seeds_spread,
)
from tests.paper.records import record, records

SIZES = pytest.mark.parametrize("size", PROFILES.values(), ids=PROFILES.keys())
PAPER, QUICK, SHORT = (PROFILES[name] for name in ("paper", "quick", "short"))


def lines(size: Profile, name: str = "fig12", data: str | None = None) -> list[str]:
    experiment = find(name)
    return deviations(experiment, experiment.drawn(size, data))


def starting(size: Profile, what: str, name: str = "fig12", data: str | None = None) -> list[str]:
    return [line for line in lines(size, name, data) if line.startswith(f"{what}:")]


# Deviations


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_papers_profile_deviates_in_the_held_out_images_and_in_betas_only(name: str) -> None:
    found = [line for line in lines(PAPER, name) if not line.startswith("DKD: beta is 1 ")]
    assert found == [HELD_OUT]


def test_the_short_recipe_was_chosen_by_runs_that_are_shown() -> None:
    for name in ("fig3e", "fig4b", "fig12"):
        assert recipe_chosen(SHORT) in lines(SHORT, name)
        assert recipe_chosen(SHORT) not in lines(QUICK, name)


def test_dkd_has_one_beta_where_the_paper_chooses() -> None:
    assert starting(PAPER, "DKD", "table6") != []
    assert starting(PAPER, "DKD", "fig12") == []


@SIZES
def test_deviations_name_another_data_set(size: Profile) -> None:
    assert starting(size, "Data set", data="mnist5k") == [
        "Data set: mnist5k in place of CIFAR-100."
    ]
    assert (
        starting(size, "Data set", "fig16", "mnist5k")
        == [
            "Data set: mnist5k in place of CIFAR-100.",
            "Data set: mnist5k in place of TinyImageNet.",
        ][: 1 if size.panels == 1 else 2]
    )


@pytest.mark.parametrize("side", [8, 16])
def test_deviations_name_smaller_images_and_how_many_relus_are_left(side: int) -> None:
    (line,) = starting(PAPER, "Image size", "fig3e", f"cifar100[size={side}]")
    assert f"{side} x {side} pixels in place of 32 x 32" in line
    assert f"1/{(32 // side) ** 2} of the ReLUs" in line


def test_deviations_name_larger_images_and_how_many_relus_there_are() -> None:
    (line,) = starting(PAPER, "Image size", "fig3e", "tiny-imagenet")
    assert "64 x 64 pixels" in line
    assert "has 4 of the ReLUs" in line


def test_deviations_name_a_part_of_the_training_images() -> None:
    assert starting(PAPER, "Training images", data="cifar100[per_class=50]") == [
        "Training images: 50 of each class."
    ]
    assert starting(PAPER, "Training images", data="cifar100[shards=0+1]") == [
        "Training images: only shards 0, 1."
    ]


def test_deviations_name_narrower_networks() -> None:
    narrow = replace(PAPER, ratio=Fraction(1, 4))
    assert starting(narrow, "Widths", "fig3e") == ["Widths: 1/4 of the paper's."]


def test_deviations_say_which_networks_are_narrower_where_only_some_are() -> None:
    half, *_ = starting(SHORT, "Widths", "table10")
    assert half == "Widths: 1/2 of the paper's in 8 series."
    light = replace(PAPER, by_stage=(Fraction(1), cost(resnet18(128)).macs))
    points = find("table10").drawn(light, panels="b")
    ours = [point for point in points if point.series.startswith("ResNet18(m=256)")]
    (line,) = [
        line for line in deviations(find("table10"), [*points[:4], *ours]) if "Widths" in line
    ]
    names = ", ".join(f"ResNet18(m=256) S{stage}" for stage in range(1, 5))
    assert line == f"Widths: 1/2 of the paper's in {names}."


def changed(ours: object, theirs: object) -> list[str]:
    """The plain fields that differ, as a line writes them."""
    return [
        f"{each.name.replace('_', ' ')} {getattr(ours, each.name)}"
        f" (paper: {getattr(theirs, each.name)})"
        for each in fields(theirs)  # type: ignore[arg-type]
        if each.name not in ("distillation", "budget")
        and getattr(ours, each.name) != getattr(theirs, each.name)
    ]


@SIZES
def test_deviations_name_every_changed_field_of_a_recipe_with_both_values(size: Profile) -> None:
    changes = changed(size.recipe, Recipe())
    expected = [recipe_chosen(size)] if size.chosen_networks else []
    expected += [f"Recipe: {', '.join(changes)}."] if changes else []
    assert starting(size, "Recipe", "fig3e") == expected


@SIZES
def test_deviations_name_another_teacher_where_there_is_one(size: Profile) -> None:
    assert starting(size, "Teacher", "fig3e") == []
    if size is PAPER:
        return
    (line,) = starting(size, "Teacher")
    assert line.startswith(f"Teacher: {size.teacher.name}, {size.teacher_recipe.epochs} epoch")
    assert all(change in line for change in changed(size.teacher_recipe, Recipe()))


@pytest.mark.parametrize("size", [QUICK, SHORT], ids=lambda size: size.name)
def test_deviations_name_what_searches_and_their_tuning_change(size: Profile) -> None:
    assert starting(size, "SNL", "fig3e") == []
    assert starting(size, "SNL", "fig1") == [f"SNL: {', '.join(changed(size.snl, PAPER.snl))}."]
    senet = ", ".join(changed(size.senet, PAPER.senet))
    assert starting(size, "SENet", "fig1") == [f"SENet: {senet}."]
    tuning = ", ".join(changed(size.tuning, PAPER.tuning))
    assert starting(size, "Tuning after SNL", "fig1") == [f"Tuning after SNL: {tuning}."]
    assert starting(size, "ReLUs that a search leaves", "fig1") != []


@pytest.mark.parametrize("size", [QUICK, SHORT], ids=lambda size: size.name)
def test_a_shorter_ramp_of_dkd_is_named(size: Profile) -> None:
    ramp = size.recipe.epochs / 10
    said = [f"Recipe, DKD: warmup {ramp} (paper: 20.0)."]
    assert starting(size, "Recipe, DKD", "table6") == said
    assert starting(size, "Recipe, DKD", "fig12") == []


def test_points_that_are_left_out_are_counted() -> None:
    found, every = (find("fig3a").drawn(size) for size in (QUICK, PAPER))
    (line,) = starting(QUICK, "Points", "fig3a")
    assert line == f"Points: {len(found)} of the {len(every)} in the paper's profile."


def test_panels_and_series_that_are_left_out_are_named() -> None:
    experiment = find("fig12")
    some = [p for p in experiment.drawn(PAPER) if p.panel == "b" and p.series[:3] == "HRN"]
    line = deviations(experiment, some)[-1]
    assert line.endswith("; no panel a, c, d, e, f; no series SNL(vanilla), SNL(channel).")


def test_many_series_that_are_left_out_are_only_counted() -> None:
    experiment = find("table10")
    (line,) = [
        each for each in deviations(experiment, experiment.drawn(PAPER)[:2]) if "left" in each
    ]
    assert line == "Points: 2 of the 80 in the paper's profile; 39 of 40 series left out."


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_deviation_is_said_twice(name: str) -> None:
    found = lines(QUICK, name)
    assert len(set(found)) == len(found)


# What stands beside the paper's numbers


def test_a_point_is_whole_on_the_papers_data_with_the_papers_widths() -> None:
    fig12 = find("fig12")
    assert all(map(is_whole, fig12.drawn(PAPER)))
    for size, data in ((PAPER, "cifar100[per_class=50]"), (PAPER, "mnist5k"), (SHORT, None)):
        assert not any(map(is_whole, fig12.drawn(size, data)))


def test_the_papers_data_set_is_told_by_its_image_size() -> None:
    for name, expected in (("table13", "tiny-imagenet"), ("table6", "cifar100")):
        assert {paper_set(point) for point in find(name).drawn(QUICK)} == {expected}


# Captions and provenance


@pytest.fixture
def points() -> list[Point]:
    return find("fig12").drawn(QUICK, seeds=(1, 2), panels="b")


def test_the_caption_names_profile_data_widths_seeds_and_epochs(points: list[Point]) -> None:
    expected = (
        "profile quick | mnist5k[per_class=200,size=16] | widths x 1/4 | seeds 1, 2 | 5 epochs"
    )
    assert caption(QUICK, points) == expected


def test_the_caption_names_every_width_where_some_networks_are_narrower() -> None:
    some = find("table10").drawn(SHORT, panels="b")
    assert "| widths x 1, 1/2, 1/4 |" in caption(SHORT, some)


def test_the_provenance_names_what_the_records_hold(points: list[Point]) -> None:
    found = records(points, lambda *_: 50.0)
    said = provenance(QUICK, points, found)
    minutes = f"{len(found) * 30 / 60:.1f} minutes"
    for part in (
        "**quick**",
        "**mnist5k[per_class=200,size=16]**",
        "seeds 1, 2",
        minutes,
        "abacus",
        "torch 2.0",
    ):
        assert part in said
    assert f"{len(found)} runs, {minutes}" in said
    assert "without a result" not in said


def test_machine_and_time_are_left_out_where_they_are_another_each_time(
    points: list[Point],
) -> None:
    found = records(points, lambda *_: 50.0)
    said = provenance(QUICK, points, found, timed=False)
    assert f"{len(found)} runs. " in said
    assert not any(word in said for word in ("minutes", "abacus", "torch"))


def teachers(points: list[Point]) -> set[Run]:
    return {run.teacher for point in points for run in point.runs if run.teacher is not None}


def test_the_provenance_counts_what_runs_learn_from_and_tells_the_teachers_accuracy(
    points: list[Point],
) -> None:
    found = records(points, lambda *_: 50.0)
    before = {run.key: record(run, 61.5) for run in teachers(points)}
    said = provenance(QUICK, points, found | before)
    assert f"{len(found)} runs, and {len(before)} that they start or learn from" in said
    assert f"{(len(found) + len(before)) / 2:.1f} minutes" in said
    assert said.count("61.50 %") == 1
    assert f"The teacher, {QUICK.teacher.name}, reaches" in said


def test_the_provenance_counts_runs_without_a_result(points: list[Point]) -> None:
    found = records(points, lambda p, _: None if p is points[0] else 50.0)
    del found[points[1].runs[0].key]
    said = provenance(QUICK, points, found)
    assert said.endswith("**3 runs without a result.**")


def test_the_provenance_says_where_threads_changed(points: list[Point]) -> None:
    found = records(points, lambda *_: 50.0)
    some = points[0].runs[0].key
    found[some] = replace(found[some], threads=(1, 2))
    said = provenance(QUICK, points, found)
    assert "threads a run: 1, then 2" in said
    assert "threads a run: 2" in said


def test_the_provenance_says_which_images_stand_under_a_name() -> None:
    """Where the data cannot be read, records are found by name."""
    points = find("table13").drawn(SHORT)
    found = records(points, lambda *_: 50.0)
    digests = {key: replace(each, data_digest=64 * "d") for key, each in found.items()}
    assert all(run.data.digest is None for point in points for run in point.runs)
    name = "tiny-imagenet[shards=0+1]"
    assert provenance(SHORT, points, digests).endswith(
        f"{name} is known here by its name alone; its records are of images with SHA-256"
        f" {12 * 'd'}."
    )
    assert "by its name alone" not in provenance(SHORT, find("fig12").drawn(SHORT), found)


def test_the_provenance_of_no_points_says_that_nothing_is_there() -> None:
    assert provenance(SHORT, [], {}) == "No runs of profile **short** are recorded here yet."


# Spread


def test_of_one_seed_the_spread_is_not_known() -> None:
    points = find("fig12").drawn(QUICK, seeds=(1,), panels="b")
    said = "How far an accuracy moves from seed to seed is not known of one seed."
    assert seeds_spread(points, records(points, lambda *_: 50.0)) == said


def test_the_least_and_the_most_deviation_are_said(points: list[Point]) -> None:
    """Of two values it is their difference over the root of two."""
    found = records(points, lambda point, seed: 50.0 + seed * (0.3 if point is points[0] else 0.1))
    assert seeds_spread(points, found) == (
        "From seed to seed accuracies have a standard deviation of 0.07 to 0.21 points."
    )


def test_points_of_a_wide_spread_are_named(points: list[Point]) -> None:
    found = records(points, lambda point, seed: 50.0 + seed * (2 if point is points[0] else 0))
    assert seeds_spread(points, found).endswith(
        f"to 1.41 points; of more than one point at 1 of {len(points)} points:"
        f" (b) {points[0].series}, {points[0].network.name}."
    )


def test_many_points_of_a_wide_spread_are_only_counted(points: list[Point]) -> None:
    found = records(points, lambda point, seed: 50.0 + 2 * seed)
    assert seeds_spread(points, found).endswith(f"at {len(points)} of {len(points)} points.")


def test_points_with_one_accuracy_are_counted(points: list[Point]) -> None:
    first = points[0]
    found = records(points, lambda p, seed: None if p is first and seed == 2 else 50.0)
    assert seeds_spread(points, found).endswith("Of 1 point with one seed it is not known.")
