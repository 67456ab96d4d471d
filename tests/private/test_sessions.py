"""Both parties as processes: the answers, and what survives a hostile client."""

import multiprocessing
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepreshape.design import parse
from deepreshape.private import sessions
from deepreshape.private.asking import Classified, classify
from deepreshape.private.program.model import Model
from deepreshape.private.program.reference import logits
from deepreshape.private.server import Session
from deepreshape.private.serving import serve
from deepreshape.private.sessions import both, ready
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, connect, listen, listening
from deepreshape.private.wire.pipe import Refused
from tests.private.guests import guest
from tests.private.nets import Pixels, packed, pixels

IMAGES = pixels(parse("HRN-2x2x2x(m=4)", resolution=16), count=64)


@pytest.fixture(scope="module")
def model() -> Model:
    made = packed(parse("HRN-2x2x2x(m=4)-C1-T234", resolution=16, classes=10))
    return Model(made.program, made.weights, {})


@pytest.fixture
def said() -> Iterator[tuple[Connection, Connection]]:
    """A pipe with what a server says, to be read from the first end."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def server(model: Model, said: tuple[Connection, Connection]) -> Iterator[Address]:
    """A server in a process of its own."""
    with listen(Address("127.0.0.1", 0)) as listener:
        made = ready(model, "coefficients")
        context = multiprocessing.get_context("fork")
        process = context.Process(target=serve, args=(listener, made, None, said[1].send))
        process.start()
        try:
            yield listening(listener)
        finally:
            process.terminate()
            process.join()


def right(model: Model, image: Pixels, found: Classified) -> bool:
    """Are these the reference's logits of an image, with the client's roundings?"""
    wanted = logits(model.program, model.weights, image, found.lows)
    return bool((found.logits == wanted).all())


def test_two_processes_give_the_logits_of_the_reference(model: Model) -> None:
    found = both(model, "coefficients", lambda program: list(IMAGES[:2])).outcome.images
    assert [right(model, *pair) for pair in zip(IMAGES, found, strict=False)] == [True, True]


def test_if_wanted_every_shift_rounds_to_the_nearest(model: Model) -> None:
    found = both(model, "coefficients", lambda program: [IMAGES[0]], exact=True).outcome
    assert found.program.exact
    wanted = logits(model.program, model.weights, IMAGES[0])
    np.testing.assert_array_equal(found.images[0].logits, wanted)


def test_both_sides_account_for_their_seconds(model: Model) -> None:
    found = both(model, "coefficients", lambda program: [IMAGES[0]])
    for side in (found.outcome.client, found.server):
        assert {spent.work for spent in side} >= {"HE", "GC", "OT"}
        assert {spent.phase for spent in side} >= {"setup", "offline", "online"}


def test_most_bytes_are_offline(model: Model) -> None:
    traffic = both(model, "coefficients", lambda program: [IMAGES[0]]).outcome.traffic
    offline, online = traffic.total("offline"), traffic.total("online")
    assert offline.sent + offline.received > 3 * (online.sent + online.received)


def test_a_server_takes_one_client_after_another(server: Address, model: Model) -> None:
    for _ in range(2):
        found = classify(server, lambda program: [IMAGES[0]])
        assert right(model, IMAGES[0], found.images[0])


def test_noise_ends_its_own_session_alone(server: Address, model: Model) -> None:
    with socket.create_connection((server.host, server.port)) as sock:
        sock.sendall(np.random.default_rng(0).bytes(1000))
        with Channel(connect(server)) as silent:
            silent.close()
        found = classify(server, lambda program: [IMAGES[0]])
    assert len(found.images) == 1


@pytest.fixture(params=[RuntimeError("result ciphertext is transparent"), MemoryError()])
def failure(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Exception:
    """What every session fails with once its client has greeted."""
    error: Exception = request.param

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Session, "serve", fail)
    return error


def test_a_failed_session_is_told_to_both_sides_in_a_line(
    failure: Exception, server: Address, said: tuple[Connection, Connection]
) -> None:
    name = type(failure).__name__
    with pytest.raises(Refused, match=f"^the peer stopped: {name}$"):
        classify(server, lambda program: [IMAGES[0]])
    assert said[0].poll(5) and said[0].recv() == f"a session ended: {str(failure) or name}"


def test_a_failed_server_of_both_tells_the_client(failure: Exception, model: Model) -> None:
    with pytest.raises(Refused, match=f"^the peer stopped: {type(failure).__name__}$"):
        both(model, "coefficients", lambda program: [IMAGES[0]])


def test_a_stranger_does_not_take_the_place_of_the_client(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as strangers:

        def late(at: Address) -> socket.socket:
            strangers.enter_context(connect(at))
            return connect(at)

        monkeypatch.setattr(sessions, "connect", late)
        assert len(both(model, "coefficients", lambda program: [IMAGES[0]]).outcome.images) == 1


def test_a_killed_server_leaves_neither_its_port_nor_a_session() -> None:
    model = Path(__file__).parents[2] / "data" / "models" / "digits.safetensors"
    command = [sys.executable, "-m", "deepreshape", "serve", str(model), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        at = Address.parse(process.stdout.readline().split()[-1])
        with guest(at) as silent:
            assert silent.recv(1)  # the session has begun
            process.kill()
            while silent.recv(1 << 16):
                pass  # what it had said, up to its end
        with listen(at):
            pass


def test_an_image_of_another_size_is_refused_before_it_costs_anything(server: Address) -> None:
    with pytest.raises(ValueError, match="16 x 16"):
        classify(server, lambda program: [np.zeros((8, 8, 3), np.uint8)])


def test_pixels_that_are_no_bytes_are_refused_before_they_cost_anything(server: Address) -> None:
    floats: Any = IMAGES[0] / 255
    with pytest.raises(ValueError, match="the pixels are float64: they must be uint8"):
        classify(server, lambda program: [floats])
