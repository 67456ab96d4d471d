"""Private models on disk: whole, or not read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from deepreshape.design import parse
from deepreshape.places import DATA
from deepreshape.private.program.compiled import agreement
from deepreshape.private.program.model import FORMAT, BadModel, Model, read, write
from deepreshape.private.program.reference import logits
from tests.private.nets import packed, pixels

IMAGES = pixels(parse("HRN-2x2x2x(m=4)", resolution=16), count=64)


@pytest.fixture(scope="module")
def model() -> Model:
    made = packed(parse("HRN-2x2x2x(m=4)-C1-T234", resolution=16, classes=10))
    return Model(made.program, made.weights, {"network": "a small one", "test": 12.5})


def test_a_model_computes_the_same_after_it_was_written(model: Model, tmp_path: Path) -> None:
    write(tmp_path / "m.safetensors", model)
    again = read(tmp_path / "m.safetensors")
    for image in IMAGES[:3]:
        before = logits(model.program, model.weights, image)
        np.testing.assert_array_equal(logits(again.program, again.weights, image), before)


def test_a_model_keeps_its_facts(model: Model, tmp_path: Path) -> None:
    write(tmp_path / "m.safetensors", model)
    assert read(tmp_path / "m.safetensors").about == model.about


def test_weights_take_at_most_two_bytes(model: Model, tmp_path: Path) -> None:
    write(tmp_path / "m.safetensors", model)
    weights = sum(mine.weights.size for mine in model.weights.values())
    assert (tmp_path / "m.safetensors").stat().st_size < 2 * weights + 30_000


@pytest.mark.parametrize("place", [40, 2_000, -5])
def test_a_changed_byte_is_found(model: Model, tmp_path: Path, place: int) -> None:
    path = tmp_path / "m.safetensors"
    write(path, model)
    octets = bytearray(path.read_bytes())
    octets[place] ^= 1
    path.write_bytes(octets)
    with pytest.raises(BadModel, match=r"m\.safetensors"):
        read(path)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn, torch.float32], ids=str)
def test_a_file_of_something_else_is_refused_by_its_header(
    kind: torch.dtype, tmp_path: Path
) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_file({"weight": torch.ones(4).to(kind)}, path)
    with pytest.raises(BadModel, match=r"checkpoint\.safetensors is no private model"):
        read(path)


def test_tensors_of_kinds_that_numpy_lacks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "forged.safetensors"
    save_file({"weight": torch.ones(4).bfloat16()}, path, {"format": FORMAT, "sha256": "0"})
    with pytest.raises(BadModel, match=r"forged\.safetensors is no private model"):
        read(path)


@pytest.mark.parametrize("kept", [0, 7, 500, -1])
def test_a_cut_file_is_found(model: Model, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.safetensors"
    write(path, model)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadModel):
        read(path)


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=f"{path} could not be written"):
        write(path, model)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_fixed_and_floating_point_mostly_agree() -> None:
    made = packed(parse("HRN-2x2x2x(m=4)", resolution=16, classes=10))
    found = agreement(made, IMAGES, np.zeros(len(IMAGES), np.int64))
    assert found.images == len(IMAGES)
    assert found.alike >= 0.9
    assert found.difference < 0.02


@pytest.mark.parametrize("name", ["cifar100", "digits"])
def test_the_nets_of_the_repository_agree_with_floating_point(name: str) -> None:
    """As `pack` found: in the clear on the test set, and by client and server on some images."""
    about = read(DATA / "models" / f"{name}.safetensors").about
    assert float(about["alike"] or 0) >= 99.5
    assert about["asked_alike"] == about["asked"] == 20
