"""Tables and labels of garbled elements as an evaluator receives them, in memory or in files."""

import os
import tempfile
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from deepreshape.private.garbled.garbling import Evaluator, table_bytes
from deepreshape.private.garbled.gates import Circuit
from deepreshape.private.garbled.half_gates import LABEL


class Received:
    """Tables and labels of `count` instances of a circuit; memory: bytes that they may take there,
    and then those that they do."""

    def __init__(self, circuit: Circuit, count: int, memory: int) -> None:
        self.circuit, self.count, self.nonce = circuit, count, b""
        each, bits = table_bytes(circuit), circuit.evaluator
        size = count * (each + LABEL * bits)
        fits = size <= memory
        self.memory, store = (size, np.empty) if fits else (0, filed)
        self.tables = store((count, each), np.uint8)
        self.labels = store((count, bits, 2), np.uint64)

    def evaluator(self) -> Evaluator:
        tables = self.tables.reshape(-1)
        return Evaluator(self.circuit, self.count, self.nonce, tables, self.labels)


def filed(shape: tuple[int, ...], kind: type) -> npt.NDArray[Any]:
    """Room in a temporary file that nobody else can open. Raises OSError where there is none."""
    with tempfile.TemporaryFile() as file:
        # A page that the disk has no room for would end the process where it is written.
        os.posix_fallocate(file.fileno(), 0, prod(shape) * np.dtype(kind).itemsize)
        return np.memmap(file, kind, "w+", shape=shape)
