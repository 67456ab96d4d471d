"""`deepreshape count`: counts in full, of a network and of its layers."""

import json
import re

import pytest

from deepreshape.design import (
    Network,
    cifar_resnet,
    convnext_like,
    cost,
    cull,
    hybrenet,
    hybrenet_by_depth,
    mobilenet,
    optimize,
    parse,
    regnet,
    resnet18,
    reuse,
    scale,
    thin,
    vgg,
    wide_resnet,
)
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.verdicts import judge
from tests.cli.commands import Command, started


def counts(network: Network) -> dict[str, object]:
    counted = cost(network)
    stages = {f"stage{number}": relus for number, relus in enumerate(counted.relus[1:], start=1)}
    head = {"head": counted.head_relus} if counted.head_relus else {}
    return {
        "network": network.name,
        "input": network.resolution,
        "classes": network.classes,
        "relus": {"total": counted.total_relus, "stem": counted.relus[0], **stages, **head},
        "macs": counted.macs,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "params": counted.params,
    }


LINES = [
    (["HRN-5x5x3x(m=16)", "--input", "32", "--classes", "100"], hybrenet(5, 5, 3)),
    (
        ["HRN-2x5x3x(m=16)", "--cull", "1", "--thin", "2,3,4", "--reuse", "8"],
        reuse(thin(cull(hybrenet(2, 5, 3), [1]), [2, 3, 4]), 8),
    ),
    (
        ["ResNet18", "--reuse", "4", "--divisions", "chained", "--everywhere"],
        reuse(resnet18(), 4, "chained", everywhere=True),
    ),
    (["ResNet18", "--cull", "0"], cull(resnet18(), [0])),
    (["ResNet18(m=16)-4x4x4x"], resnet18(16, (4, 4, 4))),
    (
        ["R34-HRN-2x6x3x(m=12)", "--input", "64", "--classes", "200"],
        hybrenet(2, 6, 3, 12, "34", 64, 200),
    ),
    (["WRN22x8"], wide_resnet(22, 8)),
    (["VGG16"], vgg()),
    (["RegNetX-1.6GF"], regnet("1.6GF")),
    (["ConvNeXt-T", "--input", "64"], convnext_like("T", classes=100)),
    (["MobileNetV1"], mobilenet(1)),
    (["MobileNetV2"], mobilenet(2)),
    (["ResNet32"], cifar_resnet(32)),
    (["HRN[1,5,5,3](m=16)"], hybrenet_by_depth((1, 5, 5, 3))),
]
COMMAND_LINES = pytest.mark.parametrize(
    ("arguments", "network"), LINES, ids=[" ".join(arguments) for arguments, _ in LINES]
)


@COMMAND_LINES
def test_count_gives_the_counts_as_json(
    arguments: list[str], network: Network, call: Command
) -> None:
    answer = call("count", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    assert json.loads(answer.out) == counts(network)


@COMMAND_LINES
def test_count_prints_the_same_counts_as_a_table(
    arguments: list[str], network: Network, call: Command
) -> None:
    answer = call("count", *arguments)
    assert (answer.err, answer.code) == ("", 0)
    counted = cost(network)
    first, *rows = answer.out.splitlines()
    assert first == f"{network.name}, input {network.resolution} x {network.resolution}," + (
        f" {network.classes} classes"
    )
    expected = [
        *(f"{relus:,}" for relus in counted.relus),
        *([f"{counted.head_relus:,}"] if counted.head_relus else []),
        f"{counted.total_relus:,}",
        f"{counted.macs:,}",
        f"{counted.flops('A'):,}",
        f"{counted.flops('B'):,}",
        f"{counted.params:,}",
    ]
    numbers = [found[0] for row in rows if (found := re.findall(r"[\d,]{2,}(?=\s)|\s0(?=\s)", row))]
    assert [number.strip() for number in numbers] == expected


@pytest.mark.parametrize(("arguments", "network"), LINES[:6])
def test_the_module_runs_as_a_program(arguments: list[str], network: Network) -> None:
    answer = started("count", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    assert json.loads(answer.out) == counts(network)


def test_json_has_exactly_these_keys(call: Command) -> None:
    found = json.loads(call("count", "ResNet18", "--json").out)
    assert list(found) == ["network", "input", "classes", "relus", "macs", "flops", "params"]
    assert list(found["relus"]) == ["total", "stem", "stage1", "stage2", "stage3", "stage4"]
    assert list(found["flops"]) == ["A", "B"]


def test_a_network_of_two_stages_has_two_stages_in_json(call: Command) -> None:
    found = json.loads(call("count", "Net(2; 2x1, 4x1)@4/3", "--json").out)
    assert found["relus"] == {"total": 128, "stem": 32, "stage1": 64, "stage2": 32}
    assert (found["macs"], found["params"]) == (2924, 401)


def test_the_printed_name_and_shape_give_the_same_counts_again(call: Command) -> None:
    arguments = ["ResNet34(m=8)", "--cull", "2", "--thin", "1", "--input", "16", "--classes", "7"]
    found = json.loads(call("count", *arguments, "--json").out)
    shape = ["--input", str(found["input"]), "--classes", str(found["classes"])]
    assert json.loads(call("count", found["network"], *shape, "--json").out) == found


def test_scale_multiplies_every_width(call: Command) -> None:
    found = json.loads(call("count", "HRN-2x5x3x(m=16)", "--scale", "0.5", "--json").out)
    assert found == counts(scale(hybrenet(2, 5, 3), "1/2"))


def test_options_edit_the_edits_of_the_name(call: Command) -> None:
    found = json.loads(call("count", "HRN-2x5x3x(m=16)-C1", "--thin", "2,3,4", "--json").out)
    assert found == counts(optimize(hybrenet(2, 5, 3)))


def test_the_table_marks_the_papers_flops(call: Command) -> None:
    for network, convention in (("ResNet18", "A"), ("ResNet34", "B")):
        rows = call("count", network).out.splitlines()
        (marked,) = [row for row in rows if "as the paper counts" in row]
        assert marked.strip().startswith(f"FLOPs {convention}")


def test_squares_are_counted_where_there_are_any(call: Command) -> None:
    name = "HRN-2x5x3x(m=16)-C1-T234-Q1234"
    squares = cost(parse(name)).squares
    assert json.loads(call("count", name, "--json").out)["squares"] == squares > 0
    assert f"{squares:,}" in call("count", name).out
    assert "squares" not in call("count", "ResNet18").out


def test_the_table_of_a_network_without_relus_has_no_shares(call: Command) -> None:
    answer = call("count", "ResNet18", "--cull", "1,2,3,4")
    assert answer.code == 0
    assert set(re.findall(r"[\d.]+%", answer.out)) == {"0.00%"}


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["WRN22x8"], ("table16", 1)),
        (["ResNet18"], ("table16", 2)),
        (["VGG16"], ("table03", 4)),
        (["ResNet32"], ("table03", 1)),
        (["ConvNeXt-T-C1-T234", "--input", "64", "--classes", "200"], ("table14", 15)),
    ],
)
def test_count_gives_what_the_paper_prints(
    arguments: list[str], place: tuple[str, int], call: Command
) -> None:
    found = json.loads(call("count", *arguments, "--json").out)
    relus = tables.value(*place, "relus_K")
    assert judge(relus, found["relus"]["total"] / 1000).kind == "equal"
    flops = {judge(tables.value(*place, "flops_M"), found["flops"][c] / 1e6).kind for c in "AB"}
    assert "equal" in flops


