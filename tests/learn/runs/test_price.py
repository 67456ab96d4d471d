"""What a run takes before it is made: its passes, seconds by a speed or a GPU, a whole campaign."""

import csv
from dataclasses import replace
from math import prod

import pytest
import torch

from deepreshape.design import Network, Stage, cost, layers, parse
from deepreshape.design.ops import Add, Slice
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.price import (
    GPUS,
    Gpu,
    Speed,
    Task,
    _gpu,
    called,
    gpu,
    macs,
    peak,
    seconds,
    size,
    tasks,
    with_teachers,
)
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.recipe import Recipe

NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
DATA = DataSet("mnist5k", per_class=8, size=8)
IMAGES = 80
RUN = Run(NETWORK, DATA, Recipe(epochs=3, batch=20))
WIDE = replace(RUN, network=replace(NETWORK, stem=8))
TAUGHT = replace(RUN, teacher=WIDE)
SEARCHED = replace(RUN, teacher=RUN, search=SNL(100, epochs=5, batch=40))
SENSED = replace(RUN, teacher=RUN, search=SENet(100, sensitivity_epochs=2, epochs=4, batch=40))
MACS_ONLY = Speed(1.0, 0.0, 0.0, 0.0)


# Sizes


def test_the_size_of_a_network_is_that_of_its_layers() -> None:
    counted = cost(NETWORK)
    listed = layers(NETWORK)
    assert not any(isinstance(layer.op, Slice) for layer in listed)
    sums = sum(isinstance(layer.op, Add) for layer in listed)
    assert size(NETWORK) == (
        counted.macs,
        sum(prod(layer.shape) for layer in listed),
        len(listed) - sums,
        counted.params,
    )


def test_slices_take_nothing() -> None:
    network = parse("ResNet18(m=16)-Re4")
    sliced = [layer for layer in layers(network) if isinstance(layer.op, Slice)]
    assert sliced
    every = sum(prod(layer.shape) for layer in layers(network))
    assert size(network).elements == every - sum(prod(layer.shape) for layer in sliced)


# What a run consists of


def test_a_run_trains_on_every_image_of_every_epoch() -> None:
    assert tasks(RUN) == [Task(NETWORK, 3 * IMAGES, 20)]
    assert macs(RUN) == 3 * cost(NETWORK).macs * 3 * IMAGES


def test_a_batch_is_at_most_the_whole_set() -> None:
    (task,) = tasks(replace(RUN, recipe=replace(RUN.recipe, batch=500)))
    assert (task.batch, task.steps) == (IMAGES, 3)


