"""The register of trained figures and tables: in every profile, without training."""

import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from math import inf, nan

import pytest

from deepreshape.design import cost, resnet18
from deepreshape.learn.runs.campaign import work
from deepreshape.learn.runs.run import Run
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.paper.figures import theme
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import EXPERIMENTS, Point, fig4, find, runs_of, sizes
from deepreshape.paper.trained.experiments.claims import similar
from deepreshape.paper.trained.judgements import judge
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import records

NAMES = pytest.mark.parametrize("name", EXPERIMENTS)
SIZES = pytest.mark.parametrize("size", PROFILES)
TOO_HEAVY = ("fig4b", "fig20", "table5", "table9", "table12")
"""Of these every network is too heavy for the profile of the paper's widths on two cores."""


@lru_cache
def drawn(name: str, size: str = "paper", seeds: tuple[int, ...] = (1,)) -> tuple[Point, ...]:
    return tuple(find(name).drawn(PROFILES[size], seeds=seeds))


def place(point: Point) -> tuple[object, ...]:
    return point.panel, point.series, point.paper, point.budget


def keys(name: str, *series: str, size: str = "paper") -> set[str]:
    """The runs of a figure, or of some of its series."""
    return {
        run.key
        for point in drawn(name, size)
        if not series or point.series in series
        for run in point.runs
    }


# Names


@NAMES
def test_an_experiment_says_its_section_of_the_paper(name: str) -> None:
    assert re.fullmatch(r"(Section [1-7](\.[1-3])?|Appendix [A-K](\.[1-5])?)", find(name).place)


def test_what_compares_stages_alone_is_told_by_its_networks() -> None:
    """One with ReLUs in a single stage beside others does not make it so (Figure 5)."""
    by_stage = [name for name in EXPERIMENTS if find(name).is_by_stage]
    assert by_stage == ["table10", "table11"]
    assert [name for name in EXPERIMENTS if find(name).picture == "stages"] == by_stage


@NAMES
def test_a_name_says_where_it_stands(name: str) -> None:
    experiment = find(name)
    assert experiment.name == name
    number = name.removesuffix("-trained").removeprefix("fig").removeprefix("table")
    kind = "Figure" if name.startswith("fig") else "Table"
    assert experiment.title.startswith(f"{kind} {number}: ")


def test_titles_are_all_different() -> None:
    assert len({each.title for each in EXPERIMENTS.values()}) == len(EXPERIMENTS)


def test_an_unknown_name_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'fig99' is trained; .*fig12"):
        find("fig99")


# Points


@SIZES
@NAMES
def test_every_figure_is_drawn_in_every_profile(name: str, size: str) -> None:
    """Each run checks itself that it fits its data, its teacher and its search."""
    points = drawn(name, size, (3, 1))
    if size == "full-width" and name in TOO_HEAVY:
        assert points == ()
        return
    assert points
    assert {point.panel for point in points} <= set(find(name).panels)
    assert {tuple(run.seed for run in point.runs) for point in points} == {(3, 1)}


@SIZES
@NAMES
def test_a_profile_draws_of_the_papers_points_each_once(name: str, size: str) -> None:
    places = [place(point) for point in drawn(name, size)]
    assert len(set(places)) == len(places)
    assert set(places) <= {place(point) for point in drawn(name)}


@NAMES
def test_the_papers_profile_trains_the_papers_networks(name: str) -> None:
    """But for the stem's ReLUs where SNL searches, which start without (Appendix F)."""
    for point in drawn(name):
        ours, theirs = point.network, point.paper
        assert (ours.stem, ours.widths, ours.depths) == (theirs.stem, theirs.widths, theirs.depths)
        assert (ours.resolution, ours.classes) == (theirs.resolution, theirs.classes)
        assert ours.relus == theirs.relus or point.budget is not None


@NAMES
def test_every_panel_of_the_papers_profile_has_points(name: str) -> None:
    assert {point.panel for point in drawn(name)} == set(find(name).panels)


