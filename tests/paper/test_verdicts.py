"""What is said about records and claims: statistics in closed form, tables by hand."""

from dataclasses import replace
from math import isnan, pi, sqrt, tan
from typing import Literal

import pandas as pd
import pytest

from deepreshape.design import cost, resnet18, thin
from deepreshape.design.criticality import criticality
from deepreshape.learn.data import DataSet
from deepreshape.learn.recipe import Recipe
from deepreshape.learn.runs import Record, Run
from deepreshape.paper import printed, verdicts
from deepreshape.paper.experiments import Claim, Point, find
from deepreshape.paper.profiles import PROFILES
from tests.paper.records import record, records

QUICK = PROFILES["quick"]
CAUCHY = tan(pi * 0.475)
"""The 97.5 % quantile of Student's t with one degree of freedom."""
IMAGES = DataSet("mnist5k", size=16)


def point(series: str, m: int, seeds: tuple[int, ...] = (1,)) -> Point:
    """Of a ResNet18 with base channels m, whose ReLUs are in proportion to m. Series are told apart
    by their epochs, so that no two share a run."""
    network = replace(resnet18(m), resolution=16, classes=10)
    recipe = Recipe(epochs=sum(map(ord, series)))
    return Point("a", series, resnet18(m), tuple(Run(network, IMAGES, recipe, s) for s in seeds))


def curve(series: str, *widths: int, seeds: tuple[int, ...] = (1,)) -> tuple[Point, ...]:
    return tuple(point(series, m, seeds) for m in widths)


def verdict(claim: Claim, found: dict[str, Record]) -> dict[str, object]:
    (row,) = verdicts.judged([claim], found).to_dict("records")
    return {str(name): value for name, value in row.items()}


def by_width(**accuracies: dict[int, float | None]) -> dict[str, Record]:
    """Records with one seed: accuracies by base channels m, for each series."""
    made = {}
    for series, values in accuracies.items():
        for m, value in values.items():
            made |= records([point(series, m)], lambda *_, value=value: value)
    return made


# Accuracies


def test_accuracies_are_those_of_the_points_seeds_in_order() -> None:
    one = point("x", 1, seeds=(2, 1))
    found = records([one], lambda _, seed: 10.0 * seed)
    assert verdicts.accuracies(one, found) == [20.0, 10.0]


def test_accuracies_are_of_the_split_that_is_asked_for() -> None:
    one = point("x", 1)
    found = {one.runs[0].key: record(one.runs[0], test=70.0, validation=80.0)}
    assert verdicts.accuracies(one, found, "validation") == [80.0]


def test_a_run_that_failed_has_no_accuracy() -> None:
    one = point("x", 1, seeds=(1, 2))
    found = records([one], lambda _, seed: None if seed == 1 else 50.0)
    assert verdicts.accuracies(one, found) == [50.0]
    assert verdicts.accuracy(one.runs[0], found) is None


def test_a_run_without_a_record_has_no_accuracy() -> None:
    assert verdicts.accuracies(point("x", 1), {}) == []


def test_records_are_found_by_the_keys_of_their_runs() -> None:
    runs = [each.runs[0] for each in curve("x", 1, 2)]
    assert list(verdicts.by_key(record(run, 50.0) for run in runs)) == [run.key for run in runs]


# Abscissas


def test_the_abscissa_over_relus_counts_thousands_here_and_in_the_paper() -> None:
    one = point("x", 4)
    assert verdicts.abscissa(one, "relus") == cost(one.network).total_relus / 1000
    assert verdicts.paper_abscissa(one, "relus") == cost(resnet18(4)).total_relus / 1000


def test_after_a_search_the_abscissa_counts_the_relus_that_it_leaves() -> None:
    for each in find("table12").drawn(QUICK):
        search = each.runs[0].search
        assert search is not None
        assert verdicts.abscissa(each, "relus") == search.budget / 1000
        assert verdicts.paper_abscissa(each, "relus") == (each.budget or 0) / 1000


def test_flops_are_counted_as_the_paper_counts_those_of_its_own_network() -> None:
    """Also at another image size, for which it prints none."""
    one = point("x", 4)
    assert verdicts.abscissa(one, "flops") == cost(one.network).flops("A") / 1e6
    assert verdicts.paper_abscissa(one, "flops") == cost(resnet18(4)).flops("A") / 1e6


# Statistics


