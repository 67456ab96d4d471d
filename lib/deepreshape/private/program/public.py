"""The public part of a program as text: what is sent in the clear.

What comes from the other party is checked: sizes before memory is set aside, names, shapes and
shifts against what each step makes of its inputs.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from math import isfinite, prod
from typing import Any

import numpy as np

from deepreshape.design.ops import IMAGE, Flatten, Shape, Slice
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program.steps import (
    Join,
    Linear,
    Nonlinear,
    Program,
    Square,
    Step,
    StepOp,
    Sum,
    SumPool,
    Top,
)
from deepreshape.private.rings import Ring

MOST = 1 << 23
"""Bytes of a program as text."""
STEPS, ELEMENTS, CHANNELS = 10_000, 1 << 25, 1 << 16
"""The most steps of a program, elements of all its tensors, and channels of one."""
CLASSES = 1000
"""The most numbers of which a top is found."""
NAME = 60
"""The most characters of a class's name."""
WEIGHTS = 1 << 28
"""The most weights of all linear steps: what it takes to plan them grows with their number."""


class BadProgram(ValueError):
    """Text that is no program; the message says what and where."""


def dump(program: Program) -> bytes:
    """A program as JSON."""
    fields = {
        "modulus": program.ring.modulus,
        "image": program.image,
        "mean": program.mean,
        "std": program.std,
        "unit": program.unit,
        "logit": program.logit,
        "bounded": program.bounded,
        "exact": program.exact,
        "classes": program.classes,
        "steps": [
            {"name": step.name, "inputs": step.inputs, **_described(step.op)}
            for step in program.steps
        ],
    }
    return json.dumps(fields).encode()


def parse(text: bytes) -> Program:
    """The program of a text of `dump`. Raises BadProgram."""
    try:
        fields = json.loads(text)
        ring = Ring(_integer(fields["modulus"], 3, 1 << 60))
        image = _shape(fields["image"])
        steps = _steps(fields["steps"], ring, image)
        mean, std = (tuple(_number(x) for x in fields[key]) for key in ("mean", "std"))
        if len(mean) != image[0] or len(std) != image[0] or min(std) <= 0:
            raise BadProgram("the program's normalisation is not one of its channels")
        unit, logit = _positive(fields["unit"]), _positive(fields["logit"])
        bounded, exact = fields["bounded"], fields["exact"]
        if type(bounded) is not bool or type(exact) is not bool:
            raise BadProgram("the program does not say whether its numbers are bounded, or exact")
        _sensible(ring, mean, std, unit, logit)
        found = Program(ring, image, mean, std, unit, steps, logit, bounded, exact)
        return replace(found, classes=_names(fields["classes"], found.answers))
    except BadProgram:
        raise
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError) as error:
        raise BadProgram(f"the program is malformed ({type(error).__name__})") from None


def _names(value: Any, logits: int) -> tuple[str, ...]:
    """Names of classes, which are shown as they are."""
    if not isinstance(value, list) or len(value) not in (0, logits):
        raise BadProgram("the program names other classes than it has logits")
    if not all(isinstance(name, str) and name.isprintable() for name in value):
        raise BadProgram("the program's classes have no names that can be shown")
    if max(map(len, value), default=0) > NAME:
        raise BadProgram(f"the name of a class has more than {NAME} characters")
    return tuple(value)


def _sensible(
    ring: Ring, mean: tuple[float, ...], std: tuple[float, ...], unit: float, logit: float
) -> None:
    """Refuse units in which pixels are no numbers of the ring, or logits none at all."""
    ends = ((pixel - m) / s / unit for m, s in zip(mean, std, strict=True) for pixel in (0, 255))
    if not all(abs(end) < ring.modulus / 2 for end in ends):
        raise BadProgram("the program's normalisation and unit bring pixels out of its ring")
    if not isfinite(logit * ring.modulus):
        raise BadProgram("the program's logits are no finite numbers")


def _described(op: StepOp) -> dict[str, Any]:
    match op:
        case Linear(layer):
            sizes = [layer.outputs, layer.kernel, layer.stride, layer.groups]
            return {"op": "linear", "sizes": sizes}
        case Nonlinear(relus, shift, bits, top, exact):
            kept: Any = relus
            if not isinstance(relus, bool):
                kept = base64.b64encode(np.packbits(relus.reshape(-1)).tobytes()).decode()
            numbers = {"shift": shift, "bits": bits, "top": top, "exact": exact}
            return {"op": "nonlinear", "relus": kept, **numbers}
        case Top(bits):
            return {"op": "top", "bits": bits}
        case Square():
            return {"op": "square"}
        case Sum(lifts):
            return {"op": "sum", "lifts": lifts}
        case Join(lifts):
            return {"op": "join", "lifts": lifts}
        case Slice(start, stop):
            return {"op": "slice", "start": start, "stop": stop}
        case Flatten():
            return {"op": "flatten"}
        case SumPool(size):
            return {"op": "pool", "size": size}


