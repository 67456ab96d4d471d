"""Distillation and attention: their identities, their limits, and cases small enough to write
down."""

import math
from dataclasses import fields
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.training.losses import (
    DIST,
    DISTILLATIONS,
    DKD,
    KD,
    Distillation,
    attention_mismatch,
    decoupled,
    divergence,
)
from deepreshape.learn.training.losses import (
    distillation as find_distillation,
)

Batch = tuple[Tensor, Tensor, Tensor]

temperatures = st.floats(0.5, 20)
shares = st.floats(0, 2)
distillations = st.builds(KD, temperatures, shares, shares) | st.builds(
    DKD, shares, shares, temperatures, st.floats(0, 30)
)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Logits of a student and of a teacher, in double precision, and labels."""
    rows, classes = draw(st.integers(1, 5)), draw(st.integers(2, 6))
    values = st.lists(st.floats(-10, 10), min_size=rows * classes, max_size=rows * classes)
    student, teacher = (
        torch.tensor(draw(values), dtype=torch.double).reshape(rows, classes) for _ in range(2)
    )
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows))
    return student, teacher, torch.tensor(labels)


def close(left: Tensor, right: Tensor) -> bool:
    return torch.allclose(left, right, rtol=1e-9, atol=1e-9)


def target_logit(probability: float, temperature: float) -> Tensor:
    """Logits of two classes whose softmax gives the first this probability at the temperature."""
    logit = temperature * math.log(probability / (1 - probability))
    return torch.tensor([[logit, 0.0]], dtype=torch.double)


def binary(teacher: float, student: float) -> float:
    """The divergence of two distributions over two outcomes."""
    return teacher * math.log(teacher / student) + (1 - teacher) * math.log(
        (1 - teacher) / (1 - student)
    )


# Their values refuse what makes no sense


@pytest.mark.parametrize("kind", DISTILLATIONS.values())
@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_a_temperature_must_be_positive(kind: type[Distillation], temperature: float) -> None:
    with pytest.raises(ValueError, match="temperature must be positive"):
        kind(temperature=temperature)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, field.name) for kind in DISTILLATIONS.values() for field in fields(kind)],
)
def test_every_setting_is_finite(kind: type[Distillation], name: str, number: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be finite, not {number}"):
        kind(**{name: number})


@pytest.mark.parametrize("name", ["alpha", "beta", "warmup"])
def test_shares_and_warmup_of_dkd_are_not_negative(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative, not -1.0"):
        DKD(**{name: -1})


@pytest.mark.parametrize("name", ["beta", "gamma"])
def test_weights_of_dist_are_not_negative(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative, not -1.0"):
        DIST(**{name: -1})


@pytest.mark.parametrize(("name", "kind"), [("kd", KD), ("dkd", DKD), ("dist", DIST)])
def test_every_kind_has_a_name(name: str, kind: type[Distillation]) -> None:
    assert find_distillation(name) is kind
    assert len(DISTILLATIONS) == 3


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown distillation 'hints'; known are kd, dkd, dist"):
        find_distillation("hints")


def test_what_counts_in_epochs_follows_the_epochs() -> None:
    """Of the three only DKD's ramp does."""
    share = Fraction(1, 8)
    assert DKD(beta=2).stretched(share) == DKD(beta=2, warmup=2.5)
    assert all(kind.stretched(share) == kind for kind in (KD(), DIST()))


def test_whole_numbers_are_the_same_value_as_floats() -> None:
    assert repr(KD(4, 1, 1)) == repr(KD(4.0, 1.0, 1.0))
    assert repr(DKD(8, 1, 4, 20)) == repr(DKD(8.0, 1.0, 4.0, 20.0))


def test_the_defaults_are_the_papers() -> None:
    assert (KD().temperature, KD().soft, KD().hard) == (4, 0.9, 0.1)
    assert (DKD().temperature, DKD().alpha, DKD().warmup) == (4, 1, 20)


# The identity that decouples: KL = TCKD + (1 - p) NCKD


def others(logits: Tensor, label: int) -> Tensor:
    """The probability of all classes but one, summed: a difference would lose its digits."""
    rest = torch.arange(logits.shape[1]) != label
    return logits.softmax(1)[0, rest].sum()