def test_half_an_interval_of_two_values_is_a_cauchy_quantile() -> None:
    """Two values d apart: deviation d / sqrt 2, so half the interval is quantile * d / 2."""
    assert verdicts.half_interval([10.0, 13.0]) == pytest.approx(CAUCHY * 3 / 2)


def test_half_an_interval_of_three_values_is_students() -> None:
    """With two degrees of freedom the quantile is (2p - 1) sqrt(2 / (4p(1 - p)))."""
    quantile = 0.95 * sqrt(2 / (4 * 0.975 * 0.025))
    assert verdicts.half_interval([1.0, 2.0, 3.0]) == pytest.approx(quantile / sqrt(3))


def test_equal_values_leave_no_interval() -> None:
    assert verdicts.half_interval([5.0, 5.0]) == 0


@pytest.mark.parametrize("values", [[], [5.0]])
def test_fewer_than_two_values_have_no_interval(values: list[float]) -> None:
    assert isnan(verdicts.half_interval(values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], "hole"), ([61.234], "61.23"), ([60.0, 62.0], "61.00 ± 1.41")],
)
def test_a_summary_is_mean_and_deviation_or_a_hole(values: list[float], expected: str) -> None:
    assert verdicts.summary(values) == expected


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ([], "hole"),
        ([3.0], "undecided (one seed)"),
        ([3.0, 3.1], "holds"),
        ([-3.0, -3.1], "fails"),
        ([1.0, 3.0], "undecided"),
        ([-1.0, 1.0], "undecided"),
    ],
)
def test_a_direction_is_decided_by_the_interval(gains: list[float], expected: str) -> None:
    assert verdicts.direction(gains) == expected


@pytest.mark.parametrize(
    ("gains", "relation", "expected"),
    [
        ([0.1, 0.0], "like", "holds"),
        ([3.0, 3.1], "like", "fails"),
        ([-3.0, -3.1], "like", "fails"),
        ([1.0, 2.0], "like", "undecided"),
        ([-0.1, 0.0], "not behind", "holds"),
        ([3.0, 3.1], "not behind", "holds"),
        ([-3.0, -3.1], "not behind", "fails"),
        ([-2.0, -1.0], "not behind", "undecided"),
        ([0.1], "like", "undecided (one seed)"),
    ],
)
def test_with_a_margin_the_whole_interval_lies_within_it_or_outside(
    gains: list[float], relation: Literal["like", "not behind"], expected: str
) -> None:
    claim = replace(paired((1,)), relation=relation, margin=1.7)
    assert verdicts.direction(gains, *claim.range) == expected


@pytest.mark.parametrize(("relation", "margin"), [("like", 0.0), ("before", 1.0), ("like", -1.0)])
def test_only_what_may_be_alike_has_a_margin(
    relation: Literal["like", "before"], margin: float
) -> None:
    with pytest.raises(ValueError, match="does not go with a margin"):
        replace(paired((1,)), relation=relation, margin=margin)


@pytest.mark.parametrize(
    ("relation", "margin", "shown"),
    [("before", 0.0, "> 0"), ("like", 1.7, "-1.7 to 1.7"), ("not behind", 1.7, "> -1.7")],
)
def test_the_table_shows_what_is_claimed_of_the_gain(
    relation: Literal["before", "like", "not behind"], margin: float, shown: str
) -> None:
    claim = replace(paired((1,)), relation=relation, margin=margin)
    assert verdict(claim, {})["claimed gain"] == shown


# Paired claims


def paired(seeds: tuple[int, ...]) -> Claim:
    return Claim("x before y", curve("x", 1, seeds=seeds), curve("y", 1, seeds=seeds), paired=True)


def test_a_gain_is_ahead_minus_behind() -> None:
    row = verdict(paired((1,)), by_width(x={1: 53.0}, y={1: 50.0}))
    assert (row["claim"], row["mean gain"]) == ("x before y", 3.0)
    assert (row["pairs"], row["seeds"], row["holes"]) == (1, 1, 0)
    assert row["verdict"] == "undecided (one seed)"


def test_gains_are_paired_by_seed() -> None:
    """Seeds far apart, gains alike: unpaired values would leave it undecided."""
    claim = paired((1, 2))
    found = records(
        claim.ahead + claim.behind,
        lambda point, seed: 20.0 * seed + (3.0 + 0.1 * seed) * (point.series == "x"),
    )
    row = verdict(claim, found)
    assert row["mean gain"] == pytest.approx(3.15)
    assert row["± 95 %"] == pytest.approx(CAUCHY * 0.1 / 2)
    assert (row["seeds"], row["verdict"]) == (2, "holds")


