"""What a network is: a stem, stages, an input, and a plan of which ReLUs it keeps.

A `Network` is a frozen value: it can be compared, hashed, printed and parsed back, and every other
reading of it (cost, torch module, private program, picture) is a function of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod

from deepreshape.design import names, relu_plan
from deepreshape.design.architectures import (
    Architecture,
    Basic,
    Block,
    DesignError,
    Grouped,
    Inverted,
    Plain,
    Stage,
)
from deepreshape.design.names_in_full import NUMBER
from deepreshape.design.relu_plan import ALL, STEM, ReluPlan

MOST_STAGES = 9
"""A name writes the number of a stage as one digit."""
MOST_BLOCKS = 1000
"""A bound on depth, so that a slip in a name is an error and not a computation without end."""
MOST_HIDDEN = 9
"""A bound on hidden fully connected layers, likewise."""
MOST_GROUPS = 64
"""A bound on the equal groups of a ReLU-reuse module, likewise."""
MOST = 10**9
"""A bound on every other number of a network."""
BASIC = Basic()


@dataclass(frozen=True, slots=True)
class Network:
    """A staged network (Figure 2, Tables 16 and 17), by default a residual one of basic blocks.

    stem: output channels m of the 3x3 stem. stages: width, depth and stride of each stage.
    resolution: height and width of the square input in pixels. classes: size of the logits.
    relus: which ReLUs are kept. block: what the stages consist of.
    Raises DesignError for numbers that make no network.
    """

    stem: int
    stages: tuple[Stage, ...]
    resolution: int = 32
    classes: int = 100
    relus: ReluPlan = ALL
    block: Block = BASIC

    def __post_init__(self) -> None:
        _require_count("stem channels", self.stem)
        if not 1 <= len(self.stages) <= MOST_STAGES:
            raise DesignError(f"a network has 1 to {MOST_STAGES} stages, not {len(self.stages)}")
        for number, stage in enumerate(self.stages, start=1):
            _require_count(f"channels of stage {number}", stage.width)
            _require_count(f"blocks of stage {number}", stage.depth)
            if stage.stride not in (None, 1, 2):
                raise DesignError(f"the stride of stage {number} is 1 or 2, not {stage.stride}")
        if any(stage.stride for stage in self.stages):
            # The usual stride, written out, is the same network.
            written = tuple(
                replace(stage, stride=None) if stage.stride == (2 if number else 1) else stage
                for number, stage in enumerate(self.stages)
            )
            object.__setattr__(self, "stages", written)
        if sum(self.depths) > MOST_BLOCKS:
            raise DesignError(
                f"a network of {sum(self.depths):,} blocks is out of reach here;"
                f" {MOST_BLOCKS:,} are the most"
            )
        _require_count("input size", self.resolution)
        _require_count("number of classes", self.classes)
        if self.resolution % (stride := prod(self.strides)):
            raise DesignError(
                f"input size {self.resolution} is not a multiple of {stride},"
                f" the total stride of {len(self.stages)} stages"
            )
        if type(self.block) is not Basic:
            self._require_fitting_block()
        if self.relus is not ALL:
            self.require_stages((self.relus.culled - {STEM}) | self.relus.thinned)
            self._require_removed()
            self._require_reusable()
            if self.relus.everywhere and not self._whole_stages():
                # No module replaces more than the second convolutions: the same network.
                object.__setattr__(self, "relus", replace(self.relus, everywhere=False))

    def require_stages(self, numbers: Iterable[int]) -> None:
        """Raise DesignError unless every number names one of the stages 1, 2, ..."""
        for number in sorted(numbers):
            if not 1 <= number <= len(self.stages):
                raise DesignError(
                    f"there is no stage {number}: {names.write(self.architecture)} has stages"
                    f" 1 to {len(self.stages)}"
                )

    def _require_removed(self) -> None:
        for number in sorted(self.relus.quadratic - self.relus.culled - self.relus.thinned):
            where = "the stem" if number == STEM else f"stage {number}"
            raise DesignError(f"{where} keeps all its ReLUs: no polynomial can replace one")

    def _require_fitting_block(self) -> None:
        match self.block:
            case Plain(hidden=hidden):
                if len(hidden) > MOST_HIDDEN:
                    raise DesignError(
                        f"{len(hidden):,} hidden layers are out of reach here;"
                        f" {MOST_HIDDEN} are the most"
                    )
                for width in hidden:
                    _require_count("channels of a hidden layer", width)
            case Inverted(expansion=expansion, features=features):
                _require_count("expansion", expansion)
                _require_count("feature channels", features)
            case Grouped(group=group):
                _require_count("group width", group)
                for number, stage in enumerate(self.stages, start=1):
                    if stage.width > group and stage.width % group:
                        raise DesignError(
                            f"groups of {group} do not divide the {stage.width} channels"
                            f" of stage {number}"
                        )

    def _require_reusable(self) -> None:
        plan, factor = self.relus, self.relus.reuse
        _require_count("ReLU-reuse factor", factor)
        if factor == 1:
            return
        if type(self.block) is not Basic:
            raise DesignError(
                f"ReLU-reuse replaces the second convolution of basic blocks;"
                f" {names.write(self.architecture)} has none"
            )
        divisors = [factor]
        match plan.divisions:
            case "three":
                divisors.append(4)
                what = f"takes a quarter and 1/{factor} of the channels"
            case "chained" | "apart":
                what = f"takes {factor} equal groups of channels"
                if factor > MOST_GROUPS:
                    raise DesignError(f"ReLU-reuse {what}; {MOST_GROUPS} are the most")
            case unknown:
                raise DesignError(f"divisions are {', '.join(relu_plan.SUFFIXES)}, not {unknown!r}")
        widths = {"the stem": self.stem} if plan.everywhere and 1 in self._whole_stages() else {}
        for number, stage in enumerate(self.stages, start=1):
            if number not in plan.culled:
                widths[f"stage {number}"] = stage.width
        for where, width in widths.items():
            for divisor in divisors:
                if width % divisor:
                    raise DesignError(
                        f"ReLU-reuse by {factor} {what}:"
                        f" {divisor} does not divide the {width} channels of {where}"
                    )

    def _whole_stages(self) -> set[int]:
        """The stages that keep every ReLU."""
        return set(range(1, len(self.stages) + 1)) - self.relus.culled - self.relus.thinned

    @property
    def architecture(self) -> Architecture:
        """The network without input, classes and plan."""
        return Architecture(self.stem, self.stages, self.block)

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each stage."""
        return tuple(
            stage.stride or (2 if number else 1) for number, stage in enumerate(self.stages)
        )

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(stage.width for stage in self.stages)

    @property
    def depths(self) -> tuple[int, ...]:
        return tuple(stage.depth for stage in self.stages)

    @property
    def name(self) -> str:
        """The paper's name for the architecture, then the edits: `HRN-2x5x3x(m=16)-C1-T234-Re8`
        (`ReluPlan.name`)."""
        return "-".join(filter(None, (names.write(self.architecture), self.relus.name)))

    def __str__(self) -> str:
        """The name, and behind `@` input size and classes where they are not CIFAR-100's."""
        shape = (self.resolution, self.classes)
        return self.name if shape == (32, 100) else f"{self.name}@{shape[0]}/{shape[1]}"


