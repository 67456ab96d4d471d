"""Settings of the explorer as texts, as networks, and as commands."""

import json
import shlex
import sys
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.cli import main
from deepreshape.design import DesignError, cost, parse
from deepreshape.paper.explorer.settings import FAMILIES, Settings, read, written

small = st.integers(1, 8)
stages = st.lists(st.integers(1, 4), unique=True).map(tuple)
settings = st.builds(
    Settings,
    family=st.sampled_from(sorted(FAMILIES)),
    alpha=small,
    phi1=small,
    phi4=small,
    classes=st.integers(1, 1000),
    cull=stages,
    thin=stages,
    reuse=st.sampled_from([1, 2, 4]),
    order=st.permutations([1, 2, 3, 4]).map(tuple),
)


@given(settings)
def test_texts_give_the_settings_back(given: Settings) -> None:
    assert read(written(given)) == given


def test_what_is_as_it_begins_is_not_written() -> None:
    assert written(Settings()) == {}
    assert read({field.name: "" for field in fields(Settings)}) == Settings()


def test_the_usual_base_channels_are_not_written() -> None:
    assert written(read({"family": "ResNet18", "m": "64"})) == {"family": "ResNet18"}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_the_base_channels_that_its_name_stands_for(family: str) -> None:
    network = Settings(family=family).network
    assert FAMILIES[family] in (None, network.stem)


def test_a_hybrenet_has_its_factors_and_depths() -> None:
    network = read({"alpha": "2", "beta": "6", "gamma": "3", "m": "12", "phi2": "4"}).network
    assert (network.widths, network.depths) == ((12, 24, 144, 432), (2, 4, 2, 2))


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        ({"m": "many"}, "m: 'many' is not a whole number"),
        ({"m": "-4"}, "m: '-4' is not a whole number"),
        ({"m": "0"}, "stem channels must be at least 1, not 0"),
        ({"family": "LeNet"}, "family: there is no family 'LeNet'; there are HybReNet, ResNet18"),
        ({"colour": "red"}, "there is no setting 'colour'"),
        ({"cull": "1;2"}, "cull: '1;2' is not a list of whole numbers"),
        ({"thin": "9"}, "there is no stage 9"),
        ({"input": "33"}, "input size 33 is not a multiple of 8"),
        ({"reuse": "16", "m": "12"}, "16 does not divide the 12 channels of stage 1"),
    ],
)
def test_what_makes_no_network_is_told_in_a_line(texts: dict[str, str], line: str) -> None:
    with pytest.raises(DesignError) as error:
        assert read(texts).network
    assert str(error.value).startswith(line) or line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"alpha": "2", "cull": "1", "thin": "2,3,4", "reuse": "8"},
        {"family": "ResNet34", "input": "64", "classes": "200"},
        {"phi3": "6", "m": "20"},
    ],
)
def test_the_command_counts_the_network(
    texts: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read(texts)
    monkeypatch.setattr(sys, "argv", [*shlex.split(found.commands[0]), "--json"])
    with pytest.raises(SystemExit):
        main()
    said = json.loads(capsys.readouterr().out)
    assert said["relus"]["total"] == cost(found.network).total_relus
    assert (said["input"], said["classes"]) == (found.input, found.classes)
    assert parse(said["network"], found.input, found.classes) == found.network
