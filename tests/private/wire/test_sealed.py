"""An encrypted connection: whom it lets in; nothing on the way is changed or replayed."""

import multiprocessing
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Link
from deepreshape.private.wire.pipe import (
    BadFrame,
    PeerGone,
    PeerSlow,
    Refused,
    Unknown,
    Unsealed,
    WireError,
)
from deepreshape.private.wire.sealed import Lock, Sealed, lock
from tests.private.wire.locks import FOLDER, certificate, client_lock, key, server_lock

LIMIT = 5.0


@contextmanager
def pair(
    server: Lock | None, client: Lock | None, link: Link | None = None
) -> Iterator[tuple[Channel, Channel]]:
    """Channels of a server and a client, encrypted where there is a lock."""
    left, right = socket.socketpair()
    with (
        Channel(left, link=link, limit=LIMIT, seal=server.over(left) if server else None) as a,
        Channel(right, link=link, limit=LIMIT, seal=client.over(right) if client else None) as b,
    ):
        yield a, b


@contextmanager
def asks(client: Channel) -> Iterator[Future[bytearray]]:
    """A client that sends a frame and waits for another, beside the body."""

    def ask() -> bytearray:
        client.send(1, b"question")
        return client.receive(2, at_most=100)

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(ask)


def answered(server: Lock | None, client: Lock | None, link: Link | None = None) -> bytearray:
    with pair(server, client, link) as (a, b), asks(b) as asked:
        assert a.receive(1, at_most=100) == b"question"
        a.send(2, b"answer")
        return asked.result()


def failures(server: Lock | None, client: Lock | None) -> tuple[WireError, WireError]:
    """What is raised at a server and at its client, of which neither gets a byte."""
    with pair(server, client) as (a, b), asks(b) as asked:
        with pytest.raises(WireError) as ours:
            a.receive(1, at_most=100)
        a.close()
        with pytest.raises(WireError) as theirs:
            asked.result()
        assert not a.traffic.total().received and not b.traffic.total().received
    return ours.value, theirs.value


def test_two_that_know_each_other_talk() -> None:
    assert answered(server_lock("bob", "alice"), client_lock("alice")) == b"answer"


def test_an_emulated_link_lies_beneath() -> None:
    assert answered(server_lock("alice"), client_lock(), Link(0.01, 1e7)) == b"answer"


def test_a_client_that_is_not_known_is_refused() -> None:
    ours, theirs = failures(server_lock("bob"), client_lock("alice"))
    assert isinstance(ours, Unknown) and "not one that is known here" in str(ours)
    assert isinstance(theirs, Refused) and "does not know the key of this side" in str(theirs)


def test_a_server_without_clients_takes_none() -> None:
    ours, theirs = failures(server_lock(), client_lock("alice"))
    assert isinstance(ours, Unknown) and isinstance(theirs, Refused)


def test_a_server_with_another_key_is_refused() -> None:
    ours, theirs = failures(server_lock("alice", name="mallory"), client_lock(trusts="server"))
    assert isinstance(ours, Refused)
    assert isinstance(theirs, Unknown) and "not one that is known here" in str(theirs)


def test_a_client_without_a_certificate_is_refused() -> None:
    bare = client_lock()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate("server").octets)
    ours, theirs = failures(server_lock("alice"), Lock(context, bare.known, False))
    assert isinstance(ours, WireError) and isinstance(theirs, Refused)


def test_who_is_known_lets_nobody_else_in() -> None:
    """A key that alice signed, under a name that is on the list."""
    alice = load_pem_private_key(key("alice").read_bytes(), None)
    assert isinstance(alice, Ed25519PrivateKey)
    own = Ed25519PrivateKey.generate()

    def called(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])

    made = (
        x509.CertificateBuilder()
        .subject_name(called("bob"))
        .issuer_name(called("alice"))
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 1, 1, tzinfo=UTC))
        .sign(alice, None)
    )
    forged = FOLDER / "forged.key"
    private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    forged.write_bytes(private + made.public_bytes(Encoding.PEM) + key("alice").read_bytes())
    forged.chmod(0o600)
    client = lock(forged, [certificate("server")], server=False)
    ours, _ = failures(server_lock("alice", "bob"), client)
    assert isinstance(ours, Unknown)


