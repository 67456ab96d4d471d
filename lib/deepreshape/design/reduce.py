"""Edits that leave a network fewer ReLUs: each takes a Network and returns another."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from typing import overload

from deepreshape.design.architectures import DesignError, Inverted, Plain
from deepreshape.design.cost import cost
from deepreshape.design.graph import AnyNetwork, Graph, Place, cull_graph, thin_graph
from deepreshape.design.network import Network
from deepreshape.design.relu_plan import STEM
from deepreshape.design.reuse_module import Divisions

HALF = Fraction(1, 2)


@overload
def cull(network: Network, stages: Iterable[int]) -> Network: ...
@overload
def cull(network: Graph, stages: Iterable[Place]) -> Graph: ...
@overload
def cull(network: AnyNetwork, stages: Iterable[Place]) -> AnyNetwork: ...


def cull(network: AnyNetwork, stages: Iterable[Place]) -> AnyNetwork:
    """Without any ReLU in these stages (ReLU Culling). Stage 1 takes the stem's along, and the last
    stage the head's; 0 is the stem alone. Of a `Graph` also at names like these patterns. Raises
    DesignError where there is no such stage, or no such name.

    >>> from deepreshape.design import resnet18
    >>> cull(resnet18(m=16), [1]).name
    'ResNet18(m=16)-C1'
    """
    if isinstance(network, Graph):
        return cull_graph(network, stages)
    chosen = _numbers(network, stages)
    network.require_stages(chosen - {STEM})
    plan = network.relus
    return replace(network, relus=replace(plan, culled=plan.culled | chosen))


@overload
def thin(network: Network, stages: Iterable[int]) -> Network: ...
@overload
def thin(network: Graph, stages: Iterable[Place]) -> Graph: ...
@overload
def thin(network: AnyNetwork, stages: Iterable[Place]) -> AnyNetwork: ...


def thin(network: AnyNetwork, stages: Iterable[Place]) -> AnyNetwork:
    """With every second ReLU in these stages, counted from the last (ReLU Thinning): one of the two
    of a basic block. Stage 1 loses the stem's too, and the last stage the head's. Of a `Graph` also
    at names like these patterns.

    Raises DesignError where there is no such stage, or no such name.

    >>> from deepreshape.design import resnet18
    >>> thin(resnet18(m=16), [2, 3]).name
    'ResNet18(m=16)-T23'
    """
    if isinstance(network, Graph):
        return thin_graph(network, stages)
    chosen = _numbers(network, stages)
    network.require_stages(chosen)
    plan = network.relus
    return replace(network, relus=replace(plan, thinned=plan.thinned | chosen))


def _numbers(network: Network, stages: Iterable[Place]) -> frozenset[int]:
    """Stages by their numbers. Raises DesignError for a pattern of names."""
    chosen = frozenset(stages)
    for place in chosen:
        if isinstance(place, str):
            raise DesignError(
                f"the ReLUs of {network.name} are named by their stage, not like {place!r}"
            )
    return frozenset(place for place in chosen if isinstance(place, int))


def quadratic(network: Network, stages: Iterable[int] | None = None) -> Network:
    """With a learned a x^2 + b x + c in the place of every ReLU that was removed in these stages,
    by default in all that lost any (after AutoReP, Peng et al. 2023, which does so by pixel).

    Raises DesignError where a stage keeps all its ReLUs.
    """
    plan = network.relus
    chosen = plan.culled | plan.thinned if stages is None else frozenset(stages)
    return replace(network, relus=replace(plan, quadratic=plan.quadratic | chosen))


def scale(network: Network, factor: Fraction | float | str) -> Network:
    """With every width multiplied by `factor` (channel scaling); RegNet-X's groups keep theirs.

    Raises DesignError where a width would not stay whole.

    >>> from deepreshape.design import resnet18
    >>> scale(resnet18(m=16), "0.5").name
    'ResNet18(m=8)'
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


