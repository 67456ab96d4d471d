"""The channel between client and server: frames, hostile peers, accounts, links and addresses."""

import errno
import gc
import hashlib
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Any, cast

import numpy as np
import pytest

from deepreshape import __version__
from deepreshape.private.wire import handshake as handshakes
from deepreshape.private.wire import pipe
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.frames import ERROR, HEADER, HELLO, LINE, TURN
from deepreshape.private.wire.handshake import Parameter, digest, handshake
from deepreshape.private.wire.link import (
    LINKS,
    Address,
    Link,
    Relay,
    accept,
    connect,
    listen,
    listening,
)
from deepreshape.private.wire.pipe import BadFrame, Mismatch, PeerGone, PeerSlow, Refused, WireError
from deepreshape.private.wire.traffic import Account, Tally


class Kind(IntEnum):
    LABELS = 1
    TABLES = 2


HEADER_BYTES = 20
LOOPBACK = Address("127.0.0.1", 0)


def frame(kind: int, number: int, payload: bytes | bytearray, length: int | None = None) -> bytes:
    """A frame as the documentation has it, written down a second time."""
    size = len(payload) if length is None else length
    return b"DR" + struct.pack("<BBQQ", 3, kind, number, size) + payload


@contextmanager
def channels(link: Link | None = None, limit: float = 20.0) -> Iterator[tuple[Channel, Channel]]:
    left, right = socket.socketpair()
    with Channel(left, link=link, limit=limit) as a, Channel(right, link=link, limit=limit) as b:
        yield a, b


@contextmanager
def one_channel(limit: float = 20.0) -> Iterator[tuple[Channel, socket.socket]]:
    """A channel, and the bare socket of its peer."""
    left, right = socket.socketpair()
    with Channel(left, limit=limit) as channel, right:
        yield channel, right


@contextmanager
def tcp_channels() -> Iterator[tuple[Channel, Channel]]:
    with listen(LOOPBACK) as listener:
        client = connect(listening(listener))
        with Channel(client, limit=20.0) as a, Channel(accept(listener), limit=20.0) as b:
            yield a, b


