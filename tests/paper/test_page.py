"""What a page shows, in which order: with a stub in place of training."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from IPython.display import HTML, Markdown

from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.paper import page as module
from deepreshape.paper.figures.narrow import Picture
from deepreshape.paper.page import (
    ALL,
    DIGITS,
    NO_EVIDENCE,
    SMALLER,
    STRONGEST,
    TOGETHER,
    Page,
    relus_by_series,
    reuse_beside_scaling,
)
from deepreshape.paper.printed import comparisons
from deepreshape.paper.trained.experiments import find
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.places import ROOT
from tests.paper.records import record

Asked = list[tuple[Run, str]]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is shown."""
    found: list[Any] = []
    monkeypatch.setattr(module, "display", found.append)
    return found


def kinds(shown: Sequence[Any]) -> list[type]:
    return [type(each) for each in shown]


def texts(shown: Sequence[Any]) -> str:
    return "\n".join(each.data for each in shown if isinstance(each, Markdown))


@pytest.fixture
def page(asked: Asked, tmp_path: Path) -> Page:
    """Of digits alone: nothing of it is recorded."""
    return Page("table6", "quick", store=str(tmp_path / "runs"), out=str(tmp_path / "figures"))


@pytest.fixture
def led(asked: Asked, kept: Store, tmp_path: Path) -> Page:
    """Led by a record on the paper's data, with digits behind."""
    run = find("table6").drawn(PROFILES["short"])[0].runs[0]
    kept.put(run, record(run, 60.0))
    return Page("table6", "quick", store=str(tmp_path / "runs"), out=str(tmp_path / "figures"))


def test_claim_and_verdict_come_first(page: Page, shown: list[Any]) -> None:
    assert page.show_verdict() is page
    quote, verdict = shown
    assert quote.data.startswith('> "')
    assert quote.data.endswith('" (section 5)')
    assert verdict.data.startswith("**Verdict.** Of 3 claims none is tested: digits")
    assert verdict.data.endswith(TOGETHER)


def test_digits_against_a_claim_are_no_part_of_a_verdict(page: Page, shown: list[Any]) -> None:
    page.show_verdict()
    assert "against" not in texts(shown)
    page.show_claims()
    assert "against the claimed direction" in texts(shown)


def test_what_is_changed_follows_where_numbers_come_from(page: Page, shown: list[Any]) -> None:
    page.show_changes()
    assert kinds(shown) == [Markdown] * 3
    assert shown[0].data == f"Section 5 of the paper. {STRONGEST}"
    assert "Profile **quick**" in shown[1].data
    assert shown[2].data.startswith("- ")


def test_no_time_and_no_machine_is_said_of_digits(page: Page, shown: list[Any]) -> None:
    page.show_changes()
    page.show_results()
    assert "minutes" not in texts(shown)
    assert "abacus" not in texts(shown)


def test_time_and_machine_are_said_of_what_is_recorded(led: Page, shown: list[Any]) -> None:
    led.show_results()
    assert "minutes" in texts(shown)
    assert "abacus" in texts(shown)


def test_results_are_a_picture_and_numbers_and_are_saved(
    page: Page, shown: list[Any], tmp_path: Path
) -> None:
    page.show_results()
    assert kinds(shown) == [Picture, Markdown, Markdown, HTML, Markdown]
    assert shown[1].data.startswith("**seeds** 1 · **scale** digits")
    assert 'download="table6.csv"' in shown[2].data
    saved = {path.name for path in (tmp_path / "figures").iterdir()}
    assert saved == {"table6.png", "table6.svg", "table6.narrow.svg", "table6.csv"}
    assert "T_table6-numbers" in shown[3].data


def test_differences_are_of_the_papers_images_alone(
    page: Page, led: Page, shown: list[Any]
) -> None:
    for given, told in ((page, False), (led, True)):
        shown.clear()
        given.show_results()
        (table,) = (each.data for each in shown if isinstance(each, HTML))
        assert ("ours - paper" in table) == told
        assert ("*Ours - paper*" in texts(shown)) == told
        assert (NO_EVIDENCE in table) != told


def test_columns_say_of_searches_what_they_leave(
    asked: Asked, shown: list[Any], tmp_path: Path
) -> None:
    for name, expected in (("table6", False), ("table12", True)):
        shown.clear()
        made = Page(name, "smoke", store=str(tmp_path / "runs"), out=str(tmp_path))
        made.show_results()
        assert ("after a search" in texts(shown)) == expected


