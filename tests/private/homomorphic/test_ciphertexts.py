import os
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np
import pytest
import seal

from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.ciphertexts import Client, Server, noise
from deepreshape.private.homomorphic.contexts import (
    SECURE,
    CiphertextError,
    Context,
    Parameters,
    context,
)
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring, Words

SMALL = Parameters(BINARY, 4096, (51, 58, 16), 1)
SLOTTED = Parameters(PRIME, 8192, (43, 43, 44, 44, 44), 2, switching=True)
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
@pytest.mark.parametrize("sign", [1, -1])
def test_the_worst_noise_that_there_is_room_for_decrypts_rightly(
    parameters: Parameters, sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = parties(parameters)
    used, mask = client.context, drawn(parameters)
    noise = used.room - flooding.largest(1, used.degree)
    floods = np.array([[sign * noise % prime.modulus] for prime in used.primes], np.uint64)
    monkeypatch.setattr(server, "_flood", lambda count: np.tile(floods, count))
    message = drawn(parameters)
    (sent,) = client.encrypt([message])
    answer = server.answer(server.read(sent), used.plain(mask))
    assert np.array_equal(client.decrypt(answer), parameters.ring.subtract(message, mask))


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_the_room_is_no_more_than_half_a_step(
    parameters: Parameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise of a whole half decrypts wrongly; the room leaves it what the secret may take."""
    client, server = parties(parameters)
    used, moduli = client.context, [prime.modulus for prime in client.context.primes]
    half = prod(moduli) // (2 * parameters.ring.modulus)
    switching = prod(moduli[parameters.kept :]) * (used.degree // 2 + 2)
    assert half - 1.01 * switching < used.room < half - 0.99 * switching or parameters.kept > 1
    floods = np.array([[2 * half % modulus] for modulus in moduli], np.uint64)
    monkeypatch.setattr(server, "_flood", lambda count: np.tile(floods, count))
    zero = np.zeros(used.degree, np.uint64)
    assert client.decrypt(server.answer(None, used.plain(zero))).any()


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_a_flood_leaves_room_for_the_noise_and_no_more_than_half(parameters: Parameters) -> None:
    used = context(parameters)
    assert used.noise_room >= used.room >> 4
    assert 2 << used.flood_bits > used.room * 15 // 32 - 1


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
def test_with_key_switching_all_primes_count_for_security(
    degree: int, bits: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="SEAL refuses"):
        Context(Parameters(BINARY, degree, bits, 1, switching=True))


@pytest.mark.parametrize(
    ("degree", "bits"),
    [
        (4096, (51, 59, 16)),
        (4096, (37, 37, 36, 16)),
        (8192, (55, 55, 55, 54, 17)),
        (2048, (51, 16)),
    ],
)
def test_without_it_all_but_the_last_do(degree: int, bits: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="bits of modulus are insecure"):
        Context(Parameters(BINARY, degree, bits, 1))


def test_parameters_without_key_switching_have_no_keys_for_it() -> None:
    client, _ = parties(SMALL)
    other, _ = parties(SLOTTED)
    with pytest.raises(ValueError, match="no key switching"):
        client.galois()
    with pytest.raises(ValueError, match="no key switching"):
        Server(client.context, client.public(), SystemRandomness(), seal.GaloisKeys())
    assert len(other.galois()) > 0


def test_bounds_on_the_modulus_are_those_of_seal() -> None:
    for degree, bits in SECURE.items():
        assert seal.CoeffModulus.MaxBitCount(degree, seal.sec_level_type.tc128) == bits


def test_a_ring_too_wide_for_a_ciphertext_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 56 bits, the ring has 60"):
        Context(Parameters(Ring(1 << 60), 8192, (56, 56, 56, 17), 2))


def test_slots_need_a_fitting_prime() -> None:
    with pytest.raises(ValueError, match="has no slots"):
        _ = context(SMALL).encoder


@pytest.mark.parametrize("parameters", [SMALL, SLOTTED], ids=["small", "slotted"])
def test_flooding_noise_is_one_small_integer_in_every_prime(parameters: Parameters) -> None:
    _, server = parties(parameters)
    residues, primes = server._flood(512), [p.modulus for p in server.context.primes]
    modulus, bound = prod(primes), 2 << server.context.flood_bits
    values = []
    for column in residues.T:
        value = sum(
            int(r) * (modulus // p) * pow(modulus // p, -1, p)
            for r, p in zip(column, primes, strict=True)
        )
        values.append((value + modulus // 2) % modulus - modulus // 2)
    assert all(-bound <= value < bound for value in values)
    # A sum of four uniforms: its quarters have 1/24, 11/24, 11/24 and 1/24, of 512 here.
    quarters = np.bincount([(value + bound) * 4 // (2 * bound) for value in values], minlength=4)
    assert np.abs(quarters - 512 * np.array([1, 11, 11, 1]) / 24).max() < 65


def test_the_same_answer_is_never_sent_twice() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    mask = client.context.plain(drawn(SMALL))
    first, second = (server.answer(server.read(sent), mask) for _ in range(2))
    halves = [client.context.unpack(answer, 1, 4096, 4096) for answer in (first, second)]
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
    places, mask = np.array([5, 4000, 7]), client.context.plain(drawn(SMALL))
    whole, part = server.answer(None, mask), server.answer(None, mask, places)
    assert len(sent) == client.context.up_bytes == 8 + 32 + 4096 * (51 + 58) // 8
    assert len(whole) == client.context.answer_bytes(4096) == 8 + 2 * 4096 * 51 // 8
    # 3 times 51 bits are 20 bytes.
    assert len(part) == client.context.answer_bytes(3) == 8 + 4096 * 51 // 8 + 20


def test_an_answer_is_read_at_its_places_and_at_no_others() -> None:
    client, server = parties(SMALL)
    message, mask = drawn(SMALL), drawn(SMALL)
    (sent,) = client.encrypt([message])
    places = np.array([4095, 0, 17])
    answer = server.answer(server.read(sent), client.context.plain(mask), places)
    expected = SMALL.ring.subtract(message, mask)[places]
    assert np.array_equal(client.decrypt(answer, places), expected)
    with pytest.raises(CiphertextError, match="bytes instead of"):
        client.decrypt(answer, places[:2])
    with pytest.raises(CiphertextError, match="bytes instead of"):
        client.decrypt(answer)


def test_bits_behind_the_last_residue_are_refused() -> None:
    client, server = parties(SMALL)
    places = np.array([1])
    answer = bytearray(server.answer(None, client.context.plain(drawn(SMALL)), places))
    answer[-1] ^= 0x80
    with pytest.raises(CiphertextError, match="bits behind the last residue"):
        client.decrypt(bytes(answer), places)


@pytest.mark.parametrize("at", [0, 4095])
def test_residues_of_their_prime_or_more_are_refused(at: int) -> None:
    client, server = parties(SMALL)
    used = client.context
    (sent,) = client.encrypt([drawn(SMALL)])
    (half,) = used.unpack(sent[:-32], 2, 4096)
    for index, prime in enumerate(used.primes):
        large = half.copy()
        large[index, at] = prime.modulus
        with pytest.raises(CiphertextError, match="exceed their prime"):
            server.read(used.pack(large) + sent[-32:])
        large[index, at] -= 1
        server.read(used.pack(large) + sent[-32:])


@pytest.mark.parametrize("fill", [0, 1, BINARY.modulus // 2, BINARY.modulus - 1])
def test_a_fresh_ciphertext_is_exact_in_the_mean(fill: int) -> None:
    """Whatever is encrypted, the noise has mean zero: rounding is random."""
    client, server = parties(SMALL)
    used, rounds = client.context, 8
    modulus = prod(prime.modulus for prime in used.primes)
    fraction = modulus * fill % SMALL.ring.modulus / SMALL.ring.modulus
    message = np.full(4096, fill, np.uint64)
    noises = []
    for sent in client.encrypt([message] * rounds):
        fresh = used.evaluator.transform_from_ntt(server.read(sent))
        whole = _phase(client, used.residues(fresh))
        noises += [(each - modulus * fill // SMALL.ring.modulus) for each in whole]
    wrapped = [(n + modulus // 2) % modulus - modulus // 2 for n in noises]
    found = np.array(wrapped, np.float64) - fraction
    # 32,768 noises of variance 10.5 to 10.75: a deviation of their mean is 0.018.
    assert abs(found.mean()) < 0.09
    assert found.var() < 10.75 * 1.05
    assert np.abs(found).max() <= flooding.COINS + 1


def _phase(client: Client, residues: Words) -> list[int]:
    """c0 + c1 s as integers, of a ciphertext's residues (2, primes, degree)."""
    used = client.context
    product = used.ciphertext(residues, transformed=False)
    used.evaluator.transform_to_ntt_inplace(product)
    used.evaluator.multiply_plain_inplace(product, client._secret)
    used.evaluator.transform_from_ntt_inplace(product)
    parts = used.residues(product)[1]
    moduli = [prime.modulus for prime in used.primes]
    modulus = prod(moduli)
    total = [0] * used.degree
    for m, one, other in zip(moduli, residues[0], parts, strict=True):
        factor = modulus // m * pow(modulus // m, -1, m)
        total = [
            (t + (int(a) + int(b)) * factor) % modulus
            for t, a, b in zip(total, one, other, strict=True)
        ]
    return total


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
    other = Parameters(Ring(1 << 37), 4096, (51, 58, 16), 1)
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
        client.decrypt(client.context.tag + bytes(client.context.answer_bytes(4096) - 8))


def test_ciphertexts_that_cancel_are_refused() -> None:
    client, server = parties(SMALL)
    (sent,) = client.encrypt([drawn(SMALL)])
    opposite = client.context.evaluator.negate(server.read(sent))
    with pytest.raises(CiphertextError, match="cannot be added"):
        server.add(server.read(sent), opposite)


def test_random_residues_never_crash_a_party() -> None:
    client, server = parties(SMALL)
    for keep, (size, read) in product(
        (0, 6, 4096 * 51 // 8),
        (
            (client.context.up_bytes, server.read),
            (client.context.answer_bytes(4096), client.decrypt),
        ),
    ):
        body = bytearray(os.urandom(size))
        body[:8] = client.context.tag
        # Runs of zeros leave some residues below their primes, and all of them in the end.
        body[8 + keep : -32] = bytes(size - 40 - keep)
        try:
            read(bytes(body))
        except CiphertextError as error:
            assert "exceed their prime" in str(error) or read == client.decrypt


def test_noise_is_centred_with_the_deviation_of_21_coins() -> None:
    sample = noise(SystemRandomness(SEEDED), (100_000,))
    assert abs(sample.mean()) < 0.05
    assert sample.var() == pytest.approx(10.5, rel=0.03)
    assert np.abs(sample).max() <= 21