@contextmanager
def beside(function: Callable[..., object], *arguments: object) -> Iterator[None]:
    """Run a function in a thread next to the body; what it raises is raised at the end."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(function, *arguments)
        yield
        future.result(30)


class Tape:
    """A socket whose peer has sent some bytes and closed; it never waits."""

    def __init__(self, octets: bytes) -> None:
        self.left = octets
        self.written = b""
        self.largest = 0
        self.calls = 0

    def setblocking(self, flag: bool) -> None: ...

    def close(self) -> None: ...

    def recv_into(self, view: memoryview) -> int:
        count = min(view.nbytes, len(self.left))
        view[:count] = self.left[:count]
        self.left = self.left[count:]
        self.largest = max(self.largest, view.nbytes)
        self.calls += 1
        return count

    def sendmsg(self, parts: list[memoryview]) -> int:
        octets = b"".join(parts)
        self.written += octets
        return len(octets)


def on(tape: Tape) -> Channel:
    return Channel(cast(socket.socket, tape))


# Frames


@pytest.mark.parametrize("size", [0, 1, 65535, 10_000_000])
def test_a_payload_of_any_size_arrives_unchanged(size: int) -> None:
    payload = np.random.default_rng(size).bytes(size)
    with channels() as (a, b), beside(a.send, Kind.LABELS, payload):
        assert b.receive(Kind.LABELS, exactly=size) == payload


def send_many(channel: Channel, payloads: list[Any]) -> None:
    for payload in payloads:
        channel.send(Kind.TABLES, payload)


def test_frames_arrive_in_order_over_tcp() -> None:
    payloads = [bytes([i]) * i for i in range(100)]
    with tcp_channels() as (a, b), beside(send_many, a, payloads):
        assert list(b.receive_many(Kind.TABLES, 100, at_most=99)) == payloads


def test_an_array_is_sent_and_filled_in_place() -> None:
    numbers = np.arange(30_000, dtype=np.uint64).reshape(100, 300)
    found = np.zeros_like(numbers)
    with channels() as (a, b), beside(a.send, Kind.TABLES, numbers):
        b.receive_into(Kind.TABLES, found)
    np.testing.assert_array_equal(found, numbers)


def test_an_empty_buffer_is_filled_by_an_empty_frame() -> None:
    with channels() as (a, b):
        send_many(a, [np.zeros((0, 3)), b"x"])
        b.receive_into(Kind.TABLES, np.zeros((3, 0)))
        assert b.receive(Kind.TABLES, exactly=1) == b"x"


def test_a_payload_may_be_changed_once_it_is_sent() -> None:
    payload = bytearray(b"before")
    with channels(Link(0.05, 1e9)) as (a, b):
        a.send(Kind.LABELS, payload)
        payload[:] = b"after!"
        assert b.receive(Kind.LABELS, at_most=6) == b"before"


def test_both_sides_may_send_much_at_once() -> None:
    def exchange(channel: Channel, out: Kind, back: Kind) -> None:
        channel.send(out, bytes([out]) * 10_000_000)
        assert channel.receive(back, at_most=10_000_000) == bytes([back]) * 10_000_000

    with channels() as (a, b), beside(exchange, a, Kind.TABLES, Kind.LABELS):
        exchange(b, Kind.LABELS, Kind.TABLES)


def test_what_is_kept_for_a_peer_that_only_sends_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipe, "KEPT", 1 << 20)
    much = bytes(10_000_000)

    def send(channel: Channel) -> None:
        with pytest.raises(PeerSlow, match="did not take TABLES in time"):
            channel.send(Kind.TABLES, much, limit=0.3)

    with channels() as (a, b), beside(send, a):
        send(b)
        assert len(b._pipe._kept) <= (1 << 20) + pipe.PIECE


@pytest.mark.parametrize("said", ["much", "that it sends no more"])
def test_who_waits_to_send_sleeps(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tries, wait = list[float](), pipe.Pipe._wait

    def counted(self: pipe.Pipe, deadline: float, writing: bool) -> bool:
        tries.append(deadline)
        return wait(self, deadline, writing)

    monkeypatch.setattr(pipe, "KEPT", 1 << 12)
    monkeypatch.setattr(pipe, "PIECE", 1 << 12)
    monkeypatch.setattr(pipe.Pipe, "_wait", counted)
    with one_channel() as (channel, peer):
        if said == "much":
            peer.setblocking(False)
            peer.send(bytes(1 << 18))
        else:
            peer.shutdown(socket.SHUT_WR)
        with pytest.raises(PeerSlow):
            channel.send(Kind.LABELS, bytes(10_000_000), limit=0.3)
    assert len(tries) < 50


@pytest.mark.parametrize("kind", [-1, TURN, ERROR, 256])
def test_a_kind_that_is_no_byte_or_taken_is_an_error(kind: int) -> None:
    with channels() as (a, _), pytest.raises(ValueError, match=f"the kind {kind} is not in"):
        a.send(kind, b"")


def test_a_payload_with_gaps_is_an_error() -> None:
    with channels() as (a, _), pytest.raises(ValueError, match="contiguous"):
        a.send(Kind.LABELS, np.zeros((4, 4))[:, ::2])


def test_a_read_only_buffer_is_an_error() -> None:
    with channels() as (a, _), pytest.raises(ValueError, match="read-only"):
        a.receive_into(Kind.LABELS, b"four")


@pytest.mark.parametrize("lengths", [{}, {"at_most": 1, "exactly": 1}])
def test_a_receive_needs_one_bound_of_the_length(lengths: dict[str, int]) -> None:
    with channels() as (a, _), pytest.raises(ValueError, match="either at_most or exactly"):
        a.receive(Kind.LABELS, **lengths)


# Hostile peers

SENT = b"QZX" * 10
GOOD = frame(Kind.LABELS, 0, SENT)
BAD = {
    "garbage": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "something else than a frame"),
    "another version": (GOOD[:2] + b"\x01" + GOOD[3:], "are of version 1, ours of 3"),
    "a dropped frame": (frame(Kind.LABELS, 1, SENT), "frame 1 came where 0 was due"),
    "another kind": (frame(Kind.TABLES, 0, SENT), "a frame of kind 2 came where LABELS was due"),
    "a frame too long": (frame(Kind.LABELS, 0, SENT * 2), "60 bytes, where 0 to 30 are allowed"),
    "a length beyond memory": (frame(Kind.LABELS, 0, SENT, (1 << 64) - 1), "18446744073709551615"),
    "an error too long": (frame(ERROR, 0, bytes(LINE + 1)), "said why in 301 bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_is_told_by_what_is_wrong(name: str) -> None:
    octets, message = BAD[name]
    with pytest.raises(BadFrame, match=message) as caught:
        on(Tape(octets)).receive(Kind.LABELS, at_most=30)
    assert "QZX" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_repeated_frame_is_found() -> None:
    channel = on(Tape(GOOD + GOOD))
    assert channel.receive(Kind.LABELS, at_most=30) == SENT
    with pytest.raises(BadFrame, match="frame 0 came where 1 was due"):
        channel.receive(Kind.LABELS, at_most=30)


def test_frames_out_of_order_are_found() -> None:
    channel = on(Tape(frame(1, 0, b"") + frame(1, 2, b"") + frame(1, 1, b"")))
    channel.receive(1, at_most=0)
    with pytest.raises(BadFrame, match="frame 2 came where 1 was due"):
        channel.receive(1, at_most=0)


@pytest.mark.parametrize("length", [29, 31])
def test_a_length_other_than_the_exact_one_is_refused(length: int) -> None:
    with pytest.raises(BadFrame, match=f"{length} bytes, where 30 are allowed"):
        on(Tape(frame(Kind.LABELS, 0, bytes(length)))).receive(Kind.LABELS, exactly=30)


def test_a_frame_too_long_is_refused_before_any_of_it_is_read() -> None:
    tape = Tape(frame(Kind.LABELS, 0, SENT, 1 << 50))
    with pytest.raises(BadFrame, match="allowed"):
        on(tape).receive(Kind.LABELS, at_most=1 << 49)
    assert tape.left == SENT and tape.largest == HEADER_BYTES


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_frame_that_does_not_fill_a_buffer_exactly_is_refused(size: int) -> None:
    tape = Tape(frame(1, 0, bytes(size)))
    with pytest.raises(BadFrame, match=f"{size} bytes, where 10 are allowed"):
        on(tape).receive_into(1, bytearray(10))


@pytest.mark.parametrize("cut", [0, 1, HEADER_BYTES, HEADER_BYTES + 7])
def test_a_peer_that_closes_within_a_frame_is_gone(cut: int) -> None:
    came = f"{cut if cut < HEADER_BYTES else cut - HEADER_BYTES} of "
    with one_channel() as (channel, peer):
        peer.sendall(GOOD[:cut])
        peer.close()
        with pytest.raises(PeerGone, match=f"closed the connection where LABELS was due: {came}"):
            channel.receive(Kind.LABELS, at_most=30)


def test_a_peer_that_closes_is_gone_for_who_sends() -> None:
    with one_channel() as (channel, peer):
        peer.close()
        with pytest.raises(PeerGone, match="before it took LABELS"):
            channel.send(Kind.LABELS, SENT)


def test_a_peer_that_says_nothing_is_slow() -> None:
    with one_channel() as (channel, _), pytest.raises(PeerSlow, match="0 of 20 bytes came"):
        channel.receive(Kind.LABELS, at_most=30, limit=0.05)


def drip(step: Callable[[], object], stop: threading.Event) -> None:
    with suppress(OSError):
        while not stop.wait(0.05):
            step()


def test_a_peer_that_sends_a_byte_at_a_time_is_slow() -> None:
    stop, octets = threading.Event(), iter(frame(Kind.LABELS, 0, bytes(1000)))
    with (
        one_channel() as (channel, peer),
        beside(drip, lambda: peer.send(bytes([next(octets)])), stop),
    ):
        start = time.monotonic()
        with pytest.raises(PeerSlow, match="did not send LABELS in time"):
            channel.receive(Kind.LABELS, at_most=1000, limit=0.3)
        assert 0.3 <= time.monotonic() - start < 1.3
        stop.set()


def test_a_peer_that_takes_a_little_at_a_time_is_slow() -> None:
    stop = threading.Event()
    with one_channel() as (channel, peer), beside(drip, lambda: peer.recv(4096), stop):
        start = time.monotonic()
        with pytest.raises(PeerSlow, match="did not take LABELS in time"):
            channel.send(Kind.LABELS, bytes(10_000_000), limit=0.3)
        assert 0.3 <= time.monotonic() - start < 1.3
        stop.set()


def test_a_peer_that_is_never_late_is_slow_all_the_same() -> None:
    stop, frames = threading.Event(), (frame(Kind.LABELS, i, b"") for i in range(1000))
    with one_channel() as (channel, peer), beside(drip, lambda: peer.send(next(frames)), stop):
        start = time.monotonic()
        with pytest.raises(PeerSlow), channel.within(0.3):
            for _ in range(1000):
                channel.receive(Kind.LABELS, exactly=0)
        assert 0.3 <= time.monotonic() - start < 1.3
        stop.set()


def test_a_bound_of_many_frames_ends_with_them() -> None:
    with channels() as (a, b):
        with a.within(0.05):
            a.send(Kind.LABELS, b"")
        time.sleep(0.1)
        b.send(Kind.LABELS, b"x")
        assert a.receive(Kind.LABELS, exactly=1) == b"x"


def test_a_channel_that_failed_has_stopped() -> None:
    channel = on(Tape(BAD["garbage"][0] + GOOD))
    with pytest.raises(BadFrame):
        channel.receive(Kind.LABELS, at_most=30)
    for use in (lambda: channel.send(1, b""), lambda: channel.receive(Kind.LABELS, at_most=30)):
        with pytest.raises(WireError, match="has stopped: the peer sent something else"):
            use()


def test_a_closed_channel_has_stopped() -> None:
    with channels() as (a, _):
        a.close()
        with pytest.raises(WireError, match="has stopped: it was closed"):
            a.send(1, b"")


# A side that says why it stops


def test_a_side_that_stops_tells_the_other_why() -> None:
    with channels() as (a, b):
        a.refuse("the model has no layer 7")
        with pytest.raises(Refused, match=r"^the peer stopped: the model has no layer 7$"):
            b.receive(Kind.LABELS, at_most=1)


def test_a_side_that_stops_after_an_error_of_the_other_says_so() -> None:
    with one_channel() as (channel, peer):
        peer.sendall(b"garbage" * 10)
        with pytest.raises(BadFrame):
            channel.receive(1, at_most=1)
        channel.refuse("no frame")
        assert peer.recv(100) == frame(ERROR, 0, b"no frame")


def test_who_is_sending_learns_why_the_other_left() -> None:
    with tcp_channels() as (a, b):
        b.send(Kind.LABELS, bytes(100_000))  # comes before the reason, and is never read
        b.refuse("out of memory")
        b.close()
        with pytest.raises(Refused, match="out of memory"):
            for _ in range(100):
                a.send(Kind.TABLES, bytes(1_000_000))


def test_a_reason_cannot_steer_a_terminal() -> None:
    with pytest.raises(Refused) as caught:
        on(Tape(frame(ERROR, 0, b"a\x1b[2J\n\r\x00\xff\x9bb"))).receive(1, at_most=1)
    assert str(caught.value).isprintable()


def test_a_reason_is_cut_to_its_length() -> None:
    with channels() as (a, b):
        a.refuse("é\n" * 1000)
        with pytest.raises(Refused) as caught:
            b.receive(1, at_most=1)
    assert len(str(caught.value)) == len("the peer stopped: ") + LINE


def test_a_reason_never_completes_a_frame_that_was_cut_off() -> None:
    with one_channel() as (channel, peer):
        with pytest.raises(PeerSlow):
            channel.send(Kind.LABELS, bytes(10_000_000), limit=0.05)
        peer.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                peer.recv(1 << 20)
        channel.refuse("too slow")
        with pytest.raises(BlockingIOError):
            peer.recv(1)


# The frame reader under 10^5 inputs

KINDS = (Kind.LABELS, Kind.TABLES, Kind.LABELS)
MOST = 40


def stream(payloads: Sequence[bytes | bytearray]) -> bytes:
    """The first frames of a conversation with these payloads."""
    numbered = enumerate(zip(KINDS, payloads, strict=False))
    return b"".join(frame(kind, i, payload) for i, (kind, payload) in numbered)


def mutated(octets: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, put in or repeated."""
    where, size, way = (int(rng.integers(most)) for most in (len(octets), 30, 4))
    if way == 0:
        changed = bytearray(octets)
        changed[where] ^= 1 << size % 8
        return bytes(changed)
    middle = (b"", rng.bytes(size), octets[where : where + size] * 2)[way - 1]
    return octets[:where] + middle + octets[where + (0 if way == 2 else size) :]


