"""Algorithm 1: what it finds has the order, and is what the paper finds."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise, permutations, product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Network,
    cost,
    parse,
    regions,
)
from deepreshape.design import equalize as module
from deepreshape.design.architectures import DEPTHS, basic
from deepreshape.design.equalize import (
    Rule,
    Solution,
    by_depth,
    by_width,
    equalized,
    relus,
)
from deepreshape.paper.printed import tables

ORDER = (3, 2, 4, 1)
ALTERED = (3, 4, 2, 1)
ORDERS = list(permutations((1, 2, 3, 4)))
PAIRS = "(beta;gamma)&alpha_min"
RULES: tuple[Rule, ...] = ("pareto", "paper", "all")

Numbers = tuple[int, ...]
Problem = tuple[Numbers, Numbers]


@st.composite
def problems(draw: st.DrawFn, most_stages: int = 4) -> Problem:
    """Depths and an order."""
    depths = tuple(draw(st.lists(st.integers(1, 6), min_size=2, max_size=most_stages)))
    return depths, tuple(draw(st.permutations(range(1, len(depths) + 1))))


orders = problems().map(lambda problem: problem[1])
rules = st.sampled_from(RULES)


def by_width_if_any(depths: Numbers, order: Numbers, rule: Rule, most: int) -> tuple[Solution, ...]:
    try:
        return by_width(depths, order, rule, most).solutions
    except DesignError:
        return ()


def by_depth_if_any(order: Numbers, rule: Rule, most: int) -> tuple[Solution, ...]:
    try:
        return by_depth(order, rule, most).solutions
    except DesignError:
        return ()


def widths(depths: Numbers, order: Numbers, rule: Rule, most: int = 16) -> list[Numbers]:
    return [solution.factors for solution in by_width_if_any(depths, order, rule, most)]


def tuples_of_depths(order: Numbers, rule: Rule, most: int = 16) -> list[Numbers]:
    return [solution.depths for solution in by_depth_if_any(order, rule, most)]


def orders_relus(solution: Solution, order: Numbers) -> bool:
    """Do the exact ReLUs of the stages of its network fall along the order?"""
    stages = basic(16, solution.factors, solution.depths).stages
    counts = cost(Network(16, stages)).relus[1:]
    return all(counts[more - 1] > counts[less - 1] for more, less in pairwise(order))


def minimal(points: Iterable[Numbers]) -> list[Numbers]:
    """Those that no other is below in every number."""
    listed = list(points)
    return [
        point
        for point in listed
        if not any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True))
            for other in listed
        )
    ]


def lowered(numbers: Numbers) -> list[Numbers]:
    """With one number one less, in every way."""
    return [
        (*numbers[:j], number - 1, *numbers[j + 1 :])
        for j, number in enumerate(numbers)
        if number > 1
    ]


def claimed(section: str, claim: str) -> list[Numbers]:
    """What the paper's text lists: `(1;5;5;3) | (1;5;7;2)` or `5x6x3x | 5x9x2x`."""
    text = next(
        row["value"]
        for row in tables.table("text_claims")
        if (row["section"], row["claim"]) == (section, claim)
    )
    return [
        tuple(map(int, part.strip("()x").replace("x", ";").split(";")))
        for part in text.split(" | ")
    ]


# The inequality


def test_stage_relus_of_resnet18_halve() -> None:
    assert list(relus((2, 2, 2, 2), (2, 2, 2))) == [2, 1, Fraction(1, 2), Fraction(1, 4)]


@given(problems(), st.integers(1, 5), st.integers(1, 3), st.data())
def test_stage_relus_are_in_units_of_two_maps_of_the_stem(
    problem: Problem, m: int, scale: int, data: st.DataObject
) -> None:
    depths, _ = problem
    factors = tuple(data.draw(st.integers(1, 5)) for _ in depths[1:])
    d = scale * 2 ** len(depths)
    counts = cost(Network(m, basic(m, factors, depths).stages, d)).relus[1:]
    assert tuple(2 * m * d**2 * count for count in relus(depths, factors)) == counts


