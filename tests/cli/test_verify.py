"""The verdicts on printed values."""

import json
import re
from pathlib import Path

import pytest

from deepreshape.paper.printed import tables
from deepreshape.paper.printed.tables import TABLES
from deepreshape.paper.printed.verdicts import KINDS, totals, verify
from tests.cli.commands import Command, check_refusal, imported, started
from tests.paper.slips import slipped

# verify


def test_verify_holds_for_the_whole_paper(call: Command) -> None:
    answer = call("verify")
    assert (answer.err, answer.code) == ("", 0)
    assert last_row(answer.out)[0] == "total"


def test_verify_prints_the_totals_of_each_table_and_of_all(call: Command) -> None:
    rows = {
        row.split()[0]: row.split()[1:] for row in call("verify").out.splitlines() if row.split()
    }
    every = [verdict for name in TABLES for verdict in verify(name)]
    for name, verdicts in [*((name, verify(name)) for name in TABLES), ("total", every)]:
        counted = totals(verdicts)
        assert rows[name] == [str(len(verdicts)), *(str(counted[kind]) for kind in KINDS)]


def last_row(out: str) -> list[str]:
    return [row for row in out.splitlines() if row.strip()][-1].split()


@pytest.mark.parametrize("text", ["table16", "Table 16", "16", "TABLE16"])
def test_verify_takes_a_table_as_a_reader_names_it(text: str, call: Command) -> None:
    answer = call("verify", text)
    assert (answer.err, answer.code) == ("", 0)
    assert last_row(answer.out)[1] == str(len(verify("table16")))
    assert "table16" in answer.out


def test_verify_takes_several_tables_and_each_once(call: Command) -> None:
    found = json.loads(call("verify", "table1", "16", "table16", "figures", "--json").out)
    assert list(found) == ["table01", "table16", "figures"]


def test_verify_takes_all_tables_where_none_is_named(call: Command) -> None:
    assert list(json.loads(call("verify", "--json").out)) == list(TABLES)


def test_the_json_of_verify_has_every_value(call: Command) -> None:
    found = json.loads(call("verify", "14", "--json").out)
    assert found["table14"] == [
        {
            "row": verdict.printed.row,
            "column": verdict.printed.column,
            "printed": verdict.printed.text,
            "computed": verdict.computed,
            "verdict": verdict.text,
            "erratum": verdict.printed.rounding.erratum,
            "why": verdict.printed.rounding.why,
        }
        for verdict in verify("table14")
    ]


def test_misses_are_what_is_not_equal(call: Command) -> None:
    found = json.loads(call("verify", "14", "--misses", "--json").out)["table14"]
    every = json.loads(call("verify", "14", "--json").out)["table14"]
    assert found == [value for value in every if value["verdict"] != "equal"]
    assert 0 < len(found) < len(every)


def test_misses_leave_the_totals_as_they_are(call: Command) -> None:
    assert last_row(call("verify", "14", "--misses").out) == last_row(call("verify", "14").out)


def test_a_table_without_misses_is_not_shown(call: Command) -> None:
    out = call("verify", "16", "--misses").out
    assert "relus_K" not in out
    assert "relus_K" in call("verify", "16").out


def test_a_row_of_verify_holds_place_values_and_verdict(call: Command) -> None:
    row = tables.table("table16")[0]
    rows = [line.split() for line in call("verify", "16").out.splitlines()]
    relus = next(v for v in verify("table16") if v.printed.column == "relus_K")
    assert ["1", "relus_K", row["relus_K"], relus.shown, "equal"] in rows


def test_a_value_that_differs_is_shown_with_its_erratum(call: Command) -> None:
    value = tables.value("table14", 5, "relus_K")
    assert value.rounding.erratum
    (row,) = [
        line.split()
        for line in call("verify", "14", "--misses").out.splitlines()
        if line.split()[:2] == ["5", "relus_K"]
    ]
    assert row[-2:] == ["differs", value.rounding.erratum]


@pytest.mark.parametrize("options", [[], ["--misses"], ["--json"]], ids=str)
def test_a_value_that_differs_without_an_erratum_ends_in_exit_1(
    options: list[str], call: Command, tmp_path: Path
) -> None:
    with slipped(tmp_path, "table16", 3, "relus_K", "434"):
        answer = call("verify", "16", *options)
    assert answer.code == 1
    assert re.fullmatch(r"deepreshape: 1 [^\n]*without an explanation\n", answer.err)
    assert "434" in answer.out


def test_an_unexplained_value_is_marked(call: Command, tmp_path: Path) -> None:
    with slipped(tmp_path, "table16", 3, "relus_K", "434"):
        out = call("verify", "16", "--misses").out
    (row,) = [line.split() for line in out.splitlines() if "434" in line]
    assert row == ["3", "relus_K", "434", "343.04", "differs", "UNEXPLAINED"]


def test_a_slip_in_another_table_is_not_asked_about(call: Command, tmp_path: Path) -> None:
    with slipped(tmp_path, "table16", 3, "relus_K", "434"):
        assert call("verify", "17").code == 0


def test_after_the_slip_all_is_well(call: Command, tmp_path: Path) -> None:
    with slipped(tmp_path, "table16", 3, "relus_K", "434"):
        pass
    assert call("verify", "16").code == 0


@pytest.mark.parametrize("arguments", [["verify"], ["verify", "16", "--json"]], ids=" ".join)
def test_verify_imports_no_framework(arguments: list[str]) -> None:
    heavy = {"torch", "torchvision", "pandas", "scipy", "matplotlib", "pyarrow", "PIL"}
    assert imported(*arguments) & heavy == set()


# Bad input

BAD = {
    "nonsense": (["verify", "nonsense"], "the paper has no 'nonsense'"),
    "table 0": (["verify", "0"], "the paper has no '0'"),
    "table 99": (["verify", "table99"], "the paper has no 'table99'"),
    "no name": (["verify", ""], "the paper has no ''"),
    "a name of two lines": (["verify", "16\n17"], "the paper has no"),
    "a power": (["verify", "²"], "the paper has no '²'"),
    "a file of networks": (["verify", "networks"], "the paper has no 'networks'"),
    "a good name and a bad one": (["verify", "16", "nonsense"], "'nonsense'"),
    "a bad name as JSON": (["verify", "nonsense", "--json"], "'nonsense'"),
    "unknown option": (["verify", "--bogus"], "--bogus"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], said: str, call: Command) -> None:
    check_refusal(call(*arguments), said)


def test_bad_input_is_one_line_for_the_program_too() -> None:
    arguments, said = BAD["nonsense"]
    check_refusal(started(*arguments), said)


def test_a_refusal_does_not_speak_of_python(call: Command) -> None:
    err = call("verify", "9" * 5000).err
    assert not re.search(r"set_int_max_str_digits|integer string conversion", err)