def test_a_claim_fails_where_behind_is_surely_ahead() -> None:
    claim = paired((1, 2))
    found = records(
        claim.ahead + claim.behind, lambda point, seed: 50.0 - 3 * (point.series == "x")
    )
    assert verdict(claim, found)["verdict"] == "fails"


def test_of_several_pairs_the_mean_difference_of_each_seed_counts() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True)
    row = verdict(claim, by_width(x={1: 51.0, 2: 55.0}, y={1: 50.0, 2: 50.0}))
    assert (row["pairs"], row["seeds"], row["mean gain"]) == (2, 1, 3.0)


@pytest.mark.parametrize("series", ["x", "y"])
def test_a_pair_without_a_result_is_a_hole(series: str) -> None:
    claim = paired((1,))
    found = records(
        claim.ahead + claim.behind, lambda point, _: None if point.series == series else 50.0
    )
    row = verdict(claim, found)
    assert (row["verdict"], row["seeds"], row["holes"]) == ("hole", 0, 1)
    assert isnan(float(str(row["mean gain"])))


def test_a_seed_without_a_result_is_left_out_and_counted_as_a_hole() -> None:
    claim = paired((1, 2, 3))
    found = records(
        claim.ahead + claim.behind,
        lambda point, seed: None if (point.series, seed) == ("x", 2) else 50.0 + seed,
    )
    row = verdict(claim, found)
    assert (row["seeds"], row["holes"], row["mean gain"]) == (2, 1, 0.0)


def test_results_of_different_seeds_are_no_pair() -> None:
    claim = paired((1, 2))
    found = records(
        claim.ahead + claim.behind,
        lambda point, seed: None if seed == (1 if point.series == "x" else 2) else 50.0,
    )
    assert verdict(claim, found)["verdict"] == "hole"


# Claims about curves


def test_a_curve_is_interpolated_in_the_logarithm() -> None:
    """Between m = 1 and m = 4, m = 2 is half the way: 20 there, 5 ahead of 15."""
    claim = Claim("", curve("x", 1, 4), curve("y", 2))
    row = verdict(claim, by_width(x={1: 10.0, 4: 30.0}, y={2: 15.0}))
    assert row["mean gain"] == pytest.approx(5.0)
    assert row["pairs"] == 1


def test_curves_are_compared_at_the_places_of_both() -> None:
    """At m = 2 the second is interpolated: 8 ahead of 12; at m = 4 both have a point."""
    claim = Claim("", curve("x", 2, 4), curve("y", 1, 4))
    row = verdict(claim, by_width(x={2: 20.0, 4: 30.0}, y={1: 10.0, 4: 14.0}))
    assert row["mean gain"] == pytest.approx((8 + 16) / 2)
    assert row["pairs"] == 2


def test_a_point_between_two_of_another_curve_is_compared_whichever_is_ahead() -> None:
    found = by_width(x={2: 15.0}, y={1: 10.0, 4: 30.0})
    claim = Claim("", curve("x", 2), curve("y", 1, 4))
    assert verdict(claim, found)["mean gain"] == pytest.approx(-5.0)


def test_only_some_places_are_compared_on_whole_curves() -> None:
    ahead, behind = curve("x", 1, 4), curve("y", 1, 2, 4)
    claim = Claim("", ahead, behind, at=behind[1:2])
    row = verdict(claim, by_width(x={1: 10.0, 4: 30.0}, y={1: 0.0, 2: 15.0, 4: 0.0}))
    assert (row["mean gain"], row["pairs"]) == (pytest.approx(5.0), 1)


def test_a_claim_about_no_place_is_not_drawn() -> None:
    claim = Claim("", curve("x", 1), curve("y", 1), at=())
    assert verdict(claim, by_width(x={1: 5.0}, y={1: 4.0}))["verdict"] == "not drawn"


def test_of_candidates_the_best_by_validation_with_no_more_relus_counts() -> None:
    """At m = 2 the one of m = 1 is chosen, whatever the test accuracies are."""
    ahead = tuple(replace(each, candidate=True) for each in curve("x", 1, 2, 4))
    validation = {1: 60.0, 2: 50.0, 4: 70.0}
    found = by_width(y={2: 10.0})
    for each, (m, chosen) in zip(ahead, validation.items(), strict=True):
        found[each.runs[0].key] = record(each.runs[0], test=20.0 + m, validation=chosen)
    row = verdict(Claim("", ahead, curve("y", 2)), found)
    assert row["mean gain"] == pytest.approx(21.0 - 10.0)


