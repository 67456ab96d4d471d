"""Compiled loops are loaded before an image is timed: all of them, and once."""

import socket
import threading

from deepreshape.design import Network, Stage
from deepreshape.private.client import Session as Client
from deepreshape.private.garbled import loading
from deepreshape.private.garbled.engine_numba import run_groups
from deepreshape.private.garbled.leaves import add_up, expand
from deepreshape.private.garbled.loading import load
from deepreshape.private.garbled.transfer import _turn, correct
from deepreshape.private.homomorphic.bits import _pack, _unpack
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.server import Session, service
from deepreshape.private.wire.channel import Channel
from tests.private.nets import pixels, small

TINY = Network(4, (Stage(4, 1),), 8, 5)
LOOPS = (run_groups, expand, add_up, correct, _turn, _pack, _unpack)


def classify() -> None:
    """An image of a tiny net, by both parties."""
    made = service(*small(TINY), "coefficients", 0)
    left, right = socket.socketpair()
    with Channel(left, limit=20) as ours, Channel(right, limit=20) as theirs:
        serving = threading.Thread(
            target=lambda: Session(theirs, made, SystemRandomness()).serve(20), daemon=True
        )
        serving.start()
        client = Client(ours, SystemRandomness())
        client.classify(client.prepare(), pixels(TINY, 1)[0])
        ours.close()
        serving.join(20)
        assert not serving.is_alive()


def test_an_image_finds_every_loop_loaded() -> None:
    for loop in LOOPS:
        assert loop.signatures is not None
    load.cache_clear()
    load()
    loaded = [set(loop.signatures) for loop in LOOPS]
    assert all(loaded)
    classify()
    assert [set(loop.signatures) for loop in LOOPS] == loaded


def test_loops_are_loaded_once_in_a_process() -> None:
    first = load()
    assert load() == first > 0
    assert loading.load.cache_info().misses == 1
