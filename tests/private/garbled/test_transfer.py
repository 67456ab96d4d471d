"""Oblivious transfer: labels belong to choices, and neither side's bytes tell its secret."""

from collections.abc import Callable

import nacl.bindings as sodium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private.garbled import transfer
from deepreshape.private.garbled.base_transfers import COLUMNS, POINT, TransferError
from deepreshape.private.garbled.leaves import DEPTH, STRIPE, Leaves
from deepreshape.private.garbled.three_halves import Labels, Octets, draw_offset
from deepreshape.private.garbled.transfer import (
    BLOCKS,
    HEADER,
    TREES,
    Receiver,
    Sender,
    message_bytes,
    turned,
)
from deepreshape.private.randomness import Stream, SystemRandomness

OFFSET = draw_offset(SystemRandomness(b"o" * 32))
IDENTITY = (1).to_bytes(32, "little")
"""The neutral point, of order one."""
ORDER_EIGHT = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def known(number: int = 0) -> SystemRandomness:
    return SystemRandomness(number.to_bytes(32, "little"))


def pair(number: int = 0, offset: Labels = OFFSET) -> tuple[Receiver, Sender]:
    """Two ends after the base transfers."""
    receiver, sender = Receiver(known(2 * number)), Sender(offset, known(2 * number + 1))
    sender.finish(receiver.finish(sender.answer(receiver.start())))
    return receiver, sender


def drawn(count: int, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.random.default_rng(seed).integers(0, 2, count).astype(np.bool_)


def belong(choices: np.ndarray, labels: Labels, zero: Labels, offset: Labels = OFFSET) -> bool:  # type: ignore[type-arg]
    """Is label = zero label xor (choice * offset), for each?"""
    return np.array_equal(labels, zero ^ choices[:, None] * offset)


# Labels


def test_labels_belong_to_choices_over_many_batches() -> None:
    receiver, sender = pair()
    for batch, count in enumerate([1, 127, 128, 129, 0, 1000, transfer.TILE + 77, 8, 82 * 1024]):
        choices = drawn(count, batch)
        message, labels = receiver.extend(choices)
        assert labels.shape == (count, 2)
        assert belong(choices, labels, sender.extend(message, count))


@pytest.mark.parametrize("number", [1, (1 << 128) - 1, 1 << 127 | 1, 0x10 << 64 | 1])
def test_labels_belong_to_choices_for_an_offset_of_few_or_all_bits(number: int) -> None:
    offset = np.frombuffer(number.to_bytes(16, "little"), np.uint64)
    receiver, sender = pair(4, offset)
    for choices in (np.zeros(1000, np.bool_), np.ones(1000, np.bool_), drawn(1000)):
        message, labels = receiver.extend(choices)
        assert belong(choices, labels, sender.extend(message, 1000), offset)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=4), st.integers(0, 2**128 - 1))
def test_labels_belong_to_choices_for_any_offset(counts: list[int], number: int) -> None:
    offset = np.frombuffer((number | 1).to_bytes(16, "little"), np.uint64)
    receiver, sender = pair(3, offset)
    for count in counts:
        choices = drawn(count, count)
        message, labels = receiver.extend(choices)
        assert belong(choices, labels, sender.extend(message.tobytes(), count), offset)


def test_messages_and_labels_are_written_where_the_caller_has_room() -> None:
    choices, count = drawn(300), 300
    message, labels, zero = (
        np.empty(message_bytes(count), np.uint8),
        np.empty((count, 2), np.uint64),
        np.empty((count, 2), np.uint64),
    )
    receiver, sender = pair()
    said, mine = receiver.extend(choices, message, labels)
    assert said is message
    assert mine is labels
    assert sender.extend(message, count, zero) is zero
    assert belong(choices, labels, zero)
    with pytest.raises(ValueError, match=r"room of shape \(300, 2\) and uint64, not \(299, 2\)"):
        receiver.extend(choices[1:], None, labels)


def test_no_label_comes_twice() -> None:
    receiver, sender = pair()
    zero = []
    for count in (300, 300, 5):
        message, _ = receiver.extend(np.zeros(count, np.bool_))
        zero.append(sender.extend(message, count))
    assert len(set(map(bytes, np.concatenate(zero)))) == 605


def test_labels_are_uniform_bits() -> None:
    receiver, _ = pair()
    _, labels = receiver.extend(drawn(10_000))
    means = np.unpackbits(labels.view(np.uint8), axis=1).mean(axis=0)
    assert np.all(np.abs(means - 0.5) < 5 * 0.5 / 100)


