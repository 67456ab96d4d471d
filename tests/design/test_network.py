"""A network is a value that prints as its name and is parsed back from it."""

import contextlib
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Network,
    ReluPlan,
    Stage,
    hybrenet,
    parse,
    resnet18,
    resnet34,
    vgg,
)
from deepreshape.design.architectures import Block, Grouped, Inverted, Plain
from deepreshape.design.network import MOST_GROUPS, of_architecture
from deepreshape.design.reuse_module import Divisions
from tests.networks import DIVISIONS, networks

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)
PIECES = (
    ["", "ResNet18", "R34-", "HRN-", "Net(2;"],
    ["", "2x5x3x", "2X5X3X", "0x1x1x", "4x1", "2X1,4x0"],
    ["", ")", "(m=16)", "(m=0)", "(m=)"],
    ["", "-C1", "-T23", "-C9-T1-Re3", "-Re0", "-Re1c", "-ReAll2", "-Re2S", "-C1-Q1", "-Q1"],
    ["", "@64/200", "@0/10", "@33/", "@"],
)


# Printed and parsed back


@given(networks())
@settings(max_examples=500)
def test_parse_reads_back_what_str_prints(network: Network) -> None:
    assert parse(str(network)) == network


@given(networks())
def test_parse_reads_back_the_name_where_it_is_told_input_and_classes(network: Network) -> None:
    assert parse(network.name, network.resolution, network.classes) == network


@pytest.mark.parametrize("m", [1, 16, 64, 100])
@pytest.mark.parametrize("factor", [1, 2, 3, 4])
@pytest.mark.parametrize("family", [resnet18, resnet34])
def test_a_resnet_of_any_base_channels_and_equal_factors_is_read_back(
    family: type[Network], factor: int, m: int
) -> None:
    network = family(m, (factor, factor, factor))
    assert parse(network.name) == network


def test_a_network_of_ten_stages_is_refused() -> None:
    with pytest.raises(DesignError, match="1 to 9 stages, not 10"):
        Network(1, (Stage(1, 1),) * 10, 2**9)


def test_a_network_of_nine_stages_with_its_last_culled_is_read_back() -> None:
    network = Network(1, (Stage(1, 1),) * 9, 2**8, relus=ReluPlan(culled=frozenset({9})))
    assert parse(str(network)) == network


@given(st.lists(networks(), min_size=2, max_size=2, unique=True))
def test_different_networks_print_differently(pair: list[Network]) -> None:
    assert str(pair[0]) != str(pair[1])


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (resnet18(), "ResNet18"),
        (resnet34(), "ResNet34"),
        (resnet18(16), "ResNet18(m=16)"),
        (resnet18(16, (4, 4, 4)), "ResNet18(m=16)-4x4x4x"),
        (hybrenet(5, 5, 3), "HRN-5x5x3x(m=16)"),
        (hybrenet(2, 6, 3, 12, "34"), "R34-HRN-2x6x3x(m=12)"),
        (Network(2, (Stage(2, 1), Stage(4, 1))), "Net(2; 2x1, 4x1)"),
        (Network(8, resnet18().stages), "Net(8; 64x2, 128x2, 256x2, 512x2)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_network_is_named_as_the_paper_names_its_family(network: Network, name: str) -> None:
    assert network.name == name


def test_edits_stand_behind_the_name() -> None:
    plan = ReluPlan(frozenset({1}), frozenset({4, 2, 3}), 8)
    network = dataclasses.replace(hybrenet(2, 5, 3), relus=plan)
    assert network.name == "HRN-2x5x3x(m=16)-C1-T234-Re8"
    plan = dataclasses.replace(plan, quadratic=frozenset({2, 1}))
    network = dataclasses.replace(network, relus=plan)
    assert network.name == "HRN-2x5x3x(m=16)-C1-T234-Q12-Re8"


REUSED: dict[str, tuple[Divisions, bool]] = {
    "Re8": ("three", False),
    "Re8c": ("chained", False),
    "Re8s": ("apart", False),
    "ReAll8": ("three", True),
    "ReAll8c": ("chained", True),
    "ReAll8s": ("apart", True),
}


@pytest.mark.parametrize("name", REUSED)
def test_a_name_says_where_and_how_reuse_divides(name: str) -> None:
    plan = ReluPlan(frozenset(), frozenset(), 8, *REUSED[name])
    assert dataclasses.replace(resnet18(), relus=plan).name == f"ResNet18-{name}"


@pytest.mark.parametrize("case", [str.upper, str.lower])
@pytest.mark.parametrize("name", REUSED)
def test_the_case_of_letters_behind_a_name_does_not_matter(name: str, case: type[str]) -> None:
    assert str(parse(case(f"ResNet18-{name}@64/200"))) == f"ResNet18-{name}@64/200"


def test_cifar_100s_shape_is_not_printed() -> None:
    assert str(resnet18()) == "ResNet18"


def test_any_other_shape_stands_behind_an_at_sign() -> None:
    assert str(resnet18(resolution=64, classes=200)) == "ResNet18@64/200"


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("R18(m=32)-2x2x2x", resnet18(32)),
        ("R18", resnet18()),
        ("ResNet34-HRN-2x6x3x", hybrenet(2, 6, 3, 16, "34")),
        ("2x5x3x(m=8)", hybrenet(2, 5, 3, 8)),
        ("HRN-2x5x3", hybrenet(2, 5, 3)),
        ("Net(2;2x1,4x1)", Network(2, (Stage(2, 1), Stage(4, 1)))),
        (" HRN - 2x5x3x (m = 8) ", hybrenet(2, 5, 3, 8)),
    ],
)
def test_other_ways_to_write_a_name_are_understood(text: str, network: Network) -> None:
    assert parse(text) == network


