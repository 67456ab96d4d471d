"""An answer in HTML, and the form that asks for one."""

import re
from dataclasses import fields
from html.parser import HTMLParser

import pytest

from deepreshape.paper.explorer.form import form
from deepreshape.paper.explorer.settings import Settings
from deepreshape.paper.explorer.view import respond, respond_json

VOID = {"input", "br"}


class Tags(HTMLParser):
    """Names of controls, and what was opened and not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("input", "select") and given.get("name"):
            self.names.add(str(given["name"]))
        if tag == "label" and "for" in given:
            self.labelled.add(str(given["for"]))
        if given.get("id"):
            self.ids.append(str(given["id"]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_setting_has_a_control_with_a_label() -> None:
    tags = Tags(form())
    assert tags.open == []
    assert tags.names == {field.name for field in fields(Settings)}
    assert set(tags.ids) == tags.labelled


@pytest.mark.parametrize(
    "texts",
    [{}, {"family": "MobileNetV2"}, {"cull": "1,2,3,4"}, {"input": "224"}, {"order": "1,2,3,4"}],
)
def test_answers_are_whole_html(texts: dict[str, str]) -> None:
    found = respond(texts)
    assert Tags(found["html"]).open == []
    assert found["texts"] == texts


def test_the_first_numbers() -> None:
    found = respond({})
    assert "343,040" in found["html"]
    assert "It holds" in found["html"]
    assert "HRN-5x5x3x(m=16) has 343,040 ReLUs" in found["summary"]


def test_bars_stand_in_the_order_of_criticality() -> None:
    for order in ("3,2,4,1", "1,2,3,4"):
        bars = re.findall(r"<li><span>S(\d)</span>", respond({"order": order})["html"])
        assert ",".join(bars) == order


def test_the_fault_of_an_inequality_is_named() -> None:
    assert "stage 4 has no more ReLUs than stage 1" in respond({"alpha": "2"})["html"]


def test_a_bad_setting_gives_its_line_alone() -> None:
    assert respond({"reuse": "16", "m": "12"}) == {
        "error": "ReLU-reuse by 16 takes a quarter and 1/16 of the channels: 16 does not divide the"
        " 12 channels of stage 1"
    }


def test_a_network_without_relus_is_answered() -> None:
    assert "0 (0%)" in respond({"cull": "1,2,3,4"})["html"]


def test_the_script_asks_in_json() -> None:
    assert '"stages": 5' in respond_json('{"family": "VGG16"}')
