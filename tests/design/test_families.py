"""A few numbers become a network of the paper's families."""

import pytest

from deepreshape.design import DesignError, Network, Stage, hybrenet, resnet18, resnet34


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


@pytest.mark.parametrize("network", [resnet18(), resnet34(), hybrenet(5, 5, 3)], ids=str)
def test_the_default_shape_is_cifar_100s(network: Network) -> None:
    assert (network.resolution, network.classes) == (32, 100)


@pytest.mark.parametrize("m", [0, -1])
def test_base_channels_must_be_positive(m: int) -> None:
    with pytest.raises(DesignError, match="stem channels"):
        resnet18(m)


def test_factors_must_be_positive() -> None:
    with pytest.raises(DesignError, match="channels of stage 3"):
        hybrenet(2, 0, 3)
