"""Every value that is not equal has its rule and reason, and every erratum its section."""

import itertools
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import nbformat
import pytest

from deepreshape.paper.printed import tables
from deepreshape.paper.printed.verdicts import Kind, Verdict, verify

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "errata.ipynb"
ERRATA = tables.table("errata")
IDS = [erratum["id"] for erratum in ERRATA]
ENTRIES = tables.table("roundings")
VERDICTS = [verdict for name in tables.TABLES for verdict in verify(name)]
RULES: dict[Kind, str] = {
    "equal": "rounded",
    "equal when cut": "cut",
    "within": "within",
    "differs": "differs",
}

every_erratum = pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum["id"])
every_entry = pytest.mark.parametrize(
    "entry", ENTRIES, ids=lambda entry: f"{entry['table']}-{entry['row']}-{entry['column']}"
)


def place(verdict: Verdict) -> tuple[str, str, str]:
    value = verdict.printed
    return value.table, str(value.row), value.column


def misses_of(entry: tables.Row) -> list[Verdict]:
    """The values that are not equal and whose rule this entry is; row * has those without one."""
    own = {(each["table"], each["row"], each["column"]) for each in ENTRIES}
    key = (entry["table"], entry["row"], entry["column"])
    if entry["row"] != "*":
        return [verdict for verdict in VERDICTS if place(verdict) == key]
    return [
        verdict
        for verdict in VERDICTS
        if (verdict.printed.table, verdict.printed.column) == (entry["table"], entry["column"])
        and place(verdict) not in own
        and verdict.kind != "equal"
    ]


def sections() -> dict[str, str]:
    """The text of each erratum's section, from its label to the next label or heading."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    parts = re.split(r"(?m)^\(erratum-([a-z0-9-]+)\)=\n", text)[1:]
    return {
        name: re.split(r"(?m)^## ", section)[0]
        for name, section in zip(parts[::2], parts[1::2], strict=True)
    }


def flat(text: str) -> str:
    return " ".join(text.split())


# Errata


def test_ids_are_short_names_that_occur_once() -> None:
    assert [name for name, number in Counter(IDS).items() if number > 1] == []
    assert [name for name in IDS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


@every_erratum
def test_every_field_of_an_erratum_is_a_sentence_or_two(erratum: tables.Row) -> None:
    assert None not in erratum
    for name, text in erratum.items():
        assert text == text.strip() != ""
        assert name in ("id", "kind", "where") or text.endswith(".")


def test_the_page_has_a_section_for_each_erratum_in_the_same_order() -> None:
    assert list(sections()) == IDS


@every_erratum
def test_a_section_says_what_the_list_says(erratum: tables.Row) -> None:
    section = flat(sections()[erratum["id"]])
    for column in ("where", "says", "found", "reading", "effect"):
        assert erratum[column] in section


def test_every_section_shows_a_computation() -> None:
    """Between a section's two texts stands an executed cell that shows something."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    for cell, following in itertools.pairwise(cells):
        if cell.cell_type == "markdown" and cell.source.startswith("(erratum-"):
            assert following.cell_type == "code"
            assert "nbval-check-output" in following.metadata["tags"]
            assert following.outputs


# Verdicts


@pytest.mark.parametrize("kind", ["equal when cut", "within", "differs"])
def test_every_value_that_is_not_equal_has_its_rule_and_a_reason(kind: Kind) -> None:
    for verdict in (verdict for verdict in VERDICTS if verdict.kind == kind):
        assert verdict.printed.rounding.rule == RULES[kind], place(verdict)
        assert verdict.printed.rounding.why, place(verdict)


def test_every_value_that_differs_has_an_erratum() -> None:
    differing = [verdict for verdict in VERDICTS if verdict.kind == "differs"]
    assert differing
    assert [place(verdict) for verdict in differing if not verdict.explained] == []


# Roundings


def test_a_place_has_one_entry() -> None:
    places = Counter((entry["table"], entry["row"], entry["column"]) for entry in ENTRIES)
    assert [key for key, number in places.items() if number > 1] == []


@every_entry
def test_an_entry_is_of_values_that_are_not_equal_by_its_own_rule(entry: tables.Row) -> None:
    found = misses_of(entry)
    assert found, "no value is left that this entry speaks of"
    assert {RULES[verdict.kind] for verdict in found} == {entry["rule"]}


@every_entry
def test_an_entry_has_a_reason_and_a_known_erratum(entry: tables.Row) -> None:
    assert entry["why"]
    assert entry["erratum"] in ("", *IDS)
    assert entry["erratum"] or entry["rule"] != "differs"


@every_entry
def test_a_tolerance_stands_with_within_and_is_not_generous(entry: tables.Row) -> None:
    """Not above the largest deviation by more than a factor of 3, since it is a round number."""
    if entry["rule"] != "within":
        assert entry["tolerance"] == ""
    else:
        worst = max(verdict.deviation for verdict in misses_of(entry))
        assert worst <= float(Decimal(entry["tolerance"])) <= 3 * worst


# Groups


HEADINGS = {
    "conclusion": "Changes a conclusion",
    "number": "Changes a number that is compared",
    "misprint": "Only a misprint",
}


def test_the_page_has_every_erratum_in_the_group_of_its_kind() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for kind, heading in HEADINGS.items():
        [group] = re.findall(rf"(?ms)^## {heading}$(.*?)^## ", text)
        found = re.findall(r"(?m)^\(erratum-([a-z0-9-]+)\)=$", group)
        assert found == [erratum["id"] for erratum in ERRATA if erratum["kind"] == kind]


@every_erratum
def test_a_kind_and_an_effect_say_the_same(erratum: tables.Row) -> None:
    without = erratum["effect"].startswith("None")
    assert erratum["kind"] in HEADINGS
    assert without or erratum["kind"] != "misprint"
    assert not without or erratum["kind"] != "conclusion"


def test_what_a_compared_value_refers_to_is_no_misprint() -> None:
    kinds = {erratum["id"]: erratum["kind"] for erratum in ERRATA}
    referred = {entry["erratum"] for entry in ENTRIES if entry["erratum"]}
    assert {kinds[name] for name in referred} == {"conclusion", "number"}
