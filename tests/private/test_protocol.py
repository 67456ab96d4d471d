"""Client and server arrive at the reference, see nothing but masks, and survive each other."""

import random
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from math import log2, prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seal

from deepreshape.design import Network, Stage, cull, parse, quadratic, reuse, thin
from deepreshape.design.architectures import Grouped, PreActivation, Separable
from deepreshape.private import client as client_module
from deepreshape.private import joint, packings, protocol
from deepreshape.private import server as server_module
from deepreshape.private.client import Preparation
from deepreshape.private.client import Session as Client
from deepreshape.private.garbled import garbling
from deepreshape.private.garbled.garbling import Reused
from deepreshape.private.garbled.leaves import LEAVES
from deepreshape.private.garbled.three_halves import CHUNK, GROUP, LABEL, TABLE, Labels
from deepreshape.private.garbled.transfer import BLOCKS, COLUMNS, HEADER, TREES, TransferError
from deepreshape.private.homomorphic import ciphertexts, layers
from deepreshape.private.homomorphic.coefficients import COEFFICIENTS, Coefficients
from deepreshape.private.homomorphic.contexts import (
    SECURE,
    SEED_BYTES,
    TAG_BYTES,
    CiphertextError,
    context,
)
from deepreshape.private.homomorphic.flooding import PRIVACY, STEPS, VARIANCE
from deepreshape.private.joint import Part, parts
from deepreshape.private.program import public, reference
from deepreshape.private.program.drawn import FEW, random_model
from deepreshape.private.program.steps import Linear, Nonlinear, Program, Square, Step, Sum, walk
from deepreshape.private.protocol import Kind, batches, joint_steps, linear_steps, offline_order
from deepreshape.private.randomness import Randomness, Stream, SystemRandomness
from deepreshape.private.rings import BINARY, PRIME, Ring, Words
from deepreshape.private.server import Service, Session, service
from deepreshape.private.squares import Multiplier
from deepreshape.private.truncations import Divider
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
        self.prepared: list[Preparation] = []
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
        extend = client._receiver.extend

        def extended(bits: Any, message: Any, labels: Labels) -> None:
            extend(bits, message, labels)
            self.labels.append(labels.copy())

        client._receiver.extend = extended  # type: ignore[assignment, method-assign]
        for image in images:
            self.prepared.append(client.prepare())
            self.logits.append(client.classify(self.prepared[-1], image))


def _made(
    network: Network,
    packing: str = "coefficients",
    part: float | None = None,
    exact: bool = False,
) -> Service:
    masks = some_masks(network, part) if part is not None else {}
    program, weights = small(network, masks, packings.packing(packing).ring)
    return service(replace(program, exact=exact), weights, packing, 1 << 26)


def _nearest(made: Service, images: Pixels) -> list[list[int]]:
    """The logits of shifts that round to the nearest."""
    return [reference.logits(made.program, made.weights, image).tolist() for image in images]


def _is_the_reference(made: Service, images: Pixels, talk: Talk) -> None:
    """Every logit is that of the reference with the client's roundings, to the last bit."""
    for image, prepared, found in zip(images, talk.prepared, talk.logits, strict=True):
        wanted = reference.logits(made.program, made.weights, image, prepared.lows)
        assert found.tolist() == wanted.tolist()


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
    talk = _talked(made, images)
    _is_the_reference(made, images, talk)
    assert talk.logits[0].tolist() != talk.logits[1].tolist()


@pytest.mark.parametrize(("network", "part"), NETS.values(), ids=NETS)
def test_rounded_to_the_nearest_the_logits_are_those_of_the_nearest(
    network: Network, part: float | None
) -> None:
    made, images = _made(network, part=part, exact=True), pixels(network, 1, seed=9)
    talk = _talked(made, images)
    assert [found.tolist() for found in talk.logits] == _nearest(made, images)
    assert not talk.prepared[0].lows


class _Errors:
    """Adds bounds of errors up."""

    def add(self, left: Any, right: Any) -> Any:
        return left + right

    def multiply(self, left: Any, right: int) -> Any:
        return left * right


