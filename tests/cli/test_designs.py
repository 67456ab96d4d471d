"""Commands about designs: counts in full, Algorithm 1, modelled latency; bad input in one line."""

import json
import re
from typing import Any

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
from deepreshape.design.equalize import equalized
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.verdicts import judge
from deepreshape.private.latency import Latency, layer_latencies
from deepreshape.private.latency import latency as modelled
from tests.cli.commands import Command, check_refusal, imported, started

HEAVY = {
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "scipy",
    "sympy",
    "matplotlib",
    "pyarrow",
    "PIL",
}
"""What no command about designs needs."""


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


# count


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


@pytest.mark.parametrize(
    "arguments",
    [
        ["count", "ResNet18"],
        ["count", "ResNet18", "--json"],
        ["equalize", "--order", "3,2,4,1"],
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--json"],
        ["latency", "ResNet18", "--layers"],
        ["latency", "ResNet18", "--json"],
        [],
    ],
    ids=" ".join,
)
def test_a_command_about_designs_imports_no_framework(arguments: list[str]) -> None:
    assert imported(*arguments) & HEAVY == set()


# equalize


def text_claim(section: str, claim: str) -> str:
    (found,) = [
        row["value"]
        for row in tables.table("text_claims")
        if (row["section"], row["claim"]) == (section, claim)
    ]
    return found