def with_alpha(network: Network, alpha: int = 2) -> Network:
    """With stage 2 `alpha` times as wide as stage 1, and the later factors as they were: step 2 of
    section 4.3, HRN-5x5x3x -> HRN-2x5x3x. Raises DesignError where a width would not stay whole."""
    if len(network.stages) < 2:
        raise DesignError(f"{network.name} has no stage 2, so no alpha")
    if alpha < 1:
        raise DesignError(f"alpha must be at least 1, not {alpha}")
    first, second, *_ = network.widths
    stages = list(network.stages[:1])
    for number, stage in enumerate(network.stages[1:], start=2):
        width, rest = divmod(stage.width * first * alpha, second)
        if rest:
            raise DesignError(
                f"alpha = {alpha} does not keep stage {number} of {network.name} whole:"
                f" {stage.width} channels times {Fraction(first * alpha, second)}"
            )
        stages.append(replace(stage, width=width))
    return replace(network, stages=tuple(stages))


def shrink(network: Network, factor: Fraction | float | str = HALF) -> Network:
    """With an input, and so maps, of `factor` times the height and width (feature-map scaling).

    Raises DesignError where a map would not stay whole.
    """
    ratio = _ratio(factor)
    size = network.resolution * ratio
    if size.denominator != 1:
        raise DesignError(
            f"scaling by {ratio} does not keep the input whole: {network.resolution} pixels"
        )
    return replace(network, resolution=int(size))


def reuse(
    network: Network, factor: int, divisions: Divisions = "three", everywhere: bool = False
) -> Network:
    """With ReLU-reuse by `factor` >= 2 in every block that keeps its last ReLU (section 4.2).

    divisions: how a module divides its channels: into `three` groups, as proposed, or into `factor`
    ones, `chained` or `apart` (Table 9). everywhere: modules also replace the stem and the first
    convolution of a block, where these keep their ReLU, and divide every count (Appendix I).
    Raises DesignError where the channels do not divide.

    >>> from deepreshape.design import resnet18
    >>> reuse(resnet18(m=16), 4).name
    'ResNet18(m=16)-Re4'
    """
    if factor < 2:
        raise DesignError(f"a ReLU-reuse factor must be at least 2, not {factor}")
    plan = replace(network.relus, reuse=factor, divisions=divisions, everywhere=everywhere)
    return replace(network, relus=plan)


def without_reuse(network: AnyNetwork) -> AnyNetwork:
    """With plain convolutions in the place of ReLU-reuse modules."""
    if isinstance(network, Graph):
        return network
    return replace(network, relus=replace(network.relus, reuse=1))


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


def deepreduce(network: Network, order: Iterable[int]) -> dict[str, Network]:
    """The candidates of DeepReDuce (Jha et al. 2021) by name, iteration by iteration.

    order: all stages from the least to the most critical, the reverse of `criticality.order`.
    Iteration k culls the first k of them (`culled S1+S4`; `all` for k = 0, which culls none), thins
    the others too (`culled S1+S4, thinned`), and then either halves the channels (`culled S1+S4,
    thinned, channels 0.5`) or the height and width of the maps (`..., resolution 0.5`). Where a
    width or a map does not halve, that candidate is left out.

    D stages that are not in their criticality order take k = 1, ..., D - 1; HybReNets take only one
    iteration, that of `algorithm2` (section 4.3). Raises DesignError where `order` does not hold
    every stage once.
    """
    ranked = tuple(order)
    stages = range(1, len(network.stages) + 1)
    if sorted(ranked) != list(stages):
        raise DesignError(
            f"an order of criticality holds each of the stages 1 to {len(stages)} once, unlike"
            f" {', '.join(map(str, ranked)) or 'an empty one'}"
        )
    candidates: dict[str, Network] = {}
    for k in range(len(ranked)):
        culled = cull(network, ranked[:k])
        thinned = optimize(culled, ())
        what = "culled " + "+".join(f"S{stage}" for stage in sorted(ranked[:k]))
        candidates[what if k else "all"] = culled
        what = f"{what}, thinned" if k else "thinned"
        candidates[what] = thinned
        with suppress(DesignError):
            candidates[f"{what}, channels 0.5"] = scale(thinned, HALF)
        with suppress(DesignError):
            candidates[f"{what}, resolution 0.5"] = shrink(thinned, HALF)
    return candidates


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
