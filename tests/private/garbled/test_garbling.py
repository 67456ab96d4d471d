"""Garbled circuits: what they compute, that engines agree, that nothing is betrayed or reused."""

import tracemalloc
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled.circuits import Coding, Function, relu, truncate
from deepreshape.private.garbled.engine_numba import NumbaEngine
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.garbling import Evaluator, Garbler, Reused, table_bytes
from deepreshape.private.garbled.gates import Bits, Circuit, Gate, bit_words, evaluate
from deepreshape.private.garbled.projections import Projection
from deepreshape.private.garbled.three_halves import (
    CHUNK,
    GROUP,
    LABEL,
    Chunk,
    Engine,
    Labels,
    Octets,
    chunk_keys,
    draw_offset,
    schedule,
)
from deepreshape.private.garbled.vectors import width
from deepreshape.private.randomness import Randomness, SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring, Words

ENGINES: list[type[Engine]] = [NumpyEngine, *([NumbaEngine] if width() else [])]
SMALL = relu(Ring(16), 1)
CIRCUIT = SMALL.circuit
STEPS = [
    relu(BINARY, 20, 12, 36, exact=False),
    relu(BINARY, 12),
    relu(PRIME, 12),
    truncate(BINARY, 12),
    truncate(PRIME, 0),
]
COUNTS = [1, 7, GROUP, 255, 257, CHUNK, 4097]
"""Of elements: parts of a group, whole ones, both, several chunks."""
needs_aes = pytest.mark.skipif(not width(), reason="a processor without AES instructions")


def known(number: int = 0) -> SystemRandomness:
    """A source that gives the same every time."""
    return SystemRandomness(number.to_bytes(32, "little"))


def function_of(circuit: Circuit) -> Function:
    """A circuit whose outputs count 1, 2, 4, ...: its value is their word."""
    ring = Ring(1 << max(2, len(circuit.outputs)))
    values = tuple(1 << output for output in range(len(circuit.outputs)))
    inverted = tuple(bool(literal & 1) for literal in circuit.outputs)
    sides = Coding(circuit.garbler), Coding(circuit.evaluator)
    return Function(ring, circuit, *sides, Projection(ring, values, inverted))


class Run(NamedTuple):
    """A layer garbled and evaluated, with all that the two sides said."""

    offset: Labels
    nonce: bytes
    tables: Octets
    own: Labels
    sent: Labels
    answers: Words
    values: Words


def run(
    function: Function,
    garbler_bits: Bits,
    evaluator_bits: Bits,
    source: Randomness | None = None,
    engine: type[Engine] | None = None,
) -> Run:
    source = known() if source is None else source
    count, offset = len(garbler_bits), draw_offset(source)
    zero = _labels(source, count, function.circuit.evaluator)
    own = zero ^ evaluator_bits[..., None] * offset
    garbler = Garbler(function, count, offset, source, engine)
    tables = garbler.garble(zero)
    evaluator = Evaluator(function, count, garbler.nonce, engine)
    sent = garbler.encode(garbler_bits)
    answers = evaluator.evaluate(sent, own, tables)
    return Run(offset, garbler.nonce, tables, own, sent, answers, garbler.close(answers))


def _labels(source: Randomness, count: int, bits: int) -> Labels:
    return source.bytes(count * bits * LABEL).view(np.uint64).reshape(count, bits, 2)


def inputs(function: Function, count: int, seed: int = 0) -> tuple[Bits, Bits]:
    rng, circuit = np.random.default_rng(seed), function.circuit
    garbler = rng.integers(0, 2, (count, circuit.garbler)).astype(np.bool_)
    return garbler, rng.integers(0, 2, (count, circuit.evaluator)).astype(np.bool_)


def same(count: int, value: bool) -> tuple[Bits, Bits]:
    """One value for every input bit of SMALL."""
    return np.full((count, CIRCUIT.garbler), value), np.full((count, CIRCUIT.evaluator), value)


def clear(function: Function, garbler: Bits, evaluator: Bits) -> Words:
    """What outputs that count 1, 2, 4, ... give, by the circuit in the clear."""
    return function.settled(bit_words(evaluate(function.circuit, garbler, evaluator)))


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    """Random gates on random literals, but for those that a circuit refuses."""
    sides = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    circuit = Circuit(*sides, (), (0,))
    for _ in range(draw(st.integers(0, 20))):
        wires = circuit.inputs + len(circuit.gates)
        conjunction = draw(st.booleans())
        left, right = (
            2 * draw(st.integers(0, wires - 1)) + (conjunction and draw(st.integers(0, 1)))
            for _ in range(2)
        )
        try:
            circuit = Circuit(*sides, (*circuit.gates, Gate(conjunction, left, right)), (0,))
        except ValueError:
            continue
    literals = st.integers(0, 2 * (circuit.inputs + len(circuit.gates)) - 1)
    outputs = draw(st.lists(literals, min_size=1, max_size=20))
    return Circuit(*sides, circuit.gates, tuple(outputs))


