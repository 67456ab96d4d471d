"""What a network is: a stem, stages, an input, and a plan of which ReLUs it keeps.

A `Network` is a frozen value: it can be compared, hashed, printed and parsed back, and every other
reading of it (cost, torch module, private program, picture) is a function of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise


class DesignError(ValueError):
    """A network, a name or an edit that does not make sense; the message says what and where."""


MOST_STAGES = 9
"""A name writes the number of a stage as one digit."""
MOST_BLOCKS = 1000
"""A bound on depth, so that a slip in a name is an error and not a computation without end."""
MOST = 10**9
"""A bound on every other number of a network."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`depth` residual blocks of `width` output channels each."""

    width: int
    depth: int


@dataclass(frozen=True, slots=True)
class ReluPlan:
    """Which ReLUs a network keeps (section 4.3 and Algorithm 2).

    culled: stages without any ReLU. thinned: stages that keep one ReLU a block, the one after the
    residual sum. The stem counts with stage 1, so culling or thinning stage 1 drops the stem's
    ReLU too. reuse: the reduction factor N of ReLU-reuse in every block that keeps its second
    ReLU; 1 is none.
    """

    culled: frozenset[int] = frozenset()
    thinned: frozenset[int] = frozenset()
    reuse: int = 1

    def __post_init__(self) -> None:
        # A culled stage has nothing left to thin: both orders of the two edits are one value.
        object.__setattr__(self, "thinned", self.thinned - self.culled)

    def keeps_stem(self) -> bool:
        return 1 not in self.culled | self.thinned

    def keeps_first(self, stage: int) -> bool:
        """Does a block of this stage keep the ReLU between its convolutions?"""
        return stage not in self.culled | self.thinned

    def keeps_second(self, stage: int) -> bool:
        """Does a block of this stage keep the ReLU at its end (the reused one, if any)?"""
        return stage not in self.culled


@dataclass(frozen=True, slots=True)
class Network:
    """A staged residual network of basic blocks (Figure 2, Tables 16 and 17).

    stem: output channels m of the 3x3 stem. stages: width and depth of each stage; every stage
    after the first halves the feature map. resolution: height and width of the square input in
    pixels. classes: size of the logits. Raises DesignError for numbers that make no network.
    """

    stem: int
    stages: tuple[Stage, ...]
    resolution: int = 32
    classes: int = 100
    relus: ReluPlan = field(default_factory=ReluPlan)

    def __post_init__(self) -> None:
        _require_count("stem channels", self.stem)
        if not 1 <= len(self.stages) <= MOST_STAGES:
            raise DesignError(f"a network has 1 to {MOST_STAGES} stages, not {len(self.stages)}")
        for number, stage in enumerate(self.stages, start=1):
            _require_count(f"channels of stage {number}", stage.width)
            _require_count(f"blocks of stage {number}", stage.depth)
        if sum(self.depths) > MOST_BLOCKS:
            raise DesignError(
                f"a network of {sum(self.depths):,} blocks is out of reach here;"
                f" {MOST_BLOCKS:,} are the most"
            )
        _require_count("input size", self.resolution)
        _require_count("number of classes", self.classes)
        stride = 2 ** (len(self.stages) - 1)
        if self.resolution % stride:
            raise DesignError(
                f"input size {self.resolution} is not a multiple of {stride},"
                f" the total stride of {len(self.stages)} stages"
            )
        self.require_stages(self.relus.culled | self.relus.thinned)
        self._require_reusable()

    def require_stages(self, numbers: Iterable[int]) -> None:
        """Raise DesignError unless every number names one of the stages 1, 2, ..."""
        for number in sorted(numbers):
            if not 1 <= number <= len(self.stages):
                raise DesignError(
                    f"there is no stage {number}: {_base_name(self)} has stages"
                    f" 1 to {len(self.stages)}"
                )

    def _require_reusable(self) -> None:
        factor = self.relus.reuse
        _require_count("ReLU-reuse factor", factor)
        if factor == 1:
            return
        for number, stage in enumerate(self.stages, start=1):
            if not self.relus.keeps_second(number):
                continue
            for divisor in (factor, 4):
                if stage.width % divisor:
                    raise DesignError(
                        f"ReLU-reuse by {factor} splits channels into quarters and {factor}ths:"
                        f" {divisor} does not divide the {stage.width} channels of stage {number}"
                    )

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(stage.width for stage in self.stages)

    @property
    def depths(self) -> tuple[int, ...]:
        return tuple(stage.depth for stage in self.stages)

    @property
    def name(self) -> str:
        """The paper's name for the architecture, then the edits: `HRN-2x5x3x(m=16)-C1-T234-Re8`.

        C names culled stages, T thinned ones, Re the ReLU-reuse factor.
        """
        plan = self.relus
        parts = [_base_name(self)]
        parts += ["C" + _digits(plan.culled)] if plan.culled else []
        parts += ["T" + _digits(plan.thinned)] if plan.thinned else []
        parts += [f"Re{plan.reuse}"] if plan.reuse > 1 else []
        return "-".join(parts)

    def __str__(self) -> str:
        """The name, and behind `@` input size and classes where they are not CIFAR-100's."""
        shape = (self.resolution, self.classes)
        return self.name if shape == (32, 100) else f"{self.name}@{shape[0]}/{shape[1]}"