@given(batches())
def test_the_divergence_is_that_of_the_target_and_a_share_of_that_of_the_rest(batch: Batch) -> None:
    """For each image; p is the teacher's probability of the target."""
    student, teacher, labels = batch
    for row, label in enumerate(labels.tolist()):
        ours, their = student[row : row + 1], teacher[row : row + 1]
        target, rest = decoupled(their, ours, labels[row : row + 1])
        assert close(divergence(their, ours), target + others(their, label) * rest)


@given(batches(), temperatures)
def test_dkd_with_that_share_for_each_image_is_kd(batch: Batch, temperature: float) -> None:
    student, teacher, labels = batch
    for row, label in enumerate(labels.tolist()):
        image = student[row : row + 1], teacher[row : row + 1], labels[row : row + 1]
        share = others(image[1] / temperature, label).item()
        dkd = DKD(beta=share, alpha=1, temperature=temperature, warmup=0)
        kd = KD(temperature, soft=1, hard=1)
        assert close(dkd.loss(*image, epoch=0), kd.loss(*image, epoch=0))


@given(batches())
def test_the_parts_of_a_batch_are_the_means_over_its_images(batch: Batch) -> None:
    student, teacher, labels = batch
    whole = torch.stack(decoupled(teacher, student, labels))
    rows = [slice(row, row + 1) for row in range(len(labels))]
    each = [torch.stack(decoupled(teacher[row], student[row], labels[row])) for row in rows]
    assert close(whole, torch.stack(each).mean(0))


@pytest.mark.parametrize(("student", "teacher"), [(0.3, 0.9), (0.5, 0.5), (0.99, 0.01)])
def test_of_two_classes_there_is_no_rest_to_compare(student: float, teacher: float) -> None:
    target, rest = decoupled(target_logit(teacher, 1), target_logit(student, 1), torch.tensor([0]))
    assert target.item() == pytest.approx(binary(teacher, student))
    assert rest.item() == 0


# All of them


@given(batches(), distillations, st.integers(0, 40))
def test_a_student_that_is_its_teacher_has_nothing_to_learn_from_it(
    batch: Batch, distillation: Distillation, epoch: int
) -> None:
    student, _, labels = batch
    student.requires_grad_()
    hard = distillation.hard if isinstance(distillation, KD) else 1
    loss = distillation.loss(student, student.detach(), labels, epoch)
    soft = loss - hard * cross_entropy(student, labels)
    (gradient,) = torch.autograd.grad(soft, student)
    assert torch.allclose(soft.detach(), torch.zeros((), dtype=torch.double), atol=1e-8)
    assert torch.allclose(gradient, torch.zeros_like(gradient), atol=1e-8)


@given(batches(), distillations, st.floats(-50, 50), st.floats(-50, 50))
def test_a_constant_added_to_all_logits_changes_nothing(
    batch: Batch, distillation: Distillation, first: float, second: float
) -> None:
    student, teacher, labels = batch
    loss = distillation.loss(student, teacher, labels, 3)
    moved = distillation.loss(student + first, teacher + second, labels, 3)
    assert close(moved, loss)


@given(batches(), temperatures)
def test_no_part_is_negative(batch: Batch, temperature: float) -> None:
    student, teacher, labels = batch
    parts = decoupled(teacher / temperature, student / temperature, labels)
    assert min(*parts, divergence(teacher / temperature, student / temperature)) >= -1e-9


@given(batches(), distillations)
def test_a_batch_twice_over_has_the_same_loss(batch: Batch, distillation: Distillation) -> None:
    student, teacher, labels = batch
    doubled = (student.repeat(2, 1), teacher.repeat(2, 1), labels.repeat(2))
    assert close(distillation.loss(*doubled, 3), distillation.loss(*batch, 3))


