"""The compiled loops, loaded before an image is timed: numba does that at the first call of each.

Where no earlier process has left them in numba's cache they are compiled, which takes longer.
"""

from functools import cache
from time import monotonic

import numpy as np

from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.garbling import Evaluator, Garbler
from deepreshape.private.garbled.three_halves import CHUNK, draw_offset
from deepreshape.private.garbled.transfer import Receiver, Sender
from deepreshape.private.homomorphic.bits import packed, unpacked
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import Ring


@cache
def load() -> float:
    """Run every loop once, on arrays of each layout that a session has; returns the seconds.

    Once in a process, and processes forked from it have the loops too.
    """
    start, source = monotonic(), SystemRandomness()
    function = circuits.relu(Ring(1 << 8), 1)
    circuit = function.circuit
    offset = draw_offset(source)
    receiver, sender = Receiver(source), Sender(offset, source)
    sender.finish(receiver.finish(sender.answer(receiver.start())))
    message, _ = receiver.extend(np.zeros(1, np.bool_))
    sender.extend(message, 1)
    fixed = np.frombuffer(bytes(512), np.uint64)  # as SEAL's own are
    for words in (fixed, fixed.copy()):
        unpacked(packed(words, 8), 64, 8)
    count = CHUNK + 1  # a whole chunk, and a part of one
    garbler = Garbler(function, count, offset, source)
    labels = np.zeros((count, circuit.evaluator, 2), np.uint64)
    tables = garbler.garble(labels)
    own = garbler.encode(np.zeros((count, circuit.garbler), np.bool_))
    Evaluator(function, count, garbler.nonce).evaluate(own, labels, tables)
    return monotonic() - start