# What is computed


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_garbled_circuit_gives_what_it_gives_in_the_clear(
    engine: type[Engine], count: int
) -> None:
    bits = inputs(SMALL, count)
    assert np.array_equal(run(SMALL, *bits, engine=engine).values, clear(SMALL, *bits))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.circuit.and_gates} ANDs")
def test_a_garbled_step_gives_shares_of_its_value(step: Function, engine: type[Engine]) -> None:
    server, client = uniform(known(), step.ring, (2, 300))
    made = run(step, step.garbler_bits(server), step.evaluator_bits(client), engine=engine)
    assert np.array_equal(made.values, step.evaluate(server, client))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_mask_on_the_answers_stays_with_the_evaluator(engine: type[Engine]) -> None:
    """Who sends its shares less a mask leaves the mask as its share."""
    source, bits = known(), inputs(SMALL, 50)
    offset = draw_offset(source)
    zero = _labels(source, 50, CIRCUIT.evaluator)
    garbler = Garbler(SMALL, 50, offset, source, engine)
    tables, sent = garbler.garble(zero), garbler.encode(bits[0])
    own = zero ^ bits[1][..., None] * offset
    answers = Evaluator(SMALL, 50, garbler.nonce, engine).evaluate(sent, own, tables)
    masks = uniform(known(1), SMALL.ring, (50,))
    left = garbler.close(SMALL.ring.subtract(answers, masks))
    assert np.array_equal(SMALL.ring.add(left, masks), clear(SMALL, *bits))


@given(circuits(), st.integers(0, 100))
def test_any_circuit_in_any_engine(circuit: Circuit, count: int) -> None:
    function = function_of(circuit)
    bits = inputs(function, count)
    runs = [run(function, *bits, engine=engine) for engine in ENGINES]
    for made in runs:
        assert np.array_equal(made.values, clear(function, *bits))
        assert made.tables.tobytes() == runs[0].tables.tobytes()


# Engines


@needs_aes
@pytest.mark.parametrize("count", COUNTS)
def test_engines_say_the_same_bytes(count: int) -> None:
    bits = inputs(SMALL, count)
    one, other = (run(SMALL, *bits, engine=engine) for engine in ENGINES)
    assert one.tables.tobytes() == other.tables.tobytes()
    assert one.sent.tobytes() == other.sent.tobytes()
    assert one.answers.tobytes() == other.answers.tobytes()


def chunk(engine: Engine, count: int) -> tuple[bytes, bytes, bytes]:
    """What an engine makes of one chunk."""
    source = known()
    offset, keys = draw_offset(source), chunk_keys(bytes(16), 0, CIRCUIT.and_gates)
    sides = _labels(source, count, CIRCUIT.garbler), _labels(source, count, CIRCUIT.evaluator)
    tables = np.zeros(count * (table_bytes(SMALL) - SMALL.projection.bytes), np.uint8)
    outputs = np.zeros((2, len(CIRCUIT.outputs), count, 2), np.uint64)
    engine.garble(Chunk(keys, *sides, tables, outputs[0]), offset)
    engine.evaluate(Chunk(keys, *sides, tables, outputs[1]))
    return tables.tobytes(), outputs[0].tobytes(), outputs[1].tobytes()


@needs_aes
@pytest.mark.parametrize("count", [1, GROUP - 1, GROUP, 3 * GROUP + 5, CHUNK])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_vectors_of_every_width_make_the_same_bytes(lanes: int, count: int) -> None:
    if lanes > width():
        pytest.skip("wider than this processor's vectors")
    assert chunk(NumbaEngine(schedule(CIRCUIT), lanes), count) == chunk(
        NumpyEngine(schedule(CIRCUIT)), count
    )


def test_on_zero_labels_the_evaluator_finds_zero_labels() -> None:
    _, garbled, evaluated = chunk(NumpyEngine(schedule(CIRCUIT)), 100)
    assert garbled == evaluated


