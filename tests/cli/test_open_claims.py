"""`plan --open`: what it takes to decide the claims that are not decided."""

import json
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from deepreshape.learn.runs import speed
from deepreshape.learn.runs.price import Speed, seconds
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine
from deepreshape.paper import reproduce, status
from deepreshape.paper.open_claims import OpenClaim, open_claims
from deepreshape.paper.trained.experiments import find
from deepreshape.paper.trained.profiles import profile
from tests.cli.commands import Command, check_refusal
from tests.paper.records import record

SPEED = Speed(1e-11, 1e-9, 1e-4, 1e-9)


@pytest.fixture(autouse=True)
def nothing_known_but_speed(
    float32: None, shelf: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record is there, there are three pages, and this machine's speed is known."""
    pages = [find(name) for name in ("fig3e", "fig4b", "table6")]
    monkeypatch.setattr(status, "evidence", partial(status.evidence, pages))
    for module in (reproduce, status):
        monkeypatch.setattr(module, "RECORDED", repository)

    def known(machine: Machine, workers: int) -> Speed:
        return SPEED

    monkeypatch.setattr(speed, "known", known)


def planned(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("plan", "--open", *arguments, "--profile", "short", "--workers", "2", "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def claims(name: str) -> list[OpenClaim]:
    known = [each for each in status.evidence() if each.experiment.name == name]
    return open_claims(profile("short"), known, lambda run: True)


def runs_of(name: str) -> set[Run]:
    return {run for each in claims(name) for run in each.runs}


def test_every_run_is_made_once(call: Command) -> None:
    rows = planned(call, "fig3e")["claims"]
    keys = [key for row in rows for key in row["keys"]]
    assert sorted(keys) == sorted(run.key for run in runs_of("fig3e"))


def test_a_line_takes_what_its_runs_take(call: Command) -> None:
    of_key = {run.key: seconds(run, SPEED) for run in runs_of("fig3e")}
    rows = planned(call, "fig3e")["claims"]
    for row in rows:
        assert row["here_s"] == pytest.approx(sum(of_key[key] for key in row["keys"]) / 2)
    sums = list(accumulate(row["here_s"] for row in rows))
    assert [row["so_far_s"] for row in rows] == pytest.approx(sums)


def test_the_claim_that_takes_the_least_comes_first(call: Command) -> None:
    found = claims("table6")
    least = min(sum(seconds(run, SPEED) for run in each.runs) for each in found if each.runs)
    first = planned(call, "table6")["claims"][0]
    assert first["here_s"] == pytest.approx(least / 2)


def test_recorded_runs_are_not_made(call: Command, shelf: Path) -> None:
    for run in runs_of("fig3e"):
        Store(shelf).put(
            run,
            record(run, 50.0),
        )
    found = planned(call, "fig3e", "--seeds", "2-4")
    assert {row["here_s"] for row in found["claims"]} == {0}
    assert found["total"]["to_make"] == 0


def test_what_is_not_drawn_is_named(call: Command) -> None:
    found = planned(call, "fig4b")
    texts = {each.text for each in claims("fig4b")}
    shown = {row["claim"] for part in ("claims", "not_drawn") for row in found[part]}
    assert shown == texts


def test_the_table_ends_in_what_is_left(call: Command) -> None:
    answer = call("plan", "--open", "fig3e", "--profile", "short")
    assert (answer.err, answer.code) == ("", 0)
    assert "3 claims are not decided: 3 are drawn at short, 0 are not" in answer.out


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--profile", "quick"], "profile quick decides nothing"),
        (["--profile", "short", "--panels", "a"], "--panels does not go with --open"),
        (["--profile", "short", "--data", "mnist5k"], "--data does not go with --open"),
    ],
)
def test_what_cannot_be_open_is_refused(call: Command, arguments: list[str], what: str) -> None:
    check_refusal(call("plan", "fig3e", "--open", *arguments), what)
