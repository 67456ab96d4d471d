"""A private program in the clear: what the two parties must arrive at, to the last bit."""

import numpy as np
import numpy.typing as npt

from deepreshape.private.homomorphic.layers import clear
from deepreshape.private.program.steps import (
    Linear,
    Nonlinear,
    Program,
    Step,
    Weights,
    rounding,
    shifted,
    walk,
)
from deepreshape.private.rings import Integers, Words


def logits(program: Program, weights: Weights, pixels: npt.NDArray[np.uint8]) -> Integers:
    """The logits (classes,) of an image (height, width, 3), in units of `program.logit`.

    Numbers wrap around the ring as shares do.
    """
    ring = program.ring

    def linear(step: Step, op: Linear, values: Words) -> Words:
        mine = weights[step.name]
        found = clear(op.layer, mine.weights, values, ring)
        return ring.add(found, ring.residues(mine.bias).reshape(-1, 1, 1))

    def nonlinear(step: Step, op: Nonlinear, values: Words) -> Words:
        lifted = ring.add(values, np.full_like(values, rounding(op.shift)))
        return ring.residues(shifted(op, ring.signed(lifted)))

    image = ring.residues(program.quantised(pixels))
    return ring.signed(walk(program, image, linear, nonlinear))
