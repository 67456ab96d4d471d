"""The command about printed results: `verify`."""

from itertools import chain

import click

from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, show
from deepreshape.paper.printed import tables as printed_tables
from deepreshape.paper.printed.verdicts import KINDS, Verdict, totals
from deepreshape.paper.printed.verdicts import verify as verdicts_of


def verify(tables: tuple[str, ...], misses: bool, as_json: bool) -> None:
    names = dict.fromkeys(map(printed_tables.find, tables)) or printed_tables.TABLES
    found = {name: verdicts_of(name) for name in names}
    if as_json:
        shown = {name: _shown(verdicts, misses) for name, verdicts in found.items()}
        print_json({name: [_verdict(verdict) for verdict in shown[name]] for name in shown})
    else:
        _print_verdicts(found, misses)
    unexplained = sum(not verdict.explained for each in found.values() for verdict in each)
    if unexplained:
        values = "1 value differs" if unexplained == 1 else f"{unexplained} values differ"
        click.echo(f"deepreshape: {values} without an explanation", err=True)
        click.get_current_context().exit(1)


def _shown(verdicts: tuple[Verdict, ...], misses: bool) -> list[Verdict]:
    return [verdict for verdict in verdicts if not (misses and verdict.kind == "equal")]


def _verdict(verdict: Verdict) -> dict[str, object]:
    return {
        "row": verdict.printed.row,
        "column": verdict.printed.column,
        "printed": verdict.printed.text,
        "computed": verdict.computed,
        "verdict": verdict.text,
        "erratum": verdict.printed.rounding.erratum,
        "why": verdict.printed.rounding.why,
    }


def _print_verdicts(found: dict[str, tuple[Verdict, ...]], misses: bool) -> None:
    for name, verdicts in found.items():
        shown = _shown(verdicts, misses)
        if not shown:
            continue
        table = new_table(f"{name}, row>", "column", "printed>", "computed>", "verdict", "erratum")
        for verdict in shown:
            printed = verdict.printed
            erratum = printed.rounding.erratum
            if verdict.kind == "differs" and not erratum:
                erratum = "UNEXPLAINED"
            table.add_row(
                str(printed.row), printed.column, printed.text, verdict.shown, verdict.text, erratum
            )
        show(table)
    every = tuple(chain.from_iterable(found.values()))
    table = new_table("", "values>", *(f"{kind}>" for kind in KINDS))
    for name, verdicts in {**found, "total": every}.items():
        if name == "total":
            table.add_section()
        counted = totals(verdicts)
        table.add_row(name, str(len(verdicts)), *(str(counted[kind]) for kind in KINDS))
    show(table)