def _most_off(made: Service) -> Any:
    """By how much logits may differ from those of the nearest rounding: an element that is shifted
    is less than a unit off, the nearest half a unit, and all else does with errors what it does
    with numbers."""

    def linear(step: Step, errors: Any) -> Any:
        sizes = np.abs(made.weights[step.name].weights).astype(np.float64)
        return layers.products(step.layer, sizes, errors[None])[0]

    def joint_step(step: Step, errors: Any) -> Any:
        assert isinstance(step.op, Nonlinear)
        off = errors / 2**step.op.shift + 1.5 * bool(step.op.shift)
        return np.where(step.relus | bool(step.op.shift), off, errors)

    zeros: Any = np.zeros(made.program.image)
    return walk(made.program, zeros, linear, joint_step, _Errors())


@pytest.mark.parametrize("name", ["deeper", "culled", "masked", "before activation", "separable"])
def test_logits_differ_from_the_nearest_rounding_by_a_unit_a_shift_at_most(name: str) -> None:
    network, part = NETS[name]
    made, images = _made(network, part=part), pixels(network, 2, seed=9)
    off = np.abs(np.array(_talked(made, images).logits) - np.array(_nearest(made, images)))
    assert off.any()
    assert (off <= _most_off(made)).all()


@pytest.mark.long
@pytest.mark.parametrize("network", [TINY, quadratic(thin(TINY, {1}))], ids=str)
def test_delphis_packing_and_the_prime_ring_give_the_nearest_rounding(network: Network) -> None:
    made, images = _made(network, "slots"), pixels(network, 2, seed=9)
    assert made.program.ring == PRIME
    assert [found.tolist() for found in _talked(made, images).logits] == _nearest(made, images)


def test_the_other_engine_gives_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, one_key: None
) -> None:
    made, images = _made(TINY), pixels(TINY, 1)
    one = _talked(made, images)
    monkeypatch.setattr(garbling, "width", lambda: 0)
    other = _talked(made, images)
    assert one.theirs.frames == other.theirs.frames
    assert one.ours.frames == other.ours.frames
    _is_the_reference(made, images, other)


def test_layers_of_many_batches_and_on_disk_give_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "IN_MEMORY", 0)
    network = Network(16, (Stage(16, 1),), 16, 5)
    assert protocol.BATCH < 16 * 16 * 16
    made, images = _made(network), pixels(network, 1)
    talk = _talked(made, images)
    _is_the_reference(made, images, talk)
    kept, tables = talk.prepared[0].kept, sum(map(len, _sent(talk, Kind.TABLES)))
    assert kept._disk == tables + sum(labels.nbytes for labels in talk.labels)
    assert kept._file is not None and kept._file.closed


def test_what_lies_on_disk_has_no_name_that_could_be_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client_module, "IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def use(client: Client) -> None:
        prepared = client.prepare()
        assert prepared.kept._disk > 0
        assert list(tmp_path.iterdir()) == []

    _alone(_made(TINY), use)


def _most_unanswered(made: Service, images: Pixels, monkeypatch: pytest.MonkeyPatch) -> int:
    """The most linear steps that a client had asked for at a time, and no answer read."""
    order: list[int] = []

    def noted(name: str, counts: int) -> Callable[..., Any]:
        wrapped = getattr(Client, name)

        def call(self: Client, step: Step, *args: Any) -> Any:
            order.append(counts)
            return wrapped(self, step, *args)

        return call

    with monkeypatch.context() as patch:
        for name, counts in (("_ask", 1), ("_answer", -1)):
            patch.setattr(Client, name, noted(name, counts))
        _is_the_reference(made, images, _talked(made, images))
    assert order.count(1) == order.count(-1) == len(linear_steps(made.program))
    return int(np.cumsum(order).max())


def test_what_is_asked_for_ahead_is_bounded_by_what_a_peer_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, images = _made(DEEPER, part=0.0), pixels(DEEPER, 1)
    assert _most_unanswered(made, images, monkeypatch) > 2
    monkeypatch.setattr(client_module, "DUE", 0)
    assert _most_unanswered(made, images, monkeypatch) == 2


@pytest.mark.parametrize(
    ("packing", "exact", "dearer"),
    [("coefficients", False, False), ("coefficients", True, True), ("slots", False, True)],
)
def test_a_polynomial_is_less_to_send_than_its_relu_unless_truncations_are_garbled(
    packing: str, exact: bool, dearer: bool
) -> None:
    def sent(network: Network) -> int:
        talk = _talked(_made(network, packing, exact=exact), pixels(network, 1))
        kinds = [kind for kind in Kind if Kind.CHOICES <= kind <= Kind.SHARES]
        return sum(len(said) for kind in kinds for said in _sent(talk, kind))

    assert (sent(quadratic(thin(TINY, {1}))) > sent(TINY)) is dearer


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
    _is_the_reference(made, images, _talked(made, images))


