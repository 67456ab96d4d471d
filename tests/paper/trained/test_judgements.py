"""What becomes of claims: what counts, what is tested, and with which interval."""

from dataclasses import replace
from math import isnan, sqrt
from typing import Literal

import pytest

from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Claim, Point, find
from deepreshape.paper.trained.experiments.sizes import Size
from deepreshape.paper.trained.judgements import (
    Judged,
    Judgement,
    Standing,
    judge,
    standing,
)
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.paper.trained.statistics import Pool, estimate
from tests.paper.curves import by_width, curve, paired, point
from tests.paper.records import records

SEEDS = (1, 2, 3)


def one(claim: Claim, found: dict[str, Record], stands: Standing | None = None) -> Judgement:
    (row,) = judge([claim], found, stands).rows
    return row


def gaining(claim: Claim, *gains: float) -> dict[str, Record]:
    """Records in which `ahead` is so far before 50 % with each seed."""
    return records(
        claim.ahead + claim.behind,
        lambda each, seed: 50.0 + (each in claim.ahead) * gains[seed - 1],
    )


# Direction and size


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((3.0, 3.5, 4.0), "agrees"),
        ((-3.0, -3.5, -4.0), "disagrees"),
        ((0.0, 0.5, 1.0), "undecided"),
        ((-9.0, 3.0, 16.0), "undecided"),
    ],
)
def test_a_direction_is_judged_by_the_interval(gains: tuple[float, ...], said: str) -> None:
    claim = paired(SEEDS)
    row = one(claim, gaining(claim, *gains))
    assert (row.direction, row.size, row.n, row.pairs) == (said, "", 3, 1)


@pytest.mark.parametrize(
    ("gains", "most", "size"),
    [
        ((12.0, 12.5, 13.0), 3.0, "disagrees"),
        ((2.6, 2.7, 2.8), 3.0, "agrees"),
        ((2.6, 2.7, 2.8), 2.0, "undecided"),
    ],
)
def test_the_same_interval_judges_a_size(gains: tuple[float, ...], most: float, size: str) -> None:
    """By the bound for the test set alone it reaches 1.4 points."""
    claim = replace(paired(SEEDS), size=Size(1.0, most))
    row = one(claim, gaining(claim, *gains))
    assert (row.direction, row.size) == ("agrees", size)


def test_two_equal_gains_decide_nothing() -> None:
    """Of pages with enough of them: the test set alone is uncertain by 1.4 points."""
    claims = [paired((1, 2), series) for series in ("x", "z")]
    found = gaining(claims[0], 1.0, 1.0) | gaining(claims[1], 1.0, 1.0)
    judged = judge(claims, found)
    assert [row.direction for row in judged.rows] == ["undecided"] * 2
    assert all(row.found is not None and row.found.half > 1 for row in judged.rows)


def test_the_deviation_is_pooled_over_the_claims_of_a_page() -> None:
    claims = [paired(SEEDS, "x"), paired((1, 2), "z")]
    judged = judge(claims, gaining(claims[0], 1.0, 2.0, 3.0) | gaining(claims[1], 5.0, 8.0))
    pooled = Pool(pytest.approx(sqrt((2 + 4.5) / 3)), 3, 2)
    assert judged.pooled == pooled
    found = judged.rows[1].found
    images = (0.5**2 + 0.565 * 0.435) * 100**2 / 10_000
    expected = estimate([5.0, 8.0], Pool(sqrt(6.5 / 3), 3, 2), shared=images)
    assert found is not None
    assert found.half == pytest.approx(expected.half, rel=1e-3)


@pytest.mark.parametrize(
    ("seeds", "said"), [((1,), "undecided (one seed)"), ((1, 2), "undecided (few seeds)")]
)
def test_few_seeds_decide_nothing(seeds: tuple[int, ...], said: str) -> None:
    claim = replace(paired(seeds), size=Size(1.0, 3.0))
    row = one(claim, gaining(claim, 9.0, 9.1))
    assert (row.direction, row.size, row.decided) == (said, said, {})


def test_gains_are_paired_by_seed() -> None:
    """Seeds far apart, gains alike: unpaired values would leave it undecided."""
    claim = paired(SEEDS)
    found = records(
        claim.ahead + claim.behind,
        lambda each, seed: 20.0 * seed + (3.0 + 0.1 * seed) * (each.series == "x"),
    )
    row = one(claim, found)
    assert (row.mean, row.direction) == (pytest.approx(3.2), "agrees")


def test_weighted_pairs_do_not_enter_the_pool_and_deviate_like_independent_ones() -> None:
    plain = paired(SEEDS, "z")
    both = Claim(
        "", curve("x", 1, 2, seeds=SEEDS), curve("y", 1, 2, seeds=SEEDS), True, weights=(1.0, -1.0)
    )
    found = gaining(plain, 1.0, 2.0, 3.0) | gaining(both, 0.0, 0.0, 0.0)
    judged = judge([plain, both], found)
    assert judged.pooled == Pool(pytest.approx(1.0), 2, 1)
    (_, row) = judged.rows
    assert row.found is not None
    assert row.found.error**2 == pytest.approx(2 / 3 + 2 * (2 * 50.0) ** 2 / 10_000, rel=1e-3)


