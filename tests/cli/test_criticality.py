"""`deepreshape criticality`: stages one by one, their order, and what separates them."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from deepreshape import places
from deepreshape.cli import commands
from deepreshape.learn.runs.store import Store
from tests.cli.commands import Command, check_refusal

TINY = ["--profile", "smoke", "--data", "mnist5k[per_class=8,size=8]", "--workers", "1"]
RECORDED = ["ResNet18(m=16)", "--data", "cifar100", "--profile", "short"]
"""What this repository has records of: the first row of Table 10, at a reduced scale."""


def ordered(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("criticality", *arguments, "--quiet", "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_recorded_runs_are_not_made_again_and_give_the_printed_order(
    call: Command, tmp_path: Path
) -> None:
    found = ordered(call, *RECORDED, "--store", str(tmp_path))
    assert found["order"] == [3, 2, 4, 1]
    assert [len(stage["accuracies"]) for stage in found["stages"]] == [3] * 4
    assert all(pair["separated"] for pair in found["neighbours"])
    assert list(tmp_path.iterdir()) == []


def test_the_order_is_what_suggest_takes(call: Command, tmp_path: Path) -> None:
    command = shlex.split(ordered(call, *RECORDED, "--store", str(tmp_path))["command"])
    assert command[:2] == ["deepreshape", "suggest"]
    context = commands.commands["suggest"].make_context("suggest", command[2:])
    assert context.params["order"] == (3, 2, 4, 1)
    assert context.params["depths"] == ((2, 2, 2, 2),)
    assert context.params["data"] == "cifar100"


def test_stages_are_trained_one_by_one_and_once(call: Command, shelf: Path, float32: None) -> None:
    asked = ["Net(4; 4x1, 8x1)", *TINY, "--seeds", "1-2", "--teacher", "Net(4; 4x1, 4x1)"]
    found = ordered(call, *asked)
    assert sorted(found["order"]) == [1, 2]
    records = {record.key: record for record in Store(shelf).records()}
    assert len(records) == 5  # a teacher, and two stages with two seeds
    names = [stage["network"] for stage in found["stages"]]
    assert names == ["Net(4; 4x1, 8x1)-C2", "Net(4; 4x1, 8x1)-C1"]
    before = {path: path.stat().st_mtime_ns for path in shelf.glob("*.json")}
    assert ordered(call, *asked) == found
    assert {path: path.stat().st_mtime_ns for path in shelf.glob("*.json")} == before


def test_labels_alone_have_no_teacher(call: Command, shelf: Path, float32: None) -> None:
    found = ordered(call, "Net(4; 4x1, 8x1)", *TINY, "--seeds", "1", "--teacher", "none")
    assert found["teacher"] is None
    assert len(list(shelf.glob("*.json"))) == 2
    assert {pair["half_interval"] for pair in found["neighbours"]} == {None}


def test_a_network_of_other_blocks_has_an_order_and_nothing_to_suggest(
    call: Command, shelf: Path, float32: None
) -> None:
    asked = ["PlainNet(4; 4x1, 8x1)", *TINY, "--seeds", "1", "--teacher", "none"]
    assert ordered(call, *asked)["command"] is None
    assert "deepreshape suggest" not in call("criticality", *asked, "--quiet").out


def test_the_table_says_what_separates_the_stages(call: Command, tmp_path: Path) -> None:
    shown = ["criticality", *RECORDED, "--store", str(tmp_path)]
    three = call(*shown).out
    assert "S3 > S2 > S4 > S1" in three
    assert "Each is separated from the next" in three
    one = call(*shown, "--seeds", "1").out
    assert "One seed does not say how far apart stages are" in one


def test_it_fits_80_columns(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = call("criticality", *RECORDED, "--store", str(tmp_path)).out.splitlines()
    assert max(map(len, lines[:-1])) <= 80  # the last is a command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Missing argument 'NETWORK'"),
        ("LeNet", "unknown network 'LeNet'"),
        ("ResNet18 --data nothing", "unknown data set 'nothing'"),
        ("ResNet18 --seeds 3-1", "ends before it begins"),
        ("ResNet18 --seeds 1,1", "names a number twice"),
        ("ResNet18 --seeds -1", "a seed lies between 0 and 2^32 - 1"),
        ("ResNet18 --teacher LeNet", "unknown network 'LeNet'"),
        ("ResNet18 --profile none", "none"),
        ("ResNet18 --epochs 0", "epochs must be at least 1"),
        ("ResNet18 --workers 0", "workers must be at least 1"),
        ("ResNet18 --cull 1", "stage 1 of ResNet18-C1 has no ReLUs to judge"),
        ("Net(4;4x1)", "there is nothing to order"),
    ],
)
def test_what_cannot_be_ordered_is_refused_before_anything_is_trained(
    arguments: str, said: str, call: Command, shelf: Path
) -> None:
    check_refusal(call("criticality", *arguments.split()), said)
    assert not shelf.exists()


def test_a_run_that_failed_is_named(
    call: Command, shelf: Path, float32: None, repository: Path
) -> None:
    assert repository == places.RECORDED
    asked = ["Net(4; 4x1, 8x1)", *TINY, "--teacher", "none", "--seeds", "1", "--rate", "1e30"]
    answer = call("criticality", *asked, "--quiet")
    assert (answer.out, answer.code) == ("", 1)
    assert "failed" in answer.err
    assert answer.err.count("\n") == 1