def test_the_relus_of_the_places_add_up_to_the_total(call: Command) -> None:
    for name in ("VGG16", "MobileNetV2", "WRN22x8"):
        relus = json.loads(call("count", name, "--json").out)["relus"]
        assert relus["head"] > 0
        assert sum(relus.values()) == 2 * relus["total"]


# Layers


@pytest.mark.parametrize(
    "name", ["HRN-2x5x3x(m=16)-C1-T234-Re8", "MobileNetV2", "ConvNeXt-T", "VGG16", "WRN22x8"]
)
def test_the_layers_of_a_network_add_up_to_it(name: str, call: Command) -> None:
    said = json.loads(call("count", name, "--layers", "--json").out)
    whole = {"relus": said["relus"]["total"], "macs": said["macs"], "params": said["params"]}
    for part in ("layers", "stages", "kinds"):
        assert {count: sum(row[count] for row in said[part]) for count in whole} == whole
    for part in ("stages", "kinds"):
        assert sum(row["layers"] for row in said[part]) == len(said["layers"])


def test_the_layers_of_a_small_network_are_counted_one_by_one(call: Command) -> None:
    said = json.loads(call("count", "Net(2; 2x1)@4/3", "--layers", "--json").out)
    layers = {row["name"]: row for row in said["layers"]}
    assert layers["stem/conv"] == {
        "name": "stem/conv",
        "stage": "stem",
        "kind": "conv 3x3",
        "shape": [2, 4, 4],
        "relus": 0,
        "macs": 27 * 2 * 16,
        "params": 27 * 2,
    }
    assert (layers["stem/relu"]["kind"], layers["stem/relu"]["relus"]) == ("ReLU", 32)
    assert layers["head/logits"]["kind"] == "fully connected"
    assert [row["stage"] for row in said["stages"]] == ["stem", "1", "head"]
    kinds = {row["kind"]: row for row in said["kinds"]}
    assert kinds["conv 3x3"]["layers"] == 3
    assert kinds["conv 3x3"]["macs"] == 16 * (54 + 2 * 36)


def test_depthwise_convolutions_are_a_kind_of_their_own(call: Command) -> None:
    said = json.loads(call("count", "MobileNetV2", "--layers", "--json").out)
    kinds = {row["kind"] for row in said["kinds"]}
    assert {"conv 1x1", "conv 3x3 depthwise"} <= kinds


def test_the_layers_stand_in_a_table(call: Command) -> None:
    answer = call("count", "Net(2; 2x1)@4/3", "--layers")
    rows = [line.split() for line in answer.out.splitlines()]
    assert ["stem/conv", "conv", "3x3", "2", "x", "4", "x", "4", "864", "54"] in rows
    assert ["stem", "3", "32", "864", "58"] in rows
    assert ["ReLU", "3", "96"] in rows


def test_without_layers_none_are_said(call: Command) -> None:
    assert "layers" not in json.loads(call("count", "ResNet18", "--json").out)
