"""Client and server arrive at the reference, see nothing but masks, and survive each other."""

import random
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import copy
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seal

from deepreshape.design import Network, Stage, cull, quadratic, reuse, thin
from deepreshape.design.architectures import Grouped, PreActivation, Separable
from deepreshape.private import client as client_module
from deepreshape.private import packings, protocol
from deepreshape.private.client import Client
from deepreshape.private.garbled import garbling, received
from deepreshape.private.garbled.garbling import Reused
from deepreshape.private.garbled.half_gates import CHUNK, LABEL, Labels
from deepreshape.private.garbled.transfer import COLUMNS, HEADER, TransferError
from deepreshape.private.homomorphic import ciphertexts
from deepreshape.private.homomorphic.coefficients import Coefficients
from deepreshape.private.homomorphic.contexts import SEED_BYTES, CiphertextError, context
from deepreshape.private.program import public, reference
from deepreshape.private.program.steps import Linear, Nonlinear, Square, Step, Sum
from deepreshape.private.protocol import Kind, joint_steps, linear_steps, offline_order
from deepreshape.private.randomness import Randomness, Stream, SystemRandomness
from deepreshape.private.rings import BINARY, PRIME, Ring, Words
from deepreshape.private.server import FLOODING, Service, Session, service
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.frames import HELLO
from deepreshape.private.wire.handshake import handshake
from deepreshape.private.wire.pipe import WireError
from tests.families import FAMILIES
from tests.private.nets import Pixels, pixels, small, some_masks

TINY = Network(4, (Stage(4, 1),), 8, 5)
DEEPER = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5)
KNOWN = (WireError, CiphertextError, TransferError, ValueError)
LIMIT = 20.0
PAGE = Path(__file__).parents[2] / "book" / "security.md"

Frame = tuple[int, bytes]
Change = Callable[[int, Frame], Frame | None]


class Recorded(Channel):
    """A channel that keeps the frames it sends, and may change them; None closes instead."""

    def __init__(self, sock: socket.socket, change: Change | None, limit: float) -> None:
        super().__init__(sock, limit=limit)
        self.frames: list[Frame] = []
        self._change = change

    def send(self, kind: int, payload: Any, *, limit: float | None = None) -> None:
        frame = int(kind), bytes(memoryview(payload))
        if self._change:
            changed = self._change(len(self.frames), frame)
            if changed is None:
                self.close()
                raise WireError("closed by the test")
            frame = changed
        self.frames.append(frame)
        super().send(*frame, limit=limit)


class Known:
    """A source with a known key, that keeps what was drawn."""

    def __init__(self, key: int) -> None:
        self._source = SystemRandomness(bytes([key]) * 32)
        self.draws: list[bytes] = []

    def bytes(self, count: int) -> Any:
        drawn = self._source.bytes(count)
        self.draws.append(drawn.tobytes())
        return drawn


class Talk:
    """A session over a socket pair; the server is a thread."""

    def __init__(
        self,
        made: Service,
        images: Pixels,
        *,
        client: Change | None = None,
        server: Change | None = None,
        key: int = 1,
        limit: float = LIMIT,
    ) -> None:
        left, right = socket.socketpair()
        self.ours, self.theirs = Recorded(left, client, limit), Recorded(right, server, limit)
        self.logits: list[Any] = []
        self.labels: list[Labels] = []
        self.errors: dict[str, BaseException] = {}
        with self.ours, self.theirs:
            thread = threading.Thread(
                target=self._guarded, args=("server", self._serve, made, key, limit), daemon=True
            )
            thread.start()
            self._guarded("client", self._classify, images, key)
            self.ours.close()
            thread.join(2 * LIMIT)
            assert not thread.is_alive()

    def _guarded(self, side: str, run: Callable[..., None], *args: Any) -> None:
        try:
            run(*args)
        except BaseException as error:  # kept for the test to judge
            self.errors[side] = error
        finally:
            (self.ours if side == "client" else self.theirs).close()

    def _serve(self, made: Service, key: int, limit: float) -> None:
        self.session_source = Known(key + 100)
        Session(self.theirs, made, self.session_source).serve(limit)

    def _classify(self, images: Pixels, key: int) -> None:
        self.client_source = Known(key)
        client = Client(self.ours, self.client_source)
        for image in images:
            prepared = client.prepare()
            garbled = [pair for step in prepared.garbled.values() for pair in step]
            self.labels += [evaluator._labels for _, evaluator in garbled]
            self.logits.append(client.classify(prepared, image))


