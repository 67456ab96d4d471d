"""Counts by part and by step are those of the cost, which other tests hold."""

import pytest

from deepreshape.design import algorithm2, cost, parse
from deepreshape.paper.chapters import counting, seconds
from deepreshape.private.latency import garbled_seconds, latency

NAMES = ["ResNet18", "HRN-2x5x3x(m=8)-C1-T234-Re8", "Net(4; 4x1, 8x1)@8/10", "VGG16"]


@pytest.mark.parametrize("name", NAMES)
def test_parts_add_up_to_the_network(name: str) -> None:
    network = parse(name)
    counted = counting.by_part(network)
    assert counted["ReLUs"].sum() == cost(network).total_relus
    assert counted["MACs"].sum() == cost(network).macs


def test_a_small_network_is_what_a_pencil_finds() -> None:
    counted = counting.by_part(parse("Net(4; 4x1, 8x1)", resolution=8, classes=10))
    assert list(counted["part"]) == ["stem", "stage 1", "stage 2", "head"]
    assert list(counted["ReLUs"]) == [256, 512, 256, 0]
    assert list(counted["MACs"]) == [6912, 18432, 14336, 80]


def test_steps_have_a_row_each_whose_stages_add_up() -> None:
    edited = algorithm2(parse("HRN-2x5x3x(m=16)"))
    table = counting.steps(edited)
    assert list(table["step"]) == list(edited)
    stages = table[[f"stage {k}" for k in range(1, 5)]].sum(axis=1)
    assert list(stages) == list(table["ReLUs"])


def test_seconds_are_those_of_the_model() -> None:
    network = parse("HRN-2x5x3x(m=8)-C1-T234")
    (own,) = seconds.modelled({"a": (network, None)}).to_dict("records")
    model = latency(network)
    assert (own["HE (s)"], own["GC (s)"]) == (model.he_s, model.gc_s)
    assert own["together (s)"] == pytest.approx(model.total_s)


def test_a_search_leaves_multiplications_and_its_budget_of_relus() -> None:
    network = parse("ResNet18")
    whole, searched = seconds.modelled({"a": (network, None), "b": (network, 25_000)}).to_dict(
        "records"
    )
    assert (searched["MACs (M)"], searched["HE (s)"]) == (whole["MACs (M)"], whole["HE (s)"])
    assert searched["GC (s)"] == garbled_seconds(25_000)