def test_images_of_half_the_side_are_a_quarter_in_as_many_steps() -> None:
    recipe = replace(RUN.recipe, epochs=4, small=0.5)
    whole, small = tasks(replace(RUN, recipe=recipe))
    assert (whole.images, small.images) == (2 * IMAGES, 2 * IMAGES // 4)
    assert whole.steps == small.steps


def test_a_teacher_is_asked_in_every_epoch() -> None:
    own, asked = tasks(TAUGHT)
    assert own == tasks(RUN)[0]
    assert asked == Task(WIDE.network, 3 * IMAGES, IMAGES, asked=True)
    assert asked.macs == cost(WIDE.network).macs * 3 * IMAGES


def test_a_teacher_is_asked_once_where_images_are_left_alone() -> None:
    still = replace(TAUGHT, recipe=replace(TAUGHT.recipe, shift=0, flip=False))
    assert tasks(still)[1].images == IMAGES


def test_a_teacher_whose_maps_are_compared_is_asked_twice() -> None:
    compared = replace(TAUGHT, recipe=replace(TAUGHT.recipe, pram=1000.0))
    assert tasks(compared)[1].images == 2 * 3 * IMAGES


def test_a_search_trains_too_and_asks_its_teacher() -> None:
    tuning, search, asked = tasks(SEARCHED)
    assert tuning == tasks(RUN)[0]
    assert search == Task(NETWORK, 5 * IMAGES, 40)
    assert asked.images == (3 + 5) * IMAGES


def test_senet_asks_its_teacher_while_it_identifies_masks() -> None:
    _, search, asked = tasks(SENSED)
    assert search == Task(NETWORK, (2 + 4) * IMAGES, 40)
    assert asked.images == (3 + 4) * IMAGES


# Seconds


def test_backward_takes_twice_as_long_as_forward() -> None:
    there_and_back, there = (Task(NETWORK, 60, 20, asked=asked) for asked in (False, True))
    for pace in (MACS_ONLY, Speed(0.0, 1.0, 0.0, 0.0), Speed(0.0, 0.0, 1.0, 0.0)):
        assert pace.seconds(there_and_back) == pytest.approx(3 * pace.seconds(there))
    assert Speed(0.0, 0.0, 0.0, 1.0).seconds(there) == 0


@pytest.mark.parametrize(
    ("speed", "expected"),
    [
        (MACS_ONLY, 60 * size(NETWORK).macs),
        (Speed(0.0, 1.0, 0.0, 0.0), 60 * size(NETWORK).elements),
        (Speed(0.0, 0.0, 1.0, 0.0), 3 * size(NETWORK).layers),
        (Speed(0.0, 0.0, 0.0, 1.0), 3 * size(NETWORK).params),
    ],
)
def test_a_speed_counts_images_and_batches(speed: Speed, expected: int) -> None:
    assert speed.seconds(Task(NETWORK, 60, 20)) == pytest.approx(expected)


def test_a_run_takes_what_its_tasks_take() -> None:
    pace = Speed(1e-9, 1e-9, 1e-5, 1e-9)
    assert seconds(SENSED, pace) == pytest.approx(sum(map(pace.seconds, tasks(SENSED))))


def test_a_gpu_computes_or_launches_whatever_takes_longer() -> None:
    task = Task(NETWORK, 60, 20)
    computing, launching = Gpu("slow", 1e3, 0.0), Gpu("lazy", 1e30, 1.0)
    assert computing.seconds(task) == pytest.approx(2 * task.macs / 1e3)
    assert launching.seconds(task) == pytest.approx(3 * size(NETWORK).layers)
    both = Gpu("slow and lazy", 1e3, 1.0)
    assert both.seconds(task) == max(computing.seconds(task), launching.seconds(task))


@pytest.mark.parametrize(
    "name", ["A100", "a100", "A 100", "rtx-3090", "H200", "B200", "L4", "V100"]
)
def test_a_gpu_is_found_by_its_name(name: str) -> None:
    found = gpu(name)
    assert found.name == name.upper().replace(" ", "").replace("-", "")
    assert 1e12 < found.flops < 1e15
    assert 0 < found.launch < 1e-3


@pytest.mark.parametrize("name", ["", "A1000", "cpu"])
def test_an_unknown_gpu_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown GPU '{name}'; known are A100, H100"):
        gpu(name)


def test_an_a100_needs_minutes_for_the_anchor_of_its_share() -> None:
    """A ResNet-18 in 32.3e15 operations takes tuned code 7 minutes; we assume at least that."""
    resnet = parse("ResNet18", 32, 10)
    task = Task(resnet, round(32.3e15 / (6 * cost(resnet).macs)), 512)
    assert 7 * 60 < gpu("A100").seconds(task) < 4 * 7 * 60


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100-PCIE-40GB", "A100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H200", "H200"),
        ("NVIDIA H200 NVL", None),
        ("NVIDIA GeForce RTX 4090", "RTX4090"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", None),
        ("Tesla T4", "T4"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("AMD EPYC", None),
    ],
)
def test_a_card_is_known_by_what_it_calls_itself(said: str, expected: str | None) -> None:
    found = called(said)
    assert (found and found.name) == expected


def test_no_card_is_priced_above_its_peak() -> None:
    with GPUS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        found = gpu(row["name"])
        assert found.flops <= found.peak == 1e12 * float(row["peak_tflops"])
        assert found.is_measured == bool(row["measured"])
        assert row["source"]
        assert float(row["memory_gb"]) > 0


def test_a_share_that_was_measured_stands_for_the_assumed_one() -> None:
    row = {"name": "X", "peak_tflops": "100", "share": "0.1", "launch_us": "100"}
    assert _gpu({**row, "measured": ""}).flops == pytest.approx(1e13)
    assert _gpu({**row, "measured": "0.3"}).flops == pytest.approx(3e13)


def test_a_cpu_has_no_peak_and_a_gpu_that_of_its_data_sheet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert peak(Machine(torch.device("cpu"), "float32")) is None
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert peak(Machine(torch.device("cuda"), "bfloat16")) == gpu("H200").peak / 2
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA Something")
    assert peak(Machine(torch.device("cuda"), "bfloat16")) is None


# Campaigns


def test_teachers_come_first_and_every_run_once() -> None:
    other = replace(TAUGHT, seed=2)
    assert with_teachers([TAUGHT, other, TAUGHT, WIDE]) == [WIDE, TAUGHT, other]