def _made(network: Network, packing: str = "coefficients", part: float | None = None) -> Service:
    masks = some_masks(network, part) if part is not None else {}
    program, weights = small(network, masks, packings.packing(packing).ring)
    return service(program, weights, packing, 1 << 26)


def _expected(made: Service, images: Pixels) -> list[list[int]]:
    return [reference.logits(made.program, made.weights, image).tolist() for image in images]


def _talked(made: Service, images: Pixels) -> Talk:
    talk = Talk(made, images)
    assert not talk.errors, talk.errors
    return talk


NETS: dict[str, tuple[Network, float | None]] = {
    "tiny": (TINY, None),
    "deeper": (DEEPER, None),
    "culled": (cull(DEEPER, {0, 1}), None),
    "thinned": (thin(DEEPER, {1, 2}), None),
    "reuse": (reuse(Network(4, (Stage(8, 1),), 8, 5), 4, everywhere=True), None),
    "chained": (reuse(Network(4, (Stage(8, 1),), 8, 5), 4, "chained"), None),
    "masked": (DEEPER, 0.5),
    "without ReLUs": (TINY, 0.0),
    "before activation": (Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5, block=PreActivation()), 0.7),
    "separable": (Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5, block=Separable()), None),
    "quadratic": (quadratic(thin(cull(DEEPER, {1}), {2})), None),
    "quadratic and masked": (quadratic(thin(DEEPER, {2})), 0.5),
    "quadratic before activation": (
        quadratic(cull(Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5, block=PreActivation()), {2})),
        None,
    ),
    "grouped": (Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5, block=Grouped(2)), None),
}


@pytest.mark.parametrize(("network", "part"), NETS.values(), ids=NETS)
def test_the_logits_are_the_reference_of_each_image(network: Network, part: float | None) -> None:
    made, images = _made(network, part=part), pixels(network, 2, seed=9)
    wanted = _expected(made, images)
    assert wanted[0] != wanted[1]
    assert [found.tolist() for found in _talked(made, images).logits] == wanted


@pytest.mark.parametrize("network", [TINY, quadratic(thin(TINY, {1}))], ids=str)
def test_delphis_packing_and_the_prime_ring_give_the_reference(network: Network) -> None:
    made, images = _made(network, "slots"), pixels(network, 2, seed=9)
    assert made.program.ring == PRIME
    wanted = _expected(made, images)
    assert [found.tolist() for found in _talked(made, images).logits] == wanted


def test_the_other_engine_gives_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbling, "width", lambda: 0)
    made, images = _made(TINY), pixels(TINY, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)


def test_layers_of_many_batches_and_on_disk_give_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filed: list[int] = []

    def counted(*args: Any) -> Any:
        filed.append(1)
        return in_a_file(*args)

    in_a_file = received.filed
    monkeypatch.setattr(received, "filed", counted)
    monkeypatch.setattr(client_module, "IN_MEMORY", 0)
    network = Network(16, (Stage(16, 1),), 16, 5)
    assert protocol.BATCH < 16 * 16 * 16
    made, images = _made(network), pixels(network, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)
    assert len(filed) == 2 * len(joint_steps(made.program))


