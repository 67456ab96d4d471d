"""What the paper's accuracies say of ReLUs and multiply-accumulates as a measure of a network.

A search without training has no accuracy to go by. Here the paper's networks are compared two by
two, on the same data: how often is the one with more of a measure at least as accurate?
"""

from collections.abc import Callable, Mapping
from itertools import permutations

from deepreshape.design import cost
from deepreshape.paper.printed.entries import Entry, entries

MORE_OF_BOTH = "as many ReLUs and MACs, more of one"
FEWER_RELUS = "fewer ReLUs, more MACs"
MORE_RELUS = "more ReLUs, fewer MACs"


def compared(hybrenets: bool = True) -> dict[str, tuple[int, int]]:
    """By how the first network of a pair differs from the second: the pairs in which it is at least
    as accurate, and all such pairs. hybrenets: only these, of Tables 6 to 8, whose ReLUs are those
    of their design; or with them the networks of other methods."""
    listed = {(each.listed, each.relus, each.accuracy): each for each in entries()}.values()
    chosen = [each for each in listed if each.is_hybrenet or not hybrenets]
    pairs = [pair for pair in permutations(chosen, 2) if pair[0].data == pair[1].data]
    found = {}
    for what, differs in _KINDS.items():
        of_kind = [pair for pair in pairs if differs(*pair)]
        right = sum(one.accuracy >= other.accuracy for one, other in of_kind)
        found[what] = right, len(of_kind)
    return found


def _sizes(each: Entry) -> tuple[int, int]:
    return each.relus, cost(each.listed).macs


def _more_of_both(one: Entry, other: Entry) -> bool:
    mine, its = _sizes(one), _sizes(other)
    return mine != its and mine[0] >= its[0] and mine[1] >= its[1]


def _fewer_relus(one: Entry, other: Entry) -> bool:
    mine, its = _sizes(one), _sizes(other)
    return mine[0] < its[0] and mine[1] > its[1]


_KINDS: Mapping[str, Callable[[Entry, Entry], bool]] = {
    MORE_OF_BOTH: _more_of_both,
    FEWER_RELUS: _fewer_relus,
    MORE_RELUS: lambda one, other: _fewer_relus(other, one),
}
