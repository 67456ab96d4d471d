"""What an epoch shows: every image once, moved and mirrored, by seed and number alone."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from deepreshape.learn.images import loader
from deepreshape.learn.images.loader import (
    Batch,
    Shown,
    batches,
    gathered,
    normalised,
    shown,
)
from deepreshape.learn.images.rows import Rows
from deepreshape.learn.images.sets import Images, Split
from tests.learn.tiny import digits

SIDES = (6, 5)
PICTURES = torch.from_numpy(np.random.default_rng(0).integers(1, 256, (7, *SIDES, 3), np.uint8))


def split(pictures: Tensor) -> Split:
    return Split(pictures, torch.arange(len(pictures)))


DATA = split(PICTURES)


def many(count: int) -> Split:
    """So many copies of the first picture."""
    return split(PICTURES[:1].expand(count, -1, -1, -1))


def variants(picture: Tensor, shift: int, flip: bool) -> list[bytes]:
    """A picture cropped from its zero padding in every way, and mirrored."""
    height, width = SIDES
    padded = np.pad(picture.numpy(), ((shift, shift), (shift, shift), (0, 0)))
    offsets = itertools.product(range(2 * shift + 1), repeat=2)
    crops = [padded[y : y + height, x : x + width] for y, x in offsets]
    mirrored = [crop[:, ::-1] for crop in crops] if flip else []
    return [crop.tobytes() for crop in [*crops, *mirrored]]


seeds = st.integers(0, 2**32 - 1)
epochs = st.integers(0, 5000)
shifts = st.integers(0, 9)  # beyond both sides

# The order


@given(seeds, epochs, shifts, st.booleans())
def test_every_row_is_shown_once(seed: int, epoch: int, shift: int, flip: bool) -> None:
    order = shown(DATA, shift, flip, seed, epoch).order
    assert sorted(order.tolist()) == list(range(len(DATA)))


@given(seeds, epochs)
def test_the_order_does_not_depend_on_the_augmentation(seed: int, epoch: int) -> None:
    kinds = itertools.product((0, 2), (False, True))
    orders = [shown(DATA, shift, flip, seed, epoch).order for shift, flip in kinds]
    assert all(order.equal(orders[0]) for order in orders)


def test_every_order_comes_as_often_as_every_other() -> None:
    three = split(PICTURES[:3])
    orders = [tuple(shown(three, 0, False, 1, epoch).order.tolist()) for epoch in range(6000)]
    counts = [orders.count(order) for order in itertools.permutations(range(3))]
    assert max(abs(count - 1000) for count in counts) < 5 * math.sqrt(1000)


# A function of seed and epoch alone


@given(seeds, epochs, shifts, st.booleans())
def test_the_same_seed_and_epoch_show_the_same(
    seed: int, epoch: int, shift: int, flip: bool
) -> None:
    first, second = (shown(DATA, shift, flip, seed, epoch) for _ in range(2))
    assert first.images.equal(second.images)
    assert first.order.equal(second.order)


@pytest.mark.parametrize(("seed", "epoch"), [(1, 0), (0, 1)], ids=["seed", "epoch"])
def test_another_one_shows_something_else(seed: int, epoch: int) -> None:
    data = split(PICTURES.repeat(5, 1, 1, 1))
    first, second = shown(data, 2, True, 0, 0), shown(data, 2, True, seed, epoch)
    assert not first.images.equal(second.images)
    assert not first.order.equal(second.order)


def test_the_epochs_of_neighbouring_seeds_are_all_different() -> None:
    data = many(20)
    pairs = itertools.product(range(20), range(50))
    orders = {tuple(shown(data, 0, False, *pair).order.tolist()) for pair in pairs}
    assert len(orders) == 20 * 50


def test_what_was_drawn_before_changes_nothing() -> None:
    before = shown(DATA, 2, True, 3, 4)
    torch.rand(7)
    after = shown(DATA, 2, True, 3, 4)
    assert before.images.equal(after.images)
    assert before.order.equal(after.order)


def test_nothing_is_drawn_from_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    shown(DATA, 2, True, 3, 4)
    assert torch.random.get_rng_state().equal(before)


def test_the_images_themselves_stay_as_they_are() -> None:
    before = PICTURES.clone()
    shown(DATA, 2, True, 3, 4)
    assert PICTURES.equal(before)


# On a GPU


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0, 1, 3, 7])
@pytest.mark.parametrize("at_once", [3, 100])
def test_pixels_are_gathered_as_rows_are_copied(
    monkeypatch: pytest.MonkeyPatch, shift: int, flip: bool, at_once: int
) -> None:
    monkeypatch.setattr(loader, "AT_ONCE", at_once)
    expected = shown(DATA, shift, flip, 3, 4).images
    monkeypatch.setattr(loader, "_changed", gathered)
    assert shown(DATA, shift, flip, 3, 4).images.equal(expected)


# Shift and flip


@given(seeds, epochs)
def test_without_shift_and_flip_images_are_as_they_are(seed: int, epoch: int) -> None:
    assert shown(DATA, 0, False, seed, epoch).images.equal(PICTURES)


@given(seeds, epochs, shifts, st.booleans())
@settings(max_examples=50)
def test_every_image_is_one_of_its_variants(seed: int, epoch: int, shift: int, flip: bool) -> None:
    """Each under its own row; a shift beyond the sides may leave nothing of it."""
    images = shown(DATA, shift, flip, seed, epoch).images
    for picture, image in zip(PICTURES, images, strict=True):
        assert image.numpy().tobytes() in variants(picture, shift, flip)


@pytest.mark.parametrize(
    ("shift", "flip"), [(0, True), (1, False), (2, True), (2, False), (6, True)]
)
def test_every_variant_comes(shift: int, flip: bool) -> None:
    images = shown(many(6000), shift, flip, 1, 0).images
    found = {image.numpy().tobytes() for image in images}
    assert found == set(variants(PICTURES[0], shift, flip))


@pytest.mark.parametrize("flip", [False, True])
def test_every_variant_is_as_likely_as_every_other(flip: bool) -> None:
    images = shown(many(9000), 1, flip, 1, 0).images
    kinds, counts = np.unique(images.numpy().reshape(9000, -1), axis=0, return_counts=True)
    assert len(kinds) == (18 if flip else 9)
    share = 9000 / len(kinds)
    assert np.abs(counts - share).max() < 5 * math.sqrt(share)


# Batches


@pytest.fixture(scope="module")
def images() -> Images:
    return digits()


def listed(images: Images, epoch: Shown, batch: int, halved: bool = False) -> list[Batch]:
    return list(batches(epoch, images.train, images, batch, halved))


# On the disk


@given(seeds, epochs, shifts, st.booleans(), st.lists(st.integers(0, 6), max_size=9))
def test_images_on_the_disk_are_shown_as_those_in_memory(
    seed: int, epoch: int, shift: int, flip: bool, chosen: list[int]
) -> None:
    backwards = torch.arange(6, -1, -1)
    rows = Split(Rows(PICTURES[backwards], backwards), DATA.labels)
    ours, theirs = (shown(data, shift, flip, seed, epoch) for data in (rows, DATA))
    assert isinstance(ours.images, Rows)
    assert ours.order.equal(theirs.order)
    assert ours.images.whole().equal(theirs.images)
    some = torch.tensor(chosen, dtype=torch.long)
    assert ours.images[some].equal(theirs.images[some])


def test_batches_of_images_on_the_disk_are_those_in_memory(images: Images) -> None:
    data = images.train
    rows = Split(Rows(data.images, torch.arange(len(data))), data.labels)
    both = (batches(shown(part, 1, True, 1, 2), part, images, 20) for part in (rows, data))
    for ours, theirs in zip(*both, strict=True):
        assert ours.images.equal(theirs.images)
        assert ours.labels.equal(theirs.labels)


@pytest.mark.parametrize(("batch", "count"), [(20, 4), (80, 1), (30, 2), (79, 1), (81, 0)])
def test_only_whole_batches_are_seen(images: Images, batch: int, count: int) -> None:
    seen = listed(images, shown(images.train, 1, True, 0, 0), batch)
    assert [len(each.rows) for each in seen] == count * [batch]


def test_batches_follow_the_order_of_the_epoch(images: Images) -> None:
    epoch = shown(images.train, 1, True, 0, 0)
    seen = listed(images, epoch, 30)
    assert torch.cat([each.rows for each in seen]).equal(epoch.order[:60])


def test_every_image_comes_with_its_label(images: Images) -> None:
    epoch = shown(images.train, 1, True, 0, 0)
    for each in listed(images, epoch, 20):
        assert each.labels.equal(images.train.labels[each.rows])
        assert each.images.equal(normalised(epoch.images[each.rows], images))


def test_a_halved_image_is_the_mean_of_two_by_two_pixels(images: Images) -> None:
    epoch = shown(images.train, 1, True, 0, 0)
    for whole, half in zip(
        listed(images, epoch, 20), listed(images, epoch, 20, halved=True), strict=True
    ):
        blocks = whole.images.reshape(20, 3, 4, 2, 4, 2)
        torch.testing.assert_close(half.images, blocks.mean((3, 5)))


def test_normalised_training_images_have_mean_0_and_deviation_1(images: Images) -> None:
    pixels = normalised(images.train.images, images).transpose(0, 1).flatten(1)
    torch.testing.assert_close(pixels.mean(1), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(pixels.std(1), torch.ones(3))


def test_each_channel_is_normalised_by_its_own_mean_and_deviation() -> None:
    few = replace(digits(), mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0))
    x = normalised(torch.tensor([[[[3, 4, 5]]]], dtype=torch.uint8), few)
    assert x.flatten().tolist() == [2.0, 1.0, 0.5]


def test_normalised_images_are_in_channels_last_layout(images: Images) -> None:
    x = normalised(images.train.images[:5], images)
    assert x.shape == (5, 3, 8, 8)
    assert x.is_contiguous(memory_format=torch.channels_last)