@pytest.mark.long
def test_the_frame_reader_takes_only_what_was_sent_and_fails_only_as_documented() -> None:
    rng = np.random.default_rng(20260801)
    accepted_of = {"random": 0, "mutated": 0, "truncated": 0}
    for number in range(int(os.environ.get("HOSTILE_FRAMES", "100_000"))):
        payloads = [b"Q" * int(size) for size in rng.integers(0, MOST + 1, 3)]
        octets = stream(payloads)
        way = ("random", "mutated", "truncated")[number % 3]
        if way == "random":  # after none, some or all of a header
            octets = octets[: int(rng.integers(0, HEADER_BYTES + 2))] + rng.bytes(60)
        elif way == "mutated":
            octets = mutated(octets, rng)
        else:
            octets = octets[: int(rng.integers(0, len(octets)))]
        tape, accepted = Tape(octets), list[bytearray]()
        channel = on(tape)
        try:
            for kind in KINDS:
                accepted.append(channel.receive(kind, at_most=MOST))
        except WireError as error:
            assert "Q" not in str(error) and str(error).isprintable()
        # What was accepted is, written as frames, what stood at the front of the input.
        assert octets.startswith(stream(accepted))
        assert tape.largest <= max(HEADER_BYTES, MOST, LINE) and tape.calls <= 4 * len(KINDS)
        if way == "truncated":
            assert accepted == payloads[: len(accepted)] and len(accepted) < len(KINDS)
        accepted_of[way] += len(accepted)
    assert min(accepted_of.values()) > 500


