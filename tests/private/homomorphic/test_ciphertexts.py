import os
from functools import lru_cache
from math import prod

import numpy as np
import pytest

from deepreshape.private.homomorphic.ciphertexts import Client, Server, noise
from deepreshape.private.homomorphic.contexts import CiphertextError, Context, Parameters, context
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring, Words

SMALL = Parameters(BINARY, 4096, (56, 37, 16), 1)
SLOTTED = Parameters(PRIME, 8192, (43, 43, 44, 44, 44), 2)
SEEDED = bytes(range(32))


@lru_cache
def parties(parameters: Parameters) -> tuple[Client, Server]:
    source = SystemRandomness()
    client = Client(context(parameters), source)
    return client, Server(client.context, client.public(), source)


def drawn(parameters: Parameters) -> Words:
    return uniform(SystemRandomness(), parameters.ring, (parameters.degree,))


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_an_answer_decrypts_to_what_was_encrypted_less_the_mask(parameters: Parameters) -> None:
    client, server = parties(parameters)
    messages, mask = [drawn(parameters) for _ in range(3)], drawn(parameters)
    for message, sent in zip(messages, client.encrypt(messages), strict=True):
        answer = server.answer(server.read(sent), client.context.plain(mask))
        assert np.array_equal(client.decrypt(answer), parameters.ring.subtract(message, mask))


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_flooding_leaves_the_margin_and_no_more(parameters: Parameters) -> None:
    client, server = parties(parameters)
    mask = client.context.plain(drawn(parameters))
    (sent,) = client.encrypt([drawn(parameters)])
    assert client.budget(server.answer(server.read(sent), mask)) in (2, 3)


def test_a_fresh_ciphertext_has_four_or_five_bits_of_noise() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    fresh = client.context.evaluator.transform_from_ntt(server.read(sent))
    room = prod(p.modulus for p in client.context.primes) // (2 * SMALL.ring.modulus)
    left = client._decryptor.invariant_noise_budget(fresh)
    assert 3 <= room.bit_length() - left <= 5


@pytest.mark.parametrize(
    ("degree", "bits"),
    [(4096, (60, 49, 40)), (4096, (56, 54)), (4096, (60, 60)), (8192, (43, 44, 44, 44, 44))],
)
def test_parameters_below_128_bits_of_security_are_refused(
    degree: int, bits: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="SEAL refuses"):
        Context(Parameters(BINARY, degree, bits, 1))


def test_a_ring_too_wide_for_a_ciphertext_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 56 bits, the ring has 60"):
        Context(Parameters(Ring(1 << 60), 8192, (56, 56, 56, 17), 2))