# What does not count


def test_digits_are_no_evidence_and_are_shown() -> None:
    claim = paired(SEEDS)
    row = one(claim, gaining(claim, 3.0, 3.1, 3.2), Standing("digits"))
    assert (row.direction, row.mean, row.n) == ("digits: not evidence", pytest.approx(3.1), 3)
    assert row.decided == {}


@pytest.mark.parametrize("sign", [1, -1])
def test_both_verdicts_name_the_reduced_scale(sign: int) -> None:
    claim = paired(SEEDS)
    row = one(claim, gaining(claim, sign * 3.0, sign * 3.1, sign * 3.2), Standing("reduced"))
    assert row.direction == f"{'agrees' if sign > 0 else 'disagrees'} at reduced scale"


def test_the_seed_that_a_recipe_was_chosen_with_does_not_count() -> None:
    claim = paired((1, 2, 3, 4))
    row = one(claim, gaining(claim, 99.0, 3.0, 3.1, 3.2), Standing("reduced", seeds=(1,)))
    assert (row.n, row.mean, row.left_out) == (3, pytest.approx(3.1), ("seed 1",))


def test_the_network_that_a_recipe_was_chosen_on_does_not_count() -> None:
    claim = Claim("", curve("x", 1, 2, seeds=SEEDS), curve("y", 1, 2, seeds=SEEDS), paired=True)
    network = claim.ahead[0].network
    found = records(
        claim.ahead + claim.behind,
        lambda each, seed: 50.0 + (each.series == "x") * (40.0 if each.network == network else 3.0),
    )
    row = one(claim, found, Standing("reduced", networks=(network,)))
    assert (row.pairs, row.mean) == (1, pytest.approx(3.0))
    assert network.name in row.left_out


@pytest.mark.parametrize("what", ["seed", "network"])
def test_where_nothing_counts_the_gain_is_shown_without_a_verdict(what: str) -> None:
    claim = replace(paired(SEEDS), size=Size(1.0, 3.0))
    stands = Standing(
        "reduced",
        SEEDS if what == "seed" else (),
        (claim.ahead[0].network,) if what == "network" else (),
    )
    row = one(claim, gaining(claim, 3.0, 3.1, 3.2), stands)
    assert row.direction == row.size == f"not evidence: the recipe was chosen on its {what}"
    assert (row.n, row.mean, row.found) == (3, pytest.approx(3.1), None)


def test_a_network_near_chance_enters_no_claim() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True)
    row = one(claim, by_width(x={1: 1.2, 2: 55.0}, y={1: 50.0, 2: 50.0}))
    assert (row.mean, row.pairs, row.near) == (5.0, 1, 1)


def test_where_a_side_is_near_chance_nothing_is_compared() -> None:
    row = one(paired((1,)), by_width(x={1: 1.2}, y={1: 50.0}))
    assert (row.direction, row.n, row.near) == ("near chance", 0, 1)


def unfinished(each: Point) -> Records:
    """Records of a point whose searches stopped above their budget, and which is ahead of all."""
    return {
        key: replace(record, sought=({"epoch": 1, "reached": False},))
        for key, record in records([each], lambda *_: 90.0).items()
    }


def test_a_network_whose_search_did_not_finish_enters_no_claim() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True)
    known = by_width(x={2: 55.0}, y={1: 50.0, 2: 50.0}) | unfinished(point("x", 1))
    row = one(claim, known)
    assert (row.mean, row.pairs, row.unfinished) == (5.0, 1, 1)


def test_where_the_searches_of_a_side_did_not_finish_nothing_is_compared() -> None:
    row = one(paired((1,)), by_width(y={1: 50.0}) | unfinished(point("x", 1)))
    assert (row.direction, row.n, row.unfinished) == ("search not finished", 0, 1)


# What cannot be compared


@pytest.mark.parametrize("series", ["x", "y"])
def test_a_pair_without_a_result_is_a_hole(series: str) -> None:
    claim = paired((1,))
    found = records(
        claim.ahead + claim.behind, lambda each, _: None if each.series == series else 50.0
    )
    row = one(claim, found)
    assert (row.direction, row.n, row.holes) == ("hole", 0, 1)
    assert isnan(row.mean)


def test_a_seed_without_a_result_is_left_out_and_counted_as_a_hole() -> None:
    claim = paired(SEEDS)
    found = records(
        claim.ahead + claim.behind,
        lambda each, seed: None if (each.series, seed) == ("x", 2) else 50.0 + seed,
    )
    row = one(claim, found)
    assert (row.n, row.holes, row.mean) == (2, 1, 0.0)


def test_a_curve_without_results_is_a_hole() -> None:
    row = one(
        Claim("", curve("x", 1, 2), curve("y", 1, 2)),
        by_width(x={1: None, 2: None}, y={1: 40.0, 2: 45.0}),
    )
    assert (row.direction, row.holes) == ("hole", 2)


