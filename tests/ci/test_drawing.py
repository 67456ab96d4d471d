"""Drawings on Markdown pages."""

import re

import pytest

from book.extensions.drawing import drawn
from deepreshape.paper.figures.drawings import TONES
from deepreshape.places import ROOT


@pytest.mark.parametrize("name", ["nowhere.block", "drawings.nothing", "theme.use"])
def test_what_is_no_drawing_is_an_error(name: str) -> None:
    with pytest.raises((ImportError, AttributeError, TypeError)):
        drawn(name)


def test_light_pages_have_the_tones_of_the_library_and_dark_ones_their_own() -> None:
    sheet = (ROOT / "book" / "style" / "drawings.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--drawing-(\w+): (#\w{6});", part))
        for part in sheet.split('html[data-theme="dark"] {')[:2]
    )
    assert light == TONES
    assert dark.keys() == TONES.keys()
    assert not {*dark.values()} & {*light.values()}
