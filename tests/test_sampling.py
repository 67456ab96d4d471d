"""Some of the cases of each test."""

import pytest

from tests.sampling import few

ONE = [f"tests/test_a.py::test_one[{case}]" for case in range(10)]
OTHER = ["tests/test_a.py::test_other"]


@pytest.mark.parametrize(
    ("most", "kept"), [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, range(10)), (11, range(10))]
)
def test_cases_are_spread_over_all_of_a_test(most: int, kept: list[int]) -> None:
    assert few(ONE, most) == {ONE[case] for case in kept}


def test_every_test_has_a_case() -> None:
    assert few([*ONE, *OTHER, "tests/test_b.py::test_one[0]"], 1) == {
        ONE[0],
        *OTHER,
        "tests/test_b.py::test_one[0]",
    }
