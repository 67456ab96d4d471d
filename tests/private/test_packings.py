"""The register of packings: a row is all that it takes to add one."""

from math import log2

import numpy as np
import pytest

from deepreshape.design import parse
from deepreshape.private import packings
from deepreshape.private.homomorphic.coefficients import Coefficients
from deepreshape.private.homomorphic.flooding import PRIVACY
from deepreshape.private.measured import Shape
from deepreshape.private.measuring import Bench
from deepreshape.private.program import reference
from deepreshape.private.program.drawn import random_model
from deepreshape.private.rings import BINARY, Ring
from deepreshape.private.sessions import both, over


class Third(Coefficients):
    """Over another ring, and with a rule of its own for weights."""

    ring = Ring(1 << 36)

    def hides(self, layer: object, weights: np.ndarray, ring: Ring, privacy: float) -> bool:
        return bool(np.abs(weights).max() <= 100)


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(packings.PACKINGS, "third", packings.Registered("a third", Third))
    return "third"


def test_a_registered_packing_is_asked_for_its_ring_and_what_weights_it_hides(third: str) -> None:
    model = random_model(parse("ResNet18(m=2)-C1", 8, 4), np.random.default_rng(0), images=2)
    assert model.program.ring == over(model, third).ring == Third.ring
    assert max(np.abs(mine.weights).max() for mine in model.weights.values()) <= 100


def test_client_and_server_agree_on_a_registered_packing(third: str) -> None:
    choices = np.random.default_rng(0)
    model = random_model(parse("ResNet18(m=2)-C1", 8, 4), choices, images=8)
    pixels = choices.integers(0, 256, (8, 8, 3), np.uint8)
    (found,) = both(model, third, lambda program: [pixels]).outcome.images
    expected = reference.logits(over(model, third), model.weights, pixels, found.lows)
    assert np.array_equal(found.logits, expected)


def test_a_registered_packing_is_timed(third: str) -> None:
    assert Bench(third, 1.0).layer(Shape(third, 2, 2, 4, 3), rounds=1).server_s > 0


def test_all_linear_steps_may_tell_an_equal_part_of_an_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    class Asked(Coefficients):
        def hides(self, layer: object, weights: np.ndarray, ring: Ring, privacy: float) -> bool:
            asked.append(privacy)
            return True

    monkeypatch.setitem(packings.PACKINGS, "asked", packings.Registered("it asks", Asked))
    model = random_model(parse("ResNet18(m=2)-C1", 8, 4), np.random.default_rng(0), images=2)
    each = PRIVACY + log2(len(model.weights)) / 2
    assert asked == [each] * len(model.weights)


def test_a_program_fits_the_least_ring_of_all(third: str) -> None:
    assert packings.smallest_ring() == Third.ring
    del packings.PACKINGS[third]
    assert packings.smallest_ring() == BINARY


@pytest.mark.parametrize("name", packings.PACKINGS)
def test_a_packing_has_a_title_of_its_own(name: str) -> None:
    titles = list(packings.TITLES.values())
    assert titles.count(packings.TITLES[name]) == 1