def test_a_stolen_certificate_without_its_key_is_of_no_use() -> None:
    stolen = FOLDER / "stolen.key"
    mallory = key("mallory").read_text().partition("-----BEGIN CERT")[0]
    stolen.write_text(mallory + (FOLDER / "alice.pub").read_text())
    stolen.chmod(0o600)
    with pytest.raises(ValueError, match="is no key"):
        lock(stolen, [certificate("server")], server=False)


# Downgrades


def test_a_client_that_does_not_encrypt_is_refused() -> None:
    with pair(server_lock("alice"), None) as (server, client):
        client.send(1, b"question")
        with pytest.raises(Unsealed, match="does not encrypt"):
            server.receive(1, at_most=100)
        assert not server.traffic.total().received


def test_a_server_that_does_not_encrypt_is_refused_before_anything_is_sent() -> None:
    with pair(None, client_lock()) as (server, client):
        server.send(2, b"answer")
        with pytest.raises(Unsealed, match="does not encrypt"):
            client.send(1, b"question")
        assert not client.traffic.total().sent


@pytest.mark.parametrize("old", ["server", "client"])
def test_tls_before_its_version_1_3_is_refused(old: str) -> None:
    locks = {"server": server_lock("alice"), "client": client_lock()}
    locks[old].context.minimum_version = ssl.TLSVersion.TLSv1_2
    locks[old].context.maximum_version = ssl.TLSVersion.TLSv1_2
    for error in failures(locks["server"], locks["client"]):
        assert "does not speak TLS 1.3" in str(error)


def test_no_session_is_resumed() -> None:
    assert server_lock("alice").context.num_tickets == 0


# On the way


class Between(threading.Thread):
    """Somebody on the way, who passes on what a client sends. heard: of it, before the change."""

    def __init__(self, change: Callable[[int, bytes], bytes] | None = None) -> None:
        super().__init__(daemon=True)
        self.client, self._near = socket.socketpair()
        self._far, self.server = socket.socketpair()
        self.heard = b""
        self._change = change or (lambda at, octets: octets)
        self._back = threading.Thread(target=self._answers, daemon=True)

    def __enter__(self) -> "Between":
        self.start()
        self._back.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(LIMIT)
        self._back.join(LIMIT)
        for sock in (self._near, self._far):
            sock.close()

    def run(self) -> None:
        try:
            while octets := self._near.recv(1 << 16):
                at, self.heard = len(self.heard), self.heard + octets
                self._far.sendall(self._change(at, octets))
            self._far.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _answers(self) -> None:
        try:
            while octets := self._far.recv(1 << 16):
                self._near.sendall(octets)
            self._near.shutdown(socket.SHUT_WR)
        except OSError:
            return


def through(between: Between, client: Lock, server: Lock) -> tuple[bytes, WireError | None]:
    """What a server got of ten frames that a client sends, up to an error."""
    got = b""

    def send(channel: Channel) -> None:
        try:
            for number in range(10):
                channel.send(1, bytes([number]) * 100)
            channel.receive(2, at_most=0)
        except WireError:
            return

    with (
        between,
        ThreadPoolExecutor(1) as pool,
        Channel(between.client, limit=1, seal=client.over(between.client)) as a,
        Channel(between.server, limit=1, seal=server.over(between.server)) as b,
    ):
        done = pool.submit(send, a)
        try:
            for _ in range(10):
                got += b.receive(1, exactly=100)[:1]
            b.send(2, b"")
        except WireError as error:
            b.refuse(type(error).__name__)
            b.close()
            done.result()
            return got, error
        done.result()
    return got, None


def test_who_listens_sees_no_plaintext() -> None:
    between = Between()
    got, error = through(between, client_lock(), server_lock("alice"))
    assert (got, error) == (bytes(range(10)), None)
    assert all(bytes([number]) * 8 not in between.heard for number in range(10))


def test_the_name_of_a_client_is_encrypted_too() -> None:
    between = Between()
    through(between, client_lock(), server_lock("alice"))
    assert b"alice" not in between.heard and certificate("alice").octets not in between.heard


