"""A run is a value, and its record is a function of it.

`Run` says what is trained on what, how and from which seed; its key is the hash of all that.
"""

import hashlib
import json
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from deepreshape.design import Network, layers
from deepreshape.design.architectures import Plain
from deepreshape.design.ops import BatchNorm
from deepreshape.learn.data import DataSet
from deepreshape.learn.machine import Precision
from deepreshape.learn.recipe import Recipe, described
from deepreshape.learn.searches import Search
from deepreshape.learn.train import Epoch

ARITHMETIC = 2
"""Part of every key: raise it when the same run would be computed differently than before."""


@dataclass(frozen=True, slots=True)
class Run:
    """A network trained on a data set by a recipe from a seed, with a teacher run or without.

    With a search, the net starts from its teacher's weights; the search leaves it so many of its
    ReLUs, and the recipe tunes what is left. Input size and classes of the network and of the
    teacher's data must be the data set's, and the seed a whole number of 32 bits; ValueError
    otherwise.
    """

    network: Network
    data: DataSet
    recipe: Recipe
    seed: int = 1
    teacher: "Run | None" = None
    search: Search | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"a seed lies between 0 and 2^32 - 1; {self.seed} does not")
        wanted = (self.data.resolution, self.data.classes)
        if (self.network.resolution, self.network.classes) != wanted:
            raise ValueError(
                f"{self.network.name} takes {self.network.resolution} pixels and has"
                f" {self.network.classes} classes; {self.data} has {wanted[0]} and {wanted[1]}"
            )
        if self.teacher and (self.teacher.data.resolution, self.teacher.data.classes) != wanted:
            raise ValueError(f"a teacher on {self.teacher.data} cannot teach on {self.data}")
        if self.recipe.shift >= self.data.resolution:
            raise ValueError(
                f"shift must be less than the {self.data.resolution} pixels of {self.data}'s side,"
                f" not {self.recipe.shift}"
            )
        if self.recipe.batch == 1 or (self.search is not None and self.search.batch == 1):
            self._require_many_pixels()
        if self.recipe.pram:
            self._require_comparable()
        if self.recipe.small:
            self._require_halvable()
        if self.search is not None:
            self._require_searchable(self.search)

    def _require_many_pixels(self) -> None:
        maps = [each.shape for each in layers(self.network) if isinstance(each.op, BatchNorm)]
        fewest = min(height * width for _, height, width in maps)
        if fewest == 1 or (fewest <= 4 and self.recipe.halves(0)):
            raise ValueError(
                f"{self.network.name} normalises maps of one pixel, of which a batch of one image"
                " has one: batch must be at least 2"
            )

    def _require_comparable(self) -> None:
        if self.teacher and self.teacher.network.strides != self.network.strides:
            raise ValueError(
                f"PRAM compares maps stage by stage: those of {self.teacher.network.name} do not"
                f" have the size of {self.network.name}'s"
            )

    def _require_halvable(self) -> None:
        pools = isinstance(self.network.block, Plain)
        if self.data.resolution % 2 or (
            pools and self.data.resolution // 2 % prod(self.network.strides)
        ):
            raise ValueError(f"{self.network.name} cannot see images of half of {self.data}'s side")

    def _require_searchable(self, search: Search) -> None:
        if self.teacher is None or self.teacher.network != self.network:
            raise ValueError(
                f"a search starts from a trained {self.network.name}: the teacher must be one"
            )
        if self.teacher.search is not None:
            raise ValueError("a search starts from a net with all its ReLUs, not from another's")
        if self.recipe.small:
            raise ValueError("masks of pixels do not fit images of half the side: small must be 0")
        search.require_fitting(self.network)

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of everything that the result depends on."""
        return key_of(self.describe())

    def describe(self) -> dict[str, Any]:
        """The run as plain JSON values, the teacher in full; of recipe and search, what differs
        from their defaults."""
        text = {
            "network": str(self.network),
            "data": str(self.data),
            "recipe": described(self.recipe),
            "seed": self.seed,
            "teacher": self.teacher.describe() if self.teacher else None,
        }
        if self.search is not None:
            text["search"] = {"kind": type(self.search).__name__, **described(self.search)}
        return text


def key_of(description: dict[str, Any]) -> str:
    """The key of a run by its description."""
    text = json.dumps([ARITHMETIC, description], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Record:
    """What a run gave. Accuracies are percent at the end of the last epoch, None where it failed.

    run: `Run.describe()`. relus, macs, params: of the network; after a search, the ReLUs left.
    stage_relus: by stage, the stem's with stage 1 and the head's with the last.
    data_digest: SHA-256 of the decoded data set. seconds: wall time of training, over all its
    sittings, of the search too. sought: what the search went through, as JSON values.
    """

    key: str
    status: Literal["done", "failed"]
    run: dict[str, Any]
    validation: float | None
    test: float | None
    relus: int
    stage_relus: tuple[int, ...]
    macs: int
    params: int
    curve: tuple[Epoch, ...]
    precision: Precision
    seconds: float
    data_digest: str
    weights_digest: str | None
    environment: dict[str, str | int]
    error: str | None = None
    masks_digest: str | None = None
    sought: tuple[dict[str, Any], ...] = ()
