"""How large numbers get, whatever the image: bounds that hold, and that something comes near."""

from dataclasses import replace

import numpy as np
import pytest

from deepreshape.design import Network, Stage, cull, quadratic, thin
from deepreshape.places import DATA
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program import bounds, quantise, reference, tops
from deepreshape.private.program.loose import loose
from deepreshape.private.program.model import read
from deepreshape.private.program.quantise import Precision, Quantised
from deepreshape.private.program.steps import (
    Linear,
    LinearWeights,
    Nonlinear,
    Program,
    Step,
    Sum,
    SumPool,
    Weights,
)
from deepreshape.private.program.tops import COARSER, decoded, topped
from deepreshape.private.rings import BINARY, PRIME, Ring
from tests.families import FAMILIES
from tests.private.nets import MEAN, STD, Pixels, folded, normalised, packed, pixels, some_masks

pytestmark = pytest.mark.long

TINY = Network(4, (Stage(4, 2), Stage(8, 2)), 12, 10)
NETS = {
    **FAMILIES,
    "culled": cull(TINY, {0, 1}),
    "thinned": thin(TINY, {1}),
    "large maps": cull(Network(2, (Stage(2, 1), Stage(4, 1)), 24, 5), {0}),
}
every_net = pytest.mark.parametrize("network", NETS.values(), ids=NETS)
CASES = {name: (network, None) for name, network in NETS.items()} | {
    f"{name}, masked": (NETS[name], 0.4) for name in ("culled", "thinned", "large maps")
}
every_case = pytest.mark.parametrize(("network", "part"), CASES.values(), ids=CASES)


def _made(network: Network, part: float | None = None) -> Quantised:
    masks = None if part is None else some_masks(network, part)
    images = normalised(pixels(network))
    return quantise.program(folded(network, masks), images, MEAN, STD, PRIME, Precision())


