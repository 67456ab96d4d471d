"""Names that a package has without importing what defines them, until they are asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from deepreshape.extras import needing


def lazily(package: str, places: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A `__getattr__` for a package.

    places: of each name the module that has it, or that it is, and the extras that it needs.
    """

    def found(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        place, *extras = places[name]
        with needing(f"{package}.{name}", *extras):
            module = import_module(place)
        return module if place == f"{package}.{name}" else getattr(module, name)

    return found