@pytest.mark.parametrize(
    "distillation",
    [KD(), KD(1, 1, 1), DKD(warmup=0), DKD(8, temperature=1), DIST(), DIST(1, 1, temperature=1)],
)
@pytest.mark.parametrize("size", [1.0, 30.0, 200.0, 1e4])
@pytest.mark.parametrize("teacher", ["is right", "is wrong", "hesitates"])
@pytest.mark.parametrize("student", ["is right", "is wrong", "hesitates"])
def test_who_is_certain_gives_a_finite_loss_and_finite_gradients(
    distillation: Distillation, size: float, teacher: str, student: str
) -> None:
    """In single precision, where a certain softmax is 1 and 0."""
    logits = {
        "is right": torch.tensor([[size, -size, 0.0], [-size, -size, size]]),
        "is wrong": torch.tensor([[-size, size, 0.0], [size, -size, -size]]),
        "hesitates": torch.tensor([[0.0, 0.0, 0.0], [size, size, size]]),
    }
    ours = logits[student].clone().requires_grad_()
    loss = distillation.loss(ours, logits[teacher], torch.tensor([0, 2]), 5)
    loss.backward()
    assert math.isfinite(loss.item())
    assert ours.grad is not None
    assert ours.grad.isfinite().all()


@given(
    st.lists(st.floats(-1e4, 1e4, width=32), min_size=6, max_size=6),
    st.sampled_from([KD(), DKD(), DIST()]),
)
@settings(max_examples=50)
def test_large_logits_give_a_finite_loss_and_finite_gradients(
    values: list[float], distillation: Distillation
) -> None:
    student = torch.tensor([values[:3]], requires_grad=True)
    loss = distillation.loss(student, torch.tensor([values[3:]]), torch.tensor([1]), 5)
    loss.backward()
    assert math.isfinite(loss.item())
    assert student.grad is not None
    assert student.grad.isfinite().all()


@given(batches(), distillations, st.floats(0, 0.9))
def test_only_the_labels_are_smoothed(
    batch: Batch, distillation: Distillation, smoothing: float
) -> None:
    student, teacher, labels = batch
    hard = distillation.hard if isinstance(distillation, KD) else 1
    smoothed = distillation.loss(student, teacher, labels, 3, smoothing)
    plain = distillation.loss(student, teacher, labels, 3)
    difference = cross_entropy(student, labels, label_smoothing=smoothing) - cross_entropy(
        student, labels
    )
    assert close(smoothed - plain, hard * difference)


# Knowledge distillation


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(("student", "teacher"), [(0.3, 0.9), (0.5, 0.5), (0.99, 0.01)])
def test_kd_of_two_classes_is_the_binary_divergence(
    student: float, teacher: float, temperature: float
) -> None:
    logits = target_logit(student, temperature), target_logit(teacher, temperature)
    loss = KD(temperature, soft=1, hard=0).loss(*logits, torch.tensor([0]), 0)
    assert loss.item() == pytest.approx(temperature**2 * binary(teacher, student), abs=1e-12)


@given(batches(), temperatures, shares, shares)
def test_kd_is_the_sum_of_its_weighted_terms(
    batch: Batch, temperature: float, soft: float, hard: float
) -> None:
    labels_alone = KD(temperature, 0, 1).loss(*batch, 0)
    teacher_alone = KD(temperature, 1, 0).loss(*batch, 0)
    mixed = KD(temperature, soft, hard).loss(*batch, 0)
    assert close(labels_alone, cross_entropy(batch[0], batch[2]))
    assert close(mixed, soft * teacher_alone + hard * labels_alone)


@given(batches())
def test_kd_at_a_high_temperature_is_half_the_mean_square_of_centred_logits(batch: Batch) -> None:
    """Hinton et al. (2015), section 2.1: T^2 KL tends to |z - v|^2 / 2N for centred logits."""
    student, teacher, labels = batch
    loss = KD(1e5, soft=1, hard=0).loss(student, teacher, labels, 0)
    difference = student - teacher
    centred = difference - difference.mean(dim=1, keepdim=True)
    expected = centred.square().mean(dim=1).mean() / 2
    assert torch.allclose(loss, expected, rtol=1e-2, atol=1e-3)


# Decoupled knowledge distillation


@given(batches(), shares, shares, temperatures)
def test_dkd_is_the_sum_of_its_weighted_terms(
    batch: Batch, alpha: float, beta: float, temperature: float
) -> None:
    student, teacher, labels = batch
    target, rest = decoupled(teacher / temperature, student / temperature, labels)
    expected = cross_entropy(student, labels) + temperature**2 * (alpha * target + beta * rest)
    assert close(DKD(beta, alpha, temperature, 0).loss(*batch, 0), expected)


