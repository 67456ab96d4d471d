"""Profiles: how much of an experiment is computed, and what that changes against the paper.

`paper` is the paper's own recipe but for a tenth of the training images, held out for validation,
and DKD's beta, 1 for every network; `full-width` trains the paper's own networks for a tenth of its
epochs, `short` narrower ones for fewer; `quick` is for minutes on a laptop, on digits; `smoke` only
shows that everything runs.

A number that is not the paper's has its reason beside it. The trials of the recipes of `short` and
`full-width` are recorded in data/runs, and the page `short` shows them. Of other trials a record
was kept where it is named; the outcome of the rest is as it was noted when they were made.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count, islice

from deepreshape.design import DesignError, Network, cost, cull, resnet18, scale
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.losses import KD, Distillation
from deepreshape.learn.training.recipe import Recipe

PAPER_SIDES = {"cifar100": 32, "tiny-imagenet": 64}
"""Pixels on a side of the images of the paper's data sets."""

MOST_HALVINGS = 2
"""A quarter of the paper's widths leaves a stem of m = 16 four channels; fewer say little."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of an experiment is computed.

    data: in place of the paper's sets (None: the paper's own); parts: what of each set is used (a
    name of `learn.images.sets.parse`). ratio: of the paper's widths. recipe: of networks and, with
    another `distillation`, of those with a teacher. tuning, senet_tuning: after a search.
    most: points of a series, panels: of a figure, evenly; lines: series of a panel, the first
    (None: all). heaviest, lightest: networks of more or of fewer multiply-accumulates are left out.
    halved_to: those down to which widths are halved, twice at most. by_stage: ratio and halved_to
    of experiments that compare the stages of one network, and no network with another.
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
    heaviest: int | None = None
    lightest: int = 0
    halved_to: int | None = None
    by_stage: tuple[Fraction, int] | None = None
    chosen_seeds: tuple[int, ...] = ()
    chosen_networks: tuple[Network, ...] = ()

    def for_stages(self) -> "Profile":
        """The profile as experiments take it that compare the stages of one network."""
        if self.by_stage is None:
            return self
        ratio, halved_to = self.by_stage
        return replace(self, ratio=ratio, halved_to=halved_to)

    def fair_seeds(self, number: int) -> tuple[int, ...]:
        """The first so many seeds on which the recipe was not chosen."""
        fair = (seed for seed in count(1) if seed not in self.chosen_seeds)
        return tuple(islice(fair, number))

    def images(self, of: str, chosen: str | None = None) -> DataSet:
        """What stands here for one of the paper's data sets, or the part of a chosen one."""
        name = chosen or self.data or of
        return parse_data(self.parts.get(name, name))

    def fitted(self, network: Network, images: DataSet) -> Network | None:
        """The network that stands here for one of the paper's: its widths by the ratio, for the
        images' size and classes. None where a width would not stay whole, images do not fit, or it
        is too heavy or too light."""
        try:
            scaled = network if self.ratio == 1 else scale(network, self.ratio)
            here = replace(scaled, resolution=images.resolution, classes=images.classes)
            for _ in range(MOST_HALVINGS):
                if self.halved_to is not None and cost(here).macs > self.halved_to:
                    here = scale(here, Fraction(1, 2))
        except DesignError:
            return None
        macs = cost(here).macs
        return here if self.lightest <= macs <= (self.heaviest or macs) else None

    def taught(self, distillation: Distillation) -> Recipe:
        """The recipe of a network with a teacher; a ramp of 20 of the paper's 200 epochs is the
        same share of others."""
        share = Fraction(self.recipe.epochs, _paper().recipe.epochs)
        return replace(self.recipe, distillation=distillation.stretched(share))


BETAS = (0.8, 1.0, 2.0, 6.0)
"""Weights of DKD's non-target part that the paper tries for each network (Appendix J)."""
SNL_KD = KD(soft=1.0, hard=1.0)
"""Of the tuning after SNL: its authors weigh teacher and labels alike."""
SENET_KD, SENET_PRAM = KD(soft=0.9), 1000.0
"""Of the tuning after SENet: the upper end of its authors' weights of the teacher, 0.5 to 0.9, and
their weight of the mismatch of activations."""


