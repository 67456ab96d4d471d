"""Programs with weights at random: what they garble."""

from dataclasses import replace

import numpy as np
import pytest

from deepreshape.design import Network, ReluPlan, cost, layers, parse
from deepreshape.design.ops import Relu
from deepreshape.places import DATA
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled_counts import Garbled, read
from deepreshape.private.homomorphic.slots import SLOTS
from deepreshape.private.latency import layer_operations
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import model
from deepreshape.private.program.drawn import FEW, garbled, random_model
from deepreshape.private.program.folding import Mask
from deepreshape.private.program.steps import Linear, Nonlinear
from deepreshape.private.protocol import instances
from deepreshape.private.rings import PRIME, Ring

QUICK = 200e6
"""Multiply-accumulates of a network that compiles in a second."""
COUNTS = read()


def masks_of(network: Network, relus: int) -> dict[str, Mask]:
    """Masks at random that leave so many ReLUs."""
    sites = {layer.name: layer.shape for layer in layers(network) if isinstance(layer.op, Relu)}
    flat = np.random.default_rng(1).permutation(cost(network).total_relus) < relus
    ends = np.cumsum([np.prod(shape) for shape in sites.values()])[:-1]
    parts = np.split(flat, ends)
    return {name: part.reshape(sites[name]) for name, part in zip(sites, parts, strict=True)}


@pytest.mark.parametrize(
    "name", [name for name in COUNTS if cost(parse(name)).macs < QUICK], ids=str
)
def test_the_record_counts_the_compiled_program(name: str) -> None:
    assert garbled(parse(name)) == COUNTS[name]


@pytest.mark.parametrize("ring", [packing(name).ring for name in PACKINGS], ids=repr)
def test_the_protocol_garbles_what_is_counted(ring: Ring) -> None:
    name = "HRN-2x5x3x(m=8)-C1-T234"
    program = random_model(parse(name), np.random.default_rng(0), FEW).program
    found = {circuits.relu: 0, circuits.truncate: 0}
    for step in program.steps:
        if isinstance(step.op, Nonlinear):
            for part in instances(step, ring):
                (make,) = [each for each in found if part.function == each(ring, step.op.shift)]
                found[make] += part.elements.size
    assert Garbled(*found.values()) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_truncations_of_the_record_stand_where_relus_were_removed(name: str) -> None:
    network = parse(name)
    whole = cost(replace(network, relus=ReluPlan())).total_relus
    assert COUNTS[name].relus == cost(network).total_relus
    assert COUNTS[name].truncations <= whole - COUNTS[name].relus
    assert (COUNTS[name].truncations > 0) == (COUNTS[name].relus < whole)


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
    masks = masks_of(network, relus)
    program = random_model(network, np.random.default_rng(0), FEW, masks).program
    expected = garbled(network).searched(relus)
    assert (program.relus, program.truncations) == (expected.relus, expected.truncations)


def test_every_linear_step_of_a_program_is_run_as_it_is_costed() -> None:
    network = parse("HRN-2x5x3x(m=8)-C1-T234")
    described = {layer.name: layer for layer in layers(network)}
    program = random_model(network, np.random.default_rng(0), FEW).program
    steps = [(step.name, step.op) for step in program.steps if isinstance(step.op, Linear)]
    for name, op in steps:
        assert SLOTS.operations(op.layer, PRIME) == layer_operations(described[name])
    assert len(steps) == sum(any(layer_operations(layer)) for layer in described.values())
