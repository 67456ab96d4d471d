"""What private inference costs here: each part beside a reference in the same run.

    python ci/bench/private.py [ROUNDS]

One thread a process. Garbled circuits: both engines, and the memory of many. Homomorphic
encryption: one convolution under both packings. The whole: HRN-2x5x3x(m=8) culled and thinned, with
random weights, client and server as two processes over the loopback address, beside the same
arithmetic in the clear; the shipped net on the loopback and over a slow wire, by turns, with its
bytes by kind of frame; and several images over that wire in one session and in two. The door: a
client alone, and among 200 connections that say nothing and 50 that say a byte a second.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import multiprocessing
import resource
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from statistics import median
from time import perf_counter

import numpy as np

from deepreshape.design import parse
from deepreshape.places import DATA
from deepreshape.private.asking import classify
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.engine_numba import NumbaEngine
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.garbling import Evaluator, Garbler, table_bytes
from deepreshape.private.garbled.three_halves import CHUNK, Engine, draw_offset
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import reference
from deepreshape.private.program.drawn import random_model
from deepreshape.private.program.model import Model, read
from deepreshape.private.protocol import Kind
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY
from deepreshape.private.serving import serve
from deepreshape.private.sessions import both, over, ready
from deepreshape.private.wire.link import WAN, Address, Link, listen, listening

NETWORK = "HRN-2x5x3x(m=8)-C1-T234"
RELUS, MANY = 100_000, 1_000_000
SHIFT, BITS, TOP = 12, 18, 13
"""Of a ReLU: bits cut, bits that are left with the sign, bits of the most that it gives."""
CONVOLUTION = Convolution(64, 64, 16, 3)
IMAGES = 3
SHIPPED = DATA / "models" / "cifar100.safetensors"
DIGITS = DATA / "models" / "digits.safetensors"
SEVERAL = 6
"""Images of a client that asks for several."""
IDLE, DRIPPING = 200, 50
LONGER = 2.0
"""Times that a client's wait may grow in a crowd."""


def main(rounds: int = 3) -> int:
    garbled(rounds)
    many()
    homomorphic(rounds)
    return max(door(rounds), whole(), wired(), overlapped(rounds))