def test_no_key_serves_two_gates_or_two_chunks_or_two_layers() -> None:
    keys = [chunk_keys(nonce * 16, chunk, 50) for nonce in (b"a", b"b") for chunk in range(3)]
    assert len({key.tobytes() for some in keys for key in some}) == 2 * 3 * 50


def test_a_plan_makes_a_wire_before_it_is_read_and_keeps_it_until_then() -> None:
    """Places are few, and running them in order is what `evaluate` gives (above); here, how few."""
    assert schedule(relu(BINARY, 0).circuit).places < 50


# In pieces


@pytest.mark.parametrize("engine", ENGINES)
def test_pieces_of_whole_chunks_make_the_bytes_of_one_piece(engine: type[Engine]) -> None:
    count = 2 * CHUNK + 5
    garbler_bits, evaluator_bits = inputs(SMALL, count)
    whole = run(SMALL, garbler_bits, evaluator_bits, known(), engine)
    source = known()
    offset = draw_offset(source)
    zero = _labels(source, count, CIRCUIT.evaluator)
    garbler = Garbler(SMALL, count, offset, source, engine)
    tables = np.empty(count * table_bytes(SMALL), np.uint8)
    cut = 2 * CHUNK * table_bytes(SMALL)
    garbler.garble(zero[: 2 * CHUNK], tables[:cut])
    tables[cut:] = garbler.garble(zero[2 * CHUNK :])
    assert tables.tobytes() == whole.tables.tobytes()
    evaluator = Evaluator(SMALL, count, garbler.nonce, engine)
    cut = CHUNK * table_bytes(SMALL)
    pieces = (slice(CHUNK), tables[:cut]), (slice(CHUNK, None), tables[cut:])
    answers = [
        evaluator.evaluate(garbler.encode(garbler_bits[piece]), whole.own[piece], part)
        for piece, part in pieces
    ]
    assert np.array_equal(np.concatenate(answers), whole.answers)
    assert np.array_equal(np.concatenate([garbler.close(some) for some in answers]), whole.values)


def test_tables_and_labels_may_lie_in_files(tmp_path: Path) -> None:
    bits = inputs(SMALL, 100)
    made = run(SMALL, *bits)
    made.tables.tofile(tmp_path / "tables")
    made.own.tofile(tmp_path / "labels")
    tables = np.memmap(tmp_path / "tables", np.uint8, "r")
    labels = np.memmap(tmp_path / "labels", np.uint64, "r", shape=made.own.shape)
    found = Evaluator(SMALL, 100, made.nonce).evaluate(made.sent, labels, tables)
    assert np.array_equal(found, made.answers)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_tables_may_be_any_bytes(kind: type[bytes]) -> None:
    made = run(SMALL, *inputs(SMALL, 20))
    tables = kind(made.tables.tobytes())
    found = Evaluator(SMALL, 20, made.nonce).evaluate(made.sent, made.own, tables)
    assert np.array_equal(found, made.answers)


def test_labels_may_be_a_part_of_other_labels() -> None:
    """Neither contiguous nor aligned: what came in one message with something else."""
    made = run(SMALL, *inputs(SMALL, 20))
    wide = np.zeros((20, CIRCUIT.evaluator + 3, 2), np.uint64)
    wide[:, 3:] = made.own
    raw = np.frombuffer(b"x" + made.sent.tobytes(), np.uint8)[1:]
    sent = raw.view(np.uint64).reshape(made.sent.shape)
    found = Evaluator(SMALL, 20, made.nonce).evaluate(sent, wide[:, 3:], made.tables)
    assert np.array_equal(found, made.answers)


def test_memory_does_not_grow_with_the_layer() -> None:
    """But for the garbler's shares, eight bytes of an element whose tables have hundreds."""

    def peak(chunks: int) -> int:
        source = known()
        garbler = Garbler(SMALL, chunks * CHUNK, draw_offset(source), source)
        tables = np.empty(CHUNK * table_bytes(SMALL), np.uint8)
        zero = _labels(source, CHUNK, CIRCUIT.evaluator)
        tracemalloc.start()
        for _ in range(chunks):
            garbler.garble(zero, tables)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # whatever is made once
    assert peak(20) < 1.2 * peak(2)


# Single use