_REST = re.compile(rf"{relu_plan.PATTERN}(?:@(?P<resolution>{NUMBER})/(?P<classes>{NUMBER}))?$")
_TYPESET = str.maketrans("×−–‐‑", "x----")
"""What a name may have in place of x and -, where it is copied from a page."""
_EXAMPLES = "HRN-5x5x3x(m=16), ResNet18(m=16)-4x4x4x, R34-HRN-2x6x3x(m=12), WRN22x8, RegNetX-1.6GF"


def parse(text: str, resolution: int | None = None, classes: int | None = None) -> Network:
    """The network of a name, as `Network.name` and `str` print it and as the paper writes it.

    resolution and classes override what stands behind `@` (32 and 100 where nothing does).
    Without `(m=...)` a family has its usual base channels. Capitals do not matter.
    Raises DesignError.

    >>> print(parse("r34-hrn-2x6x3x", resolution=64, classes=200))
    R34-HRN-2x6x3x(m=16)@64/200
    """
    found = names.read(re.sub(r"\s+", "", text).translate(_TYPESET).lower())
    rest = _REST.match(found[1]) if found else None
    if not found or not rest:
        shown = text if len(text) <= 80 else text[:80] + "..."
        raise DesignError(f"unknown network {shown!r}; names look like {_EXAMPLES}")
    return of_architecture(
        found[0],
        resolution if resolution is not None else int(rest["resolution"] or 32),
        classes if classes is not None else int(rest["classes"] or 100),
        relu_plan.read(rest),
    )


def of_architecture(
    architecture: Architecture, resolution: int = 32, classes: int = 100, relus: ReluPlan = ALL
) -> Network:
    """The network of an architecture, an input size and a number of classes."""
    stem, stages, block = architecture
    return Network(stem, stages, resolution, classes, relus, block)


def _require_count(what: str, number: int) -> None:
    if number < 1:
        raise DesignError(f"{what} must be at least 1, not {number}")
    if number > MOST:
        raise DesignError(f"{what} must be at most {MOST:,}")
