"""Profiles: how much of an experiment is computed, and what that changes against the paper.

`paper` is the paper's own recipe but for a tenth of the training images, held out for validation,
and DKD's beta, 1 for every network; `short` is a reduced one on the paper's data, `quick` one for
minutes on a laptop; `smoke` only shows that everything runs.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

from deepreshape.design import DesignError, Network, cost, cull, resnet18, scale
from deepreshape.learn.data import DataSet
from deepreshape.learn.data import parse as parse_data
from deepreshape.learn.losses import KD, Distillation
from deepreshape.learn.recipe import Recipe
from deepreshape.learn.searches import SNL, SENet

PAPER_SIDES = {"cifar100": 32, "tiny-imagenet": 64}
"""Pixels on a side of the images of the paper's data sets."""

MOST_HALVINGS = 2
"""A quarter of the paper's widths leaves a stem of m = 16 four channels; fewer say little."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of an experiment is computed.

    data: in place of the paper's sets (None: the paper's own); parts: what of each set is used (a
    name of `learn.data.parse`). ratio: of the paper's widths. recipe: of networks and, with
    another `distillation`, of those with a teacher. tuning, senet_tuning: after a search.
    most: points of a series, lines: series of a panel, panels: of a figure (None: all). ratios:
    of experiments that have another. heaviest: networks of more multiply-accumulates are left out.
    halved: of experiments that compare no network with another, the multiply-accumulates down to
    which widths are halved, twice at most; halved_to: those of the experiment at hand.
    taught_rates: of experiments whose networks with a teacher have another rate; taught_rate: that
    of the experiment at hand.
    chosen_seeds, chosen_networks: those whose accuracies were seen when the recipe was chosen; what
    they give is no evidence.
    """

    name: str
    data: str | None
    ratio: Fraction
    recipe: Recipe
    teacher: Network
    teacher_recipe: Recipe
    tuning: Recipe
    senet_tuning: Recipe
    snl: SNL
    senet: SENet
    parts: dict[str, str] = field(default_factory=dict)
    most: int | None = None
    lines: int | None = None
    panels: int | None = None
    ratios: dict[str, Fraction] = field(default_factory=dict)
    heaviest: int | None = None
    halved: dict[str, int] = field(default_factory=dict)
    halved_to: int | None = None
    taught_rates: dict[str, float] = field(default_factory=dict)
    taught_rate: float | None = None
    chosen_seeds: tuple[int, ...] = ()
    chosen_networks: tuple[Network, ...] = ()

    def of(self, experiment: str) -> "Profile":
        """The profile as an experiment takes it: with its own widths and rate."""
        ratio = self.ratios.get(experiment, self.ratio)
        return replace(
            self,
            ratio=ratio,
            halved_to=self.halved.get(experiment),
            taught_rate=self.taught_rates.get(experiment),
        )

    def images(self, of: str, chosen: str | None = None) -> DataSet:
        """What stands here for one of the paper's data sets, or the part of a chosen one."""
        name = chosen or self.data or of
        return parse_data(self.parts.get(name, name))

    def fitted(self, network: Network, images: DataSet) -> Network | None:
        """The network that stands here for one of the paper's: its widths by the ratio, for the
        images' size and classes. None where a width would not stay whole, images do not fit, or it
        is too heavy."""
        try:
            scaled = network if self.ratio == 1 else scale(network, self.ratio)
            here = replace(scaled, resolution=images.resolution, classes=images.classes)
            for _ in range(MOST_HALVINGS):
                if self.halved_to is not None and cost(here).macs > self.halved_to:
                    here = scale(here, Fraction(1, 2))
        except DesignError:
            return None
        return here if self.heaviest is None or cost(here).macs <= self.heaviest else None

    def taught(self, distillation: Distillation) -> Recipe:
        """The recipe of a network with a teacher; a ramp of 20 of the paper's 200 epochs is the
        same share of others."""
        paper = PROFILES["paper"].recipe.epochs
        share = Fraction(self.recipe.epochs, paper)
        if not isinstance(distillation, KD):
            ramp = float(distillation.warmup * share)
            distillation = replace(distillation, warmup=ramp)
        rate = self.taught_rate or self.recipe.rate
        return replace(self.recipe, rate=rate, distillation=distillation)


_SNL_KD = KD(soft=1.0, hard=1.0)
_SMOKE = Recipe(epochs=1, batch=32, shift=0, flip=False)
_QUICK = Recipe(epochs=2, batch=64, warmup=0.5, shift=0, flip=False)
_SHORT = Recipe(epochs=6, batch=256, rate=0.4, nesterov=True, warmup=1.0, schedule="linear")

_QUICK_SNL = SNL(
    0,
    epochs=8,  # the last penalty is 0.5: no alpha withstands it
    batch=64,
    alpha_rate=0.03,  # 28 steps of an epoch move an alpha by 0.8; it has to go from 1 to 0
    penalty=3e-5,  # 12 % of ResNet18(m=16)'s ReLUs go in the first epoch, by channel none
    growth=4.0,
    schedule="steady",
    threshold=0.1,  # alphas that have fallen swing about zero by a few steps
)
"""Trial on the digits, ResNet18(m=16), seed 1: after each epoch 88, 68, 36, 8.6, 0.9 % of the ReLUs
are left, by channel 100, 49, 16, 3.5, 0.9 %. After tuning 40, 10, 4, 1 % of them reach 94.8, 94.3,
92.8, 92.4 %; cut off by rank after five epochs without a penalty 94.3, 87.1, 84.9, 84.6 %. Steps
three times as long for the weights gain nothing, so they have the authors' rate."""