def test_a_resnet_without_base_channels_has_64() -> None:
    assert parse("ResNet18").stem == 64


def test_a_hybrenet_without_base_channels_has_16() -> None:
    assert parse("HRN-2x5x3x").stem == 16


@pytest.mark.parametrize("network", [SMALL, resnet34(8), hybrenet(2, 6, 3, 12, "34")], ids=str)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_the_case_of_letters_in_a_name_does_not_matter(case: type[str], network: Network) -> None:
    assert parse(case(network.name), network.resolution, network.classes) == network


def test_input_and_classes_given_beside_a_name_win_over_those_in_it() -> None:
    assert parse("ResNet18@64/200", 16, 10) == resnet18(resolution=16, classes=10)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ResNet",
        "ResNet50",
        "ResNet18(m=)",
        "ResNet18(m=-1)",
        "ResNet18(m=1.5)",
        "HRN-2x5x",
        "HRN-2x5x3x2x",
        "HRN-2x5x3x(m=16)-X1",
        "HRN-2x5x3x(m=16)-T1-C2",
        "HRN-2x5x3x(m=16)-T0",
        "HRN-2x5x3x(m=16)-Re",
        "HRN-2x5x3x(m=16)-Re8t",
        "HRN-2x5x3x(m=16)-Re8cs",
        "HRN-2x5x3x(m=16)-ReAll",
        "HRN-2x5x3x(m=16)-All8",
        "ResNet18@64",
        "Net(2; )",
        "Net(2; 2)",
        "Net(; 2x1)",
        "Rèsnet18",
        "HRN-²x5x3x",
    ],
)
def test_a_name_that_is_no_network_is_named_in_the_error(text: str) -> None:
    with pytest.raises(DesignError, match="unknown network") as error:
        parse(text)
    assert repr(text) in str(error.value)


@given(st.text())
def test_no_text_raises_anything_but_design_error(text: str) -> None:
    _parse_or_refuse(text)


@given(st.tuples(*map(st.sampled_from, PIECES)).map("".join))
@settings(max_examples=300)
def test_no_pieces_of_names_raise_anything_but_design_error(text: str) -> None:
    _parse_or_refuse(text)


@pytest.mark.parametrize("name", ["ResNet18(m={})", "HRN-{}x5x3x", "Net({0}; {0}x1)", "R18-Re{}"])
def test_a_number_of_thousands_of_digits_raises_design_error(name: str) -> None:
    with pytest.raises(DesignError):
        parse(name.format("9" * 5000))


def _parse_or_refuse(text: str) -> None:
    with contextlib.suppress(DesignError):
        assert isinstance(parse(text), Network)


# Numbers that make no network


def test_equal_networks_hash_equally() -> None:
    assert hash(resnet18(16)) == hash(parse("ResNet18(m=16)"))


def test_a_network_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SMALL.stem = 4  # type: ignore[misc]


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize(
    ("field", "what"),
    [("stem", "stem channels"), ("resolution", "input size"), ("classes", "number of classes")],
)
def test_every_number_must_be_positive(field: str, what: str, number: int) -> None:
    with pytest.raises(DesignError, match=f"{what} must be at least 1, not {number}"):
        dataclasses.replace(SMALL, **{field: number})


