"""DIST: its formula in numpy, a case worked out by hand, and what its correlations leave free."""

from math import sqrt

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.training.losses import DIST

Logits = tuple[Tensor, Tensor]
BY_HAND = (
    torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]], dtype=torch.double),
    torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]], dtype=torch.double),
)
"""Probabilities of student and teacher."""
INTER = 1 - (14.5 / sqrt(217) + 2.5 / sqrt(133)) / 2
"""The first row deviates from its mean by (11, -4, -7)/30 and (5, -1, -4)/30: products add up to
87/900, squares to 186/900 and 42/900. The second by (-7, 8, -1)/30 and (-4, -1, 5)/30."""
INTRA = 1 - (1 + 0 + 1) / 3
"""Of two images the columns fall and fall, rise and stay, rise and rise."""


@st.composite
def logits(draw: st.DrawFn) -> Logits:
    """Of student and teacher, in double precision; no row and no column is constant."""
    rows, classes = draw(st.integers(2, 5)), draw(st.integers(3, 6))
    values = st.lists(st.integers(-9, 9), min_size=rows * classes, max_size=rows * classes)
    pair = tuple(torch.tensor(draw(values)).double().reshape(rows, classes) for _ in range(2))
    for each in pair:
        for probabilities in (each.softmax(1), (each / 4).softmax(1)):
            spread = [probabilities.std(dim=side).min() for side in (0, 1)]
            assume(min(spread) > 1e-6)
    return pair[0], pair[1]


def soft(kind: DIST, student: Tensor, teacher: Tensor) -> float:
    """What the teacher adds to the cross-entropy."""
    labels = torch.zeros(len(student), dtype=torch.long)
    loss = kind.loss(student, teacher, labels, 0) - cross_entropy(student, labels)
    return float(loss)


def in_numpy(student: Tensor, teacher: Tensor, temperature: float) -> tuple[float, float]:
    """inter and intra, by `corrcoef`."""
    ours, theirs = (np.exp(each.numpy() / temperature) for each in (student, teacher))
    ours, theirs = (each / each.sum(axis=1, keepdims=True) for each in (ours, theirs))
    rows = [np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs, strict=True)]
    columns = [np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)]
    return 1 - float(np.mean(rows)), 1 - float(np.mean(columns))


@given(logits(), st.floats(0, 3), st.floats(0, 3), st.sampled_from([1.0, 4.0]))
def test_it_is_one_minus_the_mean_correlations(
    pair: Logits, beta: float, gamma: float, temperature: float
) -> None:
    inter, intra = in_numpy(*pair, temperature)
    expected = temperature**2 * (beta * inter + gamma * intra)
    assert soft(DIST(beta, gamma, temperature), *pair) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(("beta", "gamma"), [(1, 0), (0, 1), (2, 3)])
def test_a_case_by_hand(beta: float, gamma: float, temperature: float) -> None:
    student, teacher = (temperature * each.log() for each in BY_HAND)
    expected = temperature**2 * (beta * INTER + gamma * INTRA)
    found = soft(DIST(beta, gamma, temperature), student, teacher)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("student", "inter"), [(0.6, 0), (0.99, 0), (0.4, 2), (0.01, 2)])
def test_of_two_classes_only_the_larger_one_counts(student: float, inter: float) -> None:
    probabilities = torch.tensor([[student, 1 - student]]).double()
    teacher = torch.tensor([[0.8, 0.2]]).double()
    assert soft(DIST(1, 0, 1), probabilities.log(), teacher.log()) == pytest.approx(inter)


@given(logits(), st.floats(0.1, 1))
def test_probabilities_in_proportion_satisfy_the_teacher(pair: Logits, share: float) -> None:
    """The student hesitates more, and by as much everywhere: KD would go on pulling."""
    teacher = pair[1]
    probabilities = share * teacher.softmax(1) + (1 - share) / teacher.shape[1]
    assert soft(DIST(temperature=1), probabilities.log(), teacher) == pytest.approx(0, abs=1e-6)


@given(logits())
def test_an_order_turned_round_is_the_worst(pair: Logits) -> None:
    """Each correlation is -1."""
    teacher = pair[1]
    classes = teacher.shape[1]
    turned = 1 / classes - 0.5 / classes * (teacher.softmax(1) - 1 / classes)
    assert soft(DIST(1, 1, 1), turned.log(), teacher) == pytest.approx(4, abs=1e-6)


@given(logits())
def test_the_order_of_the_images_does_not_count(pair: Logits) -> None:
    turned = [each.flip(0) for each in pair]
    assert soft(DIST(), *turned) == pytest.approx(soft(DIST(), *pair), abs=1e-7)


def test_a_student_that_hesitates_wholly_has_no_correlation() -> None:
    teacher = BY_HAND[1].log()
    assert soft(DIST(1, 0, 1), torch.zeros_like(teacher), teacher) == pytest.approx(1)


def test_without_weights_only_smoothed_labels_are_left() -> None:
    student, teacher = (each.log() for each in BY_HAND)
    labels = torch.tensor([2, 0])
    loss = DIST(0, 0).loss(student, teacher, labels, 0, smoothing=0.1)
    assert torch.equal(loss, cross_entropy(student, labels, label_smoothing=0.1))
