"""The command that solves Algorithm 1: `equalize`."""

from typing import Any

import click

from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, show
from deepreshape.design.equalize import Equalization, Solution, by_depth, by_width, require_depths


def equalize(
    depths: tuple[int, ...] | None,
    order: tuple[int, ...],
    by: str,
    rule: Any,
    most: int,
    as_json: bool,
) -> None:
    depths = require_depths(depths or (2,) * len(order), order)
    width = by == "width"
    found = by_width(depths, order, rule, most) if width else by_depth(order, rule, most)
    if as_json:
        solutions = [_solution(solution, by, rule) for solution in found.solutions]
        print_json({"inequality": found.inequality, "rule": rule, "solutions": solutions})
    else:
        _print_solutions(found, by, order)


GREEK = ("alpha", "beta", "gamma")


def _solution(solution: Solution, by: str, rule: str) -> dict[str, Any]:
    if by == "depth":
        numbers: dict[str, Any] = {"depths": list(solution.depths)}
    elif len(solution.factors) == len(GREEK):
        numbers = dict(zip(GREEK, solution.factors, strict=True))
    else:
        numbers = {"factors": list(solution.factors)}
    described = {**numbers, "name": solution.name}
    if rule == "all":
        described["rules"] = sorted(solution.rules)
    return described if solution.holds else {**described, "holds": False}


def _print_solutions(found: Equalization, by: str, order: tuple[int, ...]) -> None:
    click.echo(" > ".join(f"#ReLUs(S{stage})" for stage in order))
    click.echo(found.inequality)
    table = new_table("depths" if by == "depth" else "factors", "network", "selected by", "")
    for solution in found.solutions:
        depths, factors = map(str, solution.depths), map(str, solution.factors)
        written = ", ".join(depths) if by == "depth" else "x".join(factors) + "x"
        note = "" if solution.holds else "does not satisfy the inequality"
        table.add_row(written, solution.name, ", ".join(sorted(solution.rules)), note)
    show(table)
