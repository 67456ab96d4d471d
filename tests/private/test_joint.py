"""Where the parties meet: how a step falls into parts, and that each part's ends give shares."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled import garbling
from deepreshape.private.garbled.circuits import relu, truncate
from deepreshape.private.garbled.kept import Kept
from deepreshape.private.garbled.three_halves import LABEL, TABLE, draw_offset
from deepreshape.private.garbled.transfer import Receiver, Sender
from deepreshape.private.joint import Part, parts
from deepreshape.private.program.folding import Mask
from deepreshape.private.program.steps import Nonlinear, Program, Square, Step, most_of, shifted
from deepreshape.private.protocol import BATCH, Room, batches
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words

SOURCE = SystemRandomness(bytes(32))
OFFSET = draw_offset(SOURCE)
RECEIVER, SENDER = Receiver(SOURCE), Sender(OFFSET, SOURCE)
SENDER.finish(RECEIVER.finish(SENDER.answer(RECEIVER.start())))
SHAPE = 2, 3, 4
MIXED: Mask = np.arange(24).reshape(SHAPE) % 3 == 0
MEMORY = 1 << 20


class Run(NamedTuple):
    """The server's new shares, the client's masks, the bytes of the server's messages."""

    new: Words
    masks: Words
    prepared: list[int]
    opened: list[int]


def step_of(op: Nonlinear | Square, shape: tuple[int, int, int] = SHAPE) -> Step:
    return Step("met", op, (IMAGE,), shape)


def program_of(step: Step, ring: Ring, exact: bool = False) -> Program:
    return Program(ring, step.shape, (0.0,), (1.0,), 1.0, (step,), 1.0, exact=exact)


def numbers_of(op: Nonlinear | Square, ring: Ring, count: int) -> Integers:
    """Numbers that a step takes: its edges, then any."""
    most = most_of(op, ring) if isinstance(op, Nonlinear) else ring.modulus // 2
    unit = 1 << op.shift if isinstance(op, Nonlinear) else 1
    edges = [-most, -most + 1, -unit, -1, 0, 1, unit - 1, unit, most - 1, most]
    drawn = np.random.default_rng(0).integers(-most, most, max(count - len(edges), 0))
    return np.concatenate([np.array(edges), drawn])[:count]


def shared(ring: Ring, numbers: Integers) -> tuple[Words, Words]:
    """Shares of the client and of the server."""
    client = uniform(SOURCE, ring, numbers.shape)
    return client, ring.subtract(ring.residues(numbers), client)


def met(part: Part, client: Words, server: Words, memory: int = MEMORY) -> Run:
    """A part by both of its ends, as client and server go through it."""
    ring, count, room, kept = part.ring, part.elements.size, Room(), Kept(memory)
    theirs, mine = part.server(SOURCE, OFFSET, room), part.client(client, kept)
    assert (theirs.bits, theirs.kinds) == (mine.bits, mine.kinds)
    mine.nonce = theirs.nonce
    share, masks, new = server[part.elements], uniform(SOURCE, ring, (count,)), []
    run = Run(np.empty(count, np.uint64), masks, [], [])
    for batch in batches(count):
        bits = mine.choices(batch)
        assert bits.shape == (batch.stop - batch.start, theirs.bits)
        said, labels = RECEIVER.extend(bits.reshape(-1))
        zero = SENDER.extend(said, bits.size).reshape(*bits.shape, 2)
        message = theirs.prepare(batch, zero, OFFSET).copy()
        assert message.size == mine.prepared_bytes(len(bits))
        mine.take(batch, labels.reshape(zero.shape), message)
        run.prepared.append(message.size)
    opened = [theirs.open(batch, share[batch]).tobytes() for batch in batches(count)]
    for batch, said_online in zip(batches(count), opened, strict=True):
        assert len(said_online) == mine.opened_bytes(batch.stop - batch.start)
        answer = ring.subtract(mine.answer(batch, said_online), masks[batch])
        new.append(theirs.close(batch, share[batch], answer))
        run.opened.append(len(said_online))
    kept.close()
    return run._replace(new=np.concatenate(new))


