"""`runs list`, `show`, `compare` and `export`: what they say of records, whole or not."""

import csv
import io
import json
import os
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.record import Record, key_of
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.recipe import Recipe
from tests.cli.commands import Answer, Command, check_refusal, imported, started
from tests.learn.runs.test_migrate import PLAIN as OLD
from tests.learn.runs.test_migrate import old
from tests.learn.runs.test_store import signed
from tests.learn.tiny import RUN, SEARCHED, TAUGHT, TEACHER
from tests.paper.records import record

DISTILLED = replace(TAUGHT, recipe=replace(TAUGHT.recipe, distillation=DKD(beta=2)))
BY_CHANNEL = replace(SEARCHED, search=SNL(320, by="channel"))
IDENTIFIED = replace(SEARCHED, search=SENet(300))
ACCURACIES: dict[Run, float | None] = {
    RUN: 50.0,
    TAUGHT: 52.5,
    DISTILLED: 49.25,
    SEARCHED: 40.0,
    BY_CHANNEL: 41.0,
    IDENTIFIED: None,
}


@pytest.fixture
def kept(shelf: Path) -> Path:
    """A store with a run of each kind, the last the newest."""
    for age, (run, test) in enumerate(ACCURACIES.items()):
        file(shelf, run, test, age)
    return shelf


def file(folder: Path, run: Run, test: float | None = 50.0, age: int = 0) -> Path:
    """A record that was written so many seconds after another."""
    store = Store(folder)
    store.put(run, record(run, test, None if test is None else test + 0.5))
    os.utime(store.path(run), (1e9 + age, 1e9 + age))
    return store.path(run)


def found(answer: Answer) -> Any:
    assert (answer.err, answer.code) == ("", 0)
    return json.loads(answer.out)


def listed(answer: Answer) -> list[str]:
    return [row["key"] for row in found(answer)["runs"]]


def line(answer: Answer, start: str) -> list[str]:
    (row,) = [line.split() for line in answer.out.splitlines() if line.split()[:1] == [start]]
    return row


# list


@pytest.mark.parametrize("arguments", [["runs", "list"], ["runs"]], ids=" ".join)
def test_records_are_listed_the_newest_first(
    arguments: list[str], call: Command, kept: Path
) -> None:
    expected = [run.key for run in reversed(ACCURACIES)]
    assert listed(call(*arguments, "--json")) == expected
    answer = call(*arguments)
    assert (answer.err, answer.code) == ("", 0)
    assert re.findall(r"\b[0-9a-f]{16}\b", answer.out) == expected


def test_a_line_says_what_was_run_and_what_came_of_it(call: Command, kept: Path) -> None:
    answer = call("runs")
    said = "labels mnist5k[per_class=8,size=8] 3 1 1,024 50.50 50.00 30 s done store"
    assert line(answer, RUN.key)[-11:] == said.split()
    assert line(answer, IDENTIFIED.key)[-6:] == ["-", "-", "30", "s", "failed", "store"]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (RUN, "labels"),
        (TAUGHT, "KD"),
        (DISTILLED, "DKD beta 2"),
        (SEARCHED, "SNL 300"),
        (BY_CHANNEL, "SNL 320 by channel"),
        (IDENTIFIED, "SENet 300"),
    ],
)
def test_a_line_says_what_a_network_is_trained_by(
    run: Run, said: str, call: Command, kept: Path
) -> None:
    rows = {row["key"]: row for row in found(call("runs", "--json"))["runs"]}
    assert rows[run.key]["what"] == said
    (row,) = [row for row in call("runs").out.splitlines() if run.key in row]
    assert f" {said} " in row


