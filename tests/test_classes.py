"""Names of classes are those of the data set."""

import json
import os
from pathlib import Path

import pytest

from deepreshape.classes import class_names
from deepreshape.learn.images.sources import KNOWN


def test_a_part_of_a_set_has_its_names() -> None:
    names = class_names("cifar100")
    assert len(set(names)) == len(names) == KNOWN["cifar100"].classes
    assert class_names("cifar100[per_class=5]") == names


@pytest.mark.parametrize("data", ["mnist5k", "nothing", "../paper/errata"])
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
