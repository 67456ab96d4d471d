"""What the searches of several budgets share.

SNL's trajectory is the same whatever its budget; with a smaller one it only goes farther. Where a
search ends, its state is kept; the next over the same net starts from there, and, on a CPU, ends
with the same bits as if it had gone all the way.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deepreshape.learn.tensor_files import alone, load_tensors, save_tensors
from deepreshape.learn.training import checkpoints

Reached = Callable[[dict[str, Any]], bool]
"""Is a search over at this entry of its history?"""


@contextmanager
def warm_start(
    is_reached: Reached, checkpoint: Path | None, trajectory: Path | None
) -> Iterator[None]:
    """Start a search from the farthest kept state of its trajectory, and keep where it ends.

    checkpoint: the search's own. trajectory: beginning of the names of files that hold kept states.
    Without either, nothing is shared. Raises Busy where another search of the trajectory is under
    way, which will leave a state to start from.
    """
    if checkpoint is None or trajectory is None:
        yield
        return
    trajectory.parent.mkdir(parents=True, exist_ok=True)
    with alone(trajectory.with_name(f"{trajectory.name}.lock"), wait=False):
        best = max(
            (path for path in trajectory.parent.glob(f"{trajectory.name}-*.safetensors")),
            key=lambda path: _epochs(is_reached, path),
            default=None,
        )
        if best is not None and _epochs(is_reached, best) > max(_epochs(is_reached, checkpoint), 0):
            _copy(best, checkpoint)
        yield
        ended = _epochs(is_reached, checkpoint)
        kept = trajectory.with_name(f"{trajectory.name}-{ended}.safetensors")
        if ended > 0 and checkpoints.header(kept) is None:
            with suppress(OSError):
                _copy(checkpoint, kept)


def _epochs(is_reached: Reached, path: Path) -> int:
    """How far a kept state is; -1 where there is none, or it is beyond the end."""
    header = checkpoints.header(path)
    if header is None or any(is_reached(entry) for entry in header["history"][:-1]):
        return -1
    return len(header["history"])


def _copy(source: Path, target: Path) -> None:
    tensors, header, _ = load_tensors(source)
    save_tensors(target, tensors, {**header, "checkpoint": target.name})
