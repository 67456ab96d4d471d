"""Many networks priced at once, held against the cost of each."""

from itertools import accumulate
from operator import mul

from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import Space, cost
from deepreshape.design.blocks import Part
from deepreshape.design.layers import parts
from deepreshape.design.prices import Prices

SPACE = Space((2, 3, 1), culled=2, reuse=(1, 2, 3, 4, 8))


@given(
    st.sampled_from([4, 6, 12, 20, 24, 48]),
    st.tuples(*[st.integers(2, 9)] * 2),
    st.tuples(*[st.integers(1, 4)] * 3),
    st.sampled_from([4, 32, 64]),
)
def test_counts_are_those_of_each_network(
    m: int, factors: tuple[int, ...], depths: tuple[int, ...], resolution: int
) -> None:
    space = Space(SPACE.order, (depths,), resolution, 10, culled=2, reuse=SPACE.reuse)
    prices = Prices(space.network(1, (2, 2), depths), space.edits())
    whole = space.network(m, factors, depths)
    found = list(prices.edited(whole.widths, 3))
    assert prices.relus(whole.widths) == cost(whole).total_relus
    for edit, counts in found:
        counted = cost(edit.of(whole))
        expected = counted.total_relus, counted.macs, counted.batchnorm, counted.params
        assert counts == expected, edit
    assert {edit.plan.reuse for edit, _ in found if edit.ranked == 3} == {
        factor for factor in SPACE.reuse if factor == 1 or m % 4 == 0 == m % factor
    }


def test_an_edit_that_leaves_relus_to_too_many_stages_is_passed_over() -> None:
    prices = Prices(SPACE.network(1, (2, 2), (2, 2, 2)), SPACE.edits())
    assert {edit.ranked for edit, _ in prices.edited((8, 16, 32), 2)} == {1, 2}


def test_seconds_are_a_sum_over_the_parts_of_the_network_without_edits() -> None:
    def layers_and_channels(part: Part) -> float:
        return 1000 * part.inputs + part.width + 0.5

    widths = tuple(accumulate((3, 5), mul, initial=8))
    network = SPACE.network(8, (3, 5), (2, 2, 2))
    prices = Prices(SPACE.network(1, (2, 2), (2, 2, 2)), SPACE.edits(), layers_and_channels)
    assert prices.seconds(widths) == sum(map(layers_and_channels, parts(network)))
    assert Prices(network, SPACE.edits()).seconds(widths) == 0