@pytest.mark.parametrize(("count", "whole"), [(0, 0), (1, 128), (127, 128), (128, 128), (129, 256)])
def test_a_message_has_a_bit_a_tree_and_transfer_and_a_header(count: int, whole: int) -> None:
    receiver, _ = pair()
    assert DEPTH * BLOCKS == COLUMNS
    assert receiver.extend(drawn(count))[0].size == HEADER + whole * BLOCKS // 8


def test_the_first_message_is_choices_and_the_totals_of_the_trees() -> None:
    receiver, _ = pair()
    choices = drawn(1280)
    message, labels = receiver.extend(choices)
    totals, columns = (
        np.empty((BLOCKS, 2 * STRIPE), np.uint8),
        np.empty((COLUMNS, 2 * STRIPE), np.uint8),
    )
    assert receiver._leaves is not None
    Leaves(receiver._leaves.seeds).add_up(0, totals, columns)
    packed = np.packbits(choices, bitorder="little")
    found = message[HEADER:].reshape(BLOCKS, -1)
    assert np.array_equal(found, totals[:, : packed.size] ^ packed)
    bits = np.unpackbits(labels.view(np.uint8), axis=1, bitorder="little").T
    assert np.array_equal(np.packbits(bits, axis=1, bitorder="little"), columns[:, : packed.size])


def test_ends_with_and_without_registers_understand_each_other() -> None:
    receiver, sender = pair()
    assert sender._leaves is not None
    sender._leaves = Leaves(sender._leaves.seeds, 0)
    for count in (5000, 129):
        message, labels = receiver.extend(drawn(count))
        assert belong(drawn(count), labels, sender.extend(message, count))


# Secrets


def test_the_sender_has_all_leaves_but_those_at_its_offset() -> None:
    receiver, sender = pair()
    assert receiver._leaves is not None and sender._leaves is not None
    bits = np.unpackbits(OFFSET.view(np.uint8), bitorder="little").reshape(BLOCKS, DEPTH)
    for tree, own in enumerate(bits):
        hole = int(own @ (1 << np.arange(DEPTH)))
        theirs, mine = receiver._leaves.seeds[tree], sender._leaves.seeds[tree]
        for leaf in range(1, 1 << DEPTH):
            assert np.array_equal(mine[leaf], theirs[leaf ^ hole])
        assert not mine[0].any()
        assert theirs[hole].tobytes() not in set(map(bytes, mine))


@pytest.mark.parametrize("value", [False, True])
def test_the_receivers_message_is_uniform_bits_whatever_the_choices(value: bool) -> None:
    receiver, _ = pair()
    message, _ = receiver.extend(np.full(1 << 14, value))
    rows = np.unpackbits(message[HEADER:].reshape(BLOCKS, -1), axis=1)
    assert abs(rows.mean() - 0.5) < 4 * 0.5 / rows.size**0.5
    assert np.all(np.abs(rows.mean(axis=1) - 0.5) < 5 * 0.5 / 2**7)
    assert np.all(np.abs(rows.mean(axis=0) - 0.5) < 6 * 0.5 / BLOCKS**0.5)


def test_rows_of_one_message_do_not_betray_that_they_hold_the_same_choices() -> None:
    receiver, _ = pair()
    message, _ = receiver.extend(np.ones(1 << 14, np.bool_))
    rows = np.unpackbits(message[HEADER:].reshape(BLOCKS, -1), axis=1)
    agree = (rows[1:] == rows[:-1]).mean(axis=1)
    assert np.all(np.abs(agree - 0.5) < 5 * 0.5 / 2**7)


def test_the_same_choices_are_never_said_alike() -> None:
    receiver, _ = pair()
    first, second = (receiver.extend(drawn(1000))[0][HEADER:] for _ in range(2))
    assert first.tobytes() != second.tobytes()


def test_the_senders_points_are_as_random_where_its_offset_has_a_one_as_where_it_has_none() -> None:
    """128 points of each, all different; and none that the receiver's own point explains."""
    answers = []
    for number in (1, (1 << 128) - 1):
        offset = np.frombuffer(number.to_bytes(16, "little"), np.uint64)
        receiver = Receiver(known())
        answers.append(Sender(offset, known(number % 97)).answer(receiver.start()))
    points = [a[i : i + POINT] for a in answers for i in range(0, len(a), POINT)]
    assert len(set(points)) == 2 * COLUMNS
    assert all(map(sodium.crypto_core_ed25519_is_valid_point, points))


