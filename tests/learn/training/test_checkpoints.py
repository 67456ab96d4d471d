"""Checkpoints bring back what was saved, bit for bit and in the same layout, or nothing at all."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from deepreshape.learn.tensor_files import load_tensors, save_tensors
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from tests.learn.tiny import fresh, same, same_net, weights

MakeOptimizer = Callable[[Net], Optimizer]
OPTIMIZERS: dict[str, MakeOptimizer] = {
    "SGD": lambda net: SGD(net.parameters(), 0.1),
    "momentum": lambda net: SGD(net.parameters(), 0.1, 0.9, weight_decay=1e-3),
    "Nesterov": lambda net: SGD(net.parameters(), 0.1, 0.9, nesterov=True),
    "Adam": lambda net: Adam(net.parameters(), 1e-3),
}
HEADER = {"history": [{"loss": 0.1}], "precision": "float32"}


def step(net: Net, optimizer: Optimizer, number: int) -> None:
    """One step on random images of this number, in the layout of real ones."""
    draws = torch.Generator().manual_seed(number)
    images = torch.randn(6, 3, 8, 8, generator=draws).to(memory_format=torch.channels_last)
    optimizer.zero_grad()
    net.train()(images).logsumexp(1).mean().backward()
    optimizer.step()


def begun(machine: Machine, make: MakeOptimizer, steps: int = 3) -> tuple[Net, Optimizer]:
    net = machine.place(fresh())
    optimizer = make(net)
    for number in range(steps):
        step(net, optimizer, number)
    return net, optimizer


def buffers(optimizer: Optimizer) -> dict[str, Tensor]:
    """All tensors that an optimizer keeps, by parameter and name."""
    return {
        f"{index} {name}": value
        for index, parameter in enumerate(optimizer.param_groups[0]["params"])
        for name, value in optimizer.state[parameter].items()
        if isinstance(value, Tensor)
    }


def layouts(tensors: dict[str, Tensor]) -> dict[str, list[int]]:
    """The strides of each tensor, along sides longer than one."""
    return {
        name: [step for step, size in zip(value.stride(), value.shape, strict=True) if size > 1]
        for name, value in tensors.items()
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.safetensors"


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_net_optimizer_and_header_come_back(cpu: Machine, path: Path, kind: str) -> None:
    net, optimizer = begun(cpu, OPTIMIZERS[kind])
    checkpoints.save(path, net, optimizer, HEADER)
    again, other = begun(cpu, OPTIMIZERS[kind], steps=0)
    header = checkpoints.restore(path, again, other)
    assert header
    assert HEADER.items() <= header.items()
    assert same_net(again, net)
    assert same(buffers(other), buffers(optimizer))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_weights_and_buffers_come_back_in_their_layout(cpu: Machine, path: Path, kind: str) -> None:
    """In which the next step is computed: another may round otherwise."""
    net, optimizer = begun(cpu, OPTIMIZERS[kind])
    checkpoints.save(path, net, optimizer, HEADER)
    again, other = begun(cpu, OPTIMIZERS[kind], steps=0)
    checkpoints.restore(path, again, other)
    kept = {**net.state_dict(), **buffers(optimizer)}
    restored = {**again.state_dict(), **buffers(other)}
    assert layouts(restored) == layouts(kept)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_next_steps_are_those_without_a_stop(cpu: Machine, path: Path, kind: str) -> None:
    net, optimizer = begun(cpu, OPTIMIZERS[kind])
    checkpoints.save(path, net, optimizer, HEADER)
    again, other = begun(cpu, OPTIMIZERS[kind], steps=1)
    checkpoints.restore(path, again, other)
    for number in (3, 4, 5):
        step(net, optimizer, number)
        step(again, other, number)
    assert same_net(again, net)


def test_saving_changes_nothing(cpu: Machine, path: Path) -> None:
    net, optimizer = begun(cpu, OPTIMIZERS["Adam"])
    before = weights(net), {name: value.clone() for name, value in buffers(optimizer).items()}
    checkpoints.save(path, net, optimizer, HEADER)
    assert same(net.state_dict(), before[0])
    assert same(buffers(optimizer), before[1])


def test_settings_of_the_optimizer_are_not_those_of_the_checkpoint(
    cpu: Machine, path: Path
) -> None:
    checkpoints.save(path, *begun(cpu, OPTIMIZERS["momentum"]), HEADER)
    net = cpu.place(fresh())
    optimizer = SGD(net.parameters(), 0.7, 0.5)
    checkpoints.restore(path, net, optimizer)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.7, 0.5)


def test_without_a_path_nothing_is_saved_or_restored(cpu: Machine) -> None:
    net, optimizer = begun(cpu, OPTIMIZERS["momentum"])
    before = weights(net)
    checkpoints.save(None, net, optimizer, HEADER)
    assert checkpoints.restore(None, net, optimizer) is None
    assert same(net.state_dict(), before)


def test_the_header_can_be_read_alone(cpu: Machine, path: Path) -> None:
    checkpoints.save(path, *begun(cpu, OPTIMIZERS["momentum"]), HEADER)
    header = checkpoints.header(path)
    assert header
    assert HEADER.items() <= header.items()


def test_a_history_under_its_other_name_is_found(cpu: Machine, path: Path) -> None:
    checkpoints.save(path, *begun(cpu, OPTIMIZERS["momentum"]), {"curve": HEADER["history"]})
    header = checkpoints.header(path)
    assert header
    assert header["history"] == HEADER["history"]


# What cannot be trusted


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def of_another_run(path: Path) -> None:
    other = path.with_name("other.safetensors")
    tensors, header, _ = load_tensors(path)
    save_tensors(other, tensors, {**header, "checkpoint": other.name})
    other.replace(path)


def of_no_run(path: Path) -> None:
    tensors, header, _ = load_tensors(path)
    del header["checkpoint"]
    save_tensors(path, tensors, header)


class Bomb:
    """Unpickled, it leaves a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.mkdir, (self.folder,)


