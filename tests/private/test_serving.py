"""A server that stays open: beside the silent, the slow, those who stay, and without room."""

import errno
import multiprocessing
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from math import ceil
from multiprocessing.context import ForkProcess
from pathlib import Path

import numpy as np
import pytest

from deepreshape.private import serving, turns
from deepreshape.private.asking import classify
from deepreshape.private.client import Session as Client
from deepreshape.private.garbled.loading import load
from deepreshape.private.program.model import Model
from deepreshape.private.program.reference import logits
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.server import Service
from deepreshape.private.sessions import ready
from deepreshape.private.wire import door
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.door import GREETING, GUESTS, V6_NETWORK
from deepreshape.private.wire.handshake import PROMPT
from deepreshape.private.wire.link import Address, connect
from deepreshape.private.wire.pipe import Refused, TurnOver
from tests.private.guests import guest, hello
from tests.private.servers import IMAGES, Crowd, Running, descriptors, running, tiny


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


@pytest.fixture(scope="module")
def service(model: Model) -> Service:
    load()
    return ready(model, "coefficients")


Start = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def start(service: Service) -> Start:
    return partial(running, service)


def answered(at: Address, count: int = 1) -> float:
    """Seconds in which a client gets so many answers."""
    start = time.monotonic()
    found = classify(at, lambda program: list(IMAGES[:count]))
    assert len(found.images) == count
    return time.monotonic() - start


def test_an_honest_client_waits_at_most_twice_its_time_alone_in_a_crowd(start: Start) -> None:
    with start() as server:
        answered(server.at)
        alone, among = [], []
        for _ in range(4):
            alone.append(answered(server.at))
            with Crowd(server.at, 200, 50):
                among.append(answered(server.at))
                assert server.descriptors() < 250
        assert min(among) <= 2 * min(alone)


def test_the_security_page_has_the_bounds_of_places_and_of_the_door() -> None:
    page = Path(__file__).parents[2] / "book" / "security.md"
    text = " ".join(page.read_text(encoding="utf-8").split())
    for says in (
        f"classifies for {serving.SESSIONS} clients at a time",
        f"has {PROMPT:.0f} seconds from its connection to greet",
        f"At most {GREETING} are awaited so, and at most {GUESTS} wait for a place",
        f"by its {V6_NETWORK} bits of network",
        f"silent for {'a minute' if serving.IDLE == 60 else serving.IDLE} at most",
        f"none in {turns.GRACE:.0f} seconds or has had its place for {turns.TURN:.0f}",
        f"for {turns.SLOW:.0f} seconds more than its bytes take at {turns.RATE / 1000:.0f} kB/s",
        f"every {serving.EVERY:.0f} seconds at most",
        "127 for the extension",
        f"has at most {door.EACH} connections there",
    ):
        assert says in text


def test_who_says_nothing_is_told_of_in_few_lines(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "EVERY", 1.0)
    with start() as server:
        for _ in range(60):
            guest(server.at, b"x" * 20).close()
        lines = server.lines(1.5)
    assert 1 <= len(lines) <= 3
    counts = [int(line.removeprefix("clients that were not served: ").split()[0]) for line in lines]
    assert sum(counts) == 60
    assert all("sent something else than a greeting" in line for line in lines)


@contextmanager
def holder(at: Address) -> Iterator[Client]:
    """A client that has a place."""
    with Channel(connect(at), limit=20) as channel:
        yield Client(channel, SystemRandomness())


def test_two_clients_that_ask_rarely_do_not_keep_a_third_out(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "GRACE", 0.5)
    with start() as server, holder(server.at) as one, holder(server.at) as other:
        for client in (one, other):
            client.classify(client.prepare(), IMAGES[0])
        assert answered(server.at) < 5
        left = []
        for client in (one, other):
            try:
                client.classify(client.prepare(), IMAGES[0])
                left.append(False)
            except TurnOver as error:
                assert "others wait" in str(error)
                left.append(True)
    assert sorted(left) == [False, True]


def test_who_asks_rarely_keeps_its_place_while_nobody_waits(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "GRACE", 0.1)
    monkeypatch.setattr(turns, "TURN", 0.1)
    with start() as server, holder(server.at) as client:
        for _ in range(2):
            client.classify(client.prepare(), IMAGES[0])
            time.sleep(0.5)


