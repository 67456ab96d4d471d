"""`deepreshape equalize`: the solutions of Algorithm 1."""

import json
from typing import Any

import pytest

from deepreshape.design import cost, parse
from deepreshape.design.equalize import equalized
from deepreshape.paper.printed import tables
from tests.cli.commands import Command


def text_claim(section: str, claim: str) -> str:
    (found,) = [
        row["value"]
        for row in tables.table("text_claims")
        if (row["section"], row["claim"]) == (section, claim)
    ]
    return found


def solved(call: Command, *arguments: str) -> dict[str, Any]:
    answer = call("equalize", *arguments, "--json")
    assert (answer.err, answer.code) == ("", 0)
    found = json.loads(answer.out)
    assert isinstance(found, dict)
    return found


def test_equalize_gives_the_pairs_of_section_4_1(call: Command) -> None:
    found = solved(call, "--order", "3,2,4,1")["solutions"]
    pairs = sorted((each["beta"], each["gamma"], each["alpha"]) for each in found)
    assert text_claim("4.1", "(beta;gamma)&alpha_min") == " | ".join(
        f"({beta};{gamma})&{alpha}" for beta, gamma, alpha in pairs
    )


@pytest.mark.parametrize("rule", ["pareto", "paper"])
def test_equalize_gives_the_networks_of_appendix_c(rule: str, call: Command) -> None:
    found = solved(call, "--order", "3,4,2,1", "--rule", rule)["solutions"]
    assert written(found) == text_claim("C", "altered order networks").split(" | ")


def test_equalize_gives_the_resnet34_networks_of_section_5(call: Command) -> None:
    arguments = ["--depths", "3,4,6,3", "--order", "3,2,4,1"]
    listed = text_claim("5", "ResNet34 networks").split(" | ")
    assert written(solved(call, *arguments, "--rule", "paper")["solutions"]) == listed
    assert set(listed) < set(written(solved(call, *arguments)["solutions"]))


def written(solutions: list[dict[str, int]]) -> list[str]:
    return [f"{each['alpha']}x{each['beta']}x{each['gamma']}x" for each in solutions]


def test_equalize_by_depth_gives_the_tuples_of_appendix_d_and_says_that_they_do_not_hold(
    call: Command,
) -> None:
    found = solved(call, "--order", "3,2,4,1", "--by", "depth", "--rule", "paper")["solutions"]
    tuples = [f"({';'.join(map(str, each['depths']))})" for each in found]
    assert tuples == text_claim("D", "depth solutions").split(" | ")
    assert [each["holds"] for each in found] == [False] * len(found)


def test_equalize_by_depth_gives_depths_that_hold(call: Command) -> None:
    (found,) = solved(call, "--order", "3,2,4,1", "--by", "depth")["solutions"]
    assert set(found) == {"depths", "name"}
    assert equalized(found["depths"], (2, 2, 2), (3, 2, 4, 1))
    assert parse(found["name"]).depths == tuple(found["depths"])


def test_the_json_of_equalize_has_exactly_these_keys(call: Command) -> None:
    found = solved(call, "--order", "3,2,4,1")
    assert list(found) == ["inequality", "rule", "solutions"]
    assert found["rule"] == "pareto"
    for solution in found["solutions"]:
        assert list(solution) == ["alpha", "beta", "gamma", "name"]


@pytest.mark.parametrize("order", ["3,2,4,1", "3,4,2,1", "1,2,3,4", "4,3,2,1"])
def test_a_solutions_name_is_a_network_in_the_order(order: str, call: Command) -> None:
    stages = tuple(map(int, order.split(",")))
    for solution in solved(call, "--order", order)["solutions"]:
        relus = cost(parse(solution["name"])).relus[1:]
        ranked = [relus[stage - 1] for stage in stages]
        assert ranked == sorted(set(ranked), reverse=True)
        factors = [solution[letter] for letter in ("alpha", "beta", "gamma")]
        narrow, *wide = parse(solution["name"]).widths
        assert wide[-1] == narrow * factors[0] * factors[1] * factors[2]


def test_other_numbers_of_stages_have_a_list_of_factors(call: Command) -> None:
    """2 a / 4 > 2 needs a >= 5."""
    found = solved(call, "--depths", "2,2", "--order", "2,1")["solutions"]
    assert [each["factors"] for each in found] == [[5]]
    assert "alpha" not in found[0]


def test_all_solutions_are_listed_up_to_a_bound_with_the_rules_that_select_them(
    call: Command,
) -> None:
    few, more = (
        solved(call, "--order", "3,2,4,1", "--rule", "all", "--most", most)["solutions"]
        for most in ("6", "8")
    )
    assert set(written(few)) < set(written(more))
    assert {max(each[key] for each in few for key in ("alpha", "beta", "gamma"))} == {6}
    assert all("all" in each["rules"] for each in more)
    pareto = [each for each in more if "pareto" in each["rules"]]
    assert written(pareto) == written(solved(call, "--order", "3,2,4,1")["solutions"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--order", "3,2,4,1"],
        ["--order", "3,4,2,1", "--rule", "paper"],
        ["--order", "3,2,4,1", "--by", "depth"],
        ["--order", "2,1", "--depths", "2,2"],
    ],
    ids=" ".join,
)
def test_equalize_prints_the_same_solutions_as_a_table(arguments: list[str], call: Command) -> None:
    found = solved(call, *arguments)
    answer = call("equalize", *arguments)
    assert (answer.err, answer.code) == ("", 0)
    order, inequality, *rows = answer.out.splitlines()
    stages = arguments[1].split(",")
    assert order == " > ".join(f"#ReLUs(S{stage})" for stage in stages)
    assert inequality == found["inequality"]
    for solution in found["solutions"]:
        assert sum(solution["name"] in row for row in rows) == 1


def test_the_table_says_which_depths_do_not_hold(call: Command) -> None:
    out = call("equalize", "--order", "3,2,4,1", "--by", "depth", "--rule", "paper").out
    assert out.count("does not satisfy the inequality") == 4
    assert "not satisfy" not in call("equalize", "--order", "3,2,4,1", "--by", "depth").out
