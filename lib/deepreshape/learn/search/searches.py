"""Searches for the ReLUs to keep: SNL or SENet, from a trained net."""

from pathlib import Path

from deepreshape.learn.images.sets import Images
from deepreshape.learn.search.budgets import way
from deepreshape.learn.search.course import Course
from deepreshape.learn.search.masks import Found, without_choice
from deepreshape.learn.search.senet import SENet, identified
from deepreshape.learn.search.snl import SNL, linearized
from deepreshape.learn.training.loop import Progress
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import Teacher

Search = SNL | SENet

__all__ = ["SNL", "Found", "SENet", "Search", "searched"]


def searched(
    search: Search,
    net: Net,
    recipe: Recipe,
    images: Images,
    seed: int,
    machine: Machine,
    teacher: Teacher,
    checkpoint: Path | None,
    progress: Progress,
    places: Path | None = None,
) -> Found:
    """Search from a trained net's weights, which it changes; its ReLUs stay in place.

    The recipe says how images are augmented. With a `checkpoint` path the state is written there
    after every epoch, and a state found there under the same teacher is continued: on a CPU, on the
    same machine and thread count, the result is the uninterrupted one, bit for bit, and at once
    where the search had ended. places: where searches of other budgets leave what they share; see
    `shared.way`. A budget of none or all of the ReLUs leaves nothing to search. Raises
    TrainingFailed when loss or weights are not finite, and ValueError where the search does not fit
    the network.
    """
    search.require_fitting(net.network)
    masks = without_choice(search.budget, net.network)
    if masks is not None:
        return Found(masks, 0.0, ())
    data = images.train.to(machine.device)
    batch = min(search.batch, len(data))
    course = Course(
        data, images, recipe, seed, batch, machine, checkpoint, progress, teacher.weights
    )
    match search:
        case SNL():
            with way(search, checkpoint, places):
                return linearized(search, net, course, teacher)
        case SENet():
            return identified(search, net, course, teacher)
