"""Edits that leave a network fewer ReLUs: each takes a Network and returns another."""

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

from deepreshape.design.network import DesignError, Network, Stage


def cull(network: Network, stages: Iterable[int]) -> Network:
    """Without any ReLU in these stages (ReLU Culling); stage 1 takes the stem's along."""
    culled = frozenset(stages)
    network.require_stages(culled)
    plan = network.relus
    return replace(network, relus=replace(plan, culled=plan.culled | culled))


def thin(network: Network, stages: Iterable[int]) -> Network:
    """With one ReLU a block in these stages (ReLU Thinning); stage 1 loses the stem's too."""
    thinned = frozenset(stages)
    network.require_stages(thinned)
    plan = network.relus
    return replace(network, relus=replace(plan, thinned=plan.thinned | thinned))


def scale(network: Network, factor: Fraction | float | str) -> Network:
    """With every width multiplied by `factor` (channel scaling); raises DesignError where a width
    would not stay whole."""
    ratio = _ratio(factor)

    def scaled(what: str, width: int) -> int:
        result = width * ratio
        if result.denominator != 1:
            raise DesignError(f"scaling by {ratio} does not keep {what} whole: {width} channels")
        return int(result)

    stages = tuple(
        Stage(scaled(f"stage {number}", stage.width), stage.depth)
        for number, stage in enumerate(network.stages, start=1)
    )
    return replace(network, stem=scaled("the stem", network.stem), stages=stages)


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


def _ratio(factor: Fraction | float | str) -> Fraction:
    text = str(factor)
    written = r"-?(\d{1,20}/0*[1-9]\d{0,19}|\d{0,20}\.?\d{1,20}(e-?\d{1,2})?)"
    if not re.fullmatch(written, text, re.ASCII):
        raise DesignError(f"{factor!r} is not a scaling factor such as 0.5 or 1/2")
    ratio = Fraction(text)
    if ratio <= 0:
        raise DesignError(f"a scaling factor must be positive, not {factor}")
    return ratio
