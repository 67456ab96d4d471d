"""What a client learns: logits, rounded logits, or the first class alone."""

from dataclasses import replace

import numpy as np
import pytest

from deepreshape.private.homomorphic.linear import Convolution
from deepreshape.private.program import reference
from deepreshape.private.program.answers import COARSE, answering
from deepreshape.private.program.model import Model
from deepreshape.private.program.public import dump, parse
from deepreshape.private.program.steps import Linear, LinearWeights, Nonlinear, Program, Step, Top
from deepreshape.private.rings import BINARY, PRIME
from deepreshape.private.sessions import both
from deepreshape.private.terms import ANSWERS
from tests.private.servers import IMAGES, NETWORK, tiny


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


def of(model: Model, answer: str) -> Program:
    return answering(replace(model.program, ring=BINARY), answer)


@pytest.mark.parametrize("answer", ANSWERS)
def test_both_parties_arrive_at_the_answer(model: Model, answer: str) -> None:
    program = of(model, answer)
    found = both(model, "coefficients", lambda _: list(IMAGES), answer=answer).outcome
    assert dump(found.program) == dump(program)
    for image, each in zip(IMAGES, found.images, strict=True):
        expected = reference.logits(program, model.weights, image, each.lows)
        np.testing.assert_array_equal(each.logits, expected)


def test_rounded_logits_are_the_nearest_multiples_of_a_power_of_two(model: Model) -> None:
    program = of(model, "rounded")
    assert COARSE / 2 < program.logit <= COARSE
    for image in IMAGES:
        exact = reference.logits(of(model, "logits"), model.weights, image) * model.program.logit
        rounded = reference.logits(program, model.weights, image) * program.logit
        assert np.abs(exact - rounded).max() <= program.logit / 2


def test_a_rounded_logit_tells_nothing_of_the_clients_shares(model: Model) -> None:
    op = of(model, "rounded").steps[-1].op
    assert isinstance(op, Nonlinear) and op.exact


def test_the_top_is_the_first_class(model: Model) -> None:
    for image in IMAGES:
        (top,) = reference.logits(of(model, "top"), model.weights, image)
        assert top == reference.logits(of(model, "logits"), model.weights, image).argmax()


def test_of_equal_logits_the_first_is_the_top() -> None:
    layer = Convolution(3, 4, 1)
    step = Step("logits", Linear(layer), ("image",), (4, 1, 1))
    plain = Program(BINARY, (3, 1, 1), (0.0,) * 3, (1.0,) * 3, 1.0, (step,), 1.0)
    bias = np.array([-5, 7, 7, 2])
    weights = {"logits": LinearWeights(np.zeros(layer.weight_shape, np.int64), bias)}
    image = np.zeros((1, 1, 3), np.uint8)
    assert reference.logits(answering(plain, "top"), weights, image).tolist() == [1]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_public(model: Model, answer: str) -> None:
    program = of(model, answer)
    assert dump(parse(dump(program))) == dump(program)
    assert program.answers == NETWORK.classes


def test_modulo_a_prime_there_is_no_top(model: Model) -> None:
    with pytest.raises(ValueError, match="logits alone"):
        answering(replace(model.program, ring=PRIME), "top")
    assert not isinstance(of(model, "logits").steps[-1].op, Top)
