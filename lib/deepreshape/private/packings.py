"""The register of packings: how linear layers are computed on ciphertexts, by name.

What has to do with all of them (options, handshakes, measurements, fixed point) asks this register.
To add a packing, write a module of `homomorphic` with a `Packing` of its own, and a row here.
SEAL takes a moment to load, so a row imports its packing only when that is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepreshape.private.homomorphic.layers import Packing
    from deepreshape.private.rings import Ring


@dataclass(frozen=True, slots=True)
class Registered:
    """title: as help and tables write it. load: gives the packing."""

    title: str
    load: "Callable[[], Packing]"


def _slots() -> "Packing":
    from deepreshape.private.homomorphic.slots import SLOTS

    return SLOTS


def _coefficients() -> "Packing":
    from deepreshape.private.homomorphic.coefficients import COEFFICIENTS

    return COEFFICIENTS


PACKINGS = {
    "slots": Registered("Delphi's packing", _slots),
    "coefficients": Registered("rotation-free", _coefficients),
}
"""Delphi's with rotations (Mishra et al. 2020), and that of Cheetah (Huang et al. 2022)."""
TITLES = {name: row.title for name, row in PACKINGS.items()}
DEFAULT = "coefficients"


def packing(name: str) -> "Packing":
    """The packing of a name. Raises LookupError where there is none."""
    return PACKINGS[name].load()


def smallest_ring() -> "Ring":
    """The ring with the least room of those that the packings share numbers over: a program that
    fits it fits all."""
    return min((packing(name).ring for name in PACKINGS), key=lambda ring: ring.modulus)