def pickled(path: Path) -> None:
    torch.save(Bomb(path.with_name("executed")), path)


DAMAGES: list[Any] = [Path.unlink, cut, flipped, of_another_run, of_no_run, pickled]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_what_is_no_whole_checkpoint_of_the_run_changes_nothing(
    cpu: Machine, path: Path, damage: Callable[[Path], None]
) -> None:
    checkpoints.save(path, *begun(cpu, OPTIMIZERS["momentum"]), HEADER)
    damage(path)
    net, optimizer = begun(cpu, OPTIMIZERS["momentum"], steps=1)
    before = weights(net)
    assert checkpoints.restore(path, net, optimizer) is None
    assert checkpoints.header(path) is None
    assert same(net.state_dict(), before)


def test_nothing_is_executed_when_a_checkpoint_is_read(cpu: Machine, path: Path) -> None:
    pickled(path)
    checkpoints.restore(path, *begun(cpu, OPTIMIZERS["momentum"], steps=0))
    assert not path.with_name("executed").exists()


def test_the_bomb_would_explode(path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(path)))
    assert path.is_dir()


# When


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [1000.0]
    monkeypatch.setattr(checkpoints, "SHARE", 0.05)
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    return now


def test_checkpoints_take_no_more_than_their_share(clock: list[float]) -> None:
    """Epochs of a second and checkpoints of a quarter: one epoch in five is kept."""
    pace, kept = checkpoints.Pace(), []
    for epoch in range(31):
        clock[0] += 1
        if pace.is_due():
            kept.append(epoch)
            with pace.timed():
                clock[0] += 0.25
    assert kept == [0, 5, 10, 15, 20, 25, 30]
    assert 0.25 * (len(kept) - 1) <= 0.05 * (clock[0] - 1001)


def test_quick_checkpoints_are_written_after_every_epoch(clock: list[float]) -> None:
    pace = checkpoints.Pace()
    for _ in range(5):
        clock[0] += 1
        assert pace.is_due()
        with pace.timed():
            clock[0] += 0.04