# The handshake

OURS: dict[str, Parameter] = {"ring": 1 << 41, "packing": "rotation-free", "model": None}


def hello(**changed: Any) -> bytes:
    parameters = changed.get("parameters", OURS)
    fields = {
        "protocol": 3,
        "library": __version__,
        "side": "server",
        "digest": digest(parameters) if isinstance(parameters, dict) else "",
        "parameters": parameters,
    }
    fields |= changed
    return json.dumps({k: v for k, v in fields.items() if v != "absent"}).encode()


def meet(octets: bytes) -> dict[str, Parameter]:
    """A client's handshake with a peer that sends these bytes as its hello."""
    return handshake(on(Tape(frame(HELLO, 0, octets))), "client", OURS)


def test_both_sides_agree_and_a_parameter_left_open_is_the_others() -> None:
    with channels() as (a, b):
        with beside(handshake, a, "client", OURS):
            agreed = handshake(b, "server", OURS | {"model": "0f3a"})
        assert agreed == OURS | {"model": "0f3a"}
    assert meet(hello(parameters=OURS | {"model": "0f3a"})) == agreed


def test_the_digest_is_that_of_the_sorted_json() -> None:
    text = b'{"model": null, "packing": "rotation-free", "ring": 2199023255552}'
    assert digest(OURS) == hashlib.sha256(text).hexdigest()


