"""`plan` and `run`: what a figure takes before it is made, and the making of it."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress

from deepreshape.design import cost
from deepreshape.learn.runs import executors, speed
from deepreshape.learn.runs.agenda import elapsed
from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.runs.price import Speed, gpu, macs, seconds, with_teachers
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine
from deepreshape.paper.trained import experiments
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.paper.trained.profiles import PROFILES, profile
from tests.cli.commands import Command, check_refusal, started
from tests.paper.records import record

SPEED = Speed(1e-11, 1e-9, 1e-4, 1e-9)
TINY = ["--profile", "smoke", "--data", "mnist5k[per_class=2,size=8]"]


@pytest.fixture
def probes(float32: None, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A machine whose speed is known; the workers of every probe that is made anew."""
    made: list[int] = []

    def measure(machine: Machine, workers: int, **rest: Any) -> Speed:
        made.append(workers)
        return SPEED

    monkeypatch.setattr(speed, "known", lambda machine, workers: SPEED)
    monkeypatch.setattr(speed, "measure", measure)
    return made


def wanted(name: str, size: str = "smoke", **options: Any) -> list[Run]:
    return with_teachers(
        experiments.runs_of(experiments.find(name).drawn(profile(size), **options))
    )


def put(runs: Iterable[Run], folder: Path, test: float | None = 50.0) -> None:
    for run in runs:
        Store(folder).put(run, record(run, test))


