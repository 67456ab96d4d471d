"""Fixed point: near the float net, inside the ring, and no more truncations than needed."""

from dataclasses import replace
from itertools import pairwise
from math import log2

import numpy as np
import pytest

from deepreshape.design import Network, Stage, cost, cull, quadratic, reuse, thin
from deepreshape.design.ops import Add, Pool
from deepreshape.private.homomorphic.coefficients import Kernels
from deepreshape.private.homomorphic.layers import Convolution, clear, privacy
from deepreshape.private.program import quantise, reference
from deepreshape.private.program.folding import Activation, Affine, Node
from deepreshape.private.program.quantise import DoesNotFit, Precision
from deepreshape.private.program.steps import (
    Linear,
    Nonlinear,
    Program,
    Square,
    Step,
    SumPool,
    Weights,
    most_of,
    shifted,
    walk,
)
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words
from tests.families import FAMILIES
from tests.private.nets import MEAN, STD, Pixels, folded, normalised, pixels, program_of, some_masks

pytestmark = pytest.mark.long

TINY = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
EDITS = {
    "culled": cull(FAMILIES["ResNet18"], {0, 1}),
    "thinned": thin(FAMILIES["ResNet18"], {1, 2, 3, 4}),
    "quadratic": quadratic(thin(cull(FAMILIES["ResNet18"], {1}), {2, 3, 4})),
    "reuse": reuse(FAMILIES["ResNet18"], 4),
    "chained": reuse(FAMILIES["HRN"], 4, "chained"),
    "apart": reuse(FAMILIES["ResNet20"], 4, "apart", everywhere=True),
}
NETS = {**FAMILIES, **EDITS}
every_net = pytest.mark.parametrize("network", NETS.values(), ids=NETS)


def _difference(nodes: tuple[Node, ...], images: Pixels, precision: Precision, ring: Ring) -> float:
    """The largest difference of logits from the float net's, over the largest logit."""
    program, weights = program_of(nodes, images, ring, precision)
    *_, (_, wanted) = quantise.run(nodes, normalised(images))
    found = np.stack([reference.logits(program, weights, image) for image in images])
    floats = wanted.reshape(len(images), -1)
    return float(np.abs(found * program.logit - floats).max() / np.abs(floats).max())


@every_net
def test_the_logits_are_near_and_nearer_with_more_bits(network: Network) -> None:
    nodes, images = folded(network), pixels(network, 2)
    wide = Ring(1 << 56)
    coarse, usual, fine = (
        _difference(nodes, images, Precision(activation, weight), wide)
        for activation, weight in ((7, 5), (12, 8), (18, 14))
    )
    # A rounding is off by half a unit, relative to the largest number 2^-(bits + 1); roundings of
    # all layers add up.
    layers = sum(isinstance(node.op, Affine) for node in nodes)
    assert fine < usual < coarse
    assert usual < 4 * layers * (2.0**-8 + 2.0**-12)
    assert fine < 4 * layers * (2.0**-14 + 2.0**-18)


@every_net
def test_every_tensor_stays_in_the_ring_with_the_margin(network: Network) -> None:
    images = pixels(network, 1)
    precision = Precision()
    program, weights = program_of(folded(network), images, PRIME, precision)
    # The rounding of integers may go past what was measured by a little.
    most = program.ring.modulus / 2 ** (precision.margin + 1) * 1.05
    for image in images:
        for name, values in _tensors(program, weights, image):
            assert np.abs(values).max() <= most, name


def _tensors(program: Program, weights: Weights, image: Pixels) -> list[tuple[str, Integers]]:
    """Every tensor in a ring so wide that nothing can wrap."""
    ring = Ring(1 << 60)
    found: list[tuple[str, Integers]] = []
    steps = program.steps

    def linear(step: Step, values: Words) -> Words:
        mine = weights[step.name]
        bias = ring.residues(mine.bias).reshape(-1, 1, 1)
        return ring.add(clear(step.layer, mine.weights, values, ring), bias)

    def joint(step: Step, values: Words) -> Words:
        if isinstance(step.op, Square):
            return ring.multiply(values, values)
        assert isinstance(step.op, Nonlinear)
        return ring.residues(shifted(step.op, ring.signed(values), None))

    for number, step in enumerate(steps, start=1):
        upto = replace(program, ring=ring, steps=steps[:number])
        pixels = ring.residues(program.quantised(image))
        values = walk(upto, pixels, linear, joint, ring)
        found.append((step.name, ring.signed(values)))
    return found