def test_no_answers_need_to_be_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answers to a layer fill what a peer keeps, they are read before the next."""
    order: list[str] = []

    def noted(name: str) -> Callable[..., Any]:
        wrapped = getattr(Client, name)

        def call(self: Client, step: Step, *args: Any) -> Any:
            order.append(name)
            return wrapped(self, step, *args)

        return call

    for name in ("_ask", "_answer"):
        monkeypatch.setattr(Client, name, noted(name))
    monkeypatch.setattr(client_module, "ANSWERS", 0)
    made, images = _made(DEEPER, part=0.5), pixels(DEEPER, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)
    assert order == ["_ask", "_answer"] * len(linear_steps(made.program))


@pytest.mark.parametrize("number", range(len(FAMILIES)), ids=FAMILIES)
def test_a_share_is_asked_for_behind_those_it_is_made_of(number: int) -> None:
    network = list(FAMILIES.values())[number]
    if number % 3 == 0:
        network = quadratic(thin(network, {1, 2}))
    program, _ = small(network, some_masks(network) if number % 2 else {})
    order = offline_order(program)
    assert sorted(step.name for step in order) == sorted(step.name for step in program.steps)
    known = {"image"}
    for step in order:
        drawn = isinstance(step.op, Square) or (
            isinstance(step.op, Nonlinear) and not step.op.passes
        )
        assert drawn or known.issuperset(step.inputs)
        known.add(step.name)
    linear = [step.name for step in order if isinstance(step.op, Linear)]
    assert linear == [step.name for step in linear_steps(program)]


def test_a_chain_of_thousands_of_steps_needs_no_deep_stack() -> None:
    program, weights = small(TINY)
    step = replace(program.steps[-1], op=Sum((0,)), inputs=(program.steps[-1].name,))
    chain = [replace(step, name=f"s{n}", inputs=(f"s{n - 1}",)) for n in range(1, 3000)]
    steps = (*program.steps, replace(step, name="s0"), *chain)
    made = service(replace(program, steps=steps), weights, "coefficients", 0)
    images = pixels(TINY, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)


def _alone(
    made: Service,
    use: Callable[[Client], None],
    ours: Randomness | None = None,
    theirs: Randomness | None = None,
) -> None:
    """A client at an honest server."""
    left, right = socket.socketpair()

    def serve() -> None:
        with Channel(right, limit=LIMIT) as channel, suppress(WireError):
            Session(channel, made, theirs or SystemRandomness()).serve(LIMIT)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with Channel(left, limit=LIMIT) as channel:
        use(Client(channel, ours or SystemRandomness()))
    thread.join(LIMIT)


def test_a_preparation_serves_one_image() -> None:
    made, (first, second) = _made(TINY), pixels(TINY, 2)

    def use(client: Client) -> None:
        prepared = client.prepare()
        found = client.classify(prepared, first)
        assert found.tolist() == _expected(made, first[None])[0]
        with pytest.raises(Reused, match="a preparation serves one image"):
            client.classify(prepared, second)
        # Nothing was sent, so the session goes on.
        client.classify(client.prepare(), second)

    _alone(made, use)


def test_an_image_of_another_size_does_not_use_a_preparation_up() -> None:
    made, image = _made(TINY), pixels(TINY, 1)[0]

    def use(client: Client) -> None:
        prepared = client.prepare()
        with pytest.raises(ValueError, match="takes images of 8 x 8"):
            client.classify(prepared, image[:4])
        with pytest.raises(ValueError, match="prepared already"):
            client.prepare()
        found = client.classify(prepared, image)
        assert found.tolist() == _expected(made, image[None])[0]

    _alone(made, use)


# Secrets


@pytest.fixture(scope="module")
def tiny() -> Service:
    return _made(TINY)


@pytest.fixture
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clients have the secret key of the first, as SEAL draws that itself."""
    first: list[ciphertexts.Client] = []
    new = Coefficients.client

    def client(self: Coefficients, ring: Ring, source: Randomness) -> ciphertexts.Client:
        if not first:
            first.append(new(self, ring, source))
        twin = copy(first[0])
        twin.source = source
        return twin

    monkeypatch.setattr(Coefficients, "client", client)


def test_known_sources_and_one_key_make_every_byte(tiny: Service, one_key: None) -> None:
    images = pixels(TINY, 2)
    one, again = _talked(tiny, images), _talked(tiny, images)
    assert one.ours.frames == again.ours.frames
    assert one.theirs.frames == again.theirs.frames
    assert one.client_source.draws == again.client_source.draws != []
    assert one.session_source.draws == again.session_source.draws != []


def test_other_sources_change_every_frame_that_is_not_public(tiny: Service, one_key: None) -> None:
    images = pixels(TINY, 1)
    one, other = _talked(tiny, images), Talk(tiny, images, key=2)
    assert other.logits[0].tolist() == one.logits[0].tolist()
    for side in ("ours", "theirs"):
        for frame, changed in zip(*(getattr(t, side).frames for t in (one, other)), strict=True):
            if frame[0] in (HELLO, Kind.PROGRAM, Kind.NEXT):
                assert frame == changed
            else:
                assert frame[0] == changed[0]
                octets, others = (np.frombuffer(f[1], np.uint8) for f in (frame, changed))
                assert np.mean(octets == others) < 0.5, Kind(frame[0]).name


