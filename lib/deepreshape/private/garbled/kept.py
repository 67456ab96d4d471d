"""What an evaluator keeps of an image between its two phases: in memory, then in a file."""

import os
import tempfile
from io import FileIO

import numpy as np

from deepreshape.private.garbled.three_halves import Octets

DISK = 1 << 36
"""Bytes of an image that may lie in its file."""


class Kept:
    """Pieces of bytes that are put once and taken once.

    memory: bytes that may stay there. What goes beyond lies in a temporary file that nobody else
    can open and that is gone with its last user, killed or not.
    """

    def __init__(self, memory: int) -> None:
        self._memory, self._disk = memory, 0
        self._held: dict[int, Octets] = {}
        self._filed: dict[int, tuple[int, int]] = {}
        self._file: FileIO | None = None
        self._count = 0

    def put(self, octets: Octets) -> int:
        """Keep a copy; returns what it is taken by. Raises OSError where the disk is full."""
        number, self._count = self._count, self._count + 1
        if octets.size <= self._memory:
            self._memory -= octets.size
            self._held[number] = octets.copy()
            return number
        if self._disk + octets.size > DISK:
            raise ValueError(f"an image's tables take more than {DISK >> 30} GiB of disk")
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        view, at = octets.data, self._disk
        while view:
            written = os.pwrite(self._file.fileno(), view, at)
            view, at = view[written:], at + written
        self._filed[number] = self._disk, octets.size
        self._disk = at
        return number

    def take(self, number: int) -> Octets:
        """What was put; KeyError for what was taken before."""
        if number in self._held:
            found = self._held.pop(number)
            self._memory += found.size
            return found
        start, size = self._filed.pop(number)
        assert self._file
        found = np.empty(size, np.uint8)
        view = found.data
        while view:
            read = os.preadv(self._file.fileno(), [view], start)
            if not read:
                raise OSError("an image's temporary file was cut")
            view, start = view[read:], start + read
        return found

    def close(self) -> None:
        """Give everything up."""
        self._held.clear()
        self._filed.clear()
        if self._file:
            self._file.close()

    def __del__(self) -> None:
        self.close()
