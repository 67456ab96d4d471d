"""Colours stay apart, also to readers who see fewer of them, and nobody's configuration decides."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.typing import NDArray

from deepreshape.paper.figures import pictures, theme

Array = NDArray[np.float64]

VISION: dict[str, list[list[float]]] = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
"""What is seen of linear sRGB (Machado, Oliveira and Fernandes, 2009, severity 1)."""


def linear(colour: str) -> Array:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: Array) -> Array:
    """CIELAB of linear sRGB, D65."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.array(to_xyz) @ rgb / np.array([0.9505, 1.0, 1.089])
    f = [v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(colours: tuple[str, ...], vision: str) -> float:
    """The least distance of two of the colours, as somebody sees them."""
    seen = [lab(np.clip(np.array(VISION[vision]) @ linear(each), 0, 1)) for each in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2))


@pytest.mark.parametrize("vision", VISION)
def test_series_stay_apart(vision: str) -> None:
    assert apart(theme.COLOURS, vision) > 20
    assert apart(theme.COLOURS[:6], vision) > 30


@pytest.mark.parametrize("vision", VISION)
def test_stages_stay_apart(vision: str) -> None:
    assert apart(theme.STAGES, vision) > 20


def test_the_measure_sees_two_that_look_alike_without_green_cones() -> None:
    assert apart(("#cc79a7", "#8f9aa8"), "deuteranopia") < 15


@pytest.mark.parametrize("colour", theme.COLOURS)
def test_every_series_stands_out_from_white(colour: str) -> None:
    luminance = float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))
    assert 1.05 / (luminance + 0.05) > 2.5


def test_each_colour_has_a_marker_of_its_own() -> None:
    assert len(set(theme.MARKERS)) == len(theme.COLOURS)


@pytest.mark.parametrize(("name", "value"), [("savefig.dpi", 40.0), ("text.usetex", True)])
def test_a_readers_settings_change_no_picture(name: str, value: object) -> None:
    theme.use()
    expected = mpl.rcParams[name]
    mpl.rcParams[name] = value
    pictures.figure()
    assert mpl.rcParams[name] == expected
