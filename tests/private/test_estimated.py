"""Estimated layers, held against the timed ones that their rates come from."""

from functools import lru_cache
from statistics import median

import numpy as np
import pytest
from scipy.optimize import nnls

from deepreshape.design import parse
from deepreshape.paper.printed.entries import timed_networks
from deepreshape.private.estimated import PACKING, completed, estimate
from deepreshape.private.homomorphic.coefficients import COEFFICIENTS
from deepreshape.private.homomorphic.contexts import context
from deepreshape.private.measured import Measurements, Shape, measured, read, shapes
from deepreshape.private.measuring import layer_of
from deepreshape.private.rings import BINARY

NEW = parse("HRN-3x4x5x(m=12)")


@lru_cache
def record() -> Measurements:
    return read()


@lru_cache
def timed() -> list[Shape]:
    return [shape for shape in record().layers if shape.packing == PACKING]


def without_layers() -> Measurements:
    return Measurements("", {}, record().elements, {})


def test_bytes_are_those_of_the_packing() -> None:
    ring, up = BINARY, context(COEFFICIENTS.parameters(BINARY)).up_bytes
    printed = {each for network in timed_networks() for each in shapes(network, PACKING)}
    assert len(printed) > 200
    for shape in printed:
        layer, found = layer_of(shape), estimate(shape)
        assert found.up_bytes == COEFFICIENTS.operations(layer, ring).up * up
        assert found.down_bytes == sum(COEFFICIENTS.answer_bytes(layer, ring))


@pytest.mark.parametrize("what", ["ready_s", "server_s", "client_s"])
def test_rates_are_a_least_squares_fit(what: str) -> None:
    """No common factor would bring the seconds of the timed layers closer."""
    ratios = np.array(
        [getattr(estimate(each), what) / getattr(record().layers[each], what) for each in timed()]
    )
    (factor,), _ = nnls(ratios[:, None], np.ones(ratios.size))
    assert factor == pytest.approx(1, abs=1e-3)


def test_whole_networks_are_near_the_timed_ones() -> None:
    errors = []
    for network in timed_networks():
        guessed = measured(network, PACKING, completed(without_layers(), network))
        known = measured(network, PACKING, record())
        assert guessed.he_bytes == known.he_bytes
        errors.append(abs(guessed.total_s / known.total_s - 1))
    assert median(errors) < 0.1
    assert max(errors) < 0.2


def test_what_was_timed_stays() -> None:
    network = parse("ResNet18")
    assert completed(record(), network).layers == record().layers
    assert measured(network, PACKING, completed(record(), network)).run == 1


def test_the_share_of_what_was_timed_is_told() -> None:
    with pytest.raises(LookupError, match="was not timed"):
        measured(NEW, PACKING, record())
    assert 0 <= measured(NEW, PACKING, completed(record(), NEW)).run < 1
    assert measured(NEW, PACKING, completed(without_layers(), NEW)).run == 0