@every_net
def test_the_relus_are_those_of_the_cost_model(network: Network) -> None:
    program, _ = program_of(folded(network), pixels(network, 1))
    assert program.relus == cost(network).total_relus


@every_net
def test_the_squares_are_those_of_the_cost_model(network: Network) -> None:
    squared = quadratic(thin(network, {1, 2}))
    program, _ = program_of(folded(squared), pixels(network, 1))
    assert program.squares == cost(squared).squares > 0
    assert program.relus == cost(squared).total_relus


def test_what_is_squared_was_truncated_to_the_bits_of_an_activation() -> None:
    images, precision = pixels(TINY), Precision()
    program, weights = program_of(folded(quadratic(thin(TINY, {1}))), images, BINARY, precision)
    (step,) = [each for each in program.steps if isinstance(each.op, Square)][:1]
    (source,) = [each for each in program.steps if each.name == step.inputs[0]]
    assert isinstance(source.op, Nonlinear) and not source.op.relus and source.op.shift
    upto = replace(program, steps=program.steps[: program.steps.index(source) + 1])
    largest = max(np.abs(reference.logits(upto, weights, image)).max() for image in images)
    assert 2 ** (precision.activation - 1) <= largest <= 2**precision.activation


@pytest.mark.parametrize("part", [0.0, 0.3, 1.1])
def test_the_relus_are_those_of_the_masks(part: float) -> None:
    masks = some_masks(TINY, part)
    program, _ = program_of(folded(TINY, masks), pixels(TINY))
    assert program.relus == sum(int(mask.sum()) for mask in masks.values())


@pytest.mark.parametrize("bits", [10, 14, 18, 22])
def test_a_ring_that_is_too_small_is_refused_and_a_layer_named(bits: int) -> None:
    nodes = folded(TINY)
    with pytest.raises(DoesNotFit) as error:
        program_of(nodes, pixels(TINY), Ring(1 << bits))
    name, rest = str(error.value).split(" needs ")
    assert name in {node.name for node in nodes}
    assert f"the ring has {bits}" in rest


def _chain(count: int, weight: float = 1.0) -> tuple[Node, ...]:
    """Layers 1 x 1 on one channel, one behind the other, without ReLUs."""
    layer, names = Convolution(1, 1, 4), ["image", *(f"fc{n}" for n in range(count))]
    op = Affine(layer, np.full((1, 1, 1, 1), weight), np.zeros(1))
    return tuple(Node(name, op, (source,), (1, 4, 4)) for source, name in pairwise(names))


ONES = np.ones((1, 1, 4, 4))


def _written(nodes: tuple[Node, ...], ring: Ring, precision: Precision) -> Program:
    return quantise.program(nodes, ONES, (0.0,), (1.0,), ring, precision).program


@pytest.mark.parametrize(
    ("layers", "truncated"), [(1, []), (3, []), (4, ["fc2"]), (6, ["fc2"]), (7, ["fc2", "fc5"])]
)
def test_a_chain_is_truncated_only_where_it_would_outgrow_the_ring(
    layers: int, truncated: list[str]
) -> None:
    """An image of 1 is 2^12, each weight of 1 is 2^8: the sums have 12 + 8 n bits, and a ring of
    41 bits with 4 for sign, shift and margin holds 36. A truncation goes back to 12."""
    program = _written(_chain(layers), Ring(1 << 41), Precision(12, 8, 2))
    cuts = [step for step in program.steps if isinstance(step.op, Nonlinear)]
    assert [step.name for step in cuts] == [f"{name}/truncated" for name in truncated]
    assert [
        step.op for step in cuts if isinstance(step.op, Nonlinear) and step.op.shift != 24
    ] == []
    assert program.truncations == 16 * len(truncated)


def test_a_sum_that_cancels_is_refused_where_its_terms_do_not_fit() -> None:
    """2 - 1 = 1: in units of 2^-11, to which the second term is cut, the first takes 12 bits and 4
    for sign, shift and margin."""
    first, second = _chain(1, 2.0)[0], _chain(1, -1.0)[0]
    nodes = (
        first,
        Node("other", second.op, ("image",), (1, 4, 4)),
        Node("add", Add(), ("fc0", "other"), (1, 4, 4)),
    )
    with pytest.raises(DoesNotFit, match="needs 17 bits"):
        _written(nodes, Ring(1 << 15), Precision(12, 0, 2))
    assert len(_written(nodes, Ring(1 << 18), Precision(12, 0, 2)).steps) == 3


