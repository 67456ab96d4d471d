"""What the book's extensions do to its pages."""

from io import BytesIO
from pathlib import Path

import pydata_sphinx_theme
import pytest
from fontTools.ttLib import TTFont

from book.extensions import pictures, reading, theme
from deepreshape.paper.figures.narrow import MIME

AWESOME = next((Path(pydata_sphinx_theme.__file__).parent).rglob("fa-solid-900.ttf"))

# Tables


def test_header_cells_say_what_they_head() -> None:
    table = "<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>b</th></tr></tbody></table>"
    made = reading.with_scopes(table)
    assert '<th scope="col">a</th>' in made
    assert '<th scope="row">b</th>' in made


def test_a_header_over_several_columns_heads_their_group() -> None:
    table = '<table><thead><tr><th colspan="2">a</th></tr></thead></table>'
    assert '<th scope="colgroup" colspan="2">' in reading.with_scopes(table)


@pytest.mark.parametrize("nothing", ["", " ", "<p></p>", "&nbsp;"])
def test_an_empty_header_becomes_a_plain_cell(nothing: str) -> None:
    table = f'<table><thead><tr><th class="head">{nothing}</th></tr></thead></table>'
    assert f'<td class="head">{nothing}</td>' in reading.with_scopes(table)


def test_a_table_is_called_by_the_heading_above_it() -> None:
    body = '<h2>Costs<a class="headerlink" href="#c">#</a></h2><table></table><table></table>'
    made = reading.readable(body)
    assert '<caption class="visually-hidden">Costs: table 1</caption>' in made
    assert '<caption class="visually-hidden">Costs: table 2</caption>' in made


def test_a_caption_of_its_own_stays() -> None:
    body = "<h2>Costs</h2><table><caption>Seconds</caption></table>"
    assert reading.readable(body) == body


# Pictures

WIDE = '<img alt="Bars that fall" src="_images/{}.svg" />'


def test_a_narrow_version_is_offered_to_narrow_screens() -> None:
    wide = pictures.digest("<svg/>")
    made = pictures.with_narrow(WIDE.format(wide), {wide: "n.svg"})
    assert f'<source media="{pictures.SCREEN}" srcset="_images/n.svg">' in made
    assert WIDE.format(wide) in made


def test_a_picture_without_one_can_be_scrolled_to_by_keyboard() -> None:
    image = WIDE.format(pictures.digest("<svg/>"))
    assert pictures.with_narrow(image, {}) == f'<div class="drawing" tabindex="0">{image}</div>'


def test_a_notebook_has_narrow_versions_by_the_hash_of_the_wide(tmp_path: Path) -> None:
    notebook = tmp_path / "page.ipynb"
    notebook.write_text(
        '{"cells": [{"outputs": [{"data": {"image/svg+xml": ["<svg>\\n", "</svg>\\n"],'
        f' "{MIME}": "<svg/>"}}}}, {{"data": {{"image/svg+xml": "<svg/>"}}}}]}}]}}'
    )
    (found,) = pictures.narrow_versions(notebook)
    assert found == (pictures.digest("<svg>\n</svg>"), "<svg/>")


# Icons


def test_the_font_has_the_asked_glyphs_alone() -> None:
    font = TTFont(BytesIO(theme.subset(AWESOME, {0xF062, 0xF0C9})))
    assert set(font.getBestCmap()) == {0xF062, 0xF0C9}


def test_the_style_sheet_has_the_icons_that_pages_name() -> None:
    style = (
        "@font-face{src:url(x)}.fa,.fas{display:block}"
        '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-cat:before{content:"\\f6be"}'
    )
    made = theme.icons(style, ['<i class="fas fa-bars"></i>'], AWESOME)
    assert '.fa-bars:before{content:"\\f0c9"}' in made
    assert ".fa,.fas{display:block}" in made
    assert "fa-cat" not in made
    assert "url(x)" not in made