def test_a_stage_of_no_channels_is_named() -> None:
    with pytest.raises(DesignError, match="channels of stage 2 must be at least 1"):
        Network(2, (Stage(2, 1), Stage(0, 1)))


def test_a_stage_of_no_blocks_is_named() -> None:
    with pytest.raises(DesignError, match="blocks of stage 1 must be at least 1"):
        Network(2, (Stage(2, 0), Stage(2, 1)))


def test_a_network_has_at_least_one_stage() -> None:
    with pytest.raises(DesignError, match="1 to 9 stages, not 0"):
        Network(2, ())


def test_the_input_is_a_multiple_of_the_total_stride() -> None:
    with pytest.raises(DesignError, match="input size 33 is not a multiple of 8"):
        resnet18(resolution=33)


def test_a_depth_without_end_is_refused() -> None:
    with pytest.raises(DesignError, match="blocks"):
        Network(1, (Stage(1, 10**12),))


def test_the_blocks_of_all_stages_together_are_bounded() -> None:
    with pytest.raises(DesignError, match="a network of 1,001 blocks is out of reach"):
        Network(1, (Stage(1, 500), Stage(1, 501)))


@pytest.mark.parametrize("stride", [-1, 0, 3])
def test_a_stride_is_1_or_2(stride: int) -> None:
    with pytest.raises(DesignError, match=f"the stride of stage 2 is 1 or 2, not {stride}"):
        Network(2, (Stage(2, 1), Stage(2, 1, stride)))


def test_the_total_stride_multiplies_the_strides_that_are_written() -> None:
    with pytest.raises(DesignError, match="input size 6 is not a multiple of 4"):
        Network(2, (Stage(2, 1, 2), Stage(2, 1, 1), Stage(2, 1, 2)), resolution=6)


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize(
    ("block", "what"),
    [
        (lambda number: Plain((2, number)), "channels of a hidden layer"),
        (lambda number: Inverted(number), "expansion"),
        (lambda number: Inverted(6, number), "feature channels"),
        (lambda number: Grouped(number), "group width"),
    ],
    ids=["hidden", "expansion", "features", "group"],
)
def test_every_number_of_a_block_must_be_positive(
    block: Callable[[int], Block], what: str, number: int
) -> None:
    with pytest.raises(DesignError, match=f"{what} must be at least 1, not {number}"):
        dataclasses.replace(SMALL, block=block(number))


def test_groups_divide_the_channels_of_a_stage() -> None:
    with pytest.raises(DesignError, match="groups of 3 do not divide the 4 channels of stage 2"):
        Network(2, (Stage(2, 1), Stage(4, 1)), 4, block=Grouped(3))


def test_a_stage_narrower_than_a_group_is_one_group() -> None:
    assert Network(2, (Stage(2, 1), Stage(3, 1)), 4, block=Grouped(3)).widths == (2, 3)


@pytest.mark.parametrize(
    ("edit", "number"),
    [("culled", -1), ("culled", 3), ("thinned", -1), ("thinned", 0), ("thinned", 3)],
)
def test_a_stage_that_is_not_there_cannot_be_edited(edit: str, number: int) -> None:
    with pytest.raises(DesignError, match=f"there is no stage {number}"):
        dataclasses.replace(SMALL, relus=ReluPlan(**{edit: frozenset({number})}))


@pytest.mark.parametrize(
    ("width", "factor", "divisor"),
    [(6, 2, 4), (8, 3, 3), (4, 8, 8)],
    ids=["quarters", "thirds", "eighths"],
)
def test_reuse_needs_widths_that_split(width: int, factor: int, divisor: int) -> None:
    with pytest.raises(DesignError, match=f"{divisor} does not divide the {width} channels"):
        Network(width, (Stage(width, 1),), relus=ReluPlan(reuse=factor))


@pytest.mark.parametrize("divisions", ["chained", "apart"])
def test_equal_groups_need_no_quarters(divisions: Divisions) -> None:
    plan = ReluPlan(reuse=2, divisions=divisions)
    assert Network(6, (Stage(6, 1),), relus=plan).relus == plan


@pytest.mark.parametrize("divisions", ["chained", "apart"])
def test_equal_groups_divide_the_channels(divisions: Divisions) -> None:
    with pytest.raises(DesignError, match=r"3 does not divide the 8 channels of stage 1$"):
        Network(8, (Stage(8, 1),), relus=ReluPlan(reuse=3, divisions=divisions))


