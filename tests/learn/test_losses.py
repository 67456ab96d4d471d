"""Distillation: its limits, and its value in a case small enough to write down."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.losses import distillation

temperatures = st.floats(0.5, 20)
weights = st.floats(0, 1)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of a student and of a teacher, and labels."""
    rows, classes = draw(st.integers(1, 5)), draw(st.integers(2, 6))
    values = st.lists(st.floats(-10, 10), min_size=rows * classes, max_size=rows * classes)
    student, teacher = (
        torch.tensor(draw(values), dtype=torch.double).reshape(rows, classes) for _ in range(2)
    )
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return student, teacher, torch.tensor(labels)


def close(left: Tensor, right: Tensor) -> bool:
    return torch.allclose(left, right, rtol=1e-9, atol=1e-9)


@given(batches(), temperatures)
def test_without_weight_it_is_cross_entropy(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float
) -> None:
    student, teacher, labels = batch
    loss = distillation(student, teacher, labels, temperature, 0)
    assert close(loss, cross_entropy(student, labels))


@given(batches(), temperatures)
def test_a_student_that_is_its_teacher_has_nothing_to_learn(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float
) -> None:
    student, _, labels = batch
    student.requires_grad_()
    loss = distillation(student, student.detach(), labels, temperature, 1)
    (gradient,) = torch.autograd.grad(loss, student)
    assert close(loss.detach(), torch.zeros((), dtype=torch.double))
    assert close(gradient, torch.zeros_like(gradient))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(("student", "teacher"), [(0.3, 0.9), (0.5, 0.5), (0.99, 0.01)])
def test_of_two_classes_it_is_the_binary_divergence(
    student: float, teacher: float, temperature: float
) -> None:
    """Logits T log(p / (1 - p)) and 0 give the probability p at temperature T."""

    def logits(p: float) -> Tensor:
        return torch.tensor([[temperature * math.log(p / (1 - p)), 0.0]], dtype=torch.double)

    expected = teacher * math.log(teacher / student)
    expected += (1 - teacher) * math.log((1 - teacher) / (1 - student))
    loss = distillation(logits(student), logits(teacher), torch.tensor([0]), temperature, 1)
    assert loss.item() == pytest.approx(temperature**2 * expected, abs=1e-12)


@given(batches(), temperatures, weights)
def test_it_is_linear_in_the_weight(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float, weight: float
) -> None:
    hard, soft, mixed = (distillation(*batch, temperature, w) for w in (0, 1, weight))
    assert close(mixed, (1 - weight) * hard + weight * soft)


@given(batches(), temperatures)
def test_the_divergence_is_not_negative(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float
) -> None:
    assert distillation(*batch, temperature, 1) >= -1e-9


@given(batches(), temperatures, weights, st.floats(-50, 50), st.floats(-50, 50))
def test_a_constant_added_to_all_logits_changes_nothing(
    batch: tuple[Tensor, Tensor, Tensor],
    temperature: float,
    weight: float,
    first: float,
    second: float,
) -> None:
    student, teacher, labels = batch
    moved = distillation(student + first, teacher + second, labels, temperature, weight)
    assert close(moved, distillation(student, teacher, labels, temperature, weight))


@given(batches(), temperatures, weights)
def test_a_batch_twice_over_has_the_same_loss(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float, weight: float
) -> None:
    student, teacher, labels = batch
    doubled = (student.repeat(2, 1), teacher.repeat(2, 1), labels.repeat(2))
    assert close(
        distillation(*doubled, temperature, weight), distillation(*batch, temperature, weight)
    )


@given(batches(), temperatures)
def test_with_full_weight_labels_do_not_matter(
    batch: tuple[Tensor, Tensor, Tensor], temperature: float
) -> None:
    student, teacher, labels = batch
    other = (labels + 1) % student.shape[1]
    assert close(
        distillation(student, teacher, labels, temperature, 1),
        distillation(student, teacher, other, temperature, 1),
    )


@given(st.floats(1, 1e4), st.booleans(), temperatures)
@settings(max_examples=50)
def test_a_teacher_that_is_certain_gives_a_finite_loss(
    size: float, agrees: bool, temperature: float
) -> None:
    teacher = torch.tensor([[size, 0.0, -size]])
    student = teacher.clone() if agrees else -teacher
    student.requires_grad_()
    loss = distillation(student, teacher, torch.tensor([1]), temperature, 0.9)
    loss.backward()
    assert math.isfinite(loss.item())
    assert student.grad is not None
    assert student.grad.isfinite().all()


@given(batches())
def test_at_a_high_temperature_it_is_half_the_mean_square_of_centred_logits(
    batch: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Hinton et al. (2015), section 2.1: T^2 KL tends to |z - v|^2 / 2N for centred logits."""
    student, teacher, labels = batch
    loss = distillation(student, teacher, labels, 1e5, 1)
    difference = student - teacher
    centred = difference - difference.mean(dim=1, keepdim=True)
    expected = centred.square().mean(dim=1).mean() / 2
    assert torch.allclose(loss, expected, rtol=1e-2, atol=1e-3)
