"""Live cells: what code prints, and how its faults are told."""

import pytest

from deepreshape.paper.explorer.cells import CellError, run, shown


@pytest.mark.parametrize(
    ("code", "output"),
    [
        ("print('a')\n1 + 1", "a\n2\n"),
        ("x = 3", ""),
        ("None", ""),
        ("", ""),
        ("'text'", "'text'\n"),
        ("from deepreshape.design import hybrenet\nhybrenet(5, 5, 3).name", "'HRN-5x5x3x(m=16)'\n"),
    ],
)
def test_a_cell_says_what_a_notebook_would(code: str, output: str) -> None:
    assert run(code) == shown(code) == output


def test_cells_do_not_share_names() -> None:
    run("x = 1")
    with pytest.raises(CellError, match="NameError in line 1: name 'x' is not defined"):
        run("x")


def test_a_fault_is_a_line_behind_what_was_printed() -> None:
    code = "print('so far')\nfrom deepreshape.design import parse\nparse('LeNet')"
    said = shown(code).splitlines()
    assert said[0] == "so far"
    assert said[1].startswith("DesignError in line 3: unknown network 'LeNet'")
    assert len(said) == 2


@pytest.mark.parametrize(
    ("code", "line"),
    [("1 +", "SyntaxError in line 1: invalid syntax"), ("\nexit(2)", "SystemExit in line 2: 2")],
)
def test_what_is_no_exception_of_the_library_s_is_told_too(code: str, line: str) -> None:
    with pytest.raises(CellError, match=line):
        run(code)