def test_factors_stand_between_stages() -> None:
    with pytest.raises(DesignError, match="4 stages have 3 factors between them, not 2"):
        relus((2, 2, 2, 2), (5, 5))


def test_equal_relus_are_not_in_order() -> None:
    assert not equalized((1, 1), (4,), (1, 2))
    assert not equalized((1, 1), (4,), (2, 1))


@given(problems(), st.data())
def test_factors_equalize_for_one_order_at_most(problem: Problem, data: st.DataObject) -> None:
    depths, order = problem
    factors = tuple(data.draw(st.integers(1, 9)) for _ in depths[1:])
    counts = relus(depths, factors)
    falling = sorted(order, key=lambda stage: -counts[stage - 1])
    strict = len(set(counts)) == len(counts)
    assert equalized(depths, factors, order) == (strict and list(order) == falling)


@pytest.mark.parametrize(
    ("depths", "order", "inequality"),
    [
        (DEPTHS["18"], ORDER, "ϕ3(αβ/16) > ϕ2(α/4) > ϕ4(αβγ/64) > ϕ1"),
        ((1, 1), (2, 1), "ϕ2(λ1/4) > ϕ1"),
        (
            (1,) * 5,
            (5, 1, 2, 3, 4),
            "ϕ5(λ1λ2λ3λ4/256) > ϕ1 > ϕ2(λ1/4) > ϕ3(λ1λ2/16) > ϕ4(λ1λ2λ3/64)",
        ),
    ],
)
def test_the_inequality_by_width(depths: Numbers, order: Numbers, inequality: str) -> None:
    assert by_width(depths, order).inequality == inequality


def test_the_inequality_by_depth() -> None:
    assert by_depth(ORDER).inequality == "ϕ3/4 > ϕ2/2 > ϕ4/8 > ϕ1"


# Solutions


@given(problems(), rules)
def test_factors_that_are_found_put_the_exact_relus_in_order(problem: Problem, rule: Rule) -> None:
    depths, order = problem
    for solution in by_width_if_any(depths, order, rule, 5):
        assert orders_relus(solution, order)


@given(problems(most_stages=5))
def test_no_factor_of_a_pareto_solution_can_be_lowered(problem: Problem) -> None:
    depths, order = problem
    for factors in widths(depths, order, "pareto"):
        for others in lowered(factors):
            assert min(others) < 2 or not equalized(depths, others, order)


@settings(max_examples=60)
@given(problems())
def test_all_are_all(problem: Problem) -> None:
    depths, order = problem
    tried = product(range(2, 11), repeat=len(depths) - 1)
    brute = [factors for factors in tried if equalized(depths, factors, order)]
    assert widths(depths, order, "all", 10) == brute


@given(problems(), st.integers(2, 14))
def test_pareto_solutions_are_the_minimal_ones_of_all(problem: Problem, most: int) -> None:
    """In any box: what is minimal in it is minimal without it."""
    depths, order = problem
    inside = [factors for factors in widths(depths, order, "pareto") if max(factors) <= most]
    assert inside == minimal(widths(depths, order, "all", most))


@given(problems())
def test_above_every_solution_there_is_none_smaller_than_a_pareto_one(problem: Problem) -> None:
    depths, order = problem
    pareto = widths(depths, order, "pareto")
    for factors in widths(depths, order, "all", 9):
        assert any(all(a <= b for a, b in zip(small, factors, strict=True)) for small in pareto)


@given(problems(), rules, st.integers(2, 12))
def test_factors_name_the_rules_that_select_them(problem: Problem, rule: Rule, most: int) -> None:
    selected = {key: widths(*problem, key, most) for key in RULES}
    for solution in by_width_if_any(*problem, rule, most):
        assert solution.rules == {key for key in RULES if solution.factors in selected[key]}


@given(problems(), rules)
def test_solutions_by_width_are_sorted(problem: Problem, rule: Rule) -> None:
    depths, order = problem
    factors = widths(depths, order, rule, 6)
    assert factors == sorted(set(factors))


