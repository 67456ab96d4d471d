"""Random networks for Hypothesis."""

from collections.abc import Sequence
from math import lcm

from hypothesis import strategies as st

from deepreshape.design import Network, ReluPlan, Stage
from deepreshape.design.network import DEPTHS, stages_by_factors

REUSE_FACTORS = (2, 3, 4, 8)


@st.composite
def networks(
    draw: st.DrawFn,
    most_stages: int = 5,
    base_channels: Sequence[int] = (1, 2, 3, 5, 16, 64),
    reuse: Sequence[int] = (1, *REUSE_FACTORS),
    edited: bool = True,
) -> Network:
    """A network of any shape, ResNet-like or not, with any edits that its widths allow."""
    factor = draw(st.sampled_from(reuse)) if edited else 1
    # ReLU-reuse needs widths that split into quarters and into `factor` parts.
    unit = lcm(4, factor) if factor > 1 else 1
    m = unit * draw(st.sampled_from(base_channels))
    if draw(st.booleans()):
        depths = DEPTHS[draw(st.sampled_from(sorted(DEPTHS)))]
        equal = st.integers(1, 5).map(lambda factor: (factor,) * 3)
        factors = draw(equal | st.tuples(*[st.integers(1, 5)] * 3))
        stages = stages_by_factors(m, factors, depths)
    else:
        widths = st.integers(1, 6).map(lambda width: width * unit)
        stage = st.builds(Stage, widths, st.integers(1, 3))
        stages = tuple(draw(st.lists(stage, min_size=1, max_size=most_stages)))
    size = 2 ** (len(stages) - 1) * draw(st.integers(1, 4))
    plan = ReluPlan(
        draw(stage_sets(len(stages))) if edited else frozenset(),
        draw(stage_sets(len(stages))) if edited else frozenset(),
        factor,
    )
    return Network(m, stages, size, draw(st.integers(1, 200)), plan)


def stage_sets(count: int) -> st.SearchStrategy[frozenset[int]]:
    """Any of the stages 1, ..., count."""
    return st.frozensets(st.integers(1, count))
