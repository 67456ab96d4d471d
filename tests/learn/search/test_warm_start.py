"""Budgets share one search: each finds what it would alone, and no epoch is trained twice."""

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from deepreshape.learn.search.searches import SNL
from deepreshape.learn.training.machine import Machine
from tests.learn.seeking import STEPS, baseline, seek, without_times
from tests.learn.tiny import same

WIDE = SNL(600, epochs=5, batch=20, rate=0.1, alpha_rate=0.1, penalty=0.02, growth=2, patience=0)
BUDGETS = (700, 600, 100)


@pytest.mark.parametrize("order", list(permutations(BUDGETS)), ids=str)
def test_every_order_of_budgets_finds_what_each_does_alone(
    order: tuple[int, ...], cpu: Machine, tmp_path: Path
) -> None:
    for budget in order:
        search = replace(WIDE, budget=budget)
        net, alone_net = baseline(), baseline()
        alone = seek(search, cpu, alone_net)
        checkpoint = tmp_path / f"{budget}.safetensors"
        shared = seek(search, cpu, net, checkpoint, trajectory=tmp_path / "trajectory")
        assert same(dict(shared.masks), dict(alone.masks))
        assert without_times(shared) == without_times(alone)
        assert same(net.state_dict(), alone_net.state_dict())


def test_an_epoch_that_is_kept_is_not_trained_again(cpu: Machine, tmp_path: Path) -> None:
    for budget, trained in ((700, True), (700, False)):
        seen: list[int] = []
        checkpoint = tmp_path / f"{trained}.safetensors"
        search = replace(WIDE, budget=budget)
        seek(search, cpu, None, checkpoint, seen.append, trajectory=tmp_path / "trajectory")
        assert (len(seen) >= STEPS) == trained


def test_a_damaged_state_is_not_used(cpu: Machine, tmp_path: Path) -> None:
    search = replace(WIDE, budget=700)
    first = seek(search, cpu, None, tmp_path / "a.safetensors", trajectory=tmp_path / "trajectory")
    (state,) = tmp_path.glob("trajectory-*.safetensors")
    state.write_bytes(state.read_bytes()[:-8])
    again = seek(search, cpu, None, tmp_path / "b.safetensors", trajectory=tmp_path / "trajectory")
    assert same(dict(first.masks), dict(again.masks))


def test_nothing_is_kept_without_a_trajectory(cpu: Machine, tmp_path: Path) -> None:
    seek(WIDE, cpu, None, tmp_path / "a.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
