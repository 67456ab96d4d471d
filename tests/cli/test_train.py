"""`train`: one run, its record printed; what cannot be is refused before anything is made."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deepreshape.design import cost, cull, parse, reuse, scale, thin
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.runs import executors
from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.losses import DIST, DISTILLATIONS, DKD, KD
from deepreshape.paper.trained.profiles import PROFILES
from tests.cli.commands import ROOT, Answer, Command, check_refusal, started
from tests.paper.records import record

DATA = parse_data("mnist5k[per_class=8,size=8]")
SIZE = PROFILES["smoke"]
NETWORK = parse("ResNet18(m=4)", 8, 10)
RUN = Run(NETWORK, DATA, SIZE.recipe)
HERE = ["--profile", "smoke", "--data", str(DATA), "--workers", "1"]
ARGUMENTS = ["train", "ResNet18(m=4)", *HERE]


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, Executor]]:
    """What a command would have trained."""
    calls: list[tuple[Run, Executor]] = []

    def execute(runs: list[Run], store: Store, executor: Executor) -> list[Record]:
        (run,) = runs
        calls.append((run, executor))
        made = record(run, 50.0)
        store.put(run, made)
        return [made]

    monkeypatch.setattr(executors, "execute", execute)
    return calls


def shown(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_a_number_format_is_recorded_and_compared_and_no_part_of_the_key(
    call: Command, shelf: Path, one_thread: None
) -> None:
    formats = ("bfloat16", "float32")
    for seed, wanted in enumerate(formats):
        made = shown(call(*ARGUMENTS, "--seed", str(seed), "--precision", wanted, "--json"))
        assert made["precision"] == wanted
        assert made["key"] == replace(RUN, seed=seed).key
    keys = [replace(RUN, seed=seed).key for seed in (0, 1)]
    differs = shown(call("runs", "compare", *keys, "--json"))["differs"]
    assert differs["precision"] == list(formats)


def test_an_unknown_number_format_is_refused(call: Command, shelf: Path) -> None:
    check_refusal(call(*ARGUMENTS, "--precision", "float16"), "'bfloat16'")


# What is trained


def test_the_help_names_every_distillation(call: Command) -> None:
    names = list(DISTILLATIONS)
    wanted = f"How it teaches: {', '.join(names[:-1])} or {names[-1]} [{names[0]}]."
    assert wanted in " ".join(call("train", "--help").out.split())


TUNED = replace(RUN, recipe=SIZE.tuning, teacher=RUN)
TEACHER = Run(parse("ResNet18(m=8)", 8, 10), DATA, SIZE.teacher_recipe)
TAUGHT = ["--teacher", "ResNet18(m=8)"]
WANTED: dict[str, tuple[list[str], Run]] = {
    "labels": ([], RUN),
    "seed": (["--seed", "7"], replace(RUN, seed=7)),
    "epochs, batch and rate": (
        ["--epochs", "9", "--batch", "10", "--rate", "0.2"],
        replace(RUN, recipe=replace(SIZE.recipe, epochs=9, batch=10, rate=0.2)),
    ),
    "the rest of the recipe": (
        [
            *["--momentum", "0.8", "--weight-decay", "0", "--warmup", "0.5"],
            *["--schedule", "linear", "--shift", "1", "--smoothing", "0.1", "--small", "0.5"],
            *["--nesterov", "--flip"],
        ],
        replace(
            RUN,
            recipe=replace(
                SIZE.recipe,
                momentum=0.8,
                weight_decay=0,
                warmup=0.5,
                schedule="linear",
                shift=1,
                smoothing=0.1,
                small=0.5,
                nesterov=True,
                flip=True,
            ),
        ),
    ),
    "KD": (TAUGHT, replace(RUN, teacher=TEACHER)),
    "KD by name": (
        [*TAUGHT, "--distil", "kd", "--seed", "2"],
        replace(RUN, teacher=TEACHER, seed=2),
    ),
    "DKD": (
        [*TAUGHT, "--distil", "dkd"],
        replace(RUN, teacher=TEACHER, recipe=SIZE.taught(DKD())),
    ),
    "DIST": (
        [*TAUGHT, "--distil", "dist", "--beta", "1"],
        replace(RUN, recipe=replace(SIZE.recipe, distillation=DIST(beta=1)), teacher=TEACHER),
    ),
    "DKD with beta and epochs": (
        [*TAUGHT, "--distil", "dkd", "--beta", "2", "--epochs", "100"],
        replace(
            RUN,
            teacher=TEACHER,
            recipe=replace(SIZE.recipe, epochs=100, distillation=DKD(beta=2, warmup=10)),
        ),
    ),
    "SNL": (["--snl", "500"], replace(TUNED, search=replace(SIZE.snl, budget=500))),
    "SNL by channel": (
        ["--snl", "512", "--by", "channel"],
        replace(TUNED, search=replace(SIZE.snl, budget=512, by="channel")),
    ),
    "SNL, tuned for longer": (
        ["--snl", "500", "--epochs", "3", "--seed", "2"],
        replace(
            TUNED,
            recipe=replace(SIZE.tuning, epochs=3),
            seed=2,
            teacher=replace(RUN, seed=2),
            search=replace(SIZE.snl, budget=500),
        ),
    ),
    "SENet": (
        ["--senet", "0"],
        replace(TUNED, recipe=SIZE.senet_tuning, search=replace(SIZE.senet, budget=0)),
    ),
}


@pytest.mark.parametrize(("options", "expected"), WANTED.values(), ids=WANTED.keys())
def test_options_make_a_run(
    options: list[str],
    expected: Run,
    call: Command,
    shelf: Path,
    executed: list[tuple[Run, Executor]],
) -> None:
    assert shown(call(*ARGUMENTS, *options, "--json"))["key"] == expected.key
    assert executed == [(expected, Executor("auto", 1))]


@pytest.mark.parametrize(
    ("arguments", "network"),
    [
        (
            ["ResNet18(m=8)", "--cull", "0", "--thin", "2"],
            thin(cull(parse("ResNet18(m=8)"), [0]), [2]),
        ),
        (["ResNet18(m=8)", "--scale", "1/2"], scale(parse("ResNet18(m=8)"), "1/2")),
        (
            ["ResNet18(m=8)", "--reuse", "4", "--divisions", "apart", "--everywhere"],
            reuse(parse("ResNet18(m=8)"), 4, "apart", everywhere=True),
        ),
        (["ResNet18(m=8)@8/10"], parse("ResNet18(m=8)")),
        (["ResNet18(m=8)", "--input", "8", "--classes", "10"], parse("ResNet18(m=8)")),
    ],
    ids=str,
)
def test_a_network_is_edited_and_fitted_to_the_data(
    arguments: list[str],
    network: Any,
    call: Command,
    shelf: Path,
    executed: list[tuple[Run, Executor]],
) -> None:
    call("train", *arguments, *HERE)
    ((run, _),) = executed
    assert run.network == replace(network, resolution=8, classes=10)


@pytest.mark.parametrize("profile", ["quick", "short"])
def test_without_data_those_of_the_profile_are_taken(
    profile: str, call: Command, shelf: Path, executed: list[tuple[Run, Executor]]
) -> None:
    size = PROFILES[profile]
    call("train", "ResNet18(m=4)", "--profile", profile)
    ((run, executor),) = executed
    assert (run.data, run.recipe) == (size.images("cifar100"), size.recipe)
    assert executor == Executor("auto", None)


def test_the_profile_is_quick_and_data_are_taken_by_their_name(
    call: Command, shelf: Path, executed: list[tuple[Run, Executor]]
) -> None:
    call("train", "ResNet18(m=4)", "--data", "cifar100")
    ((run, _),) = executed
    assert run == Run(parse("ResNet18(m=4)"), parse_data("cifar100"), PROFILES["quick"].recipe)


def test_a_figures_run_is_the_same_run(
    call: Command, shelf: Path, executed: list[tuple[Run, Executor]]
) -> None:
    """What a figure trains with a teacher is not trained again."""
    call("train", "HRN-2x5x3x(m=2)", "--profile", "smoke", "--teacher", "ResNet18(m=4)")
    ((run, _),) = executed
    images = SIZE.images("cifar100")
    teacher = Run(parse("ResNet18(m=4)", 16, 10), images, SIZE.teacher_recipe)
    network = parse("HRN-2x5x3x(m=2)", 16, 10)
    assert run == Run(network, images, SIZE.taught(KD()), 1, teacher)


# What is made


def test_a_network_is_trained_and_its_record_printed(
    call: Command, shelf: Path, float32: None
) -> None:
    whole = shown(call(*ARGUMENTS, "--json"))
    assert (whole["key"], whole["status"]) == (RUN.key, "done")
    assert whole["relus"] == cost(NETWORK).total_relus
    assert whole["files"]["weights"] == str(shelf / f"{RUN.key}.safetensors")
    assert whole["files"]["weights_are"] == "whole"
    made = Store(shelf).get(RUN)
    assert made
    assert (whole["test"], whole["validation"]) == (made.test, made.validation)


def test_a_search_leaves_masks(call: Command, shelf: Path, float32: None) -> None:
    whole = shown(call(*ARGUMENTS, "--snl", "500", "--json"))
    assert (whole["relus"], sum(whole["stage_relus"])) == (500, 500)
    assert whole["files"]["masks_are"] == "whole"


def test_the_record_is_a_table(call: Command, shelf: Path, float32: None) -> None:
    answer = call(*ARGUMENTS)
    assert answer.code == 0
    rows = {words[0]: words[1:] for row in answer.out.splitlines() if (words := row.split())}
    assert rows["key"] == [RUN.key]
    assert rows["data"] == [str(DATA)]
    assert rows["weights"] == ["are", "whole"]


def test_a_recorded_run_is_not_made_again(
    call: Command, shelf: Path, float32: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call(*ARGUMENTS, "--json").out
    monkeypatch.setattr("deepreshape.learn.runs.crews.obtain", None)
    assert call(*ARGUMENTS, "--json") == Answer(first, "", 0)


def test_a_repositorys_record_is_shown(call: Command, shelf: Path, repository: Path) -> None:
    Store(repository).put(RUN, record(RUN, 77.0))
    whole = shown(call(*ARGUMENTS, "--json"))
    assert whole["test"] == 77.0
    assert whole["files"]["record"] == str(repository / f"{RUN.key}.json")
    assert not shelf.exists()


@pytest.mark.parametrize("options", [[], ["--json"]], ids=str)
def test_a_failed_run_is_one_line_and_exit_1(
    options: list[str], call: Command, shelf: Path, float32: None
) -> None:
    diverging = [*ARGUMENTS, "--rate", "1e20", "--epochs", "3", *options]
    for answer in (call(*diverging), call(*diverging)):
        last = answer.err.splitlines()[-1]
        assert (answer.out, answer.code) == ("", 1)
        assert re.fullmatch(r"deepreshape: run [0-9a-f]{16} failed: the loss is .*", last)


@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
def test_an_interrupted_run_goes_on(
    workers: int, number: signal.Signals, shelf: Path, tmp_path: Path
) -> None:
    """Ctrl-C at the program, or its end asked for, in a run without end."""
    cache = tmp_path / "cache"
    arguments = [*ARGUMENTS, "--epochs", "100000", "--store", str(shelf)]
    arguments += ["--workers", str(workers)]
    program = subprocess.Popen(
        [sys.executable, "-m", "deepreshape", *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "DEEPRESHAPE_CACHE": str(cache)},
        # Tests that a shell runs in the background have it ignored, and so would the program.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not list(shelf.glob("unfinished/*.safetensors")) and time.monotonic() < deadline:
            time.sleep(0.05)
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
    finally:
        program.kill()
    assert (out, program.returncode) == ("", 130)
    assert err.splitlines()[-1] == "deepreshape: interrupted; the same command goes on from here"
    assert [line for line in err.splitlines()[:-1] if line and "runs done" not in line] == []
    assert list(shelf.glob("*.json")) == []


def test_the_record_to_delete_is_that_of_who_failed(
    call: Command, shelf: Path, float32: None
) -> None:
    store = Store(shelf)
    store.put(TEACHER, record(TEACHER, None))
    answer = call(*ARGUMENTS, *TAUGHT)
    assert (answer.out, answer.code) == ("", 1)
    last = answer.err.splitlines()[-1]
    assert f"run {TEACHER.key}, failed: the loss is nan" in last
    assert last.endswith(f"delete {store.path(TEACHER)} to train it again")


# Bad input

BAD = {
    "no network": (["train"], "Missing argument 'NETWORK'"),
    "unknown network": (["train", "ResNet99", *HERE], "unknown network 'ResNet99'"),
    "network of another size": (["train", "ResNet18(m=4)@16/10", *HERE], "takes 16 pixels"),
    "another input size": ([*ARGUMENTS, "--input", "16"], "takes 16 pixels"),
    "other classes": ([*ARGUMENTS, "--classes", "7"], "has 7 classes"),
    "images too small": (
        ["train", "ResNet18", "--data", "mnist5k[size=4]"],
        "4 is not a multiple of 8",
    ),
    "unknown data": (
        ["train", "ResNet18", "--data", "cifar"],
        "unknown data set 'cifar': neither a folder nor one of mnist5k, cifar100,",
    ),
    "empty data": (["train", "ResNet18", "--data", ""], "does not name a data set"),
    "folder that is not there": (
        ["train", "ResNet18", "--data", "folder:nowhere[size=16]"],
        "nowhere is not there: it should be a folder of images by class",
    ),
    "unknown profile": ([*ARGUMENTS, "--profile", "huge"], "unknown profile 'huge'"),
    "unknown device": ([*ARGUMENTS, "--device", "tpu"], "unknown device 'tpu'"),
    "no workers": ([*ARGUMENTS, "--workers", "0"], "workers must be at least 1"),
    "no epochs": ([*ARGUMENTS, "--epochs", "0"], "epochs must be at least 1, not 0"),
    "no batch": ([*ARGUMENTS, "--batch", "0"], "batch must be at least 1, not 0"),
    "no rate": ([*ARGUMENTS, "--rate", "0"], "rate must be positive"),
    "rate that is no number": ([*ARGUMENTS, "--rate", "nan"], "rate must be finite, not nan"),
    "endless rate": ([*ARGUMENTS, "--rate", "inf"], "rate must be finite, not inf"),
    "shift past the images": ([*ARGUMENTS, "--shift", "100000"], "less than the 8 pixels"),
    "one image at a time": ([*ARGUMENTS, "--batch", "1"], "batch must be at least 2"),
    "rate of a word": ([*ARGUMENTS, "--rate", "fast"], "'fast'"),
    "momentum of one": ([*ARGUMENTS, "--momentum", "1"], "momentum must lie in [0, 1)"),
    "warmup to the end": ([*ARGUMENTS, "--warmup", "1"], "shorter than 1 epochs"),
    "smoothing below nothing": ([*ARGUMENTS, "--smoothing", "-0.1"], "smoothing must lie in"),
    "negative shift": ([*ARGUMENTS, "--shift", "-1"], "shift must not be negative"),
    "unknown schedule": ([*ARGUMENTS, "--schedule", "steps"], "'steps'"),
    "negative seed": ([*ARGUMENTS, "--seed", "-1"], "-1 does not"),
    "unknown teacher": ([*ARGUMENTS, "--teacher", "ResNet99"], "unknown network 'ResNet99'"),
    "teacher of another size": (
        [*ARGUMENTS, "--teacher", "ResNet18@16/10"],
        "ResNet18 takes 16 pixels",
    ),
    "beta without DKD": ([*ARGUMENTS, "--beta", "2"], "--beta needs --distil dkd"),
    "beta of KD": ([*ARGUMENTS, *TAUGHT, "--distil", "kd", "--beta", "2"], "--beta needs"),
    "negative beta": (
        [*ARGUMENTS, *TAUGHT, "--distil", "dkd", "--beta", "-1"],
        "beta must not be negative",
    ),
    "distillation of no teacher": ([*ARGUMENTS, "--distil", "dkd"], "--distil needs --teacher"),
    "unknown distillation": ([*ARGUMENTS, *TAUGHT, "--distil", "hints"], "'hints'"),
    "more ReLUs than there are": ([*ARGUMENTS, "--snl", "2177"], "between 0 and its 2,176 ReLUs"),
    "fewer ReLUs than none": ([*ARGUMENTS, "--senet", "-1"], "-1 does not"),
    "channels that do not add up": (
        ["train", "Net(4; 4x1, 8x1)", *HERE, "--snl", "300", "--by", "channel"],
        "do not add up to 300; the most below are 288",
    ),
    "no search to go by": ([*ARGUMENTS, "--by", "channel"], "--by needs --snl"),
    "two searches": ([*ARGUMENTS, "--snl", "5", "--senet", "5"], "a run has one search"),
    "a search with a teacher": ([*ARGUMENTS, "--snl", "5", *TAUGHT], "--teacher: a search"),
    "a search on half the side": (
        [*ARGUMENTS, "--snl", "5", "--epochs", "2", "--small", "0.5"],
        "small must be 0",
    ),
    "divisions of no reuse": ([*ARGUMENTS, "--divisions", "apart"], "need --reuse"),
    "unknown option": ([*ARGUMENTS, "--bogus"], "--bogus"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2_and_leaves_nothing(
    arguments: list[str], said: str, call: Command, shelf: Path
) -> None:
    check_refusal(call(*arguments), said)
    assert not shelf.exists()


def test_more_images_than_there_are_are_one_line(call: Command, shelf: Path, float32: None) -> None:
    answer = call("train", "ResNet18(m=4)", "--data", "mnist5k[per_class=5000]", "--workers", "1")
    check_refusal(answer, "a class has only 360 training images")
    assert not shelf.exists()


def test_bad_input_is_one_line_for_the_program_too(tmp_path: Path) -> None:
    arguments, said = BAD["more ReLUs than there are"]
    check_refusal(started(*arguments, "--store", str(tmp_path)), said)
    assert list(tmp_path.iterdir()) == []
