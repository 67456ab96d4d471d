"""How a computed value agrees with the printed one, and how many of the paper's do."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.paper.printed import tables
from deepreshape.paper.printed.tables import TABLES, Printed, Rounding
from deepreshape.paper.printed.verdicts import KINDS, TOLERANCE, Verdict, judge, totals, verify


def value(text: str, tolerance: float = 0.0, erratum: str = "") -> Printed:
    rule = "within" if tolerance else "rounded"
    return Printed("table", 1, "column", text, Rounding(rule, tolerance, "", erratum))


def kind(text: str, computed: float | str, tolerance: float = 0.0) -> str:
    return judge(value(text, tolerance), computed).kind


# Numbers


@pytest.mark.parametrize("computed", [2.75, 2.8, 2.8499])
def test_a_value_is_equal_from_half_a_digit_below_to_half_a_digit_above(computed: float) -> None:
    assert kind("2.8", computed) == "equal"


@pytest.mark.parametrize("computed", [2.7499, 2.85, -2.8])
def test_a_value_is_equal_no_further(computed: float) -> None:
    assert kind("2.8", computed) != "equal"


def test_half_a_digit_is_rounded_up_as_it_is_written_not_as_it_is_stored() -> None:
    assert float("2.675") < Decimal("2.675")
    assert kind("2.68", 2.675) == "equal"


def test_half_a_digit_is_rounded_up_to_an_odd_digit_too() -> None:
    assert kind("2.5", 2.45) == "equal"
    assert kind("2.4", 2.45) != "equal"


@pytest.mark.parametrize(("text", "computed"), [("-1.73", -1.725), ("-1.73", -1.7349)])
def test_a_negative_value_is_rounded_away_from_zero(text: str, computed: float) -> None:
    assert kind(text, computed) == "equal"


@pytest.mark.parametrize(
    ("text", "computed"), [("2.8", 2.85), ("2.8", 2.8999), ("-2.8", -2.85), ("8.3", 8.384)]
)
def test_a_value_is_equal_when_cut_up_to_the_next_digit(text: str, computed: float) -> None:
    assert kind(text, computed) == "equal when cut"


@pytest.mark.parametrize(("text", "computed"), [("2.8", 2.9), ("0.9", 1.0), ("8.3", 8.2499)])
def test_a_value_is_not_equal_when_cut_further(text: str, computed: float) -> None:
    assert kind(text, computed) not in ("equal", "equal when cut")


@pytest.mark.parametrize("text", ["2", "2.0", "2.00"])
def test_the_digits_that_are_printed_count(text: str) -> None:
    assert (kind(text, 2.04) == "equal") == (text != "2.00")
    assert (kind(text, 2.4) == "equal") == (text == "2")


@pytest.mark.parametrize(
    ("computed", "expected"),
    [(2.02, "within"), (1.98, "within"), (2.0201, "differs"), (1.9799, "differs")],
)
def test_a_tolerance_is_relative_to_the_printed_value(computed: float, expected: str) -> None:
    assert kind("2.000", computed, 0.01) == expected


def test_without_a_tolerance_of_its_own_a_value_has_the_usual_one() -> None:
    assert kind("2.0000", 2 * (1 + TOLERANCE)) == "within"
    assert kind("2.0000", 2 * (1 + TOLERANCE) + 0.0001) == "differs"


def test_an_equal_value_is_not_only_within_its_tolerance() -> None:
    assert kind("2.0", 2.0, 0.5) == "equal"


def test_zero_has_no_neighbours_within() -> None:
    assert kind("0.00", 0.004) == "equal"
    assert kind("0.00", 0.009) == "equal when cut"
    assert kind("0.00", 0.01) == "differs"


@given(st.integers(-(10**9), 10**9))
def test_a_whole_number_is_equal_to_itself(number: int) -> None:
    assert kind(str(number), number) == "equal"


@given(st.decimals(-(10**6), 10**6, places=2))
def test_a_number_is_equal_to_what_it_prints(number: Decimal) -> None:
    assert kind(str(number), float(number)) == "equal"


@given(st.integers(-(10**6), 10**6), st.sampled_from([-1, 1]), st.integers(0, 3))
def test_a_number_one_digit_off_is_never_equal(number: int, off_by: int, digits: int) -> None:
    text = str(Decimal(number).scaleb(-digits))
    other = float(Decimal(number + off_by).scaleb(-digits))
    assert kind(text, other) not in ("equal", "equal when cut")


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_what_is_rounded_or_cut_to_a_text_is_equal_to_it(number: float, digits: int) -> None:
    exact, unit = Decimal(repr(number)), Decimal(1).scaleb(-digits)
    rounded = exact.quantize(unit, rounding="ROUND_HALF_UP")
    cut = exact.quantize(unit, rounding="ROUND_DOWN")
    assert kind(str(rounded), number) == "equal"
    assert kind(str(cut), number) == ("equal" if cut == rounded else "equal when cut")


# Texts


@pytest.mark.parametrize(
    ("text", "computed", "expected"),
    [
        ("[4x4;512]", "[4x4;512]", "equal"),
        ("[8x8;480]", "[4x4;480]", "differs"),
        ("1;2", "1;2 ", "differs"),
        ("1", "1.0", "differs"),
    ],
)
def test_a_text_is_equal_to_itself_alone(text: str, computed: str, expected: str) -> None:
    assert kind(text, computed) == expected


# Words


@pytest.mark.parametrize(
    ("computed", "text"),
    [
        (100.4, "equal"),
        (100.6, "equal when cut"),
        (104, "within 4.0 %"),
        (104.01, "within 4.1 %"),
        (95, "within 5.0 %"),
        (106, "differs"),
    ],
)
def test_a_verdict_says_how_far_a_value_is_off_rounded_up(computed: float, text: str) -> None:
    assert judge(value("100", 0.05), computed).text == text


@given(st.floats(95, 105))
def test_a_value_is_within_what_its_verdict_says(computed: float) -> None:
    verdict = judge(value("100.000", 0.05), computed)
    if verdict.kind == "within":
        said = float(verdict.text.removeprefix("within ").removesuffix(" %"))
        assert abs(computed - 100) <= said + 1e-9
        assert abs(computed - 100) > said - 0.1 - 1e-9


def test_an_equal_value_has_no_deviation() -> None:
    assert judge(value("2.8"), 2.84).deviation == 0
    assert judge(value("2.8"), 2.89).deviation == 0
    assert judge(value("[8x8;480]"), "[4x4;480]").deviation == 0


def test_a_deviation_is_relative_to_the_printed_value() -> None:
    assert judge(value("2.0"), 3.0).deviation == 0.5
    assert judge(value("-2.0"), -1.0).deviation == 0.5


@pytest.mark.parametrize(
    ("text", "computed", "shown"),
    [
        ("2.8", 2.84567, "2.846"),
        ("3", 2.84567, "2.85"),
        ("2.80", 2.84567, "2.8457"),
        ("[8x8;480]", "[4x4;480]", "[4x4;480]"),
    ],
)
def test_a_computed_value_is_shown_with_two_more_digits(
    text: str, computed: float | str, shown: str
) -> None:
    assert judge(value(text), computed).shown == shown


def test_a_value_that_differs_must_have_an_erratum() -> None:
    assert not judge(value("2.8"), 3.0).explained
    assert judge(value("2.8", erratum="T1"), 3.0).explained


@pytest.mark.parametrize("computed", [2.8, 2.89, 2.81])
def test_a_value_that_does_not_differ_needs_no_erratum(computed: float) -> None:
    assert judge(value("2.8"), computed).explained


# Tables

EVERY: list[Verdict] = [verdict for name in TABLES for verdict in verify(name)]
EQUAL = 869
"""As many values an independent recomputation with the paper's conventions found equal."""


