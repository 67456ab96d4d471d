"""What an evaluator keeps of garbled circuits, in memory and in files."""

import errno
import tempfile
from pathlib import Path

import numpy as np
import pytest

from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.received import Received, filed
from deepreshape.private.rings import BINARY

CIRCUIT = circuits.relu(BINARY, 20).circuit
SIZE = 100 * (32 * 100 + 16 * 82)


def test_a_layer_lies_in_memory_where_it_fits_and_else_in_files() -> None:
    inside, outside = (Received(CIRCUIT, 100, memory) for memory in (SIZE, SIZE - 1))
    assert not isinstance(inside.tables, np.memmap)
    assert isinstance(outside.tables, np.memmap)
    assert (inside.memory, outside.memory) == (SIZE, 0)


def test_a_full_disk_is_an_error_and_not_the_end_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        filed((1000, 32), np.uint8)


def test_nothing_is_left_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    room = filed((1000, 32), np.uint8)
    room[:] = 7
    assert list(tmp_path.iterdir()) == []
    assert (room == 7).all()
