"""What points have: accuracies, abscissas, and the tables below a figure, by hand."""

from dataclasses import replace

import pytest

from deepreshape.design import cost, resnet18
from deepreshape.design.criticality import criticality
from deepreshape.learn.images.sets import DataSet
from deepreshape.paper.printed import tables
from deepreshape.paper.trained import accuracies
from deepreshape.paper.trained.experiments import Point, find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper import curves
from tests.paper.records import record, records

QUICK = PROFILES["quick"]
DIGITS = DataSet("mnist5k", size=16)


def point(series: str, m: int, seeds: tuple[int, ...] = (1,)) -> Point:
    return curves.point(series, m, seeds, DIGITS)


# Accuracies


def test_accuracies_are_those_of_the_points_seeds_in_order() -> None:
    one = point("x", 1, seeds=(2, 1))
    found = records([one], lambda _, seed: 10.0 * seed)
    assert accuracies.accuracies(one, found) == [20.0, 10.0]


def test_accuracies_are_of_the_split_that_is_asked_for() -> None:
    one = point("x", 1)
    found = {one.runs[0].key: record(one.runs[0], test=70.0, validation=80.0)}
    assert accuracies.accuracies(one, found, "validation") == [80.0]


def test_a_run_that_failed_has_no_accuracy() -> None:
    one = point("x", 1, seeds=(1, 2))
    found = records([one], lambda _, seed: None if seed == 1 else 50.0)
    assert accuracies.accuracies(one, found) == [50.0]
    assert accuracies.accuracy(one.runs[0], found) is None


def test_a_run_without_a_record_has_no_accuracy() -> None:
    assert accuracies.accuracies(point("x", 1), {}) == []


def test_records_are_found_by_the_keys_of_their_runs() -> None:
    runs = [point("x", m).runs[0] for m in (1, 2)]
    assert list(accuracies.by_key(record(run, 50.0) for run in runs)) == [run.key for run in runs]


# Abscissas


def test_the_abscissa_over_relus_counts_thousands_here_and_in_the_paper() -> None:
    one = point("x", 4)
    assert accuracies.abscissa(one, "relus") == cost(one.network).total_relus / 1000
    assert accuracies.paper_abscissa(one, "relus") == cost(resnet18(4)).total_relus / 1000


def test_after_a_search_the_abscissa_counts_the_relus_that_it_leaves() -> None:
    for each in find("table12").drawn(QUICK):
        search = each.runs[0].search
        assert search is not None
        assert accuracies.abscissa(each, "relus") == search.budget / 1000
        assert accuracies.paper_abscissa(each, "relus") == (each.budget or 0) / 1000


def test_flops_are_counted_as_the_paper_counts_those_of_its_own_network() -> None:
    """Also at another image size, for which it prints none."""
    one = point("x", 4)
    assert accuracies.abscissa(one, "flops") == cost(one.network).flops("A") / 1e6
    assert accuracies.paper_abscissa(one, "flops") == cost(resnet18(4)).flops("A") / 1e6


# The paper beside ours


def on_cifar100(printed: float | None, *seeds: int) -> Point:
    return replace(find("table6").drawn(PROFILES["short"], seeds=seeds)[0], printed=printed)


def test_a_difference_has_the_interval_of_ours() -> None:
    half = accuracies.half_interval([51.0, 52.0, 53.0])
    found = accuracies.difference(on_cifar100(60.0, 1, 2, 3), [51.0, 52.0, 53.0])
    assert found == f"-8.00 ± {half:.2f}"
    assert accuracies.difference(on_cifar100(50.0, 1), [51.5]) == "+1.50"


def test_without_a_printed_accuracy_or_on_other_images_there_is_no_difference() -> None:
    assert accuracies.difference(on_cifar100(None, 1), [51.5]) == ""
    assert accuracies.difference(on_cifar100(60.0, 1), []) == ""
    digits = replace(find("table6").drawn(QUICK)[0], printed=60.0)
    assert accuracies.difference(digits, [90.0]) == ""


def test_network_ours_paper_and_difference_come_first(fig12: list[Point]) -> None:
    first = ["network", "test (%)", "± 95 %", "n", "paper's test (%)", "ours - paper"]
    assert list(accuracies.table(fig12, {}))[: len(first)] == first


@pytest.fixture(scope="module")
def fig12() -> list[Point]:
    return find("fig12").drawn(QUICK, seeds=(1, 2), panels="b")


