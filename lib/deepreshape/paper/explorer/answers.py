"""What the explorer tells of its settings: counts, equalization, and seconds by three models."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from deepreshape.design import (
    Convention,
    Cost,
    DesignError,
    Network,
    cost,
    paper_convention,
)
from deepreshape.design.architectures import Basic
from deepreshape.design.equalize import inequality, relus
from deepreshape.paper.explorer.settings import Settings
from deepreshape.paper.printed.entries import DATA_SETS, FREE, Entry, entries
from deepreshape.paper.printed.latencies import plain
from deepreshape.private.estimated import PACKING, completed
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.measured import Measured, measured
from deepreshape.private.predicted import PROTOCOLS, record, truncated
from deepreshape.private.wire.link import LAN, WAN


@dataclass(frozen=True, slots=True)
class Equalized:
    """The inequality of ReLU equalization in letters and in numbers, for a network of basic blocks.

    counts: ReLUs of the stages in the order, in units of 2 m d^2, without the stem's, before any is
    culled or thinned. falls: is each more than the next?
    """

    letters: str
    order: tuple[int, ...]
    counts: tuple[Fraction, ...]
    falls: tuple[bool, ...]

    @property
    def holds(self) -> bool:
        return all(self.falls)


@dataclass(frozen=True, slots=True)
class Seconds:
    """One private inference by a cost model. he, gc: of computing at both ends. wire: of its bytes,
    None where the model has none. truncated: altogether, with the truncations too that the program
    makes where a ReLU was removed; None where the model has none."""

    model: str
    he: float
    gc: float
    wire: float | None = None
    truncated: float | None = None

    @property
    def together(self) -> float:
        return self.he + self.gc + (self.wire or 0.0)

    @property
    def most(self) -> float:
        """With truncations, where there are any."""
        return self.together if self.truncated is None else self.truncated


@dataclass(frozen=True, slots=True)
class Answer:
    """What the settings come to.

    convention: of the FLOPs. equalized: None where the order is not of this network's stages, or
    these are not of basic blocks. seconds: by those of `MODELS` that give some. unknown: why the
    paper's gives none. timed: the share of our HE's seconds that was timed; the rest is estimated.
    counted: were the truncations counted, or taken as one for each removed ReLU?
    """

    settings: Settings
    network: Network
    cost: Cost
    convention: Convention
    equalized: Equalized | None
    seconds: tuple[Seconds, ...]
    unknown: str
    timed: float
    counted: bool

    @property
    def flops(self) -> int:
        return self.cost.flops(self.convention)

    @property
    def data(self) -> str | None:
        """The paper's data set of this input size."""
        return DATA_SETS.get(self.network.resolution)


MODELS = tuple(each.title for each in PROTOCOLS.values())


def answer(settings: Settings) -> Answer:
    """Raises DesignError."""
    network = settings.network
    seconds, unknown = [], ""
    try:
        model = latency(network)
        seconds.append(Seconds(MODELS[0], model.he_s, model.gc_s))
    except DesignError as error:
        unknown = str(error)
    known = completed(record(), network)
    bare = plain(network)
    free = measured(bare, PACKING, known, Garbled(cost(network).total_relus))
    garbled, counted = truncated(network)
    seconds += ours(free, measured(bare, PACKING, known, garbled))
    return Answer(
        settings,
        network,
        cost(network),
        paper_convention(network) or "A",
        _equalized(settings.architecture, settings.order),
        tuple(seconds),
        unknown,
        free.run,
        counted,
    )


def ours(free: Measured, run: Measured) -> list[Seconds]:
    """Over a LAN and a WAN, from what is measured truncation free and as run."""
    return [
        Seconds(
            model,
            free.he_s + free.he_client_s,
            free.gc_s,
            free.wire_s(link.bandwidth),
            run.total_s + run.wire_s(link.bandwidth),
        )
        for model, link in zip(MODELS[1:], (LAN, WAN), strict=True)
    ]


def _equalized(network: Network, order: Sequence[int]) -> Equalized | None:
    widths, depths = network.widths, network.depths
    whole = all(wide % narrow == 0 for narrow, wide in pairwise(widths))
    if not isinstance(network.block, Basic) or not whole or len(depths) != len(order):
        return None
    letters = inequality(order)
    by_stage = relus(depths, [wide // narrow for narrow, wide in pairwise(widths)])
    counts = tuple(by_stage[stage - 1] for stage in order)
    falls = tuple(more > less for more, less in pairwise(counts))
    return Equalized(letters, tuple(order), counts, falls)


# The paper's networks


def printed() -> list[Entry]:
    """The networks of Tables 6 to 8 that differ in network, ReLUs or accuracy."""
    return list({(each.network, each.relus, each.accuracy): each for each in entries()}.values())


def best(data: str, relus: int) -> Entry | None:
    """The most accurate of the paper's networks on a data set with no more ReLUs than so many."""
    fitting = [each for each in printed() if each.data == data and each.relus <= relus]
    return max(fitting, key=lambda each: (each.accuracy, -each.relus), default=None)


def points() -> list[dict[str, str | float | bool]]:
    """The paper's networks for a plot: label, data set, accuracy in percent, ReLUs, FLOPs, and
    seconds by each of `MODELS`, with what their programs garble."""
    found: list[dict[str, str | float | bool]] = []
    for each in printed():
        lan, wan = ours(
            each.measured(PACKING, record(), FREE),
            each.measured(PACKING, record()),
        )
        counted = cost(each.network)
        found.append(
            {
                "label": each.label,
                "data": each.data,
                "ours": each.is_hybrenet,
                "accuracy": each.accuracy,
                "relus": each.relus,
                "flops": counted.flops(paper_convention(each.network) or "A"),
                "paper": latency(each.network).he_s + garbled_seconds(each.relus),
                "lan": lan.most,
                "wan": wan.most,
            }
        )
    return found