def _alone(
    made: Service,
    use: Callable[[Client], None],
    ours: Randomness | None = None,
    theirs: Randomness | None = None,
) -> None:
    """A client at an honest server, with which it does nothing wrong."""
    assert not _ended(made, use, ours, theirs)


def _ended(
    made: Service,
    use: Callable[[Client], None],
    ours: Randomness | None = None,
    theirs: Randomness | None = None,
) -> list[WireError]:
    """A client at an honest server, and what the server's session ended with, if anything."""
    left, right = socket.socketpair()
    errors: list[WireError] = []

    def serve() -> None:
        with Channel(right, limit=LIMIT) as channel:
            try:
                Session(channel, made, theirs or SystemRandomness()).serve(LIMIT)
            except WireError as error:
                errors.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with Channel(left, limit=LIMIT) as channel:
        use(Client(channel, ours or SystemRandomness()))
    thread.join(LIMIT)
    assert not thread.is_alive()
    return errors


def _right(made: Service, client: Client, prepared: Preparation, image: Any) -> bool:
    """Does a preparation give the reference of an image?"""
    wanted = reference.logits(made.program, made.weights, image, prepared.lows)
    return client.classify(prepared, image).tolist() == wanted.tolist()


def test_a_preparation_serves_one_image() -> None:
    made, (first, second) = _made(TINY), pixels(TINY, 2)

    def use(client: Client) -> None:
        prepared = client.prepare()
        assert _right(made, client, prepared, first)
        with pytest.raises(Reused, match="a preparation serves one image"):
            client.classify(prepared, second)
        # Nothing was sent, so the session goes on.
        assert _right(made, client, client.prepare(), second)

    _alone(made, use)


def test_a_preparation_serves_in_its_own_session() -> None:
    made, image = _made(TINY), pixels(TINY, 1)[0]
    strange: list[Preparation] = []
    _alone(made, lambda client: strange.append(client.prepare()))

    def use(client: Client) -> None:
        prepared = client.prepare()
        with pytest.raises(Reused, match="in its own session"):
            client.classify(strange[0], image)
        assert _right(made, client, prepared, image)

    _alone(made, use)


def test_several_preparations_serve_in_their_order() -> None:
    made, images = _made(TINY), pixels(TINY, 3)

    def use(client: Client) -> None:
        ahead = [client.prepare() for _ in range(2)]
        assert client.prepared == 2
        with pytest.raises(Reused, match="in order"):
            client.classify(ahead[1], images[0])
        assert _right(made, client, ahead[0], images[0])
        ahead.append(client.prepare())
        assert _right(made, client, ahead[1], images[1])
        assert _right(made, client, ahead[2], images[2])
        assert client.prepared == 0

    _alone(made, use)


def test_no_more_are_prepared_than_a_server_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    made, image = _made(TINY), pixels(TINY, 1)[0]
    monkeypatch.setattr(client_module, "PREPARED", 1)

    def use(client: Client) -> None:
        prepared = client.prepare()
        with pytest.raises(ValueError, match="1 images are prepared already"):
            client.prepare()
        assert _right(made, client, prepared, image)

    _alone(made, use)


def test_a_server_refuses_to_prepare_more_than_it_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PREPARED", 1)
    made = _made(TINY)

    def use(client: Client) -> None:
        client.prepare()
        with pytest.raises(WireError):
            client.prepare()

    (error,) = _ended(made, use)
    assert str(error) == "a frame of kind 4 came where IMAGE was due"


def test_an_image_without_a_preparation_is_refused() -> None:
    made = _made(TINY)
    drawn = SystemRandomness().bytes(made.program.image_bytes)
    (error,) = _ended(made, lambda client: client._channel.send(Kind.IMAGE, drawn))
    assert str(error) == "a frame of kind 11 came where NEXT was due"


def test_an_image_of_another_size_does_not_use_a_preparation_up() -> None:
    made, image = _made(TINY), pixels(TINY, 1)[0]

    def use(client: Client) -> None:
        prepared = client.prepare()
        with pytest.raises(ValueError, match="takes images of 8 x 8"):
            client.classify(prepared, image[:4])
        assert _right(made, client, prepared, image)

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
    for talk in (one, other):
        _is_the_reference(tiny, images, talk)
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