def test_curves_are_compared_within_the_range_of_both() -> None:
    claim = Claim("", curve("x", 4, 2), curve("y", 1, 2, 4, 8))
    row = verdict(claim, by_width(x={2: 20.0, 4: 30.0}, y={1: 0.0, 2: 19.0, 4: 27.0, 8: 99.0}))
    assert row["mean gain"] == pytest.approx((1 + 3) / 2)
    assert row["pairs"] == 2


def test_curves_of_no_common_range_do_not_overlap() -> None:
    claim = Claim("", curve("x", 4, 8), curve("y", 1, 2))
    row = verdict(claim, by_width(x={4: 50.0, 8: 60.0}, y={1: 40.0, 2: 45.0}))
    assert (row["verdict"], row["pairs"], row["seeds"]) == ("no overlap", 0, 0)


def test_a_curve_goes_on_over_a_hole() -> None:
    claim = Claim("", curve("x", 1, 2, 4), curve("y", 2))
    row = verdict(claim, by_width(x={1: 10.0, 2: None, 4: 30.0}, y={2: 15.0}))
    assert (row["mean gain"], row["holes"]) == (pytest.approx(5.0), 1)


def test_a_curve_without_results_is_a_hole() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2))
    row = verdict(claim, by_width(y={1: 40.0, 2: 45.0}))
    assert (row["verdict"], row["holes"]) == ("hole", 2)


def test_each_seed_of_a_curve_gives_one_gain() -> None:
    claim = Claim("", curve("x", 1, 4, seeds=(1, 2)), curve("y", 2, seeds=(1, 2)))
    found = records(
        claim.ahead + claim.behind,
        lambda point, seed: 50.0 if point.series == "y" else 50.0 + seed,
    )
    row = verdict(claim, found)
    assert (row["seeds"], row["mean gain"]) == (2, pytest.approx(1.5))
    assert row["± 95 %"] == pytest.approx(CAUCHY / 2)


def test_points_of_one_abscissa_count_as_their_mean() -> None:
    twin = replace(point("z", 1), series="x")
    claim = Claim("", (*curve("x", 1), twin), curve("y", 1))
    found = by_width(x={1: 10.0}, z={1: 20.0}, y={1: 14.0})
    assert verdict(claim, found)["mean gain"] == pytest.approx(1.0)


def test_over_flops_curves_are_compared_at_flops() -> None:
    """A thinned network has as many FLOPs as the whole, and fewer ReLUs."""
    (whole,), (behind,) = curve("x", 4), curve("y", 4)
    network = thin(behind.network, [1])
    behind = replace(behind, runs=(replace(behind.runs[0], network=network),))
    found = records([whole], lambda *_: 52.0) | records([behind], lambda *_: 50.0)
    assert verdict(Claim("", (whole,), (behind,)), found)["verdict"] == "no overlap"
    row = verdict(Claim("", (whole,), (behind,), over="flops"), found)
    assert row["mean gain"] == pytest.approx(2.0)


@pytest.mark.parametrize("paired", [True, False])
def test_a_claim_about_points_that_are_not_drawn_says_so(paired: bool) -> None:
    claim = Claim("", (), (), paired=paired)
    assert verdict(claim, {})["verdict"] == "not drawn"
    assert verdict(Claim("", curve("x", 1), ()), by_width(x={1: 5.0}))["verdict"] == "not drawn"


def test_no_claims_give_an_empty_table_of_the_same_columns() -> None:
    empty = verdicts.judged([], {})
    assert empty.empty
    assert list(empty.columns) == list(verdicts.judged([paired((1,))], {}).columns)


# Sentences


def judged(*gains: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"mean gain": gains, "verdict": ["hole" if isnan(gain) else "holds" for gain in gains]}
    )


def test_the_sentence_counts_verdicts_and_gives_the_range() -> None:
    said = verdicts.sentence(judged(1.0, 3.0, -1.0, float("nan")))
    assert said.startswith("Of 4 claims, holds: 3, hole: 1. ")
    assert "positive in 2 of the 3 that could be compared" in said
    assert "between -1.00 and +3.00 points" in said


def test_the_sentence_says_where_nothing_could_be_compared() -> None:
    said = verdicts.sentence(judged(float("nan")))
    assert said == "Of 1 claim, none could be compared (hole: 1)."


def test_the_sentence_says_where_nothing_is_claimed() -> None:
    assert "claims nothing" in verdicts.sentence(verdicts.judged([], {}))