def test_who_prepares_ahead_shares_its_place(
    start: Start, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets an image at least; what is prepared beyond is thrown away."""
    monkeypatch.setattr(serving, "SESSIONS", 1)
    monkeypatch.setattr(turns, "TURN", 0.0)
    with start() as server, holder(server.at) as client, guest(server.at) as other:
        ahead = [client.prepare() for _ in range(3)]
        time.sleep(3 * serving.LOOK)  # in which the other asks for its place
        found = client.classify(ahead[0], IMAGES[0])
        wanted = logits(model.program, model.weights, IMAGES[0], ahead[0].lows)
        np.testing.assert_array_equal(found, wanted)
        with pytest.raises(TurnOver, match="others wait"):
            client.classify(ahead[1], IMAGES[1])
        assert other.recv(1)


def test_who_asks_without_a_pause_shares_its_place(
    start: Start, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SESSIONS", 1)
    monkeypatch.setattr(turns, "TURN", 0.0)
    outcomes = []
    with start() as server:

        def ask() -> None:
            outcomes.append(classify(server.at, lambda program: list(IMAGES)))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(outcomes) == 2
    for found in outcomes:
        for image, each in zip(IMAGES, found.images, strict=True):
            wanted = logits(model.program, model.weights, image, each.lows)
            np.testing.assert_array_equal(each.logits, wanted)
    # Both had to come again, and their accounts are those of all their sessions.
    assert all(found.traffic.total("handshake").frames_sent > 1 for found in outcomes)


def test_a_client_that_never_gets_an_image_gives_up(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def over(*_: object) -> None:
        raise TurnOver("others wait")

    monkeypatch.setattr(serving.Session, "serve", over)
    with start() as server, pytest.raises(TurnOver, match="others wait"):
        answered(server.at)


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_who_greets_and_then_keeps_the_server_waiting_loses_its_place(
    drips: bool, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SESSIONS", 1)
    monkeypatch.setattr(turns, "SLOW", 0.5)
    over = threading.Event()
    with start() as server, guest(server.at) as slow:

        def drip() -> None:
            while drips and not over.wait(0.05):
                try:
                    slow.send(b"D")
                except OSError:
                    return

        thread = threading.Thread(target=drip)
        thread.start()
        assert slow.recv(1)  # it has the place
        assert answered(server.at) < 10
        over.set()
        thread.join()


def test_a_client_learns_that_it_has_to_wait(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "SESSIONS", 1)
    monkeypatch.setattr(turns, "GRACE", 1.0)
    monkeypatch.setattr("deepreshape.private.wire.handshake.SOON", 0.1)
    waits: list[int] = []
    with start() as server, holder(server.at):
        classify(server.at, lambda program: [IMAGES[0]], waits=lambda: waits.append(1))
    assert waits == [1]


@pytest.mark.parametrize("spare", [0, 1, 2, 3, 4, 9, 20])
def test_a_server_without_descriptors_refuses_clients_and_goes_on(spare: int, start: Start) -> None:
    def limit() -> None:
        top = max(descriptors())
        for number in range(top):
            try:
                os.fstat(number)
            except OSError:
                os.dup2(0, number)  # no gaps
        # The selector and the listener have theirs already.
        resource.setrlimit(resource.RLIMIT_NOFILE, (top + 1 + spare, top + 1 + spare))

    with start(limit) as server:
        with ExitStack() as stack:
            for _ in range(5):
                stack.enter_context(guest(server.at, b""))
            for _ in range(5):
                stack.enter_context(guest(server.at))
            time.sleep(0.5)
            before = server.cpu()
            time.sleep(1.0)
            assert server.process.is_alive()
            assert server.cpu() - before < 0.5
        if spare == 20:
            answered(server.at)
        elif spare:
            with suppress(Refused):
                answered(server.at)
        assert server.process.is_alive()


def test_a_process_that_cannot_be_forked_leaves_no_descriptor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> int:
        raise OSError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", fails)
    before = descriptors()
    process = multiprocessing.get_context("fork").Process(target=lambda: None)
    with pytest.raises(OSError, match="no more processes"):
        serving._start(process)
    assert descriptors() == before


def test_a_client_whose_session_cannot_be_started_is_refused_alone(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork, fails = serving._start, iter([OSError(errno.EAGAIN, "no more processes")])

    def once(process: ForkProcess) -> None:
        for error in fails:
            raise error
        fork(process)

    monkeypatch.setattr(serving, "_start", once)
    with start() as server:
        with pytest.raises(Refused, match="no room for a session: try again later"):
            answered(server.at)
        answered(server.at)
        told = "clients that were not served: 1 came while the system had no room for a process"
        assert server.lines(1.0)[0] == told


def test_sessions_that_fail_are_told_of_in_few_lines(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the machine is: all eight fail within a time, or each is told of by itself."""
    monkeypatch.setattr(serving, "LINES", 3)
    monkeypatch.setattr(serving, "EVERY", 4.0)
    start_time = time.monotonic()
    with start() as server:
        for _ in range(8):
            with guest(server.at, hello()) as sock:
                sock.recv(1)
                sock.sendall(b"x" * 20)
                while sock.recv(1 << 16):
                    pass
        periods = 1 + ceil((time.monotonic() - start_time) / 4.0)
        lines = server.lines(5.0)
    failed = [line for line in lines if line.startswith("a session ended: the peer sent something")]
    assert 3 <= len(failed) <= 3 * periods
    assert len(failed) == 8 or any("failed in a session" in line for line in lines)


def test_a_server_that_ends_closes_on_who_waits(start: Start) -> None:
    with ExitStack() as stack:
        with start() as server:
            waiting = [stack.enter_context(guest(server.at, said)) for said in (b"", hello()[:9])]
            time.sleep(0.2)
        for sock in waiting:
            sock.settimeout(5)
            assert sock.recv(1) == b""


def test_the_connections_of_others_are_not_open_in_a_session(start: Start) -> None:
    with start() as server, guest(server.at, hello()[:9]) as other, holder(server.at):
        other.settimeout(5)
        other.sendall(b"no greeting at all")
        with suppress(ConnectionResetError):
            while other.recv(1 << 16):
                pass  # up to its end, though a session was begun meanwhile
