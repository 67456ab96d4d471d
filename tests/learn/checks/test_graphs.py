"""Captured steps are held against those that are asked for."""

import pytest
import torch

from deepreshape.learn.checks.graphs import disagreement
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.steps import Graphed

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_repeated_steps_agree(precision: str) -> None:
    assert disagreement(Machine(CPU, precision)) is None


def test_a_rate_that_stays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a graph that was captured with a number in the place of a tensor."""
    fill = Graphed._fill

    def filled(self: Graphed, epoch: int, pictures: object) -> None:
        fill(self, 0, pictures)

    monkeypatch.setattr(Graphed, "_fill", filled)
    assert "losses" in str(disagreement(Machine(CPU, "float32")))


def test_weights_that_differ_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Graphed._once

    def twice(self: Graphed, *what: object) -> None:
        once(self, *what)
        self.optimizer.param_groups[0]["params"][0].data *= 1 + 1e-7

    monkeypatch.setattr(Graphed, "_once", twice)
    assert disagreement(Machine(CPU, "float32")) is not None