@given(problems(), rules)
def test_solutions_by_width_hold(problem: Problem, rule: Rule) -> None:
    depths, order = problem
    assert all(solution.holds for solution in by_width_if_any(depths, order, rule, 6))


@given(problems())
def test_twice_the_depths_have_the_same_solutions(problem: Problem) -> None:
    depths, order = problem
    doubled = tuple(2 * depth for depth in depths)
    assert widths(doubled, order, "pareto") == widths(depths, order, "pareto")


@pytest.mark.parametrize("stages", range(2, 10))
def test_the_last_stage_first_needs_fives(stages: int) -> None:
    """Each stage above the one before it: every factor above 4."""
    order = tuple(range(stages, 0, -1))
    assert widths((2,) * stages, order, "pareto") == [(5,) * (stages - 1)]


@pytest.mark.parametrize("stages", range(2, 10))
def test_the_first_stage_first_needs_nothing(stages: int) -> None:
    order = tuple(range(1, stages + 1))
    assert widths((2,) * stages, order, "pareto") == [(2,) * (stages - 1)]


def test_of_nine_stages_one_factor_makes_up_for_all() -> None:
    """Stages 3 > ... > 9 > 1 > 2: all factors but beta are below 4, their product above 4^8."""
    order = (3, 4, 5, 6, 7, 8, 9, 1, 2)
    assert widths((2,) * 9, order, "pareto") == sorted(
        (alpha, 4**8 // (alpha * prod(others)) + 1, *others)
        for alpha in (2, 3)
        for others in product((2, 3), repeat=6)
    )


@pytest.mark.parametrize("order", [(9, 2, 3, 4, 8, 5, 6, 7, 1), (7, 8, 3, 9, 4, 2, 5, 6, 1)])
def test_nine_stages_are_in_reach(order: Numbers) -> None:
    depths = (2,) * 9
    assert all(equalized(depths, factors, order) for factors in widths(depths, order, "pareto"))


# What the paper finds


def test_section_4_1() -> None:
    """It prints pairs of beta and gamma, each with its smallest alpha: `(5;2)&7 | (5;3)&5`."""
    pairs = next(
        row["value"] for row in tables.table("text_claims") if row["claim"] == PAIRS
    ).split(" | ")
    paper = [
        (int(alpha), *map(int, pair.strip("()").split(";")))
        for pair, alpha in (text.split("&") for text in pairs)
    ]
    assert widths(DEPTHS["18"], ORDER, "paper") == sorted(paper)


def test_appendix_c() -> None:
    assert widths(DEPTHS["18"], ALTERED, "paper") == claimed("C", "altered order networks")


def test_section_5() -> None:
    assert widths(DEPTHS["34"], ORDER, "paper") == claimed("5", "ResNet34 networks")


@pytest.mark.parametrize("order", [ORDER, ALTERED])
def test_for_resnet18_the_paper_takes_the_pareto_solutions(order: Numbers) -> None:
    assert widths(DEPTHS["18"], order, "paper") == widths(DEPTHS["18"], order, "pareto")


def test_resnet34_has_more_pareto_solutions_than_the_paper_says() -> None:
    assert widths(DEPTHS["34"], ORDER, "pareto") == [
        *((4, 3, 6), (4, 4, 5), (4, 5, 4), (4, 6, 3), (4, 9, 2)),
        *((5, 3, 5), (5, 4, 4), (5, 5, 3), (5, 7, 2)),
        *((6, 3, 4), (6, 4, 3), (6, 6, 2)),
        *((7, 5, 2), (8, 3, 3), (9, 4, 2), (11, 3, 2)),
    ]


def test_for_resnet34_there_are_20_pairs_of_beta_and_gamma() -> None:
    pairs = {factors[1:] for factors in widths(DEPTHS["34"], ORDER, "all", 40)}
    assert len(pairs) == 20


@given(problems())
def test_the_paper_takes_an_alpha_that_cannot_be_lowered(problem: Problem) -> None:
    depths, order = problem
    for alpha, *others in widths(depths, order, "paper"):
        assert alpha == 2 or not equalized(depths, (alpha - 1, *others), order)


@given(problems())
def test_the_paper_takes_last_factors_below_4(problem: Problem) -> None:
    depths, order = problem
    if len(depths) > 2:
        assert all(factors[-1] < 4 for factors in widths(depths, order, "paper"))


@pytest.mark.parametrize("order", ORDERS)
def test_where_the_paper_lists_every_tail_all_of_them_are_listed(order: Numbers) -> None:
    """Of ResNet18 a bounded factor behind alpha is below 64 / 4 = 16; any other reaches 20."""
    listed = widths(DEPTHS["18"], order, "paper")
    tails = {factors[1:] for factors in widths(DEPTHS["18"], order, "all", 20)}
    if max(max(tail) for tail in tails) < 16 and max(tail[-1] for tail in tails) < 4:
        assert {factors[1:] for factors in listed} == tails


def test_the_paper_has_no_rule_for_a_last_factor_above_3() -> None:
    with pytest.raises(DesignError, match=r"the paper's rule gives no factors for ϕ4\("):
        by_width(DEPTHS["18"], (4, 3, 2, 1), "paper")


# By depth


def test_by_depth_one_solution_is_the_smallest() -> None:
    assert tuples_of_depths(ORDER, "pareto") == [(1, 3, 7, 9)]


@given(orders, st.integers(1, 16))
def test_the_pareto_depths_are_below_all(order: Numbers, most: int) -> None:
    (smallest,) = tuples_of_depths(order, "pareto")
    for depths in tuples_of_depths(order, "all", most):
        assert all(a <= b for a, b in zip(smallest, depths, strict=True))


@given(orders)
def test_the_pareto_depths_put_the_exact_relus_in_order(order: Numbers) -> None:
    (solution,) = by_depth(order).solutions
    assert orders_relus(solution, order)


@settings(max_examples=40)
@given(orders)
def test_all_depths_are_all(order: Numbers) -> None:
    factors = (2,) * (len(order) - 1)
    tried = product(range(1, 9), repeat=len(order))
    brute = [depths for depths in tried if equalized(depths, factors, order)]
    assert tuples_of_depths(order, "all", 8) == brute


def test_appendix_d_copies_the_width_solutions() -> None:
    assert sorted(tuples_of_depths(ORDER, "paper")) == sorted(claimed("D", "depth solutions"))


def test_the_depths_of_appendix_d_do_not_hold() -> None:
    assert not any(solution.holds for solution in by_depth(ORDER, "paper").solutions)


@given(orders, rules, st.integers(1, 12))
def test_depths_name_the_rules_that_select_them(order: Numbers, rule: Rule, most: int) -> None:
    selected = {key: tuples_of_depths(order, key, most) for key in RULES}
    for solution in by_depth_if_any(order, rule, most):
        assert solution.rules == {key for key in RULES if solution.depths in selected[key]}


@given(orders, rules)
def test_depths_hold_if_they_equalize(order: Numbers, rule: Rule) -> None:
    for solution in by_depth_if_any(order, rule, 8):
        assert solution.holds == equalized(solution.depths, solution.factors, order)


# Names


@pytest.mark.parametrize(
    ("depths", "order", "name"),
    [
        (DEPTHS["18"], ORDER, "HRN-5x5x3x(m=16)"),
        (DEPTHS["34"], ORDER, "R34-HRN-4x6x3x(m=16)"),
        (DEPTHS["18"], (4, 3, 2, 1), "ResNet18(m=16)-5x5x5x"),
        ((1, 2), (2, 1), "Net(16; 16x1, 48x2)"),
    ],
)
def test_a_solution_by_width_is_named(depths: Numbers, order: Numbers, name: str) -> None:
    assert name in [solution.name for solution in by_width(depths, order).solutions]


def test_a_solution_by_depth_is_named() -> None:
    assert [solution.name for solution in by_depth(ORDER).solutions] == ["HRN[1,3,7,9](m=16)"]


@given(problems(most_stages=5), rules)
def test_a_name_is_of_the_solution(problem: Problem, rule: Rule) -> None:
    depths, order = problem
    for solution in by_width_if_any(depths, order, rule, 4):
        network = parse(solution.name)
        assert network.depths == solution.depths
        assert network.widths == tuple(
            16 * prod(solution.factors[:number]) for number in range(len(depths))
        )


# What has no answer


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ((3, 2, 4), r"the order 3, 2, 4 does not name each of the stages 1 to 3 once"),
        ((3, 2, 3, 1), "does not name each of the stages 1 to 4 once"),
        ((3, 2, 5, 1), "does not name each of the stages 1 to 4 once"),
        ((0, 1, 2, 3), "does not name each of the stages 1 to 4 once"),
        ((), "2 to 9 stages, not 0"),
        ((1,), "2 to 9 stages, not 1"),
        (tuple(range(1, 11)), "2 to 9 stages, not 10"),
    ],
)
def test_an_order_names_every_stage_once(order: Numbers, reason: str) -> None:
    for solve in (lambda: by_width((2,) * len(order), order), lambda: by_depth(order)):
        with pytest.raises(DesignError, match=reason):
            solve()


