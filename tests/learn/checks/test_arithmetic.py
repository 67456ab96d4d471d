"""Layers are computed right here, under other instruction sets too; and what is wrong is found."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from deepreshape.design import layers, parse
from deepreshape.design.ops import Add, Concat, Conv, Op, Pool, Slice
from deepreshape.learn.checks.arithmetic import FORMS, Case, cases, check, fault, kind, kinds
from deepreshape.learn.training.nets import module_of
from tests.learn.edits import EDITED

pytestmark = pytest.mark.long

SMALL = Conv(4, 8, 1)
FEW = [Case(SMALL, 4, 4, batch, 1, form) for batch in (2, 3) for form in FORMS]


@pytest.mark.parametrize("limit", ["AVX2", "SSE41", None])
def test_every_kind_of_layer_is_computed_right(limit: str | None) -> None:
    wanted = cases()
    checked = check(wanted, {"ONEDNN_MAX_CPU_ISA": limit} if limit else None)
    assert (checked.ran, checked.left) == (len(wanted), 0)
    assert [str(each) for each in checked.faults] == []


def test_every_kind_that_a_family_has_is_among_the_cases() -> None:
    (edited,) = zip(*(each.values for each in EDITED), strict=True)
    named = ["WRN22x8", "VGG16", "RegNetX-1.6GF", "ConvNeXt-T", "R34-HRN-2x6x3x(m=12)", "ResNet56"]
    networks = [*edited, *map(parse, named)]
    ops = {layer.op for each in networks for layer in layers(each)}
    found = {kind(op) for op in ops if not isinstance(op, Add | Slice | Concat)}
    assert found == set(kinds()) == {kind(case.op) for case in cases()}


def test_batches_are_even_and_odd_and_channels_few_and_many() -> None:
    shortcuts = [case for case in cases() if kind(case.op) == ("Conv", 1, 2, "one")]
    assert {case.batch % 2 for case in shortcuts} == {0, 1}
    assert {case.threads for case in shortcuts} == {1, 2, 3, 6}
    assert {case.form for case in shortcuts} == set(FORMS)
    assert min(case.channels for case in shortcuts) < 8
    assert max(case.channels for case in shortcuts) > 16


# What is wrong is found


class Wrong(nn.Module):
    """A layer whose result is right, and whose gradients are a quarter too large."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y if x.dtype == torch.float64 else 1.25 * y - 0.25 * y.detach()


class Ending(nn.Module):
    """A layer over which the process ends, for batches of three images."""

    def __init__(self, layer: nn.Module, end: Callable[[], Any]) -> None:
        super().__init__()
        self.layer, self.end = layer, end

    def forward(self, x: Tensor) -> Tensor:
        if len(x) == 3 and x.dtype != torch.float64:
            self.end()
        y: Tensor = self.layer(x)
        return y


def wrong(op: Op) -> nn.Module:
    return Wrong(module_of(op))


def aborting(op: Op) -> nn.Module:
    return Ending(module_of(op), os.abort)


def hanging(op: Op) -> nn.Module:
    return Ending(module_of(op), sleep)


def sleep() -> None:
    time.sleep(60)


def leaving(op: Op) -> nn.Module:
    os._exit(7)


def limited(op: Op) -> nn.Module:
    """Right where the variable is set in the environment."""
    return module_of(op) if os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2" else wrong(op)


def test_a_right_layer_has_no_fault() -> None:
    assert [fault(case) for case in FEW] == [None] * 6


def test_a_wrong_gradient_is_found_in_every_form() -> None:
    checked = check(FEW, make=wrong)
    assert [each.case for each in checked.faults] == FEW
    assert {each.what for each in checked.faults} == {
        "the gradient of the input is off by 25 % of the largest"
    }


def test_no_number_is_a_fault() -> None:
    class Nothing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.dtype == torch.float64 else x * float("nan")

    assert fault(Case(Pool(2), 4, 4, 2, 1, "float32"), lambda op: Nothing())


def test_a_layer_that_ends_its_process_is_named_and_the_next_case_runs() -> None:
    checked = check(FEW, make=aborting)
    assert [each.case for each in checked.faults] == FEW[3:]
    assert {each.what for each in checked.faults} == {"the process died by SIGABRT"}
    assert (checked.ran, checked.left) == (6, 0)


def test_too_many_dead_processes_end_the_check() -> None:
    checked = check([*FEW[3:], *FEW], make=aborting)
    assert (len(checked.faults), checked.ran, checked.left) == (3, 3, 6)


def test_a_layer_that_hangs_is_named() -> None:
    checked = check(FEW[3:4], make=hanging, seconds=2)
    assert [each.what for each in checked.faults] == ["took more than 2 s"]


def test_a_process_that_does_not_get_to_a_layer_is_told() -> None:
    checked = check(FEW[:1], make=leaving)
    assert [each.what for each in checked.faults] == ["the process ended with status 7"]


def test_the_variables_are_those_of_the_processes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert check(FEW[:1], {"ONEDNN_MAX_CPU_ISA": "AVX2"}, limited).faults == ()
    assert len(check(FEW[:1], make=limited).faults) == 1
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ
