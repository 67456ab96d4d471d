"""Lessons: what a teacher says of an epoch's images, kept once for all who are shown the same."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.design import cull
from deepreshape.learn import tensor_files
from deepreshape.learn.images.loader import shown
from deepreshape.learn.images.sets import Images
from deepreshape.learn.search.masks import apply, sites
from deepreshape.learn.training import teacher as teacher_module
from deepreshape.learn.training.evaluate import logits_of
from deepreshape.learn.training.losses import DKD, KD, Distillation
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net, build
from deepreshape.learn.training.teacher import Teacher, rounded, teacher
from tests.learn.tiny import NETWORK, digits, fresh, same, weights
from tests.learn.training.test_checkpoints import cut, flipped, pickled


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images the net was shown, each time that it was asked."""
    counts: list[int] = []

    def noted(net: Net, pictures: torch.Tensor, *rest: Any) -> torch.Tensor:
        counts.append(len(pictures))
        return logits_of(net, pictures, *rest)

    monkeypatch.setattr(teacher_module, "logits_of", noted)
    return counts


def lesson(teacher: Teacher, images: Images, epoch: int = 0) -> torch.Tensor:
    return teacher.lesson(epoch, shown(images.train, 1, True, 7, epoch).images)


def of(net: Net, images: Images, machine: Machine, folder: Path | None, **other: Any) -> Teacher:
    values: dict[str, Any] = {"shown": "these", "epochs": 3, **other}
    return teacher(net, images, machine, folder, **values)


