"""Searches: whichever it is, it can be interrupted anywhere and leaves a plain net."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from deepreshape.learn.search import searches as register
from deepreshape.learn.search.masks import Found, apply
from deepreshape.learn.search.searches import SNL, Search, SENet
from deepreshape.learn.tensor_files import load_tensors
from deepreshape.learn.training.evaluate import TrainingFailed
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.teacher import Teacher
from tests.learn.seeking import RELUS, STEPS, baseline, kept, seek, without_times
from tests.learn.tiny import Interrupted, same, stop_at
from tests.learn.tracing import relu_sites

BY_PIXEL = SNL(
    304, epochs=3, batch=20, rate=0.02, alpha_rate=0.02, penalty=0.02, growth=2, patience=0
)
BY_CHANNEL = replace(BY_PIXEL, by="channel")
STOPPING = replace(BY_PIXEL, budget=600, epochs=5, rate=0.1, alpha_rate=0.1)
"""The budget is reached before its epochs are over."""
SENSITIVE = SENet(304, sensitivity_epochs=2, epochs=2, batch=20)
SEARCHES: dict[str, Search] = {
    "SNL by pixel": BY_PIXEL,
    "SNL by channel": BY_CHANNEL,
    "SNL that stops early": STOPPING,
    "SENet": SENSITIVE,
    "SENet without sparse learning": replace(SENSITIVE, sensitivity_epochs=0),
}
searches = pytest.mark.parametrize("search", [pytest.param(s, id=i) for i, s in SEARCHES.items()])
kinds = pytest.mark.parametrize("search", [BY_PIXEL, BY_CHANNEL, SENSITIVE], ids=["p", "c", "s"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("searches")


def equal(left: Found, right: Found) -> bool:
    return same(dict(left.masks), dict(right.masks)) and without_times(left) == without_times(right)


def test_every_search_that_there_is_is_searched_here() -> None:
    assert {type(search) for search in SEARCHES.values()} == set(register.SEARCHES)


def test_the_search_that_stops_early_does(cpu: Machine) -> None:
    found = seek(STOPPING, cpu)
    assert 1 < len(found.history) < STOPPING.epochs
    assert found.history[-1]["reached"]


# Interruptions


@searches
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(0, 4 * STEPS + 1), min_size=1, max_size=3))
def test_a_search_that_is_interrupted_ends_as_one_that_is_not(
    cpu: Machine, folder: Path, search: Search, stops: list[int]
) -> None:
    checkpoint = folder / "checkpoint"
    checkpoint.unlink(missing_ok=True)
    whole_net, net = baseline(), baseline()
    whole = seek(search, cpu, whole_net)
    for stop in stops:
        with suppress(Interrupted):
            seek(search, cpu, baseline(), checkpoint, stop_at(stop))
    resumed = seek(search, cpu, net, checkpoint)
    assert equal(resumed, whole)
    assert same(net.state_dict(), whole_net.state_dict())


@searches
def test_a_search_that_had_ended_returns_at_once(
    cpu: Machine, tmp_path: Path, search: Search
) -> None:
    first_net, net = baseline(), baseline()
    first = seek(search, cpu, first_net, tmp_path / "x")
    content = (tmp_path / "x").read_bytes()
    shown: list[int] = []
    again = seek(search, cpu, net, tmp_path / "x", shown.append)
    epochs = sum("loss" in entry for entry in first.history)
    assert shown == [epochs * 80]
    assert equal(again, first)
    assert again.seconds == first.seconds
    assert same(net.state_dict(), first_net.state_dict())
    assert (tmp_path / "x").read_bytes() == content


@searches
def test_progress_counts_the_images_of_every_step(cpu: Machine, search: Search) -> None:
    shown: list[int] = []
    found = seek(search, cpu, progress=shown.append)
    epochs = sum("loss" in entry for entry in found.history)
    assert shown == epochs * STEPS * [20]


@searches
def test_whole_epochs_are_not_searched_again(cpu: Machine, tmp_path: Path, search: Search) -> None:
    with pytest.raises(Interrupted):
        seek(search, cpu, None, tmp_path / "x", stop_at(STEPS + 1))
    shown: list[int] = []
    found = seek(search, cpu, None, tmp_path / "x", shown.append)
    epochs = sum("loss" in entry for entry in found.history)
    assert shown == [80, *((epochs - 1) * STEPS * [20])]


@kinds
@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_damaged_checkpoint_is_a_fresh_start(
    cpu: Machine, tmp_path: Path, search: Search, left: int
) -> None:
    path = tmp_path / "x"
    with pytest.raises(Interrupted):
        seek(search, cpu, None, path, stop_at(2 * STEPS + 1))
    path.write_bytes(path.read_bytes()[:left])
    assert equal(seek(search, cpu, None, path), seek(search, cpu))


@kinds
def test_one_checkpoint_is_all_that_is_written(
    cpu: Machine, tmp_path: Path, search: Search
) -> None:
    seek(search, cpu, None, tmp_path / "x")
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]
    assert load_tensors(tmp_path / "x")[1]["precision"] == "float32"


@kinds
def test_a_search_keeps_the_number_format_it_began_with(
    cpu: Machine, tmp_path: Path, search: Search
) -> None:
    rounded = replace(cpu, precision="bfloat16")
    with pytest.raises(Interrupted):
        seek(search, rounded, None, tmp_path / "x", stop_at(STEPS + 1))
    resumed = seek(search, cpu, None, tmp_path / "x")
    assert load_tensors(tmp_path / "x")[1]["precision"] == "bfloat16"
    assert kept(resumed) == 304


# What it leaves


@searches
def test_the_net_is_a_plain_one_again(cpu: Machine, search: Search) -> None:
    net = baseline()
    names = list(net.state_dict())
    parameters = [name for name, _ in net.named_parameters()]
    found = seek(search, cpu, net)
    assert list(net.state_dict()) == names
    assert [name for name, _ in net.named_parameters()] == parameters
    assert all(type(module) is nn.ReLU for module in relu_sites(net).values())
    assert all(mask.device.type == "cpu" for mask in found.masks.values())
    apply(net, found.masks)
    assert list(net.state_dict()) == names


@searches
def test_weights_are_searched_too_and_the_teachers_are_not(cpu: Machine, search: Search) -> None:
    net, teacher = baseline(), baseline()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    seek(search, cpu, net, taught=Teacher(teacher, lambda epoch, images: torch.zeros(80, 10)))
    assert not same(net.state_dict(), before)
    assert same(teacher.state_dict(), before)


@kinds
def test_the_same_seed_finds_the_same(cpu: Machine, search: Search) -> None:
    assert equal(seek(search, cpu, seed=1), seek(search, cpu, seed=1))


@kinds
def test_another_seed_finds_other_masks(cpu: Machine, search: Search) -> None:
    first, second = seek(search, cpu, seed=1), seek(search, cpu, seed=2)
    assert not same(dict(first.masks), dict(second.masks))
    assert kept(first) == kept(second)


@kinds
def test_nothing_is_drawn_from_the_global_generator(cpu: Machine, search: Search) -> None:
    before = torch.random.get_rng_state()
    seek(search, cpu)
    assert torch.equal(torch.random.get_rng_state(), before)


@kinds
@pytest.mark.parametrize("budget", [0, RELUS])
def test_none_and_all_of_the_relus_need_no_search(
    cpu: Machine, tmp_path: Path, search: Search, budget: int
) -> None:
    net = baseline()
    found = seek(replace(search, budget=budget), cpu, net, tmp_path / "x", stop_at(0))
    assert kept(found) == budget
    assert found.history == ()
    assert found.seconds == 0
    assert same(net.state_dict(), baseline().state_dict())
    assert not (tmp_path / "x").exists()


# What cannot be


@kinds
def test_a_budget_that_does_not_fit_is_refused(cpu: Machine, search: Search) -> None:
    with pytest.raises(ValueError, match="1,024 ReLUs"):
        seek(replace(search, budget=RELUS + 16), cpu)


@kinds
def test_a_loss_that_is_no_number_names_step_and_rate(
    cpu: Machine, tmp_path: Path, search: Search
) -> None:
    with pytest.raises(TrainingFailed) as caught:
        seek(replace(search, rate=1e19), cpu, None, tmp_path / "x")
    named = re.fullmatch(
        r"the loss of the search is (nan|inf) at step (\d+) \(epoch (\d+)\), learning rate (\S+)",
        str(caught.value),
    )
    assert named
    assert int(named[3]) == int(named[2]) // STEPS + 1
    assert 0 < float(named[4]) <= 1e19


@kinds
def test_a_batch_larger_than_the_set_is_the_set(cpu: Machine, search: Search) -> None:
    shown: list[int] = []
    found = seek(replace(search, batch=1000), cpu, progress=shown.append)
    assert shown == sum("loss" in entry for entry in found.history) * [80]


@kinds
@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_nearly_what_a_cpu_finds(cpu: Machine, search: Search) -> None:
    gpu = Machine(torch.device("cuda"), "float32")
    taught: Net = gpu.place(baseline())
    here = seek(search, cpu)
    there = seek(search, gpu, taught=Teacher(taught, lambda e, x: torch.zeros(80, 10).cuda()))
    assert kept(there) == kept(here)
    assert list(there.masks) == list(here.masks)
