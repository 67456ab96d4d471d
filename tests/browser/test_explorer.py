"""The explorer and live cells in a browser, held against the library that built them."""

import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import pytest
from playwright.sync_api import Browser, Page

from ci import page_python
from deepreshape.paper.explorer.search import respond as search
from deepreshape.paper.explorer.settings import FAMILIES, ORDERS, read, written
from deepreshape.paper.explorer.view import respond
from tests.browser.visits import Opener, Visit

PATIENCE = 240_000
"""Milliseconds for Python to start, on a machine that does other things too."""
SETTINGS = 200


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    """Python for the pages, where npm can fetch it."""
    if not page_python.complete(page_python.FOLDER) and page_python.have(page_python.FOLDER):
        pytest.fail("pyodide is not the pinned one")
    if not page_python.complete(page_python.FOLDER):
        missing = "pyodide is not here, and npm cannot fetch it"
        pytest.fail(missing) if os.environ.get("CI_BROWSER") == "1" else pytest.skip(missing)


def answered(page: Page, count: int = 1) -> None:
    """Wait for so many answers, and until none is left to come: a change in between asks again."""
    page.wait_for_function(
        """count => {
          const root = document.querySelector(".ex");
          const waiting = root.classList.contains("ex-waiting");
          return Number(root.dataset.answers ?? 0) >= count && !waiting;
        }""",
        arg=count,
        timeout=PATIENCE,
    )