@pytest.mark.parametrize("part", range(12))
def test_a_byte_that_is_changed_on_the_way_ends_it_there(part: int) -> None:
    """Somewhere in the handshake, in a header of TLS, of a frame, or in a payload."""
    reference = Between()
    through(reference, client_lock(), server_lock("alice"))
    rng = np.random.default_rng(part)
    size = len(reference.heard)
    target = int(rng.integers(part * size // 12, (part + 1) * size // 12))

    def flip(at: int, octets: bytes) -> bytes:
        changed = bytearray(octets)
        if at <= target < at + len(octets):
            changed[target - at] ^= 1 << int(rng.integers(8))
        return bytes(changed)

    got, error = through(Between(flip), client_lock(), server_lock("alice"))
    assert error is not None
    assert got == bytes(range(len(got))) and len(got) < 10


def test_what_was_changed_is_said_on_both_sides() -> None:
    client, server = socket.socketpair()
    with (
        Channel(client, limit=LIMIT, seal=client_lock().over(client)) as a,
        Channel(server, limit=LIMIT, seal=(mine := server_lock("alice").over(server))) as b,
        asks(a) as asked,
    ):
        b.receive(1, at_most=100)
        changed = bytearray(made_of(mine, b"a frame"))
        changed[-1] ^= 1
        server.send(changed)
        with pytest.raises(BadFrame, match="bytes were changed on the way"):
            asked.result()
        with pytest.raises(Refused, match="found bytes that were changed"):
            b.receive(1, at_most=100)


def made_of(seal: Sealed, octets: bytes) -> bytes:
    """The bytes on the wire."""
    seal._encrypt([memoryview(octets)])
    return seal._made.read()


def test_records_that_come_twice_or_in_another_order_are_refused() -> None:
    for order in ((0, 0), (1, 0)):
        client, server = socket.socketpair()
        mine = client_lock().over(client)
        with (
            Channel(client, limit=LIMIT, seal=mine) as a,
            Channel(server, limit=LIMIT, seal=server_lock("alice").over(server)) as b,
            ThreadPoolExecutor(1) as pool,
        ):
            sent = pool.submit(a.send, 1, b"")
            b.receive(1, exactly=0)
            sent.result()
            records = [made_of(mine, b"one"), made_of(mine, b"other")]
            client.send(b"".join(records[each] for each in order))
            with pytest.raises(WireError):
                b.receive(1, at_most=100)
                b.receive(1, at_most=100)


def test_a_session_that_was_recorded_is_refused_when_it_is_replayed() -> None:
    between = Between()
    through(between, client_lock(), server_lock("alice"))
    left, right = socket.socketpair()
    with (
        right,
        Channel(left, limit=LIMIT, seal=server_lock("alice").over(left)) as server,
    ):
        right.sendall(between.heard)
        with pytest.raises(WireError):
            server.receive(1, at_most=100)
        assert not server.traffic.total().received


def test_a_connection_that_is_cut_ends_like_any_other() -> None:
    with pair(server_lock("alice"), client_lock()) as (server, client), asks(client) as asked:
        server.receive(1, at_most=100)
        server.close()
        with pytest.raises(PeerGone, match="closed the connection where"):
            asked.result()


# Manners of a channel


def test_who_does_not_shake_hands_has_a_limit() -> None:
    left, right = socket.socketpair()
    with (
        right,
        Channel(left, limit=0.1, seal=server_lock("alice").over(left)) as server,
        pytest.raises(PeerSlow, match="did not agree on an encryption in time"),
    ):
        server.receive(1, at_most=1)


def test_both_may_write_more_than_sockets_hold_at_once() -> None:
    octets = np.random.default_rng(1).bytes(8 << 20)
    with (
        pair(server_lock("alice"), client_lock()) as (server, client),
        ThreadPoolExecutor(1) as pool,
    ):

        def talk(channel: Channel) -> bytearray:
            channel.send(1, octets)
            return channel.receive(1, exactly=len(octets))

        other = pool.submit(talk, client)
        assert talk(server) == octets
        assert other.result() == octets


def test_a_silence_is_not_broken_by_the_handshake() -> None:
    with pair(server_lock("alice"), client_lock()) as (server, client), asks(client) as asked:
        server.receive(1, at_most=100)
        assert server.silent(0.05)
        server.send(2, b"")
        asked.result()
        server.send(2, b"more")
        assert not client.silent(1.0)
        assert client.receive(2, at_most=10) == b"more"


def test_a_forked_process_takes_a_connection_over() -> None:
    with pair(server_lock("alice"), client_lock()) as (server, client), asks(client) as asked:
        server.receive(1, at_most=100)
        process = multiprocessing.get_context("fork").Process(target=server.send, args=(2, b"mine"))
        process.start()
        assert asked.result() == b"mine"
        process.join()