def result(step: Step, ring: Ring, exact: bool, client: Words, server: Words) -> Integers:
    """What a step's parts make of shares, in numbers; what is in no part passes."""
    new, masks = server.copy(), client.copy()
    for part in parts(step, program_of(step, ring, exact)):
        run = met(part, client, server)
        new[part.elements], masks[part.elements] = run.new, run.masks
    return ring.signed(ring.add(new, masks))


def expected(op: Nonlinear, numbers: Integers, client: Words, rounds: bool) -> Integers:
    """The step in the clear, on flat numbers: to the nearest, or as the client's low bits say."""
    flat = Nonlinear(np.broadcast_to(op.relus, SHAPE).reshape(-1), op.shift, op.bits, op.top)
    return shifted(flat, numbers, None if rounds else client & np.uint64((1 << op.shift) - 1))


# Parts


def test_a_mixed_step_falls_into_relus_and_truncations() -> None:
    op = Nonlinear(MIXED, 12, 30, top=8)
    under, others = parts(step_of(op), program_of(step_of(op), BINARY))
    assert under.elements.tolist() == list(range(0, 24, 3))
    assert sorted([*under.elements, *others.elements]) == list(range(24))
    assert under.function is relu(BINARY, 12, 8, 30, False)
    assert (others.function, others.shift) == (None, 12)
    assert (under.garbled, others.garbled) == (True, False)


def test_what_is_exact_is_garbled_whole() -> None:
    op = Nonlinear(MIXED, 12, 30)
    under, others = parts(step_of(op), program_of(step_of(op), BINARY, exact=True))
    assert under.function is relu(BINARY, 12, None, 30, True)
    assert others.function is truncate(BINARY, 12, 30)


def test_modulo_a_prime_all_is_exact_and_of_all_bits() -> None:
    op = Nonlinear(MIXED, 12, 30)
    under, others = parts(step_of(op), program_of(step_of(op), PRIME))
    assert under.function is relu(PRIME, 12, None, PRIME.bits, True)
    assert others.function is truncate(PRIME, 12, PRIME.bits)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("ring", [BINARY, PRIME], ids=str)
def test_what_is_neither_relu_nor_shifted_passes(ring: Ring, exact: bool) -> None:
    def found(relus: Mask | bool, shift: int) -> list[list[int]]:
        step = step_of(Nonlinear(relus, shift, 30))
        return [part.elements.tolist() for part in parts(step, program_of(step, ring, exact))]

    assert found(MIXED, 0) == [list(range(0, 24, 3))]
    assert found(False, 0) == []
    assert found(False, 5) == [list(range(24))]
    assert found(True, 0) == found(True, 5) == [list(range(24))]


@pytest.mark.parametrize("ring", [BINARY, PRIME], ids=str)
def test_a_square_is_one_part(ring: Ring) -> None:
    (part,) = parts(step_of(Square()), program_of(step_of(Square()), ring))
    assert part.elements.tolist() == list(range(24))
    assert (part.function, part.shift, part.garbled) == (None, None, False)


# Shares