def _extremes(network: Network) -> Pixels:
    """Black, white, and patterns of both: as far from what a camera sees as images get."""
    side = network.resolution
    rows, columns = np.indices((side, side))
    plain = [0 * rows, 0 * rows + 1, rows % 2, columns % 2, (rows + columns) % 2, rows // 2 % 2]
    noise = np.random.default_rng(2).integers(0, 2, (4, side, side, 3))
    whole = np.concatenate([np.stack(plain)[..., None].repeat(3, axis=3), noise])
    return (255 * whole).astype(np.uint8)


def _program(ring: Ring, *steps: Step) -> Program:
    return Program(ring, (1, 4, 4), (0.0,), (1.0,), 1.0, steps, 1.0)


# Bounds


def test_layers_that_cancel_are_bounded_together() -> None:
    """Three times less two times a pixel of 255, by way of two channels."""
    shape = (2, 4, 4)
    steps = (
        Step("both", Linear(Convolution(1, 2, 4)), ("image",), shape),
        Step("sum", Linear(Convolution(2, 1, 4)), ("both",), (1, 4, 4)),
    )
    none = np.zeros(1, np.int64)
    weights = {
        "both": LinearWeights(np.array([3, 2]).reshape(2, 1, 1, 1), np.zeros(2, np.int64)),
        "sum": LinearWeights(np.array([1, -1]).reshape(1, 2, 1, 1), none),
    }
    program = _program(BINARY, *steps)
    found = bounds.rows(program, weights, "sum")
    assert found and found.rest == 255
    assert loose(program, weights)["sum"].rest == 5 * 255


def test_the_bound_of_a_window_is_what_the_worst_image_gives() -> None:
    """A kernel of ones and minus ones, summed over windows: the image that has 255 where an entry
    of the whole map is positive reaches the bound."""
    kernel = np.random.default_rng(0).choice([-1, 1], (1, 1, 3, 3))
    steps = (
        Step("conv", Linear(Convolution(1, 1, 4, 3)), ("image",), (1, 4, 4)),
        Step("pool", SumPool(2), ("conv",), (1, 2, 2)),
    )
    program = _program(BINARY, *steps)
    weights = {"conv": LinearWeights(kernel, np.zeros(1, np.int64))}

    def gives(image: Pixels) -> int:
        return int(np.abs(reference.logits(program, weights, image)).max())

    single = np.eye(16, dtype=np.uint8).reshape(16, 4, 4, 1)
    entries = np.stack([reference.logits(program, weights, image) for image in single])
    worst = max(
        gives((255 * (sign * entries[:, at] > 0)).astype(np.uint8).reshape(4, 4, 1))
        for at in range(4)
        for sign in (-1, 1)
    )
    found = bounds.rows(program, weights, "pool")
    assert found and found.rest == worst


@every_case
def test_no_image_goes_beyond_its_bound(network: Network, part: float | None) -> None:
    made = _made(network, part)
    found = topped(made.program, made.weights, made.seen)
    tops = {s.name: 2.0 ** (s.op.top or 0) for s in found.program.steps if _is_relu(s)}
    quick = loose(found.program, found.weights)
    for name in decoded(found.program):
        exact = bounds.rows(found.program, found.weights, name)
        assert exact
        assert exact.most(tops) <= quick[name].most(tops) * 1.01
        last = found.program.steps.index(_step(found.program, name)) + 1
        upto = replace(found.program, steps=found.program.steps[:last])
        for image in _extremes(network):
            numbers = reference.logits(upto, found.weights, image)
            assert np.abs(numbers).max() <= exact.most(tops), name


def _is_relu(step: Step) -> bool:
    return step.relus.any() and isinstance(step.op, Nonlinear)


def _step(program: Program, name: str) -> Step:
    return next(step for step in program.steps if step.name == name)


@pytest.mark.parametrize("name", ["stages", "VGG16", "culled", "thinned", "large maps"])
def test_positions_that_see_no_border_have_one_bound(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _made(NETS[name])
    names = list(decoded(made.program))
    few = [bounds.rows(made.program, made.weights, name) for name in names]

    def everywhere(program: Program, _: object, __: object, name: str) -> list[tuple[int, int]]:
        side = _step(program, name).shape[1]
        return [(row, column) for row in range(side) for column in range(side)]

    monkeypatch.setattr(bounds, "places_of", everywhere)
    for name, one in zip(names, few, strict=True):
        all_of_them = bounds.rows(made.program, made.weights, name)
        assert one and all_of_them
        assert one.rest == pytest.approx(all_of_them.rest)
        assert one.rounded == pytest.approx(all_of_them.rounded)
        assert dict(one.relus) == pytest.approx(dict(all_of_them.relus))


def leaving(program: Program, weights: Weights) -> tuple[str, ...]:
    """The first decoded tensor that an image might bring out of the ring, as far as the weights
    tell; none, where no image can."""
    if squares := tops._squares(program):
        return squares
    most = {
        step.name: program.ring.bits if step.op.top is None else step.op.top
        for step in program.steps
        if isinstance(step.op, Nonlinear)
    }
    over = tops._over(program, weights, most, 0)[1]
    return tuple(name for name, bits in over.items() if bits > 0)


def test_what_would_take_too_long_is_not_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _made(TINY)
    monkeypatch.setattr(bounds, "WORK", 10.0)
    assert bounds.rows(made.program, made.weights, "head/logits") is None


# Tops


@every_case
def test_no_image_leaves_the_ring_and_nothing_is_added(
    network: Network, part: float | None
) -> None:
    made = _made(network, part)
    found = topped(made.program, made.weights, made.seen)
    assert found.program.bounded and found.open == ()
    assert leaving(found.program, found.weights) == ()
    assert found.program.relus == made.program.relus
    assert found.program.truncations == made.program.truncations
    for image in _extremes(network):
        assert reference.clear(found.program, found.weights, image).left is None


@every_net
def test_what_was_seen_is_under_the_tops(network: Network) -> None:
    made = _made(network)
    found = topped(made.program, made.weights, made.seen)
    for image in pixels(network):
        clear = reference.clear(found.program, found.weights, image)
        # A number at its top may be rounded past it.
        assert clear.topped <= 2


@every_net
def test_logits_are_those_of_the_program_before(network: Network) -> None:
    made = _made(network)
    found = topped(made.program, made.weights, made.seen)
    for image in pixels(network):
        before = reference.logits(made.program, made.weights, image) * made.program.logit
        after = reference.logits(found.program, found.weights, image) * found.program.logit
        assert np.abs(after - before).max() < 0.03 * np.abs(before).max()


def test_a_program_without_tops_may_leave_the_ring() -> None:
    made = _made(TINY)
    assert leaving(made.program, made.weights) != ()


def test_a_net_that_would_lose_too_many_bits_is_left_as_it_is() -> None:
    """A chain whose numbers were never seen beyond 1, and which a white image makes 2^COARSER times
    as large as the ring."""
    factor = BINARY.modulus // 255 << COARSER
    step = Step("fc", Linear(Convolution(1, 1, 4)), ("image",), (1, 4, 4))
    weights = {"fc": LinearWeights(np.full((1, 1, 1, 1), factor), np.zeros(1, np.int64))}
    program = _program(BINARY, step, Step("sum", Sum((0,)), ("fc",), (1, 4, 4)))
    found = topped(program, weights, {})
    assert found.program is program
    assert found.open == ("sum",)
    assert not found.program.bounded


@pytest.mark.parametrize("name", ["digits", "cifar100"])
def test_no_image_leaves_the_ring_of_a_net_of_the_repository(name: str) -> None:
    model = read(DATA / "models" / f"{name}.safetensors")
    assert model.program.bounded
    assert leaving(model.program, model.weights) == ()


def test_a_square_is_told_as_what_may_leave_the_ring() -> None:
    found = packed(quadratic(cull(TINY, {1})))
    assert not found.program.bounded
    assert found.open == ("stem/relu/squared",) == leaving(found.program, found.weights)


# Bits


def _most(program: Program, weights: Weights, step: Step) -> float:
    tops = {s.name: 2.0 ** (s.op.top or 0) for s in program.steps if _is_relu(s)}
    name = step.inputs[0]
    found = bounds.rows(program, weights, name) or loose(program, weights)[name]
    return found.most(tops)


@every_case
def test_a_step_has_the_bits_that_the_weights_may_need_and_none_more(
    network: Network, part: float | None
) -> None:
    made = _made(network, part)
    found = topped(made.program, made.weights, made.seen)
    for step in found.program.steps:
        if isinstance(step.op, Nonlinear):
            shift, bits = step.op.shift, step.op.bits
            most = _most(found.program, found.weights, step) + (1 << shift)
            assert most < 1 << bits - 1
            assert most + 1 > 1 << bits - 2 or bits == shift + 2
            assert bits < found.program.ring.bits


@every_case
def test_extreme_images_stay_in_the_bits_of_every_step(
    network: Network, part: float | None
) -> None:
    """Also where every shift is rounded up, and where each is rounded down."""
    made = _made(network, part)
    found = topped(made.program, made.weights, made.seen)
    steps = [step for step in found.program.steps if isinstance(step.op, Nonlinear)]
    lows = [
        {step.name: np.full(step.shape, low(step), np.uint64) for step in steps}
        for low in (lambda step: 0, lambda step: (1 << step.op.shift) - 1)
    ]
    for image in _extremes(network):
        for each in (None, *lows):
            assert reference.clear(found.program, found.weights, image, each).left is None


@every_net
def test_the_tops_are_the_least_powers_of_two_above_what_was_seen(network: Network) -> None:
    """But for what a coarser unit takes off them, and off what was seen alike."""
    made = _made(network)
    found = topped(made.program, made.weights, made.seen)
    for step in found.program.steps:
        if isinstance(step.op, Nonlinear) and step.relus.any():
            top, seen = step.op.top, made.seen[step.name]
            assert top is not None
            least = (seen - 1).bit_length()
            assert 1 << least >= seen > 1 << least - 1
            assert 0 <= least - top <= COARSER


def test_a_coarser_unit_cuts_more_before_and_less_behind() -> None:
    """Numbers seen up to 4, which a white image makes 2^3 times as large as a ring lets them be:
    all units of the stretch are 2^3 times as large, the top is 2^3 times as small."""
    ring, one = Ring(1 << 20), (1, 4, 4)
    factor = (1 << 17) * 8 // 255
    steps = (
        Step("fc", Linear(Convolution(1, 1, 4)), ("image",), one),
        Step("relu", Nonlinear(True, 5, 19), ("fc",), one),
        Step("out", Sum((0,)), ("relu",), one),
    )
    weights = {"fc": LinearWeights(np.full((1, 1, 1, 1), factor), np.zeros(1, np.int64))}
    found = topped(_program(ring, *steps), weights, {"relu": 1 << 12})
    (relu,) = [step.op for step in found.program.steps if isinstance(step.op, Nonlinear)]
    (before,) = [step.op for step in steps if isinstance(step.op, Nonlinear)]
    assert found.program.unit > 1
    assert before.shift - relu.shift == np.log2(found.program.unit)
    assert (relu.top, found.program.logit) == (12, 1)


@pytest.mark.parametrize("shift", [0, 1, 5, 11])
@pytest.mark.parametrize("exact", [False, True])
def test_a_truncation_moves_a_number_by_a_unit_at_most_and_the_bound_says_so(
    shift: int, exact: bool
) -> None:
    """Rounded by the client's share it is off by less than one, which the bounds count whole."""
    one = (1, 4, 4)
    steps = (
        Step("fc", Linear(Convolution(1, 1, 4)), ("image",), one),
        Step("cut", Nonlinear(False, shift, 30), ("fc",), one),
        Step("sum", Sum((0, 0)), ("cut", "cut"), one),
    )
    program = replace(_program(BINARY, *steps), exact=exact)
    weights = {"fc": LinearWeights(np.full((1, 1, 1, 1), 1001), np.zeros(1, np.int64))}
    cut, total = (bounds.rows(program, weights, name) for name in ("cut", "sum"))
    assert cut and total and cut.rest == 255 * 1001 / 2**shift
    # A pixel is rounded, and the bias by a half; both are scaled, and then cut.
    assert cut.rounded == (1001 + 0.5) / 2**shift + (shift > 0)
    assert total.rounded == 2 * cut.rounded
    assert loose(program, weights)["cut"].rounded == cut.rounded
    most = 0
    for low in {0, (1 << shift) - 1}:
        lows = {"cut": np.full(one, low, np.uint64)}
        white = np.full((4, 4, 1), 255, np.uint8)
        most = max(most, int(reference.logits(program, weights, white, lows).max()))
    assert most <= total.most({})
