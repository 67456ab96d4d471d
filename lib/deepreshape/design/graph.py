"""A network of no family: the list of its layers itself, as it was read from a module of one's own.

`learn.modules` makes it. Whatever folds over layers takes it as it takes a `Network`; it is edited
by the names of its ReLUs, or by the sizes of their maps.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise

from deepreshape.design.architectures import DesignError
from deepreshape.design.blocks import without
from deepreshape.design.network import Network
from deepreshape.design.ops import Layer, Relu

Place = int | str
"""Where ReLUs are: a stage by its number, or, of a `Graph`, a pattern of their names (`layer1/*`,
in which a dot stands for a slash)."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Layers of one's own, in the order in which they are computed.

    source: where they come from, such as `package.module:factory`. resolution: height and width of
    the square input in pixels, of 3 channels. listed: the layers; the last gives the logits, shape
    (classes, 1, 1). A stage is made of the layers whose maps have one size, counted from 1 by where
    the size first appears; what comes behind the last map is the head. edits: as its name has them.
    Raises DesignError where there is no layer.
    """

    source: str
    resolution: int
    listed: tuple[Layer, ...]
    edits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.listed:
            raise DesignError(f"{self.source} has no layers")
        sides = self.stages
        number = {side: at for at, side in enumerate(sides, start=1)}
        head = len(sides) + 1
        staged = tuple(
            replace(layer, stage=number.get(layer.shape[1], head)) for layer in self.listed
        )
        object.__setattr__(self, "listed", staged)

    @property
    def stages(self) -> tuple[int, ...]:
        """The sides of the maps of each stage."""
        sides = dict.fromkeys(layer.shape[1] for layer in self.listed)
        return tuple(side for side in sides if side > 1) or (1,)

    @property
    def strides(self) -> tuple[int, ...]:
        """By how much each stage's maps are smaller than those before it."""
        return tuple(before // side for before, side in pairwise((self.resolution, *self.stages)))

    @property
    def classes(self) -> int:
        """The size of the logits."""
        return self.listed[-1].shape[0]

    @property
    def name(self) -> str:
        """Where it comes from, and the edits: `nets:mine-C1-T[layer2/*]`."""
        return "-".join((self.source, *self.edits))

    @property
    def digest(self) -> str:
        """8 hexadecimal digits of the SHA-256 of the layers."""
        listed = [
            [of.name, type(of.op).__name__, astuple(of.op), of.inputs, of.shape]
            for of in self.listed
        ]
        return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:8]

    def __str__(self) -> str:
        """The name, the digest, and behind `@` input size and classes."""
        return f"{self.name}#{self.digest}@{self.resolution}/{self.classes}"

    def sites(self, place: Place) -> list[str]:
        """The names of the ReLUs at a place, in order. Raises DesignError where there are none."""
        relus = [layer for layer in self.listed if isinstance(layer.op, Relu)]
        if isinstance(place, str):
            pattern = place.replace(".", "/")
            found = [layer.name for layer in relus if fnmatchcase(layer.name, pattern)]
            what = f"whose name is like {place!r}"
        else:
            # As `ReluPlan` has it: the last stage has the head's ReLUs too.
            last = len(self.stages)
            stage_of = {layer.name: min(layer.stage, last) for layer in relus}
            found = [name for name, stage in stage_of.items() if stage == place]
            what = f"in stage {place}; its stages are 1 to {last}"
        if not found:
            names = [layer.name for layer in relus]
            shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
            raise DesignError(f"{self.name} has no ReLU {what}; it has {shown or 'none'}")
        return found


AnyNetwork = Network | Graph
"""What has layers: a network of a family, or one's own."""


def cull_graph(graph: Graph, places: Iterable[Place]) -> Graph:
    """A graph without any ReLU at these places. Raises DesignError where one has none."""
    chosen = tuple(places)
    dropped = {name for place in chosen for name in graph.sites(place)}
    return _edited(graph, "C", chosen, dropped)


def thin_graph(graph: Graph, places: Iterable[Place]) -> Graph:
    """A graph with every second ReLU at each of these places, counted from the last; stage 1 loses
    the first ReLU of all too, as that of a stem. Raises DesignError where a place has none."""
    chosen = tuple(places)
    kept = {name for place in chosen for name in graph.sites(place)[::-2]}
    dropped = {name for place in chosen for name in graph.sites(place)} - kept
    if 1 in chosen:
        dropped.add(next(layer.name for layer in graph.listed if isinstance(layer.op, Relu)))
    return _edited(graph, "T", chosen, dropped)


def _edited(graph: Graph, letter: str, places: tuple[Place, ...], dropped: set[str]) -> Graph:
    numbers = "".join(str(place) for place in places if isinstance(place, int))
    patterns = ",".join(place for place in places if isinstance(place, str))
    edits = [letter + numbers] if numbers else []
    edits += [f"{letter}[{patterns}]"] if patterns else []
    return replace(graph, listed=without(graph.listed, dropped), edits=(*graph.edits, *edits))
