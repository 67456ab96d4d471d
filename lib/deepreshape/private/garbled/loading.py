"""The compiled loops, loaded before an image is timed: numba does that at the first call of each.

Where no earlier process has left them in numba's cache they are compiled, which takes longer.
"""

from functools import cache
from time import monotonic

import numpy as np

from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.garbling import Evaluator, Garbler
from deepreshape.private.garbled.half_gates import CHUNK, draw_offset
from deepreshape.private.garbled.transfer import COLUMNS, turned
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import Ring


@cache
def load() -> float:
    """Run every loop once, on arrays of each layout that a session has; returns the seconds.

    Once in a process, and processes forked from it have the loops too.
    """
    start, source = monotonic(), SystemRandomness()
    circuit = circuits.relu(Ring(1 << 8), 1).circuit
    zeros = np.zeros((COLUMNS, 2), np.uint64)
    turned(zeros, np.empty_like(zeros))
    count = CHUNK + 1  # a whole chunk, and a part of one
    garbler = Garbler(circuit, count, draw_offset(source), source)
    labels = np.zeros((count, circuit.evaluator, 2), np.uint64)
    tables = garbler.garble(labels)
    own = garbler.encode(np.zeros((count, circuit.garbler), np.bool_))
    evaluator = Evaluator(circuit, count, garbler.nonce, tables, labels)
    garbler.decode(evaluator.evaluate(own))
    return monotonic() - start