@SIZES
@NAMES
def test_a_search_leaves_fewer_relus_than_there_are(name: str, size: str) -> None:
    for point in drawn(name, size):
        search = point.runs[0].search
        assert (search is None) == (point.budget is None)
        if search is not None and point.budget is not None:
            assert search.budget == point.relus <= cost(point.network).total_relus
            assert point.budget == point.paper_relus < cost(point.paper).total_relus


@NAMES
def test_the_papers_budgets_are_those_of_its_profile(name: str) -> None:
    found = [(p.budget, p.relus) for p in drawn(name) if p.series != "SNL(channel)" and p.budget]
    assert [budget for budget, _ in found] == [relus for _, relus in found]


@NAMES
def test_the_smallest_profile_is_small(name: str) -> None:
    """What the tests of the notebooks train: at most a few networks for an epoch."""
    points = drawn(name, "smoke")
    assert len(points) <= 4
    runs = runs_of(points)
    everything = {*runs, *(run.teacher for run in runs if run.teacher)}
    assert sum(work(run) for run in everything) < 1e10


@SIZES
@NAMES
def test_a_style_is_left_for_each_series_of_a_panel(name: str, size: str) -> None:
    series = {(point.panel, point.series) for point in drawn(name, size)}
    panels = {panel for panel, _ in series}
    if name not in ("table10", "table11"):
        for panel in panels:
            assert sum(each == panel for each, _ in series) <= len(theme.COLOURS)


@NAMES
def test_a_profile_draws_so_many_points_of_a_series_at_most(name: str) -> None:
    some = [(point.panel, point.series) for point in drawn(name, "quick")]
    assert max(map(some.count, some)) <= (PROFILES["quick"].most or 0)


def test_of_a_long_series_the_first_and_the_last_are_drawn() -> None:
    smoke, quick, paper = (
        [point.paper for point in drawn("fig3e", size) if point.series == "Beta"]
        for size in ("smoke", "quick", "paper")
    )
    assert (quick[0], quick[-1]) == (paper[0], paper[-1])
    assert smoke == paper[:1]


def test_of_many_panels_a_profile_draws_some_from_the_first_to_the_last() -> None:
    for number, expected in ((None, "abcdefgh"), (5, "acefh"), (2, "ah"), (1, "a")):
        found = find("fig18").drawn(replace(PROFILES["quick"], panels=number))
        assert "".join(dict.fromkeys(point.panel for point in found)) == expected


# Printed accuracies

COLUMNS = {
    "table3": r"acc_cifar100_pct",
    "table4": r"acc_cifar100_pct",
    "table5": r"acc_.*_pct",
    "table6": r"acc_(dkd|kd)_pct",
    "table9": r"acc_.*_pct",
    "table10": r"stage\d_acc.*_pct",
    "table11": r"stage\d_acc.*_pct",
    "table12": r"acc_.*_pct",
    "table13": r"acc_(dkd|kd)_pct",
    "table14": r"acc_(dkd|kd)_pct",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_every_accuracy_that_a_table_prints_is_a_points(name: str) -> None:
    rows = tables.table(tables.find(name))
    expected = [
        float(text)
        for row in rows
        if row.get("variant") != "delta"
        for column, text in row.items()
        if re.fullmatch(COLUMNS[name], column) and text
    ]
    assert sorted(point.printed or 0 for point in drawn(name)) == sorted(expected)


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name.startswith("table")])
def test_every_point_of_a_table_has_its_accuracy_in_each_profile(name: str) -> None:
    theirs = {place(point): point.printed for point in drawn(name)}
    for size in PROFILES:
        for point in drawn(name, size):
            assert point.printed is not None
            assert point.printed == theirs[place(point)]


def test_figure_12_has_the_accuracies_of_table_6_with_kd() -> None:
    expected = {
        (tables.network("table06", number), float(row["acc_kd_pct"]))
        for number, row in enumerate(tables.table("table06"), start=1)
        if row["culled"] == "S1"
    }
    found = {(point.paper, point.printed) for point in drawn("fig12") if point.printed}
    assert found == expected


# Runs