def test_the_ramp_rises_over_the_warmup_and_stays() -> None:
    assert [DKD(warmup=4).ramp(epoch) for epoch in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_without_warmup_the_ramp_is_whole_at_once() -> None:
    assert DKD(warmup=0).ramp(0) == 1


@given(batches(), st.integers(0, 40))
def test_the_ramp_is_the_share_of_the_teachers_terms(batch: Batch, epoch: int) -> None:
    dkd = DKD(beta=2, warmup=20)
    hard = cross_entropy(batch[0], batch[2])
    whole = DKD(beta=2, warmup=0).loss(*batch, epoch) - hard
    assert close(dkd.loss(*batch, epoch) - hard, dkd.ramp(epoch) * whole)


# What of a loss is another in another epoch


@given(batches(), distillations, st.integers(0, 40), st.integers(0, 40))
def test_where_nothing_that_is_fixed_changes_the_loss_is_the_same(
    batch: Batch, kind: Distillation, epoch: int, other: int
) -> None:
    if kind.fixed(epoch) == kind.fixed(other):
        assert kind.loss(*batch, epoch).equal(kind.loss(*batch, other))


def test_only_a_ramp_makes_an_epoch_another() -> None:
    assert KD().fixed(0) == KD().fixed(5)
    assert DIST().fixed(0) == DIST().fixed(5)
    assert DKD(warmup=4).fixed(1) != DKD(warmup=4).fixed(2)
    assert DKD(warmup=4).fixed(4) == DKD(warmup=4).fixed(9)


@given(batches())
def test_the_rest_is_what_a_mask_of_the_labels_leaves(batch: Batch) -> None:
    """To the last bit: recorded runs were made so."""
    student, teacher, labels = batch
    rest = torch.ones_like(student, dtype=torch.bool).scatter_(1, labels[:, None], False)
    left = [logits[rest].view(len(logits), -1) for logits in (teacher, student)]
    assert decoupled(teacher, student, labels)[1].equal(divergence(*left))


# Attention


def maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equal_maps_do_not_mismatch() -> None:
    pair = [maps(1, 2, 3, 4, 4), maps(2, 2, 6, 2, 2)]
    assert attention_mismatch(pair, pair) == 0


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_positive_scale_of_the_maps_does_not_matter(first: float, second: float) -> None:
    student, teacher = maps(1, 2, 3, 4, 4), maps(2, 2, 5, 4, 4)
    scaled = attention_mismatch([first * student], [second * teacher])
    torch.testing.assert_close(scaled, attention_mismatch([student], [teacher]))


def test_channels_may_differ_and_their_order_does_not_matter() -> None:
    student, teacher = maps(1, 2, 3, 4, 4), maps(2, 2, 5, 4, 4)
    expected = attention_mismatch([student], [teacher])
    torch.testing.assert_close(attention_mismatch([student.flip(1)], [teacher]), expected)


def test_on_two_pixels_it_is_what_paper_and_pencil_give() -> None:
    """Mean squares (3, 4) have the direction (0.6, 0.8), (1, 0) its own: (0.16 + 0.64) / 2."""
    student = torch.tensor([[[[math.sqrt(6), 2.0]], [[0.0, 2.0]]]])
    teacher = torch.tensor([[[[1.0, 0.0]]]])
    assert attention_mismatch([student], [teacher]).item() == pytest.approx(0.4)


def test_stages_are_summed_and_images_averaged() -> None:
    student, teacher = maps(1, 2, 3, 4, 4), maps(2, 2, 3, 4, 4)
    once = attention_mismatch([student], [teacher])
    twice = attention_mismatch([student, student], [teacher, teacher])
    torch.testing.assert_close(twice, 2 * once)
    each = [attention_mismatch([student[[row]]], [teacher[[row]]]) for row in (0, 1)]
    torch.testing.assert_close(once, torch.stack(each).mean())


def test_maps_without_any_activation_have_finite_gradients() -> None:
    student = torch.zeros(2, 3, 4, 4, requires_grad=True)
    attention_mismatch([student], [maps(2, 2, 3, 4, 4)]).backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_as_many_maps_must_be_given_of_both() -> None:
    with pytest.raises(ValueError, match="zip"):
        attention_mismatch([maps(1, 2, 3, 4, 4)], [])
