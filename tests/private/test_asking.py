"""A client's images, in one session and in two that take turns."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from deepreshape.private import serving
from deepreshape.private.asking import Classified, Outcome, classify
from deepreshape.private.client import Preparation
from deepreshape.private.client import Session as Client
from deepreshape.private.garbled.loading import load
from deepreshape.private.program.model import Model
from deepreshape.private.program.reference import logits
from deepreshape.private.sessions import ready
from deepreshape.private.wire import handshake
from deepreshape.private.wire.link import Address
from deepreshape.private.wire.pipe import WireError
from tests.private.nets import pixels
from tests.private.servers import NETWORK, running, tiny

IMAGES = list(pixels(NETWORK, 6))
LONG = 60.0
"""Seconds after which a test gives up."""


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


@pytest.fixture
def server(model: Model) -> Iterator[Address]:
    load()
    with running(ready(model, "coefficients")) as found:
        yield found.at


@pytest.fixture
def ask(server: Address) -> Callable[..., Outcome]:
    return partial(classify, server, lambda program: IMAGES)


def right(model: Model, found: Classified) -> bool:
    """Are these the reference's logits of its image?"""
    wanted = logits(model.program, model.weights, IMAGES[found.number], found.lows)
    return bool((found.logits == wanted).all())


def all_right(model: Model, found: Outcome) -> bool:
    """Is every image finished, in order?"""
    assert [each.number for each in found.images] == list(range(len(IMAGES)))
    return all(right(model, each) for each in found.images)


@pytest.mark.parametrize("ahead", [1, 3, 16])
@pytest.mark.parametrize("sessions", [1, 2])
def test_every_image_gets_its_own_answer(
    model: Model, ask: Callable[..., Outcome], sessions: int, ahead: int
) -> None:
    found = ask(ahead=ahead, sessions=sessions)
    assert all_right(model, found)
    assert found.failure is None


class Met:
    """What `Client` does; the first session classifies nothing until the second one prepares."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._prepare: Callable[[Client], Preparation] = Client.prepare
        self._classify: Callable[..., Any] = Client.classify
        self._begun = threading.Event()
        self.met = False
        self.losses: list[tuple[str, str]] = []
        """Sessions and methods in which the connection is lost, once each."""
        self.preparing, self.most = 0, list[int]()
        monkeypatch.setattr(Client, "prepare", lambda client: self.prepare(client))
        monkeypatch.setattr(Client, "classify", lambda client, *of: self.classify(client, *of))

    def prepare(self, client: Client) -> Preparation:
        if self._second():
            self._begun.set()
        self._lose(client, "prepare")
        self.preparing += 1
        self.most.append(self.preparing)
        try:
            return self._prepare(client)
        finally:
            self.preparing -= 1

    def classify(self, client: Client, *of: Any) -> Any:
        if not self._second():
            self.met = self._begun.wait(LONG)
        self._lose(client, "classify")
        return self._classify(client, *of)

    def _second(self) -> bool:
        return threading.current_thread().name == "second session"

    def _lose(self, client: Client, method: str) -> None:
        if (here := ("second" if self._second() else "first", method)) in self.losses:
            self.losses.remove(here)
            client._channel.close()


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> Met:
    return Met(monkeypatch)


def test_while_an_image_is_classified_the_next_is_prepared(
    model: Model, ask: Callable[..., Outcome], met: Met
) -> None:
    assert all_right(model, ask())
    assert met.met


def test_no_two_prepare_at_once_and_none_in_vain(ask: Callable[..., Outcome], met: Met) -> None:
    ask(ahead=2)
    assert met.most == [1] * len(IMAGES)


@pytest.mark.parametrize("method", ["prepare", "classify"])
@pytest.mark.parametrize("session", ["first", "second"])
def test_what_a_lost_session_leaves_the_other_does(
    model: Model, ask: Callable[..., Outcome], met: Met, session: str, method: str
) -> None:
    met.losses.append((session, method))
    found = ask()
    assert not met.losses
    assert all_right(model, found)
    assert found.failure is None


def test_a_server_without_a_second_place_does_all_in_one_session(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SESSIONS", 1)
    monkeypatch.setattr(handshake, "SOON", 0.1)
    with running(ready(model, "coefficients")) as server:
        found = classify(server.at, lambda program: IMAGES)
    assert all_right(model, found)
    assert found.failure is None


def test_one_image_takes_one_session(server: Address) -> None:
    found = classify(server, lambda program: IMAGES[:1])
    assert found.traffic.total("handshake").frames_sent == 1


def test_an_interrupt_ends_both_sessions(ask: Callable[..., Outcome], met: Met) -> None:
    classify = met._classify

    def interrupted(client: Client, *of: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return classify(client, *of)

    met._classify = interrupted
    with pytest.raises(KeyboardInterrupt):
        ask()
    assert "second session" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("finished", [0, 2])
def test_images_that_were_finished_outlive_a_server_that_stops(
    ask: Callable[..., Outcome], model: Model, monkeypatch: pytest.MonkeyPatch, finished: int
) -> None:
    prepare, calls = Client.prepare, iter(range(6))

    def cut(client: Client) -> Preparation:
        if next(calls) == finished:
            client._channel.close()
        return prepare(client)

    monkeypatch.setattr(Client, "prepare", cut)
    if not finished:
        with pytest.raises(WireError):
            ask(sessions=1)
        return
    found = ask(sessions=1)
    assert [right(model, each) for each in found.images] == [True] * finished
    assert isinstance(found.failure, WireError)