@pytest.mark.parametrize("part", [1e-9, 1e-12, 1e-30])
def test_a_term_that_is_next_to_nothing_beside_the_other_is_cut(part: float) -> None:
    first, second = _chain(1, 1.0)[0], _chain(1, part)[0]
    nodes = (
        first,
        Node("other", second.op, ("image",), (1, 4, 4)),
        Node("add", Add(), ("fc0", "other"), (1, 4, 4)),
    )
    steps = _written(nodes, BINARY, Precision(12, 8, 2)).steps
    assert [step.name for step in steps] == ["fc0", "other", "other/truncated", "add"]


def test_a_sum_over_a_map_is_counted_in_bits() -> None:
    nodes = (*_chain(3), Node("pool", Pool(), ("fc2",), (1, 1, 1)))
    program = _written(nodes, Ring(1 << 41), Precision(12, 8, 2))
    names = [step.name for step in program.steps]
    assert names == ["fc0", "fc1", "fc2", "fc2/truncated", "pool"]
    assert isinstance(program.steps[-1].op, SumPool)
    with pytest.raises(DoesNotFit, match="pool needs"):
        _written((Node("pool", Pool(), ("image",), (1, 1, 1)),), Ring(1 << 18), Precision(12, 8, 2))


def test_a_site_that_never_fires_takes_a_shift_that_the_circuits_have() -> None:
    chain = _chain(1, -(2.0**-60))
    nodes = (*chain, Node("relu", Activation(), ("fc0",), (1, 4, 4)))
    op = _written(nodes, BINARY, Precision()).steps[-1].op
    assert isinstance(op, Nonlinear) and (op.shift, op.bits) == (BINARY.bits - 3, BINARY.bits - 1)


def test_weights_have_the_bits_that_were_asked_for() -> None:
    _, weights = program_of(folded(TINY), pixels(TINY), precision=Precision(weight=6))
    tops = [np.abs(mine.weights).max() for mine in weights.values()]
    assert all(2**5 < top <= 2**6 for top in tops)


def test_pixels_are_normalised_by_channel() -> None:
    program, _ = program_of(folded(TINY), pixels(TINY))
    image = pixels(TINY)[0]
    wanted = (image.transpose(2, 0, 1) - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    assert np.abs(program.quantised(image) * program.unit - wanted).max() <= program.unit / 2


@pytest.mark.parametrize("asked", [40, 46, 48])
def test_a_layer_has_as_many_bits_as_its_noise_can_be_hidden_with(
    asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantise, "PRIVACY", asked)
    nodes = folded(FAMILIES["ResNet18"])
    program, weights = program_of(nodes, pixels(FAMILIES["ResNet18"], 2), BINARY, Precision())
    layers = {step.name: step.op.layer for step in program.steps if isinstance(step.op, Linear)}
    share, made = asked + log2(len(layers)) / 2, []
    for name, layer in layers.items():
        mine = weights[name].weights
        made.append(Kernels(layer, mine, BINARY))
        assert made[-1].privacy >= share
        if np.abs(mine).max() <= 512:  # half the usual: twice as much would show
            assert Kernels(layer, 2 * mine, BINARY).privacy < share + 0.1
    assert privacy(made) >= asked


@every_net
def test_what_was_seen_fits_the_bits_of_its_step_with_the_margin(network: Network) -> None:
    images = pixels(network, 2)
    program, weights = program_of(folded(network), images, BINARY, Precision())
    for image in images:
        tensors = dict(_tensors(program, weights, image))
        for step in program.steps:
            if isinstance(step.op, Nonlinear):
                largest = np.abs(tensors[step.inputs[0]]).max()
                assert 3 * largest < most_of(step.op, BINARY), step.name


def test_weights_that_cannot_be_hidden_at_all_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the public key adds is there whatever the weights are."""
    monkeypatch.setattr(quantise, "PRIVACY", 80.0)
    _, weights = program_of(folded(TINY), pixels(TINY))
    assert not any(mine.weights.any() for mine in weights.values())
