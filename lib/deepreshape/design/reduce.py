"""Edits that leave a network fewer ReLUs: each takes a Network and returns another."""

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from deepreshape.design.architectures import DesignError, Inverted, Plain
from deepreshape.design.cost import cost
from deepreshape.design.network import Network


def cull(network: Network, stages: Iterable[int]) -> Network:
    """Without any ReLU in these stages (ReLU Culling). Stage 1 takes the stem's along, and the last
    stage the head's. Raises DesignError where there is no such stage."""
    culled = frozenset(stages)
    network.require_stages(culled)
    plan = network.relus
    return replace(network, relus=replace(plan, culled=plan.culled | culled))


def thin(network: Network, stages: Iterable[int]) -> Network:
    """With every second ReLU in these stages, counted from the last (ReLU Thinning): one of the two
    of a basic block. Stage 1 loses the stem's too, and the last stage the head's.

    Raises DesignError where there is no such stage.
    """
    thinned = frozenset(stages)
    network.require_stages(thinned)
    plan = network.relus
    return replace(network, relus=replace(plan, thinned=plan.thinned | thinned))


def scale(network: Network, factor: Fraction | float | str) -> Network:
    """With every width multiplied by `factor` (channel scaling); RegNet-X's groups keep theirs.

    Raises DesignError where a width would not stay whole.
    """
    ratio = _ratio(factor)

    def scaled(what: str, width: int) -> int:
        result = width * ratio
        if result.denominator != 1:
            raise DesignError(f"scaling by {ratio} does not keep {what} whole: {width} channels")
        return int(result)

    stages = tuple(
        replace(stage, width=scaled(f"stage {number}", stage.width))
        for number, stage in enumerate(network.stages, start=1)
    )
    block = network.block
    match block:
        case Plain(hidden=hidden):
            block = Plain(tuple(scaled("a hidden layer", width) for width in hidden))
        case Inverted(features=features):
            block = replace(block, features=scaled("the features", features))
    return replace(network, stem=scaled("the stem", network.stem), stages=stages, block=block)


def reuse(network: Network, factor: int) -> Network:
    """With ReLU-reuse by `factor` >= 2 in every block that keeps its last ReLU (section 4.2)."""
    if factor < 2:
        raise DesignError(f"a ReLU-reuse factor must be at least 2, not {factor}")
    return replace(network, relus=replace(network.relus, reuse=factor))


def optimize(network: Network, culled: Iterable[int] = (1,)) -> Network:
    """Algorithm 2's first steps: cull `culled`, thin every other stage.

    Whether the least critical stage is culled is a setting, not a rule: the paper culls stage 1 of
    ResNet34-based HRNs too, where it does not dominate.
    """
    return thin(cull(network, culled), range(1, len(network.stages) + 1))


def algorithm2(network: Network, culled: Iterable[int] = (1,)) -> dict[str, Network]:
    """The networks that Algorithm 2 returns, by its names for them: `Net` without the ReLUs of
    `culled`, `Thinned` with the other stages thinned, `ScaleCh 0.5` with half of that one's
    channels, and `ReLU-reuse 4`, `8` and `16`, of the thinned one too and not of the scaled.

    culled: a setting, as in `optimize`; line 1 of Algorithm 2 culls the least critical stage where
    it `dominates`. Raises DesignError where the widths do not split as an edit needs them to.
    """
    net = cull(network, culled)
    thinned = optimize(net, ())
    edited = {"Net": net, "Thinned": thinned, "ScaleCh 0.5": scale(thinned, "0.5")}
    for factor in (4, 8, 16):
        edited[f"ReLU-reuse {factor}"] = reuse(thinned, factor)
    return edited


def dominates(network: Network, stage: int) -> bool:
    """Does a stage have more ReLUs than any other (line 1 of Algorithm 2)? The stem counts with
    stage 1 and the head with the last stage. Raises DesignError where there is no such stage."""
    network.require_stages([stage])
    shares = list(cost(network).stage_relus)
    share = shares.pop(stage - 1)
    return share > max(shares, default=0)


def _ratio(factor: Fraction | float | str) -> Fraction:
    text = str(factor)
    written = r"-?(\d{1,20}/0*[1-9]\d{0,19}|\d{0,20}\.?\d{1,20}(e-?\d{1,2})?)"
    if not re.fullmatch(written, text, re.ASCII):
        raise DesignError(f"{factor!r} is not a scaling factor such as 0.5 or 1/2")
    ratio = Fraction(text)
    if ratio <= 0:
        raise DesignError(f"a scaling factor must be positive, not {factor}")
    return ratio
