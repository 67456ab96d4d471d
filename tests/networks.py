"""Random networks for Hypothesis."""

from collections.abc import Sequence
from dataclasses import replace
from math import lcm, prod
from typing import get_args

from hypothesis import strategies as st

from deepreshape.design import Network, ReluPlan, Stage
from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    DEPTHS,
    Architecture,
    Basic,
    Block,
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
from deepreshape.design.reuse_module import Divisions

REUSE_FACTORS = (2, 3, 4, 8)
KINDS: tuple[type[Block], ...] = get_args(Block)
"""All kinds of blocks. Only basic ones have ReLU-reuse."""
DIVISIONS: tuple[Divisions, ...] = get_args(Divisions)


stems = st.sampled_from([frozenset(), frozenset({0})])
"""Culling the stem alone, or not."""


@st.composite
def networks(
    draw: st.DrawFn,
    most_stages: int = 5,
    base_channels: Sequence[int] = (1, 2, 3, 5, 16, 64),
    reuse: Sequence[int] = (1, *REUSE_FACTORS),
    edited: bool = True,
    quadratic: bool = True,
    blocks: Sequence[type[Block]] = KINDS,
) -> Network:
    """A network of any kind of blocks and of any shape, of a named family or of none, with any
    edits that it allows."""
    kind = draw(st.sampled_from(blocks))
    factor = draw(st.sampled_from(reuse)) if edited and kind is Basic else 1
    divisions = draw(st.sampled_from(DIVISIONS)) if factor > 1 else "three"
    # ReLU-reuse needs widths that split into `factor` parts, and three divisions into quarters.
    unit = lcm(4, factor) if factor > 1 and divisions == "three" else factor
    m = unit * draw(st.sampled_from(base_channels))
    if draw(st.booleans()):
        architecture = draw(members(kind, m))
    else:
        architecture = draw(shapes(kind, m, unit, most_stages))
    stages = len(architecture.stages)
    plan = ReluPlan(
        draw(stage_sets(stages)) | draw(stems) if edited else frozenset(),
        draw(stage_sets(stages)) if edited else frozenset(),
        factor,
        divisions,
        factor > 1 and draw(st.booleans()),
    )
    if quadratic and (removed := sorted(plan.culled | plan.thinned)):
        plan = replace(plan, quadratic=draw(st.frozensets(st.sampled_from(removed))))
    size = total_stride(architecture) * draw(st.integers(1, 4))
    return of_architecture(architecture, size, draw(st.integers(1, 200)), plan)


def members(kind: type[Block], m: int) -> st.SearchStrategy[Architecture]:
    """The named families of a kind of blocks, with m base channels where they have any."""
    number = st.integers(1, 5)
    if kind is Basic:
        equal = number.map(lambda factor: (factor,) * 3)
        factors = equal | st.tuples(number, number, number)
        of_four = st.sampled_from(list(DEPTHS.values()))
        of_three = st.sampled_from([(depth,) * 3 for depth in CIFAR_DEPTHS.values()])
        any_four = st.tuples(*[st.integers(1, 9)] * 4)
        return st.one_of(
            st.builds(basic, st.just(m), factors, of_four),
            st.builds(basic, st.just(m), st.just((2, 2, 2)), any_four),
            st.builds(basic, st.just(m), st.tuples(number, number), of_three),
            st.builds(convnext, st.sampled_from(list(CONVNEXT)), st.just(m)),
        )
    makers: dict[type[Block], st.SearchStrategy[Architecture]] = {
        PreActivation: st.builds(
            wide, st.sampled_from([10, 16, 22]), st.integers(1, 4), st.just(m)
        ),
        Plain: st.builds(vgg16, st.just(m)),
        Separable: st.builds(mobilenet_v1, st.just(m)),
        Inverted: st.builds(mobilenet_v2, st.just(4 * m)),
        Grouped: st.builds(regnet_x, st.sampled_from(["200MF", "400MF"])),
    }
    return makers[kind]


@st.composite
def shapes(draw: st.DrawFn, kind: type[Block], m: int, unit: int, most_stages: int) -> Architecture:
    """Any stages of a kind of blocks: their widths are multiples of `unit`."""
    block = draw(_blocks(kind))
    group = block.group if isinstance(block, Grouped) else 1
    # What is wider than a group consists of whole ones.
    widths = st.integers(1, 6).map(lambda n: unit * (n if n <= group else n * group))
    stage = st.builds(Stage, widths, st.integers(1, 3), st.sampled_from([None, None, 1, 2]))
    return Architecture(m, tuple(draw(st.lists(stage, min_size=1, max_size=most_stages))), block)


def _blocks(kind: type[Block]) -> st.SearchStrategy[Block]:
    number = st.integers(1, 8)
    if kind is Plain:
        return st.builds(Plain, st.lists(number, max_size=2).map(tuple))
    if kind is Inverted:
        return st.builds(Inverted, st.integers(1, 4), number)
    return st.builds(Grouped, st.integers(1, 4)) if kind is Grouped else st.builds(kind)


def stage_sets(count: int) -> st.SearchStrategy[frozenset[int]]:
    """Any of the stages 1, ..., count."""
    return st.frozensets(st.integers(1, count))


def total_stride(architecture: Architecture) -> int:
    """By how much the stages shrink a map: each halves it but the first, unless it says."""
    return prod(
        stage.stride or (1 if number == 0 else 2)
        for number, stage in enumerate(architecture.stages)
    )