def _words(kind: Kind, payload: bytes, ring: Ring | None) -> Iterator[tuple[Words, int]]:
    """What a frame over BINARY says, each time below a modulus; of many bytes the first 2^17.
    ring: that of a frame's numbers, if it has any."""
    used = context(packings.packing("coefficients").parameters(BINARY))
    match kind:
        case _ if ring:
            yield ring.unpacked(payload), ring.modulus
        case Kind.KEYS | Kind.INPUT:
            (residues,) = used.unpack(payload[:-SEED_BYTES], len(used.primes), used.degree)
            for mine, prime in zip(residues, used.primes, strict=True):
                yield mine, prime.modulus
        case Kind.ANSWER:
            kept = used.primes[: used.parameters.kept]
            size = len(payload) - TAG_BYTES - used._packed_bytes(len(kept), used.degree)
            places = next(n for n in range(size) if used._packed_bytes(len(kept), n) >= size)
            for half in used.unpack(payload, len(kept), used.degree, places):
                yield from ((mine, prime.modulus) for mine, prime in zip(half, kept, strict=True))
        case _:
            octets = np.frombuffer(payload, np.uint8)
            if kind == Kind.CHOICES:
                octets = octets[HEADER:]
            if kind == Kind.TABLES:
                octets = _halves(octets, GROUP * (TABLE - 1))
            yield octets[: 1 << 17].astype(np.uint64), 256


def _halves(octets: Any, count: int) -> Any:
    """The first bytes of the gates of each full group of the first tables."""
    gates = octets.size // 2 // (GROUP * TABLE)
    return octets[: gates * GROUP * TABLE].reshape(gates, -1)[:, :count].reshape(-1)


def _rings(program: Program, kind: Kind) -> list[Ring | None]:
    """The ring of the numbers in each frame of a kind that an image has, in order."""
    if kind in (Kind.IMAGE, Kind.LOGITS):
        return [program.ring]
    found: list[Ring | None] = []
    for step in joint_steps(program):
        for part in parts(step, program):
            for _ in batches(part.elements.size):
                if kind == Kind.SHARES or (not part.garbled and part.shift is None):
                    found.append(program.ring)
                elif not part.garbled:
                    found.append(Ring(1 << part.shift) if kind == Kind.PRODUCTS else None)
    return found


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
def test_what_is_sent_is_uniform_whatever_the_image(
    kind: Kind, twenty: Talk, squaring: Service
) -> None:
    numbers = Kind.IMAGE, Kind.LOGITS, Kind.SHARES, Kind.PRODUCTS, Kind.DIFFERENCES
    said = _sent(twenty, kind)
    rings = 20 * _rings(squaring.program, kind) if kind in numbers else [None] * len(said)
    found: dict[tuple[int, int], list[Words]] = {}
    for payload, ring in zip(said, rings, strict=True):
        for position, (words, modulus) in enumerate(_words(kind, payload, ring)):
            found.setdefault((position, modulus), []).append(words)
    assert found
    for (_, modulus), drawn in found.items():
        _looks_uniform(np.concatenate(drawn), modulus)


