"""Garbled circuits: what they compute, that engines agree, that nothing is betrayed or reused."""

import tracemalloc
from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled.circuits import relu, truncate
from deepreshape.private.garbled.engine_numba import NumbaEngine, width
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.garbling import Evaluator, Garbler, Reused, table_bytes
from deepreshape.private.garbled.gates import Bits, Circuit, Gate, evaluate
from deepreshape.private.garbled.half_gates import (
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
from deepreshape.private.randomness import Randomness, SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring

ENGINES: list[type[Engine]] = [NumpyEngine, *([NumbaEngine] if width() else [])]
SMALL = relu(Ring(16), 1).circuit
STEPS = [relu(BINARY, 12), relu(PRIME, 12), truncate(BINARY, 12), truncate(PRIME, 0)]
COUNTS = [1, 7, GROUP, 255, 257, CHUNK, 4097]
"""Of elements: parts of a group, whole ones, both, several chunks."""
needs_aes = pytest.mark.skipif(not width(), reason="a processor without AES instructions")


def known(number: int = 0) -> SystemRandomness:
    """A source that gives the same every time."""
    return SystemRandomness(number.to_bytes(32, "little"))


class Run(NamedTuple):
    """A layer garbled and evaluated, with all that the two sides said."""

    offset: Labels
    nonce: bytes
    tables: Octets
    own: Labels
    sent: Labels
    colours: bytes
    outputs: Bits


def run(
    circuit: Circuit,
    garbler_bits: Bits,
    evaluator_bits: Bits,
    source: Randomness | None = None,
    engine: type[Engine] | None = None,
) -> Run:
    source = known() if source is None else source
    count, offset = len(garbler_bits), draw_offset(source)
    zero = _labels(source, count, circuit.evaluator)
    own = zero ^ evaluator_bits[..., None] * offset
    garbler = Garbler(circuit, count, offset, source, engine)
    tables = garbler.garble(zero)
    evaluator = Evaluator(circuit, count, garbler.nonce, tables, own, engine)
    sent = garbler.encode(garbler_bits)
    colours = evaluator.evaluate(sent)
    return Run(offset, garbler.nonce, tables, own, sent, colours, garbler.decode(colours))


def _labels(source: Randomness, count: int, bits: int) -> Labels:
    return source.bytes(count * bits * LABEL).view(np.uint64).reshape(count, bits, 2)


def inputs(circuit: Circuit, count: int, seed: int = 0) -> tuple[Bits, Bits]:
    rng = np.random.default_rng(seed)
    garbler = rng.integers(0, 2, (count, circuit.garbler)).astype(np.bool_)
    return garbler, rng.integers(0, 2, (count, circuit.evaluator)).astype(np.bool_)


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
    assert np.array_equal(run(SMALL, *bits, engine=engine).outputs, evaluate(SMALL, *bits))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.circuit.and_gates} ANDs")
def test_a_garbled_step_gives_the_servers_new_shares(step, engine: type[Engine]) -> None:  # type: ignore[no-untyped-def]
    server, client, mask = uniform(known(), step.ring, (3, 300))
    bits = step.garbler_bits(server), step.evaluator_bits(client, mask)
    outputs = run(step.circuit, *bits, engine=engine).outputs
    assert np.array_equal(step.result(outputs), step.evaluate(server, client, mask))


@given(circuits(), st.integers(0, 100))
def test_any_circuit_in_any_engine(circuit: Circuit, count: int) -> None:
    bits = inputs(circuit, count)
    clear = evaluate(circuit, *bits)
    for engine in ENGINES:
        assert np.array_equal(run(circuit, *bits, engine=engine).outputs, clear)


# Engines


@needs_aes
@pytest.mark.parametrize("count", COUNTS)
def test_engines_say_the_same_bytes(count: int) -> None:
    bits = inputs(SMALL, count)
    one, other = (run(SMALL, *bits, engine=engine) for engine in ENGINES)
    assert one.tables.tobytes() == other.tables.tobytes()
    assert one.sent.tobytes() == other.sent.tobytes()
    assert one.colours == other.colours


def chunk(engine: Engine, count: int) -> tuple[bytes, bytes, bytes]:
    """What an engine makes of one chunk."""
    circuit, source = SMALL, known()
    offset, keys = draw_offset(source), chunk_keys(bytes(16), 0, circuit.and_gates)
    sides = _labels(source, count, circuit.garbler), _labels(source, count, circuit.evaluator)
    tables = np.zeros(count * table_bytes(circuit), np.uint8)
    colours = np.zeros((2, len(circuit.outputs), count), np.uint8)
    engine.garble(Chunk(keys, *sides, tables, colours[0]), offset)
    engine.evaluate(Chunk(keys, *sides, tables, colours[1]))
    return tables.tobytes(), colours[0].tobytes(), colours[1].tobytes()