@pytest.mark.parametrize("divisions", ["chained", "apart"])
def test_the_number_of_equal_groups_is_bounded(divisions: Divisions) -> None:
    width = MOST_GROUPS + 1
    with pytest.raises(DesignError, match=f"{width} equal groups .*; {MOST_GROUPS} are the most$"):
        Network(width, (Stage(width, 1),), relus=ReluPlan(reuse=width, divisions=divisions))


def test_divisions_that_are_none_are_named() -> None:
    plan = ReluPlan(reuse=2, divisions="two")  # type: ignore[arg-type]
    with pytest.raises(DesignError, match=r"divisions are three, chained, apart, not 'two'$"):
        dataclasses.replace(resnet18(), relus=plan)


@pytest.mark.parametrize("divisions", DIVISIONS)
def test_reuse_everywhere_needs_a_stem_that_splits(divisions: Divisions) -> None:
    plan = ReluPlan(reuse=2, divisions=divisions, everywhere=True)
    with pytest.raises(DesignError, match=r"2 does not divide the 5 channels of the stem$"):
        Network(5, (Stage(8, 1),), relus=plan)


@pytest.mark.parametrize("edit", ["culled", "thinned"])
def test_reuse_everywhere_does_not_ask_a_stem_without_relu_to_split(edit: str) -> None:
    plan = ReluPlan(reuse=2, everywhere=True)
    plan = dataclasses.replace(plan, **{edit: frozenset({1})})
    assert Network(5, (Stage(8, 1), Stage(8, 1)), relus=plan).relus == plan


def test_reuse_does_not_ask_a_stem_to_split() -> None:
    assert Network(5, (Stage(8, 1),), relus=ReluPlan(reuse=2)).stem == 5


def test_reuse_does_not_ask_a_culled_stage_to_split() -> None:
    plan = ReluPlan(culled=frozenset({1}), reuse=8)
    assert Network(4, (Stage(4, 1), Stage(8, 1)), relus=plan).relus.reuse == 8


def test_reuse_needs_basic_blocks() -> None:
    with pytest.raises(DesignError, match="second convolution of basic blocks; VGG16 has none"):
        dataclasses.replace(vgg(), relus=ReluPlan(reuse=2))


# Two ways to write one network


@given(networks())
def test_the_usual_strides_written_out_are_the_same_network(network: Network) -> None:
    stages = [
        Stage(stage.width, stage.depth, stride)
        for stage, stride in zip(network.stages, network.strides, strict=True)
    ]
    assert dataclasses.replace(network, stages=tuple(stages)) == network


@given(networks())
def test_of_architecture_puts_together_what_architecture_takes_out(network: Network) -> None:
    shape = (network.resolution, network.classes)
    assert of_architecture(network.architecture, *shape, network.relus) == network


def test_a_stage_both_culled_and_thinned_is_culled() -> None:
    assert ReluPlan(frozenset({1}), frozenset({1, 2})) == ReluPlan(frozenset({1}), frozenset({2}))


@pytest.mark.parametrize("divisions", DIVISIONS)
def test_without_reuse_it_does_not_matter_how_it_would_divide(divisions: Divisions) -> None:
    assert ReluPlan(reuse=1, divisions=divisions, everywhere=True) == ReluPlan()


def test_reuse_everywhere_is_reuse_where_no_stage_keeps_every_relu() -> None:
    plan = ReluPlan(frozenset({1}), frozenset({2, 3, 4}), 8)
    network = dataclasses.replace(resnet18(), relus=plan)
    everywhere = dataclasses.replace(plan, everywhere=True)
    assert dataclasses.replace(resnet18(), relus=everywhere) == network


@pytest.mark.parametrize(
    ("name", "where"), [("ResNet18-C1-Q2", "stage 2"), ("ResNet18-T2-Q02", "the stem")]
)
def test_a_polynomial_needs_a_removed_relu(name: str, where: str) -> None:
    with pytest.raises(DesignError, match=f"^{where} keeps all its ReLUs"):
        parse(name)


@pytest.mark.parametrize("name", ["ResNet18-C0-Q0", "WRN22x8-T3-Q3", "VGG16-C5-Q5"])
def test_polynomials_are_named_and_read_back(name: str) -> None:
    assert str(parse(name)) == name


def test_the_stem_counts_with_stage_1_in_polynomials_too() -> None:
    assert parse("ResNet18-C01-Q01") == parse("ResNet18-C1-Q1")