def test_slots_need_a_fitting_prime() -> None:
    with pytest.raises(ValueError, match="has no slots"):
        _ = context(SMALL).encoder


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_flooding_noise_is_one_small_integer_in_every_prime(parameters: Parameters) -> None:
    _, server = parties(parameters)
    residues, primes = server._flood(), [p.modulus for p in server.context.primes]
    modulus, bound = prod(primes), 1 << server.context.flood_bits
    values = []
    for column in residues.T[:512]:
        value = sum(
            int(r) * (modulus // p) * pow(modulus // p, -1, p)
            for r, p in zip(column, primes, strict=True)
        )
        values.append((value + modulus // 2) % modulus - modulus // 2)
    assert all(-bound <= value < bound for value in values)
    # 512 uniform values: each quarter of the range holds 128 of them, give or take 10 a deviation.
    quarters = np.bincount([(value + bound) * 4 // (2 * bound) for value in values], minlength=4)
    assert np.abs(quarters - 128).max() < 65


def test_the_same_answer_is_never_sent_twice() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    mask = client.context.plain(drawn(SMALL))
    first, second = (server.answer(server.read(sent), mask) for _ in range(2))
    halves = [client.context.unpack(answer, 2, 1) for answer in (first, second)]
    # Both polynomials differ, not only the one that carries the noise.
    assert all((halves[0][i] != halves[1][i]).mean() > 0.99 for i in range(2))


def test_the_secret_key_is_no_draw_of_the_source() -> None:
    """SEAL draws it: with the same source, so the same noise, encryptions of zero differ."""
    one, other = (Client(context(SMALL), SystemRandomness(SEEDED)).public() for _ in range(2))
    assert one[-32:] == other[-32:]
    assert one != other


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_all_noise_comes_from_the_source_that_is_handed_in(parameters: Parameters) -> None:
    client, _ = parties(parameters)
    message = drawn(parameters)
    twins = [
        next(_with_source(client, SystemRandomness(SEEDED)).encrypt([message])) for _ in range(2)
    ]
    assert twins[0] == twins[1]
    mask = client.context.plain(drawn(parameters))
    answers = []
    for _ in range(2):
        server = Server(client.context, twins[0], SystemRandomness(SEEDED))
        answers.append(server.answer(None, mask))
    assert answers[0] == answers[1]


def _with_source(client: Client, source: SystemRandomness) -> Client:
    """A client with the same key and another source."""
    twin = object.__new__(Client)
    twin.__dict__ = {**client.__dict__, "source": source}
    return twin


def test_wire_sizes_are_as_stated() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    answer = server.answer(None, client.context.plain(drawn(SMALL)))
    assert (len(sent), len(answer)) == (client.context.up_bytes, client.context.down_bytes)
    # 56 and 37 bits take 7 and 5 bytes; the tag 8, the seed 32.
    assert (len(sent), len(answer)) == (8 + 32 + 4096 * 12, 8 + 2 * 4096 * 7)


def _damaged(data: bytes, other: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "one byte short": data[:-1],
        "one byte long": data + b"\0",
        "garbage": os.urandom(len(data)),
        "all ones": data[:8] + b"\xff" * (len(data) - 8),
        "another tag": b"\0" * 8 + data[8:],
        "other parameters": other,
        "huge": bytes(10 * len(data)),
    }


@pytest.mark.parametrize("kind", list(_damaged(b"", b"")))
def test_bytes_that_are_no_ciphertext_are_refused(kind: str) -> None:
    client, server = parties(SMALL)
    other = Parameters(Ring(1 << 40), 4096, (56, 37, 16), 1)
    twin, rival = parties(other)
    (sent,), (strange,) = client.encrypt([drawn(SMALL)]), twin.encrypt([drawn(other)])
    answer = server.answer(None, client.context.plain(drawn(SMALL)))
    strange_answer = rival.answer(None, twin.context.plain(drawn(other)))
    with pytest.raises(CiphertextError):
        server.read(_damaged(sent, strange)[kind])
    with pytest.raises(CiphertextError):
        client.decrypt(_damaged(answer, strange_answer)[kind])
    with pytest.raises(CiphertextError):
        Server(client.context, _damaged(client.public(), twin.public())[kind], SystemRandomness())


def test_an_answer_that_hides_nothing_is_refused() -> None:
    client, _ = parties(SMALL)
    with pytest.raises(CiphertextError, match="hides nothing"):
        client.decrypt(client.context.tag + bytes(client.context.down_bytes - 8))


def test_ciphertexts_that_cancel_are_refused() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    opposite = client.context.evaluator.negate(server.read(sent))
    with pytest.raises(CiphertextError, match="cannot be added"):
        server.add(server.read(sent), opposite)


def test_random_residues_never_crash_a_party() -> None:
    client, server = parties(SMALL)
    for size, read in (
        (client.context.up_bytes, server.read),
        (client.context.down_bytes, client.decrypt),
    ):
        body = bytearray(os.urandom(size))
        body[:8] = client.context.tag
        # Residues whose top byte is zero are below any prime.
        body[8:-32] = bytes(len(body) - 40)
        body[8 : 8 + 7 * 4096 : 7] = os.urandom(4096)
        try:
            read(bytes(body))
        except CiphertextError:
            assert read == client.decrypt


def test_noise_is_centred_with_the_deviation_of_21_coins() -> None:
    sample = noise(SystemRandomness(SEEDED), (100_000,))
    assert abs(sample.mean()) < 0.05
    assert sample.var() == pytest.approx(10.5, rel=0.03)
    assert np.abs(sample).max() <= 21