def test_the_epochs_of_a_search_are_at_most(call: Command, kept: Path) -> None:
    answer = call("runs")
    for run, text in ((SEARCHED, "≤ 3 + 3"), (IDENTIFIED, "≤ 170 + 3"), (TAUGHT, " 3 ")):
        (row,) = [row for row in answer.out.splitlines() if run.key in row]
        assert text in row


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--status", "failed"], [IDENTIFIED]),
        (["--status", "done", "--network", "NET("], [*reversed(ACCURACIES)][1:]),
        (["--network", "ResNet"], []),
        (["--data", "mnist"], [*reversed(ACCURACIES)]),
        (["--data", "cifar100"], []),
    ],
    ids=str,
)
def test_a_part_of_the_records_is_listed(
    options: list[str], expected: list[Run], call: Command, kept: Path
) -> None:
    assert listed(call("runs", "list", *options, "--json")) == [run.key for run in expected]


def test_a_store_may_be_named_from_the_home(
    call: Command, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell puts the home in for `~` in a file of settings, nor behind `--store=`."""
    before = call("runs", "--json").out
    monkeypatch.setenv("HOME", str(kept.parent))
    monkeypatch.setenv("DEEPRESHAPE_RUNS", f"~/{kept.name}")
    assert call("runs", "--json").out == before
    monkeypatch.delenv("DEEPRESHAPE_RUNS")
    assert call("runs", "list", "--json", f"--store=~/{kept.name}").out == before


def test_the_repositorys_records_are_among_them_and_marked(
    call: Command, kept: Path, repository: Path
) -> None:
    file(repository, TEACHER, age=-1)
    file(repository, RUN, 99.0)
    rows = {row["key"]: row for row in found(call("runs", "--json"))["runs"]}
    assert rows[TEACHER.key]["recorded_in"] == "repository"
    assert (rows[RUN.key]["recorded_in"], rows[RUN.key]["test"]) == ("store", 50.0)
    assert line(call("runs"), TEACHER.key)[-1] == "repository"


def test_the_repository_stands_in_for_a_damaged_record(
    call: Command, shelf: Path, repository: Path
) -> None:
    file(shelf, RUN).write_text("{")
    file(repository, RUN)
    answer = call("runs", "--json")
    assert f"{RUN.key}.json is passed over" in answer.err
    assert [row["recorded_in"] for row in json.loads(answer.out)["runs"]] == ["repository"]


def test_a_store_that_is_not_there_is_empty(call: Command, shelf: Path) -> None:
    assert listed(call("runs", "--json")) == []
    assert call("runs").code == 0
    assert not shelf.exists()


def test_another_store_is_named_by_an_option(call: Command, kept: Path, tmp_path: Path) -> None:
    file(tmp_path / "other", RUN)
    assert listed(call("runs", "--store", str(tmp_path / "other"), "--json")) == [RUN.key]


DAMAGES = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "tampered": lambda text: text.replace('"test": 50.0', '"test": 99.0'),
    "no record": lambda text: "[]",
    "of an older version": lambda text: text.replace('"stage_relus"', '"relus_by_stage"'),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("command", [["list", "--json"], ["export", "--format", "json"]], ids=str)
def test_a_damaged_record_is_named_and_passed_over(
    command: list[str], damage: Any, call: Command, kept: Path
) -> None:
    path = kept / f"{RUN.key}.json"
    path.write_text(damage(path.read_text()))
    answer = call("runs", *command)
    assert answer.code == 0
    assert re.fullmatch(
        rf"deepreshape: {re.escape(str(path))} is passed over: [^\n]+\n", answer.err
    )
    assert RUN.key not in answer.out
    assert TAUGHT.key in answer.out


FOREIGN: dict[str, dict[str, Any]] = {
    "nothing of a run": {"run": {}},
    "a run without a recipe": {"run": {"network": "", "data": "", "seed": 1, "teacher": None}},
    "a teacher of nothing": {"run": {**RUN.describe(), "teacher": {}}},
    "a search of nothing": {"run": {**TAUGHT.describe(), "search": {}}},
    "a distillation of nothing": {"run": {**RUN.describe(), "recipe": {"distillation": {}}}},
    "a time that is a word": {"seconds": "long"},
    "an accuracy that is a word": {"test": "high"},
    "ReLUs that are a word": {"relus": "many"},
    "stages that are words": {"stage_relus": ["many"]},
    "a machine that is a word": {"environment": "abacus"},
    "a search that is a word": {"sought": ["long"]},
    "a loss that is a word": {"curve": [{"loss": "low", "seconds": 1.0, "images_per_second": 1.0}]},
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_record_under_its_own_key_is_passed_over(
    foreign: dict[str, Any], call: Command, kept: Path
) -> None:
    fields = {**asdict(record(RUN, 50.0)), **foreign}
    fields["key"] = key_of(fields["run"])
    path = kept / f"{fields['key']}.json"
    path.write_text(signed(fields))
    for command in ("list", "export"):
        answer = call("runs", command)
        assert answer.code == 0
        assert f"{path} is passed over" in answer.err
    assert call("runs", "show", fields["key"]).code == 2


def test_records_are_listed_without_torch(shelf: Path) -> None:
    file(shelf, SEARCHED)
    for command in (["list"], ["compare", SEARCHED.key, file(shelf, RUN).stem], ["export"]):
        assert "torch" not in imported("runs", *command)


def test_a_deeply_nested_file_is_passed_over(call: Command, kept: Path) -> None:
    (kept / "0123456789abcdef.json").write_text(200_000 * "[" + 200_000 * "]")
    assert "0123456789abcdef.json is passed over" in call("runs").err


def test_a_record_under_another_name_is_passed_over(call: Command, kept: Path) -> None:
    (kept / f"{RUN.key}.json").rename(kept / "0123456789abcdef.json")
    assert "0123456789abcdef.json is passed over" in call("runs").err


# show


OTHER = replace(SEARCHED, seed=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which two runs with a search were made."""
    store = Store(tmp_path_factory.mktemp("made"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for run in (SEARCHED, OTHER):
        obtain(run, store, Machine(torch.device("cpu"), "float32"))
    torch.set_num_threads(threads)
    return store.folder


@pytest.fixture
def trained(made: Path, shelf: Path) -> Record:
    """The record of a run with a search, its files in the store."""
    shutil.copytree(made, shelf)
    record = Store(shelf).get(SEARCHED)
    assert record
    return record


def test_a_run_is_shown_in_full(call: Command, trained: Record) -> None:
    whole = found(call("runs", "show", trained.key, "--json"))
    assert whole["run"] == trained.run
    assert whole["test"] == trained.test
    assert whole["stage_relus"] == list(trained.stage_relus)
    assert whole["environment"] == trained.environment
    assert len(whole["curve"]) == len(trained.curve)
    assert whole["teacher_key"] == TEACHER.key


def test_the_table_shows_the_same(call: Command, trained: Record) -> None:
    answer = call("runs", "show", trained.key)
    assert (answer.err, answer.code) == ("", 0)
    assert line(answer, "network")[1:] == str(SEARCHED.network).split()
    assert line(answer, "data")[1:] == ["mnist5k[per_class=8,size=8]"]
    assert line(answer, "test")[1] == f"{trained.test:.2f}"
    assert line(answer, "recipe.batch")[1] == "20"
    assert line(answer, "recipe.momentum")[1] == "0.9"
    assert line(answer, "search.kind")[1] == "SNL"
    assert line(answer, "search.budget")[1] == "300"
    assert line(answer, "teacher.key")[1] == TEACHER.key
    assert line(answer, "threads")[1] == str(trained.environment["threads"])
    for stage, relus in enumerate(trained.stage_relus, start=1):
        assert re.search(rf"ReLUs stage {stage} +{relus}\b", answer.out)


@pytest.mark.parametrize(("reached", "said"), [(True, "yes"), (False, "no, cut off by rank")])
def test_the_table_says_whether_a_search_finished(
    call: Command, shelf: Path, reached: bool, said: str
) -> None:
    sought = ({"epoch": 0, "relus": 300, "loss": 1.0, "reached": reached},)
    Store(shelf).put(SEARCHED, replace(record(SEARCHED, 50.0), sought=sought))
    answer = call("runs", "show", SEARCHED.key)
    assert re.search(rf"search finished +{said}", answer.out)


def test_the_table_says_of_which_code_and_images_it_is(call: Command, trained: Record) -> None:
    answer = call("runs", "show", trained.key)
    assert line(answer, "code")[1] == trained.environment["code"]
    for what, digest in (("split", trained.split_digest), ("teacher", trained.teacher_digest)):
        assert re.search(rf"SHA-256 of the {what} +{digest}", answer.out)
    assert line(answer, "threads")[1:] == ["1"]


def test_what_a_record_does_not_say_is_unknown(call: Command, shelf: Path) -> None:
    store = Store(shelf)
    environment = {**record(TAUGHT, 50.0).environment, "commit": None}
    store.put(TAUGHT, replace(record(TAUGHT, 50.0), environment=environment))
    answer = call("runs", "show", TAUGHT.key)
    assert line(answer, "commit")[1:] == ["unknown"]
    assert re.search(r"SHA-256 of the split +unknown", answer.out)
    file(shelf, RUN)
    assert "environment.commit" not in call("runs", "compare", TAUGHT.key, RUN.key).out


def test_a_run_that_was_resumed_with_other_threads_says_so(call: Command, shelf: Path) -> None:
    Store(shelf).put(RUN, replace(record(RUN, 50.0), threads=(1, 2)))
    assert line(call("runs", "show", RUN.key), "threads")[1:] == ["1,", "then", "2"]


def test_values_are_those_of_the_record_whatever_the_defaults(
    call: Command, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = found(call("runs", "export", "--format", "json"))
    for kind in (Recipe, KD, DKD, SNL, SENet):
        values = kind.__init__.__defaults__
        assert values
        monkeypatch.setattr(kind.__init__, "__defaults__", len(values) * (77,))
    assert found(call("runs", "export", "--format", "json")) == before


def test_whole_files_are_said_to_be_whole(call: Command, trained: Record, shelf: Path) -> None:
    files = found(call("runs", "show", trained.key, "--json"))["files"]
    assert files == {
        "record": str(shelf / f"{trained.key}.json"),
        "weights": str(shelf / f"{trained.key}.safetensors"),
        "weights_are": "whole",
        "masks": str(shelf / f"{trained.key}.masks.safetensors"),
        "masks_are": "whole",
    }


@pytest.mark.parametrize(("name", "suffix"), [("weights", ""), ("masks", ".masks")])
@pytest.mark.parametrize("state", ["missing", "damaged", "not those of the record"])
def test_files_that_are_not_whole_are_told(
    name: str, suffix: str, state: str, call: Command, trained: Record, shelf: Path
) -> None:
    path = shelf / f"{trained.key}{suffix}.safetensors"
    if state == "missing":
        path.unlink()
    elif state == "damaged":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        (shelf / f"{OTHER.key}{suffix}.safetensors").rename(path)
    assert found(call("runs", "show", trained.key, "--json"))["files"][f"{name}_are"] == state
    assert state in call("runs", "show", trained.key).out


def test_a_failed_run_is_shown_with_its_error(call: Command, kept: Path) -> None:
    answer = call("runs", "show", IDENTIFIED.key)
    assert line(answer, "error")[1:] == ["the", "loss", "is", "nan"]
    assert "weights" not in answer.out


def test_the_beginning_of_a_key_suffices(call: Command, kept: Path) -> None:
    assert found(call("runs", "show", RUN.key[:8].upper(), "--json"))["key"] == RUN.key


# compare


def test_runs_are_compared_in_what_differs(call: Command, kept: Path) -> None:
    compared = found(call("runs", "compare", RUN.key, TAUGHT.key, DISTILLED.key, "--json"))
    assert compared["runs"] == [RUN.key, TAUGHT.key, DISTILLED.key]
    differs = compared["differs"]
    assert differs["distillation.kind"] == [None, "KD", "DKD"]
    assert differs["distillation.beta"] == [None, None, 2.0]
    assert differs["teacher.seed"] == [None, 9, 9]
    assert differs["test"] == [50.0, 52.5, 49.25]
    assert differs.keys() & {"network", "data", "seed", "recipe.batch", "relus"} == set()


def test_a_default_is_compared_with_what_is_not(call: Command, shelf: Path) -> None:
    plain = replace(RUN, recipe=replace(RUN.recipe, momentum=0.5, epochs=200))
    for run in (RUN, plain):
        file(shelf, run)
    differs = found(call("runs", "compare", RUN.key, plain.key, "--json"))["differs"]
    assert differs == {"recipe.epochs": [3, 200], "recipe.momentum": [0.9, 0.5]}


def test_the_gain_is_over_the_first(call: Command, kept: Path) -> None:
    keys = [run.key for run in (TAUGHT, RUN, IDENTIFIED)]
    assert found(call("runs", "compare", *keys, "--json"))["gain"] == [0.0, -2.5, None]
    answer = call("runs", "compare", *keys)
    assert line(answer, "gain")[-3:] == ["+0.00", "-2.50", "-"]


def test_no_gain_is_over_a_failed_run(call: Command, kept: Path) -> None:
    keys = [IDENTIFIED.key, RUN.key]
    assert found(call("runs", "compare", *keys, "--json"))["gain"] == [None, None]


# export


def test_every_record_is_a_row_of_the_table(call: Command, kept: Path) -> None:
    answer = call("runs", "export")
    assert (answer.err, answer.code) == ("", 0)
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(answer.out))}
    assert list(rows) == sorted(run.key for run in ACCURACIES)
    taught, searched = rows[TAUGHT.key], rows[SEARCHED.key]
    assert (taught["network"], taught["data"]) == (str(TAUGHT.network), str(TAUGHT.data))
    assert (taught["test"], taught["validation"], taught["relus"]) == ("52.5", "53.0", "1024")
    assert (taught["distillation.kind"], searched["search.kind"]) == ("KD", "SNL")
    assert (taught["search.kind"], rows[RUN.key]["teacher.network"]) == ("", "")
    assert searched["search.budget"] == "300"
    assert rows[IDENTIFIED.key]["test"] == ""


def test_json_has_the_same_rows(call: Command, kept: Path) -> None:
    rows = found(call("runs", "export", "--format", "json"))
    assert [row["key"] for row in rows] == sorted(run.key for run in ACCURACIES)
    assert next(row for row in rows if row["key"] == IDENTIFIED.key)["test"] is None


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_export_is_written_to_a_file(
    form: str, call: Command, kept: Path, tmp_path: Path
) -> None:
    file = tmp_path / "new" / f"runs.{form}"
    answer = call("runs", "export", "--format", form, "--out", str(file))
    assert answer == ("", "", 0)
    assert file.read_text() == call("runs", "export", "--format", form).out
    assert list(file.parent.iterdir()) == [file]


def test_an_export_goes_through_a_link(call: Command, kept: Path, tmp_path: Path) -> None:
    link, target = tmp_path / "link.csv", tmp_path / "target.csv"
    link.symlink_to(target)
    for _ in range(2):
        assert call("runs", "export", "--out", str(link)) == ("", "", 0)
        assert link.is_symlink()
        assert target.read_text() == call("runs", "export").out


def test_an_export_goes_into_a_pipe(call: Command, kept: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert call("runs", "export", "--out", str(pipe)) == ("", "", 0)
    assert pipe.is_fifo()
    assert os.read(reader, 1 << 16).decode() == call("runs", "export").out
    os.close(reader)


def test_an_export_of_nothing_is_empty(call: Command, shelf: Path) -> None:
    assert call("runs", "export").out.strip() == ""
    assert found(call("runs", "export", "--format", "json")) == []


def test_an_export_that_cannot_be_written_is_one_line(
    call: Command, kept: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    answer = call("runs", "export", "--out", str(tmp_path / "file" / "runs.csv"))
    assert (answer.out, answer.code) == ("", 1)
    assert re.fullmatch(r"deepreshape: [^\n]+\n", answer.err)


# migrate


def test_old_records_are_brought_over_and_named(call: Command, shelf: Path, tmp_path: Path) -> None:
    path = old(tmp_path / "old", OLD)
    answer = call("runs", "migrate", str(tmp_path / "old"))
    (new,) = shelf.glob("*.json")
    assert answer.out.splitlines() == [
        f"{path.stem} is {new.stem}",
        f"1 record was brought over into {shelf}",
    ]
    assert listed(call("runs", "--json")) == [new.stem]
    assert path.exists()


def test_the_records_of_the_store_are_brought_over_in_their_place(
    call: Command, shelf: Path
) -> None:
    path = old(shelf, OLD)
    assert "runs migrate" in call("runs").err
    assert call("runs", "migrate").code == 0
    assert not path.exists()
    assert call("runs").err == ""


def test_what_cannot_be_brought_over_is_named(call: Command, shelf: Path) -> None:
    path = file(shelf, RUN)
    path.write_text("{")
    answer = call("runs", "migrate")
    assert answer.err == f"deepreshape: {path} is passed over: it holds no whole record\n"
    assert (answer.out, answer.code) == (f"0 records were brought over into {shelf}\n", 0)
    assert path.exists()


# Bad input

BAD = {
    "unknown command": (["runs", "lists"], "lists"),
    "no key": (["runs", "show"], "Missing argument 'KEY'"),
    "empty key": (["runs", "show", ""], "'' is not the beginning of a key"),
    "a path": (["runs", "show", "../a"], "'../a' is not the beginning of a key"),
    "a pattern": (["runs", "show", "*"], "'*' is not the beginning of a key"),
    "a key that is not there": (["runs", "show", "zz"], "begins with 'zz'"),
    "a long key": (["runs", "show", "0" * 400], "no record"),
    "two keys": (["runs", "show", RUN.key, TAUGHT.key], TAUGHT.key),
    "nothing to compare": (["runs", "compare"], "Missing argument"),
    "one run to compare": (["runs", "compare", RUN.key], "not two runs or more"),
    "the same run twice": (["runs", "compare", RUN.key, RUN.key[:9]], "not two runs or more"),
    "a run that is not there": (["runs", "compare", RUN.key, "zz"], "begins with 'zz'"),
    "unknown status": (["runs", "list", "--status", "lost"], "'lost'"),
    "unknown format": (["runs", "export", "--format", "xml"], "'xml'"),
    "no folder to migrate": (["runs", "migrate", "nowhere"], "'nowhere'"),
    "a folder to write to": (["runs", "export", "--out", "."], "directory"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], said: str, call: Command, kept: Path
) -> None:
    check_refusal(call(*arguments), said)


@pytest.mark.parametrize("command", ["show", "compare"])
def test_a_beginning_of_several_keys_is_refused_with_them(
    command: str, call: Command, shelf: Path
) -> None:
    runs = [replace(RUN, seed=seed) for seed in range(40)]
    first = runs[0].key[0]
    keys = sorted(run.key for run in runs if run.key[0] == first)
    assert len(keys) > 1
    for run in runs:
        file(shelf, run)
    answer = call("runs", command, first)
    check_refusal(answer, f"'{first}' is the beginning of ")
    assert set(re.findall(r"[0-9a-f]{16}", answer.err)) <= set(keys)


def test_bad_input_is_one_line_for_the_program_too(tmp_path: Path) -> None:
    check_refusal(started("runs", "show", "zz", "--store", str(tmp_path)), "begins with 'zz'")