def _steps(listed: Any, ring: Ring, image: Shape) -> tuple[Step, ...]:
    if not isinstance(listed, list) or not 1 <= len(listed) <= STEPS:
        raise BadProgram(f"a program has between 1 and {STEPS:,} steps")
    shapes = {IMAGE: image}
    steps, total, weights = [], prod(image), 0
    for number, fields in enumerate(listed, start=1):
        if not isinstance(fields, dict):
            raise BadProgram(f"step {number} is no operation on what it reads")
        name, inputs = fields.get("name"), fields.get("inputs")
        if not isinstance(name, str) or not 1 <= len(name) <= 200 or name in shapes:
            raise BadProgram(f"step {number} has no name of its own")
        if not isinstance(inputs, list) or not 1 <= len(inputs) <= CHANNELS:
            raise BadProgram(f"step {number} reads nothing, or too much")
        if not all(isinstance(of, str) and of in shapes for of in inputs):
            raise BadProgram(f"step {number} reads what was not computed before it")
        try:
            op, shape = _op(fields, [shapes[of] for of in inputs], ring)
        except (ValueError, LookupError, TypeError):
            raise BadProgram(f"step {number} is no operation on what it reads") from None
        total += prod(shape)
        if total > ELEMENTS:
            raise BadProgram(f"the program's tensors have more than {ELEMENTS:,} elements")
        weights += prod(op.layer.weight_shape) if isinstance(op, Linear) else 0
        if weights > WEIGHTS:
            raise BadProgram(f"the program's layers have more than {WEIGHTS:,} weights")
        shapes[name] = shape
        steps.append(Step(name, op, tuple(inputs), shape))
    return tuple(steps)


def _op(fields: Mapping[str, Any], inputs: list[Shape], ring: Ring) -> tuple[StepOp, Shape]:
    """A step's operation and its output shape. Raises ValueError, KeyError or TypeError."""
    channels, side, _ = inputs[0]
    kind = fields["op"]
    if kind not in ("sum", "join") and len(inputs) != 1:
        raise ValueError
    if kind == "linear":
        sizes = [_integer(size, 1, CHANNELS) for size in fields["sizes"]]
        outputs, kernel, stride, groups = sizes
        if kernel > 2 * side + 1 or stride > side:
            raise ValueError
        layer = Convolution(channels, outputs, side, kernel, stride, groups)
        return Linear(layer), (outputs, layer.output_side, layer.output_side)
    if kind == "nonlinear":
        return _nonlinear(fields, inputs[0], ring), inputs[0]
    if kind == "square":
        return Square(), inputs[0]
    if kind == "top":
        if not ring.binary or not 2 <= prod(inputs[0]) <= CLASSES:
            raise ValueError
        return Top(_integer(fields["bits"], 2, ring.bits)), (1, 1, 1)
    if kind == "slice":
        start = _integer(fields["start"], 0, channels - 1)
        stop = _integer(fields["stop"], start + 1, channels)
        return Slice(start, stop), (stop - start, side, side)
    if kind == "flatten":
        return Flatten(), (prod(inputs[0]), 1, 1)
    if kind == "pool":
        size = _integer(fields["size"], 1, side)
        return SumPool(size), (channels, side // size, side // size)
    lifts = tuple(_integer(lift, 0, ring.bits - 1) for lift in fields["lifts"])
    if len(lifts) != len(inputs):
        raise ValueError
    if kind == "sum" and len(set(inputs)) == 1:
        return Sum(lifts), inputs[0]
    if kind == "join" and len({shape[1] for shape in inputs}) == 1:
        return Join(lifts), (sum(shape[0] for shape in inputs), side, side)
    raise ValueError


def _nonlinear(fields: Mapping[str, Any], shape: Shape, ring: Ring) -> Nonlinear:
    top, exact, relus = fields["top"], fields["exact"], fields["relus"]
    if type(exact) is not bool:
        raise ValueError
    # The shares of what is cut and has no ReLU need a bit whose value is known.
    bits = _integer(fields["bits"], 2, ring.bits if exact else ring.bits - 1)
    shift = _integer(fields["shift"], 0, bits - 2)
    if top is not None:
        top = _integer(top, 0, ring.bits - 2)
    if isinstance(relus, bool):
        return Nonlinear(relus, shift, bits, top, exact)
    packed = np.frombuffer(base64.b64decode(relus, validate=True), np.uint8)
    if packed.size != -(-prod(shape) // 8):
        raise ValueError
    return Nonlinear(
        np.unpackbits(packed, count=prod(shape)).astype(np.bool_).reshape(shape),
        shift,
        bits,
        top,
        exact,
    )


def _shape(value: Any) -> Shape:
    channels, height, width = (_integer(size, 1, CHANNELS) for size in value)
    if height != width or channels * height * width > ELEMENTS:
        raise BadProgram("the program's images are not square, or too large")
    return channels, height, width


def _integer(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not isfinite(value):
        raise ValueError
    return float(value)


def _positive(value: Any) -> float:
    if not _number(value) > 0:
        raise ValueError
    return float(value)