def planned(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("plan", *arguments, "--workers", "2", "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


# plan NAME


def test_a_plan_lists_every_run_and_teacher_once(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    found = planned(call, "fig12", "--profile", "smoke", "--seeds", "1,2")
    runs = wanted("fig12", seeds=(1, 2))
    assert [row["key"] for row in found["runs"]] == [run.key for run in runs]
    assert len({row["key"] for row in found["runs"]}) == len(runs)
    assert found["total"]["runs"] == found["total"]["to_make"] == len(runs)


def test_a_row_says_what_a_run_is_and_takes(call: Command, shelf: Path, probes: list[int]) -> None:
    found = planned(call, "fig12", "--profile", "smoke")["runs"]
    for row, run in zip(found, wanted("fig12"), strict=True):
        assert (row["network"], row["data"]) == (str(run.network), str(run.data))
        assert (row["seed"], row["epochs"]) == (run.seed, run.recipe.epochs)
        assert (row["macs_an_image"], row["macs"]) == (cost(run.network).macs, macs(run))
        assert row["here_s"] == seconds(run, SPEED)
        assert row["gpu_s"] == seconds(run, gpu("A100"))
        assert row["record"] is None


def test_a_plan_says_what_trains_a_network(call: Command, shelf: Path, probes: list[int]) -> None:
    said = [row["what"] for name in ("fig1", "fig12", "table6") for row in rows(call, name)]
    kinds = {re.sub("[0-9,]+", "N", what) for what in said}
    assert kinds >= {"labels", "KD", "SNL N", "SNL N by channel", "SENet N"}
    assert any(what.startswith("DKD") for what in said)


def rows(call: Command, name: str, size: str = "quick") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = planned(call, name, "--profile", size)["runs"]
    return found


def test_searches_are_at_most(call: Command, shelf: Path, probes: list[int]) -> None:
    searched = [row for row in rows(call, "fig12") if row["what"].startswith("SNL")]
    epochs = PROFILES["quick"].snl.epochs, PROFILES["quick"].tuning.epochs
    assert {(row["search_epochs"], row["epochs"]) for row in searched} == {epochs}
    answer = call("plan", "fig12")
    assert f"≤ {epochs[0]} + {epochs[1]}" in answer.out
    assert f"at most: {len(searched)} searches" in answer.out


def test_a_plan_without_searches_is_not_at_most(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    answer = call("plan", "table4")
    assert "at most" not in answer.out


def test_totals_are_of_what_is_missing(call: Command, shelf: Path, probes: list[int]) -> None:
    runs = wanted("table4", "quick")
    put(runs[:1], shelf)
    found = planned(call, "table4")
    total, missing = found["total"], runs[1:]
    assert (total["runs"], total["to_make"]) == (len(runs), len(missing))
    assert total["macs"] == sum(map(macs, missing))
    assert total["here_s"] == pytest.approx(elapsed(missing, SPEED, 2))
    assert total["gpu_s"] == pytest.approx(sum(seconds(run, gpu("A100")) for run in missing))
    assert [row["record"] for row in found["runs"]] == ["done", *[None] * len(missing)]


def test_the_repositorys_records_count(
    call: Command, shelf: Path, repository: Path, probes: list[int]
) -> None:
    put(wanted("table4", "quick"), repository)
    assert planned(call, "table4")["total"]["to_make"] == 0


def test_a_failed_run_is_not_made_again(call: Command, shelf: Path, probes: list[int]) -> None:
    put(wanted("table4", "quick"), shelf, None)
    found = planned(call, "table4")
    assert {row["record"] for row in found["runs"]} == {"failed"}
    assert found["total"]["to_make"] == 0


def test_where_all_is_recorded_nothing_is_left_to_say(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    put(wanted("table4", "quick"), shelf)
    last = call("plan", "table4").out.splitlines()[-1]
    assert last == "3 runs, 3 recorded, 0 to make: 0 multiply-accumulates forward and backward"


def test_a_run_names_the_figures_that_use_it(call: Command, shelf: Path, probes: list[int]) -> None:
    users: dict[str, set[str]] = {}
    for name in EXPERIMENTS:
        for run in wanted(name, "quick"):
            users.setdefault(run.key, set()).add(name)
    for row in rows(call, "fig12"):
        assert set(row["figures"]) == users[row["key"]]


def test_a_run_of_several_figures_is_counted_once(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    one, other = wanted("fig12", "quick"), wanted("table6", "quick")
    found = planned(call, "fig12", "table6", "fig12")
    assert found["total"]["runs"] == len({*one, *other}) < len(one) + len(other)


def test_the_table_says_for_which_of_several_figures_a_run_is(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    answer = call("plan", "fig12", "table6")
    assert (answer.err, answer.code) == ("", 0)
    assert "fig12, table6" in answer.out
    assert "fig12, table6" not in call("plan", "fig12").out


def test_a_part_of_a_set_keeps_its_brackets(call: Command, shelf: Path, probes: list[int]) -> None:
    answer = call("plan", "table4", *TINY)
    assert "mnist5k[per_class=2,size=8]" in answer.out


def test_other_data_and_panels_are_planned(call: Command, shelf: Path, probes: list[int]) -> None:
    found = planned(call, "fig12", *TINY, "--panels", "b")["runs"]
    runs = wanted("fig12", data="mnist5k[per_class=2,size=8]", panels="b")
    assert [row["key"] for row in found] == [run.key for run in runs]


# plan


def test_without_a_name_every_figure_has_a_line(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    found = planned(call, "--profile", "smoke")
    assert [row["name"] for row in found["figures"]] == list(EXPERIMENTS)
    every = {name: wanted(name) for name in EXPERIMENTS}
    assert [row["runs"] for row in found["figures"]] == [len(runs) for runs in every.values()]
    assert found["total"]["runs"] == len({run for runs in every.values() for run in runs})
    assert found["total"]["runs"] < sum(row["runs"] for row in found["figures"])


def test_the_table_of_figures_ends_in_all(call: Command, shelf: Path, probes: list[int]) -> None:
    answer = call("plan", "--profile", "smoke")
    assert (answer.err, answer.code) == ("", 0)
    lines = [line.split() for line in answer.out.splitlines()]
    assert [line[0] for line in lines if line and line[0] in EXPERIMENTS] == list(EXPERIMENTS)
    (last,) = [line for line in lines if line[:1] == ["all"]]
    assert last[4] == str(planned(call, "--profile", "smoke")["total"]["runs"])


# The probe


def test_a_known_machine_is_not_probed(call: Command, shelf: Path, probes: list[int]) -> None:
    call("plan", "table4")
    assert probes == []


def test_a_machine_is_probed_anew_on_demand(call: Command, shelf: Path, probes: list[int]) -> None:
    answer = call("plan", "table4", "--probe", "--workers", "3")
    assert re.fullmatch(r"(measuring[^\n]+\n)+", answer.err)
    assert probes == [3]


def test_a_probe_shows_how_far_it_is(
    call: Command, shelf: Path, float32: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal; every step of it counts."""
    totals, moves = [], []

    def noted(bar: Any, *_: Any, total: int) -> Any:
        totals.append(total)
        return add(bar, "", total=total)

    def measure(machine: Machine, workers: int, progress: Any) -> Speed:
        progress(3)
        return SPEED

    add = Progress.add_task
    monkeypatch.setattr(Progress, "add_task", noted)
    monkeypatch.setattr(Progress, "advance", lambda bar, task, steps: moves.append(steps))
    monkeypatch.setattr(speed, "known", lambda machine, workers: None)
    monkeypatch.setattr(speed, "measure", measure)
    monkeypatch.setenv("FORCE_COLOR", "1")
    call("plan", "table4", "--workers", "2")
    assert (totals, moves) == ([speed.steps_of_probe(2)], [3])


def test_a_plan_is_for_the_number_format_that_is_asked_for(
    call: Command, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def known(machine: Machine, workers: int) -> Speed:
        asked.append(machine.precision)
        return SPEED

    monkeypatch.setattr(speed, "known", known)
    for wanted in ("bfloat16", "float32"):
        answer = call("plan", "table4", "--device", "cpu", "--precision", wanted)
        assert f"(cpu, {wanted})" in answer.out
    assert asked == ["bfloat16", "float32"]


def test_an_unknown_machine_is_probed(
    call: Command, shelf: Path, probes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "known", lambda machine, workers: None)
    call("plan", "table4", "--workers", "2")
    assert probes == [2]


def test_more_workers_take_less_time(call: Command, shelf: Path, probes: list[int]) -> None:
    one, four = (
        json.loads(call("plan", "table4", "--workers", number, "--json").out)
        for number in ("1", "4")
    )
    assert one["total"]["here_s"] > four["total"]["here_s"]
    assert (one["here"]["workers"], four["here"]["workers"]) == (1, 4)


def test_another_gpu_is_another_time(call: Command, shelf: Path, probes: list[int]) -> None:
    fast, slow = (planned(call, "fig1", "--profile", "paper", "--gpu", g) for g in ("h100", "T4"))
    assert fast["total"]["gpu_s"] < slow["total"]["gpu_s"]
    assert (fast["gpu"], slow["gpu"]) == ("H100", "T4")


def test_a_plan_leaves_no_store(call: Command, shelf: Path, probes: list[int]) -> None:
    call("plan", "fig12")
    assert not shelf.exists()


# run


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Run], Store, Executor]]:
    """What a command would have executed."""
    calls: list[tuple[list[Run], Store, Executor]] = []

    def execute(runs: list[Run], store: Store, executor: Executor) -> list[Record]:
        calls.append((runs, store, executor))
        return [record(run, None if run == runs[0] else 50.0) for run in runs]

    monkeypatch.setattr(executors, "execute", execute)
    return calls


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_can_be_run(
    name: str,
    call: Command,
    shelf: Path,
    repository: Path,
    executed: list[tuple[list[Run], Store, Executor]],
) -> None:
    answer = call("run", name, "--profile", "smoke", "--workers", "2", "--device", "cpu")
    assert (answer.err, answer.code) == ("", 0)
    ((runs, store, executor),) = executed
    assert runs == experiments.runs_of(experiments.find(name).drawn(profile("smoke")))
    assert store.folders == (shelf, repository)
    assert executor == Executor("cpu", 2)
    assert answer.out == f"{name}: {len(runs)} records in {shelf}, 1 failed\n"


def test_a_figure_is_run(call: Command, shelf: Path, float32: None) -> None:
    answer = call("run", "table4", *TINY, "--workers", "1")
    assert answer.code == 0
    runs = wanted("table4", data="mnist5k[per_class=2,size=8]")
    assert answer.out == f"table4: {len(runs)} records in {shelf}\n"
    assert {path.stem for path in shelf.glob("*.json")} == {run.key for run in runs}


def test_what_the_repository_has_is_not_trained(
    call: Command, shelf: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(wanted("table4"), repository)
    monkeypatch.setattr("deepreshape.learn.runs.crews.obtain", None)
    answer = call("run", "table4", "--profile", "smoke")
    assert (answer.err, answer.code) == ("", 0)
    assert not shelf.exists()


# Bad input

KNOWN = ["plan", "fig12"]
BAD = {
    "no figure": (["run"], "Missing argument 'NAME'"),
    "unknown figure": (["run", "fig99"], "no figure or table 'fig99' is trained; fig1, "),
    "two figures": (["run", "fig12", "fig1"], "fig1"),
    "figure that is not trained": (["plan", "fig2"], "'fig2'"),
    "a good figure and a bad one": (["plan", "fig12", "fig99"], "'fig99'"),
    "no name": (["plan", ""], "no figure or table ''"),
    "unknown profile": (["run", "fig12", "--profile", "huge"], "unknown profile 'huge'"),
    "plan of an unknown profile": ([*KNOWN, "--profile", "huge"], "unknown profile 'huge'"),
    "plan of all, unknown profile": (["plan", "--profile", "huge"], "unknown profile 'huge'"),
    "unknown panel": (["run", "fig12", "--panels", "z"], "no panel 'z'"),
    "plan of an unknown panel": ([*KNOWN, "--panels", "z"], "no panel 'z'"),
    "unknown data set": (["run", "fig12", "--data", "cifar"], "unknown data set 'cifar'"),
    "plan of an unknown data set": ([*KNOWN, "--data", "cifar"], "unknown data set 'cifar'"),
    "no data set": (["run", "fig12", "--data", "cifar100["], "'cifar100['"),
    "images that do not shrink": (["run", "fig12", "--data", "mnist5k[size=7]"], "size 7"),
    "images that are too small": (
        ["run", "fig12", "--data", "mnist5k[size=4]"],
        "profile quick has no network of fig12 that fits these images",
    ),
    "empty list of seeds": (["run", "fig12", "--seeds", ""], "--seeds"),
    "seeds with a gap": (["run", "fig12", "--seeds", "1,,2"], "'1,,2'"),
    "negative seed": (["run", "fig12", "--seeds", "-1"], "-1 does not"),
    "no workers": (["run", "fig12", "--workers", "0"], "at least 1, not 0"),
    "plan with no workers": ([*KNOWN, "--workers", "0"], "at least 1, not 0"),
    "unknown device": ([*KNOWN, "--device", "tpu"], "unknown device 'tpu'"),
    "unknown GPU": ([*KNOWN, "--gpu", "A1000"], "unknown GPU 'A1000'; known are A100"),
    "unknown GPU as JSON": ([*KNOWN, "--gpu", "", "--json"], "unknown GPU ''"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], said: str, call: Command, shelf: Path
) -> None:
    check_refusal(call(*arguments), said)
    assert not shelf.exists()


def test_bad_input_is_one_line_for_the_program_too() -> None:
    arguments, said = BAD["unknown figure"]
    check_refusal(started(*arguments), said)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_one_line(call: Command, shelf: Path) -> None:
    check_refusal(call("plan", "fig12", "--device", "cuda"), "no CUDA device")


def test_a_teacher_whose_net_is_gone_is_made_again(
    call: Command, shelf: Path, probes: list[int]
) -> None:
    """Its students start from its weights, which are not beside its record."""
    runs = wanted("fig12")
    teacher = next(run for run in runs if run.teacher is None)
    put([teacher], shelf)
    found = planned(call, "fig12", "--profile", "smoke")
    assert found["total"]["to_make"] == len(runs)


@pytest.mark.parametrize("name", ["ray", "side-by-side", "in-turn"])
def test_who_executes_is_chosen(
    name: str,
    call: Command,
    shelf: Path,
    repository: Path,
    executed: list[tuple[list[Run], Store, Executor]],
) -> None:
    call("run", "fig12", "--profile", "smoke", "--executor", name)
    assert executed[0][2] == Executor("auto", backend=name)


def test_a_part_of_the_runs_is_made(
    call: Command, shelf: Path, executed: list[tuple[list[Run], Store, Executor]]
) -> None:
    said = [call("run", "fig12", "--profile", "smoke", "--shard", f"{i}/3") for i in (1, 2, 3)]
    runs = experiments.runs_of(experiments.find("fig12").drawn(profile("smoke")))
    made = [run for part, _, _ in executed for run in part]
    assert sorted(run.key for run in made) == sorted(run.pinned().key for run in runs)
    for number, (part, _, _) in enumerate(executed, start=1):
        failed = ", 1 failed" * bool(part)
        expected = f"fig12, part {number} of 3: {len(part)} records in {shelf}{failed}\n"
        assert said[number - 1].out == expected


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "/", "1/", "1/x", "-1/3", "1/3/5", "²/3", ""])
def test_a_part_that_is_none_is_refused(shard: str, call: Command) -> None:
    check_refusal(call("run", "fig12", "--shard", shard), f"{shard!r} is no part such as 2/8")


@pytest.mark.parametrize("name", ["dask", "nowhere:crew", ""])
def test_an_executor_that_is_none_is_refused(name: str, call: Command, shelf: Path) -> None:
    check_refusal(call("run", "fig12", "--profile", "smoke", "--executor", name), "executor")
