"""Measured costs: sums over layers and elements, and files."""

from dataclasses import replace
from pathlib import Path

import pytest

from deepreshape.design import cost, cull, hybrenet, parse, quadratic, reuse, thin
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.measured import (
    ELEMENTS,
    BadMeasurements,
    ElementCost,
    LayerCost,
    Measurements,
    Shape,
    Whole,
    WholeCost,
    least,
    measured,
    read,
    shapes,
    write,
)
from deepreshape.private.packings import PACKINGS

SMALL = hybrenet(2, 3, 2, 4)


def record(network: str) -> Measurements:
    """Every layer takes the number of its place in seconds, an element a microsecond or more."""
    every = [shape for packing in PACKINGS for shape in shapes(parse(network), packing)]
    layers = {
        shape: LayerCost(0.5, float(place), 0.25, 100, 10, 1.0)
        for place, shape in enumerate(dict.fromkeys(every), start=1)
    }
    elements = {
        each: ElementCost(1e-6, 2e-6, 3e-6, 50, 7)
        if each.function == "relu"
        else ElementCost(1e-6, 1e-6, 2e-6, 40, 7)
        for each in ELEMENTS
    }
    wholes = {Whole("slots", "ResNet18"): WholeCost(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7, 1, 8, 9)}
    return Measurements("a machine", layers, elements, wholes)


def test_seconds_are_the_sums_over_layers_and_elements() -> None:
    found, listed = record(SMALL.name), shapes(SMALL, "slots")
    got = measured(SMALL, "slots", found)
    relus = cost(SMALL).total_relus
    assert got.he_s == sum(found.layers[shape].server_s for shape in listed)
    assert got.he_client_s == 0.25 * len(listed)
    assert got.ready_s == 0.5 * len(listed)
    assert got.he_bytes == 110 * len(listed)
    assert got.gc_s == pytest.approx(6e-6 * relus)
    assert got.gc_bytes == 57 * relus
    assert got.total_s == got.he_s + got.he_client_s + got.gc_s
    assert got.wire_s(8e6) == pytest.approx((got.he_bytes + got.gc_bytes) / 1e6)


def test_a_layer_counts_as_often_as_it_occurs() -> None:
    listed = shapes(SMALL, "slots")
    assert (
        len(set(listed))
        < len(listed)
        == sum(1 for layer in shapes(SMALL, "coefficients") if layer.packing == "coefficients")
    )


def test_an_edit_of_relus_changes_garbled_circuits_alone() -> None:
    found, edited = record(SMALL.name), thin(cull(SMALL, [1]), [2])
    got, all_of = (measured(net, "coefficients", found) for net in (edited, SMALL))
    assert got.gc_s == pytest.approx(6e-6 * cost(edited).total_relus)
    assert got.gc_s < all_of.gc_s
    assert got.he_s == all_of.he_s


def test_truncations_are_garbled_too() -> None:
    found = record(SMALL.name)
    relus = measured(SMALL, "slots", found, Garbled(100))
    both = measured(SMALL, "slots", found, Garbled(100, 1000))
    assert (relus.gc_s, relus.gc_bytes) == (pytest.approx(6e-4), 5700)
    assert (both.gc_s, both.gc_bytes) == (pytest.approx(6e-4 + 4e-3), 5700 + 47000)
    assert both.he_s == relus.he_s


def test_relu_reuse_is_costed_as_the_convolutions_without_groups() -> None:
    found = record("HRN-2x3x2x(m=16)")
    net = parse("HRN-2x3x2x(m=16)")
    reused = measured(reuse(net, 4), "slots", found)
    assert reused.he_s == measured(net, "slots", found).he_s
    assert reused.gc_s < measured(net, "slots", found).gc_s


def test_the_share_that_was_run_is_weighted_by_seconds() -> None:
    found, listed = record(SMALL.name), shapes(SMALL, "slots")
    half = {
        shape: replace(took, share=0.5 if shape == listed[-1] else 1.0)
        for shape, took in found.layers.items()
    }
    got = measured(SMALL, "slots", replace(found, layers=half))
    assert got.run == pytest.approx(1 - 0.5 * found.layers[listed[-1]].server_s / got.he_s)


def test_a_layer_that_was_not_timed_is_named() -> None:
    with pytest.raises(LookupError, match=r"inputs=3, outputs=64, side=32.*was not timed"):
        measured(parse("ResNet18"), "slots", record(SMALL.name))


def test_a_stride_is_of_the_input() -> None:
    strided = [shape for shape in shapes(SMALL, "slots") if shape.stride == 2]
    assert [shape.side for shape in strided] == [32, 32, 16, 16, 8, 8]
    assert shapes(SMALL, "slots")[-1] == Shape("slots", SMALL.widths[-1], 100, 0)


def test_of_two_timings_the_lesser_seconds_are_kept() -> None:
    one, other = LayerCost(1.0, 2.0, 3.0, 9, 8, 0.5), LayerCost(2.0, 1.0, 4.0, 9, 8, 0.5)
    assert least(one, other) == LayerCost(1.0, 1.0, 3.0, 9, 8, 0.5)


def test_a_share_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    path, shape = tmp_path / "measured.json", Shape("slots", 16, 16, 32, 3)
    took = LayerCost(2.0, 2.0, 2.0, 9, 8, 1 / 3)
    write(path, Measurements("a machine", {shape: took}, {}, {}))
    later = replace(took, server_s=1.0, client_s=3.0)
    assert least(read(path).layers[shape], later).client_s == 2.0


def test_of_two_whole_inferences_the_lesser_peaks_are_kept() -> None:
    one, other = (WholeCost(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7, 1, *p) for p in ((8, 9), (9, 8)))
    assert (least(one, other).client_peak, least(one, other).server_peak) == (8, 8)


def test_of_a_network_with_fewer_relus_there_is_a_row_of_its_own(tmp_path: Path) -> None:
    path, took = tmp_path / "measured.json", WholeCost(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7, 1, 8, 9)
    wholes = {Whole("slots", "ResNet18", relus): replace(took, images=relus) for relus in (0, 9)}
    write(path, Measurements("a machine", {}, {}, wholes))
    assert read(path).wholes == wholes


def test_a_layer_of_which_more_was_run_takes_the_place_of_the_other() -> None:
    part, whole = LayerCost(1.0, 2.0, 3.0, 9, 8, 0.5), LayerCost(2.0, 3.0, 4.0, 9, 8, 1.0)
    assert least(part, whole) == least(whole, part) == whole


# Files


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    write(path, record(SMALL.name))
    assert read(path) == record(SMALL.name)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": "x", "layers": [{"packing": 1}]}'])
def test_a_file_that_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "measured.json"
    path.write_text(text)
    with pytest.raises(BadMeasurements, match=f"{path} holds no measurements"):
        read(path)


def test_a_missing_file_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.json")


def test_no_seconds_are_given_to_squares() -> None:
    with pytest.raises(LookupError, match="has squares"):
        measured(quadratic(cull(SMALL, [1])), "coefficients", record(str(SMALL)))
