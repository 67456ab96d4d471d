"""What the first page shows follows from the data, and the README's picture is of the same data."""

import re

import pandas as pd
import pytest

from deepreshape.paper import front_page
from deepreshape.paper.printed import protocols
from deepreshape.private.measured import Measurements, read


@pytest.fixture(scope="module")
def record() -> Measurements:
    return read()


@pytest.fixture(scope="module")
def rows(record: Measurements) -> pd.DataFrame:
    """The scoreboard by page."""
    return front_page.scoreboard(record).set_index("page")


def test_the_picture_of_the_readme_shows_what_is_computed_now(record: Measurements) -> None:
    written = front_page.PICTURE.read_text(encoding="utf-8")
    assert front_page.digest(front_page.points(record)) in written


def test_a_changed_second_changes_the_digest(record: Measurements) -> None:
    points = front_page.points(record)
    assert front_page.digest(points) != front_page.digest(points.assign(seconds=1.0))


def test_every_panel_has_the_same_networks_of_the_paper(record: Measurements) -> None:
    points = front_page.points(record)
    printed = points[points["networks"].isin(front_page.NETWORKS.values())]
    sets = {
        panel: set(map(tuple, part[["label", "accuracy (%)"]].to_numpy().tolist()))
        for panel, part in printed.groupby("panel")
    }
    first, *others = sets.values()
    assert len(sets) == len(front_page.WAYS)
    assert all(each == first for each in others)


def test_the_sentence_on_fronts_counts_the_panels(record: Measurements) -> None:
    points, all_of = front_page.points(record), len(front_page.WAYS)
    others = points["networks"] != front_page.NETWORKS["HybReNets"]
    own = all_of - points[points["front"] & others]["panel"].nunique()
    assert front_page.fronts(points).startswith(f"In {own} of the {all_of} panels")
    alone = points.assign(front=points["front"] & ~others)
    assert front_page.fronts(alone).startswith(f"In {all_of} of the {all_of} panels")
    mixed = alone.assign(front=alone["panel"].eq(alone["panel"].iloc[0]) | alone["front"])
    assert front_page.fronts(mixed).startswith(f"In {all_of - 1} of the {all_of} panels")


def test_what_is_trained_here_stands_over_both_wires_and_takes_longer_over_the_slow_one(
    record: Measurements,
) -> None:
    fast, slow = front_page.shipped(record)["seconds"]
    assert fast < slow


@pytest.mark.long
def test_the_scoreboard_counts_each_value_claim_and_gain_once(rows: pd.DataFrame) -> None:
    for page, named in {
        "errata": r"([\d,]+) (?:equal|within|differ)",
        "status": r"([\d,]+) (?:agree|disagree|undecided|not tested)",
    }.items():
        counts = [
            int(each.replace(",", ""))
            for each in re.findall(named, rows.found[page].split(". Of")[0])
        ]
        assert sum(counts) == rows.number[page]


def test_the_gains_over_each_wire_are_all_the_gains(
    record: Measurements, rows: pd.DataFrame
) -> None:
    number = len(protocols.gains(record))
    for part in rows.found["protocols"].split("; "):
        counts = re.findall(r"(\d+) (?:hold|less|gone)\b", part)
        assert sum(map(int, counts)) == number == rows.number["protocols"]
