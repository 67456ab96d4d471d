"""What a run takes of memory, as far as its description tells."""

from deepreshape.design import cost
from deepreshape.learn.runs.price import size
from deepreshape.learn.runs.run import Run

FLOAT = 4
"""Bytes of a number in float32, in which weights, gradients and momentum are."""
CONTEXT = 1_000_000_000
"""Bytes of a GPU that a process takes before it computes anything, and that torch keeps to itself;
an assumption."""


def held(run: Run) -> int:
    """Bytes of weights, gradients, momentum and all layers' outputs of a batch, in float32."""
    batch = min(run.recipe.batch, run.data.train_images)
    return FLOAT * (3 * cost(run.network).params + batch * size(run.network).elements)


def pixels(run: Run) -> int:
    """Bytes of the training images, which a process holds whole."""
    return run.data.train_images * 3 * run.data.resolution**2


def on_gpu(run: Run) -> int:
    """Bytes of a GPU that one process needs for a run, its teacher and the images, at most."""
    weights = FLOAT * cost(run.teacher.network).params if run.teacher else 0
    return CONTEXT + held(run) + pixels(run) + weights
