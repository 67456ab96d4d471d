"""What a server lets a client learn of an image: logits, rounded logits, or the first class alone.

The less is told, the longer it takes to copy a net by its answers.
"""

from dataclasses import replace
from math import floor, log2

from deepreshape.private.program.steps import Nonlinear, Program, Step, Top, most_shift

COARSE = 0.25
"""Rounded logits are multiples of the largest power of two times their unit that is at most so."""


def answering(program: Program, answer: str) -> Program:
    """A program that tells so much. Raises ValueError where the ring has no such step.

    Roundings are exact here, as one that varies from image to image would tell more.
    """
    last, ring = program.steps[-1], program.ring
    if answer == "logits":
        return program
    if answer == "rounded":
        shift = min(max(0, floor(log2(COARSE / program.logit))), most_shift(ring))
        op = Nonlinear(False, shift, ring.bits, exact=True)
        step = Step("answer", op, (last.name,), last.shape)
        return replace(program, steps=(*program.steps, step), logit=program.logit * 2.0**shift)
    if not ring.binary:
        raise ValueError("under Delphi's packing a server answers with logits alone")
    top = Step("answer", Top(ring.bits), (last.name,), (1, 1, 1))
    return replace(program, steps=(*program.steps, top), logit=1.0)
