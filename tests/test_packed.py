"""A net that was trained in Python is packed as the command packs it."""

from pathlib import Path

import numpy as np
import pytest

from deepreshape.cli import commands
from deepreshape.learn.images.sets import load
from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.search.searches import SNL
from deepreshape.learn.trained import train
from deepreshape.learn.training.recipe import Recipe
from deepreshape.packed import fitting, pack
from deepreshape.places import DATA
from deepreshape.private.program.model import read
from deepreshape.private.program.public import NAME
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.reference import logits
from tests.birds import birds

QUIET = Executor("cpu", workers=1, show=False, precision="float32")
RECIPE = Recipe(epochs=1, batch=20, shift=1)
ABOUT = ("network", "data", "run", "test", "relus", "truncations", "bounded")


@pytest.mark.parametrize("search", [None, SNL(100, epochs=1, batch=20)], ids=["plain", "SNL"])
def test_a_model_is_that_of_the_command(search: SNL | None, tmp_path: Path) -> None:
    store, out = tmp_path / "runs", tmp_path / "model.safetensors"
    found = train(
        "ResNet18(m=2)",
        "mnist5k[per_class=8,size=8]",
        recipe=RECIPE,
        search=search,
        store=store,
        executor=QUIET,
    )
    model = pack(found)
    line = ["pack", found.record.key, "--store", str(store), "--out", str(out), "--run", "0", "-q"]
    commands([*line, "--check", "1"], standalone_mode=False)
    wanted = read(out)
    assert {name: wanted.about[name] for name in ABOUT} == model.about
    images = load(found.run.data).test.images[:3].numpy()
    for image in images:
        ours = logits(model.program, model.weights, image)
        assert np.array_equal(ours, logits(wanted.program, wanted.weights, image))
    if search is not None:
        assert model.about["relus"] == 100


def test_fewer_bits_are_other_numbers(tmp_path: Path) -> None:
    found = train(
        "ResNet18(m=2)",
        "mnist5k[per_class=8,size=8]",
        recipe=RECIPE,
        store=tmp_path,
        executor=QUIET,
    )
    fine, coarse = pack(found), pack(found, Precision(weight=4))
    assert all(np.abs(each.weights).max() < 2**4 for each in coarse.weights.values())
    assert any(np.abs(each.weights).max() >= 2**4 for each in fine.weights.values())


def test_names_are_those_of_all_classes_or_none() -> None:
    program = read(DATA / "models" / "digits.safetensors").program
    names = [f"digit {number}" for number in range(10)]
    assert fitting(names, program) == tuple(names)
    assert fitting(names[:9], program) == ()
    (first, *_) = fitting(["d" * (NAME + 5), *names[1:]], program)
    assert first == "d" * (NAME - 1) + "…"


def test_a_folder_gives_its_names(tmp_path: Path) -> None:
    data = f"{birds(tmp_path, 8, 8)}/[size=8]"
    found = train("ResNet18(m=2)", data, recipe=RECIPE, store=tmp_path / "runs", executor=QUIET)
    assert pack(found).program.classes == ("crow", "jay")