DIFFERENT = {
    "a parameter": (
        hello(parameters=OURS | {"ring": 3}),
        "^ring: this side has 2199023255552, the peer 3$",
    ),
    "the protocol": (hello(protocol=1, digest="absent"), "^protocol: this side has 3, the peer 1"),
    "the library": (hello(library="9.\x1b"), r"^library: .*the peer 9\.\?$"),
    "the same side": (hello(side="client"), "^side: both parties are the client$"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_between_the_sides_is_named(name: str) -> None:
    octets, message = DIFFERENT[name]
    with pytest.raises(Mismatch, match=message):
        meet(octets)


STRANGE = {
    "no JSON": (b"QZX", "strict JSON"),
    "no UTF-8": (b'"\xff"', "strict JSON"),
    "no object": (b"[1]", "not a JSON object"),
    "a name twice": (b'{"protocol": 1, "protocol": 1}', "strict JSON"),
    "no number": (hello(parameters={"ring": float("nan")}, digest=""), "strict JSON"),
    "a fraction": (hello(parameters={"ring": 1.5}, digest=""), "strict JSON"),
    "a deep nest": (b"[" * 60_000, "strict JSON"),
    "a long number": (b"9" * 60_000, "strict JSON"),
    "a missing field": (hello(library="absent"), "lacks the field 'library'"),
    "a missing protocol": (hello(protocol="absent"), "lacks the field 'protocol'"),
    "an unknown field": (hello(extra=1), "an unknown field: extra"),
    "a field's type": (hello(side=1), "'side' of the peer's hello has the wrong type"),
    "a true protocol": (hello(protocol=True), "'protocol' of the peer's hello has the wrong type"),
    "parameters' type": (hello(parameters=[]), "'parameters' of the peer's hello has the wrong"),
    "a missing parameter": (hello(parameters={"ring": 1 << 41}), "lacks the parameter 'model'"),
    "an unknown parameter": (hello(parameters=OURS | {"\x1b": 1}), r"unknown parameter: \?$"),
    "a parameter's type": (hello(parameters=OURS | {"ring": "1"}), "'ring' of the peer has the w"),
    "a nested parameter": (hello(parameters=OURS | {"model": [1]}), "'model' of the peer has the"),
    "another digest": (hello(digest=digest({})), "the digest in the peer's hello is not that"),
    "too much": (hello(library="x" * 70_000), "a greeting has .* allowed"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_hello_is_told_by_what_is_wrong(name: str) -> None:
    octets, message = STRANGE[name]
    with pytest.raises(BadFrame, match=message):
        meet(octets)


def test_what_is_no_frame_is_told_to_come_in_place_of_a_greeting() -> None:
    with pytest.raises(BadFrame, match="something else than a frame where a greeting was due"):
        handshake(on(Tape(BAD["garbage"][0])), "server", OURS)


def test_a_client_has_to_greet_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "PROMPT", 0.1)
    with one_channel() as (channel, _), pytest.raises(PeerSlow, match="a greeting in time"):
        handshake(channel, "server", OURS)


def test_a_client_waits_longer_for_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshakes, "PROMPT", 0.1)
    with one_channel() as (channel, peer), ThreadPoolExecutor(1) as pool:
        agreed = pool.submit(handshake, channel, "client", OURS)
        time.sleep(0.3)
        peer.sendall(frame(HELLO, 0, hello()))
        assert agreed.result(5) == OURS


def test_a_hello_with_any_byte_changed_is_refused_or_means_the_same() -> None:
    rng, octets = np.random.default_rng(1), hello()
    for _ in range(5000):
        try:
            assert meet(mutated(octets, rng)) == OURS
        except WireError as error:
            assert str(error).isprintable()


def test_parameters_beyond_the_limit_of_a_hello_are_an_error() -> None:
    with channels() as (a, _), pytest.raises(ValueError, match=f"of {handshakes.MOST} at most"):
        handshake(a, "client", {"model": "x" * handshakes.MOST})


# Accounts


def question_and_answer(a: Channel, b: Channel, count: int, asked: int, answered: int) -> None:
    for _ in range(count):
        a.send(Kind.LABELS, bytes(asked))
        b.receive(Kind.LABELS, exactly=asked)
        b.send(Kind.TABLES, bytes(answered))
        a.receive(Kind.TABLES, exactly=answered)


def counts(tally: Tally) -> tuple[int, ...]:
    return (
        tally.sent,
        tally.received,
        tally.frames_sent,
        tally.frames_received,
        tally.rounds,
    )


def test_questions_and_answers_are_counted_in_bytes_frames_and_rounds() -> None:
    with channels() as (a, b):
        question_and_answer(a, b, 7, 100, 3000)
        assert counts(a.traffic.total()) == (7 * 120, 7 * 3020, 7, 7, 14)
        assert counts(b.traffic.total()) == (7 * 3020, 7 * 120, 7, 7, 14)


def test_frames_that_follow_each_other_one_way_are_one_round() -> None:
    with channels() as (a, b):
        send_many(a, [bytes(10)] * 5)
        list(b.receive_many(Kind.TABLES, 5, at_most=10))
        assert counts(a.traffic.total()) == (150, 0, 5, 0, 1)
        assert counts(b.traffic.total()) == (0, 150, 0, 5, 1)


def test_traffic_is_told_apart_by_phase_and_step() -> None:
    with channels() as (a, b):
        with a.account("offline", "conv1"):
            a.send(Kind.LABELS, bytes(5))
            with a.account("offline", "conv2"):
                a.send(Kind.LABELS, bytes(6))
            a.send(Kind.LABELS, bytes(7))
        with a.account("online", "conv1"):
            b.send(Kind.LABELS, bytes(8))
            a.receive(Kind.LABELS, exactly=8)
        traffic = a.traffic
        assert {account: counts(tally) for account, tally in traffic.tallies.items()} == {
            Account("offline", "conv1"): (52, 0, 2, 0, 1),
            Account("offline", "conv2"): (26, 0, 1, 0, 0),
            Account("online", "conv1"): (0, 28, 0, 1, 1),
        }
        assert counts(traffic.total("offline")) == (78, 0, 3, 0, 1)
        assert counts(traffic.total()) == (78, 28, 3, 1, 2)


def test_a_table_of_traffic_does_not_change_afterwards() -> None:
    with channels() as (a, _):
        a.send(Kind.LABELS, b"")
        before = a.traffic
        a.send(Kind.LABELS, b"")
        assert before.total().frames_sent == 1
        with pytest.raises(TypeError):
            before.tallies[Account("", "")] = Tally()  # type: ignore[index]


def test_the_wait_for_a_peer_is_counted_even_if_it_fails() -> None:
    with channels() as (a, _):
        with a.account("online", "relu"), pytest.raises(PeerSlow):
            a.receive(Kind.LABELS, at_most=1, limit=0.1)
        assert a.traffic.total("online").seconds >= 0.1
        assert counts(a.traffic.total()) == (0, 0, 0, 0, 0)


# Emulated links


def test_the_latency_of_a_link_is_paid_once_by_frames_that_follow_each_other() -> None:
    link = Link(round_trip=0.2, bandwidth=8e6)
    with channels(link) as (a, b):
        start = time.monotonic()
        with beside(send_many, a, [bytes(10_000)] * 20):
            list(b.receive_many(Kind.TABLES, 20, at_most=10_000))
        elapsed = time.monotonic() - start
    assert link.seconds(20 * 10_020) == pytest.approx(0.3004)
    assert 0.3004 <= elapsed < 0.2004 + 10 * 0.1  # 2.2 if every frame waited


def test_a_question_and_its_answer_take_the_round_trip_of_a_link() -> None:
    with channels(Link(round_trip=0.1, bandwidth=1e9)) as (a, b):
        start = time.monotonic()
        question_and_answer(a, b, 2, 1, 1)
        assert 0.2 <= time.monotonic() - start < 0.9
        assert a.traffic.total().rounds * 0.1 / 2 == pytest.approx(0.2)


def test_a_link_delays_both_directions_by_the_bytes_of_each() -> None:
    link = Link(round_trip=0.0, bandwidth=8e6)
    with channels(link) as (a, b):
        start = time.monotonic()
        question_and_answer(a, b, 1, 100_000, 50_000)
        assert time.monotonic() - start >= 0.15


def test_what_was_sent_over_a_link_arrives_though_the_sender_closes() -> None:
    left, right = socket.socketpair()
    with Channel(right, limit=20.0) as b:
        with Channel(left, link=Link(0.3, 1e9)) as a:
            a.send(Kind.LABELS, SENT)
        assert b.receive(Kind.LABELS, at_most=30) == SENT


def test_a_peer_that_goes_is_noticed_through_a_link() -> None:
    left, right = socket.socketpair()
    with Channel(left, link=Link(0.0, 1e9), limit=20.0) as a:
        right.close()
        with pytest.raises(PeerGone):
            for _ in range(1000):
                a.send(Kind.LABELS, bytes(100_000))


def test_a_link_to_a_peer_that_takes_nothing_still_closes() -> None:
    before = threading.active_count()
    left, right = socket.socketpair()
    with left, right:
        relay = Relay(left, Link(0.0, 1e9))
        relay.inlet.settimeout(0.2)
        with pytest.raises(TimeoutError):
            relay.inlet.sendall(bytes(10_000_000))
        relay.close(linger=0.1)
    assert threading.active_count() == before


def test_a_link_as_slow_as_can_be_still_closes() -> None:
    before = threading.active_count()
    left, right = socket.socketpair()
    with left, right:
        relay = Relay(left, Link(1e6, 1.0))
        relay.inlet.sendall(bytes(1000))
        relay.close(linger=0.1)
    assert threading.active_count() == before


@pytest.mark.parametrize(("round_trip", "bandwidth"), [(-1.0, 1.0), (0.0, 0.0), (float("nan"), 1)])
def test_a_link_that_cannot_be_is_an_error(round_trip: float, bandwidth: float) -> None:
    with pytest.raises(ValueError, match="a link needs"):
        Link(round_trip, bandwidth)


def test_the_named_links_run_from_fast_to_slow() -> None:
    times = {name: link.seconds(10**8) for name, link in LINKS.items()}
    assert times["cheetah-lan"] < times["lan"] < times["cheetah-wan"] < times["wan"]
    assert times["wan"] == pytest.approx(8.05)


def test_nothing_outlives_a_channel() -> None:
    before = threading.active_count()
    with channels(Link(0.01, 1e9)) as (a, b):
        question_and_answer(a, b, 2, 100, 100)
        a.close()
        a.close()
    with tcp_channels() as (a, b):
        question_and_answer(a, b, 2, 100, 100)
    gc.collect()  # a socket left open is a warning here, and warnings are errors
    assert threading.active_count() == before
    assert a._sock.fileno() == b._sock.fileno() == -1


# Addresses


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("localhost:9000", Address("localhost", 9000)),
        ("192.0.2.1:1", Address("192.0.2.1", 1)),
        ("[::1]:9000", Address("::1", 9000)),
        ("[fe80::1%eth0]:65535", Address("fe80::1%eth0", 65535)),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert Address.parse(text) == address and str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:", ":9000", "::1:9000", "[::1]", "[a]:1:2", "http://h:1", "h:٣", "h :1"],
)
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no address: write host:port"):
        Address.parse(text)


def test_a_port_beyond_65535_is_an_error() -> None:
    with pytest.raises(ValueError, match="the port 65536 is not in"):
        Address.parse("localhost:65536")


def test_client_and_server_meet_over_ipv6() -> None:
    try:
        listener = listen(Address("::1", 0))
    except WireError:
        pytest.skip("this machine has no IPv6")
    with listener, Channel(connect(listening(listener))) as a:
        assert str(listening(listener)).startswith("[::1]:")
        with Channel(accept(listener)) as b:
            question_and_answer(a, b, 1, 10, 10)


@pytest.mark.parametrize("host", ["::", "::0"])
@pytest.mark.parametrize("number", ["127.0.0.1", "::1"])
def test_every_number_of_a_machine_is_listened_to(host: str, number: str) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen(Address(host, 0)) as listener:
        at = Address(number, listening(listener).port)
        with Channel(connect(at)) as a, Channel(accept(listener)) as b:
            question_and_answer(a, b, 1, 10, 10)


def test_small_frames_are_not_held_back() -> None:
    with tcp_channels() as (a, b):
        for channel in (a, b):
            assert channel._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_told() -> None:
    with listen(LOOPBACK) as listener:
        at = listening(listener)
        with pytest.raises(WireError, match=f"^cannot listen at {at}: address already in use$"):
            listen(at)


def test_a_refused_connection_is_told() -> None:
    with listen(LOOPBACK) as listener:
        at = listening(listener)
    with pytest.raises(PeerGone, match=f"^cannot connect to {at}: connection refused$"):
        connect(at)


@pytest.mark.parametrize("open_socket", [listen, connect])
@pytest.mark.parametrize("host", ["a..b", "no such host"])
def test_an_unknown_host_is_told(
    open_socket: Callable[[Address], socket.socket], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host != "a..b":  # that one cannot even be asked for
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(WireError, match=f"^the host '{host}' is unknown$"):
        open_socket(Address(host, 9000))


def test_a_client_that_does_not_come_is_told() -> None:
    with (
        listen(LOOPBACK) as listener,
        pytest.raises(PeerSlow, match=r"no client came within 0\.05"),
    ):
        accept(listener, limit=0.05)


def test_a_client_that_is_lost_as_it_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(*_: object) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    with listen(LOOPBACK) as listener, connect(listening(listener)):
        monkeypatch.setattr(socket.socket, "setsockopt", reset)
        with pytest.raises(PeerGone, match="the client was lost as it came: invalid argument"):
            accept(listener, limit=5)


def test_the_header_is_as_documented() -> None:
    assert HEADER.size == HEADER_BYTES
    tape = Tape(b"")
    on(tape).send(Kind.TABLES, SENT)
    assert tape.written == frame(Kind.TABLES, 0, SENT)
