"""The door: who greets becomes a guest, who does not costs little and is told, none waits for
another."""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise

import numpy as np
import pytest

from deepreshape.private.wire import door as doors
from deepreshape.private.wire import frames
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.door import Door, origin
from deepreshape.private.wire.frames import HELLO
from deepreshape.private.wire.handshake import MOST, greeting, handshake
from deepreshape.private.wire.link import Address, listen, listening
from deepreshape.private.wire.pipe import Mismatch, Refused
from tests.private.guests import PARAMETERS, guest, hello
from tests.private.wire.locks import client_lock, server_lock


@pytest.fixture
def door() -> Iterator[Door]:
    with listen(Address("127.0.0.1", 0)) as listener:
        made = Door(listener, PARAMETERS)
        yield made
        made.close()


@pytest.fixture
def come(door: Door) -> Iterator[Callable[..., socket.socket]]:
    """Connects, says something, and lets the door see to it."""
    at = listening(door._listener)
    with ExitStack() as stack:

        def connected(said: bytes | None = None, number: str = "127.0.0.1") -> socket.socket:
            sock = socket.create_connection((at.host, at.port), 10, source_address=(number, 0))
            sock.sendall(hello() if said is None else said)
            look(door)
            return stack.enter_context(sock)

        yield connected


Come = Callable[..., socket.socket]


def look(door: Door) -> None:
    """See to all that happens, until nothing does for a while."""
    for _ in range(50):
        start = time.monotonic()
        door.wait(0.05)
        if time.monotonic() >= start + 0.05:
            return


def told(sock: socket.socket) -> bytes:
    """All that was said to a client, up to the end."""
    said = b""
    while octets := sock.recv(1 << 16):
        said += octets
    return said


def line(text: str, number: int = 0) -> bytes:
    return frames.header(frames.ERROR, number, len(text)) + text.encode()


def test_who_greets_is_a_guest_with_its_greeting_and_no_more(door: Door, come: Come) -> None:
    come()
    assert door.guests == 1
    found = door.next()
    assert found and found.heard == hello() and found.origin == "127.0.0.1"
    assert (door.guests, door.next(), door.turned_away) == (0, None, {})
    found.sock.close()


def test_a_guest_goes_on_where_its_greeting_ends(door: Door, come: Come) -> None:
    sock = come()
    found = door.next()
    assert found
    with Channel(found.sock, heard=bytes(found.heard)) as channel:
        assert handshake(channel, "server", PARAMETERS) == PARAMETERS
        sock.sendall(frames.header(7, 1, 3) + b"abc")
        assert channel.receive(7, exactly=3, limit=5) == b"abc"