def garbled(rounds: int) -> None:
    """Garble and evaluate, tables streamed through one chunk of memory."""
    times: dict[type[Engine], list[float]] = {NumbaEngine: [], NumpyEngine: []}
    for engine in times:
        stream(CHUNK, engine)
    for _ in range(rounds):
        times[NumbaEngine].append(stream(RELUS, NumbaEngine) / RELUS)
        times[NumpyEngine].append(stream(RELUS // 10, NumpyEngine) / (RELUS // 10))
    ours, plain = (1e6 * median(times[engine]) for engine in (NumbaEngine, NumpyEngine))
    print(
        f"ReLU, garbled and evaluated: {ours:.2f} us with numba, {plain:.2f} us with numpy"
        f" ({plain / ours:.1f} times); the paper's model: {1e6 * garbled_seconds(1):.0f} us"
    )


def stream(count: int, engine: type[Engine]) -> float:
    """Seconds to garble and evaluate so many ReLUs, a chunk at a time."""
    source = SystemRandomness()
    step = circuits.relu(BINARY, SHIFT, TOP, SHIFT + BITS, exact=False)
    circuit, offset = step.circuit, draw_offset(source)
    tables = np.empty(CHUNK * table_bytes(step), np.uint8)
    zeros = source.bytes(CHUNK * circuit.evaluator * 16).view(np.uint64)
    zeros = zeros.reshape(CHUNK, circuit.evaluator, 2)
    bits = np.zeros((CHUNK, circuit.garbler), np.bool_)
    seconds = 0.0
    for _ in range(-(-count // CHUNK)):
        garbler = Garbler(step, CHUNK, offset, source, engine)
        start = perf_counter()
        garbler.garble(zeros, tables)
        labels = garbler.encode(bits)
        evaluator = Evaluator(step, CHUNK, garbler.nonce, engine)
        garbler.close(evaluator.evaluate(labels, zeros, tables))
        seconds += perf_counter() - start
    return seconds


def many() -> None:
    before = _megabytes()
    seconds = stream(MANY, NumbaEngine)
    print(
        f"{MANY:,} ReLUs streamed: {seconds:.1f} s, {_megabytes() - before:.0f} MB more than"
        f" {RELUS:,} took; peak {_megabytes():.0f} MB"
    )


def homomorphic(rounds: int) -> None:
    """The server's time for one convolution, its weights made ready before."""
    times = {name: [] for name in PACKINGS}  # type: dict[str, list[float]]
    run = {name: _convolution(name) for name in PACKINGS}
    for number in range(rounds):
        for name, once in run.items():
            if name == "coefficients" or number == 0:  # minutes otherwise
                times[name].append(once())
    free, rotating = median(times["coefficients"]), median(times["slots"])
    print(
        f"3x3 convolution, 64 -> 64 at 16 x 16, server: {free:.3f} s rotation-free,"
        f" {rotating:.2f} s with Delphi's packing ({rotating / free:.0f} times)"
    )


def _convolution(name: str) -> Callable[[], float]:
    source, chosen = SystemRandomness(), packing(name)
    ring = chosen.ring
    client = chosen.client(ring, source)
    server = chosen.server(chosen.keys(client), ring, source)
    weights = np.random.default_rng(0).integers(-255, 256, CONVOLUTION.weight_shape)
    prepared = chosen.prepare(CONVOLUTION, weights, ring, 1 << 30)

    def once() -> float:
        share = uniform(source, ring, CONVOLUTION.input_shape)
        mask = uniform(source, ring, CONVOLUTION.output_shape)
        sent = list(chosen.encrypt(client, CONVOLUTION, share))
        start = perf_counter()
        list(prepared.apply(server, mask, iter(sent)))
        return perf_counter() - start

    once()
    return once


def whole() -> int:
    """The network end to end; fails where logits are not those of the reference."""
    choices = np.random.default_rng(0)
    network = parse(NETWORK)
    model = random_model(network, choices)
    images = choices.integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)
    found = both(model, "coefficients", lambda program: list(images))
    start = perf_counter()
    expected = [
        reference.logits(model.program, model.weights, image, each.lows)
        for image, each in zip(images, found.outcome.images, strict=True)
    ]
    clear = (perf_counter() - start) / IMAGES
    first, *others = found.outcome.images
    offline, online = (
        median(getattr(each, phase) for each in others) for phase in ("offline", "online")
    )
    sent = found.outcome.traffic.total()
    print(
        f"{NETWORK}, {model.program.relus:,} ReLUs, {model.program.truncations:,} truncations:\n"
        f"  weights made ready once {found.ready:.2f} s\n"
        f"  first image: offline {first.offline:.2f} s, online {first.online:.3f} s\n"
        f"  each after it: offline {offline:.2f} s, online {online:.3f} s,"
        f" together {offline + online:.2f} s\n"
        f"  in the clear, in fixed point: {clear:.3f} s;"
        f" the paper's model: {latency(network).total_s:.0f} s\n"
        f"  {sent.sent / 1e6 / IMAGES:.0f} MB up and {sent.received / 1e6 / IMAGES:.0f} MB down"
        " an image"
    )
    answered = [each.logits for each in found.outcome.images]
    equal = all(np.array_equal(*pair) for pair in zip(answered, expected, strict=True))
    if not equal:
        print("the private logits differ from the reference", file=sys.stderr)
    return 0 if equal else 1


def wired() -> int:
    """The shipped net on the loopback and over a slow wire, by turns, and its bytes by kind; fails
    where logits are not those of the reference."""
    model = read(SHIPPED)
    side, choices = model.program.image[1], np.random.default_rng(0)
    images = choices.integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    equal = True
    for name, link in (("loopback", None), ("wan", WAN), ("loopback", None), ("wan", WAN)):
        found = both(model, "coefficients", lambda program: list(images), link).outcome
        program = over(model, "coefficients")
        for image, each in zip(images, found.images, strict=True):
            logits = reference.logits(program, model.weights, image, each.lows)
            equal &= np.array_equal(logits, each.logits)
        last = found.images[-1]
        print(f"shipped net, {name}: offline {last.offline:.2f} s, online {last.online:.3f} s")
    kinds = {Kind(kind).name: size for kind, size in found.traffic.kinds.items() if kind}
    per = {name: size / 1e6 / len(images) for name, size in kinds.items()}
    print(f"  MB an image by kind of frame, {sum(per.values()):.1f} in all:")
    print("  " + ", ".join(f"{name} {size:.2f}" for name, size in per.items()))
    if not equal:
        print("the private logits differ from the reference", file=sys.stderr)
    return 0 if equal else 1


def overlapped(rounds: int) -> int:
    """Seconds an image of several over a slow wire, in one session and in two, by turns.

    Each connection emulates a wire of its own. Were both on one, a second session would gain less,
    by no more than the time that the wire takes for the bytes of one image's online phase.
    """
    model, times = read(SHIPPED), {1: [], 2: []}  # type: tuple[Model, dict[int, list[float]]]
    side, choices = model.program.image[1], np.random.default_rng(0)
    images = list(choices.integers(0, 256, (SEVERAL, side, side, 3), dtype=np.uint8))
    with _served(model, WAN) as at:
        for number in range(max(2, rounds)):
            for sessions in (1, 2) if number % 2 else (2, 1):
                found = classify(at, lambda program: images, WAN, sessions=sessions)
                times[sessions].append(found.took / len(images))
    one, two = median(times[1]), median(times[2])
    online = found.traffic.total("online")
    shared = WAN.seconds(max(online.sent, online.received) // len(images))
    print(
        f"{len(images)} images over wan: {one:.2f} s an image in one session, {two:.2f} s in two"
        f" ({one / two:.2f} times); {shared:.2f} s an image more at most on one wire"
    )
    return 0


@contextmanager
def _served(model: Model, link: Link | None = None) -> Iterator[Address]:
    """A server in a process of its own."""
    with listen(Address("127.0.0.1", 0)) as listener:
        made = ready(model, "coefficients")
        context = multiprocessing.get_context("fork")
        server = context.Process(target=serve, args=(listener, made, link, lambda line: None))
        server.start()
        try:
            yield listening(listener)
        finally:
            server.terminate()
            server.join()


def door(rounds: int) -> int:
    """A client's seconds at a server, alone and in a crowd by turns; fails where a crowd costs more
    than `LONGER` times."""
    model = read(DIGITS)
    side = model.program.image[1]
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    alone, among = list[float](), list[float]()
    with _served(model) as at:

        def once() -> float:
            start = perf_counter()
            classify(at, lambda program: [image])
            return perf_counter() - start

        once()
        for _ in range(max(3, rounds)):
            alone.append(once())
            with _crowd(at):
                among.append(once())
    ours, crowded = median(alone), median(among)
    print(
        f"a digit at a server: {ours:.2f} s alone, {crowded:.2f} s among {IDLE} idle and"
        f" {DRIPPING} dripping connections ({crowded / ours:.2f} times)"
    )
    return 0 if crowded <= LONGER * ours else 1


@contextmanager
def _crowd(at: Address) -> Iterator[None]:
    """Connections that never greet: most say nothing, some a byte a second."""
    socks = [socket.create_connection((at.host, at.port)) for _ in range(IDLE + DRIPPING)]
    over = threading.Event()

    def drip() -> None:
        while True:
            for sock in socks[IDLE:]:
                with suppress(OSError):  # turned away
                    sock.send(b"D")
            if over.wait(1.0):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for sock in socks:
            sock.close()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
