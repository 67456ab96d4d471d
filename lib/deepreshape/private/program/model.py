"""A private model on disk: the program, the integer weights, and where they come from.

The format is safetensors, so nothing in a file is executed when it is read.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from deepreshape.files import replacing
from deepreshape.places import DATA
from deepreshape.private.program import public
from deepreshape.private.program.steps import Linear, LinearWeights, Program, Weights
from deepreshape.private.rings import Ring

SHIPPED = ("digits", "cifar100")
"""Trained models that come with the library."""
FORMAT = "deepreshape private model 3"
OLDER = ("deepreshape private model 1", "deepreshape private model 2")
"""Formats whose programs do not say how many bits each step needs."""
Fact = str | int | float | None


class BadModel(ValueError):
    """A file that is no private model, or was cut or changed; the message names it."""


class Absurd(ValueError):
    """Weights that are no fixed-point numbers of a ring; the message names the step."""


@dataclass(frozen=True, eq=False, slots=True)
class Model:
    """A program with its weights. about: facts such as the network's name and its accuracy."""

    program: Program
    weights: Weights
    about: Mapping[str, Fact]


def write(path: Path, model: Model) -> None:
    """Write a model whole, or leave what was there. Raises OSError."""
    tensors = {}
    for name, mine in model.weights.items():
        tensors[f"{name}.weight"] = _narrow(mine.weights)
        tensors[f"{name}.bias"] = _narrow(mine.bias)
    header = {
        "format": FORMAT,
        "program": public.dump(model.program).decode(),
        "about": json.dumps(dict(model.about)),
    }
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, {**header, "sha256": _digest(tensors, header)}))


def read(path: Path) -> Model:
    """The model of a file, or of a name in `SHIPPED`. Raises BadModel, or FileNotFoundError."""
    if not path.exists() and str(path) in SHIPPED:
        path = DATA / "models" / f"{path}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there, or no file")
    try:
        with safe_open(path, framework="np") as file:
            header = dict(file.metadata() or {})
            if header.get("format") in OLDER:
                raise BadModel(f"{path} is of an older format: pack its run again")
            if header.get("format") != FORMAT:
                raise BadModel(f"{path} is no private model (make one with `deepreshape pack`)")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        expected = header.pop("sha256")
        if _digest(tensors, header) != expected:
            raise BadModel(f"{path} does not have the SHA-256 that it names")
        program = public.parse(header["program"].encode())
        about = json.loads(header["about"])
        if not isinstance(about, dict):
            raise ValueError
        return Model(program, _weights(program, tensors), about)
    except BadModel:
        raise
    except (public.BadProgram, Absurd) as error:
        raise BadModel(f"{path} is no private model: {error}") from None
    except (SafetensorError, LookupError, OSError, ValueError, TypeError, AttributeError) as error:
        raise BadModel(f"{path} is no private model ({type(error).__name__})") from None


def _weights(program: Program, tensors: Mapping[str, npt.NDArray[np.generic]]) -> Weights:
    """Each linear step's own. Raises KeyError or ValueError."""
    found = {}
    for step in program.steps:
        if isinstance(step.op, Linear):
            layer = step.op.layer
            weights, bias = (tensors[f"{step.name}.{part}"] for part in ("weight", "bias"))
            if weights.shape != layer.weight_shape or bias.shape != (layer.outputs,):
                raise ValueError
            for array in (weights, bias):
                _check(step.name, array, program.ring)
            found[step.name] = LinearWeights(weights.astype(np.int64), bias.astype(np.int64))
    return found


def _check(name: str, numbers: npt.NDArray[np.generic], ring: Ring) -> None:
    """Refuse what `pack` never writes. Raises Absurd."""
    if not np.issubdtype(numbers.dtype, np.signedinteger):
        raise Absurd(f"the weights of {name} are {numbers.dtype}, not integers")
    if numbers.size and max(-int(numbers.min()), int(numbers.max())) > ring.modulus // 2:
        raise Absurd(f"the weights of {name} are beyond its ring")


def _narrow(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.signedinteger]:
    """Integers in the fewest bytes that hold them."""
    kinds = (np.int8, np.int16, np.int32, np.int64)
    largest = int(np.abs(numbers).max(initial=0))
    return numbers.astype(next(kind for kind in kinds if largest <= np.iinfo(kind).max))


def _digest(tensors: Mapping[str, npt.NDArray[np.generic]], header: Mapping[str, str]) -> str:
    total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        total.update(f"{name} {array.dtype} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