def test_no_two_images_have_the_same_mask(twenty: Talk) -> None:
    assert len(set(_sent(twenty, Kind.IMAGE))) == 20


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize(
    "end", [joint.GarblerEnd, Divider, Multiplier], ids=lambda end: end.__name__
)
def test_what_the_server_gets_where_the_parties_meet_is_uniform(
    value: int, end: Any, squaring: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares: list[Words] = []
    close = end.close

    def kept(self: Any, *args: Any) -> Words:
        shares.append(close(self, *args))
        return shares[-1]

    monkeypatch.setattr(end, "close", kept)
    assert not Talk(squaring, np.full((6, 8, 8, 3), value, np.uint8)).errors
    program, words = squaring.program, np.concatenate(shares)
    counts = {
        joint.GarblerEnd: program.relus,
        Divider: program.truncations,
        Multiplier: program.squares,
    }
    assert words.size == 6 * counts[end] > 0
    _looks_uniform(words)


@pytest.mark.parametrize("value", [0, 255])
def test_what_rounds_a_clients_shifts_is_drawn_whatever_the_image(
    value: int, squaring: Service
) -> None:
    """The cut bits of its own shares: uniform, and other ones for each image."""
    talk = _talked(squaring, np.full((6, 8, 8, 3), value, np.uint8))
    for step in joint_steps(squaring.program):
        if isinstance(step.op, Nonlinear):
            lows = [prepared.lows[step.name] for prepared in talk.prepared]
            assert len({low.tobytes() for low in lows}) == 6
            _looks_uniform(np.concatenate([low.ravel() for low in lows]), 1 << step.op.shift)


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
    garbled = [part for part in _parts(tiny.program) if part.function] * 2
    rows = [
        _halves(np.frombuffer(payload, np.uint8), GROUP * LABEL).tobytes()
        for part, payload in zip(garbled, _sent(talk, Kind.TABLES), strict=True)
        if part.function
    ]
    said = b"".join([*rows, *_sent(talk, Kind.NONCE), *_sent(talk, Kind.LABELS)])
    got = np.concatenate([np.frombuffer(said, np.uint64).reshape(-1, 2), *talk.labels])
    pieces, others = (set(map(bytes, some)) for some in (got, got ^ offset))
    assert len(pieces) == len(got)
    assert not pieces & others


def test_the_offset_is_in_none_of_the_servers_bytes(tiny: Service) -> None:
    talk = _talked(tiny, pixels(TINY, 2))
    offset, _ = _garblers_secrets(talk)
    said = b"".join(payload for _, payload in talk.theirs.frames)
    assert offset.tobytes() not in said
    assert offset.tobytes()[::-1] not in said


def _parts(program: Program) -> list[Part]:
    return [part for step in joint_steps(program) for part in parts(step, program)]


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
    made = context(used.parameters(used.ring))
    keys = made.seal.key_context_data()
    switches = made.parameters.switching
    bits = (
        keys.total_coeff_modulus_bit_count()
        if switches
        else prod(prime.modulus for prime in made.primes).bit_length()
    )
    assert found and tuple(map(int, found.groups())) == (made.degree, bits, 128)
    assert bits <= SECURE[made.degree]
    assert not switches or keys.qualifiers().sec_level == seal.sec_level_type.tc128


def test_the_security_page_has_the_parameters_of_garbling_and_transfers() -> None:
    hashes = 6 * CHUNK  # of a gate: of both labels of two wires, and of their sum
    for text in (
        f"labels of {8 * LABEL} bits",
        f"each gate of {CHUNK:,} elements",
        f"about {8 * LABEL - log2(hashes):.0f} bits, as {hashes:,} hashes share a key",
        f"each output bit of {CHUNK:,} elements",
        f"as {2 * CHUNK:,} hashes share a key",
        f"{COLUMNS} base transfers",
        f"{BLOCKS} trees of {LEAVES} leaves",
        f"by {BINARY.bits} of these transfers, {PRIME.bits} in `slots`",
        f"exceed {client_module.IN_MEMORY >> 20} MiB",
    ):
        assert text in _page()


def test_the_security_page_has_the_bound_on_what_answers_tell() -> None:
    name = "HRN-2x5x3x(m=8)-C1-T234"
    model = random_model(parse(name), np.random.default_rng(0), FEW)
    made = service(model.program, model.weights, "coefficients", 0)
    listed = [step.layer for step in linear_steps(model.program)]
    answers = sum(len(COEFFICIENTS.answer_bytes(layer, BINARY)) for layer in listed)
    outputs = sum(prod(layer.output_shape) for layer in listed)
    used = context(COEFFICIENTS.parameters(BINARY))
    for text in (
        f"below $W = 2^{{{used.flood_bits}}}$",
        f"{name} with weights at random the bound is"
        f" $2^{{-{layers.privacy(made.prepared.values()):.1f}}}$"
        f" over {answers} answers with {outputs:,} coefficients of outputs",
        f"{VARIANCE + 0.25}",
        rf"N \cdot {VARIANCE} \cdot {VARIANCE + 1}",
        f"2^{{-{PRIVACY}}}",
    ):
        assert text in _page(), text
    assert STEPS == 5 / 4
    assert r"D \le \frac{5}{4W^2}" in _page()


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
SEMI_HONEST = {Kind.TABLES, Kind.LABELS, Kind.NONCE}
"""Of the right length, these give wrong results at most, as do the bits of a truncation, the trees
of transfers and numbers inside the ring."""


@pytest.fixture(scope="module")
def honest(squaring: Service) -> Talk:
    return _talked(squaring, pixels(TINY, 1))


def _frames(talk: Talk, side: str) -> list[Frame]:
    return (talk.ours if side == "client" else talk.theirs).frames


def _stages(talk: Talk, side: str, how: str) -> list[int]:
    """The first frame of each kind, the last of all, the client's trees, and two at random."""
    kinds = [kind for kind, _ in _frames(talk, side)]
    some = random.Random(f"{side} {how}").sample(range(len(kinds)), 2)
    trees = [at for at, frame in enumerate(_frames(talk, side)) if _any_bytes_do(talk, frame)]
    return sorted({kinds.index(kind) for kind in kinds} | {len(kinds) - 1, *some, *trees[:1]})


def _any_bytes_do(talk: Talk, frame: Frame) -> bool:
    """Are all bytes of this length right for who cannot see what the other party knows?"""
    kind, payload = frame
    if kind == Kind.TRANSFER:
        return len(payload) == TREES
    bits = kind == Kind.DIFFERENCES and len(payload) == min(
        len(said) for said in _sent(talk, Kind.DIFFERENCES)
    )
    return kind in SEMI_HONEST or bits


@pytest.mark.parametrize("how", [*SHAPES, *BYTES])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_hostile_peer_ends_its_session_with_a_clear_error(
    side: str, how: str, squaring: Service, honest: Talk
) -> None:
    images, victim = pixels(TINY, 1), "server" if side == "client" else "client"
    for stage in _stages(honest, side, how):
        kind, payload = _frames(honest, side)[stage]
        if (kind, how) == (Kind.NEXT, "empty") or (kind == Kind.NEXT and how in BYTES):
            continue

        def change(index: int, frame: Frame, at: int = stage) -> Frame | None:
            return {**SHAPES, **BYTES}[how](frame) if index == at else frame

        hostile: dict[str, Change] = {side: change}
        talk = Talk(squaring, images, **hostile)  # type: ignore[arg-type]
        if victim in talk.errors:
            _clear(talk.errors[victim])
        if how in SHAPES and not (kind == Kind.NEXT and how == "shorter"):
            # A client that is gone where it may ask, or behind its last frame, ends its session
            # well.
            asks = kind in (Kind.NEXT, Kind.IMAGE)
            quiet = how == "gone" and side == "client" and asks
            assert quiet or victim in talk.errors, (Kind(kind).name if kind else "HELLO", how)
        elif how in BYTES and not _any_bytes_do(honest, (kind, payload)):
            # Zeros are numbers of the ring.
            quiet = how == "zeros" and kind in NUMBERS
            assert quiet or victim in talk.errors, kind


NUMBERS = Kind.IMAGE, Kind.LOGITS, Kind.PRODUCTS, Kind.DIFFERENCES, Kind.SHARES


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_outside_the_ring_end_a_session(
    kind: Kind, squaring: Service, honest: Talk
) -> None:
    """The largest frame of a kind: of a square, where truncations have some too."""
    side = "client" if kind in (Kind.IMAGE, Kind.SHARES) else "server"
    frames = _frames(honest, side)
    stage = max((len(frame[1]), at) for at, frame in enumerate(frames) if frame[0] == kind)[1]

    def change(index: int, frame: Frame) -> Frame:
        return (frame[0], frame[1][:-1] + b"\xff") if index == stage else frame

    hostile: dict[str, Change] = {side: change}
    talk = Talk(squaring, pixels(TINY, 1), **hostile)  # type: ignore[arg-type]
    error = talk.errors["server" if side == "client" else "client"]
    assert str(error) == "the peer sent numbers outside the ring"


@pytest.mark.parametrize("side", ["client", "server"])
def test_a_hostile_frame_is_the_last_that_is_answered(
    side: str, squaring: Service, honest: Talk
) -> None:
    """Behind a frame of another length nothing is computed, and no logits come of it."""
    for stage in _stages(honest, side, "longer"):

        def change(index: int, frame: Frame, at: int = stage) -> Frame:
            return (frame[0], frame[1] + b"x") if index == at else frame

        hostile: dict[str, Change] = {side: change}
        talk = Talk(squaring, pixels(TINY, 1), **hostile)  # type: ignore[arg-type]
        assert talk.logits == []
        assert side == "server" or not _sent(talk, Kind.LOGITS)


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
    bits = layers.privacy(service(program, weights, "coefficients", 0).prepared.values())
    assert bits >= PRIVACY
    monkeypatch.setattr(server_module, "PRIVACY", bits)
    service(program, weights, "coefficients", 0)
    monkeypatch.setattr(server_module, "PRIVACY", bits + 0.1)
    with pytest.raises(ValueError, match=r"[\d.]+ bits of circuit privacy, of [\d.]+ at least"):
        service(program, weights, "coefficients", 0)