@SIZES
@NAMES
def test_every_run_of_a_point_has_a_key_of_its_own(name: str, size: str) -> None:
    runs = runs_of(drawn(name, size, (3, 1)))
    assert len({run.key for run in runs}) == len(runs)


@pytest.mark.parametrize("name", ["fig1", "fig6", "fig12", "table5", "table10"])
def test_no_two_profiles_share_a_run(name: str) -> None:
    found = [keys(name, size=size) for size in PROFILES]
    assert len(set().union(*found)) == sum(map(len, found))


@pytest.mark.parametrize("size", ["quick", "short", "paper"])
def test_figures_share_the_runs_that_they_have_in_common(size: str) -> None:
    def shared(name: str, *series: str) -> set[str]:
        return keys(name, *series, size=size)

    assert shared("fig3e") == shared("fig3f")
    assert shared("fig13", "BaseCh(ResNet18)") == shared("fig3a", "ResNet18(BaseCh)")
    assert shared("fig13", "StageCh(ResNet18)") == shared("fig17", "ResNet18(StageCh)")
    assert shared("fig3a", "ResNet18(StageCh)") == shared("fig3b", "ResNet18(StageCh)")


def test_the_networks_of_table_6_are_those_of_figure_1() -> None:
    assert keys("fig1", "HybReNet (DKD)") == keys("table6", "HybReNet (DKD)")


def test_the_networks_of_figure_12_with_an_accuracy_are_those_of_table_6() -> None:
    printed_here = {p.runs[0].key for p in drawn("fig12") if p.printed is not None}
    assert printed_here <= keys("table6", "HybReNet (KD)")


def test_figure_12_stays_on_its_axes() -> None:
    """Of 4 to 128 thousand ReLUs, those of (e) and (f); R34-HRN-2x9x2x alone would have 342."""
    for point in drawn("fig12"):
        if point.panel in "ef":
            assert 3.5 <= point.relus / 1000 <= 150


def test_searches_of_figures_6_and_7_start_from_the_same_trained_networks() -> None:
    vanilla = [p for p in drawn("fig7") if p.series == "SNL (vanilla)"]
    starts = {run.teacher for run in runs_of(drawn("fig6")) if run.search}
    assert {run.teacher for run in runs_of(vanilla)} <= starts


@SIZES
@NAMES
def test_a_search_starts_from_the_same_network_trained_on_labels(name: str, size: str) -> None:
    for run in runs_of(drawn(name, size, (3, 1))):
        if run.search is not None:
            assert run.teacher is not None
            assert (run.teacher.network, run.teacher.seed) == (run.network, run.seed)
            assert (run.teacher.teacher, run.teacher.recipe) == (None, PROFILES[size].recipe)


@SIZES
@NAMES
def test_all_networks_with_a_teacher_on_the_same_images_have_the_same(name: str, size: str) -> None:
    found: dict[object, set[Run | None]] = {}
    for run in runs_of(drawn(name, size, (3, 1))):
        if run.search is None and run.teacher is not None:
            found.setdefault(run.data, set()).add(run.teacher)
    assert all(len(teachers) == 1 for teachers in found.values())


def test_dkd_is_taken_where_a_series_says_so() -> None:
    for name in ("table6", "table13", "table14"):
        for point in drawn(name):
            kind = DKD if point.series.endswith("(DKD)") else KD
            assert isinstance(point.runs[0].recipe.distillation, kind)


def test_baselines_have_no_teacher() -> None:
    for name in ("fig3a", "fig13", "fig17", "table3", "table9"):
        assert {run.teacher for run in runs_of(drawn(name))} == {None}


def test_tiny_imagenet_is_what_the_paper_takes_it_for() -> None:
    for name in EXPERIMENTS:
        for point in drawn(name):
            side = {"cifar100": 32, "tiny-imagenet": 64}[str(point.runs[0].data)]
            assert point.paper.resolution == side
    assert {str(run.data) for run in runs_of(drawn("table13"))} == {"tiny-imagenet"}


# What may be chosen


@pytest.mark.parametrize("data", ["mnist5k", "cifar100", "tiny-imagenet"])
@SIZES
def test_a_data_set_may_be_chosen(size: str, data: str) -> None:
    points = find("fig12").drawn(PROFILES[size], data)
    assert {run.data.name for point in points for run in point.runs} == {data}


