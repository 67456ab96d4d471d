"""Widths, depths and strides of the architectures that the paper names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    DEPTHS,
    REGNET_X,
    Architecture,
    Basic,
    DesignError,
    Grouped,
    Inverted,
    Plain,
    PreActivation,
    Separable,
    basic,
    convnext,
    mobilenet_v1,
    mobilenet_v2,
    regnet_x,
    vgg16,
    wide,
)
from deepreshape.design.network import of_architecture

FEW = st.integers(1, 9)


def strides(architecture: Architecture) -> tuple[int, ...]:
    return of_architecture(architecture, resolution=64).strides


# Basic blocks


def test_each_width_is_the_one_before_times_a_factor() -> None:
    assert basic(3, (2, 5, 4), (1, 1, 1, 1)).widths == (3, 6, 30, 120)


@given(FEW, st.lists(FEW, max_size=4))
def test_a_network_of_basic_blocks_has_a_stage_more_than_factors(
    m: int, factors: list[int]
) -> None:
    architecture = basic(m, factors, (1,) * (len(factors) + 1))
    assert len(architecture.stages) == len(factors) + 1
    assert architecture.stem == architecture.widths[0] == m


@pytest.mark.parametrize("name", DEPTHS)
def test_the_number_of_a_resnet_counts_its_convolutions_and_the_logits(name: str) -> None:
    assert 1 + 2 * sum(DEPTHS[name]) + 1 == int(name)


@pytest.mark.parametrize("name", CIFAR_DEPTHS)
def test_so_does_that_of_a_resnet_made_for_cifar(name: str) -> None:
    assert 1 + 2 * 3 * CIFAR_DEPTHS[name] + 1 == int(name)


@pytest.mark.parametrize("variant", CONVNEXT)
def test_a_convnext_doubles_its_base_channels(variant: str) -> None:
    m, depths = CONVNEXT[variant]
    assert convnext(variant) == basic(m, (2, 2, 2), depths)


def test_a_convnext_takes_other_base_channels() -> None:
    assert convnext("N", 96).widths == (96, 192, 384, 768)


def test_only_basic_blocks_have_a_convnext_like_network() -> None:
    assert {convnext(variant).block for variant in CONVNEXT} == {Basic()}


# WideResNet


@given(st.integers(1, 9), FEW, FEW)
def test_a_wideresnet_is_k_times_as_wide_as_its_stem_and_doubles(n: int, k: int, m: int) -> None:
    architecture = wide(6 * n + 4, k, m)
    assert (architecture.stem, architecture.block) == (m, PreActivation())
    assert architecture.widths == (k * m, 2 * k * m, 4 * k * m)
    assert architecture.depths == (n, n, n)


@given(st.integers(-9, 100).filter(lambda depth: depth < 10 or depth % 6 != 4))
def test_a_wideresnet_of_another_depth_is_refused(depth: int) -> None:
    with pytest.raises(DesignError, match=rf"6 n \+ 4 layers, .* not {depth}"):
        wide(depth, 1)


# VGG16 and the MobileNets


def test_vgg16_has_13_convolutions_and_two_hidden_layers() -> None:
    architecture = vgg16()
    assert 1 + sum(architecture.depths) == 13
    assert architecture.block == Plain((4096, 4096))


def test_vgg16_has_its_published_widths() -> None:
    """Configuration D of Simonyan and Zisserman (2015)."""
    stem, stages, _ = vgg16()
    convolutions = [stem, *(stage.width for stage in stages for _ in range(stage.depth))]
    assert convolutions == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6


def test_mobilenet_v1_has_its_published_blocks() -> None:
    """Table 1 of Howard et al. (2017)."""
    stem, stages, block = mobilenet_v1()
    blocks = [stage.width for stage in stages for _ in range(stage.depth)]
    assert (stem, block) == (32, Separable())
    assert blocks == [64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]


def test_mobilenet_v2_has_its_published_blocks() -> None:
    """Table 2 of Sandler et al. (2018)."""
    architecture = mobilenet_v2()
    assert (architecture.stem, architecture.block) == (32, Inverted(6, 1280))
    assert architecture.widths == (16, 24, 32, 64, 96, 160, 320)
    assert architecture.depths == (1, 2, 3, 4, 3, 3, 1)


def test_mobilenet_v2_halves_the_map_three_times() -> None:
    """Table 2 of Sandler et al. (2018), but stem and stage 2 keep the size of small images."""
    assert strides(mobilenet_v2()) == (1, 1, 2, 2, 1, 2, 1)


@pytest.mark.parametrize("make", [vgg16, mobilenet_v1], ids=["VGG16", "MobileNetV1"])
def test_vgg16_and_mobilenet_v1_halve_the_map_four_times(make: type[Architecture]) -> None:
    assert strides(make()) == (1, 2, 2, 2, 2)


@given(st.integers(1, 9))
def test_base_channels_scale_every_width(quarter: int) -> None:
    for make, default in [(vgg16, 64), (mobilenet_v1, 32), (mobilenet_v2, 32)]:
        small, whole = make(4 * quarter), make(default)
        assert [default * width for width in small.widths] == [
            4 * quarter * width for width in whole.widths
        ]


@given(st.integers(1, 99).filter(lambda m: m % 4))
def test_the_base_channels_of_mobilenet_v2_are_a_multiple_of_4(m: int) -> None:
    with pytest.raises(DesignError, match=f"4 does not divide {m}$"):
        mobilenet_v2(m)


# RegNet-X

PUBLISHED = {
    "200MF": ((24, 56, 152, 368), (1, 1, 4, 7), 8),
    "400MF": ((32, 64, 160, 384), (1, 2, 7, 12), 16),
    "600MF": ((48, 96, 240, 528), (1, 3, 5, 7), 24),
    "800MF": ((64, 128, 288, 672), (1, 3, 7, 5), 16),
    "1.6GF": ((72, 168, 408, 912), (2, 4, 10, 2), 24),
    "3.2GF": ((96, 192, 432, 1008), (2, 6, 15, 2), 48),
    "4.0GF": ((80, 240, 560, 1360), (2, 5, 14, 2), 40),
    "6.4GF": ((168, 392, 784, 1624), (2, 4, 10, 1), 56),
    "8.0GF": ((80, 240, 720, 1920), (2, 5, 15, 1), 120),
    "12GF": ((224, 448, 896, 2240), (2, 5, 11, 1), 112),
    "16GF": ((256, 512, 896, 2048), (2, 6, 13, 1), 128),
    "32GF": ((336, 672, 1344, 2520), (2, 7, 13, 1), 168),
}
"""Widths, depths and group width as Radosavovic et al. (2020) print them."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_regnet_has_its_published_widths_and_depths(name: str) -> None:
    widths, depths, group = PUBLISHED[name]
    architecture = regnet_x(name)
    assert (architecture.widths, architecture.depths) == (widths, depths)
    assert architecture.block == Grouped(group)


def test_these_are_all_regnets() -> None:
    assert set(PUBLISHED) == set(REGNET_X)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_regnet_has_a_stem_of_64_and_keeps_the_map_for_two_stages(name: str) -> None:
    assert regnet_x(name).stem == 64
    assert strides(regnet_x(name)) == (1, 1, 2, 2)
