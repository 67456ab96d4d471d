"""Every family is written as the paper writes it, and read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Network,
    Stage,
    cifar_resnet,
    convnext_like,
    cull,
    hybrenet_by_depth,
    mobilenet,
    names,
    optimize,
    parse,
    regnet,
    resnet18,
    resnet34,
    scale,
    thin,
    vgg,
    wide_resnet,
)
from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    REGNET_X,
    Grouped,
    Inverted,
    Plain,
    PreActivation,
    Separable,
)
from tests.networks import KINDS, members, networks, total_stride

TWO = (Stage(8, 1), Stage(8, 2))

NAMED = {
    "WRN22x8": wide_resnet(22, 8),
    "WRN16x8": wide_resnet(16, 8),
    "WRN10x1(m=4)": wide_resnet(10, 1, m=4),
    "VGG16": vgg(),
    "VGG16(m=8)": vgg(m=8),
    "ResNet20": cifar_resnet(20),
    "ResNet32": cifar_resnet(32),
    "ResNet110": cifar_resnet(110),
    "ResNet20(m=8)": cifar_resnet(20, m=8),
    "ResNet56-6x6x6x": cifar_resnet(56, factors=(6, 6)),
    "ResNet20-5x4x": cifar_resnet(20, factors=(5, 4)),
    "RegNetX-200MF": regnet("200MF"),
    "RegNetX-1.6GF": regnet("1.6GF"),
    "ConvNeXt-T": convnext_like("T", resolution=32, classes=100),
    "ConvNeXt-N(m=96)": convnext_like("N", 96, resolution=32, classes=100),
    "ConvNeXt-P(m=16)": convnext_like("A", 16, resolution=32, classes=100),
    "MobileNetV1": mobilenet(1),
    "MobileNetV1(m=3)": mobilenet(1, m=3),
    "MobileNetV2": mobilenet(2),
    "MobileNetV2(m=4)": mobilenet(2, m=4),
    "HRN[1,5,5,3](m=16)": hybrenet_by_depth((1, 5, 5, 3)),
    "Net(4; 8x1/2, 8x2/1)": Network(4, (Stage(8, 1, 2), Stage(8, 2, 1))),
    "PreActNet(4; 8x1, 8x2)": Network(4, TWO, block=PreActivation()),
    "PlainNet(4; 8x1, 8x2)": Network(4, TWO, block=Plain()),
    "PlainNet[5](4; 8x1, 8x2)": Network(4, TWO, block=Plain((5,))),
    "PlainNet[5,6](4; 8x1, 8x2)": Network(4, TWO, block=Plain((5, 6))),
    "SeparableNet(4; 8x1, 8x2)": Network(4, TWO, block=Separable()),
    "InvertedNet[6,1280](4; 8x1, 8x2)": Network(4, TWO, block=Inverted()),
    "GroupedNet[2](4; 8x1, 8x2)": Network(4, TWO, block=Grouped(2)),
}

OTHERWISE = {
    "WRN-22x8": "WRN22x8",
    "WRN-22-8": "WRN22x8",
    "WideResNet22x8": "WRN22x8",
    "WideResNet-22-8": "WRN22x8",
    "wrn 22 x 8": "WRN22x8",
    "WRN22x8(m=16)": "WRN22x8",
    "VGG16(m=64)": "VGG16",
    "R32": "ResNet32",
    "ResNet-20": "ResNet20",
    "ResNet20-2x2x2x": "ResNet20",
    "ResNet56(m=16)-6x6x6x": "ResNet56-6x6x6x",
    "ResNet56-6x6x": "ResNet56-6x6x6x",
    "ResNet56-6x6": "ResNet56-6x6x6x",
    "RegNetX-0.2GF": "RegNetX-200MF",
    "RegNet-X-0.2GF": "RegNetX-200MF",
    "RegNetX1600MF": "RegNetX-1.6GF",
    "RegNetX-4GF": "RegNetX-4.0GF",
    "ConvNeXt-V2-T": "ConvNeXt-T",
    "ConvNeXtV2-T": "ConvNeXt-T",
    "ConvNeXt-T(m=96)": "ConvNeXt-T",
    "ConvNeXt-P(m=48)": "ConvNeXt-F",
    "MobileNetV2(m=32)": "MobileNetV2",
    "HRN[1,5,5,3]": "HRN[1,5,5,3](m=16)",
    "HRN-[1,5,5,3]": "HRN[1,5,5,3](m=16)",
    "HRN[2,2,2,2]": "ResNet18(m=16)",
    "HRN[3,4,6,3](m=64)": "ResNet34",
    "HRN[3,3,9,3](m=96)": "ConvNeXt-T",
    "HRN[1,2]": "Net(16; 16x1, 32x2)",
    "ResNet18(m=16)-2x3x4x": "HRN-2x3x4x(m=16)",
    "Net(16; 16x3, 32x3, 64x3)": "ResNet20",
    "Net(4; 8x1/1, 8x1/2)": "Net(4; 8x1, 8x1)",
    "PreActNet(16; 128x3, 256x3, 512x3)": "WRN22x8",
    "PlainNet[64,64](1; 1x1, 2x2, 4x3, 8x3, 8x3)": "VGG16(m=1)",
    "SeparableNet(1; 2x1, 4x2, 8x2, 16x6, 32x2)": "MobileNetV1(m=1)",
    "InvertedNet[6,160](4; 2x1, 3x2/1, 4x3, 8x4, 12x3/1, 20x3, 40x1/1)": "MobileNetV2(m=4)",
    "GroupedNet[8](64; 24x1, 56x1/1, 152x4, 368x7)": "RegNetX-200MF",
    "InvertedNet(4; 8x1)": "InvertedNet[6,1280](4; 8x1)",
    "InvertedNet[2](4; 8x1)": "InvertedNet[2,1280](4; 8x1)",
}


@pytest.mark.parametrize("name", NAMED)
def test_a_family_is_named_as_the_paper_names_it(name: str) -> None:
    assert NAMED[name].name == name


@pytest.mark.parametrize("name", NAMED)
def test_the_name_of_a_family_is_read(name: str) -> None:
    assert parse(name) == NAMED[name]


@pytest.mark.parametrize("text", OTHERWISE)
def test_another_way_to_write_a_name_is_read_as_the_usual_one(text: str) -> None:
    assert parse(text).name == OTHERWISE[text]


@pytest.mark.parametrize("case", [str.upper, str.lower])
@pytest.mark.parametrize("name", NAMED)
def test_the_case_of_letters_does_not_matter(name: str, case: type[str]) -> None:
    assert parse(case(name)) == NAMED[name]


# Every member of every family


@given(st.data(), st.integers(1, 100))
def test_no_member_of_a_named_family_needs_the_generic_name(data: st.DataObject, m: int) -> None:
    architecture = data.draw(st.sampled_from(KINDS).flatmap(lambda kind: members(kind, m)))
    name = names.write(architecture)
    assert "Net(" not in name and "Net[" not in name
    assert parse(name, total_stride(architecture)).architecture == architecture


@pytest.mark.parametrize("name", REGNET_X)
def test_every_regnet_is_read_back(name: str) -> None:
    assert parse(f"RegNetX-{name}") == regnet(name)
    assert regnet(name).name == f"RegNetX-{name}"


@pytest.mark.parametrize("depth", [int(depth) for depth in CIFAR_DEPTHS])
def test_every_resnet_made_for_cifar_is_read_back(depth: int) -> None:
    assert parse(f"ResNet{depth}") == cifar_resnet(depth)


@pytest.mark.parametrize("variant", CONVNEXT)
def test_every_convnext_is_read_back(variant: str) -> None:
    assert parse(f"ConvNeXt-{variant}@64/200") == convnext_like(variant)
    assert str(convnext_like(variant)) == f"ConvNeXt-{variant}@64/200"


@given(networks(edited=False))
def test_a_name_is_read_up_to_its_end(network: Network) -> None:
    text = network.name.replace(" ", "").lower()
    for rest in ("", "-c1", "@32/10"):
        assert names.read(text + rest) == (network.architecture, rest)


# Edits behind a name


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (optimize(wide_resnet(22, 8)), "WRN22x8-C1-T23"),
        (thin(vgg(resolution=64, classes=200), [1, 5]), "VGG16-T15@64/200"),
        (cull(regnet("1.6GF"), [4]), "RegNetX-1.6GF-C4"),
        (optimize(convnext_like("T")), "ConvNeXt-T-C1-T234@64/200"),
        (optimize(mobilenet(2)), "MobileNetV2-C1-T234567"),
        (optimize(cifar_resnet(56, factors=(6, 6))), "ResNet56-6x6x6x-C1-T23"),
        (optimize(hybrenet_by_depth((1, 5, 5, 3))), "HRN[1,5,5,3](m=16)-C1-T234"),
        (scale(wide_resnet(22, 8), "1/4"), "WRN22x8(m=4)"),
        (scale(optimize(mobilenet(2)), "1/2"), "MobileNetV2(m=16)-C1-T234567"),
        (scale(vgg(), 2), "VGG16(m=128)"),
        (scale(convnext_like("N"), "0.2"), "ConvNeXt-N(m=16)@64/200"),
        (scale(regnet("200MF"), 2), "GroupedNet[8](128; 48x1, 112x1/1, 304x4, 736x7)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edited_family_is_named_and_read_back(network: Network, name: str) -> None:
    assert str(network) == name
    assert parse(name) == network


# Names that look alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ResNet20(m=16)", "Net(16; 16x3, 32x3, 64x3/1)"),
        ("ResNet18", "Net(64; 64x2/2, 128x2, 256x2, 512x2)"),
        ("WRN22x8", "Net(16; 128x3, 256x3, 512x3)"),
        ("VGG16", "PlainNet[4096](64; 64x1, 128x2, 256x3, 512x3, 512x3)"),
        ("MobileNetV2", "InvertedNet[6,1280](32; 16x1, 24x2, 32x3, 64x4, 96x3/1, 160x3, 320x1/1)"),
        ("RegNetX-200MF", "GroupedNet[4](64; 24x1, 56x1/1, 152x4, 368x7)"),
    ],
)
def test_a_network_that_differs_in_one_number_has_another_name(one: str, other: str) -> None:
    assert parse(other, resolution=64).name == other
    assert parse(one, resolution=64).widths == parse(other, resolution=64).widths


def test_two_factors_are_for_three_stages_and_three_for_four() -> None:
    assert len(parse("ResNet20-3x3x3x").stages) == 3
    assert len(parse("ResNet18-3x3x3x").stages) == 4


@pytest.mark.parametrize(
    ("name", "base"),
    [("ResNet18", 64), ("ResNet20", 16), ("WRN16x4", 16), ("VGG16", 64), ("MobileNetV1", 32)],
)
def test_without_base_channels_a_family_has_its_usual_ones(name: str, base: int) -> None:
    assert parse(name) == parse(f"{name}(m={base})")


# Wrong numbers

LONG = "9" * 10
WRONG = {
    "WRN23x8": "6 n + 4 layers, such as 16, 22 or 28, not 23",
    "WRN4x8": "6 n + 4 layers, such as 16, 22 or 28, not 4",
    "WRN0x1": "6 n + 4 layers, such as 16, 22 or 28, not 0",
    "WRN22x0": "channels of stage 1 must be at least 1, not 0",
    "WRN22x8(m=0)": "stem channels must be at least 1, not 0",
    "WRN6004x1": "a network of 3,000 blocks is out of reach",
    f"WRN{LONG[:-1]}4x1": "blocks of stage 1 must be at most 1,000,000,000",
    f"WRN22x{LONG}": "channels of stage 1 must be at most 1,000,000,000",
    "WRN22x8-Re4": "basic blocks; WRN22x8 has none",
    "WRN22x8-T4": "there is no stage 4: WRN22x8 has stages 1 to 3",
    "VGG16(m=0)": "stem channels must be at least 1, not 0",
    f"VGG16(m={LONG})": "stem channels must be at most 1,000,000,000",
    "VGG16(m=20000000)": "channels of a hidden layer must be at most 1,000,000,000",
    "VGG16-C6": "there is no stage 6: VGG16 has stages 1 to 5",
    "VGG16@8/10": "input size 8 is not a multiple of 16",
    "MobileNetV1(m=0)": "stem channels must be at least 1, not 0",
    "MobileNetV1@24/10": "input size 24 is not a multiple of 16",
    "MobileNetV2(m=0)": "stem channels must be at least 1, not 0",
    "MobileNetV2(m=6)": "4 does not divide 6",
    "MobileNetV2@4/10": "input size 4 is not a multiple of 8",
    "RegNetX-5GF": "there is no RegNetX-5GF; there are 200MF, 400MF",
    "RegNetX-1.6MF": "there is no RegNetX-1.6MF",
    "RegNetX-0GF": "there is no RegNetX-0GF",
    "ResNet20-5x4x3x": "ResNet20 has three stages, so two factors",
    "ResNet32-0x1x": "channels of stage 2 must be at least 1, not 0",
    f"ResNet20-{LONG}x{LONG}x": "channels of stage 2 must be at most 1,000,000,000",
    "ConvNeXt-T(m=0)": "stem channels must be at least 1, not 0",
    "HRN[0,1,1,1]": "blocks of stage 1 must be at least 1, not 0",
    "HRN[1,1,1,1,1,1,1,1,1,1]": "1 to 9 stages, not 10",
    f"HRN[{LONG},1,1,1]": "blocks of stage 1 must be at most 1,000,000,000",
    "HRN[300,300,300,300]": "a network of 1,200 blocks is out of reach",
    "Net(4; 4x1/3)": "the stride of stage 1 is 1 or 2, not 3",
    "Net(4; 4x1/0)": "the stride of stage 1 is 1 or 2, not 0",
    "Net[1](4; 4x1)": "Net has 0 numbers in brackets, not 1",
    "PreActNet[1](4; 4x1)": "PreActNet has 0 numbers in brackets, not 1",
    "PlainNet[0](4; 4x1)": "channels of a hidden layer must be at least 1, not 0",
    f"PlainNet[8,{LONG}](4; 4x1)": "channels of a hidden layer must be at most 1,000,000,000",
    "PlainNet[8](0; 4x1)": "stem channels must be at least 1, not 0",
    "PlainNet[8](4; 0x1)": "channels of stage 1 must be at least 1, not 0",
    "SeparableNet(4; 4x0)": "blocks of stage 1 must be at least 1, not 0",
    "InvertedNet[0](4; 4x1)": "expansion must be at least 1, not 0",
    "InvertedNet[6,0](4; 4x1)": "feature channels must be at least 1, not 0",
    "InvertedNet[1,2,3](4; 4x1)": "InvertedNet has 2 numbers in brackets, not 3",
    f"InvertedNet[{LONG}](4; 4x1)": "expansion must be at most 1,000,000,000",
    "GroupedNet(4; 4x1)": "GroupedNet has 1 numbers in brackets, not 0",
    "GroupedNet[0](4; 4x1)": "group width must be at least 1, not 0",
    "GroupedNet[5](8; 4x1, 8x1)": "groups of 5 do not divide the 8 channels of stage 2",
    f"GroupedNet[{LONG}](4; 4x1)": "group width must be at most 1,000,000,000",
}
NONE = (
    "WRN22",
    "WRN22x8x2",
    "WRN23x8y",
    "WRNx8",
    "VGG19",
    "VGG16-4x4x4x",
    "MobileNet",
    "MobileNetV3",
    "ResNet50",
    "ResNet20-5x5x5x5x",
    "ResNet20-5",
    "RegNetX-1.6",
    "RegNetX-1.6GF(m=16)",
    "RegNetY-1.6GF",
    "RegNetX-12345MF",
    "ConvNeXt",
    "ConvNeXt-B",
    "ConvNeXt-T12",
    "HRN[]",
    "HRN[1,]",
    "PlainNet[](4; 4x1)",
    "PlainNet[4,](4; 4x1)",
    "Net(4; 4x1/)",
    "Net(4; 4x1/-1)",
    "MetaNet(4; 4x1)",
    f"WRN22x{LONG}9",
)


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_number_is_named_in_one_line(text: str) -> None:
    with pytest.raises(DesignError) as error:
        parse(text)
    assert WRONG[text] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", NONE)
def test_the_name_of_no_family_is_unknown(text: str) -> None:
    with pytest.raises(DesignError, match="unknown network") as error:
        parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("m", [1, 16, 64])
def test_the_resnets_of_the_paper_keep_their_names_beside_the_new_families(m: int) -> None:
    for network, name in [(resnet18(m), "ResNet18"), (resnet34(m), "ResNet34")]:
        assert network.name == (name if m == 64 else f"{name}(m={m})")


@pytest.mark.parametrize(
    ("copied", "name"),
    [
        (
            "HRN\N{NON-BREAKING HYPHEN}5\N{MULTIPLICATION SIGN}5\N{MULTIPLICATION SIGN}3x",
            "HRN-5x5x3x",
        ),
        ("ResNet18(m=16)\N{MINUS SIGN}4x4x4x", "ResNet18(m=16)-4x4x4x"),
        ("WRN22\N{MULTIPLICATION SIGN}8", "WRN22x8"),
        ("VGG-16", "VGG16"),
        ("MobileNet-V2", "MobileNetV2"),
        ("ResNet-34-HRN-4x6x3x", "R34-HRN-4x6x3x"),
    ],
)
def test_a_name_copied_from_a_page_is_read(copied: str, name: str) -> None:
    assert parse(copied) == parse(name)
