"""How critical the ReLUs of each stage are to accuracy: the metric C_k of DeepReDuce.

Jha et al. (2021) train a network with the ReLUs of one stage alone, stage by stage, and weigh the
accuracy that each gives against how many ReLUs it takes. Tables 10 and 11 print the outcome.
"""

from collections.abc import Sequence
from math import isfinite
from typing import overload

from deepreshape.design.architectures import DesignError
from deepreshape.design.graph import AnyNetwork
from deepreshape.design.network import Network
from deepreshape.design.reduce import cull

EXPONENT = 0.07
"""The weight of the ReLU count next to that of accuracy (Jha et al. 2021)."""


@overload
def alone(network: Network, stage: int) -> Network: ...
@overload
def alone(network: AnyNetwork, stage: int) -> AnyNetwork: ...


def alone(network: AnyNetwork, stage: int) -> AnyNetwork:
    """With ReLUs in one stage alone; stage 1 has the stem's, and the last the head's.

    Raises DesignError where there is no such stage.

    >>> from deepreshape.design import resnet18
    >>> alone(resnet18(m=16), 3).name
    'ResNet18(m=16)-C124'
    """
    if stage not in range(1, len(network.stages) + 1):
        stages = len(network.stages)
        raise DesignError(f"there is no stage {stage}: {network.name} has stages 1 to {stages}")
    return cull(network, {*range(1, len(network.stages) + 1)} - {stage})


def criticality(relus: Sequence[int], accuracies: Sequence[float]) -> tuple[float, ...]:
    """C_k = (Acc_k - min_j Acc_j) / (N_k / 1000)^0.07 of each stage, in percentage points.

    relus: N_k, the ReLUs of each stage, stage 1 with the stem (`Cost.stage_relus`). accuracies:
    Acc_k in percent, with knowledge distillation, of the network with the ReLUs of stage k alone.
    Raises DesignError.
    """
    if len(relus) != len(accuracies):
        raise DesignError(
            f"{len(relus)} stages have a ReLU count, but {len(accuracies)} an accuracy"
        )
    if not relus:
        raise DesignError("criticality needs at least one stage")
    for number, (count, accuracy) in enumerate(zip(relus, accuracies, strict=True), start=1):
        if count < 1:
            raise DesignError(f"the ReLU count of stage {number} must be positive, not {count}")
        if not 0 <= accuracy <= 100:  # nor is any of this true of NaN
            raise DesignError(
                f"the accuracy of stage {number} is in percent, from 0 to 100, not {accuracy}"
            )
    lowest = min(accuracies)
    return tuple(
        (accuracy - lowest) / (count / 1000) ** EXPONENT
        for count, accuracy in zip(relus, accuracies, strict=True)
    )


def order(values: Sequence[float]) -> tuple[int, ...]:
    """The stages 1, 2, ... from the most to the least critical; of equal ones the earlier first.

    values: the criticality of each stage. Raises DesignError where one is not a finite number.

    >>> order((0.0, 7.6, 4.2))
    (2, 3, 1)
    """
    if not values:
        raise DesignError("an order needs at least one stage")
    for number, value in enumerate(values, start=1):
        if not isfinite(value):
            raise DesignError(f"the criticality of stage {number} must be finite, not {value}")
    return tuple(sorted(range(1, len(values) + 1), key=lambda stage: -values[stage - 1]))