def test_no_draw_is_made_behind_the_sources_back(
    tiny: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a secret of another source")

    images = pixels(TINY, 1)
    for module in (np.random, random, secrets):
        for name in module.__all__:
            monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr("os.urandom", forbidden)
    _talked(tiny, images)


def _sent(talk: Talk, kind: Kind) -> list[bytes]:
    """The payloads of a kind, the client's first."""
    frames = (*talk.ours.frames, *talk.theirs.frames)
    return [payload for found, payload in frames if found == kind]


def _words(kind: Kind, payload: bytes) -> Iterator[tuple[Words, int]]:
    """What a frame over BINARY says, each time below a modulus; of many bytes the first 2^17."""
    used = context(packings.packing("coefficients").parameters(BINARY))
    match kind:
        case Kind.IMAGE | Kind.LOGITS | Kind.PRODUCTS | Kind.DIFFERENCES | Kind.SQUARES:
            yield np.frombuffer(payload, np.uint64), BINARY.modulus
        case Kind.KEYS | Kind.INPUT:
            residues = used.unpack(payload[:-SEED_BYTES], 1, len(used.primes))
            for index, prime in enumerate(used.primes):
                yield residues[:, index].ravel(), prime.modulus
        case Kind.ANSWER:
            prime, residues = used.primes[0], used.unpack(payload, 2, used.parameters.kept)
            yield from ((half.ravel(), prime.modulus) for half in residues)
        case _:
            octets = np.frombuffer(payload, np.uint8)
            if kind == Kind.CHOICES:
                octets = octets[HEADER:]
            elif kind == Kind.COLOURS:  # 41 bits in 6 bytes
                octets = octets.reshape(-1, 6)[:, :5].ravel()
            yield octets[: 1 << 17].astype(np.uint64), 256


def _looks_uniform(words: Words, modulus: int = BINARY.modulus) -> None:
    """Chi-square of the lowest five bits, and of 32 intervals below the modulus."""
    for bins in (words & np.uint64(31), words * np.uint64(32) // np.uint64(modulus)):
        counts = np.bincount(bins.astype(int), minlength=32)
        expected = words.size / 32
        # 31 degrees of freedom: a larger value has probability 10^-9.
        assert ((counts - expected) ** 2 / expected).sum() < 103.5


@pytest.fixture(scope="module")
def squaring() -> Service:
    """With ReLUs, truncations and squares, so that it sends frames of every kind."""
    return _made(quadratic(thin(TINY, {1})))


@pytest.fixture(scope="module", params=[0, 255], ids=["black", "white"])
def twenty(squaring: Service, request: pytest.FixtureRequest) -> Talk:
    """Twenty images of one colour."""
    talk = Talk(squaring, np.full((20, 8, 8, 3), request.param, np.uint8), key=3)
    assert not talk.errors
    return talk


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.PROGRAM, Kind.NEXT)])
def test_what_is_sent_is_uniform_whatever_the_image(kind: Kind, twenty: Talk) -> None:
    said = [list(_words(kind, payload)) for payload in _sent(twenty, kind)]
    assert said
    for position in zip(*said, strict=True):
        _looks_uniform(np.concatenate([words for words, _ in position]), position[0][1])


def test_no_two_images_have_the_same_mask(twenty: Talk) -> None:
    assert len(set(_sent(twenty, Kind.IMAGE))) == 20


@pytest.mark.parametrize("value", [0, 255])
def test_what_the_server_decodes_behind_a_relu_is_uniform(
    value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Words] = []
    exchanged = Session._exchanged

    def kept(self: Session, *args: Any) -> Words:
        decoded.append(exchanged(self, *args))
        return decoded[-1]

    monkeypatch.setattr(Session, "_exchanged", kept)
    made = _made(TINY)
    assert not Talk(made, np.full((6, 8, 8, 3), value, np.uint8)).errors
    words = np.concatenate(decoded)
    assert words.size == 6 * made.program.relus
    _looks_uniform(words)


def test_the_clients_share_of_the_logits_is_masked_by_the_server(tiny: Service) -> None:
    """The client's own share of the last input is the same in both runs, so what differs is the
    server's mask; without one the client would learn the products of its shares and the weights."""
    shares = []
    for key in (1, 2):

        def use(client: Client) -> None:
            shares.append(client.prepare())

        _alone(tiny, use, Known(7), Known(key))
    assert np.array_equal(shares[0].image, shares[1].image)
    assert not (shares[0].logits == shares[1].logits).any()


