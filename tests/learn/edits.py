"""Every family, as it is and after every edit that it allows."""

from collections.abc import Callable

import pytest

from deepreshape.design import Network, cull, optimize, quadratic, reuse, thin
from deepreshape.design.architectures import Basic
from tests.families import FAMILIES

EDITS: dict[str, Callable[[Network], Network]] = {
    "as it is": lambda network: network,
    "culled": lambda network: cull(network, {1}),
    "stem culled": lambda network: cull(network, {0}),
    "thinned": lambda network: thin(network, {1, 2}),
    "optimized": optimize,
    "C1-T2-Q12": lambda network: quadratic(thin(cull(network, {1}), {2})),
}
REUSES: dict[str, Callable[[Network], Network]] = {
    "Re4": lambda network: reuse(network, 4),
    "Re4c": lambda network: reuse(network, 4, "chained"),
    "Re4s": lambda network: reuse(network, 4, "apart"),
    "C0-Re4": lambda network: reuse(cull(network, {0}), 4),
    "Re8 after all": lambda network: reuse(optimize(network), 8),
    "T2-Q2-Re4": lambda network: reuse(quadratic(thin(network, {2})), 4),
}
"""Of basic blocks."""
EVERYWHERE: dict[str, Callable[[Network], Network]] = {
    "ReAll4": lambda network: reuse(network, 4, everywhere=True),
    "ReAll4c": lambda network: reuse(network, 4, "chained", everywhere=True),
    "ReAll2s": lambda network: reuse(network, 2, "apart", everywhere=True),
    "T2-ReAll4": lambda network: reuse(thin(network, {2}), 4, everywhere=True),
}
"""Of a stem too."""


def allowed(network: Network) -> dict[str, Callable[[Network], Network]]:
    """The edits whose groups divide the widths of a network."""
    reused = REUSES if network.block == Basic() else {}
    everywhere = EVERYWHERE if reused and network.stem % 4 == 0 else {}
    return {**EDITS, **reused, **everywhere}


EDITED = [
    pytest.param(edit(network), id=f"{family} {name}")
    for family, network in FAMILIES.items()
    for name, edit in allowed(network).items()
]