def solved(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("equalize", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_equalize_gives_the_pairs_of_section_4_1(call: Command) -> None:
    found = solved(call, "--order", "3,2,4,1")["solutions"]
    pairs = sorted((each["beta"], each["gamma"], each["alpha"]) for each in found)
    assert text_claim("4.1", "(beta;gamma)&alpha_min") == " | ".join(
        f"({beta};{gamma})&{alpha}" for beta, gamma, alpha in pairs
    )


@pytest.mark.parametrize("rule", ["pareto", "paper"])
def test_equalize_gives_the_networks_of_appendix_c(rule: str, call: Command) -> None:
    found = solved(call, "--order", "3,4,2,1", "--rule", rule)["solutions"]
    assert written(found) == text_claim("C", "altered order networks").split(" | ")


def test_equalize_gives_the_resnet34_networks_of_section_5(call: Command) -> None:
    arguments = ["--depths", "3,4,6,3", "--order", "3,2,4,1"]
    listed = text_claim("5", "ResNet34 networks").split(" | ")
    assert written(solved(call, *arguments, "--rule", "paper")["solutions"]) == listed
    assert set(listed) < set(written(solved(call, *arguments)["solutions"]))


def written(solutions: list[dict[str, int]]) -> list[str]:
    return [f"{each['alpha']}x{each['beta']}x{each['gamma']}x" for each in solutions]


def test_equalize_by_depth_gives_the_tuples_of_appendix_d_and_says_that_they_do_not_hold(
    call: Command,
) -> None:
    found = solved(call, "--order", "3,2,4,1", "--by", "depth", "--rule", "paper")["solutions"]
    tuples = [f"({';'.join(map(str, each['depths']))})" for each in found]
    assert tuples == text_claim("D", "depth solutions").split(" | ")
    assert [each["holds"] for each in found] == [False] * len(found)


def test_equalize_by_depth_gives_depths_that_hold(call: Command) -> None:
    (found,) = solved(call, "--order", "3,2,4,1", "--by", "depth")["solutions"]
    assert set(found) == {"depths", "name"}
    assert equalized(found["depths"], (2, 2, 2), (3, 2, 4, 1))
    assert parse(found["name"]).depths == tuple(found["depths"])


def test_the_json_of_equalize_has_exactly_these_keys(call: Command) -> None:
    found = solved(call, "--order", "3,2,4,1")
    assert list(found) == ["inequality", "rule", "solutions"]
    assert found["rule"] == "pareto"
    for solution in found["solutions"]:
        assert list(solution) == ["alpha", "beta", "gamma", "name"]


@pytest.mark.parametrize("order", ["3,2,4,1", "3,4,2,1", "1,2,3,4", "4,3,2,1"])
def test_a_solutions_name_is_a_network_in_the_order(order: str, call: Command) -> None:
    stages = tuple(map(int, order.split(",")))
    for solution in solved(call, "--order", order)["solutions"]:
        relus = cost(parse(solution["name"])).relus[1:]
        ranked = [relus[stage - 1] for stage in stages]
        assert ranked == sorted(set(ranked), reverse=True)
        factors = [solution[letter] for letter in ("alpha", "beta", "gamma")]
        narrow, *wide = parse(solution["name"]).widths
        assert wide[-1] == narrow * factors[0] * factors[1] * factors[2]


def test_other_numbers_of_stages_have_a_list_of_factors(call: Command) -> None:
    """2 a / 4 > 2 needs a >= 5."""
    found = solved(call, "--depths", "2,2", "--order", "2,1")["solutions"]
    assert [each["factors"] for each in found] == [[5]]
    assert "alpha" not in found[0]


def test_all_solutions_are_listed_up_to_a_bound_with_the_rules_that_select_them(
    call: Command,
) -> None:
    few, more = (
        solved(call, "--order", "3,2,4,1", "--rule", "all", "--most", most)["solutions"]
        for most in ("6", "8")
    )
    assert set(written(few)) < set(written(more))
    assert {max(each[key] for each in few for key in ("alpha", "beta", "gamma"))} == {6}
    assert all("all" in each["rules"] for each in more)
    pareto = [each for each in more if "pareto" in each["rules"]]
    assert written(pareto) == written(solved(call, "--order", "3,2,4,1")["solutions"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--order", "3,2,4,1"],
        ["--order", "3,4,2,1", "--rule", "paper"],
        ["--order", "3,2,4,1", "--by", "depth"],
        ["--order", "2,1", "--depths", "2,2"],
    ],
    ids=" ".join,
)
def test_equalize_prints_the_same_solutions_as_a_table(arguments: list[str], call: Command) -> None:
    found = solved(call, *arguments)
    answer = call("equalize", *arguments)
    assert (answer.err, answer.code) == ("", 0)
    order, inequality, *rows = answer.out.splitlines()
    stages = arguments[1].split(",")
    assert order == " > ".join(f"#ReLUs(S{stage})" for stage in stages)
    assert inequality == found["inequality"]
    for solution in found["solutions"]:
        assert sum(solution["name"] in row for row in rows) == 1


def test_the_table_says_which_depths_do_not_hold(call: Command) -> None:
    out = call("equalize", "--order", "3,2,4,1", "--by", "depth", "--rule", "paper").out
    assert out.count("does not satisfy the inequality") == 4
    assert "not satisfy" not in call("equalize", "--order", "3,2,4,1", "--by", "depth").out


# latency


def described(row: Latency) -> dict[str, object]:
    return {
        "he_s": row.he_s,
        "gc_s": row.gc_s,
        "total_s": row.total_s,
        "relus": row.relus,
        "multiplications": row.operations.multiplications,
        "key_switches": row.operations.key_switches,
        "ciphertexts": {"up": row.operations.up, "down": row.operations.down},
        "bytes": {
            "up": row.operations.bytes_up,
            "down": row.operations.bytes_down,
            "stored_by_client": row.client_bytes,
            "stored_by_server": row.server_bytes,
        },
    }


def test_latency_gives_the_model_as_json(call: Command) -> None:
    arguments = ["HRN-2x5x3x(m=16)", "--cull", "1", "--thin", "2,3,4", "--reuse", "4"]
    answer = call("latency", *arguments, "--json")
    network = reuse(optimize(hybrenet(2, 5, 3)), 4)
    assert (answer.err, answer.code) == ("", 0)
    shape = {"network": network.name, "input": 32, "classes": 100}
    assert json.loads(answer.out) == shape | described(modelled(network))


def test_latency_gives_each_layer_on_demand(call: Command) -> None:
    network = parse("VGG16(m=8)")
    found = json.loads(call("latency", "VGG16(m=8)", "--layers", "--json").out)
    assert found["layers"] == [
        {"name": row.name} | described(row) for row in layer_latencies(network)
    ]


@pytest.mark.parametrize("name", ["ResNet18", "WRN22x8", "MobileNetV2", "ResNet18-Re4"])
def test_the_layers_of_latency_add_up(name: str, call: Command) -> None:
    found = json.loads(call("latency", name, "--layers", "--json").out)
    for key in ("he_s", "gc_s", "total_s", "relus", "key_switches"):
        assert sum(layer[key] for layer in found["layers"]) == pytest.approx(found[key])
    for key in ("up", "down", "stored_by_client"):
        assert sum(layer["bytes"][key] for layer in found["layers"]) == found["bytes"][key]


def test_latency_is_that_of_another_input(call: Command) -> None:
    found = json.loads(call("latency", "ResNet18", "--input", "64", "--json").out)
    assert found["he_s"] == modelled(resnet18(resolution=64)).he_s


def test_latency_prints_the_sums_in_the_last_row_of_a_table(call: Command) -> None:
    answer = call("latency", "Net(2; 2x1, 4x1)@4/3", "--layers")
    assert (answer.err, answer.code) == ("", 0)
    first, *rows = answer.out.splitlines()
    assert first == "Net(2; 2x1, 4x1), input 4 x 4, 3 classes"
    (last,) = [row.split() for row in rows if row.strip().startswith("network")]
    assert last[1:5] == ["131", "60", "47", "7"]
    assert last[6] == "128"
    named = [row.split()[0] for row in rows if "/" in (row.split() or [""])[0]]
    whole = modelled(parse("Net(2; 2x1, 4x1)@4/3"))
    assert f"{whole.operations.bytes_up / 1e6:.1f} MB" in rows[-1]
    assert named == [row.name for row in layer_latencies(parse("Net(2; 2x1, 4x1)@4/3"))]


def test_without_layers_latency_prints_one_row(call: Command) -> None:
    out = call("latency", "ResNet18").out
    assert "network" in out
    assert "stage1/block1" not in out


# Bad input

LONG = "9" * 4000  # Python turns up to 4300 digits into a number, and no more into text

BAD = {
    "no network": (["count"], "Missing argument 'NETWORK'"),
    "empty name": (["count", ""], "unknown network ''"),
    "unknown name": (["count", "ResNet50"], "unknown network 'ResNet50'"),
    "name of two lines": (["count", "Res\nNet"], "unknown network"),
    "name in other letters": (["count", "Résèau18"], "unknown network 'Résèau18'"),
    "name with a power": (["count", "HRN-²x5x3x"], "unknown network 'HRN-²x5x3x'"),
    "name of no channels": (["count", "ResNet18(m=0)"], "stem channels"),
    "name with a stage too many": (["count", "ResNet18-C5"], "there is no stage 5"),
    "two networks": (["count", "ResNet18", "ResNet34"], "ResNet34"),
    "unknown option": (["count", "ResNet18", "--bogus"], "--bogus"),
    "option without value": (["count", "ResNet18", "--input"], "--input"),
    "input no multiple": (["count", "ResNet18", "--input", "33"], "33 is not a multiple of 8"),
    "input zero": (["count", "ResNet18", "--input", "0"], "input size"),
    "input negative": (["count", "ResNet18", "--input", "-32"], "input size"),
    "input no number": (["count", "ResNet18", "--input", "big"], "'big'"),
    "input no whole number": (["count", "ResNet18", "--input", "32.5"], "'32.5'"),
    "input odd and huge": (["count", "ResNet18", "--input", "9" * 40], "input size"),
    "classes zero": (["count", "ResNet18", "--classes", "0"], "number of classes"),
    "classes negative": (["count", "ResNet18", "--classes", "-1"], "number of classes"),
    "cull nothing": (["count", "ResNet18", "--cull", ""], "--cull"),
    "cull with a gap": (["count", "ResNet18", "--cull", "1,,2"], "'1,,2'"),
    "cull twice the same": (["count", "ResNet18", "--cull", "1,1"], "1,1"),
    "cull a word": (["count", "ResNet18", "--cull", "one"], "'one'"),
    "cull a power": (["count", "ResNet18", "--cull", "²"], "'²'"),
    "cull a fraction": (["count", "ResNet18", "--cull", "1.0"], "'1.0'"),
    "cull stage 5": (["count", "ResNet18", "--cull", "5"], "there is no stage 5"),
    "thin stage 0": (["count", "ResNet18", "--thin", "0"], "there is no stage 0"),
    "thin a negative stage": (["count", "ResNet18", "--thin", "-1"], "there is no stage -1"),
    "thin with a comma behind": (["count", "ResNet18", "--thin", "2,"], "'2,'"),
    "thin twice the same": (["count", "ResNet18", "--thin", "2,3,2"], "2,3,2"),
    "thin a huge stage": (["count", "ResNet18", "--thin", "9" * 40], "there is no stage"),
    "reuse by nothing": (["count", "ResNet18", "--reuse", "0"], "at least 2, not 0"),
    "reuse by one": (["count", "ResNet18", "--reuse", "1"], "at least 2, not 1"),
    "reuse by less than nothing": (["count", "ResNet18", "--reuse", "-2"], "at least 2, not -2"),
    "reuse that does not divide": (["count", "ResNet18", "--reuse", "3"], "3 does not divide"),
    "reuse beyond the channels": (["count", "ResNet18", "--reuse", "128"], "does not divide"),
    "divisions of no reuse": (["count", "ResNet18", "--divisions", "apart"], "need --reuse"),
    "no reuse everywhere": (["latency", "ResNet18", "--everywhere"], "need --reuse"),
    "unknown divisions": (["count", "ResNet18", "--reuse", "4", "--divisions", "two"], "'two'"),
    "scale by nothing": (["count", "ResNet18", "--scale", "0"], "must be positive"),
    "scale by less than nothing": (["count", "ResNet18", "--scale", "-1"], "must be positive"),
    "scale too far down": (["count", "ResNet18", "--scale", "1/128"], "whole"),
    "scale by a word": (["count", "ResNet18", "--scale", "half"], "'half'"),
    "scale by no number": (["count", "ResNet18", "--scale", "nan"], "'nan'"),
    "scale by infinity": (["count", "ResNet18", "--scale", "inf"], "'inf'"),
    "scale by a division by zero": (["count", "ResNet18", "--scale", "1/0"], "'1/0'"),
    "scale without end": (["count", "ResNet18", "--scale", "1e4000"], ""),
    "more blocks than can be": (["count", f"Net(2; 2x{10**9})"], "blocks"),
    "more channels than can be": (["count", f"ResNet18(m={LONG})"], ""),
    "more channels than can be, as JSON": (["count", f"ResNet18(m={LONG})", "--json"], ""),
    "more channels than a number": (["count", f"ResNet18(m={LONG}{LONG})"], ""),
    "more pixels than can be": (["count", "ResNet18", "--input", "8" * 4000], ""),
    "scale by a negative power": (["latency", "ResNet18", "--scale", "1e-4000"], ""),
    "latency of no network": (["latency"], "Missing argument 'NETWORK'"),
    "latency of an unknown name": (["latency", "ResNet50"], "unknown network 'ResNet50'"),
    "latency on large maps": (["latency", "ResNet18", "--input", "128"], "128 x 128 positions"),
    "latency on large maps by layer": (
        ["latency", "ResNet18", "--input", "72", "--layers", "--json"],
        "72 x 72 positions",
    ),
    "latency on a bad input": (["latency", "ResNet18", "--input", "33"], "33 is not a multiple"),
    "no order": (["equalize"], "Missing option '--order'"),
    "empty order": (["equalize", "--order", ""], "--order"),
    "order of words": (["equalize", "--order", "S3,S2"], "'S3,S2'"),
    "order with spaces": (["equalize", "--order", "3, 2, 4, 1"], "'3, 2, 4, 1'"),
    "order that repeats a stage": (["equalize", "--order", "3,2,4,4"], "names a number twice"),
    "order that skips a stage": (["equalize", "--order", "3,2,5,1"], "stages 1 to 4 once"),
    "order from 0": (["equalize", "--order", "3,2,1,0"], "stages 1 to 4 once"),
    "order of negative stages": (["equalize", "--order=-1,-2"], "stages 1 to 2 once"),
    "order shorter than the depths": (
        ["equalize", "--order", "2,1", "--depths", "2,2,2"],
        "is of 2 stages",
    ),
    "order longer than the depths": (
        ["equalize", "--order", "4,3,2,1", "--depths", "2,2,2"],
        "is of 4 stages",
    ),
    "order of one stage": (["equalize", "--order", "1", "--depths", "2"], "2 to 9 stages, not 1"),
    "order of ten stages": (
        ["equalize", "--order", "10,9,8,7,6,5,4,3,2,1", "--depths", "2,2,2,2,2,2,2,2,2,2"],
        "2 to 9 stages, not 10",
    ),
    "ten stages by depth": (
        ["equalize", "--order", "10,9,8,7,6,5,4,3,2,1", "--by", "depth"],
        "2 to 9 stages, not 10",
    ),
    "depth of zero": (["equalize", "--order", "3,2,4,1", "--depths", "2,2,0,2"], "not 0"),
    "negative depth": (["equalize", "--order", "3,2,4,1", "--depths", "-1,2,2,2"], "not -1"),
    "depth beyond bounds": (
        ["equalize", "--order", "3,2,4,1", "--depths", f"2,2,2,{10**30}"],
        "blocks",
    ),
    "depths of words": (["equalize", "--order", "2,1", "--depths", "two,2"], "'two,2'"),
    "depths of nothing": (["equalize", "--order", "2,1", "--depths", ""], "--depths"),
    "order that no factors have": (
        ["equalize", "--order", "1,2", "--depths", "1,2"],
        "no whole factors of at least 2 satisfy",
    ),
    "order that no factors have by the paper's rule": (
        ["equalize", "--order", "1,2", "--depths", "1,2", "--rule", "paper"],
        "no whole factors of at least 2 satisfy",
    ),
    "bound below all solutions": (
        ["equalize", "--order", "3,2,4,1", "--rule", "all", "--most", "4"],
        "no whole factors up to 4",
    ),
    "bound of depths below all solutions": (
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--rule", "all", "--most", "8"],
        "no whole depths up to 8",
    ),
    "bound of zero": (["equalize", "--order", "3,2,4,1", "--most", "0"], "at least 2, not 0"),
    "bound of zero by depth": (
        ["equalize", "--order", "3,2,4,1", "--by", "depth", "--most", "0"],
        "at least 1, not 0",
    ),
    "negative bound": (["equalize", "--order", "3,2,4,1", "--most", "-5"], "not -5"),
    "bound that is no number": (["equalize", "--order", "2,1", "--most", "many"], "'many'"),
    "bound with too many solutions": (
        ["equalize", "--order", "3,2,4,1", "--rule", "all", "--most", "1000000"],
        "more than 5,000",
    ),
    "unknown way": (["equalize", "--order", "3,2,4,1", "--by", "height"], "'height'"),
    "unknown rule": (["equalize", "--order", "3,2,4,1", "--rule", "best"], "'best'"),
    "equalize a network": (["equalize", "ResNet18", "--order", "3,2,4,1"], "ResNet18"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], said: str, call: Command) -> None:
    check_refusal(call(*arguments), said)


@pytest.mark.parametrize("case", ["unknown name", "order of one stage", "latency on large maps"])
def test_bad_input_is_one_line_for_the_program_too(case: str) -> None:
    arguments, said = BAD[case]
    check_refusal(started(*arguments), said)


@pytest.mark.parametrize(
    "arguments", [BAD["order of one stage"][0], BAD["latency on large maps"][0]]
)
def test_bad_input_is_one_line_where_json_is_asked_for(arguments: list[str], call: Command) -> None:
    check_refusal(call(*arguments, "--json"))


@pytest.mark.parametrize("exponent", ["1e99999999", "1e-99999999"])
def test_a_scaling_factor_of_millions_of_digits_is_refused_without_writing_it_out(
    exponent: str,
) -> None:
    check_refusal(started("count", "ResNet18", "--scale", exponent))


@pytest.mark.parametrize(
    "arguments",
    [
        ["count", f"ResNet18(m={LONG}{LONG})"],
        ["count", "ResNet18", "--scale", "1e5000"],
        ["count", "HRN-2X5X3X(m=0)"],
        ["count", "Net(2; 2X0)"],
    ],
    ids=["digits", "scale", "names of factors", "names of stages"],
)
def test_a_refusal_does_not_speak_of_python(arguments: list[str], call: Command) -> None:
    err = call(*arguments).err
    assert not re.search(r"set_int_max_str_digits|invalid literal|unpack", err)


def test_the_name_in_a_refusal_can_be_typed_again(call: Command) -> None:
    """The examples in the message are names."""
    err = call("count", "ResNet50").err
    examples = err.partition("names look like ")[2].strip().split(", ")
    assert len(examples) > 1
    assert all(isinstance(parse(example), Network) for example in examples)


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
