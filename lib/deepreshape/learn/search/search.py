"""What every search for the ReLUs to keep is, and how it starts from a trained net."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from torch.optim import Optimizer

from deepreshape.design import AnyNetwork
from deepreshape.learn.images.loader import Loader
from deepreshape.learn.images.sets import Images
from deepreshape.learn.search.masks import Found, require_budget, unmask, without_choice
from deepreshape.learn.training.loop import Progress, Trainer
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import Teacher

Start = Callable[[Callable[[Net], Optimizer]], Trainer]
"""Makes the trainer of a search, from what makes its optimizer (`Trainer`)."""


@dataclass(frozen=True, slots=True)
class Search(ABC):
    """How to search, as a value. budget: ReLUs to keep."""

    budget: int

    @property
    @abstractmethod
    def batch(self) -> int:
        """Images of a step."""

    @property
    @abstractmethod
    def epochs(self) -> int:
        """The most in which masks are searched."""

    @property
    def all_epochs(self) -> int:
        """The most that are trained, with those that come before the search for masks."""
        return self.epochs

    @property
    def lessons(self) -> int:
        """Of these, the epochs for which it needs a teacher's logits (`Teacher.lesson`)."""
        return self.epochs

    @property
    def observed(self) -> int:
        """And those in which it asks the teacher's net itself, at every step."""
        return 0

    def require_fitting(self, network: AnyNetwork) -> None:
        """Raise ValueError where a network cannot keep exactly the budget."""
        require_budget(self.budget, network)

    @abstractmethod
    def find(self, net: Net, teacher: Teacher, start: Start) -> Found:
        """Search from the net's weights, which are trained; what is put in the place of its ReLUs
        may stay there. Raises TrainingFailed."""

    def warm_start(
        self, checkpoint: Path | None, trajectory: Path | None
    ) -> AbstractContextManager[None]:
        """A block in which the search may go on from where one of another budget ended, where that
        finds the same."""
        return nullcontext()


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
    trajectory: Path | None = None,
) -> Found:
    """Search from a trained net's weights, which it changes; its ReLUs stay in place.

    The recipe says how images are augmented. With a `checkpoint` path the state is written there
    after every epoch, and a state found there under the same teacher is continued: on a CPU, on the
    same machine and thread count, the result is the uninterrupted one, bit for bit, and at once
    where the search had ended. trajectory: where searches of other budgets leave what they share;
    see `warm_start`. A budget of none or all of the ReLUs leaves nothing to search. Raises
    TrainingFailed when loss or weights are not finite, Busy where a search that it shares with is
    under way, and ValueError where the search does not fit the network.
    """
    search.require_fitting(net.network)
    masks = without_choice(search.budget, net.network)
    if masks is not None:
        return Found(masks, 0.0, ())
    loader = Loader(images, machine.device, search.batch, recipe.shift, recipe.flip, seed)

    def start(optimizer: Callable[[Net], Optimizer]) -> Trainer:
        weights = teacher.weights
        return Trainer(net, optimizer, loader, machine, checkpoint, progress, weights)

    with search.warm_start(checkpoint, trajectory):
        found = search.find(net, teacher, start)
    unmask(net)
    return found