@pytest.mark.parametrize("offset", [(1, 0), ((1 << 64) - 1, (1 << 64) - 1), tuple(OFFSET)])
def test_the_sender_does_the_same_whatever_the_bits_of_its_offset(
    offset: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str) -> Callable[..., bytes]:
        wrapped: Callable[..., bytes] = getattr(sodium, name)

        def call(*args: bytes) -> bytes:
            done.append(name)
            return wrapped(*args)

        return call

    start = Receiver(known()).start()
    names = [name for name in dir(sodium) if "ed25519" in name and callable(getattr(sodium, name))]
    for name in names:
        monkeypatch.setattr(sodium, name, noted(name))
    Sender(np.array(offset, np.uint64), known(1)).answer(start)
    each = [name.removeprefix("crypto_") for name in done[1:]]  # the first checks the start
    assert each == COLUMNS * [
        "core_ed25519_scalar_reduce",
        "scalarmult_ed25519_base_noclamp",
        "core_ed25519_add",
        "scalarmult_ed25519_noclamp",
    ]


def test_all_but_one_bit_of_an_offset_are_secret() -> None:
    drawn = np.stack([draw_offset(known(number)) for number in range(64)])
    changed = np.bitwise_or.reduce(drawn) & ~np.bitwise_and.reduce(drawn)
    assert sum(int(half).bit_count() for half in changed) == COLUMNS - 1


def test_one_source_makes_one_transcript_and_another_another() -> None:
    def said(number: int) -> tuple[bytes, ...]:
        receiver, sender = Receiver(known(number)), Sender(OFFSET, known(number + 50))
        start = receiver.start()
        answer = sender.answer(start)
        sums = receiver.finish(answer)
        return start, answer, sums, receiver.extend(drawn(1000))[0].tobytes()

    assert said(1) == said(1)
    assert all(one != other for one, other in zip(said(1), said(2), strict=True))


# Out of step


def test_a_message_that_comes_twice_is_refused_and_moves_nothing() -> None:
    receiver, sender = pair()
    message, _ = receiver.extend(drawn(100))
    sender.extend(message, 100)
    with pytest.raises(TransferError, match="not the 100 transfers after the first 128"):
        sender.extend(message, 100)
    choices = drawn(100, 1)
    message, labels = receiver.extend(choices)
    assert belong(choices, labels, sender.extend(message, 100))


def test_a_message_after_one_that_was_lost_is_refused() -> None:
    receiver, sender = pair()
    receiver.extend(drawn(100))
    with pytest.raises(TransferError, match="not the 100 transfers after the first 0"):
        sender.extend(receiver.extend(drawn(100))[0], 100)


def test_a_message_of_another_number_of_transfers_is_refused() -> None:
    receiver, sender = pair()
    message, _ = receiver.extend(drawn(100))
    with pytest.raises(TransferError, match="not the 101 transfers"):
        sender.extend(message, 101)


def test_nothing_is_extended_before_the_base_transfers() -> None:
    with pytest.raises(TransferError, match="no base transfers yet"):
        Receiver(known()).extend(drawn(1))
    with pytest.raises(TransferError, match="no base transfers yet"):
        Sender(OFFSET, known()).extend(b"", 0)
    with pytest.raises(TransferError, match="no base transfers yet"):
        Sender(OFFSET, known()).finish(bytes(TREES))
    answered = Sender(OFFSET, known())
    answered.answer(Receiver(known(1)).start())
    with pytest.raises(TransferError, match="no base transfers yet"):
        answered.extend(b"", 0)


def test_base_transfers_are_done_once() -> None:
    receiver, sender = Receiver(known()), Sender(OFFSET, known(1))
    answer = sender.answer(receiver.start())
    sums = receiver.finish(answer)
    sender.finish(sums)
    with pytest.raises(TransferError, match="a second start of the base transfers"):
        sender.answer(receiver.start())
    with pytest.raises(TransferError, match="a second message with the sums"):
        sender.finish(sums)
    with pytest.raises(TransferError, match="a second answer to the base transfers"):
        receiver.finish(answer)


# Malformed bytes


@pytest.mark.parametrize("change", [lambda m: m[:-1], lambda m: m + b"\0", lambda m: b""])
def test_a_message_of_a_wrong_length_is_one_clear_error(change: Callable[[bytes], bytes]) -> None:
    receiver, sender = pair()
    message = receiver.extend(drawn(200))[0].tobytes()
    with pytest.raises(TransferError, match=r"bytes for 200 transfers"):
        sender.extend(change(message), 200)


