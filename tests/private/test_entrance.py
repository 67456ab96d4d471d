"""A server with a list of clients: who is answered, how often, and what its log says."""

import re
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from deepreshape.private import entrance as module
from deepreshape.private.asking import Outcome, classify
from deepreshape.private.client import Session as Client
from deepreshape.private.clients import Clients
from deepreshape.private.entrance import Entrance
from deepreshape.private.garbled.loading import load
from deepreshape.private.program.model import Model
from deepreshape.private.program.reference import logits
from deepreshape.private.protocol import Kind
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.server import Service, Session
from deepreshape.private.sessions import ready
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, connect
from deepreshape.private.wire.pipe import PeerGone, Refused, Unsealed, WireError
from deepreshape.private.wire.sealed import Lock, Sealed
from tests.private.guests import guest
from tests.private.servers import IMAGES, Crowd, Running, running, tiny
from tests.private.wire.locks import certificate, client_lock, key, server_lock

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (?P<name>\S+) from 127\.0\.0\.1: (?P<queries>\d+) queries,"
    r" (?P<in>[\d,]+) bytes in, (?P<out>[\d,]+) out, \d+\.\d s(?:, (?P<why>.+))?"
)


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


@pytest.fixture(scope="module")
def service(model: Model) -> Service:
    load()
    return ready(model, "coefficients")


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    """A list that has alice."""
    found = Clients(tmp_path / "clients.db")
    found.allow(certificate("alice"), 100, 1000)
    return found


Start = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def start(service: Service, clients: Clients) -> Start:
    return partial(running, service, entrance=Entrance(key("server"), clients))


@pytest.fixture
def server(start: Start) -> Iterator[Running]:
    with start() as found:
        yield found


def ask(at: Address, count: int = 1, lock: Lock | None = None) -> Outcome:
    images = list(IMAGES[:count])
    return classify(at, lambda program: images, lock=lock or client_lock(), sessions=1)


def asked(clients: Clients) -> int:
    (found,) = clients.listed()
    return found.asked


def logged(lines: Sequence[str]) -> list[re.Match[str]]:
    """The lines on sessions, which hold nothing but what they should."""
    return [found for line in lines if (found := LINE.fullmatch(line))]


def test_a_client_that_is_known_is_answered_and_logged(
    server: Running, model: Model, clients: Clients
) -> None:
    found = ask(server.at, 2)
    for image, each in zip(IMAGES, found.images, strict=False):
        np.testing.assert_array_equal(
            each.logits, logits(model.program, model.weights, image, each.lows)
        )
    assert asked(clients) == 2
    (line,) = server.said()
    (said,) = logged([line])
    total = found.traffic.total()
    assert (said["name"], said["queries"], said["why"]) == ("alice", "2", None)
    assert (said["in"], said["out"]) == (f"{total.sent:,}", f"{total.received:,}")


def test_a_client_that_is_not_known_is_refused(server: Running, clients: Clients) -> None:
    with pytest.raises(Refused, match="does not know the key of this side"):
        ask(server.at, lock=client_lock("mallory"))
    (line,) = server.said()
    assert line.endswith("Z clients that were not served: 1 had no key that is known here")
    assert asked(clients) == 0


def test_a_client_that_trusts_another_server_sends_nothing(server: Running) -> None:
    with pytest.raises(WireError, match="not one that is known here"):
        ask(server.at, lock=client_lock(trusts="mallory"))
    assert "did not take the key of this server" in server.said()[0]


def test_a_client_without_a_key_is_told(server: Running, clients: Clients) -> None:
    with pytest.raises(Refused, match="this server takes clients with keys only"):
        classify(server.at, lambda program: [IMAGES[0]])
    (line,) = server.said()
    assert line.endswith("Z clients that were not served: 1 came without a key")
    assert asked(clients) == 0


def test_a_client_with_a_key_does_not_talk_to_a_server_without(service: Service) -> None:
    with running(service) as server, pytest.raises(Unsealed, match="does not encrypt"):
        ask(server.at)


def test_a_budget_ends_a_session_and_every_further_one(
    start: Start, server: Running, clients: Clients
) -> None:
    """Kept by the file, whichever server asks."""
    clients.allow(certificate("alice"), 2, 1000)
    found = ask(server.at, 3)
    assert len(found.images) == 2
    assert "the budget of 2 queries is used up" in str(found.failure)
    with start() as again, pytest.raises(Refused, match="the budget of 2 queries is used up"):
        ask(again.at)
    assert asked(clients) == 2
    (said,) = logged(server.said())
    assert said["why"] == "refused: the budget of 2 queries is used up"


def test_who_has_no_query_left_is_refused_before_anything_is_received(
    server: Running, clients: Clients
) -> None:
    clients.allow(certificate("alice"), 0, 1000)
    with pytest.raises(Refused, match="the budget of 0 queries is used up"):
        ask(server.at)
    (said,) = logged(server.said())
    assert (said["queries"], said["in"]) == ("0", "0")


def test_two_sessions_at_once_share_a_budget(server: Running, clients: Clients) -> None:
    clients.allow(certificate("alice"), 3, 1000)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(ask, server.at, 3) for _ in range(2)]
    counts = []
    for each in both:
        with suppress(Refused):
            counts.append(len(each.result().images))
    assert sum(counts) == 3 == asked(clients)


def test_a_query_that_is_broken_off_stays_charged(server: Running, clients: Clients) -> None:
    sock = connect(server.at)
    with Channel(sock, limit=20, seal=client_lock().over(sock)) as channel:
        client = Client(channel, SystemRandomness())
        client.prepare()
    assert server.said()
    assert asked(clients) == 1