def test_the_table_has_a_row_for_each_point(fig12: list[Point]) -> None:
    found = accuracies.table(fig12, records(fig12, lambda *_: 50.0))
    assert list(found["ReLUs"]) == [point.relus for point in fig12]
    assert list(found["series"]) == [point.series for point in fig12]
    assert list(found["network"]) == [point.network.name for point in fig12]
    assert set(found["test (%)"]) == set(found["validation (%)"]) == {"50.00"}
    assert set(found["n"]) == {2}


def test_beside_a_mean_stands_half_its_interval_and_from_how_many_seeds_it_is() -> None:
    one = point("x", 1, seeds=(1, 2, 3))
    (row,) = accuracies.table([one], records([one], lambda _, seed: 50.0 + seed)).to_dict("records")
    half = accuracies.half_interval([51.0, 52.0, 53.0])
    assert (row["test (%)"], row["± 95 %"], row["n"]) == ("52.00", f"{half:.2f}", 3)


@pytest.mark.parametrize("seeds", [(1,), (1, 2)], ids=["one seed", "equal accuracies"])
def test_what_leaves_no_interval_has_none(seeds: tuple[int, ...]) -> None:
    one = point("x", 1, seeds)
    (row,) = accuracies.table([one], records([one], lambda *_: 50.0)).to_dict("records")
    assert (row["test (%)"], row["± 95 %"], row["n"]) == ("50.00", "", len(seeds))


def test_the_table_counts_the_searches_that_finished(fig12: list[Point]) -> None:
    found = records(fig12, lambda *_: 50.0)
    late = next(point for point in fig12 if point.runs[0].search)
    key = late.runs[0].key
    found[key] = replace(found[key], sought=({"relus": 9, "reached": False},))
    said = accuracies.table(fig12, found)["searches finished"]
    for point, finished in zip(fig12, said, strict=True):
        expected = "1 of 2" if point is late else "2 of 2" if point.runs[0].search else ""
        assert finished == expected


def test_without_a_search_the_table_says_nothing_of_one() -> None:
    points = find("fig13").drawn(PROFILES["quick"])
    assert "searches finished" not in accuracies.table(points, {})


def test_the_table_shows_holes(fig12: list[Point]) -> None:
    found = accuracies.table(fig12, {})
    assert set(found["test (%)"]) == {"hole"}
    assert set(found["n"]) == {0}


def test_the_table_prints_the_papers_accuracy_beside_the_papers_network(
    fig12: list[Point],
) -> None:
    found = accuracies.table(fig12, {})
    expected = ["" if p.printed is None else f"{p.printed:.2f}" for p in fig12]
    assert list(found["paper's test (%)"]) == expected
    assert list(found["paper's network"]) == [point.paper.name for point in fig12]
    assert any(expected)


def test_the_table_counts_the_papers_relus_of_the_papers_network(fig12: list[Point]) -> None:
    found = accuracies.table(fig12, {})
    expected = [point.budget or cost(point.paper).total_relus for point in fig12]
    assert list(found["paper's ReLUs (K)"]) == [f"{relus / 1000:.1f}" for relus in expected]


def test_the_table_names_panels_where_there_are_several(fig12: list[Point]) -> None:
    assert "panel" not in accuracies.table(fig12, {})
    both = find("fig12").drawn(QUICK, panels="be")
    assert list(accuracies.table(both, {})["panel"]) == [point.panel for point in both]


# Criticality


def test_the_printed_accuracies_give_the_printed_criticality() -> None:
    """Within the rounding of both."""
    points = find("table10").drawn(PROFILES["paper"])
    found = accuracies.criticalities("table10", points, records(points, lambda p, _: p.printed))
    assert len(found) == len(tables.table("table10"))
    for stage in "1234":
        ours, theirs = found[f"C{stage}"].astype(float), found[f"paper's C{stage}"].astype(float)
        assert (ours - theirs).abs().max() <= 0.02
    assert list(found["order"]) == list(found["paper's order"])


def test_criticality_is_of_the_mean_accuracies_with_a_teacher() -> None:
    points = find("table11").drawn(QUICK, seeds=(1, 2))
    found = accuracies.criticalities(
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
    points = find("table10").drawn(QUICK)
    found = records(points, lambda p, _: None if p.series.endswith(missing) else 50.0)
    table = accuracies.criticalities("table10", points, found)
    assert set(table["order"]) == {"hole"}
    fewer = [point for point in points if not point.series.endswith(missing)]
    assert set(accuracies.criticalities("table10", fewer, found)["order"]) == {"hole"}