BAD_POINTS = {
    "neutral": IDENTITY,
    "zero": bytes(POINT),
    "order eight": ORDER_EIGHT,
    "off the curve": (2).to_bytes(32, "little"),
    "not reduced": b"\xff" * 32,
}


@pytest.mark.parametrize("point", BAD_POINTS.values(), ids=BAD_POINTS)
def test_a_point_outside_the_group_is_one_clear_error(point: bytes) -> None:
    with pytest.raises(TransferError, match="not in the group of prime order"):
        Sender(OFFSET, known()).answer(point)
    receiver = Receiver(known())
    answer = Sender(OFFSET, known(1)).answer(receiver.start())
    with pytest.raises(TransferError, match="not in the group of prime order"):
        receiver.finish(answer[:-POINT] + point)
    receiver.finish(answer)  # nothing was kept of the wrong one


def test_a_point_of_a_wrong_length_is_one_clear_error() -> None:
    with pytest.raises(TransferError, match="31 bytes for a point"):
        Sender(OFFSET, known()).answer(bytes(31))
    with pytest.raises(TransferError, match="4,095 bytes for 128 points"):
        Receiver(known()).finish(bytes(4095))


@pytest.mark.parametrize("size", [0, TREES - 1, TREES + 1])
def test_sums_of_a_wrong_length_are_one_clear_error(size: int) -> None:
    receiver, sender = Receiver(known()), Sender(OFFSET, known(1))
    sums = receiver.finish(sender.answer(receiver.start()))
    with pytest.raises(TransferError, match=rf"{size:,} bytes for the sums of {BLOCKS} trees"):
        sender.finish(bytes(size))
    sender.finish(sums)  # nothing was kept of the wrong ones
    message, labels = receiver.extend(drawn(10))
    assert belong(drawn(10), labels, sender.extend(message, 10))


def test_a_reflected_point_is_one_clear_error() -> None:
    receiver = Receiver(known())
    with pytest.raises(TransferError, match="a point that is the receiver's own"):
        receiver.finish(receiver.start() * COLUMNS)


READY = pair()[1]
"""A sender that any number of wrong messages leaves as it was."""


@given(st.binary(max_size=200), st.integers(0, 20))
def test_garbage_is_one_clear_error(garbage: bytes, count: int) -> None:
    for act in (
        lambda: READY.extend(garbage, count),
        lambda: Receiver(known()).finish(garbage),
        lambda: Sender(OFFSET, known()).answer(garbage),
        lambda: READY.finish(garbage),
    ):
        with pytest.raises(TransferError):
            act()


def test_choices_that_are_no_bits_are_one_clear_error() -> None:
    receiver, _ = pair()
    with pytest.raises(ValueError, match="choices of shape"):
        receiver.extend(np.zeros((2, 3), np.bool_))
    with pytest.raises(ValueError, match="and uint8"):
        receiver.extend(np.zeros(3, np.uint8))  # type: ignore[arg-type]


# Parts


@given(st.integers(1, 40), st.integers(0, 63))
def test_a_turned_matrix_is_its_transpose(words: int, short: int) -> None:
    matrix = np.random.default_rng(words).integers(0, 2**64, (128, words), dtype=np.uint64)
    out = np.empty((64 * words - short, 2), np.uint64)
    turned(matrix, out)

    def as_bits(array: Labels) -> Octets:
        return np.unpackbits(array.view(np.uint8), axis=1, bitorder="little")

    assert np.array_equal(as_bits(out), as_bits(matrix).T[: len(out)])


def test_a_stream_is_read_on_and_never_twice() -> None:
    one, other = Stream(b"s" * 16), Stream(b"s" * 16)
    whole, pieces = np.empty(100, np.uint8), np.empty(100, np.uint8)
    one.read(whole)
    other.read(pieces[:33])
    other.add(np.zeros(67, np.uint8), pieces[33:])
    assert whole.tobytes() == pieces.tobytes()
    assert len(set(map(bytes, whole[:96].reshape(6, 16)))) == 6


def test_a_stream_masks_what_is_added() -> None:
    plain = np.arange(50, dtype=np.uint8)
    masked, mask = np.empty_like(plain), np.empty_like(plain)
    Stream(b"s" * 16).add(plain, masked)
    Stream(b"s" * 16).read(mask)
    assert np.array_equal(masked ^ mask, plain)
