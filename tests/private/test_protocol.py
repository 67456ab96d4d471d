"""Client and server arrive at the reference, see nothing but masks, and survive each other.

What SEAL draws itself, and a known source does not decide: the client's secret key and, where there
are rotations, its Galois keys.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deepreshape.design import Network, Stage, cull, reuse, thin
from deepreshape.design.architectures import Grouped, PreActivation, Separable
from deepreshape.private import client as client_module
from deepreshape.private import protocol
from deepreshape.private.client import Client
from deepreshape.private.garbled import garbling
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.garbling import Reused
from deepreshape.private.garbled.transfer import TransferError
from deepreshape.private.homomorphic.contexts import CiphertextError
from deepreshape.private.program import public, reference
from deepreshape.private.program.steps import Linear, Nonlinear, Step, Sum
from deepreshape.private.protocol import RINGS, Kind, linear_steps, nonlinear_steps, offline_order
from deepreshape.private.randomness import Randomness, SystemRandomness
from deepreshape.private.rings import BINARY, PRIME, Words
from deepreshape.private.server import Service, Session, service
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.handshake import handshake
from deepreshape.private.wire.pipe import WireError
from tests.families import FAMILIES
from tests.private.nets import Pixels, pixels, small, some_masks

TINY = Network(4, (Stage(4, 1),), 8, 5)
DEEPER = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5)
KNOWN = (WireError, CiphertextError, TransferError, ValueError)
LIMIT = 20.0

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
    """A source with a known key, that counts what was drawn."""

    def __init__(self, key: int) -> None:
        self._source = SystemRandomness(bytes([key]) * 32)
        self.drawn = 0

    def bytes(self, count: int) -> Any:
        self.drawn += count
        return self._source.bytes(count)


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
            self.logits.append(client.classify(client.prepare(), image))


def _made(network: Network, packing: str = "coefficients", part: float | None = None) -> Service:
    masks = some_masks(network, part) if part is not None else {}
    program, weights = small(network, masks, RINGS[packing])
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
    "grouped": (Network(4, (Stage(4, 1), Stage(8, 1)), 8, 5, block=Grouped(2)), None),
}


@pytest.mark.parametrize(("network", "part"), NETS.values(), ids=NETS)
def test_the_logits_are_the_reference_of_each_image(network: Network, part: float | None) -> None:
    made, images = _made(network, part=part), pixels(network, 2, seed=9)
    wanted = _expected(made, images)
    assert wanted[0] != wanted[1]
    assert [found.tolist() for found in _talked(made, images).logits] == wanted


def test_delphis_packing_and_the_prime_ring_give_the_reference() -> None:
    made, images = _made(TINY, "slots"), pixels(TINY, 2, seed=9)
    assert made.program.ring == PRIME
    wanted = _expected(made, images)
    assert [found.tolist() for found in _talked(made, images).logits] == wanted


def test_the_other_engine_gives_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbling, "_engine", lambda name: NumpyEngine)
    made, images = _made(TINY), pixels(TINY, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)


def test_layers_of_many_batches_and_on_disk_give_the_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filed: list[int] = []

    def counted(*args: Any) -> Any:
        filed.append(1)
        return in_a_file(*args)

    in_a_file = client_module._filed
    monkeypatch.setattr(client_module, "_filed", counted)
    monkeypatch.setattr(client_module, "IN_MEMORY", 0)
    network = Network(16, (Stage(16, 1),), 16, 5)
    assert protocol.BATCH < 16 * 16 * 16
    made, images = _made(network), pixels(network, 1)
    assert [found.tolist() for found in _talked(made, images).logits] == _expected(made, images)
    assert len(filed) == 2 * len(nonlinear_steps(made.program))


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
    program, _ = small(network, some_masks(network) if number % 2 else {})
    order = offline_order(program)
    assert sorted(step.name for step in order) == sorted(step.name for step in program.steps)
    known = {"image"}
    for step in order:
        drawn = isinstance(step.op, Nonlinear) and not protocol.passes(step, step.op)
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


def test_the_same_sources_make_the_same_frames_but_for_seals_key() -> None:
    """The server's frames that do not depend on the client's key, and the client's of no
    encryption, are decided by the injected sources alone."""
    made, images = _made(TINY), pixels(TINY, 2)
    runs = [_talked(made, images), _talked(made, images)]
    other = Talk(made, images, key=2)
    seals = {Kind.KEYS, Kind.INPUT, Kind.ANSWER}
    for side in ("ours", "theirs"):
        first, again, changed = (
            [frame for frame in getattr(run, side).frames if frame[0] not in seals]
            for run in (*runs, other)
        )
        # The client's choices hide its decrypted shares, which are W c - u: of the sources alone.
        assert first == again
        assert first != changed
    assert runs[0].client_source.drawn == runs[1].client_source.drawn > 0
    assert runs[0].session_source.drawn == runs[1].session_source.drawn > 0


def test_no_draw_is_made_behind_the_sources_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a secret of another source")

    made, images = _made(TINY), pixels(TINY, 1)
    for name in ("random", "randint", "default_rng", "bytes", "integers"):
        monkeypatch.setattr(np.random, name, forbidden, raising=False)
    monkeypatch.setattr("os.urandom", forbidden)
    monkeypatch.setattr("secrets.token_bytes", forbidden)
    _talked(made, images)


def _sent(talk: Talk, kind: Kind) -> list[bytes]:
    return [payload for found, payload in talk.ours.frames if found == kind]


def _looks_uniform(words: Words) -> None:
    """Chi-square of the five lowest and of the five highest bits."""
    for shift in (0, BINARY.bits - 5):
        counts = np.bincount((words >> np.uint64(shift) & np.uint64(31)).astype(int), minlength=32)
        expected = words.size / 32
        # 31 degrees of freedom: a larger value has probability 10^-6.
        assert ((counts - expected) ** 2 / expected).sum() < 84


@pytest.mark.parametrize("value", [0, 255])
def test_what_the_server_sees_of_an_image_is_uniform(value: int) -> None:
    made = _made(TINY)
    image = np.full((20, 8, 8, 3), value, np.uint8)
    talk = Talk(made, image, key=value % 50 + 3)
    assert not talk.errors
    words = np.frombuffer(b"".join(_sent(talk, Kind.IMAGE)), np.uint64)
    assert words.size == 20 * 192 and words.max() < BINARY.modulus
    _looks_uniform(words)
    assert len(set(_sent(talk, Kind.IMAGE))) == 20


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


def test_colours_are_uniform() -> None:
    made = _made(TINY)
    talk = Talk(made, np.zeros((4, 8, 8, 3), np.uint8))
    assert not talk.errors
    octets = np.frombuffer(b"".join(_sent(talk, Kind.COLOURS)), np.uint8).reshape(-1, 6)[:, :5]
    ones = np.unpackbits(octets).mean()
    assert abs(ones - 0.5) < 6 * 0.5 / (octets.size * 8) ** 0.5


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
def tiny() -> Service:
    return _made(TINY)


@pytest.fixture(scope="module")
def honest(tiny: Service) -> Talk:
    return _talked(tiny, pixels(TINY, 1))


def _stages(talk: Talk, side: str) -> list[int]:
    """The first frame of each kind, and the last of all."""
    kinds = [kind for kind, _ in (talk.ours if side == "client" else talk.theirs).frames]
    return sorted({kinds.index(kind) for kind in kinds} | {len(kinds) - 1})


@pytest.mark.parametrize("how", [*SHAPES, *BYTES])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_hostile_peer_ends_its_session_with_a_clear_error(
    side: str, how: str, tiny: Service, honest: Talk
) -> None:
    images, victim = pixels(TINY, 1), "server" if side == "client" else "client"
    for stage in _stages(honest, side):
        kind = (honest.ours if side == "client" else honest.theirs).frames[stage][0]
        if (kind, how) == (Kind.NEXT, "empty") or (kind == Kind.NEXT and how in BYTES):
            continue

        def change(index: int, frame: Frame, at: int = stage) -> Frame | None:
            return {**SHAPES, **BYTES}[how](frame) if index == at else frame

        # Of a frame cut short the rest may still come, so that takes as long as it may.
        hostile: dict[str, Change] = {side: change}
        talk = Talk(tiny, images, limit=0.5 if how == "shorter" else LIMIT, **hostile)  # type: ignore[arg-type]
        if victim in talk.errors:
            _clear(talk.errors[victim])
        if how in SHAPES and not (kind == Kind.NEXT and how == "shorter"):
            # A client that is gone between images, or behind its last frame, ends its session well.
            quiet = how == "gone" and side == "client" and kind == Kind.NEXT
            assert quiet or victim in talk.errors, (Kind(kind).name if kind else "HELLO", how)
        elif how == "ones" and kind not in SEMI_HONEST:
            assert victim in talk.errors, kind


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