def test_each_element_is_garbled_encoded_evaluated_and_closed_once() -> None:
    source = known()
    offset, (garbler_bits, _) = draw_offset(source), inputs(SMALL, 3)
    zero = _labels(source, 3, CIRCUIT.evaluator)
    garbler = Garbler(SMALL, 3, offset, source)
    evaluator = Evaluator(SMALL, 3, garbler.nonce)
    tables = garbler.garble(zero)
    sent = garbler.encode(garbler_bits)
    answers = evaluator.evaluate(sent, zero, tables)
    garbler.close(answers)
    size = table_bytes(SMALL)
    for again, past in (
        (lambda: garbler.garble(zero), "garbled"),
        (lambda: garbler.encode(garbler_bits), "encoded"),
        (lambda: garbler.encode(garbler_bits[:1]), "encoded"),
        (lambda: evaluator.evaluate(sent, zero, tables), "evaluated"),
        (lambda: evaluator.evaluate(sent[:1], zero[:1], tables[:size]), "evaluated"),
        (lambda: garbler.close(answers), "closed"),
    ):
        with pytest.raises(Reused, match=f"^all 3 elements were {past} already$"):
            again()


def test_more_elements_than_there_are_is_one_clear_error_and_uses_none() -> None:
    bits = inputs(SMALL, 3)[0]
    garbler = garbler_of(2)
    garbler.garble(np.zeros((2, CIRCUIT.evaluator, 2), np.uint64))
    with pytest.raises(ValueError, match="3 elements to be encoded, more than there are"):
        garbler.encode(bits)
    assert garbler.encode(bits[:2]).shape == (2, CIRCUIT.garbler, 2)


def test_what_was_not_garbled_is_not_encoded_and_what_was_not_encoded_is_not_closed() -> None:
    garbler = garbler_of(2)
    with pytest.raises(ValueError, match="1 elements to be encoded, more than there are"):
        garbler.encode(inputs(SMALL, 1)[0])
    garbler.garble(np.zeros((2, CIRCUIT.evaluator, 2), np.uint64))
    with pytest.raises(ValueError, match="1 elements to be closed, more than there are"):
        garbler.close(np.zeros(1, np.uint64))


# Wrong sizes


def garbler_of(count: int) -> Garbler:
    return Garbler(SMALL, count, draw_offset(known()), known())


def test_wrong_sizes_are_clear_errors_of_the_garbler() -> None:
    zero = np.zeros((CHUNK + 1, CIRCUIT.evaluator, 2), np.uint64)
    with pytest.raises(ValueError, match=r"labels of shape \(1025, 3, 2\)"):
        garbler_of(CHUNK + 1).garble(zero[:, 1:])
    with pytest.raises(ValueError, match="int64"):
        garbler_of(CHUNK + 1).garble(zero.view(np.int64))
    with pytest.raises(ValueError, match="neither a multiple of 1024 nor all the rest"):
        garbler_of(CHUNK + 1).garble(zero[:5])
    with pytest.raises(ValueError, match="7 bytes for tables of"):
        garbler_of(CHUNK + 1).garble(zero, np.empty(7, np.uint8))
    with pytest.raises(ValueError, match="room for labels of 2 elements, not 3"):
        garbler_of(3).encode(np.zeros((3, 4), np.bool_), np.empty((2, 4, 2), np.uint64))
    with pytest.raises(ValueError, match=r"bits of shape \(3, 5\)"):
        garbler_of(3).encode(np.zeros((3, 5), np.bool_))


def test_wrong_sizes_are_clear_errors_of_the_evaluator() -> None:
    made = run(SMALL, *inputs(SMALL, 4))
    with pytest.raises(ValueError, match="a nonce of 5 bytes, not 16"):
        Evaluator(SMALL, 4, b"short")
    five = np.zeros((5, CIRCUIT.garbler, 2), np.uint64)
    for sent, own, tables, message in (
        (made.sent, made.own, made.tables[1:], "bytes for tables of"),
        (made.sent, made.own[1:], made.tables, "labels of 3 elements, not 4"),
        (made.sent, made.own[:, 1:], made.tables, "labels of shape"),
        (made.sent[:, 1:], made.own, made.tables, "labels of shape"),
        (five, five, np.zeros(5 * table_bytes(SMALL), np.uint8), "5 elements to be evaluated"),
    ):
        with pytest.raises(ValueError, match=message):
            Evaluator(SMALL, 4, made.nonce).evaluate(sent, own, tables)


def test_garbage_in_place_of_gates_is_evaluated_to_garbage() -> None:
    noise = known(9)
    tables = noise.bytes(50 * table_bytes(SMALL))
    tables[-50 * SMALL.projection.bytes :] = 0
    sent, own = (_labels(noise, 50, bits) for bits in (CIRCUIT.garbler, CIRCUIT.evaluator))
    found = Evaluator(SMALL, 50, bytes(16)).evaluate(sent, own, tables)
    assert int(found.max()) < SMALL.ring.modulus