def test_a_part_of_a_data_set_is_taken_as_it_is_named() -> None:
    data = "cifar100[per_class=7,size=16]"
    points = find("fig3e").drawn(PROFILES["quick"], data)
    assert {str(run.data) for run in runs_of(points)} == {data}


def test_a_seed_given_twice_is_run_once() -> None:
    points = find("fig3e").drawn(PROFILES["quick"], seeds=(1, 1))
    assert all(len(point.runs) == 1 for point in points)


def test_panels_in_place_of_the_profiles_are_drawn_alone() -> None:
    points = find("fig12").drawn(PROFILES["smoke"], panels="ca")
    assert {point.panel for point in points} == {"a", "c"}


def test_a_panel_given_twice_is_drawn_once() -> None:
    fig12, quick = find("fig12"), PROFILES["quick"]
    assert fig12.drawn(quick, panels="bb") == fig12.drawn(quick, panels="b")


@pytest.mark.parametrize("panels", ["g", "bz", "B", " "])
def test_an_unknown_panel_is_named(panels: str) -> None:
    with pytest.raises(ValueError, match=r"Figure 12: .* has no panel .*; it has a, b"):
        find("fig12").drawn(PROFILES["quick"], panels=panels)


@pytest.mark.parametrize("data", ["cifar", "cifar100[size=7]", "cifar100[", "mnist5k[per_class=0]"])
def test_an_unknown_data_set_is_an_error(data: str) -> None:
    with pytest.raises(ValueError, match=r"data set|divide|per_class"):
        find("fig12").drawn(PROFILES["quick"], data)


def test_no_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one seed"):
        find("fig12").drawn(PROFILES["quick"], seeds=())


# Claims


@SIZES
@NAMES
def test_claims_are_about_the_points_that_are_drawn(name: str, size: str) -> None:
    points = drawn(name, size)
    for claim in find(name).claims(list(points)):
        elsewhere = "(Figure 22)" in claim.text
        assert elsewhere or {*claim.ahead, *claim.behind} <= set(points)
        assert claim.weights or not set(claim.ahead) & set(claim.behind)
        assert not claim.paired or len(claim.ahead) == len(claim.behind)


@NAMES
def test_every_claim_about_the_whole_figure_has_two_sides_and_words_of_its_own(name: str) -> None:
    claims = find(name).claims(list(drawn(name)))
    assert claims
    assert all(claim.ahead and claim.behind for claim in claims)
    assert len({claim.text for claim in claims}) == len(claims)


@pytest.mark.parametrize(
    "name", [name for name in EXPERIMENTS if name.startswith("table") and name != "table5"]
)
def test_a_table_of_pairs_claims_what_its_own_accuracies_say(name: str) -> None:
    for claim in find(name).claims(list(drawn(name))):
        for ahead, behind in zip(claim.ahead, claim.behind, strict=True):
            assert (ahead.printed or 0) >= (behind.printed or 0) - claim.margin, claim.text


def test_the_margin_of_what_is_similar_is_the_widest_gap_of_figure_4() -> None:
    gaps = [
        abs(wide.printed - narrow.printed)
        for name in ("fig4b", "fig4c")
        for wide, narrow in zip(
            *([p for p in drawn(name) if p.series == series] for series in fig4.FIG4),
            strict=True,
        )
        if wide.printed and narrow.printed
    ]
    assert similar() == pytest.approx(max(gaps))


@pytest.mark.parametrize(
    ("name", "relation", "said"),
    [
        ("fig4b", "like", "as ReLU-efficient as"),
        ("fig4c", "like", "as ReLU-efficient as"),
        ("fig12", "like", "on par"),
        ("fig20", "like", "on par"),
        ("table4", "like", "matches"),
        ("fig15", "not behind", "no better than"),
        ("fig17", "not behind", "no better than"),
    ],
)
def test_what_is_claimed_to_be_alike_has_a_margin(name: str, relation: str, said: str) -> None:
    found = [each for each in find(name).claims(list(drawn(name))) if said in each.text]
    assert found
    assert {(each.relation, each.margin) for each in found} == {(relation, similar())}