def stages_by_factors(m: int, factors: Iterable[int], depths: tuple[int, ...]) -> tuple[Stage, ...]:
    """Stages whose widths are m, alpha m, alpha beta m, ... (section 2, Figure 2)."""
    widths = [m]
    for factor in factors:
        widths.append(widths[-1] * factor)
    return tuple(Stage(width, depth) for width, depth in zip(widths, depths, strict=True))


DEPTHS = {"18": (2, 2, 2, 2), "34": (3, 4, 6, 3)}
"""Blocks per stage of the ResNets that the paper starts from."""

_NUMBER = "[0-9]{1,10}"
_FACTORS = rf"(?P<factors>{_NUMBER}x{_NUMBER}x{_NUMBER})x?"
_BASE = rf"(?:\(m=(?P<m>{_NUMBER})\))?"
_NAMES = {
    "hybrenet": re.compile(rf"(?:(?:(?:r|resnet)(?P<depth>18|34)-)?hrn-)?{_FACTORS}{_BASE}"),
    "resnet": re.compile(rf"(?:r|resnet)(?P<depth>18|34){_BASE}(?:-{_FACTORS})?"),
    "stages": re.compile(
        rf"net\((?P<m>{_NUMBER});(?P<stages>{_NUMBER}x{_NUMBER}(?:,{_NUMBER}x{_NUMBER})*)\)"
    ),
}
_EDITS = re.compile(
    rf"(?:-c(?P<culled>[1-9]+))?(?:-t(?P<thinned>[1-9]+))?(?:-re(?P<reuse>{_NUMBER}))?"
    rf"(?:@(?P<resolution>{_NUMBER})/(?P<classes>{_NUMBER}))?$"
)
_EXAMPLES = "HRN-5x5x3x(m=16), ResNet18(m=32), ResNet18(m=16)-4x4x4x, R34-HRN-2x6x3x(m=12)"


def parse(text: str, resolution: int | None = None, classes: int | None = None) -> Network:
    """The network of a name, as `Network.name` and `str` print it and as the paper writes it.

    resolution and classes override what stands behind `@` (32 and 100 where nothing does).
    Without `(m=...)` a ResNet has its 64 base channels and a HybReNet 16. Capitals do not matter.
    Raises DesignError.
    """
    compact = re.sub(r"\s+", "", text).lower()
    for kind, pattern in _NAMES.items():
        base = pattern.match(compact)
        edits = _EDITS.match(compact, base.end()) if base else None
        if base and edits:
            stem, stages = _base_stages(kind, base.groupdict())
            plan = ReluPlan(
                frozenset(int(digit) for digit in edits["culled"] or ""),
                frozenset(int(digit) for digit in edits["thinned"] or ""),
                int(edits["reuse"] or 1),
            )
            return Network(
                stem,
                stages,
                resolution if resolution is not None else int(edits["resolution"] or 32),
                classes if classes is not None else int(edits["classes"] or 100),
                plan,
            )
    shown = text if len(text) <= 80 else text[:80] + "..."
    raise DesignError(f"unknown network {shown!r}; names look like {_EXAMPLES}")


def _base_stages(kind: str, parts: dict[str, str | None]) -> tuple[int, tuple[Stage, ...]]:
    if kind == "stages":
        stages = (pair.split("x") for pair in str(parts["stages"]).split(","))
        return int(parts["m"] or 0), tuple(Stage(int(w), int(d)) for w, d in stages)
    m = int(parts["m"] or (64 if kind == "resnet" else 16))
    factors = [int(factor) for factor in (parts["factors"] or "2x2x2").split("x")]
    return m, stages_by_factors(m, factors, DEPTHS[parts["depth"] or "18"])


def _base_name(network: Network) -> str:
    depth = next((key for key, depths in DEPTHS.items() if depths == network.depths), None)
    widths = network.widths
    scaled = all(wide % narrow == 0 for narrow, wide in pairwise(widths))
    if depth is None or not scaled or widths[0] != network.stem:
        pairs = ", ".join(f"{stage.width}x{stage.depth}" for stage in network.stages)
        return f"Net({network.stem}; {pairs})"
    factors = [wide // narrow for narrow, wide in pairwise(widths)]
    written = "x".join(map(str, factors)) + "x"
    if len(set(factors)) > 1:
        return f"{'' if depth == '18' else 'R34-'}HRN-{written}(m={network.stem})"
    base = f"ResNet{depth}" if network.stem == 64 else f"ResNet{depth}(m={network.stem})"
    return base if factors[0] == 2 else f"{base}-{written}"


def _digits(numbers: Iterable[int]) -> str:
    return "".join(str(number) for number in sorted(numbers))


def _require_count(what: str, number: int) -> None:
    if number < 1:
        raise DesignError(f"{what} must be at least 1, not {number}")
    if number > MOST:
        raise DesignError(f"{what} must be at most {MOST:,}")
