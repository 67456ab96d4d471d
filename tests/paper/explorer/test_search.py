"""The search in the explorer, held against the library's and against the command's."""

import json
import re
import shlex
from html import unescape

import pytest

from deepreshape.cli import commands
from deepreshape.design import Limits, Space, Suggestions, parse, suggest
from deepreshape.paper.explorer.form import SLIDERS
from deepreshape.paper.explorer.search import BEGIN, FIELDS, form, respond, respond_json, set_to
from deepreshape.paper.explorer.settings import Settings, read
from deepreshape.private.predicted import PROTOCOLS, timing

FEW = {"max-relus": "60K", "max-flops": "200M", "max-latency": "8s"}


def found(html: str) -> list[str]:
    return [unescape(name) for name in re.findall(r'<th scope="row">(.*?)</th>', html)]


def expected(space: Space, limits: Limits, protocol: str = "ours-lan") -> Suggestions:
    return suggest(space, limits, timing(protocol))


def test_the_first_answer_is_of_the_first_limits() -> None:
    answer = respond({}, {})
    listed = expected(Space((3, 2, 4, 1)), Limits(100_000, 1e9))
    assert found(answer["html"]) == [each.network.name for each in listed.largest]
    assert f"{listed.searched:,} designs, {listed.fitting:,} of them" in answer["summary"]
    assert answer["summary"] in answer["html"]


def test_the_search_takes_the_explorer_s_settings() -> None:
    settings = {"input": "64", "classes": "20", "order": "3,4,2,1", "phi3": "4", "alpha": "2"}
    answer = respond(settings, {**FEW, "protocol": "ours-wan"})
    space = Space((3, 4, 2, 1), ((2, 2, 4, 2),), 64, 20)
    listed = expected(space, Limits(60_000, 2e8, 8), "ours-wan")
    assert found(answer["html"]) == [each.network.name for each in listed.largest]
    assert PROTOCOLS["ours-wan"].title in answer["html"]


def test_the_command_searches_the_same() -> None:
    settings = {"input": "64", "classes": "20", "order": "3,4,2,1", "phi3": "4"}
    (command,) = re.findall("<code>(.*?)</code>", respond(settings, FEW)["html"])
    program, name, *words = shlex.split(unescape(command))
    assert (program, name) == ("deepreshape", "suggest")
    asked = commands.commands["suggest"].make_context("suggest", words).params
    assert (asked["order"], asked["depths"]) == ((3, 4, 2, 1), ((2, 2, 4, 2),))
    assert (asked["resolution"], asked["classes"], asked["protocol"]) == (64, 20, "ours-lan")
    assert (asked["relus"], asked["flops"], asked["seconds"]) == (60_000, 2e8, 8)


def test_a_design_is_set_in_the_explorer() -> None:
    settings = {"input": "64", "order": "3,4,2,1", "phi3": "4", "family": "VGG16", "m": "8"}
    html = respond(settings, FEW)["html"]
    texts = [json.loads(unescape(text)) for text in re.findall('data-texts="(.*?)"', html)]
    assert [read(each).network.name for each in texts] == found(html)
    assert {(read(each).input, read(each).order) for each in texts} == {(64, (3, 4, 2, 1))}


def test_every_design_is_within_the_sliders() -> None:
    space = Space((3, 2, 4, 1))
    for each in expected(space, Limits()).front:
        settings = set_to(Settings(), each.network)
        assert settings.network == each.network
        for name in ("m", "alpha", "beta", "gamma"):
            _, least, most, step = SLIDERS[name]
            value = getattr(settings, name) or 16
            assert least <= value <= most
            assert (value - least) % step == 0


@pytest.mark.parametrize(
    ("settings", "limits", "said"),
    [
        ({}, {"max-relus": "many"}, "'many' is not a whole number above 0"),
        ({}, {"max-latency": "0s"}, "'0s' is not a time above 0"),
        ({}, {"protocol": "gazelle"}, "protocols are delphi"),
        ({"input": "33"}, {}, "input size 33"),
        ({"colour": "red"}, {}, "there is no setting 'colour'"),
        ({"input": "128"}, {"protocol": "delphi"}, "does not fit"),
    ],
)
def test_what_cannot_be_searched_is_a_line(
    settings: dict[str, str], limits: dict[str, str], said: str
) -> None:
    answer = respond(settings, limits)
    assert list(answer) == ["error"]
    assert said in answer["error"]


def test_nothing_within_the_limits_is_said_and_is_no_table() -> None:
    html = respond({}, {"max-relus": "1"})["html"]
    assert "0 of them within the limits" in html
    assert "<table>" not in html


def test_empty_texts_are_no_limits() -> None:
    none = dict.fromkeys(FIELDS, " ")
    assert "11,644 designs, 11,644 of them" in respond({}, none)["summary"]


def test_the_script_of_the_page_sends_and_gets_json() -> None:
    asked = json.dumps({"settings": {"input": "64"}, "limits": FEW})
    assert json.loads(respond_json(asked)) == respond({"input": "64"}, FEW)


def test_the_form_has_a_labelled_field_for_each_limit_and_begins_as_the_answer() -> None:
    html = form()
    for name in (*FIELDS, "protocol"):
        assert f'<label for="sg-{name}">' in html
        assert f'id="sg-{name}" name="{name}"' in html
    assert f'name="max-relus" value="{BEGIN["max-relus"]}"' in html
    assert f'<option value="{BEGIN["protocol"]}" selected>' in html
    assert html.count("<option") == len(PROTOCOLS)


def test_a_design_of_the_paper_is_set() -> None:
    settings = set_to(Settings(), parse("HRN-2x5x3x(m=16)-C1-T234-Re4"))
    assert settings == Settings(alpha=2, cull=(1,), thin=(2, 3, 4), reuse=4)
