"""Programs with weights at random: what they garble."""

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from deepreshape.design import ReluPlan, cost, layers, parse
from deepreshape.design.ops import Relu
from deepreshape.places import DATA
from deepreshape.private.garbled_counts import Garbled, read
from deepreshape.private.homomorphic.slots import SLOTS
from deepreshape.private.joint import parts
from deepreshape.private.latency import layer_operations
from deepreshape.private.packings import PACKINGS
from deepreshape.private.program import model
from deepreshape.private.program.drawn import FEW, drawn_masks, garbled, random_model
from deepreshape.private.program.steps import Linear, Nonlinear
from deepreshape.private.protocol import joint_steps
from deepreshape.private.rings import PRIME
from deepreshape.private.sessions import over

QUICK = 200e6
"""Multiply-accumulates of a network that compiles in a second."""
COUNTS = read()


@pytest.mark.parametrize(
    "name", [name for name in COUNTS if cost(parse(name)).macs < QUICK], ids=str
)
def test_the_record_counts_the_compiled_program(name: str) -> None:
    assert garbled(parse(name)) == COUNTS[name]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("packing", PACKINGS)
def test_the_protocol_meets_over_what_is_counted(packing: str, exact: bool) -> None:
    name = "HRN-2x5x3x(m=8)-C1-T234"
    model = random_model(parse(name), np.random.default_rng(0), FEW)
    program = over(model, packing, exact)
    relus = others = 0
    for step in joint_steps(program):
        assert isinstance(step.op, Nonlinear)
        under = np.flatnonzero(step.relus)
        for part in parts(step, program):
            if np.array_equal(part.elements, under):
                relus += part.elements.size
                assert part.function is not None and part.shift is None
            else:
                others += part.elements.size
                assert part.garbled == program.rounds(step.op)
                assert part.shift == (None if program.rounds(step.op) else step.op.shift)
    assert Garbled(relus, others) == COUNTS[name]


def test_a_mask_leaves_as_many_relus_as_it_should() -> None:
    network = parse("ResNet18(m=4)")
    for relus in (1, 1000, cost(network).total_relus):
        masks = drawn_masks(network, relus, np.random.default_rng(0))
        assert sum(int(mask.sum()) for mask in masks.values()) == relus
    assert drawn_masks(network, 0, np.random.default_rng(0)) == {}
    with pytest.raises(ValueError, match=r"ResNet18.* ReLUs, not 9,999,999"):
        drawn_masks(network, 9_999_999, np.random.default_rng(0))


@pytest.mark.parametrize("name", COUNTS)
def test_where_relus_were_removed_the_record_has_truncations(name: str) -> None:
    network = parse(name)
    whole = cost(replace(network, relus=ReluPlan())).total_relus
    assert COUNTS[name].relus == cost(network).total_relus
    assert COUNTS[name].truncations > 0 or COUNTS[name].relus == whole
    # No tensor is truncated twice.
    assert COUNTS[name].truncations <= sum(prod(layer.shape) for layer in layers(network))


def test_the_trained_net_of_the_repository_truncates_what_the_one_at_random_does() -> None:
    trained = model.read(DATA / "models" / "cifar100.safetensors")
    counted = COUNTS[str(trained.about["network"])]
    assert (trained.program.relus, trained.program.truncations) == (
        counted.relus,
        counted.truncations,
    )


@pytest.mark.parametrize("name", ["ResNet18(m=4)", "HRN-2x3x2x(m=4)-C1-T23", "WRN16x2@16/10"])
@pytest.mark.parametrize("share", [0.0, 0.03, 0.5])
def test_of_a_searched_network_what_has_no_relu_is_truncated(name: str, share: float) -> None:
    network = parse(name)
    relus = int(share * cost(network).total_relus)
    shapes = {layer.name: layer.shape for layer in layers(network) if isinstance(layer.op, Relu)}
    none = {name: np.zeros(shape, np.bool_) for name, shape in shapes.items()}
    masks = drawn_masks(network, relus, np.random.default_rng(1)) or none
    program = random_model(network, np.random.default_rng(0), FEW, masks).program
    expected = garbled(network).searched(relus)
    assert program.relus == expected.relus
    # Where a layer had to be truncated before its ReLUs, what has none passes.
    assert program.truncations == pytest.approx(expected.truncations, rel=0.05)


def test_every_linear_step_of_a_program_is_run_as_it_is_costed() -> None:
    network = parse("HRN-2x5x3x(m=8)-C1-T234")
    described = {layer.name: layer for layer in layers(network)}
    program = random_model(network, np.random.default_rng(0), FEW).program
    steps = [(step.name, step.op) for step in program.steps if isinstance(step.op, Linear)]
    for name, op in steps:
        assert SLOTS.operations(op.layer, PRIME) == layer_operations(described[name])
    assert len(steps) == sum(any(layer_operations(layer)) for layer in described.values())