def place(verdict: Verdict) -> str:
    return f"{verdict.printed.table}-{verdict.printed.row}-{verdict.printed.column}"


def test_the_paper_is_reproduced_to_its_printed_digits() -> None:
    counted = totals(EVERY)
    assert counted["equal"] >= EQUAL
    assert counted["equal"] / len(EVERY) > 0.9
    assert counted["differs"] / len(EVERY) < 0.02


@pytest.mark.parametrize(
    "name", [name for name in TABLES if name not in ("table06", "table07", "table08")]
)
def test_but_for_three_tables_nothing_is_only_within_a_tolerance(name: str) -> None:
    """Appendix F writes a digit for another, in a number of four."""
    expected = 1 if name == "text_claims" else 0
    assert totals(verify(name))["within"] == expected


def test_nothing_differs_without_an_erratum() -> None:
    assert [place(verdict) for verdict in EVERY if not verdict.explained] == []


def test_the_rule_of_a_note_on_one_value_is_the_verdict_on_it() -> None:
    kinds = {"cut": "equal when cut", "within": "within", "differs": "differs"}
    for row in tables.table("roundings"):
        if row["row"] != "*":
            found = {
                verdict.kind
                for verdict in EVERY
                if (verdict.printed.table, verdict.printed.row, verdict.printed.column)
                == (row["table"], int(row["row"]), row["column"])
            }
            assert found == {kinds[row["rule"]]}, row


def test_all_verdicts_of_a_table_are_on_its_own_values() -> None:
    for name in TABLES:
        for verdict in verify(name):
            at = verdict.printed
            assert at == tables.value(name, at.row, at.column)
            assert at.text not in ("", "NA")


# A check that nothing fails would show nothing: which values would a small error move?


def moved(verdict: Verdict, factor: float) -> bool:
    assert not isinstance(verdict.computed, str)
    return judge(verdict.printed, factor * verdict.computed).kind != "equal"


def digit(verdict: Verdict) -> float:
    """What one of the last printed digit is worth."""
    return 10.0 ** -len(verdict.printed.text.partition(".")[2])


FINE = [
    verdict
    for verdict in EVERY
    if verdict.kind == "equal"
    and not isinstance(verdict.computed, str)
    and digit(verdict) < 0.03 * abs(verdict.computed)
]
"""Equal values whose printed digits tell three per cent."""


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_a_value_three_per_cent_off_would_not_be_equal(factor: float) -> None:
    assert [place(verdict) for verdict in FINE if not moved(verdict, factor)] == []


def test_most_equal_values_tell_three_per_cent() -> None:
    assert len(FINE) > 2 / 3 * totals(EVERY)["equal"]


@pytest.mark.parametrize("off_by", [-1, 1])
def test_a_value_one_digit_off_would_not_be_equal(off_by: int) -> None:
    for verdict in EVERY:
        if verdict.kind == "equal" and not isinstance(verdict.computed, str):
            other = verdict.computed + off_by * (1 + 1e-9) * digit(verdict)
            assert judge(verdict.printed, other).kind != "equal", place(verdict)


def test_no_computed_number_is_missing() -> None:
    for verdict in EVERY:
        if not isinstance(verdict.computed, str):
            assert math.isfinite(verdict.computed), place(verdict)


# Totals


def test_totals_count_every_kind() -> None:
    some = [judge(value("2.8"), computed) for computed in (2.8, 2.8, 2.89, 3.0)]
    assert totals(some) == {"equal": 2, "equal when cut": 1, "within": 0, "differs": 1}


def test_totals_of_nothing_are_zeros_in_order() -> None:
    assert list(totals([]).items()) == [(kind, 0) for kind in KINDS]


@pytest.mark.parametrize("name", TABLES)
def test_totals_add_up_to_the_tables_values(name: str) -> None:
    assert sum(totals(verify(name)).values()) == len(verify(name)) > 0


def test_verdicts_may_be_of_some_columns_and_rows() -> None:
    found = verify("table16", ["relus_K", "flops_M"], rows=range(2, 4))
    places = {(verdict.printed.row, verdict.printed.column) for verdict in found}
    assert places == {(row, column) for row in (2, 3) for column in ("relus_K", "flops_M")}
    assert verify("table16", []) == verify("table16", rows=[]) == ()
