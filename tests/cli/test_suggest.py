"""`deepreshape suggest`: the front of a space, as a table and as JSON."""

import json
import shlex
from typing import Any

import click
import pytest

from deepreshape.cli import commands
from deepreshape.design import Limits, Space, cost, paper_convention, parse, suggest
from deepreshape.private.predicted import PROTOCOLS, timing
from tests.cli.commands import Command, check_refusal

ORDER = ["--order", "3,2,4,1"]
FEW = [*ORDER, "--channels", "8,16", "--reuse", "1,4"]


def searched(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("suggest", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_the_front_is_the_library_s(call: Command) -> None:
    asked = "--input 64 --classes 200 --max-relus 100K --max-flops 1G --max-latency 20s"
    protocol = ["--protocol", "ours-wan", *ORDER, "--depths", "2,2,2,2"]
    found = searched(call, *asked.split(), *protocol)
    space = Space((3, 2, 4, 1), ((2, 2, 2, 2),), 64, 200)
    expected = suggest(space, Limits(100_000, 1e9, 20), timing("ours-wan"))
    assert (found["searched"], found["fitting"]) == (expected.searched, expected.fitting)
    listed = [(each["network"], each["seconds"]) for each in found["front"]]
    assert listed == [(each.network.name, each.seconds) for each in expected.front]
    largest = [each["network"] for each in found["front"] if each["largest"]]
    assert largest == [each.network.name for each in expected.largest]
    assert found["limits"] == {"relus": 100_000, "flops": 10**9, "seconds": 20.0}


def test_costs_are_those_that_count_says(call: Command) -> None:
    for each in searched(call, *FEW, "--input", "64", "--classes", "20")["front"]:
        network = parse(each["network"], 64, 20)
        counted = cost(network)
        assert each["relus"] == counted.total_relus
        assert (each["macs"], each["params"]) == (counted.macs, counted.params)
        assert each["flops"] == counted.flops(paper_convention(network) or "A")


def test_the_json_has_exactly_these_keys(call: Command) -> None:
    found = searched(call, *FEW)
    keys = ["order", "input", "classes", "protocol", "limits", "searched", "fitting", "front"]
    assert list(found) == keys
    design = ["network", "relus", "macs", "flops", "params", "seconds", "command", "largest"]
    assert {tuple(each) for each in found["front"]} == {tuple(design)}


@pytest.mark.parametrize(
    ("sizes", "data"),
    [
        ("", "cifar100"),
        ("--input 64 --classes 200", "tiny-imagenet"),
        ("--input 48 --classes 7", "IMAGES/[size=48]"),
        ("--data folder:birds[size=32]", "folder:birds[size=32]"),
    ],
)
def test_a_command_trains_the_design(sizes: str, data: str, call: Command) -> None:
    found = searched(call, *FEW, *sizes.split(), "--max-relus", "60K")
    for each in found["front"]:
        program, command, *arguments = shlex.split(each["command"])
        assert (program, command) == ("deepreshape", "train")
        assert arguments == [each["network"], "--data", data]
        commands.commands["train"].make_context("train", arguments)


def test_the_table_has_the_largest_and_all_of_them_where_they_are_asked_for(call: Command) -> None:
    asked = [*FEW, "--max-relus", "60K", "--protocol", "ours-lan"]
    front = searched(call, *asked)["front"]
    for option, listed in (
        ([], [each for each in front if each["largest"]]),
        (["--all"], front),
    ):
        out = call("suggest", *asked, *option).out
        assert [line for line in out.splitlines() if line.startswith("deepreshape train")] == [
            each["command"] for each in listed
        ]
        assert all(f" {each['network']} " in out for each in listed)
        assert PROTOCOLS["ours-lan"].title in out
        assert "No accuracy is predicted" in out


def test_more_depths_and_families_are_more_designs(call: Command) -> None:
    counts = [
        searched(call, *FEW, *more.split())["searched"]
        for more in ("", "--depths 2,2,2,2", "--depths 2,2,2,2 --depths 3,4,6,3", "--family VGG16")
    ]
    assert counts[0] == counts[1] < counts[2]
    assert counts[3] == counts[0] + 4  # two base channels, whole and thinned


def test_every_protocol_can_be_asked_for() -> None:
    (option,) = (each for each in commands.commands["suggest"].params if each.name == "protocol")
    assert isinstance(option.type, click.Choice)
    assert tuple(option.type.choices) == tuple(PROTOCOLS)


def test_what_is_not_said_is_as_the_library_has_it(call: Command) -> None:
    found = searched(call, *ORDER, "--max-relus", "20K")
    expected = suggest(Space((3, 2, 4, 1)), Limits(relus=20_000), timing("delphi"))
    assert found["searched"] == expected.searched
    assert [each["network"] for each in found["front"]] == [
        each.network.name for each in expected.front
    ]


def test_where_none_is_fast_enough_the_fastest_is_named(call: Command) -> None:
    answer = call("suggest", *FEW, "--max-latency", "1ms")
    assert (answer.err, answer.code) == ("", 0)
    (fastest,) = [line for line in answer.out.splitlines() if "the fastest takes" in line]
    assert parse(fastest.split()[-1].rstrip(".")).name.startswith("HRN")
    assert searched(call, *FEW, "--max-latency", "1ms")["front"] == []


def test_where_none_is_small_enough_that_is_said(call: Command) -> None:
    assert "None has so few ReLUs and FLOPs" in call("suggest", *FEW, "--max-relus", "1").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Missing option '--order'"),
        ("--order 3,2,4", "the order 3, 2, 4 does not name each of the stages 1 to 3 once"),
        ("--order 3,2,4,1 --depths 2,2", "but 2 have a depth"),
        ("--order 3,2,4,1 --max-relus 100Q", "'100Q' is not a whole number above 0"),
        ("--order 3,2,4,1 --max-relus -5", "'-5' is not a whole number above 0"),
        ("--order 3,2,4,1 --max-flops 0", "'0' is not a whole number above 0"),
        ("--order 3,2,4,1 --max-flops 99999999999999999999G", "is beyond"),
        ("--order 3,2,4,1 --max-latency soon", "'soon' is not a time above 0"),
        ("--order 3,2,4,1 --max-latency nan", "'nan' is not a time above 0"),
        ("--order 3,2,4,1 --protocol gazelle", "'gazelle' is not one of"),
        ("--order 3,2,4,1 --input 30", "input size 30 is not a multiple of 8"),
        ("--order 3,2,4,1 --input 128", "does not fit a ciphertext's row"),
        ("--order 3,2,4,1 --classes 0", "number of classes must be at least 1"),
        ("--order 3,2,4,1 --channels 0,8", "base channels m are numbers from 1"),
        ("--order 3,2,4,1 --channels 8,8", "names a number twice"),
        ("--order 3,2,4,1 --reuse 0", "ReLU-reuse factors are numbers from 1"),
        ("--order 3,2,4,1 --largest 1", "the largest factor must be at least 2"),
        ("--order 3,2,4,1 --largest 10000", "designs that are searched at most"),
        ("--order 3,2,4,1 --largest 4 --cull 0", "no factors from 2 to 4"),
        ("--order 3,2,4,1 --cull 4", "0 to 3 may be culled"),
        ("--order 3,2,4,1 --family LeNet", "unknown network 'LeNet'"),
        ("--order 1,2,3,4,5,6,7,8,9 --input 256", "designs that are searched at most"),
    ],
)
def test_what_cannot_be_searched_is_one_line(arguments: str, said: str, call: Command) -> None:
    check_refusal(call("suggest", *arguments.split()), said)


def test_a_name_too_long_to_be_one_is_cut(call: Command) -> None:
    check_refusal(call("suggest", *ORDER, "--family", "x" * 4000), "unknown network")
