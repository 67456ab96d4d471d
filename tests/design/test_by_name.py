"""Counts and solutions of what is typed are those of the values."""

import pytest

from deepreshape.design import DesignError, cost, hybrenet, parse
from deepreshape.design.by_name import count, equalize
from deepreshape.design.equalize import by_depth, by_width


def test_a_name_and_its_network_have_one_count() -> None:
    network = hybrenet(2, 5, 3, m=16)
    assert count(network) == count("HRN-2x5x3x(m=16)") == cost(network)


def test_input_and_classes_are_of_the_name() -> None:
    assert count("ResNet18", 64, 200) == cost(parse("ResNet18@64/200"))


def test_stages_have_two_blocks_where_nothing_is_said() -> None:
    assert equalize((3, 2, 4, 1)) == by_width((2, 2, 2, 2), (3, 2, 4, 1))


def test_depths_and_rules_are_passed_on() -> None:
    found = equalize((3, 2, 4, 1), (3, 4, 6, 3), rule="all", most=6)
    assert found == by_width((3, 4, 6, 3), (3, 2, 4, 1), "all", 6)
    assert equalize((3, 2, 4, 1), by="depth") == by_depth((3, 2, 4, 1))


@pytest.mark.parametrize(
    "asked", [{"order": (1, 1)}, {"order": (1, 2), "depths": (1, 2, 3)}, {"order": ()}]
)
def test_what_is_no_order_of_stages_is_refused(asked: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(DesignError):
        equalize(**asked)  # type: ignore[arg-type]