def kept(folder: Path) -> list[Path]:
    """All but locks, which stay."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


# What a lesson is


@pytest.mark.parametrize("keeps", [False, True], ids=["computed", "kept"])
def test_a_lesson_is_the_nets_logits_to_16_bits(
    images: Images, cpu: Machine, tmp_path: Path, keeps: bool
) -> None:
    """By row of the training set; the second time from the file, where it is kept."""
    teaching_ = of(fresh(), images, cpu, tmp_path if keeps else None)
    pictures = shown(images.train, 1, True, 7, 2).images
    expected = logits_of(fresh(), pictures, images, cpu).half().float()
    assert teaching_.lesson(2, pictures).equal(expected)
    assert teaching_.lesson(2, pictures).equal(expected)


def test_a_kept_lesson_is_not_asked_for_again(
    images: Images, cpu: Machine, tmp_path: Path, asked: list[int]
) -> None:
    for _ in range(2):
        lesson(of(fresh(), images, cpu, tmp_path), images)
    assert asked == [80]


def test_every_epoch_has_a_lesson_of_its_own(
    images: Images, cpu: Machine, tmp_path: Path, asked: list[int]
) -> None:
    teaching_ = of(fresh(), images, cpu, tmp_path)
    lessons = [lesson(teaching_, images, epoch) for epoch in (0, 1, 0, 1)]
    assert asked == [80, 80]
    assert lessons[0].equal(lessons[2])
    assert not lessons[0].equal(lessons[1])


def test_where_all_epochs_show_the_same_they_share_one_lesson(
    images: Images, cpu: Machine, tmp_path: Path, asked: list[int]
) -> None:
    teaching_ = of(fresh(), images, cpu, tmp_path, still=True)
    for epoch in range(3):
        teaching_.lesson(epoch, images.train.images)
    assert asked == [80]


def test_lessons_that_are_not_kept_are_asked_for_every_time(
    images: Images, cpu: Machine, asked: list[int]
) -> None:
    teaching_ = of(fresh(), images, cpu, None)
    lesson(teaching_, images)
    lesson(teaching_, images)
    assert asked == [80, 80]


@pytest.mark.parametrize(("epochs", "still", "files"), [(3, False, 1), (4, False, 0), (4, True, 1)])
def test_lessons_that_take_too_much_room_are_not_kept(
    images: Images,
    cpu: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    epochs: int,
    still: bool,
    files: int,
) -> None:
    """All epochs of 80 images, 10 classes and 2 bytes count."""
    monkeypatch.setattr(teacher_module, "MOST_KEPT", 3 * 80 * 10 * 2)
    lesson(of(fresh(), images, cpu, tmp_path, epochs=epochs, still=still), images)
    assert len(kept(tmp_path)) == files


def test_nothing_but_lessons_is_left(images: Images, cpu: Machine, tmp_path: Path) -> None:
    lesson(of(fresh(), images, cpu, tmp_path / "lessons"), images)
    assert [path.suffix for path in kept(tmp_path)] == [".safetensors"]


@pytest.mark.parametrize("mode", [False, True], ids=["evaluating", "training"])
def test_a_teacher_teaches_in_evaluation_mode(
    images: Images, cpu: Machine, tmp_path: Path, mode: bool
) -> None:
    """Whatever mode it is handed over in, and even if its lesson was kept."""
    for _ in range(2):
        net = fresh(5).train(mode)
        before = weights(net)
        teaching_ = of(net, images, cpu, tmp_path)
        lesson(teaching_, images)
        assert not teaching_.net.training
        assert same(teaching_.net.state_dict(), before)


def test_logits_that_16_bits_hold_are_rounded_and_no_more() -> None:
    logits = torch.tensor([[65504.0, -65504.0, 0.1], [1e-3, 2.0, -7.7]])
    assert rounded(logits).equal(logits.half())


def test_logits_beyond_16_bits_keep_their_differences_and_leave_others_alone() -> None:
    logits = torch.tensor([[1e6, 1e6 - 3, -1e6], [-1e9, -1e9 - 64, 5.0], [0.1, 0.2, 0.3]])
    expected = torch.tensor([[0.0, -3.0, -65504.0], [-65504.0, -65504.0, 0.0]])
    assert rounded(logits)[:2].equal(expected.half())
    assert rounded(logits)[2].equal(logits[2].half())


@pytest.mark.parametrize("distillation", [KD(), DKD(warmup=0)], ids=["KD", "DKD"])
@pytest.mark.parametrize("size", [1e6, 1e20])
def test_a_teacher_with_huge_logits_teaches_what_it_means(
    images: Images, cpu: Machine, distillation: Distillation, size: float
) -> None:
    net = fresh()
    with torch.no_grad():
        net.get_parameter("head/logits.weight").mul_(size)
    said = logits_of(net, images.train.images, images, cpu)
    assert said.abs().max() > 65504
    student = torch.randn(said.shape, generator=torch.Generator().manual_seed(0))
    heard = of(net, images, cpu, None).lesson(0, images.train.images)
    losses = [
        distillation.loss(student, logits, images.train.labels, 0) for logits in (said, heard)
    ]
    assert losses[1].isfinite()
    if distillation == KD():
        torch.testing.assert_close(*losses, rtol=0.01, atol=0)


# For whom a lesson is


def masked(net: Net, number: int) -> Net:
    apply(net, {name: torch.rand(shape) < number / 4 for name, shape in sites(NETWORK).items()})
    return net


OTHERS: dict[str, Callable[[Images, Machine, Path], Teacher]] = {
    "weights": lambda images, cpu, folder: of(fresh(2), images, cpu, folder),
    "masks": lambda images, cpu, folder: of(masked(fresh(), 2), images, cpu, folder),
    "network": lambda images, cpu, folder: of(build(cull(NETWORK, {2}), 1), images, cpu, folder),
    "images": lambda images, cpu, folder: of(fresh(), images, cpu, folder, shown="those"),
    "number format": lambda images, cpu, folder: of(
        fresh(), images, replace(cpu, precision="bfloat16"), folder
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_lesson_is_kept_by(
    images: Images, cpu: Machine, tmp_path: Path, asked: list[int], what: str
) -> None:
    lesson(of(fresh(), images, cpu, tmp_path), images)
    lesson(OTHERS[what](images, cpu, tmp_path), images)
    assert asked == [80, 80]


def test_a_lesson_is_kept_by_the_thread_count(
    images: Images, cpu: Machine, tmp_path: Path, asked: list[int]
) -> None:
    for threads in (1, 2):
        torch.set_num_threads(threads)
        lesson(of(fresh(), images, cpu, tmp_path), images)
    assert asked == [80, 80]


# Lessons that cannot be trusted, or not be kept


def others(path: Path) -> None:
    """A whole lesson, renamed."""
    other = path.with_name("other.safetensors")
    tensor_files.save_tensors(other, {"logits": torch.zeros(80, 10)}, {"lesson": other.name})
    other.replace(path)


DAMAGES: list[Any] = [Path.unlink, cut, flipped, others, pickled]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_lesson_is_computed_again(
    images: Images,
    cpu: Machine,
    tmp_path: Path,
    asked: list[int],
    damage: Callable[[Path], None],
) -> None:
    teaching_ = of(fresh(), images, cpu, tmp_path)
    first = lesson(teaching_, images)
    (path,) = kept(tmp_path)
    whole = tensor_files.load_tensors(path)[2]
    damage(path)
    assert lesson(teaching_, images).equal(first)
    assert asked == [80, 80]
    assert tensor_files.load_tensors(path)[2] == whole
    assert not path.with_name("executed").exists()


def test_a_lesson_that_cannot_be_kept_is_given_all_the_same(
    images: Images, cpu: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> str:
        raise OSError("No space left on device")

    expected = lesson(of(fresh(), images, cpu, None), images)
    monkeypatch.setattr(teacher_module, "save_tensors", full)
    assert lesson(of(fresh(), images, cpu, tmp_path), images).equal(expected)
    assert kept(tmp_path) == []