@NAMES
def test_every_claim_about_the_whole_figure_can_be_decided(name: str) -> None:
    """At the paper's counts every claim has something to compare."""
    claims = find(name).claims(list(drawn(name, seeds=(1, 2))))
    points = dict.fromkeys(point for claim in claims for point in claim.ahead + claim.behind)
    judged = judge(claims, records(points, lambda *_: 50.0))
    assert all(row.n == 2 for row in judged.rows)
    assert all("size" in row.decided for row in judged.rows if row.claim.size)


def test_what_figure_23_compares_with_figure_22_are_its_runs() -> None:
    theirs = {run.key for run in runs_of(drawn("fig22"))}
    for claim in find("fig23").claims(list(drawn("fig23"))):
        if claim.weights:
            half = len(claim.ahead) // 2
            before = runs_of(claim.ahead[half:] + claim.behind[half:])
            assert {run.key for run in before} <= theirs
            assert {point.panel for point in claim.ahead} == {claim.text[1]}


# Printed sizes


@pytest.mark.parametrize(
    ("name", "said", "sizes"),
    [
        ("fig1", "SENet with 25K", ["2.1"]),
        ("fig3a", "widest gap", ["2.6 to 4.2", "2.6 to 4.2"]),
        ("fig5", "more ReLUs than 90K", ["12.9"]),
        ("fig5", "fewer ReLUs than 90K", ["11.6"]),
        ("fig5", "at 25K ReLUs: ResNet18 before WRN16x8", ["3.2"]),
        ("fig5", "at 15K ReLUs: ResNet18 before WRN16x8", ["4.6"]),
        ("fig7", "at the counts of SNL", ["2.44", "2.26"]),
        ("fig12", "before scaling", ["1 to 3"] * 12),
        ("fig20", "at 50K ReLUs", ["2.44"]),
        ("fig20", "HRN(w/ Th.)+SNL before HRN(w/o Th.)+SNL", ["0 to 3"] * 4 + ["2.44"]),
        ("table5", "gains by Thinning", ["0.38", "1.81", "2.24"]),
        ("table5", "less accurate", ["1.73", "0.64", "0.99"]),
    ],
)
def test_a_size_that_the_paper_prints_is_judged(name: str, said: str, sizes: list[str]) -> None:
    claims = [each for each in find(name).claims(list(drawn(name))) if said in each.text]
    assert [str(each.size) for each in claims] == sizes


def test_the_gain_at_25k_is_the_label_of_figure_1() -> None:
    (claim,) = [
        each for each in find("fig1").claims(list(drawn("fig1"))) if "SENet with 25K" in each.text
    ]
    assert claim.size == sizes.one(sizes.label("1", "b", "accuracy gain label"))


def test_every_label_of_figure_7_is_in_a_mean() -> None:
    assert [len(sizes.labels("7", f"{panel} ")) for panel in "ab"] == [4, 4]


def test_the_printed_accuracies_of_table_5_have_the_printed_sizes() -> None:
    """Within the rounding of the differences' mean."""
    points = list(drawn("table5", seeds=(1, 2)))
    judged = judge(find("table5").claims(points), records(points, lambda p, _: p.printed))
    for row in judged.rows:
        assert row.claim.size is not None
        assert row.mean == pytest.approx(row.claim.size.low, abs=0.0051)