def test_more_queries_a_minute_are_refused(server: Running, clients: Clients) -> None:
    clients.allow(certificate("alice"), 100, 1)
    found = ask(server.at, 2)
    assert len(found.images) == 1
    assert "more than 1 queries a minute: try again in" in str(found.failure)
    assert asked(clients) == 1


def test_a_list_may_change_while_its_server_runs(
    start: Start, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    with start() as server:
        clients.allow(certificate("bob"), 10, 1000)
        assert len(ask(server.at, lock=client_lock("bob")).images) == 1
        clients.remove("bob")
        with pytest.raises(Refused, match="does not know the key of this side"):
            ask(server.at, lock=client_lock("bob"))


def test_without_its_list_a_server_answers_nothing(server: Running, clients: Clients) -> None:
    clients.path.unlink()
    with pytest.raises(Refused, match="ValueError"):
        ask(server.at)
    assert "is not there" in server.said()[0]


def test_those_without_a_key_and_the_idle_keep_nobody_out(server: Running) -> None:
    with Crowd(server.at, 200, 20):
        assert len(ask(server.at).images) == 1
        assert len(ask(server.at).images) == 1


def test_half_a_handshake_holds_nobody_up(server: Running) -> None:
    seal = client_lock().over(guest(server.at, b""))
    with suppress(BlockingIOError):
        seal._reading.setblocking(False)
        seal.shake()
    assert len(ask(server.at).images) == 1
    seal._reading.close()


def test_a_server_that_ends_says_whose_session_it_ended(start: Start) -> None:
    def ends() -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    with start(ends) as server:
        sock = connect(server.at)
        with Channel(sock, limit=20, seal=client_lock().over(sock)) as channel:
            Client(channel, SystemRandomness())
            server.process.terminate()
            server.process.join(10)
            (said,) = logged(server.said())
    assert said["why"] == "the server ended"


class Recorder(Sealed):
    """Keeps the bytes that went over the wire."""

    sent = b""

    def _flush(self) -> None:
        octets = self._made.read()
        Recorder.sent += octets
        self._made.write(octets)
        super()._flush()


class Recording(Lock):
    def over(self, sock: socket.socket) -> Sealed:
        return Recorder(self, sock)


def test_a_session_that_is_replayed_is_refused(server: Running, clients: Clients) -> None:
    mine = client_lock()
    found = ask(server.at, lock=Recording(mine.context, mine.known, False))
    assert len(Recorder.sent) > found.traffic.total().sent
    server.said()
    with guest(server.at, b"") as sock, suppress(OSError):
        sock.sendall(Recorder.sent)
        while sock.recv(1 << 16):
            pass
    assert asked(clients) == 1
    assert "Z clients that were not served: 1 " in server.said()[0]
    assert len(ask(server.at).images) == 1


class Tampered(Sealed):
    """One whose bytes are changed on the way, in the first frame of a kind that it sends."""

    def __init__(self, lock: Lock, sock: socket.socket, kind: int, seen: set[int]) -> None:
        super().__init__(lock, sock)
        self._kind, self._seen = kind, seen

    def _encrypt(self, parts: list[memoryview]) -> int:
        done = super()._encrypt(parts)
        header = bytes(parts[0][:4])
        if len(parts[0]) == 20 and header[:2] == b"DR":
            first = header[3] == self._kind and self._kind not in self._seen
            self._seen.add(header[3])
            if first:
                octets = bytearray(self._made.read())
                octets[len(octets) // 2] ^= 4
                self._made.write(octets)
        return done


def tampered(service: Service, kind: int) -> tuple[list[Exception | None], int, set[int]]:
    """What ended a session at its server and at its client, the queries charged, the kinds sent."""
    ends: list[Exception | None] = [None, None]
    charged, seen = [], set[int]()
    left, right = socket.socketpair()
    one = Tampered(server_lock("alice"), left, kind, seen)
    other = Tampered(client_lock(), right, kind, seen)

    def serve() -> None:
        with Channel(left, limit=10, seal=one) as channel:
            try:
                session = Session(channel, service, SystemRandomness())
                session.serve(10, charge=lambda: charged.append(1))
            except WireError as error:
                ends[0] = error

    thread = threading.Thread(target=serve)
    thread.start()
    with Channel(right, limit=10, seal=other) as channel:
        try:
            client = Client(channel, SystemRandomness())
            client.classify(client.prepare(), IMAGES[0])
        except WireError as error:
            ends[1] = error
    thread.join(20)
    return ends, len(charged), seen


def test_a_byte_that_is_changed_in_a_frame_of_any_kind_ends_the_session(service: Service) -> None:
    (ours, theirs), charged, kinds = tampered(service, -1)
    assert (ours, theirs, charged) == (None, None, 1)
    assert kinds >= {Kind.KEYS, Kind.NEXT, Kind.INPUT, Kind.ANSWER, Kind.IMAGE, Kind.LOGITS}
    for kind in sorted(kinds):
        ends, charged, _ = tampered(service, kind)
        told = " / ".join(map(str, ends))
        # A change in a record's own head is no wrong code, but no record.
        assert "bytes were changed on the way" in told or "encrypted connection failed" in told
        assert ends[1] is not None
        assert isinstance(ends[0], WireError | None)
        assert charged == (kind > Kind.NEXT)


def test_a_server_goes_on_after_what_was_changed(server: Running, clients: Clients) -> None:
    sock = connect(server.at)
    seal = Tampered(client_lock(), sock, Kind.IMAGE, set())
    with Channel(sock, limit=20, seal=seal) as channel:
        client = Client(channel, SystemRandomness())
        with pytest.raises((Refused, PeerGone)):
            client.classify(client.prepare(), IMAGES[0])
    (said,) = logged(server.said())
    assert (said["queries"], said["why"]) == ("1", "bytes were changed on the way")
    assert len(ask(server.at).images) == 1
    assert asked(clients) == 2
