"""What is said about printed values and records: statistics in closed form, tables by hand."""

from dataclasses import replace
from math import isnan, pi, sqrt, tan

import pandas as pd
import pytest

from deepreshape.design import cost, hybrenet, optimize, reuse
from deepreshape.learn.data import DataSet
from deepreshape.paper import printed, verdicts
from deepreshape.paper.experiments import PROFILES, Point, fig12
from tests.paper.records import record, records

QUICK = PROFILES["quick"]
CAUCHY = tan(pi * 0.475)
"""The 97.5 % quantile of Student's t with one degree of freedom."""


@pytest.fixture
def one_seed() -> list[Point]:
    return fig12(QUICK, panels="b")


@pytest.fixture
def two_seeds() -> list[Point]:
    return fig12(QUICK, seeds=(1, 2), panels="b")


# The paper's points


def test_every_hybrenet_with_edits_of_figure_12_that_tables_6_and_14_print_is_a_point() -> None:
    expected = {
        (str(printed.network(name, number)), float(row["relus_K"]), float(row["acc_kd_pct"]))
        for name in ("table06", "table14")
        for number, row in enumerate(printed.table(name), start=1)
        if row.get("dataset", "CIFAR-100") == "CIFAR-100" and row["culled"] == "S1"
    }
    found = {(str(p.network), p.relus_k, p.accuracy) for p in verdicts.fig12_printed()}
    assert found == expected


def test_a_printed_point_with_reuse_is_in_the_series_with_reuse() -> None:
    for point in verdicts.fig12_printed():
        assert (point.series == "ReLU-reuse") == (point.network.relus.reuse > 1)


# Accuracies


def test_accuracies_are_those_of_the_points_seeds_in_order(two_seeds: list[Point]) -> None:
    found = records(two_seeds, lambda _, seed: 10.0 * seed)
    assert verdicts.accuracies(two_seeds[0], found) == [10.0, 20.0]


def test_accuracies_are_of_the_split_that_is_asked_for(one_seed: list[Point]) -> None:
    run = one_seed[0].runs[0]
    found = {run.key: record(run, test=70.0, validation=80.0)}
    assert verdicts.accuracies(one_seed[0], found, "validation") == [80.0]


def test_a_run_that_failed_has_no_accuracy(two_seeds: list[Point]) -> None:
    found = records(two_seeds, lambda _, seed: None if seed == 1 else 50.0)
    assert verdicts.accuracies(two_seeds[0], found) == [50.0]


def test_a_run_without_a_record_has_no_accuracy(one_seed: list[Point]) -> None:
    assert verdicts.accuracies(one_seed[0], {}) == []


def test_records_are_found_by_the_keys_of_their_runs(one_seed: list[Point]) -> None:
    made = [record(run, 50.0) for point in one_seed for run in point.runs]
    assert list(verdicts.by_key(made)) == [point.runs[0].key for point in one_seed]


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


# Reuse against scaling


