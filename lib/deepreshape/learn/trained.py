"""A network trained in one call: the run is made, or taken from the store, with its net."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from deepreshape.design import AnyNetwork, parse
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.runs.executors import Executor, execute
from deepreshape.learn.runs.record import Record
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.search import Search
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.places import named_folder


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A run, its record, and the trained net, a torch module in evaluation mode."""

    run: Run
    record: Record
    net: Net

    @property
    def weights(self) -> Mapping[str, Tensor]:
        """The net's tensors by name: stem, stage, block, layer."""
        tensors: Mapping[str, Tensor] = self.net.state_dict()
        return tensors


def train(
    network: str | AnyNetwork,
    data: str | Path | DataSet,
    *,
    recipe: Recipe | None = None,
    seed: int = 1,
    teacher: Trained | None = None,
    search: Search | None = None,
    store: str | Path | None = None,
    executor: Executor | None = None,
) -> Trained:
    """Train a network on images, with checkpoints; what the store has already is not made again.

    network: a name is fitted to the images and their classes, unless it says its own behind `@`.
    data: a set, or a name as `--data` takes it. recipe: the paper's without one, which is 200
    epochs. teacher: what was trained before, to learn from, or for a search to start from; without
    one a search starts from the network, trained by the same recipe. search: which ReLUs are kept.
    store: a folder, `DEEPRESHAPE_RUNS` or build/runs without one, where `deepreshape runs` and
    `pack` find it. executor: in this process without one, on a GPU where there is one.

    Raises ValueError for what cannot be, RuntimeError where the training failed.
    """
    images = data if isinstance(data, DataSet) else parse_data(str(data))
    run = Run(_fitted(network, images), images, recipe or Recipe(), seed)
    if teacher is not None:
        run = Run(run.network, images, run.recipe, seed, teacher.run, search)
    elif search is not None:
        run = Run(run.network, images, run.recipe, seed, run, search)
    run = run.pinned()
    shelf = Store(Path(store) if store else named_folder("DEEPRESHAPE_RUNS") or Path("build/runs"))
    (record,) = execute([run], shelf, executor or Executor(workers=1))
    if record.status == "failed":
        raise RuntimeError(f"run {record.key} failed: {record.error}")
    return Trained(run, record, shelf.net(run))


def _fitted(network: str | AnyNetwork, images: DataSet) -> AnyNetwork:
    if not isinstance(network, str):
        return network
    fit = () if "@" in network else (images.resolution, images.classes)
    return parse(network, *fit)