# The table below the figure


@pytest.fixture(scope="module")
def fig12() -> list[Point]:
    return find("fig12").drawn(QUICK, seeds=(1, 2), panels="b")


def test_the_table_has_a_row_for_each_point(fig12: list[Point]) -> None:
    found = verdicts.table(fig12, records(fig12, lambda *_: 50.0))
    assert list(found["ReLUs"]) == [point.relus for point in fig12]
    assert list(found["series"]) == [point.series for point in fig12]
    assert list(found["network"]) == [point.network.name for point in fig12]
    assert set(found["test (%)"]) == set(found["validation (%)"]) == {"50.00 ± 0.00"}
    assert set(found["seeds"]) == {2}


def test_the_table_counts_the_searches_that_finished(fig12: list[Point]) -> None:
    found = records(fig12, lambda *_: 50.0)
    late = next(point for point in fig12 if point.runs[0].search)
    key = late.runs[0].key
    found[key] = replace(found[key], sought=({"relus": 9, "reached": False},))
    said = verdicts.table(fig12, found)["searches finished"]
    for point, finished in zip(fig12, said, strict=True):
        expected = "1 of 2" if point is late else "2 of 2" if point.runs[0].search else ""
        assert finished == expected


def test_without_a_search_the_table_says_nothing_of_one() -> None:
    points = find("fig13").drawn(PROFILES["quick"])
    assert "searches finished" not in verdicts.table(points, {})


def test_the_table_shows_holes(fig12: list[Point]) -> None:
    found = verdicts.table(fig12, {})
    assert set(found["test (%)"]) == {"hole"}
    assert set(found["seeds"]) == {0}


def test_the_table_prints_the_papers_accuracy_beside_the_papers_network(
    fig12: list[Point],
) -> None:
    found = verdicts.table(fig12, {})
    expected = ["" if p.printed is None else f"{p.printed:.2f}" for p in fig12]
    assert list(found["paper's test (%)"]) == expected
    assert list(found["paper's network"]) == [point.paper.name for point in fig12]
    assert any(expected)


def test_the_table_counts_the_papers_relus_of_the_papers_network(fig12: list[Point]) -> None:
    found = verdicts.table(fig12, {})
    expected = [point.budget or cost(point.paper).total_relus for point in fig12]
    assert list(found["paper's ReLUs (K)"]) == [f"{relus / 1000:.1f}" for relus in expected]


def test_the_table_names_panels_where_there_are_several(fig12: list[Point]) -> None:
    assert "panel" not in verdicts.table(fig12, {})
    both = find("fig12").drawn(QUICK, panels="be")
    assert list(verdicts.table(both, {})["panel"]) == [point.panel for point in both]


# Criticality


def test_the_printed_accuracies_give_the_printed_criticality() -> None:
    """Within the rounding of both."""
    points = find("table10-trained").drawn(PROFILES["paper"])
    found = verdicts.criticalities("table10", points, records(points, lambda p, _: p.printed))
    assert len(found) == len(printed.table("table10"))
    for stage in "1234":
        ours, theirs = found[f"C{stage}"].astype(float), found[f"paper's C{stage}"].astype(float)
        assert (ours - theirs).abs().max() <= 0.02
    assert list(found["order"]) == list(found["paper's order"])


def test_criticality_is_of_the_mean_accuracies_with_a_teacher() -> None:
    points = find("table11-trained").drawn(QUICK, seeds=(1, 2))
    found = verdicts.criticalities(
        "table11",
        points,
        records(
            points,
            lambda p, seed: 10.0 + seed + int(p.series[-1]) if p.panel == "b" else 90.0,
        ),
    )
    first = [point for point in points if point.panel == "b"][:4]
    expected = criticality([point.relus for point in first], [12.5, 13.5, 14.5, 15.5])
    assert [found[f"C{k}"][0] for k in range(1, 5)] == [f"{each:.2f}" for each in expected]


@pytest.mark.parametrize("missing", ["1", "3"])
def test_criticality_needs_every_stage(missing: str) -> None:
    points = find("table10-trained").drawn(QUICK)
    found = records(points, lambda p, _: None if p.series.endswith(missing) else 50.0)
    table = verdicts.criticalities("table10", points, found)
    assert set(table["order"]) == {"hole"}
    fewer = [point for point in points if not point.series.endswith(missing)]
    assert set(verdicts.criticalities("table10", fewer, found)["order"]) == {"hole"}