def test_garbage_in_place_of_corrections_is_one_clear_error() -> None:
    made = run(SMALL, *inputs(SMALL, 50))
    made.tables[-1] = 255
    with pytest.raises(ValueError, match="the peer sent numbers outside the ring"):
        Evaluator(SMALL, 50, made.nonce).evaluate(made.sent, made.own, made.tables)


def test_an_offset_without_colour_is_refused() -> None:
    with pytest.raises(ValueError, match="the offset is no label of colour 1"):
        Garbler(SMALL, 1, np.array([2, 3], np.uint64), known())


# Secrets


def numbers(octets: bytes) -> list[int]:
    """Every label-sized window at a label's place."""
    return [int.from_bytes(octets[i : i + LABEL], "little") for i in range(0, len(octets), LABEL)]


def test_what_leaves_the_garbler_never_holds_the_offset() -> None:
    """Not as such at any byte, nor as the difference of any two labels or table rows."""
    made = run(SMALL, *inputs(SMALL, 20))
    said = made.nonce + made.tables.tobytes() + made.sent.tobytes() + made.own.tobytes()
    assert made.offset.tobytes() not in said
    offset = numbers(made.offset.tobytes())[0]
    assert all(one ^ other != offset for one, other in combinations(numbers(said), 2))


def test_no_label_is_sent_twice() -> None:
    made = run(SMALL, *inputs(SMALL, 200))
    labels = numbers(made.sent.tobytes()) + numbers(made.own.tobytes())
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("value", [False, True])
def test_the_evaluators_shares_are_uniform_whatever_is_computed(value: bool) -> None:
    """Chi-squared of 4096 shares in a ring of 16: 45 is the 1 - 10^-4 quantile of 15 degrees."""
    bits = same(4096, value)
    counts = np.bincount(run(SMALL, *bits).answers.astype(np.int64), minlength=16)
    assert ((counts - 256) ** 2 / 256).sum() < 45


def test_gates_and_sent_labels_are_uniform_bits_whatever_the_input() -> None:
    for value in (False, True):
        made = run(SMALL, *same(1000, value))
        gates = made.tables[: -1000 * SMALL.projection.bytes]
        table = 24 * 8 + 3  # the bits of a table, in its 25 bytes
        for said, bits in (
            (gates, 1000 * CIRCUIT.and_gates * table),
            (made.sent.view(np.uint8), made.sent.nbytes * 8),
        ):
            assert abs(np.unpackbits(said).sum() / bits - 0.5) < 4 * 0.5 / bits**0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_one_source_makes_one_transcript_and_another_another(engine: type[Engine]) -> None:
    bits = inputs(SMALL, 40)
    one, same, other = (run(SMALL, *bits, known(n), engine) for n in (1, 1, 2))
    for name in ("offset", "nonce", "tables", "sent", "answers"):
        first, again, changed = (bytes(getattr(some, name)) for some in (one, same, other))
        assert first == again
        assert first != changed


class Counted:
    """A source that counts what is drawn."""

    def __init__(self) -> None:
        self.source, self.drawn = known(), 0

    def bytes(self, count: int) -> Octets:
        self.drawn += count
        return self.source.bytes(count)


def test_a_garbler_draws_a_seed_and_a_nonce_and_nothing_later() -> None:
    source = Counted()
    garbler = Garbler(SMALL, 100, draw_offset(known()), source)
    assert source.drawn == 2 * LABEL
    garbler.garble(np.zeros((100, CIRCUIT.evaluator, 2), np.uint64))
    assert source.drawn == 2 * LABEL


def test_an_offset_has_colour_1_and_127_random_bits() -> None:
    def octets() -> Iterator[bytes]:
        source = known()
        for _ in range(500):
            yield draw_offset(source).tobytes()

    bits = np.unpackbits(
        np.frombuffer(b"".join(octets()), np.uint8).reshape(500, 16), axis=1, bitorder="little"
    ).mean(axis=0)
    assert bits[0] == 1
    assert np.all(np.abs(bits[1:] - 0.5) < 5 * 0.5 / 500**0.5)


def test_a_processor_without_aes_instructions_has_an_engine_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deepreshape.private.garbled.garbling.width", lambda: 0)
    bits = inputs(SMALL, 5)
    assert np.array_equal(run(SMALL, *bits).values, clear(SMALL, *bits))
