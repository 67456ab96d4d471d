"""Which ReLUs a network keeps, what stands where one was removed, and how a name says it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from deepreshape.design.names_in_full import NUMBER
from deepreshape.design.reuse_module import Divisions

STEM = 0
"""The stem's number among the stages, in a plan and in a list of layers."""


@dataclass(frozen=True, slots=True)
class ReluPlan:
    """Which ReLUs a network keeps (section 4.3 and Algorithm 2).

    culled: stages without any ReLU; 0 is the stem alone. thinned: stages that keep every second of
    their ReLUs, counted from the last: of a basic block the one after the residual sum. The stem
    counts with stage 1 and the head with the last stage: culling or thinning that stage drops their
    ReLUs too.
    quadratic: of these stages, those where a polynomial `Quadratic` takes the place of a ReLU that
    was removed (AutoReP, Peng et al. 2023); elsewhere nothing does.
    reuse: the reduction factor N of ReLU-reuse; 1 is none. In a stage that is not culled a module
    replaces the second convolution of every block. divisions: how it divides the channels.
    everywhere: modules replace every convolution with a ReLU behind it, the stem's and the first of
    a block too (Appendix I, Figure 22); where thinning drops that ReLU, none does.
    """

    culled: frozenset[int] = frozenset()
    thinned: frozenset[int] = frozenset()
    reuse: int = 1
    divisions: Divisions = "three"
    everywhere: bool = False
    quadratic: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if self.reuse == 1:
            object.__setattr__(self, "divisions", "three")
            object.__setattr__(self, "everywhere", False)
        # A culled stage has nothing left to thin, and the stem nothing left to cull where stage 1
        # was culled or thinned: both orders of two edits are one value.
        object.__setattr__(self, "thinned", self.thinned - self.culled)
        if 1 in self.culled | self.thinned:
            object.__setattr__(self, "culled", self.culled - {STEM})
            object.__setattr__(self, "quadratic", self.quadratic - {STEM})

    @property
    def name(self) -> str:
        """The edits as a network's name has them: `C1-T234-Re8`; empty where all ReLUs are kept.

        C names culled stages, T thinned ones, Q those whose removed ReLUs are quadratic, Re the
        ReLU-reuse factor: `Re8` of three divisions, `Re8c` of eight chained ones, `Re8s` of eight
        that are split; `ReAll8` is everywhere.
        """
        named = {"C": self.culled, "T": self.thinned, "Q": self.quadratic}
        parts = [letter + _digits(stages) for letter, stages in named.items() if stages]
        if self.reuse > 1:
            where = "ReAll" if self.everywhere else "Re"
            parts.append(f"{where}{self.reuse}{SUFFIXES[self.divisions]}")
        return "-".join(parts)


ALL = ReluPlan()
"""Every ReLU is kept."""
SUFFIXES: dict[Divisions, str] = {"three": "", "chained": "c", "apart": "s"}
"""What a name has behind the ReLU-reuse factor."""
PATTERN = (
    r"(?:-c(?P<culled>[0-9]+))?(?:-t(?P<thinned>[1-9]+))?(?:-q(?P<quadratic>[0-9]+))?"
    rf"(?:-re(?P<everywhere>all)?(?P<reuse>{NUMBER})(?P<divisions>[cs]?))?"
)
"""Of the edits in a name in lower case, each behind a `-`."""


def read(match: re.Match[str]) -> ReluPlan:
    """The plan of a match of `PATTERN`."""
    return ReluPlan(
        _stages(match["culled"]),
        _stages(match["thinned"]),
        int(match["reuse"] or 1),
        next(key for key, suffix in SUFFIXES.items() if suffix == (match["divisions"] or "")),
        bool(match["everywhere"]),
        _stages(match["quadratic"]),
    )


def _stages(digits: str | None) -> frozenset[int]:
    return frozenset(int(digit) for digit in digits or "")


def _digits(numbers: Iterable[int]) -> str:
    return "".join(str(number) for number in sorted(numbers))
