"""What the explorer tells, held against the library and against the paper's pages."""

from fractions import Fraction

import pytest

from deepreshape.design.equalize import equalized
from deepreshape.paper.explorer.answers import MODELS, answer, best, points, printed
from deepreshape.paper.explorer.settings import ORDERS, Settings, read
from deepreshape.paper.printed.entries import FREE, RUN
from deepreshape.private import measured
from deepreshape.private.latency import latency
from deepreshape.private.wire.link import LAN, WAN


def entry_settings(name: str) -> Settings:
    return read({"alpha": "2", "beta": "5", "gamma": "3", "m": name, "cull": "1", "thin": "2,3,4"})


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("factors", [(5, 5, 3), (2, 5, 3), (4, 4, 4), (7, 5, 2)])
def test_the_inequality_holds_where_the_library_says_so(
    order: tuple[int, ...], factors: tuple[int, int, int]
) -> None:
    alpha, beta, gamma = factors
    found = answer(Settings(alpha=alpha, beta=beta, gamma=gamma, order=order)).equalized
    assert found is not None
    assert found.holds == equalized((2, 2, 2, 2), factors, order)


def test_the_inequality_in_numbers_is_worked_by_hand() -> None:
    found = answer(Settings()).equalized
    assert found is not None
    assert found.counts == (Fraction(25, 8), Fraction(5, 2), Fraction(75, 32), Fraction(2))


@pytest.mark.parametrize("family", ["WRN22x8", "VGG16", "ResNet20", "RegNetX-200MF"])
def test_other_networks_have_no_inequality(family: str) -> None:
    assert answer(Settings(family=family)).equalized is None


def test_seconds_are_those_of_the_paper_s_networks() -> None:
    """As the page on protocols has them, from the same record."""
    for m in ("8", "16", "32"):
        found = answer(entry_settings(m))
        entry = next(each for each in printed() if each.listed == found.network)
        free, run = (
            entry.measured("coefficients", measured.read(), count) for count in (FREE, RUN)
        )
        assert found.counted
        assert found.timed == 1
        assert found.seconds[0].together == latency(found.network).total_s
        for seconds, link in zip(found.seconds[1:], (LAN, WAN), strict=True):
            assert seconds.together == pytest.approx(free.total_s + free.wire_s(link.bandwidth))
            assert seconds.truncated == pytest.approx(run.total_s + run.wire_s(link.bandwidth))


def test_maps_too_large_for_the_paper_s_model_leave_the_others() -> None:
    found = answer(Settings(input=224))
    assert "does not fit" in found.unknown
    assert [each.model for each in found.seconds] == list(MODELS[1:])


def test_points_are_the_distinct_networks_of_the_tables() -> None:
    found = points()
    assert len(found) == len(printed())
    for point in found:
        assert 0 < point["lan"] < point["wan"]
        assert 0 < point["accuracy"] < 100


@pytest.mark.parametrize("data", ["CIFAR-100", "TinyImageNet"])
def test_the_best_has_no_more_relus(data: str) -> None:
    assert best(data, 100) is None
    whole = best(data, 10**9)
    assert whole is not None
    assert whole.accuracy == max(each.accuracy for each in printed() if each.data == data)
    fewer = best(data, whole.relus - 1)
    assert fewer is not None
    assert fewer.accuracy < whole.accuracy or fewer.relus < whole.relus
