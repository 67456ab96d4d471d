"""Names of classes are those of the data set."""

import json
import os
from pathlib import Path

import pytest
import torchvision.datasets

from deepreshape.classes import class_names
from deepreshape.learn.images.sources import KNOWN


def test_a_part_of_a_set_has_its_names() -> None:
    names = class_names("cifar100")
    assert len(set(names)) == len(names) == KNOWN["cifar100"].classes
    assert class_names("cifar100[per_class=5]") == names


@pytest.mark.parametrize("name", ["cifar100", "cifar10", "fashion-mnist"])
def test_every_class_has_a_name_of_its_own(name: str) -> None:
    names = class_names(name)
    assert len(set(names)) == len(names) == KNOWN[name].classes


@pytest.mark.parametrize(("name", "kind"), [("fashion-mnist", "FashionMNIST")])
def test_the_names_are_in_the_order_of_torchvision(name: str, kind: str) -> None:
    theirs = getattr(torchvision.datasets, kind).classes
    ours = [each.lower().replace(" or top", "/top") for each in class_names(name)]
    assert ours == [each.lower() for each in theirs]


@pytest.mark.parametrize("data", ["svhn", "mnist5k", "nothing", "../paper/errata"])
def test_a_set_without_names_has_none(data: str) -> None:
    assert class_names(data) == ()


def test_the_names_are_those_that_the_mirror_has() -> None:
    pyarrow = pytest.importorskip("pyarrow.parquet")
    folder = Path(os.environ.get("DEEPRESHAPE_MIRROR", "nowhere")) / "cifar100"
    files = sorted(folder.glob("test-*.parquet"))
    if not files:
        pytest.skip("DEEPRESHAPE_MIRROR names no mirror with cifar100")
    metadata = pyarrow.read_schema(files[0]).metadata[b"huggingface"]
    listed = json.loads(metadata)["info"]["features"]["fine_label"]["names"]
    assert class_names("cifar100") == tuple(name.replace("_", " ") for name in listed)