@pytest.mark.parametrize(("low", "high"), [(3.0, 1.0), (0.0, inf), (nan, nan)])
def test_a_size_is_a_number_or_a_range(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="a size goes from a number to no smaller one"):
        sizes.Size(low, high)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fig3f", "Beta is ahead of Gamma"),
        ("fig3e", "Beta is more ReLU-efficient than Alpha"),
        ("fig5", "ResNet32 before VGG16"),
        ("fig5", "beyond 200K ReLUs: WRN22x4 before ResNet18"),
        ("fig13", "StageCh(ResNet18) before WideResNet-28xk"),
        ("fig16", "(a) DeepReDuce: HRN-2x7x2x similar to HRN-2x9x2x"),
        ("fig16", "(c) DeepReDuce: HRN-5x5x3x similar to HRN-5x6x3x"),
        ("fig3b", "ResNet56 gains less from 6x6x6x on"),
        ("fig17", "(b) HRN[1,5,5,3]"),
        ("fig22", "further ahead on ResNet18(m=128) than on ResNet18(m=64)"),
        ("fig23", "(h) HRN-6x6x2x(m=16): reuse gains on scaling by Thinning"),
        ("fig22", "(h) by 2: Scaling before ReLU-reuse"),
        ("fig11", "(c) HRN-5x5x3x(m=64) not behind RegNetX-1.6GF"),
    ],
)
def test_what_the_text_says_in_so_many_words_is_a_claim(name: str, said: str) -> None:
    assert sum(said in each.text for each in find(name).claims(list(drawn(name)))) == 1


@pytest.mark.parametrize(
    ("name", "table", "dataset"),
    [("fig1", "table07", "CIFAR-100"), ("fig11", "table08", "CIFAR-100")],
)
def test_every_row_of_the_comparisons_is_a_claim(name: str, table: str, dataset: str) -> None:
    rows = [row for row in tables.table(table) if row["dataset"] == dataset]
    claims = [each for each in find(name).claims(list(drawn(name))) if each.paired]
    for row in rows:
        said = f"{row['sota_method']} with {row['sota_relus_K']}K ReLUs"
        (claim,) = [each for each in claims if each.text.startswith("(a)") and said in each.text]
        (ahead,), (behind,) = claim.ahead, claim.behind
        assert (ahead.printed, behind.printed) == (
            float(row["hrn_acc_pct"]),
            float(row["sota_acc_pct"]),
        )


def test_claims_of_criticality_are_those_with_a_teacher() -> None:
    for name in ("table10", "table11"):
        claims = find(name).claims(list(drawn(name)))
        assert {point.panel for each in claims for point in each.ahead + each.behind} == {"b"}


def test_networks_without_reductions_have_the_accuracies_of_table_16() -> None:
    column = [float(row["acc_cifar100_pct"]) for row in tables.table("table16")]
    assert sorted(p.printed for p in drawn("fig13") if p.printed) == sorted(column)


def test_two_regnets_have_the_accuracies_of_section_5() -> None:
    found = {p.paper.name: p.printed for p in drawn("fig11") if p.series == "RegNet-X"}
    assert {name: value for name, value in found.items() if value} == {
        "RegNetX-200MF": 78.26,
        "RegNetX-1.6GF": 80.63,
    }


# Figure 12 and Tables 10 and 11 in particular


@SIZES
def test_reuse_and_scaling_of_figure_12_leave_the_same_relus(size: str) -> None:
    for claim in find("fig12").claims(list(drawn("fig12", size))):
        if claim.paired:
            (ahead,), (behind,) = claim.ahead, claim.behind
            assert ahead.relus == behind.relus
            assert (ahead.series, behind.series) == ("HRN w/ Re2", "HRN w/o Re2")


def test_every_network_of_figure_12_has_the_factors_of_its_panel() -> None:
    for point in drawn("fig12"):
        if point.budget is None:
            factors = "x".join(str(b // a) for a, b in pairwise(point.paper.widths))
            assert f"HRN-{factors}x" in find("fig12").panels[point.panel].title


def test_the_searches_of_figure_12_leave_the_relus_of_its_panels() -> None:
    for panel in "abcdef":
        here = [point for point in drawn("fig12") if point.panel == panel]
        relus = {point.relus for point in here if point.budget is None}
        for series in ("SNL(vanilla)", "SNL(channel)"):
            assert {point.budget for point in here if point.series == series} == relus


def test_stages_alone_have_the_relus_of_the_whole_network_between_them() -> None:
    alone = [p for p in drawn("table10") if p.series.startswith("ResNet18(m=16) S")]
    labels = [point.relus for point in alone if point.panel == "a"]
    assert tuple(labels) == cost(resnet18(16)).stage_relus
