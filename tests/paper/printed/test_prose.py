"""Numbers in prose and in figures: each formula finds its claim, and says what it computes."""

import pytest

from deepreshape.design import cost, cull, parse
from deepreshape.design.equalize import equalized
from deepreshape.paper.printed import prose, tables
from deepreshape.paper.printed.counts import shares
from deepreshape.paper.printed.prose import DROPPED, FORMULAS, KEYS, critical_dropped, values

PLACES = [
    " | ".join(row[key] for key in keys)
    for name, keys in KEYS.items()
    for row in tables.table(name)
]


def number(name: str, **wanted: str) -> int:
    """The row of a claim."""
    for place, row in enumerate(tables.table(name), start=1):
        if wanted.items() <= row.items():
            return place
    raise LookupError(wanted)


def computed(name: str, **wanted: str) -> float | str:
    (found,) = [each for row, _, each in values(name) if row == number(name, **wanted)]
    return found


# Places


def test_every_claim_and_label_has_a_place_of_its_own() -> None:
    assert sorted(set(PLACES)) == sorted(PLACES)


@pytest.mark.parametrize("place", FORMULAS)
def test_a_formula_is_of_a_claim(place: str) -> None:
    assert place in PLACES


def test_every_claim_in_prose_has_a_formula_but_the_one_that_rounds_three_ratios() -> None:
    rows = {row for row, _, _ in values("text_claims")}
    missing = [
        row["claim"]
        for place, row in enumerate(tables.table("text_claims"), start=1)
        if place not in rows
    ]
    assert missing == ["2x2x2x(m=32) fewer FLOPs than the wider ones"]


def test_every_number_in_a_figure_that_is_a_count_has_a_formula() -> None:
    rows = {row for row, _, _ in values("figures")}
    counts = {
        place
        for place, row in enumerate(tables.table("figures"), start=1)
        if row["unit"] in ("channels", "pct_of_total_relus") or "share" in row["item"]
    }
    assert counts
    assert counts <= rows


@pytest.mark.parametrize("name", KEYS)
def test_values_stand_in_the_column_of_values(name: str) -> None:
    assert {column for _, column, _ in values(name)} == {"value"}


# What they compute


@pytest.mark.parametrize("name", DROPPED.values())
def test_what_must_be_dropped_leaves_25_thousand_relus(name: str) -> None:
    """Culling stage 1 leaves the rest, of which a share of all goes."""
    network = parse(name)
    total = cost(network).total_relus
    left = cost(cull(network, [1])).total_relus - critical_dropped(name) / 100 * total
    assert left == pytest.approx(25_000)


@pytest.mark.parametrize("name", DROPPED.values())
def test_to_keep_all_of_the_later_stages_nothing_must_be_dropped(name: str) -> None:
    later = cost(cull(parse(name), [1])).total_relus / 1000
    assert critical_dropped(name, later) == pytest.approx(0, abs=1e-9)


def test_the_non_critical_relus_of_figure_19_are_stage_1_with_the_stem() -> None:
    for label, name in DROPPED.items():
        item = f"{label} non-critical ReLUs dropped"
        assert computed("figures", item=item) == shares(parse(name))[0]


def test_the_pool_of_appendix_f_halves_and_ends_at_50_thousand() -> None:
    pool = computed("text_claims", claim="HRN-5x7x2x initial ReLU pool")
    assert isinstance(pool, float)
    assert computed("text_claims", claim="pool after Thinning") == pool / 2
    assert computed("text_claims", claim="ReLUs eliminated") == pool - 50
    assert computed("text_claims", claim="ReLUs dropped after Thinning") == pool / 2 - 50


def test_the_printed_pairs_are_factors_that_equalize_and_one_less_does_not() -> None:
    text = computed("text_claims", section="4.1")
    assert isinstance(text, str)
    for pair in text.split(" | "):
        (beta, gamma), alpha = map(int, pair[1:4].split(";")), int(pair.partition("&")[2])
        assert equalized(prose.R18, (alpha, beta, gamma), prose.ORDER)
        assert not equalized(prose.R18, (alpha - 1, beta, gamma), prose.ORDER)


def test_the_depths_of_appendix_d_are_not_equalized_and_those_computed_are() -> None:
    row = number("text_claims", claim="depth solutions")
    text = tables.value("text_claims", row, "value").text
    assert not any(_holds(depths) for depths in text.split(" | "))
    found = computed("text_claims", claim="depth solutions")
    assert isinstance(found, str)
    assert all(_holds(depths) for depths in found.split(" | "))


def _holds(depths: str) -> bool:
    return equalized(tuple(map(int, depths.strip("()").split(";"))), (2, 2, 2), prose.ORDER)


def test_the_accuracy_drop_of_section_5_is_between_those_of_its_two_columns() -> None:
    two, four = (
        next(row for row in tables.table("table09") if row["reduction_factor_N"] == factor)
        for factor in ("2", "4")
    )
    drops = [
        float(two[f"acc_N_divisions_{which}_reuse_pct"])
        - float(four[f"acc_N_divisions_{which}_reuse_pct"])
        for which in ("with", "without")
    ]
    drop = computed("text_claims", claim="accuracy drop from N=2 to N=4 (Table 9)")
    assert isinstance(drop, float)
    assert min(drops) < drop < max(drops)


def test_a_cell_is_a_printed_number() -> None:
    assert prose.cell("table03 2 relus_K") == float(tables.table("table03")[1]["relus_K"])


def test_what_a_client_stores_of_a_relu_is_in_kibibytes() -> None:
    stored = computed("text_claims", claim="GC storage per ReLU")
    row = number("text_claims", claim="GC storage per ReLU")
    assert tables.table("text_claims")[row - 1]["unit"] == "KiB"
    assert isinstance(stored, float)
    assert (1024 * stored).is_integer()