def test_a_pair_has_equal_relus_and_one_network_with_reuse(one_seed: list[Point]) -> None:
    pairs = verdicts.reuse_against_scaling(one_seed, records(one_seed, lambda *_: 50.0))
    expected = [
        (reuse(optimize(hybrenet(2, 5, 3, 8)), factor), optimize(hybrenet(2, 5, 3, 8 // factor)))
        for factor in (4, 8)
    ]
    assert [*zip(pairs["with reuse"], pairs["scaled"], strict=True)] == [
        (reused.name, scaled.name) for reused, scaled in expected
    ]
    assert list(pairs["ReLUs"]) == [
        cost(replace(reused, resolution=16)).total_relus for reused, _ in expected
    ]


def test_a_gain_is_reuse_minus_scaling(one_seed: list[Point]) -> None:
    found = records(one_seed, lambda point, _: 53.0 if point.series == "ReLU-reuse" else 50.0)
    pairs = verdicts.reuse_against_scaling(one_seed, found)
    assert list(pairs["mean gain"]) == [3.0, 3.0]
    assert set(pairs["verdict"]) == {"undecided (one seed)"}


def test_gains_are_paired_by_seed(two_seeds: list[Point]) -> None:
    """Seeds far apart, gains alike: unpaired values would leave it undecided."""
    found = records(
        two_seeds,
        lambda point, seed: 20.0 * seed + (3.0 + 0.1 * seed) * (point.series == "ReLU-reuse"),
    )
    pairs = verdicts.reuse_against_scaling(two_seeds, found)
    assert list(pairs["mean gain"]) == pytest.approx([3.15, 3.15])
    assert list(pairs["± 95 %"]) == pytest.approx([CAUCHY * 0.1 / 2] * 2)
    assert set(pairs["verdict"]) == {"holds"}


@pytest.mark.parametrize("series", ["ReLU-reuse", "channel scaling"])
def test_a_pair_with_a_missing_seed_is_a_hole(two_seeds: list[Point], series: str) -> None:
    found = records(
        two_seeds, lambda point, seed: None if (point.series, seed) == (series, 2) else 50.0
    )
    pairs = verdicts.reuse_against_scaling(two_seeds, found)
    assert set(pairs["verdict"]) == {"hole"}
    assert set(pairs["seeds"]) == {0}


def test_pairs_of_different_seeds_are_no_pairs(two_seeds: list[Point]) -> None:
    found = records(
        two_seeds,
        lambda point, seed: None if seed == (1 if point.series == "ReLU-reuse" else 2) else 50.0,
    )
    pairs = verdicts.reuse_against_scaling(two_seeds, found)
    assert set(pairs["verdict"]) == {"hole"}


def test_pairs_are_of_one_panel() -> None:
    points = fig12(QUICK, panels="be")
    found = records(points, lambda point, _: {"b": 50.0, "e": 60.0}[point.panel])
    pairs = verdicts.reuse_against_scaling(points, found)
    assert list(pairs["mean gain"]) == [0.0] * len(pairs)


# The table below the figure


def test_the_table_has_a_row_for_each_point(two_seeds: list[Point]) -> None:
    found = verdicts.fig12_table(two_seeds, records(two_seeds, lambda *_: 50.0))
    assert list(found["ReLUs"]) == [cost(point.network).total_relus for point in two_seeds]
    assert set(found["test (%)"]) == {"50.00 ± 0.00"}
    assert set(found["seeds"]) == {2}


def test_the_table_shows_holes(one_seed: list[Point]) -> None:
    found = verdicts.fig12_table(one_seed, {})
    assert set(found["test (%)"]) == {"hole"}
    assert set(found["seeds"]) == {0}


def test_the_table_prints_the_papers_accuracy_beside_the_papers_network(
    one_seed: list[Point],
) -> None:
    found = verdicts.fig12_table(one_seed, {})
    theirs = {point.network: f"{point.accuracy:.2f}" for point in verdicts.fig12_printed()}
    assert list(found["paper's test (%)"]) == [theirs.get(point.paper, "") for point in one_seed]
    assert any(found["paper's test (%)"] != "")


def test_the_table_counts_the_papers_relus_of_the_papers_network(one_seed: list[Point]) -> None:
    found = verdicts.fig12_table(one_seed, {})
    expected = [f"{cost(point.paper).total_relus / 1000:.1f}" for point in one_seed]
    assert list(found["paper's ReLUs (K)"]) == expected


def test_the_table_names_architecture_and_edits_apart(one_seed: list[Point]) -> None:
    last = verdicts.fig12_table(one_seed, {}).iloc[-1]
    assert (last["network"], last["edits"]) == ("HRN-2x5x3x(m=8)", "cull 1, thin 2+3+4, Re2 16")


# Sentences


def pairs(*gains: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"mean gain": gains, "verdict": ["hole" if isnan(gain) else "holds" for gain in gains]}
    )


def test_the_sentence_counts_pairs_and_gives_the_range() -> None:
    said = verdicts.fig12_sentence(pairs(1.0, 3.0, -1.0))
    assert "ahead in 2 of 3 pairs" in said
    assert "+1.00 points, from -1.00 to +3.00" in said


def test_the_sentence_says_where_no_pair_is_complete() -> None:
    assert verdicts.fig12_sentence(pairs(float("nan"))) == "No pair is complete (hole: 1)."


def test_the_caption_names_profile_data_seeds_and_epochs() -> None:
    said = verdicts.caption(QUICK, DataSet("mnist5k", size=16), "1,2")
    for part in ("quick", "mnist5k[size=16]", "seed 1,2", f"{QUICK.recipe.epochs} epochs"):
        assert part in said


def test_the_provenance_names_what_the_records_hold(two_seeds: list[Point]) -> None:
    made = [*records(two_seeds, lambda *_: 50.0).values()]
    said = verdicts.provenance(QUICK, DataSet("mnist5k", size=16), made)
    minutes = f"{len(made) * 30 / 60:.1f} minutes"
    for part in ("**quick**", "**mnist5k[size=16]**", "seeds 1, 2", minutes, "abacus", "torch 2.0"):
        assert part in said
    assert "failed" not in said


def test_the_provenance_counts_failed_runs(one_seed: list[Point]) -> None:
    made = [record(point.runs[0], None) for point in one_seed[:2]]
    made += [record(point.runs[0], 50.0) for point in one_seed[2:]]
    said = verdicts.provenance(QUICK, DataSet("mnist5k", size=16), made)
    assert f"{len(made) - 2} runs, " in said
    assert "**2 runs failed.**" in said
