"""A run is a value, and its record is a function of it.

`Run` says what is trained on what, how and from which seed; its key is the hash of all that.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

from deepreshape.design import AnyNetwork, layers
from deepreshape.design.ops import BatchNorm, Pool
from deepreshape.learn.images.sets import DataSet, pinned
from deepreshape.learn.runs.record import Record, key_of
from deepreshape.learn.search.search import Search
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.values import described, named

__all__ = ["Record", "Run"]


@dataclass(frozen=True)  # without slots, for what is computed once
class Run:
    """A network trained on a data set by a recipe from a seed, with a teacher run or without.

    With a search, the net starts from its teacher's weights; the search leaves it so many of its
    ReLUs, and the recipe tunes what is left. Input size and classes of the network and of the
    teacher's data must be the data set's, and the seed a whole number of 32 bits; ValueError
    otherwise.
    """

    network: AnyNetwork
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
        if fewest == 1 or (fewest <= 4 and self.recipe.halved):
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
        listed = (layer.op for layer in layers(self.network))
        pools = any(isinstance(op, Pool) and op.size for op in listed)
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

    def __hash__(self) -> int:
        """Of the key: that of all fields, down to every stage of the teacher, takes longer than
        what runs are looked up for."""
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of everything that the result depends on."""
        return key_of(self._described)

    @property
    def is_pinned(self) -> bool:
        """Are all its images known by content?"""
        return self.data.digest is not None and (self.teacher is None or self.teacher.is_pinned)

    def pinned(self) -> "Run":
        """The run on the images that are read here under the names of its sets; where they cannot
        be read, their names stay all that is known."""
        if self.is_pinned:
            return self
        teacher = self.teacher.pinned() if self.teacher else None
        return replace(self, data=pinned(self.data), teacher=teacher)

    def describe(self) -> dict[str, Any]:
        """The run as plain JSON values, each in full, whatever is a default of this version.

        images: the digest of the images (`DataSet.digest`), None where they are known by name.
        """
        return {**self._described}

    @cached_property
    def _described(self) -> dict[str, Any]:
        return {
            "network": str(self.network),
            "data": str(self.data),
            "images": self.data.digest,
            "recipe": described(self.recipe),
            "seed": self.seed,
            "teacher": self.teacher.describe() if self.teacher else None,
            "search": None if self.search is None else named(self.search),
        }
