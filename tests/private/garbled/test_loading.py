"""Compiled loops are loaded before an image is timed: all of them, and once."""

from deepreshape.private.garbled import loading
from deepreshape.private.garbled.engine_numba import run_groups
from deepreshape.private.garbled.loading import load
from deepreshape.private.garbled.transfer import _turn
from tests.private.nets import pixels
from tests.private.test_protocol import TINY, Talk, _made


def test_an_image_finds_every_loop_loaded() -> None:
    for loop in (run_groups, _turn):
        assert loop.signatures is not None
    load.cache_clear()
    load()
    loaded = [set(loop.signatures) for loop in (run_groups, _turn)]
    assert all(loaded)
    assert not Talk(_made(TINY), pixels(TINY, 1)).errors
    assert [set(loop.signatures) for loop in (run_groups, _turn)] == loaded


def test_loops_are_loaded_once_in_a_process() -> None:
    first = load()
    assert load() == first > 0
    assert loading.load.cache_info().misses == 1