@needs_aes
@pytest.mark.parametrize("count", [1, GROUP - 1, GROUP, 3 * GROUP + 5, CHUNK])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_vectors_of_every_width_make_the_same_bytes(lanes: int, count: int) -> None:
    if lanes > width():
        pytest.skip("wider than this processor's vectors")
    assert chunk(NumbaEngine(schedule(SMALL), lanes), count) == chunk(
        NumpyEngine(schedule(SMALL)), count
    )


def test_on_zero_labels_the_evaluator_sees_the_colours_of_zero_labels() -> None:
    _, garbled, evaluated = chunk(NumpyEngine(schedule(SMALL)), 100)
    assert garbled == evaluated


def test_a_table_by_hand() -> None:
    """One AND gate, as the paper's figure 2 writes it, with AES from `cryptography`."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    circuit = Circuit(1, 1, (Gate(True, 0, 3),), (4,))
    offset, a, b = _labels(known(), 1, 3)[0]
    offset[0] |= np.uint64(1)
    key = chunk_keys(b"n" * 16, 5, 1)
    tables, colours = np.zeros(32, np.uint8), np.zeros((1, 1), np.uint8)
    given = Chunk(key, a[None, None], b[None, None], tables, colours)
    NumpyEngine(schedule(circuit)).garble(given, offset)

    def number(label: Labels) -> int:
        return int(label[0]) | int(label[1]) << 64

    def hashed(label: int) -> int:
        cipher = Cipher(algorithms.AES128(key.tobytes()), modes.ECB()).encryptor()
        high, low = label >> 64, label & (1 << 64) - 1
        aes = int.from_bytes(cipher.update(label.to_bytes(16, "little")), "little")
        return aes ^ ((high ^ low) << 64 | high)

    d, a0, b0 = number(offset), number(a), number(b) ^ number(offset)  # the second is inverted
    first = hashed(a0) ^ hashed(a0 ^ d) ^ (d if b0 & 1 else 0)
    second = hashed(b0) ^ hashed(b0 ^ d) ^ a0
    output = hashed(a0) ^ (first if a0 & 1 else 0) ^ hashed(b0) ^ (second ^ a0 if b0 & 1 else 0)
    assert tables.tobytes() == first.to_bytes(16, "little") + second.to_bytes(16, "little")
    assert int(colours[0, 0]) == output & 1


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
    zero = _labels(source, count, SMALL.evaluator)
    garbler = Garbler(SMALL, count, offset, source, engine)
    tables = np.empty(count * table_bytes(SMALL), np.uint8)
    cut = 2 * CHUNK * table_bytes(SMALL)
    garbler.garble(zero[: 2 * CHUNK], tables[:cut])
    tables[cut:] = garbler.garble(zero[2 * CHUNK :])
    assert tables.tobytes() == whole.tables.tobytes()
    evaluator = Evaluator(SMALL, count, garbler.nonce, tables.tobytes(), whole.own, engine)
    pieces = slice(CHUNK), slice(CHUNK, None)
    colours = [evaluator.evaluate(garbler.encode(garbler_bits[piece])) for piece in pieces]
    assert b"".join(colours) == whole.colours
    outputs = [garbler.decode(some) for some in colours]
    assert np.array_equal(np.concatenate(outputs), whole.outputs)


def test_tables_and_labels_may_lie_in_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    bits = inputs(SMALL, 100)
    made = run(SMALL, *bits)
    made.tables.tofile(tmp_path / "tables")
    made.own.tofile(tmp_path / "labels")
    tables = np.memmap(tmp_path / "tables", np.uint8, "r")
    labels = np.memmap(tmp_path / "labels", np.uint64, "r", shape=made.own.shape)
    evaluator = Evaluator(SMALL, 100, made.nonce, tables, labels)
    assert evaluator.evaluate(made.sent) == made.colours


def test_memory_does_not_grow_with_the_layer() -> None:
    """But for the colours, one byte of an element whose tables have hundreds."""

    def peak(chunks: int) -> int:
        source = known()
        garbler = Garbler(SMALL, chunks * CHUNK, draw_offset(source), source)
        tables = np.empty(CHUNK * table_bytes(SMALL), np.uint8)
        zero = _labels(source, CHUNK, SMALL.evaluator)
        tracemalloc.start()
        for _ in range(chunks):
            garbler.garble(zero, tables)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)  # whatever is made once
    assert peak(20) < 1.2 * peak(2)


# Single use


def test_each_element_is_garbled_encoded_evaluated_and_decoded_once() -> None:
    source = known()
    offset, (garbler_bits, _) = draw_offset(source), inputs(SMALL, 3)
    zero = _labels(source, 3, SMALL.evaluator)
    garbler = Garbler(SMALL, 3, offset, source)
    evaluator = Evaluator(SMALL, 3, garbler.nonce, garbler.garble(zero), zero)
    sent = garbler.encode(garbler_bits)
    colours = evaluator.evaluate(sent)
    garbler.decode(colours)
    for again, past in (
        (lambda: garbler.garble(zero), "garbled"),
        (lambda: garbler.encode(garbler_bits), "encoded"),
        (lambda: garbler.encode(garbler_bits[:1]), "encoded"),
        (lambda: evaluator.evaluate(sent), "evaluated"),
        (lambda: garbler.decode(colours), "decoded"),
    ):
        with pytest.raises(Reused, match=f"^all 3 elements were {past} already$"):
            again()


def test_more_elements_than_there_are_is_one_clear_error_and_uses_none() -> None:
    bits = inputs(SMALL, 3)[0]
    garbler = Garbler(SMALL, 2, draw_offset(known()), known())
    with pytest.raises(ValueError, match="3 elements to be encoded, more than there are"):
        garbler.encode(bits)
    assert garbler.encode(bits[:2]).shape == (2, SMALL.garbler, 2)


def test_colours_of_what_was_not_garbled_are_refused() -> None:
    garbler = Garbler(SMALL, 2, draw_offset(known()), known())
    with pytest.raises(ValueError, match="1 elements to be decoded, more than there are"):
        garbler.decode(b"\0")


# Wrong sizes


def garbler_of(count: int) -> Garbler:
    return Garbler(SMALL, count, draw_offset(known()), known())


def test_wrong_sizes_are_clear_errors_of_the_garbler() -> None:
    zero = np.zeros((CHUNK + 1, SMALL.evaluator, 2), np.uint64)
    with pytest.raises(ValueError, match=r"labels of shape \(1025, 7, 2\)"):
        garbler_of(CHUNK + 1).garble(zero[:, 1:])
    with pytest.raises(ValueError, match="int64"):
        garbler_of(CHUNK + 1).garble(zero.view(np.int64))  # type: ignore[arg-type]
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
    good = SMALL, 4, made.nonce, made.tables, made.own
    for changed, message in (
        ((*good[:2], b"short", *good[3:]), "a nonce of 5 bytes, not 16"),
        ((*good[:3], made.tables[1:], made.own), "bytes for tables of"),
        ((*good[:4], made.own[1:]), "labels of 3 elements, not 4"),
        ((*good[:4], made.own[:, 1:]), "labels of shape"),
    ):
        with pytest.raises(ValueError, match=message):
            Evaluator(*changed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="5 elements to be evaluated"):
        Evaluator(*good).evaluate(np.zeros((5, SMALL.garbler, 2), np.uint64))


def test_colours_of_a_wrong_length_are_one_clear_error() -> None:
    step = relu(BINARY, 0)
    garbler = Garbler(step.circuit, 1, draw_offset(known()), known())
    with pytest.raises(ValueError, match="7 bytes of colours, no multiple of 6"):
        garbler.decode(bytes(7))


def test_garbage_of_the_right_length_is_evaluated_to_garbage() -> None:
    noise = known(9)
    tables = noise.bytes(50 * table_bytes(SMALL))
    evaluator = Evaluator(SMALL, 50, bytes(16), tables, _labels(noise, 50, SMALL.evaluator))
    assert len(evaluator.evaluate(_labels(noise, 50, SMALL.garbler))) == 50


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


def test_colours_do_not_depend_on_the_input_but_through_the_garblers_secrets() -> None:
    """The mean colour of each output wire is a half, whatever is computed; 4 sigma of 4096."""
    circuit = SMALL
    for value in (False, True):
        bits = (np.full((4096, n), value) for n in (circuit.garbler, circuit.evaluator))
        colours = np.frombuffer(run(circuit, *bits).colours, np.uint8)
        means = np.unpackbits(colours[:, None], axis=1, count=4, bitorder="little").mean(axis=0)
        assert np.all(np.abs(means - 0.5) < 4 * 0.5 / 64)


def test_tables_and_sent_labels_are_uniform_bits_whatever_the_input() -> None:
    for value in (False, True):
        bits = (np.full((1000, n), value) for n in (SMALL.garbler, SMALL.evaluator))
        made = run(SMALL, *bits)
        for said in (made.tables, made.sent.view(np.uint8)):
            ones = np.unpackbits(said)
            assert abs(ones.mean() - 0.5) < 4 * 0.5 / ones.size**0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_one_source_makes_one_transcript_and_another_another(engine: type[Engine]) -> None:
    bits = inputs(SMALL, 40)
    one, same, other = (run(SMALL, *bits, known(n), engine) for n in (1, 1, 2))
    for name in ("offset", "nonce", "tables", "sent"):
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
    garbler.garble(np.zeros((100, SMALL.evaluator, 2), np.uint64))
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
    assert np.array_equal(run(SMALL, *bits).outputs, evaluate(SMALL, *bits))
