"""What the searches of several budgets share.

SNL goes the same way whatever its budget; with a smaller one it only goes farther. Where a search
ends, its state is kept; the next over the same net starts from there, and, on a CPU, ends with the
same bits as if it had gone all the way.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deepreshape.learn.search.snl import SNL
from deepreshape.learn.tensor_files import alone, load_tensors, save_tensors
from deepreshape.learn.training import checkpoints


@contextmanager
def way(search: SNL, checkpoint: Path | None, places: Path | None) -> Iterator[None]:
    """Start a search from the farthest place on its way that is kept, and keep where it ends.

    checkpoint: the search's own. places: beginning of the names of files that hold kept states;
    whoever comes second waits for the first. Without either, nothing is shared.
    """
    if checkpoint is None or places is None:
        yield
        return
    places.parent.mkdir(parents=True, exist_ok=True)
    with alone(places.with_name(f"{places.name}.lock")):
        best = max(
            (path for path in places.parent.glob(f"{places.name}-*.safetensors")),
            key=lambda path: _epochs(search, path),
            default=None,
        )
        if best is not None and _epochs(search, best) > max(_epochs(search, checkpoint), 0):
            _copy(best, checkpoint)
        yield
        ended = _epochs(search, checkpoint)
        kept = places.with_name(f"{places.name}-{ended}.safetensors")
        if ended > 0 and checkpoints.header(kept) is None:
            with suppress(OSError):
                _copy(checkpoint, kept)


def _epochs(search: SNL, path: Path) -> int:
    """How far a kept state is on the way; -1 where there is none, or it is beyond the end."""
    header = checkpoints.header(path)
    if header is None or any(search.is_reached(entry) for entry in header["history"][:-1]):
        return -1
    return len(header["history"])


def _copy(source: Path, target: Path) -> None:
    tensors, header, _ = load_tensors(source)
    save_tensors(target, tensors, {**header, "checkpoint": target.name})