def test_every_stage_of_an_order_has_a_depth() -> None:
    with pytest.raises(DesignError, match="of 4 stages, but 3 have a depth: 2, 2, 2"):
        by_width((2, 2, 2), ORDER)


@pytest.mark.parametrize("depth", [0, -1, 1001])
def test_a_depth_is_possible(depth: int) -> None:
    with pytest.raises(DesignError, match=f"stage 2 has 1 to 1,000 blocks, not {depth}"):
        by_width((2, depth, 2, 2), ORDER)


def test_a_rule_is_known() -> None:
    unknown: Rule = "best"  # type: ignore[assignment]
    for solve in (lambda: by_width(DEPTHS["18"], ORDER, unknown), lambda: by_depth(ORDER, unknown)):
        with pytest.raises(DesignError, match="unknown rule 'best'; the rules are pareto, paper"):
            solve()


def test_the_largest_factor_is_at_least_2() -> None:
    with pytest.raises(DesignError, match="at least 2, not 1"):
        by_width(DEPTHS["18"], ORDER, "all", 1)


def test_the_largest_depth_is_at_least_1() -> None:
    with pytest.raises(DesignError, match="at least 1, not 0"):
        by_depth(ORDER, "all", 0)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("depths", "order"),
    [
        ((1, 2), (1, 2)),  # lambda_1 < 4 / 2
        ((1,) * 6, (1, 6, 5, 4, 3, 2)),  # all but the first above 4, and their product below 4^5
    ],
)
def test_no_factors_can_be_the_answer(depths: Numbers, order: Numbers, rule: Rule) -> None:
    with pytest.raises(DesignError, match="no whole factors of at least 2 satisfy ϕ1 > "):
        by_width(depths, order, rule)


def test_a_box_may_be_too_small() -> None:
    with pytest.raises(DesignError, match="no whole factors up to 4 satisfy ϕ3"):
        by_width(DEPTHS["18"], ORDER, "all", 4)


def test_a_box_of_depths_may_be_too_small() -> None:
    with pytest.raises(DesignError, match="no whole depths up to 8 satisfy ϕ3"):
        by_depth(ORDER, "all", 8)


def test_the_paper_copies_nothing_where_its_rule_gives_nothing() -> None:
    with pytest.raises(DesignError, match="the paper's rule gives no depths for ϕ4/8 > ϕ3/4"):
        by_depth((4, 3, 2, 1), "paper")


def test_a_search_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions, "MOST_STEPS", 100)
    with pytest.raises(DesignError, match="100 steps are not enough to solve ϕ3"):
        by_width((2,) * 9, (3, 4, 5, 6, 7, 8, 9, 1, 2))


def test_a_list_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SOLUTIONS", 100)
    with pytest.raises(DesignError, match="more than 100 depths satisfy ϕ1 > ϕ2/2"):
        by_depth((1, 2, 3, 4, 5, 6, 7, 8, 9), "all")
