"""What is left within a budget."""

from deepreshape.design import cost, parse
from deepreshape.paper.chapters import removal

RESNET, HRN, ORDER = parse("ResNet18"), parse("HRN-2x5x3x(m=16)"), (1, 4, 2, 3)


def test_candidates_stay_within_the_budget() -> None:
    table = removal.leaves((53_000, 14_000), RESNET, HRN, ORDER)
    assert (table["ReLUs"] <= table["at most"]).all()


def test_a_search_keeps_every_multiplication() -> None:
    table = removal.leaves((25_000,), RESNET, HRN, ORDER)
    searched = table[table["method"] == removal.SEARCH].iloc[0]
    assert (searched["ReLUs"], searched["MACs (M)"]) == (25_000, cost(RESNET).macs / 1e6)


def test_algorithm_2_gives_the_thinned_network_at_its_own_count() -> None:
    table = removal.leaves((52_224,), RESNET, HRN, ORDER)
    once = table[table["method"] == removal.ONCE].iloc[0]
    assert (once["network"], once["ReLUs"]) == ("HRN-2x5x3x(m=16)-C1-T234", 52_224)


def test_a_method_without_a_candidate_has_no_row() -> None:
    table = removal.leaves((3_000,), RESNET, HRN, ORDER)
    assert list(table["method"]) == [removal.SEARCH]


def test_the_closest_has_the_most_relus_and_then_the_fewest_multiplications() -> None:
    few, many = parse("HRN-2x5x3x(m=4)-C1-T234"), parse("HRN-2x5x3x(m=16)-C1-T234-Re4")
    assert cost(few).total_relus == cost(many).total_relus == 13_056
    assert removal.closest([many, few, RESNET], 14_000) == few
    assert removal.closest([RESNET], 14_000) is None
