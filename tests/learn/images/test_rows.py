"""Images on the disk are what images in memory are."""

from pathlib import Path

import pytest
import torch

from deepreshape.learn.images import rows
from deepreshape.learn.images.rows import Rows, is_large, memory, moments

IMAGES = torch.randint(0, 256, (50, 4, 4, 3), generator=torch.Generator().manual_seed(3)).byte()
ORDER = torch.randperm(50, generator=torch.Generator().manual_seed(4))[:40]
SOME = Rows(IMAGES, ORDER)
WHOLE = IMAGES[ORDER]


def test_they_have_length_shape_and_kind() -> None:
    assert (len(SOME), SOME.shape, SOME.dtype) == (40, WHOLE.shape, torch.uint8)


@pytest.mark.parametrize("chosen", [5, [3, 1, 3], torch.tensor([0, 39]), slice(3, 9)], ids=str)
def test_chosen_ones_are_read(chosen: rows.Chosen) -> None:
    assert torch.equal(SOME[chosen], WHOLE[chosen])


def test_some_of_some_are_rows_of_the_whole() -> None:
    few = torch.tensor([7, 2, 9])
    assert torch.equal(SOME.of(few).whole(), WHOLE[few])
    assert torch.equal(Rows(SOME, few).whole(), WHOLE[few])


@pytest.mark.parametrize("count", [1, 16, 40, 100])
def test_they_are_split_as_a_tensor_is(count: int) -> None:
    parts = [*SOME.split(count)]
    assert [len(part) for part in parts] == [len(part) for part in WHOLE.split(count)]
    assert torch.equal(torch.cat(parts), WHOLE)


def test_mean_and_deviation_are_those_of_the_pixels() -> None:
    for ours, theirs in zip(moments(SOME), moments(WHOLE), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    assert moments(SOME)[0] == pytest.approx(WHOLE.double().mean(dim=(0, 1, 2)).tolist(), rel=1e-12)


def test_a_colour_alone_has_a_deviation_of_1() -> None:
    same = torch.full((3, 2, 2, 3), 9, dtype=torch.uint8)
    assert moments(Rows(same, torch.arange(3))) == moments(same) == ((9.0,) * 3, (1.0,) * 3)


def test_an_eighth_of_the_memory_is_held() -> None:
    assert not is_large(memory() // 8)
    assert is_large(memory() // 8 + 1)


@pytest.mark.parametrize(("limit", "bytes"), [("4096\n", 4096), ("max\n", None), (None, None)])
def test_the_memory_is_that_of_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str | None, bytes: int | None
) -> None:
    monkeypatch.setattr(rows, "LIMIT", tmp_path / "memory.max")
    machine = memory()
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit)
    assert memory() == (bytes or machine)