_SHORT_SNL = SNL(
    0,
    epochs=8,  # the last penalty is 0.8
    batch=256,
    alpha_rate=0.01,  # 175 steps of an epoch move an alpha by 1.8
    penalty=1e-5,  # the authors'; 2 % of the ReLUs go in the first epoch
    growth=5.0,
    schedule="steady",
    threshold=0.1,
)
"""Trial on 9,000 images of CIFAR-100 at 16 x 16 in as many steps an epoch, ResNet18(m=16), seed 1:
98, 80, 20, 2.7, 0.2 % of the ReLUs are left after each epoch. Every epoch has a penalty of five
times the one before, so a network on which it acts later takes an epoch more, not forty."""

_REUSING = ("fig1", "fig11", "fig12", "fig22", "fig23", "table6", "table14-trained")
"""Experiments with ReLU-reuse by 16, which needs 16 channels where a quarter of them are fewer."""

_DECOUPLED = ("fig1", "fig11", "table6", "table13-trained", "table14-trained")
"""Experiments with DKD, whose terms are not weighted down as KD's are: at a rate of 0.1 deep
networks learn nothing from it in two epochs. KD has the same rate beside it."""

_STAGE_BY_STAGE = ("table10-trained", "table11-trained")
"""Experiments that hold the stages of a network against each other."""

PROFILES = {
    "smoke": Profile(
        name="smoke",
        data="mnist5k",
        ratio=Fraction(1, 4),
        recipe=_SMOKE,
        teacher=resnet18(4),
        teacher_recipe=_SMOKE,
        tuning=replace(_SMOKE, rate=0.01, distillation=_SNL_KD),
        senet_tuning=replace(_SMOKE, rate=0.01, distillation=KD(soft=0.9), pram=1000.0),
        snl=SNL(0, epochs=1, batch=32),
        senet=SENet(0, sensitivity_epochs=1, epochs=1, batch=32),
        parts={"mnist5k": "mnist5k[per_class=4,size=16]"},
        most=1,
        lines=4,
        panels=1,
    ),
    "quick": Profile(
        name="quick",
        data="mnist5k",
        ratio=Fraction(1, 4),
        recipe=_QUICK,
        teacher=resnet18(16),
        teacher_recipe=replace(_QUICK, epochs=4, shift=2),
        tuning=replace(_QUICK, epochs=1, rate=0.01, warmup=0.0, distillation=_SNL_KD),
        senet_tuning=replace(
            _QUICK, epochs=1, rate=0.01, warmup=0.0, distillation=KD(soft=0.9), pram=1000.0
        ),
        snl=_QUICK_SNL,
        senet=SENet(0, sensitivity_epochs=1, epochs=2, batch=64),
        parts={
            "mnist5k": "mnist5k[per_class=200,size=16]",
            "cifar100": "cifar100[per_class=50,size=16]",
        },
        most=4,
        lines=16,
        ratios=dict.fromkeys(_REUSING, Fraction(1, 2)),
        heaviest=80_000_000,
        taught_rates=dict.fromkeys(_DECOUPLED, 0.03),
    ),
    "short": Profile(
        name="short",
        data=None,
        ratio=Fraction(1, 2),
        recipe=_SHORT,
        teacher=resnet18(16),
        teacher_recipe=replace(_SHORT, epochs=15),
        tuning=replace(_SHORT, epochs=2, rate=0.02, warmup=0.0, small=0.0, distillation=_SNL_KD),
        senet_tuning=replace(
            _SHORT, epochs=2, rate=0.02, warmup=0.0, distillation=KD(soft=0.9), pram=1e3
        ),
        snl=_SHORT_SNL,
        senet=SENet(0, sensitivity_epochs=1, epochs=3, batch=256),
        parts={"tiny-imagenet": "tiny-imagenet[shards=0+1]"},
        ratios=dict.fromkeys(_STAGE_BY_STAGE, Fraction(1)),
        heaviest=300_000_000,
        halved=dict.fromkeys(_STAGE_BY_STAGE, 150_000_000),
        chosen_seeds=(1,),
        chosen_networks=tuple(cull(resnet18(16), {1, 2, 3, 4} - {stage}) for stage in (2, 3)),
    ),
    "paper": Profile(
        name="paper",
        data=None,
        ratio=Fraction(1),
        recipe=Recipe(),
        teacher=resnet18(),
        teacher_recipe=Recipe(),
        tuning=Recipe(epochs=100, rate=1e-3, distillation=_SNL_KD),
        senet_tuning=Recipe(epochs=240, rate=0.01, distillation=KD(soft=0.9), pram=1000.0),
        snl=SNL(0),
        senet=SENet(0),
    ),
}


def profile(name: str) -> Profile:
    """The profile of that name; ValueError for an unknown one."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; known are {', '.join(PROFILES)}")
    return PROFILES[name]
