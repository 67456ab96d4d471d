"""Private models on disk: whole, or not read."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from deepreshape.design import parse
from deepreshape.places import DATA
from deepreshape.private.program import model as module
from deepreshape.private.program import public
from deepreshape.private.program.compiled import Compiled, agreement, compiled
from deepreshape.private.program.model import FORMAT, OLDER, BadModel, Model, read, write
from deepreshape.private.program.quantise import DoesNotFit, Precision
from deepreshape.private.program.reference import logits
from tests.private.nets import MEAN, STD, Arrays, arrays, packed, pixels, trained

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
    found = agreement(_compiled(lambda net: None), IMAGES, np.zeros(len(IMAGES), np.int64))
    assert found.images == len(IMAGES)
    assert found.alike >= 0.9
    assert found.difference < 0.02


@pytest.mark.parametrize("name", ["cifar100", "digits"])
def test_the_nets_of_the_repository_agree_with_floating_point(name: str) -> None:
    """As `pack` found: in the clear on the test set, and by client and server on some images."""
    about = read(DATA / "models" / f"{name}.safetensors").about
    assert float(about["alike"] or 0) >= 99.5
    assert about["asked_alike"] == about["asked"] == 20


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"unit": 1e-300}, "bring pixels out of its ring"),
        ({"mean": (1e308, 0.0, 0.0)}, "bring pixels out of its ring"),
        ({"std": (1.0, 1e-300, 1.0)}, "bring pixels out of its ring"),
        ({"logit": 1e308}, "no finite numbers"),
        ({"classes": ("cat",)}, "other classes than it has logits"),
        ({"classes": ("a\x1b[2J",) * 10}, "no names that can be shown"),
        ({"classes": ("long " * 20,) * 10}, "more than 60 characters"),
    ],
)
def test_absurd_values_are_refused(
    model: Model, tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    write(tmp_path / "m.safetensors", replace(model, program=replace(model.program, **change)))
    with pytest.raises(BadModel, match=rf"m\.safetensors is no private model: .*{says}"):
        read(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (np.nan, np.float32, "are float32, not integers"),
        (1.0, np.float64, "are float64, not integers"),
        (1, np.uint8, "are uint8, not integers"),
        (1 << 50, np.int64, "are beyond its ring"),
        (np.iinfo(np.int64).min, np.int64, "are beyond its ring"),
    ],
)
@pytest.mark.parametrize("part", ["weights", "bias"])
def test_weights_that_pack_never_writes_are_refused(
    model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    value: float,
    kind: type,
    says: str,
) -> None:
    monkeypatch.setattr(module, "_narrow", lambda numbers: numbers)
    name, mine = next(iter(model.weights.items()))
    array = np.full(getattr(mine, part).shape, value, kind)
    weights = {**model.weights, name: replace(mine, **{part: array})}
    write(tmp_path / "m.safetensors", replace(model, weights=weights))
    with pytest.raises(BadModel, match=f"the weights of {name} {says}"):
        read(tmp_path / "m.safetensors")


@pytest.mark.parametrize("older", OLDER)
def test_a_file_of_an_older_format_says_what_to_do(older: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file({"weight": torch.ones(4)}, path, {"format": older, "sha256": "0"})
    with pytest.raises(BadModel, match=r"m\.safetensors is of an older format: pack its run again"):
        read(path)


def test_formats_are_numbered_and_the_newest_is_written(model: Model, tmp_path: Path) -> None:
    numbers = [int(name.rsplit(" ", 1)[1]) for name in (*OLDER, FORMAT)]
    assert numbers == list(range(1, len(numbers) + 1))
    write(tmp_path / "m.safetensors", model)
    with safe_open(tmp_path / "m.safetensors", framework="np") as file:
        assert file.metadata()["format"] == FORMAT


def test_a_program_without_bits_is_refused(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = json.loads(public.dump(model.program))
    for step in text["steps"]:
        step.pop("bits", None)
    monkeypatch.setattr(public, "dump", lambda program: json.dumps(text).encode())
    write(tmp_path / "m.safetensors", model)
    with pytest.raises(BadModel, match=r"m\.safetensors is no private model: step \d+ is no"):
        read(tmp_path / "m.safetensors")


NET = parse("HRN-2x2x2x(m=4)", resolution=16, classes=10)


def _compiled(change: Callable[[Arrays], None]) -> Compiled:
    net = arrays(trained(NET))
    change(net)
    return compiled(NET, net, {}, IMAGES, MEAN, STD, Precision())


def _scaled(factor: float) -> Callable[[Arrays], None]:
    def change(net: Arrays) -> None:
        for name in net:
            if "conv" in name and name.endswith("weight"):
                net[name] = net[name] * factor

    return change


def test_weights_beyond_floating_point_are_refused_by_their_layer() -> None:
    with pytest.raises(DoesNotFit, match=r"^stem/conv gives numbers of .*: no trained"):
        _compiled(_scaled(1e60))


@pytest.mark.parametrize("factor", [1e-30, 1e-9, 1e2])
def test_weights_of_any_other_size_make_a_program_that_agrees(factor: float) -> None:
    found = agreement(_compiled(_scaled(factor)), IMAGES, np.zeros(len(IMAGES), np.int64))
    assert found.difference < 0.02


def test_a_layer_with_channels_of_few_bits_is_told() -> None:
    def one_channel_larger(net: Arrays) -> None:
        net["stage2/block1/conv1_bn.weight"][0] *= 300

    assert _compiled(lambda net: None).faint == {}
    faint = _compiled(one_channel_larger).faint
    assert set(faint) == {"stage2/block1/conv1"}
    few, channels = faint["stage2/block1/conv1"]
    assert 0 < few < channels == 8