def test_a_greeting_may_come_in_pieces_and_nobody_waits_for_them(door: Door, come: Come) -> None:
    slow = come(b"")
    for octet in hello():
        slow.sendall(bytes([octet]))
        door.wait(0.02)
    come()
    assert door.guests == 2


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "dripping"])
def test_who_does_not_greet_in_time_is_told(
    drips: bool, door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PROMPT", 0.3)
    start, sock, said = time.monotonic(), come(hello()[:10]), hello()[10:]
    while not door.turned_away and time.monotonic() < start + 5:
        if drips:
            sock.sendall(said[:1])
            said = said[1:]
            time.sleep(0.02)
        door.wait(0.02)
    assert 0.25 < time.monotonic() - start < 1
    assert door.turned_away == {"sent no greeting in time": 1}
    if not drips:  # which resets the connection
        assert told(sock) == line("PeerSlow")


def test_a_wait_ends_when_a_greeting_is_due(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "PROMPT", 0.2)
    come(b"")
    start = time.monotonic()
    door.wait(30)
    assert time.monotonic() - start < 1


BAD = {
    "noise": b"GET / HTTP/1.1\r\n\r\n    ",
    "another kind": frames.header(7, 0, 10),
    "another number": frames.header(HELLO, 1, 10),
    "a length beyond the limit": frames.header(HELLO, 0, MOST + 1),
    "no JSON": frames.header(HELLO, 0, 3) + b"abc",
    "nothing in it": frames.header(HELLO, 0, 0),
    "more than a greeting": hello() + b"x",
}


@pytest.mark.parametrize("name", BAD)
def test_who_sends_something_else_is_turned_away(name: str, door: Door, come: Come) -> None:
    come(BAD[name])
    assert door.turned_away == {"sent something else than a greeting": 1}
    assert door.guests == 0


@pytest.mark.parametrize("octets", [BAD["noise"][:20], BAD["no JSON"]])
def test_who_sends_something_else_is_told(octets: bytes, door: Door, come: Come) -> None:
    assert told(come(octets)) == line("BadFrame")


def test_a_client_with_other_parameters_sees_itself_what_differs(door: Door, come: Come) -> None:
    sock = come(b"")
    with Channel(sock.dup()) as channel:
        channel.send(HELLO, greeting("client", {"packing": "slots"}))
        look(door)
        assert door.turned_away == {"has another version or other parameters": 1}
    ours = greeting("server", PARAMETERS)
    assert told(sock) == frames.header(HELLO, 0, len(ours)) + ours + line("Mismatch", 1)


def test_the_difference_is_named_to_the_client(door: Door, come: Come) -> None:
    sock = come(b"")
    octets = greeting("client", {"packing": "slots"})
    sock.sendall(frames.header(HELLO, 0, len(octets)) + octets)
    look(door)
    with Channel(sock) as channel, pytest.raises(Mismatch, match="this side has slots"):
        handshake(channel, "client", {"packing": "slots"})


def test_who_goes_away_is_no_guest_and_no_news(door: Door, come: Come) -> None:
    for said in (b"", hello()[:5], hello()):
        come(said).close()
        look(door)
    assert (door.guests, door.turned_away, door._greeting) == (0, {}, {})


def test_those_that_do_not_greet_are_bounded_and_the_oldest_makes_room(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "GREETING", 5)
    socks = [come(b"") for _ in range(12)]
    assert len(door._greeting) == 5
    assert door.turned_away == {"made room for others before it greeted": 7}
    assert told(socks[6]) == line("too many clients: try again later")
    socks[7].sendall(hello())
    come()
    assert door.guests == 2


def test_the_address_that_has_most_makes_room(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "GREETING", 5)
    first = come(b"", "127.0.0.2")
    for _ in range(12):
        come(b"")
    first.sendall(hello())
    look(door)
    assert door.guests == 1


def test_guests_are_bounded_and_the_last_of_the_address_that_has_most_goes(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "GUESTS", 3)
    *_, last = (come() for _ in range(3))
    assert door.guests == 3 and not door.turned_away
    come(number="127.0.0.2")
    assert door.guests == 3
    assert door.turned_away == {"found too many waiting": 1}
    assert told(last) == line("too many wait: try again later")


def test_guests_are_let_in_by_turns_of_their_addresses(door: Door, come: Come) -> None:
    for number in ("127.0.0.1",) * 4 + ("127.0.0.2",) * 2 + ("127.0.0.3",):
        come(number=number)
    order = []
    while found := door.next():
        order.append(found.origin[-1])
        found.sock.close()
    assert order == list("1231211")


def test_the_guests_of_an_address_keep_their_order(door: Door, come: Come) -> None:
    for _ in range(5):
        come()
    times = []
    while found := door.next():
        times.append(found.until)
        found.sock.close()
    assert len(times) == 5 and all(one < other for one, other in pairwise(times))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_door_without_room_rests_and_goes_on(
    number: int, door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []

    def exhausted(_: socket.socket) -> None:
        tries.append(time.monotonic())
        raise OSError(number, "no room")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", exhausted)
        come(b"")
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            door.wait(0.1)
    assert len(tries) == 1
    time.sleep(doors.REST)
    come()
    assert door.guests == 1


def test_who_does_not_greet_makes_room_where_the_system_has_none(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = come(b"")
    accept, tries = socket.socket.accept, iter([OSError(errno.EMFILE, "no room")])

    def once(sock: socket.socket) -> tuple[socket.socket, object]:
        for error in tries:
            raise error
        return accept(sock)

    monkeypatch.setattr(socket.socket, "accept", once)
    come()
    assert door.guests == 1
    assert told(silent) == line("too many clients: try again later")
    assert door.turned_away == {"came while the system had no room for more": 1}


def test_a_client_that_was_lost_as_it_came_ends_nothing(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: socket.socket) -> None:
        raise ConnectionAbortedError(errno.ECONNABORTED, "gone")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "accept", lost)
        come(b"")
    come()
    assert door.guests == 1


def test_whatever_is_sent_ends_nobody_else(door: Door, come: Come) -> None:
    rng, whole = np.random.default_rng(1), hello()
    for _ in range(150):
        octets = bytearray(whole)
        octets[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        at = guest(listening(door._listener), bytes(octets))
        door.wait(0.02)
        at.close()
    come()
    assert door.guests >= 1


def test_a_refused_client_gets_its_line_as_an_error(
    door: Door, come: Come, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "GUESTS", 0)
    with (
        Channel(come()) as channel,
        pytest.raises(Refused, match="too many wait: try again later"),
    ):
        channel.receive(HELLO, at_most=MOST)


@pytest.mark.parametrize(
    ("number", "same"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_address_is_told_apart_by_what_its_owner_cannot_choose(number: str, same: str) -> None:
    assert origin(number) == same


# With keys


@pytest.fixture
def locked() -> Iterator[Door]:
    """A door for alice and bob."""
    with listen(Address("127.0.0.1", 0)) as listener:
        made = Door(listener, PARAMETERS, server_lock("alice", "bob").over)
        yield made
        made.close()


@pytest.fixture
def greet(locked: Door) -> Iterator[Callable[[str], Channel]]:
    """Somebody who shows a key and greets."""
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:

        def greeted(name: str) -> Channel:
            sock = guest(listening(locked._listener), b"")
            channel = stack.enter_context(Channel(sock, limit=5, seal=client_lock(name).over(sock)))
            sent = pool.submit(channel.send, HELLO, greeting("client", {"packing": None}))
            while not sent.done():
                locked.wait(0.02)
            look(locked)
            return channel

        yield greeted


Greet = Callable[[str], Channel]


def test_a_guest_is_told_apart_by_its_key(locked: Door, greet: Greet) -> None:
    for name in ("alice", "alice", "bob"):
        greet(name)
    order = []
    while found := locked.next():
        assert found.seal and found.seal.peer and found.heard == hello()
        order.append((found.origin, found.seal.peer.name))
        found.sock.close()
    assert order == [("alice", "alice"), ("bob", "bob"), ("alice", "alice")]


def test_one_client_has_so_many_connections_at_the_door(
    locked: Door, greet: Greet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "EACH", 2)
    greet("alice")
    greet("alice")
    with pytest.raises(Refused, match="too many of yours wait already"):
        greet("alice").receive(HELLO, at_most=MOST)
    greet("bob")
    assert (locked.guests, locked.turned_away) == (3, {"had too many connections": 1})


def test_a_guest_with_a_key_that_goes_away_is_forgotten(locked: Door, greet: Greet) -> None:
    greet("alice").close()
    look(locked)
    assert (locked.guests, locked.turned_away) == (0, {})


def test_whatever_is_sent_to_a_locked_door_ends_nobody_else(locked: Door, greet: Greet) -> None:
    rng = np.random.default_rng(1)
    for size in (1, 5, 20, 600):
        for first in (b"\x16\x03\x01", b"\x15\x03\x03", b""):
            at = guest(listening(locked._listener), first + rng.bytes(size))
            locked.wait(0.02)
            at.close()
    greet("alice")
    assert locked.guests == 1