def _smoke() -> Profile:
    """Everything once, in seconds. Its numbers say nothing, so none is tuned."""
    recipe = Recipe(
        epochs=1,  # one step
        batch=32,  # of 36 images that are not held out
        shift=0,  # as in `quick`
        flip=False,
    )
    tuning = replace(recipe, rate=0.01)  # gentler than the recipe, as in every profile
    return Profile(
        name="smoke",
        data="mnist5k",  # ships with a package
        ratio=Fraction(1, 4),  # m = 16 gets four channels; less, and reuse by 4 has none to divide
        recipe=recipe,
        teacher=resnet18(4),  # the lightest of its pupils
        teacher_recipe=recipe,
        tuning=replace(tuning, distillation=SNL_KD),
        senet_tuning=replace(tuning, distillation=SENET_KD, pram=SENET_PRAM),
        snl=SNL(0, epochs=1, batch=32),  # a step: no search finishes, and pages say so
        senet=SENet(0, sensitivity_epochs=1, epochs=1, batch=32),  # a step
        parts={"mnist5k": "mnist5k[per_class=4,size=16]"},  # 16 pixels survive four halvings
        most=1,  # a network of each method
        lines=4,  # the first of a figure's methods, and what they are held against
        panels=1,  # the first
    )


def _quick() -> Profile:
    """Every figure on digits, in minutes on two cores: fewer points of it rather than fewer epochs.

    The recipe is chosen by trials on the digits, two to four seeds each. With five epochs at a rate
    of 0.05 their standard deviation stays below a point: 0.9 by KD for HRN-2x5x3x(m=1)-C1-T234,
    which reaches 90 %, and for HRN-2x5x3x(m=4)-C1-T234-Re8 (92 %); 0.3 for ResNet18(m=4) with the
    ReLUs of stage 1 alone (95 %); by DKD 0.1 and 0.7 for R34-HRN-4x6x3x(m=3)-T1234 (93 %) and
    R34-HRN-2x6x3x(m=4)-C1-T234-Re8 (93 %). ResNet18(m=2) (Figures 22 and 23) and
    MobileNetV2(m=4)-C123456-T7 (Figure 5) deviate by more, 1.6 and 3.7. At the paper's rate of 0.1
    the first deviates by 2.2 after four epochs, and DKD leaves the deep one at 24, 23 and 76 %
    after five.
    """
    recipe = Recipe(
        epochs=5,  # by the trials above
        batch=64,  # 28 steps an epoch; the paper's 128 would leave 14
        rate=0.05,  # by the trials above
        warmup=0.5,  # 14 steps, a choice
        shift=0,  # the digits are centred; and of unmoved images a teacher is asked once
        flip=False,  # no digit is its mirror image
    )
    # Trials: of 0.003, 0.01 and 0.03 all tune what SNL leaves equally well, 95.3 to 95.5 %; after
    # SENet the last is 3.5 points behind. A second epoch gains 0.1 points.
    tuning = replace(recipe, epochs=1, rate=0.01, warmup=0.0)
    return Profile(
        name="quick",
        data="mnist5k",  # ships with a package
        ratio=Fraction(1, 4),  # the narrowest that leaves the paper's m = 4 a channel
        recipe=recipe,
        teacher=resnet18(16),  # the paper's at the same ratio
        teacher_recipe=replace(recipe, epochs=8, shift=2),  # a choice: knows more than its pupils
        tuning=replace(tuning, distillation=SNL_KD),
        senet_tuning=replace(tuning, distillation=SENET_KD, pram=SENET_PRAM),
        # Trial with ResNet18(m=16): 90, 71, 41, 10, 1.1, 0.2 % of its ReLUs are left after each
        # epoch, by channel 100, 45, 20, 4.1, 1.2, 0.2 %; the smallest budget of a figure is 0.6 %.
        # Tuned, 10 and 1 % of them reach 95.5 and 94.2 %; cut off by rank after six epochs without
        # a penalty, 89.6 and 85.7 %.
        snl=SNL(
            0,  # the budget, by the point
            epochs=8,  # two to spare; the last penalty, 0.5, leaves no alpha
            batch=64,  # the recipe's
            alpha_rate=0.03,  # 28 steps of an epoch move an alpha by 0.8, on its way from 1 to 0
            penalty=3e-5,  # the first ReLUs go in the first epoch
            growth=4.0,  # six epochs from there to the last
            schedule="steady",
            threshold=0.1,  # an alpha that has fallen swings about zero by some steps
        ),
        # Trial: five epochs of mask identification change as many pixels each as two do, 18 %, and
        # end no better: 94.3 and 94.7 % with a tenth of the ReLUs; 94.9 % after three of sparse
        # learning.
        senet=SENet(0, sensitivity_epochs=1, epochs=2, batch=64),
        parts={
            "mnist5k": "mnist5k[per_class=200,size=16]",  # 1,800 to train on, a quarter of the work
            "cifar100": "cifar100[per_class=50,size=16]",  # as large for each class as time allows
        },
        # What follows keeps Figure 12 within 200 seconds of one core, and all figures within about
        # an hour of one.
        most=3,  # both ends and a middle
        lines=16,  # four networks of Tables 10 and 11
        panels=2,  # the first and the last
        heaviest=40_000_000,  # WideResNet-22x8 and ResNet18-5x5x5x at a quarter of their widths
        lightest=100_000,  # ResNet18(m=1), whose seeds reach 75, 79 and 84 %
    )


