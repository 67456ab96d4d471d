"""A few numbers become a network of the paper's families."""

from collections.abc import Callable

import pytest

from deepreshape.design import (
    DesignError,
    Network,
    Stage,
    cifar_resnet,
    convnext_like,
    hybrenet,
    hybrenet_by_depth,
    mobilenet,
    regnet,
    resnet18,
    resnet34,
    vgg,
    wide_resnet,
)

SIZED: dict[str, Callable[..., Network]] = {
    "ResNet18": resnet18,
    "ResNet34": resnet34,
    "ResNet32": lambda **shape: cifar_resnet(32, **shape),
    "HRN": lambda **shape: hybrenet(5, 5, 3, **shape),
    "HRN by depth": lambda **shape: hybrenet_by_depth((1, 5, 5, 3), **shape),
    "WideResNet": lambda **shape: wide_resnet(22, 8, **shape),
    "VGG16": vgg,
    "MobileNetV1": lambda **shape: mobilenet(1, **shape),
    "MobileNetV2": lambda **shape: mobilenet(2, **shape),
    "RegNet-X": lambda **shape: regnet("200MF", **shape),
}
ALL = SIZED | {"ConvNeXt": lambda **shape: convnext_like("T", **shape)}


def test_resnet18_doubles_its_channels_in_blocks_of_two() -> None:
    assert resnet18().stages == (Stage(64, 2), Stage(128, 2), Stage(256, 2), Stage(512, 2))


def test_resnet34_has_three_four_six_and_three_blocks() -> None:
    assert resnet34().depths == (3, 4, 6, 3)


@pytest.mark.parametrize("family", [resnet18, resnet34])
def test_basech_scales_every_stage_by_the_base_channels(family: type[Network]) -> None:
    assert family(16).widths == tuple(width // 4 for width in family(64).widths)


@pytest.mark.parametrize("family", [resnet18, resnet34])
def test_stagech_multiplies_by_one_factor_from_stage_to_stage(family: type[Network]) -> None:
    assert family(16, (4, 4, 4)).widths == (16, 64, 256, 1024)


def test_a_hybrenet_multiplies_by_alpha_beta_and_gamma() -> None:
    assert hybrenet(2, 5, 3, 8).widths == (8, 16, 80, 240)


def test_a_hybrenet_with_factors_of_two_is_a_basech_resnet() -> None:
    assert hybrenet(2, 2, 2, 16) == resnet18(16)


def test_a_hybrenet_on_resnet34_has_its_depths() -> None:
    assert hybrenet(2, 6, 3, base="34").depths == resnet34().depths


@pytest.mark.parametrize("network", [resnet18(8), resnet34(8), hybrenet(5, 5, 3, 8)], ids=str)
def test_the_stem_has_the_channels_of_stage_1(network: Network) -> None:
    assert network.stem == network.widths[0] == 8


@pytest.mark.parametrize("family", SIZED)
def test_the_default_shape_is_cifar_100s(family: str) -> None:
    network = SIZED[family]()
    assert (network.resolution, network.classes) == (32, 100)


def test_that_of_a_convnext_is_tiny_imagenets() -> None:
    assert (convnext_like("T").resolution, convnext_like("T").classes) == (64, 200)


@pytest.mark.parametrize("family", ALL)
def test_every_family_takes_an_input_and_classes(family: str) -> None:
    network = ALL[family](resolution=48, classes=7)
    assert (network.resolution, network.classes) == (48, 7)


@pytest.mark.parametrize("family", ALL)
def test_input_and_classes_change_nothing_else(family: str) -> None:
    assert ALL[family](resolution=48, classes=7).architecture == ALL[family]().architecture


def test_a_network_by_depth_doubles_its_channels_as_often_as_it_is_told() -> None:
    assert hybrenet_by_depth((1, 2, 3), m=4).stages == (Stage(4, 1), Stage(8, 2), Stage(16, 3))


def test_a_network_by_depth_of_resnet18_is_resnet18() -> None:
    assert hybrenet_by_depth((2, 2, 2, 2), m=64) == resnet18()


def test_resnet32_has_three_stages_of_five_blocks() -> None:
    assert cifar_resnet(32).stages == (Stage(16, 5), Stage(32, 5), Stage(64, 5))


def test_a_resnet_made_for_cifar_takes_base_channels_and_factors() -> None:
    assert cifar_resnet(20, 8, (5, 3)).widths == (8, 40, 120)


def test_a_convnext_takes_base_channels() -> None:
    assert convnext_like("N", 96).stem == 96


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cifar_resnet(18), "depths are 20, 32, 44, 56, 110, not 18"),
        (lambda: wide_resnet(18, 8), "6 n \\+ 4 layers, such as 16, 22 or 28, not 18"),
        (lambda: wide_resnet(22, 8, m=0), "stem channels must be at least 1, not 0"),
        (lambda: mobilenet(3), "there are MobileNetV1 and MobileNetV2, not V3"),
        (lambda: mobilenet(2, m=6), "4 does not divide 6"),
        (lambda: regnet("5GF"), "there is no RegNetX-5GF; there are 200MF"),
        (lambda: vgg(0), "stem channels must be at least 1, not 0"),
        (lambda: hybrenet_by_depth((1, 0, 1)), "blocks of stage 2 must be at least 1, not 0"),
    ],
    ids=[
        "ResNet18 for CIFAR",
        "WideResNet of 18",
        "WideResNet of no stem",
        "MobileNetV3",
        "MobileNetV2 of 6",
        "RegNetX-5GF",
        "VGG16 of no stem",
        "a stage of no blocks",
    ],
)
def test_a_number_that_makes_no_member_is_named(make: Callable[[], Network], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        make()


@pytest.mark.parametrize("m", [0, -1])
def test_base_channels_must_be_positive(m: int) -> None:
    with pytest.raises(DesignError, match="stem channels"):
        resnet18(m)


def test_factors_must_be_positive() -> None:
    with pytest.raises(DesignError, match="channels of stage 3"):
        hybrenet(2, 0, 3)
