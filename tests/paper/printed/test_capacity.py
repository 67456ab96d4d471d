"""What the printed accuracies say of ReLUs and multiply-accumulates."""

import pytest

from deepreshape.design import cost
from deepreshape.paper.printed.capacity import FEWER_RELUS, MORE_OF_BOTH, MORE_RELUS, compared
from deepreshape.paper.printed.entries import entries


def test_a_hybrenet_with_more_of_both_is_never_behind() -> None:
    right, pairs = compared()[MORE_OF_BOTH]
    assert right == pairs > 50


def test_where_each_has_more_of_one_either_may_be_ahead() -> None:
    right, pairs = compared()[FEWER_RELUS]
    assert 0 < right < pairs


@pytest.mark.parametrize("hybrenets", [True, False])
def test_every_pair_that_differs_is_of_one_kind(hybrenets: bool) -> None:
    found = compared(hybrenets)
    counts: dict[str, set[tuple[object, ...]]] = {}
    for each in entries():
        if each.is_hybrenet or not hybrenets:
            sizes = each.relus, cost(each.listed).macs
            counts.setdefault(each.data, set()).add((each.listed, *sizes, each.accuracy))
    both, fewer, more = (found[kind][1] for kind in (MORE_OF_BOTH, FEWER_RELUS, MORE_RELUS))
    alike = sum(
        one[1:3] == other[1:3]
        for listed in counts.values()
        for one in listed
        for other in listed
        if one != other
    )
    assert both + fewer + alike / 2 == sum(n * (n - 1) // 2 for n in map(len, counts.values()))
    assert fewer == more
    assert found[MORE_RELUS][0] <= more