def test_curves_of_no_common_range_do_not_overlap() -> None:
    claim = Claim("", curve("x", 4, 8), curve("y", 1, 2))
    row = one(claim, by_width(x={4: 50.0, 8: 60.0}, y={1: 40.0, 2: 45.0}))
    assert (row.direction, row.pairs, row.n) == ("no overlap", 0, 0)


def test_pairs_of_another_figure_may_not_be_recorded() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True, weights=(1.0, -1.0))
    row = one(claim, by_width(x={1: 50.0}, y={1: 40.0}))
    assert row.direction == "not recorded"


@pytest.mark.parametrize("paired", [True, False])
def test_a_claim_about_points_that_are_not_drawn_says_so(paired: bool) -> None:
    assert one(Claim("", (), (), paired=paired), {}).direction == "not drawn"
    assert one(Claim("", curve("x", 1), ()), by_width(x={1: 5.0})).direction == "not drawn"


def test_a_claim_about_no_place_is_not_drawn() -> None:
    claim = Claim("", curve("x", 1), curve("y", 1), at=())
    assert one(claim, by_width(x={1: 5.0}, y={1: 4.0})).direction == "not drawn"


# What profiles count for


def test_runs_on_digits_count_for_nothing() -> None:
    quick = PROFILES["quick"]
    assert standing(quick, find("fig12").drawn(quick)) == Standing("digits")
    assert standing(quick, find("fig12").drawn(quick, "cifar100")).kind == "reduced"
    paper = PROFILES["paper"]
    assert standing(paper, find("fig3e").drawn(paper, "mnist5k")).kind == "digits"


def test_only_the_papers_profile_on_its_own_data_is_at_its_scale() -> None:
    paper = PROFILES["paper"]
    assert standing(paper, find("fig3e").drawn(paper)) == Standing("paper")
    some = find("fig3e").drawn(paper, "cifar100[per_class=50]")
    assert standing(paper, some).kind == "reduced"


def test_short_leaves_out_what_its_recipe_was_chosen_on() -> None:
    short = PROFILES["short"]
    found = standing(short, find("table10").drawn(short))
    assert found == Standing("reduced", (1,), short.chosen_networks)
    assert {network.name for network in short.chosen_networks} == {
        "ResNet18(m=16)-C134",
        "ResNet18(m=16)-C124",
    }


# The table


def table(claim: Claim) -> dict[object, object]:
    (row,) = Judged((one(claim, {}),), Standing(), None).table().to_dict("records")
    return dict(row)


@pytest.mark.parametrize(
    ("relation", "margin", "shown"),
    [("before", 0.0, "> 0"), ("like", 1.7, "-1.7 to 1.7"), ("not behind", 1.7, "> -1.7")],
)
def test_the_table_shows_what_is_claimed_of_the_gain(
    relation: Literal["before", "like", "not behind"], margin: float, shown: str
) -> None:
    claim = replace(paired((1,)), relation=relation, margin=margin)
    assert table(claim)["claimed gain"] == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(Size(2.44, 2.44), "2.44"), (Size(1.0, 3.0), "1 to 3")]
)
def test_the_table_shows_the_printed_size(size: Size, shown: str) -> None:
    assert table(replace(paired((1,)), size=size))["printed size"] == shown


def test_the_table_has_no_column_that_says_nothing() -> None:
    shown = table(paired((1,)))
    assert "holes" in shown
    assert not {"printed size", "near chance", "unfinished", "left out"} & shown.keys()


def test_no_claims_give_an_empty_table() -> None:
    empty = judge([], {}).table()
    assert empty.empty


# Claims


@pytest.mark.parametrize(("relation", "margin"), [("like", 0.0), ("before", 1.0), ("like", -1.0)])
def test_only_what_may_be_alike_has_a_margin(
    relation: Literal["like", "before"], margin: float
) -> None:
    with pytest.raises(ValueError, match="does not go with a margin"):
        replace(paired((1,)), relation=relation, margin=margin)


def test_weights_are_of_pairs() -> None:
    with pytest.raises(ValueError, match="weights are of pairs"):
        replace(paired((1,)), weights=(1.0, 2.0))
    with pytest.raises(ValueError, match="weights are of pairs"):
        Claim("", curve("x", 1), curve("y", 1), weights=(1.0,))
    with pytest.raises(ValueError, match="no widest place"):
        replace(paired((1,)), widest=True)


def test_digits_of_points_are_of_their_own_test_set() -> None:
    """A thousand images: an interval of 4.4 points by chance of the images alone."""
    digits = DataSet("mnist5k")
    sides = [point(series, 1, SEEDS, digits) for series in ("x", "y")]
    claim = Claim("", (sides[0],), (sides[1],), paired=True)
    row = one(claim, gaining(claim, 1.0, 1.0, 1.0))
    assert row.found is not None
    assert row.found.error == pytest.approx(sqrt(2 * 2500 / 1000), rel=0.01)
