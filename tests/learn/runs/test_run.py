"""Runs are values: what fits together, and a key that depends on all that a result depends on."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from deepreshape.design import Network, Stage, cull, parse, resnet18, reuse, thin, vgg
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import record
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.learn.training.recipe import Recipe
from tests.learn.tiny import (
    DATA,
    NETWORK,
    OTHER_RECIPE,
    RECIPE,
    RUN,
    SEARCHED,
    SENSED,
    TAUGHT,
    TEACHER,
)

# Keys

OTHER_SNLS: dict[str, Any] = {
    "budget": 320,
    "by": "channel",
    "epochs": 4,
    "batch": 21,
    "rate": 1e-2,
    "alpha_rate": 1e-2,
    "penalty": 1e-4,
    "schedule": "steady",
    "growth": 2.0,
    "patience": 6,
    "threshold": 0.1,
    "temperature": 2.0,
}
OTHER_SENETS: dict[str, Any] = {
    "budget": 320,
    "density": 0.2,
    "sensitivity_epochs": 2,
    "epochs": 4,
    "batch": 21,
    "rate": 0.1,
    "momentum": 0.8,
    "weight_decay": 0.0,
    "gamma": 0.6,
    "alpha": 0.6,
    "temperature": 2.0,
}
SNL_OF_320, SENET_OF_320 = SNL(320), SENet(320)
"""Whole channels add up to 320 ReLUs."""
CHANGED = {
    "width": replace(RUN, network=replace(NETWORK, stages=(Stage(4, 1), Stage(12, 1)))),
    "depth": replace(RUN, network=replace(NETWORK, stages=(Stage(4, 1), Stage(8, 2)))),
    "stem": replace(RUN, network=replace(NETWORK, stem=8)),
    "culled": replace(RUN, network=cull(NETWORK, {1})),
    "stem culled": replace(RUN, network=cull(NETWORK, {0})),
    "thinned": replace(RUN, network=thin(NETWORK, {1})),
    "reused": replace(RUN, network=reuse(NETWORK, 4)),
    "reused, chained": replace(RUN, network=reuse(NETWORK, 4, "chained")),
    "reused, apart": replace(RUN, network=reuse(NETWORK, 4, "apart")),
    "reused everywhere": replace(RUN, network=reuse(NETWORK, 4, everywhere=True)),
    "resolution": Run(replace(NETWORK, resolution=16), replace(DATA, size=16), RECIPE),
    "part": replace(RUN, data=replace(DATA, per_class=9)),
    **{
        f"recipe's {name}": replace(RUN, recipe=replace(RECIPE, **{name: value}))
        for name, value in OTHER_RECIPE.items()
    },
    "another distillation": replace(RUN, recipe=replace(RECIPE, distillation=DKD())),
    "its settings": replace(RUN, recipe=replace(RECIPE, distillation=DKD(beta=2))),
    "seed": replace(RUN, seed=2),
    "teacher": TAUGHT,
    "teacher's seed": replace(RUN, teacher=replace(TEACHER, seed=10)),
    "teacher's recipe": replace(RUN, teacher=replace(TEACHER, recipe=Recipe())),
    "teacher's teacher": replace(RUN, teacher=TAUGHT),
    "SNL": replace(TAUGHT, search=SNL_OF_320),
    "SENet": replace(TAUGHT, search=SENET_OF_320),
    **{
        f"SNL's {name}": replace(TAUGHT, search=replace(SNL_OF_320, **{name: value}))
        for name, value in {**OTHER_SNLS, "budget": 300}.items()
    },
    **{
        f"SENet's {name}": replace(TAUGHT, search=replace(SENET_OF_320, **{name: value}))
        for name, value in {**OTHER_SENETS, "budget": 300}.items()
    },
}


@pytest.mark.parametrize(
    ("kind", "changed"), [(Recipe, OTHER_RECIPE), (SNL, OTHER_SNLS), (SENet, OTHER_SENETS)]
)
def test_every_field_is_changed_here(kind: type, changed: dict[str, Any]) -> None:
    assert set(changed) == {field.name for field in fields(kind)}


@pytest.mark.parametrize("what", CHANGED)
def test_the_key_depends_on(what: str) -> None:
    assert CHANGED[what].key != RUN.key


def test_all_these_keys_differ() -> None:
    keys = [run.key for run in CHANGED.values()]
    assert len(set(keys)) == len(keys)


def test_a_description_is_plain_json() -> None:
    """A record that is read again holds the description of its run."""
    for run in CHANGED.values():
        assert json.loads(json.dumps(run.describe())) == run.describe()


def test_equal_runs_have_equal_keys() -> None:
    again = Run(
        Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10),
        DataSet("mnist5k", None, 8, 8),
        Recipe(epochs=3, batch=20, rate=0.05, shift=1),
        seed=1,
    )
    assert again == RUN
    assert again.key == RUN.key


@pytest.mark.parametrize(("name", "number"), [("rate", 1), ("warmup", 1), ("pram", 4)])
def test_a_whole_number_is_the_same_as_an_integer_and_as_a_float(name: str, number: int) -> None:
    values: list[dict[str, Any]] = [{name: number}, {name: float(number)}]
    integer, decimal = (replace(RUN, recipe=replace(RECIPE, **value)) for value in values)
    assert integer == decimal
    assert integer.key == decimal.key


def test_the_key_depends_on_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RUN.key
    monkeypatch.setattr(record, "ARITHMETIC", record.ARITHMETIC + 1)
    assert replace(RUN).key != before


def test_what_changes_a_description_changes_no_run() -> None:
    described = RUN.describe()
    described["seed"] = 7
    assert RUN.describe()["seed"] == RUN.seed


def test_a_run_is_found_in_every_process_that_it_is_sent_to() -> None:
    """Each has hashes of text of its own, so none may travel."""
    found = (
        "import pickle, sys; run = pickle.load(sys.stdin.buffer); print(hash(run) == hash(run.key))"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", found],
            input=pickle.dumps(RUN),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert done.stdout == b"True\n"


BASELINE = Run(resnet18(), DataSet("cifar100"), Recipe())
HRN = replace(BASELINE, network=parse("HRN-5x5x3x(m=16)"))
RECORDED = {
    "3c560d36449c234a": BASELINE,
    "9f8878889a6403c6": replace(HRN, teacher=BASELINE),
    "e82713bd3507f07a": replace(HRN, teacher=BASELINE, recipe=Recipe(distillation=DKD(beta=2))),
    "7dd09e95ecf84bd3": replace(
        RUN,
        recipe=replace(
            RECIPE, warmup=0.5, schedule="linear", nesterov=True, smoothing=0.1, small=0.5
        ),
    ),
}


@pytest.mark.parametrize("key", RECORDED)
def test_keys_stay(key: str) -> None:
    """Where this fails, every record that was ever made is lost: raise ARITHMETIC if meant, or
    bring records over (`learn.runs.migrate`)."""
    assert RECORDED[key].key == key


# Defaults

SETTINGS: dict[type, Callable[[Any], Run]] = {
    Recipe: lambda recipe: replace(RUN, recipe=recipe),
    KD: lambda kd: replace(TAUGHT, recipe=replace(RECIPE, distillation=kd)),
    DKD: lambda dkd: replace(TAUGHT, recipe=replace(RECIPE, distillation=dkd)),
    SNL: lambda search: replace(TAUGHT, search=search),
    SENet: lambda search: replace(TAUGHT, search=search),
}
"""A run of which a value is a part."""
OTHER_THAN_DEFAULTS: dict[type, dict[str, Any]] = {
    Recipe: {**OTHER_RECIPE, "distillation": None},
    KD: {"temperature": 5.0, "soft": 0.8, "hard": 0.2},
    DKD: {"beta": 2.0, "alpha": 0.5, "temperature": 5.0, "warmup": 10.0},
    SNL: OTHER_SNLS,
    SENet: OTHER_SENETS,
}
REQUIRED: dict[type, dict[str, Any]] = {SNL: {"budget": 320}, SENet: {"budget": 320}}


def defaults(kind: type) -> dict[str, Any]:
    """Of the fields that may be left out."""
    return {
        field.name: getattr(kind(**REQUIRED.get(kind, {})), field.name)
        for field in fields(kind)
        if field.name not in REQUIRED.get(kind, {})
    }


def change_default(kind: Any, name: str, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the class had been written with another default."""
    named = list(defaults(kind))
    changed = list(kind.__init__.__defaults__)
    changed[named.index(name)] = value
    monkeypatch.setattr(kind.__init__, "__defaults__", tuple(changed))
    field = kind.__dataclass_fields__[name]
    monkeypatch.setattr(field, "default", value)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in SETTINGS for name in defaults(kind)]
)
def test_a_changed_default_meets_no_record_of_another_run(
    kind: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left to the default before has another key than what is left to it after; and a run
    that says every value keeps its own."""
    run_of, required, old = SETTINGS[kind], REQUIRED.get(kind, {}), defaults(kind)
    before = run_of(kind(**required)).key
    other = DKD() if name == "distillation" else OTHER_THAN_DEFAULTS[kind][name]
    change_default(kind, name, other, monkeypatch)
    assert run_of(kind(**required)).key != before
    assert run_of(kind(**required, **old)).key == before


# What fits together


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(replace(NETWORK, resolution=16), id="input size"),
        pytest.param(replace(NETWORK, classes=100), id="classes"),
    ],
)
def test_a_network_that_does_not_fit_the_data_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match=r"mnist5k.* has 8 and 10"):
        Run(network, DATA, RECIPE)


def test_a_teacher_on_other_data_is_welcome_where_its_images_and_classes_are_the_same() -> None:
    other = replace(TEACHER, data=replace(DATA, per_class=4))
    assert replace(RUN, teacher=other).teacher == other


def test_a_teacher_on_images_of_another_size_is_refused() -> None:
    other = Run(replace(NETWORK, resolution=16), replace(DATA, size=16), RECIPE)
    with pytest.raises(ValueError, match=r"a teacher on .*size=16.* cannot teach on .*size=8"):
        replace(RUN, teacher=other)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_of_more_than_32_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"{seed} does not"):
        replace(RUN, seed=seed)


def test_pram_needs_a_teacher_of_as_large_maps() -> None:
    recipe = replace(RECIPE, pram=1.0)
    other = replace(TEACHER, network=replace(NETWORK, stages=(Stage(4, 1), Stage(8, 1, 1))))
    with pytest.raises(ValueError, match="stage by stage"):
        replace(RUN, recipe=recipe, teacher=other)


def test_pram_takes_a_teacher_of_other_widths() -> None:
    wide = replace(TEACHER, network=replace(NETWORK, stages=(Stage(8, 2), Stage(16, 1))))
    replace(RUN, recipe=replace(RECIPE, pram=1.0), teacher=wide)


def test_images_of_half_the_side_need_an_even_side() -> None:
    pixel = replace(NETWORK, stages=(Stage(4, 1),), resolution=1)
    with pytest.raises(ValueError, match=r"cannot see images of half of .*'s side"):
        Run(pixel, replace(DATA, size=1), replace(RECIPE, shift=0, small=0.5))


def test_a_net_with_pools_needs_a_half_side_that_they_divide() -> None:
    halved = replace(RECIPE, small=0.5)
    network = replace(vgg(4), stages=(Stage(4, 1), Stage(8, 1)), classes=10)
    Run(replace(network, resolution=4), replace(DATA, size=4), halved)
    with pytest.raises(ValueError, match="cannot see images of half"):
        Run(replace(network, resolution=2), replace(DATA, size=2), halved)


def test_a_shift_past_the_images_is_refused() -> None:
    replace(RUN, recipe=replace(RECIPE, shift=7))
    with pytest.raises(ValueError, match=r"shift must be less than the 8 pixels .* not 8"):
        replace(RUN, recipe=replace(RECIPE, shift=8))


SINGLE = replace(RECIPE, batch=1)
COARSE = replace(RUN, network=replace(NETWORK, resolution=2), data=replace(DATA, size=2))
"""Its last maps have one pixel."""


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: replace(COARSE, recipe=SINGLE),
        lambda: replace(
            RUN,
            network=replace(NETWORK, resolution=4),
            data=replace(DATA, size=4),
            recipe=replace(SINGLE, small=0.5),
        ),
        lambda: replace(COARSE, teacher=COARSE, search=SNL(4, batch=1)),
    ],
    ids=["one pixel", "one at first", "one in a search"],
)
def test_one_image_of_one_pixel_is_nothing_to_normalise(wrong: Callable[[], Run]) -> None:
    with pytest.raises(ValueError, match=r"maps of one pixel.*batch must be at least 2"):
        wrong()


def test_one_image_of_several_pixels_is_a_batch() -> None:
    assert replace(RUN, recipe=SINGLE).recipe.batch == 1


# Searches


@pytest.mark.parametrize("run", [SEARCHED, SENSED], ids=["SNL", "SENet"])
def test_a_search_starts_from_a_trained_net_of_the_same_network(run: Run) -> None:
    for other in (None, replace(TEACHER, network=cull(NETWORK, {1}))):
        with pytest.raises(ValueError, match=r"a search starts from a trained .*must be one"):
            replace(run, teacher=other)


def test_a_search_does_not_start_from_anothers_net() -> None:
    with pytest.raises(ValueError, match="with all its ReLUs, not from another's"):
        replace(SEARCHED, teacher=SEARCHED)


def test_a_search_needs_images_of_one_size() -> None:
    with pytest.raises(ValueError, match="small must be 0"):
        replace(SEARCHED, recipe=replace(RECIPE, small=0.5))


@pytest.mark.parametrize("search", [SNL(10**6), SENet(10**6)], ids=["SNL", "SENet"])
def test_a_budget_of_more_relus_than_there_are_is_refused(search: SNL | SENet) -> None:
    with pytest.raises(ValueError, match=r"1,000,000 does not"):
        replace(TAUGHT, search=search)


def test_a_search_by_channel_needs_a_budget_of_whole_channels() -> None:
    with pytest.raises(ValueError, match="do not add up to 300"):
        replace(TAUGHT, search=SNL(300, by="channel"))


@pytest.mark.parametrize("run", [SEARCHED, SENSED], ids=["SNL", "SENet"])
def test_a_search_says_its_kind(run: Run) -> None:
    assert run.describe()["search"]["kind"] == type(run.search).__name__


def test_a_run_without_a_search_says_so() -> None:
    assert TAUGHT.describe()["search"] is None