def test_runs_without_a_result_are_named_below_the_picture(
    asked: Asked, kept: Store, shown: list[Any], tmp_path: Path
) -> None:
    run = find("fig3e").drawn(PROFILES["smoke"])[0].runs[0]
    kept.put(run, record(run, None))
    Page("fig3e", "smoke", store=str(tmp_path / "runs"), out=str(tmp_path)).show_results()
    assert kinds(shown) == [Picture, Markdown, Markdown, Markdown, HTML, Markdown]
    assert "the loss is nan" in shown[2].data


def test_judgements_stand_before_how_they_are_made(page: Page, shown: list[Any]) -> None:
    page.show_claims()
    assert kinds(shown)[:2] == [HTML, Markdown]
    assert "T_table6-claims" in shown[0].data
    assert "same seeds" in shown[1].data


def test_a_cost_has_its_command_and_the_keys_of_the_records(led: Page, shown: list[Any]) -> None:
    led.show_cost()
    assert kinds(shown) == [Markdown, HTML, Markdown]
    assert "`make reproduce-table6`" in shown[0].data
    assert "T_table6-cost" in shown[1].data
    (run,) = led.points[0].runs
    assert f"{run.key}  {run.network}, seed {run.seed}, done" in shown[2].data
    assert "--store data/runs" in shown[2].data


def test_nothing_stands_besides_what_was_shown_already(page: Page, shown: list[Any]) -> None:
    page.show_trained_here()
    assert texts(shown) == ALL
    assert len(shown) == 1


def test_digits_come_behind_what_is_recorded(led: Page, shown: list[Any], tmp_path: Path) -> None:
    led.show_results()
    assert len(led.points) == 1
    shown.clear()
    led.show_trained_here()
    assert kinds(shown) == [*[Markdown] * 3, Picture, Markdown, HTML, HTML, Markdown]
    assert DIGITS in shown[0].data
    assert "Profile **quick**" in shown[1].data
    assert (tmp_path / "figures" / "table6-here.png").is_file()


def test_a_part_of_the_papers_data_is_no_digits(
    led: Page, asked: Asked, shown: list[Any], tmp_path: Path
) -> None:
    part = Page("table6", "quick", "cifar100", store=str(tmp_path / "part"), out=str(tmp_path))
    part.show_trained_here()
    assert SMALLER in shown[0].data


def test_an_empty_table_is_not_shown(page: Page, shown: list[Any]) -> None:
    page.show_table(module.pd.DataFrame(), "nothing")
    assert shown == []


def test_counts_are_shown_with_their_verdict(page: Page, shown: list[Any]) -> None:
    page.show_counts("table06", ["relus_K"])
    assert kinds(shown) == [HTML, Markdown]
    assert shown[1].data == comparisons.sentence("table06")


def test_settings_that_are_not_given_are_the_environments(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROFILE", "smoke")
    monkeypatch.setenv("SEEDS", "3")
    monkeypatch.setenv("DEEPRESHAPE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("FIGURES", str(tmp_path / "figures"))
    made = Page("fig3e")
    assert made.out == tmp_path / "figures"
    assert {(run.recipe, run.seed) for run, _ in asked} == {(PROFILES["smoke"].recipe, 3)}
    assert list((tmp_path / "runs").glob("*.json"))


def test_without_an_environment_a_page_is_quick_and_writes_into_the_checkout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PROFILE", "DATASET", "SEEDS", "DEVICE", "DEEPRESHAPE_RUNS", "FIGURES"):
        monkeypatch.delenv(name, raising=False)
    given: list[Any] = []
    monkeypatch.setattr(module, "reproduce", lambda *settings: given.extend(settings))
    monkeypatch.setattr(module, "strongest", lambda here: here)
    assert Page("fig3e").out == ROOT / "build/figures"
    assert given == ["fig3e", "quick", "", "1", "auto", str(ROOT / "build/runs")]


def test_the_papers_counts_are_a_line_a_series() -> None:
    points = find("fig11").drawn(PROFILES["paper"], panels="c")
    lines = relus_by_series(points).splitlines()
    assert len(lines) == 5
    assert lines[1].split() == ["HRN-5x5x3x", "343.0", "686.1", "1372.2"]
    both = find("fig18").drawn(PROFILES["paper"], panels="ab")
    assert relus_by_series(both).startswith("(a) HRN-2x5x3x ")


def test_reuse_and_scaling_with_equal_relus_share_a_line() -> None:
    lines = reuse_beside_scaling(find("fig22").drawn(PROFILES["paper"], panels="c")).splitlines()
    first = lines[0].split()
    assert (first[1], first[4]) == ("and", "ReLUs")
    assert float(first[5]) > float(first[6])
