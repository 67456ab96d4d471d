"""The source of secrets: its key, its stream, and residues without a bias."""

import multiprocessing
import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring

SEEDED = bytes(range(32))


def test_the_operating_system_gives_each_source_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def given(count: int) -> bytes:
        asked.append(count)
        return bytes([len(asked)]) * count

    monkeypatch.setattr(os, "urandom", given)
    sources = [SystemRandomness() for _ in range(2)]
    assert asked == [32, 32]
    for number, source in enumerate(sources, start=1):
        known = SystemRandomness(bytes([number]) * 32)
        assert source.bytes(100).tobytes() == known.bytes(100).tobytes()


def test_a_source_is_aes_256_of_a_counter() -> None:
    cipher = Cipher(algorithms.AES256(SEEDED), modes.ECB()).encryptor()
    blocks = b"".join(cipher.update(counter.to_bytes(16, "big")) for counter in range(10))
    assert SystemRandomness(SEEDED).bytes(160).tobytes() == blocks


def test_no_byte_of_a_source_is_given_twice_or_left_out() -> None:
    source, whole = SystemRandomness(SEEDED), SystemRandomness(SEEDED).bytes(100)
    pieces = [source.bytes(count) for count in (1, 15, 0, 17, 67)]
    assert np.concatenate(pieces).tobytes() == whole.tobytes()


@pytest.mark.parametrize("key", [None, SEEDED], ids=["its own key", "a known key"])
def test_a_forked_process_and_its_parent_draw_no_byte_alike(key: bytes | None) -> None:
    source, twin = SystemRandomness(key), SystemRandomness(SEEDED)
    source.bytes(1000), twin.bytes(1000)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    children = [
        context.Process(target=lambda: theirs.send_bytes(source.bytes(4096).tobytes()))
        for _ in range(2)
    ]
    drawn = [source.bytes(4096).tobytes()]
    for child in children:
        child.start()
        drawn.append(ours.recv_bytes())
        child.join()
    # As a parent's stream goes on where it was, none of its next bytes may be a child's either.
    drawn.append(source.bytes(4096).tobytes())
    blocks = [whole[at : at + 16] for whole in drawn for at in range(0, 4096, 16)]
    assert len(set(blocks)) == len(blocks)
    assert twin.bytes(8).tobytes() == SystemRandomness(SEEDED).bytes(1008)[1000:].tobytes()


# Of the last two, nearly half of all words and a quarter of them are drawn again.
@pytest.mark.parametrize(
    "modulus", [BINARY.modulus, PRIME.modulus, (1 << 40) + 15, 3 << 40 | 1], ids=str
)
def test_residues_are_uniform(modulus: int) -> None:
    words = uniform(SystemRandomness(SEEDED), Ring(modulus), (100, 100))
    assert words.shape == (100, 100) and words.max() < modulus
    counts = np.bincount((words.ravel() * np.uint64(64) // np.uint64(modulus)).astype(int))
    # Chi-squared with 63 degrees of freedom: a larger value has probability 10^-9.
    assert ((counts - 156.25) ** 2 / 156.25).sum() < 155.1


@pytest.mark.parametrize("modulus", [3, 4, 5, 97, 128])
def test_each_residue_of_a_small_ring_is_as_likely(modulus: int) -> None:
    counts = np.bincount(uniform(SystemRandomness(SEEDED), Ring(modulus), (100_000,)))
    deviation = (100_000 * (modulus - 1)) ** 0.5 / modulus
    assert np.abs(counts - 100_000 / modulus).max() < 6 * deviation