def set_to(page: Page, name: str, value: str) -> None:
    """Set a control as a reader does, and wait for the answer."""
    before = int(page.locator(".ex").get_attribute("data-answers") or 0)
    control = page.locator(f"#ex-{name}")
    if control.evaluate("it => it.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(value)
    answered(page, before + 1)


def asked(page: Page) -> dict[str, str]:
    """The settings in the page's address."""
    return dict(parse_qsl(page.evaluate("location.search.slice(1)")))


def texts_of(html: str) -> str:
    return "".join(html.split())


@pytest.fixture(scope="module")
def started(browser: Browser, address: str) -> Iterator[Visit]:
    """The explorer with Python running; tests of this module share it."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    visit = Visit(context.new_page(), address)
    visit.go("explorer")
    visit.page.locator("#ex-alpha").focus()
    answered(visit.page)
    yield visit
    context.close()


@pytest.fixture
def page(started: Visit) -> Page:
    """That page with its first settings."""
    before = int(started.page.locator(".ex").get_attribute("data-answers") or 0)
    started.page.locator(".ex-begin").click()
    answered(started.page, before + 1)
    return started.page


# Before Python


def test_first_values_stand_without_python(open_page: Opener) -> None:
    visit = open_page("explorer")
    shown = visit.page.locator(".ex-results").inner_html()
    assert texts_of(shown) == texts_of(respond({})["html"]).replace("&#x27;", "'")
    visit.page.wait_for_selector(".ex-plot svg")
    assert not [it.url for it in visit.asked if "packed" in it.url]
    assert visit.outside == []


def test_without_pyodide_the_page_says_so(open_page: Opener, tmp_path: Path) -> None:
    script = tmp_path / "packed.js"
    page_python.pack(script, tmp_path)
    page = open_page("intro").page
    page.route("**/packed.js", lambda route: route.fulfill(path=script))
    page.goto(page.url.replace("intro", "explorer"))
    page.locator("#ex-alpha").focus()
    answered(page)
    assert page.locator(".ex-status").inner_text() == page_python.MISSING
    page.locator(".live-run").first.click()
    page.wait_for_function("document.querySelector('.live-status').textContent.includes('npm')")


# With Python


def drawn(source: random.Random) -> dict[str, str]:
    """Settings at random, some of which make no network."""
    stages = [",".join(sorted(source.sample("1234", source.randint(0, 3)))) for _ in range(2)]
    given = {
        "family": source.choice(["HybReNet"] * 10 + sorted(FAMILIES)),
        "m": str(source.randrange(4, 132, 4)),
        **{name: str(source.randint(1, 8)) for name in ("alpha", "beta", "gamma")},
        **{f"phi{k}": str(source.randint(1, 6)) for k in range(1, 5)},
        "input": source.choice(["32", "64", "20", "128"]),
        "classes": source.choice(["10", "100", "200"]),
        "cull": stages[0],
        "thin": stages[1],
        "reuse": source.choice(["1", "1", "2", "4", "8", "16"]),
        "order": ",".join(map(str, source.choice(ORDERS))),
    }
    return {name: text for name, text in given.items() if text}


def test_the_page_says_what_the_library_says(started: Visit) -> None:
    source = random.Random(2026)
    cases = [drawn(source) for _ in range(SETTINGS)]
    texts = [json.dumps(case) for case in cases]
    found: list[str] = started.page.evaluate(
        """async (texts) => {
          const said = [];
          for (const text of texts) said.push(await deepreshape.call("respond", text));
          return said;
        }""",
        texts,
    )
    faults = 0
    for case, text in zip(cases, found, strict=True):
        said, expected = json.loads(text), respond(case)
        assert numbers(said) == pytest.approx(numbers(expected), rel=1e-9), case
        assert said == expected, case
        faults += "error" in expected
    assert 0 < faults < SETTINGS / 2


def numbers(answer: dict[str, Any]) -> dict[str, float]:
    """Take the numbers of the plot out: Python 3.12 and later add them more exactly."""
    mine = answer.pop("mine", {})
    words = ("label", "data", "counted")
    answer["words"] = [mine.get(name) for name in words]
    return {name: mine[name] or 0.0 for name in mine.keys() - {*words}}


def test_controls_change_what_is_shown_and_the_address(page: Page) -> None:
    assert asked(page) == {}
    set_to(page, "alpha", "2")
    page.get_by_label("S1").first.check()
    set_to(page, "reuse", "4")
    texts = {"alpha": "2", "cull": "1", "reuse": "4"}
    assert asked(page) == texts
    assert page.locator(".ex-name").inner_text().startswith("HRN-2x5x3x(m=16)-C1-Re4")
    page.wait_for_function("document.querySelector('.ex-summary').textContent.includes('C1-Re4')")
    assert page.locator(".ex-summary").inner_text() == respond(texts)["summary"]


def test_a_family_has_its_own_controls(page: Page) -> None:
    set_to(page, "family", "MobileNetV2")
    assert not page.locator("#ex-alpha").is_visible()
    assert page.locator("#ex-m").input_value() == "32"
    assert page.locator('[data-name="cull"] label:visible').count() == 7
    assert asked(page) == {"family": "MobileNetV2"}
    set_to(page, "family", "RegNetX-200MF")
    assert not page.locator("#ex-m").is_visible()


def test_a_setting_that_makes_no_network_is_one_line(page: Page) -> None:
    set_to(page, "reuse", "16")
    kept = page.locator(".ex-results").inner_html()
    set_to(page, "m", "12")
    expected = respond({"reuse": "16", "m": "12"})["error"]
    assert page.locator(".ex-error").inner_text() == expected
    assert page.locator(".ex-results").inner_html() == kept
    set_to(page, "m", "32")
    assert page.locator(".ex-error").inner_text() == ""


@pytest.mark.parametrize("over", ["http", "file"])
def test_an_address_opens_with_its_settings(
    open_page: Opener, over: Literal["http", "file"]
) -> None:
    texts = written(read({"family": "ResNet18", "m": "32", "thin": "2,3", "order": "1,2,3,4"}))
    query = "&".join(f"{name}={text}" for name, text in texts.items())
    visit = open_page(f"explorer?{query}", over=over)
    answered(visit.page)
    assert visit.page.locator(".ex-status").inner_text() == ""
    assert visit.page.locator(".ex-name").inner_text().startswith("ResNet18(m=32)-T23,")
    assert visit.page.locator("#ex-order").input_value() == "1,2,3,4"
    assert asked(visit.page) == texts
    assert visit.outside == []


def test_an_address_that_says_nothing_known_is_told(page: Page) -> None:
    said = page.evaluate("""async () => deepreshape.call("respond", '{"colour": "red"}')""")
    assert json.loads(said) == {"error": "there is no setting 'colour'"}


def test_the_plot_follows_the_axis_and_the_input(page: Page) -> None:
    page.locator("#ex-axis").select_option("wan")
    page.wait_for_function(
        "document.querySelector('.ex-plot').textContent.includes('seconds over a WAN')"
    )
    assert (
        "CIFAR-100: accuracy against seconds over a WAN"
        in page.locator(".ex-plot-text").inner_text()
    )
    assert "no more than this" not in page.locator(".ex-plot-text").inner_text()
    page.get_by_label("S1").first.check()
    page.wait_for_function(
        "document.querySelector('.ex-plot-text').textContent.includes('no more than this')"
    )
    set_to(page, "input", "48")
    page.wait_for_selector(".ex-plot", state="hidden")
    assert "no network for this input size" in page.locator(".ex-plot-text").inner_text()


# Designs within limits


def searched(page: Page) -> None:
    """Ask for designs, and wait for the answer."""
    before = int(page.locator(".sg").get_attribute("data-answers") or 0)
    page.locator(".sg-form button").click()
    page.wait_for_function(
        "count => Number(document.querySelector('.sg').dataset.answers ?? 0) > count",
        arg=before,
        timeout=PATIENCE,
    )


def test_the_first_designs_stand_without_python(open_page: Opener) -> None:
    visit = open_page("explorer")
    shown = visit.page.locator(".sg-found").inner_text()
    first = search({}, {})
    assert first["summary"] in shown
    assert not [it.url for it in visit.asked if "packed" in it.url]


def test_designs_are_searched_by_limits_and_by_the_explorer_s_settings(page: Page) -> None:
    set_to(page, "input", "64")
    limits = {"max-relus": "50K", "max-latency": "20s", "max-flops": ""}
    for name, text in limits.items():
        page.locator(f"#sg-{name}").fill(text)
    page.locator("#sg-protocol").select_option("ours-wan")
    searched(page)
    answer = search({"input": "64"}, {**limits, "protocol": "ours-wan"})
    names = re.findall('<th scope="row">(.*?)</th>', answer["html"])
    assert names
    assert page.locator(".sg-found tbody th").all_inner_texts() == names
    assert page.locator(".sg-error").inner_text() == ""


def test_a_design_is_set_in_the_explorer(page: Page) -> None:
    searched(page)
    name = page.locator(".sg-found tbody th").first.inner_text()
    before = int(page.locator(".ex").get_attribute("data-answers") or 0)
    page.locator(".sg-set").first.click()
    answered(page, before + 1)
    assert page.locator(".ex-name").inner_text().startswith(f"{name}, input")


def test_limits_that_are_none_are_told_and_the_last_answer_stays(page: Page) -> None:
    page.locator("#sg-max-relus").fill("many")
    shown = page.locator(".sg-found").inner_text()
    searched(page)
    assert "'many' is not a whole number" in page.locator(".sg-error").inner_text()
    assert page.locator(".sg-found").inner_text() == shown
    page.locator("#sg-max-relus").fill("100K")


# Live cells


def test_a_live_cell_runs_what_a_reader_writes(page: Page) -> None:
    cell = page.locator(".live-cell").first
    first = cell.locator(".live-output").inner_text()
    cell.locator("textarea").fill("from deepreshape.design import resnet18\nresnet18(m=8).name")
    cell.locator(".live-run").click()
    cell.locator(".live-status", has_text="Done.").wait_for()
    assert cell.locator(".live-output").inner_text() == "'ResNet18(m=8)'\n"
    cell.locator(".live-reset").click()
    assert cell.locator(".live-output").inner_text() == first
    cell.locator(".live-run").click()
    cell.locator(".live-status", has_text="Done.").wait_for()
    assert cell.locator(".live-output").inner_text() == first


def test_code_without_end_can_be_stopped(page: Page) -> None:
    cell = page.locator(".live-cell").first
    cell.locator("textarea").fill("while True: pass")
    cell.locator(".live-run").click()
    cell.locator(".live-run", has_text="Stop").click()
    cell.locator(".live-status", has_text="Stopped.").wait_for()
    cell.locator(".live-reset").click()
    set_to(page, "alpha", "3")
    assert page.locator(".ex-name").inner_text().startswith("HRN-3x5x3x")
