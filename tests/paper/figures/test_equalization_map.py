"""The map of widths that equalize: its cells and those that stand out."""

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from deepreshape.design.equalize import by_width, equalized
from deepreshape.paper.figures import equalization_map
from deepreshape.paper.figures.equalization_map import CHOSEN, smallest_alpha

EQUAL = (2, 2, 2, 2)
ORDERS = [(3, 2, 4, 1), (3, 4, 2, 1)]


@pytest.mark.parametrize("order", ORDERS)
def test_an_alpha_is_the_smallest_that_equalizes(order: tuple[int, ...]) -> None:
    for beta in equalization_map.BETAS:
        for gamma in equalization_map.GAMMAS:
            alpha = smallest_alpha(EQUAL, order, beta, gamma)
            if alpha is not None:
                assert equalized(EQUAL, (alpha, beta, gamma), order)
                assert not equalized(EQUAL, (alpha - 1, beta, gamma), order)


def test_four_pairs_give_the_order_of_resnet18() -> None:
    found = {
        (beta, gamma): alpha
        for beta in equalization_map.BETAS
        for gamma in equalization_map.GAMMAS
        if (alpha := smallest_alpha(EQUAL, (3, 2, 4, 1), beta, gamma))
    }
    assert found == {(5, 2): 7, (5, 3): 5, (6, 2): 6, (7, 2): 5}


@pytest.mark.parametrize("order", ORDERS)
def test_the_papers_networks_stand_out(order: tuple[int, ...]) -> None:
    axis = Figure().subplots()
    equalization_map.draw(axis, order)
    marked = [patch for patch in axis.patches if to_hex(patch.get_facecolor()) == CHOSEN]
    places = {(round(p.get_x() + 0.46), round(p.get_y() + 0.46)) for p in marked}  # type: ignore[attr-defined]
    taken = by_width(EQUAL, order, "paper").solutions
    assert places == {solution.factors[1:] for solution in taken}