def test_of_two_labels_of_a_wire_the_server_sends_one(tiny: Service) -> None:
    talk = _talked(tiny, pixels(TINY, 2))
    offset, zero = _garblers_secrets(talk)
    sent = np.frombuffer(b"".join(_sent(talk, Kind.LABELS)), np.uint64).reshape(-1, 2)
    first, second = ((sent == label).all(axis=1) for label in (zero, zero ^ offset))
    assert np.array_equal(first, ~second)
    assert first.any() and second.any()
    # The other one begins nowhere in what the server says, nor ends there.
    said = b"".join(payload for _, payload in talk.theirs.frames)
    windows = [said[at : at + (len(said) - at) // 8 * 8] for at in range(8)]
    assert not np.isin(np.frombuffer(b"".join(windows), np.uint64), sent ^ offset).any()


def test_the_client_gets_no_two_labels_or_rows_that_differ_by_the_offset(tiny: Service) -> None:
    talk = _talked(tiny, pixels(TINY, 2))
    offset, _ = _garblers_secrets(talk)
    kinds = Kind.NONCE, Kind.TABLES, Kind.LABELS
    said = b"".join(payload for kind in kinds for payload in _sent(talk, kind))
    own = [labels.reshape(-1, 2) for labels in talk.labels]
    got = np.concatenate([np.frombuffer(said, np.uint64).reshape(-1, 2), *own])
    pieces, others = (set(map(bytes, some)) for some in (got, got ^ offset))
    assert len(pieces) == len(got)
    assert not pieces & others


def test_the_offset_is_in_none_of_the_servers_bytes(tiny: Service) -> None:
    talk = _talked(tiny, pixels(TINY, 2))
    offset, _ = _garblers_secrets(talk)
    said = b"".join(payload for _, payload in talk.theirs.frames)
    assert offset.tobytes() not in said
    assert offset.tobytes()[::-1] not in said


def _garblers_secrets(talk: Talk) -> tuple[Labels, Labels]:
    """A session's offset, and the zero labels of the server's bits (labels, 2), as drawn: a draw
    of 16 bytes is the offset, the first, or else a nonce or the seed of labels behind it."""
    first, *drawn = (draw for draw in talk.session_source.draws if len(draw) == LABEL)
    assert drawn[::2] == _sent(talk, Kind.NONCE)
    zero = []
    for seed, sent in zip(drawn[1::2], _sent(talk, Kind.LABELS), strict=True):
        labels = np.empty(len(sent), np.uint8)
        Stream(seed).read(labels)
        zero.append(labels.view(np.uint64).reshape(-1, 2))
    return np.frombuffer(first, np.uint64) | np.array([1, 0], np.uint64), np.concatenate(zero)


@pytest.mark.parametrize("packing", packings.PACKINGS)
def test_the_security_page_has_the_parameters_of_the_ciphertexts(packing: str) -> None:
    found = re.search(
        rf"`{packing}` \| ring dimension (\d+), (\d+) bits of modulus.*\| (\d+) bits", _page()
    )
    used = packings.packing(packing)
    level = context(used.parameters(used.ring)).seal.key_context_data()
    sizes = level.parms().poly_modulus_degree(), level.total_coeff_modulus_bit_count()
    assert found and tuple(map(int, found.groups())) == (*sizes, 128)
    assert level.qualifiers().sec_level == seal.sec_level_type.tc128


def test_the_security_page_has_the_parameters_of_garbling_transfers_and_flooding() -> None:
    hashes = 4 * CHUNK  # of a gate: two of each label of two wires
    for text in (
        f"labels of {8 * LABEL} bits",
        f"each gate of {CHUNK:,} elements",
        f"about {8 * LABEL - log2(hashes):.0f} bits, as {hashes:,} hashes share a key",
        f"{COLUMNS} base transfers",
        f"by {FLOODING} bits or more",
    ):
        assert text in _page()


def _page() -> str:
    return " ".join(PAGE.read_text(encoding="utf-8").split())


# Hostile peers


def _clear(error: BaseException) -> None:
    """A known error of one short line without bytes of payloads."""
    assert isinstance(error, KNOWN), repr(error)
    text = str(error)
    assert len(text) < 400 and text.isprintable()


SHAPES: dict[str, Callable[[Frame], Frame | None]] = {
    "wrong kind": lambda frame: (77, frame[1]),
    "empty": lambda frame: (frame[0], b""),
    "shorter": lambda frame: (frame[0], frame[1][:-1]),
    "longer": lambda frame: (frame[0], frame[1] + b"x"),
    "gone": lambda frame: None,
}
BYTES: dict[str, Callable[[Frame], Frame | None]] = {
    "zeros": lambda frame: (frame[0], bytes(len(frame[1]))),
    "ones": lambda frame: (frame[0], b"\xff" * len(frame[1])),
    "garbage": lambda frame: (
        frame[0],
        np.random.default_rng(len(frame[1])).bytes(len(frame[1])),
    ),
}
SEMI_HONEST = {Kind.TABLES, Kind.LABELS, Kind.COLOURS, Kind.NONCE}
"""Of the right length, these give wrong results at most; so do numbers inside the ring."""


@pytest.fixture(scope="module")
def honest(squaring: Service) -> Talk:
    return _talked(squaring, pixels(TINY, 1))


def _stages(talk: Talk, side: str, how: str) -> list[int]:
    """The first frame of each kind, the last of all, and two at random."""
    kinds = [kind for kind, _ in (talk.ours if side == "client" else talk.theirs).frames]
    some = random.Random(f"{side} {how}").sample(range(len(kinds)), 2)
    return sorted({kinds.index(kind) for kind in kinds} | {len(kinds) - 1, *some})


@pytest.mark.parametrize("how", [*SHAPES, *BYTES])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_hostile_peer_ends_its_session_with_a_clear_error(
    side: str, how: str, squaring: Service, honest: Talk
) -> None:
    images, victim = pixels(TINY, 1), "server" if side == "client" else "client"
    for stage in _stages(honest, side, how):
        kind = (honest.ours if side == "client" else honest.theirs).frames[stage][0]
        if (kind, how) == (Kind.NEXT, "empty") or (kind == Kind.NEXT and how in BYTES):
            continue

        def change(index: int, frame: Frame, at: int = stage) -> Frame | None:
            return {**SHAPES, **BYTES}[how](frame) if index == at else frame

        hostile: dict[str, Change] = {side: change}
        talk = Talk(squaring, images, **hostile)  # type: ignore[arg-type]
        if victim in talk.errors:
            _clear(talk.errors[victim])
        if how in SHAPES and not (kind == Kind.NEXT and how == "shorter"):
            # A client that is gone between images, or behind its last frame, ends its session well.
            quiet = how == "gone" and side == "client" and kind == Kind.NEXT
            assert quiet or victim in talk.errors, (Kind(kind).name if kind else "HELLO", how)
        elif how in BYTES and kind not in SEMI_HONEST:
            # Zeros are numbers of the ring.
            numbers = Kind.IMAGE, Kind.LOGITS, Kind.PRODUCTS, Kind.DIFFERENCES, Kind.SQUARES
            quiet = how == "zeros" and kind in numbers
            assert quiet or victim in talk.errors, kind


def test_a_program_over_another_ring_is_refused() -> None:
    program, weights = small(TINY, ring=PRIME)
    made = service(program, weights, "coefficients", 0)
    talk = Talk(made, pixels(TINY, 1))
    assert "not over the ring of its packing" in str(talk.errors["client"])


def test_an_unknown_packing_is_refused(tiny: Service) -> None:
    left, right = socket.socketpair()
    with Channel(left, limit=LIMIT) as ours, Channel(right, limit=LIMIT) as theirs:

        def serve() -> None:
            handshake(theirs, "server", {"packing": "unheard"})
            theirs.send(Kind.PROGRAM, public.dump(tiny.program))

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(ValueError, match="packing that is not known"):
            Client(ours, SystemRandomness())
        thread.join()


def test_weights_too_large_to_be_hidden_are_refused() -> None:
    program, weights = small(TINY)
    name = linear_steps(program)[0].name
    large = replace(weights[name], weights=weights[name].weights * 100_000)
    with pytest.raises(ValueError, match=name):
        service(program, {**weights, name: large}, "coefficients", 0)


def test_weights_hidden_by_too_little_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    program, weights = small(TINY)
    made = service(program, weights, "coefficients", 0)
    bits = min(layer.flooding_bits for layer in made.prepared.values())
    monkeypatch.setattr("deepreshape.private.server.FLOODING", bits)
    service(program, weights, "coefficients", 0)
    monkeypatch.setattr("deepreshape.private.server.FLOODING", bits + 0.1)
    with pytest.raises(ValueError, match="flooded with"):
        service(program, weights, "coefficients", 0)
