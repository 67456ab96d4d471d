"""The directives of the explorer and of live cells."""

import json
import re
from html import unescape
from pathlib import Path

import pytest
import yaml

from book.extensions.explorer import AXES, SCRIPTS, designs, explorer, live
from deepreshape.paper.explorer import search
from deepreshape.paper.explorer.answers import points
from deepreshape.paper.explorer.cells import CellError
from deepreshape.paper.explorer.view import respond

BOOK = Path(__file__).resolve().parents[2] / "book"


def test_a_live_cell_shows_what_the_library_says_now() -> None:
    cell = live("from deepreshape.design import resnet18\nresnet18().name", "a name")
    assert ">'ResNet18'\n</pre>" in unescape(cell)
    assert 'aria-label="a name"' in cell


def test_code_of_a_live_cell_stays_text() -> None:
    cell = live("print('<b>' + '&amp;')", 'of "quotes"')
    assert "<b>" not in cell
    assert "<b>&amp;\n" in unescape(cell)
    assert 'aria-label="of &quot;quotes&quot;"' in cell


def test_code_that_raises_is_refused() -> None:
    with pytest.raises(CellError, match="DesignError in line 2: unknown network"):
        live("from deepreshape.design import parse\nparse('LeNet')", "a fault")


def test_the_explorer_holds_the_first_answer_and_the_points() -> None:
    html = explorer()
    assert respond({})["html"] in html
    found = re.search(r'class="ex-data">(.*?)</script>', html)
    assert found
    assert json.loads(found[1]) == {"points": points(), "mine": respond({})["mine"]}
    assert html.count('<tr><th scope="row">') > len(points())


def test_the_search_holds_the_first_answer() -> None:
    html = designs()
    assert search.respond({}, {})["html"] in html
    assert search.form() in html


def test_the_plot_has_an_axis_for_every_number() -> None:
    assert set(AXES) <= set(points()[0])
    script = (BOOK / "explorer" / "explorer.js").read_text()
    assert all(f"    {name}: [" in script for name in AXES)


def test_scripts_exist() -> None:
    config = yaml.safe_load((BOOK / "_config.yml").read_text())["sphinx"]["config"]
    folders = [BOOK / folder for folder in config["html_static_path"]]
    for name in {name for names in SCRIPTS.values() for name in names} | {"explorer.css"}:
        assert any((folder / name).is_file() for folder in folders), name