def _short() -> Profile:
    """The paper's data in a few epochs, hours on two cores."""
    # Chosen by recorded trials (`paper.trained.trials`, page `short`).
    recipe = Recipe(epochs=6, batch=256, rate=0.4, nesterov=True, warmup=1.0, schedule="linear")
    # No trial: a third of the epochs, and between the paper's hundredth of the rate and a fifth.
    tuning = replace(recipe, epochs=2, rate=0.02, warmup=0.0)
    return Profile(
        name="short",
        data=None,
        ratio=Fraction(1, 2),  # a quarter of the work
        recipe=recipe,
        teacher=resnet18(16),  # as light as those that learn from it
        teacher_recipe=replace(recipe, epochs=15),  # no trial: knows more than they do
        tuning=replace(tuning, distillation=SNL_KD),
        senet_tuning=replace(tuning, distillation=SENET_KD, pram=SENET_PRAM),
        # Trial with ResNet18(m=16) on 9,000 images of CIFAR-100 at 16 x 16, in as many steps an
        # epoch: 98, 80, 20, 2.7, 0.2 % of its ReLUs are left after each epoch, by channel 98, 40,
        # 7.6, 2.4, 0.4 %; the smallest budget of a figure is 0.6 %. Where the penalty takes hold
        # later, an epoch more makes it five times as large. On all images at 32 x 32, ResNet18(m=8)
        # has 86, 57, 17, 3.7 % left (record 96382b954f913b13).
        snl=SNL(
            0,  # the budget, by the point
            epochs=8,  # three to spare; the last penalty, 0.8, leaves no alpha
            batch=256,  # the recipe's
            alpha_rate=0.01,  # 175 steps of an epoch move an alpha by 1.8, on its way from 1 to 0
            penalty=1e-5,  # the authors'
            growth=5.0,  # five epochs from there to the last ReLUs
            schedule="steady",
            threshold=0.1,  # an alpha that has fallen swings about zero by some steps
        ),
        # No trial: on digits more epochs than two end no better.
        senet=SENet(0, sensitivity_epochs=1, epochs=3, batch=256),
        parts={"tiny-imagenet": "tiny-imagenet[shards=0+1]"},  # the share that is mirrored
        heaviest=300_000_000,  # ResNet34 at half its widths has 290 million
        # The paper's own widths where no network is held against another, and half of the heaviest
        # above: each network of Tables 10 and 11 is trained eight times.
        by_stage=(Fraction(1), 150_000_000),
        chosen_seeds=(1,),  # that of the trials
        # The networks of the trials.
        chosen_networks=tuple(cull(resnet18(16), {1, 2, 3, 4} - {stage}) for stage in (2, 3)),
    )


def _full_width() -> Profile:
    """The paper's data and its own networks, for a tenth of its epochs: hours on two cores for the
    small ones."""
    short = _short()
    # Chosen by recorded trials (`paper.trained.trials`, page `short`).
    recipe = replace(short.recipe, epochs=20, warmup=4.0, smoothing=0.1)
    # No trial: as in `short`, a third of the epochs at a twentieth of the rate.
    tuning = replace(recipe, epochs=6, rate=0.02, warmup=0.0, smoothing=0.0)
    return replace(
        short,
        name="full-width",
        ratio=Fraction(1),
        recipe=recipe,
        teacher=resnet18(32),  # half as wide as the paper's, which takes four times as long
        teacher_recipe=recipe,
        tuning=replace(tuning, distillation=SNL_KD),
        senet_tuning=replace(tuning, distillation=SENET_KD, pram=SENET_PRAM),
        heaviest=200_000_000,  # an hour or two of a core: HRN-2x5x3x(m=16) has 178 million
        by_stage=None,
        chosen_networks=(resnet18(12),),  # that of the trials, and none of the paper's
    )


def _paper() -> Profile:
    """The paper's recipe (Appendix J), and SNL's and SENet's by their authors."""
    return Profile(
        name="paper",
        data=None,
        ratio=Fraction(1),
        recipe=Recipe(),
        teacher=resnet18(),
        teacher_recipe=Recipe(),
        # Of SNL's and SENet's authors.
        tuning=Recipe(epochs=100, rate=1e-3, distillation=SNL_KD),
        senet_tuning=Recipe(epochs=240, rate=0.01, distillation=SENET_KD, pram=SENET_PRAM),
        snl=SNL(0),
        senet=SENet(0),
    )


PROFILES = {each.name: each for each in (_smoke(), _quick(), _short(), _full_width(), _paper())}
EVIDENCE = ("short", "full-width", "paper")
"""Profiles on the paper's data, from the smallest scale on."""


def profile(name: str) -> Profile:
    """The profile of that name; ValueError for an unknown one."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; known are {', '.join(PROFILES)}")
    return PROFILES[name]