@pytest.fixture(params=["numba", "numpy"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "numpy":
        monkeypatch.setattr(garbling, "width", lambda: 0)
    name: str = request.param
    return name


OPS = {
    "relu": Nonlinear(True, 0, 20),
    "relu, shift": Nonlinear(True, 12, 30),
    "relu, shift, top": Nonlinear(True, 12, 30, top=6),
    "truncation": Nonlinear(False, 12, 30),
    "mixed": Nonlinear(MIXED, 12, 30, top=6),
    "mixed, no shift": Nonlinear(MIXED, 0, 20),
    "mixed, all bits": Nonlinear(MIXED, 20, 38),
}


@pytest.mark.parametrize("exact", [False, True], ids=["rounded", "exact"])
@pytest.mark.parametrize("ring", [BINARY, PRIME], ids=str)
@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
def test_new_shares_are_of_what_the_step_gives(
    op: Nonlinear, ring: Ring, exact: bool, engine: str
) -> None:
    numbers = numbers_of(op, ring, 24)
    client, server = shared(ring, numbers)
    wanted = expected(op, numbers, client, exact or not ring.binary)
    assert np.array_equal(result(step_of(op), ring, exact, client, server), wanted)


@pytest.mark.parametrize("ring", [BINARY, PRIME], ids=str)
def test_new_shares_of_a_square_are_of_the_square(ring: Ring) -> None:
    numbers = numbers_of(Square(), ring, 24)
    found = result(step_of(Square()), ring, False, *shared(ring, numbers))
    assert [x % ring.modulus for x in found.tolist()] == [
        x**2 % ring.modulus for x in numbers.tolist()
    ]


KINDS: dict[str, Callable[[int], Part]] = {
    "garbled": lambda count: Part(BINARY, np.arange(count), relu(BINARY, 12, 6, 30, False)),
    "shifted": lambda count: Part(BINARY, np.arange(count), shift=12),
    "squared": lambda count: Part(BINARY, np.arange(count)),
}


@pytest.mark.parametrize("memory", [0, MEMORY], ids=["file", "memory"])
@pytest.mark.parametrize("kind", KINDS)
def test_more_than_a_batch(kind: str, memory: int) -> None:
    part = KINDS[kind](BATCH + 9)
    numbers = np.random.default_rng(1).integers(-(1 << 18), 1 << 18, BATCH + 9)
    client, server = shared(BINARY, numbers)
    run = met(part, client, server, memory)
    found = BINARY.signed(BINARY.add(run.new, run.masks))
    lows = client & np.uint64((1 << 12) - 1)
    wanted = {
        "garbled": shifted(Nonlinear(True, 12, 30, 6), numbers, lows),
        "shifted": shifted(Nonlinear(False, 12, 30), numbers, lows),
        "squared": numbers**2,
    }[kind]
    assert np.array_equal(found, wanted)


def test_an_end_takes_its_elements_of_the_steps_share() -> None:
    step = step_of(Nonlinear(MIXED, 4, 20))
    numbers = np.arange(24, dtype=np.int64) * 1000 - 12000
    client, server = shared(BINARY, numbers)
    for part in parts(step, program_of(step, BINARY)):
        run = met(part, client, server)
        found = BINARY.signed(BINARY.add(run.new, run.masks))
        near = numbers[part.elements] / 16
        assert np.all(np.abs(found - np.where(part.garbled, np.maximum(near, 0), near)) <= 1)


@pytest.mark.parametrize("kind", KINDS)
def test_new_shares_are_masked_afresh_each_time(kind: str) -> None:
    client, server = shared(BINARY, np.zeros(24, np.int64))
    one, other = (met(KINDS[kind](24), client, server).new for _ in range(2))
    assert not np.any(one == other)


def test_what_a_relu_and_a_truncation_cost() -> None:
    """Of 30 bits of which 12 are cut: 34 ANDs, and outputs of 38 to 32 bits; a truncation has
    two bytes ahead and a bit online."""
    client, server = shared(BINARY, np.zeros(24, np.int64))
    garbled, cut = (met(KINDS[kind](24), client, server) for kind in ("garbled", "shifted"))
    assert garbled.prepared == [24 * (34 * TABLE + 6 * 5 + 4)]
    assert garbled.opened == [24 * 18 * LABEL]
    assert (cut.prepared, cut.opened) == ([24 * 2], [3])


def test_a_garbled_batch_is_answered_once() -> None:
    part, kept = KINDS["garbled"](1), Kept(MEMORY)
    zeros = np.zeros(1, np.uint64)
    theirs, mine, whole = part.server(SOURCE, OFFSET, Room()), part.client(zeros, kept), slice(0, 1)
    mine.nonce = theirs.nonce
    labels = np.zeros((1, theirs.bits, 2), np.uint64)
    mine.take(whole, labels, theirs.prepare(whole, labels, OFFSET).copy())
    opened = theirs.open(whole, zeros).tobytes()
    mine.answer(whole, opened)
    with pytest.raises(KeyError):
        mine.answer(whole, opened)
    with pytest.raises(garbling.Reused, match="all 1 elements were encoded already"):
        theirs.open(whole, zeros)
    kept.close()
