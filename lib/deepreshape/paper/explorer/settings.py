"""What a reader of the explorer sets, and the network and commands that it comes to.

Settings travel as an address does: names and texts, without those that are as they begin.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import permutations
from shlex import quote
from typing import Any

from deepreshape.design import DesignError, Network, cull, parse, reuse, thin
from deepreshape.design.architectures import CIFAR_DEPTHS, CONVNEXT, REGNET_X, basic
from deepreshape.design.network import of_architecture
from deepreshape.ranges import whole_numbers

HYBRENET = "HybReNet"
FAMILIES: Mapping[str, int | None] = {
    HYBRENET: 16,
    "ResNet18": 64,
    "ResNet34": 64,
    **{f"ResNet{depth}": 16 for depth in CIFAR_DEPTHS},
    "WRN22x8": 16,
    "WRN16x8": 16,
    "VGG16": 64,
    "MobileNetV1": 32,
    "MobileNetV2": 32,
    **{f"ConvNeXt-{variant}": m for variant, (m, _) in CONVNEXT.items()},
    **{f"RegNetX-{flops}": None for flops in REGNET_X},
}
"""The families to choose from, each with its usual base channels m, None where it has no other."""

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """m: base channels, None for the family's. alpha, beta, gamma, phi1, ...: of a HybReNet alone.
    cull, thin: stages. reuse: the factor N of ReLU-reuse, 1 for none. order: the stages from the
    most to the least critical. Where to begin: the paper's HRN-5x5x3x."""

    family: str = HYBRENET
    m: int | None = None
    alpha: int = 5
    beta: int = 5
    gamma: int = 3
    phi1: int = 2
    phi2: int = 2
    phi3: int = 2
    phi4: int = 2
    input: int = 32
    classes: int = 100
    cull: Numbers = ()
    thin: Numbers = ()
    reuse: int = 1
    order: Numbers = (3, 2, 4, 1)

    @property
    def depths(self) -> Numbers:
        return self.phi1, self.phi2, self.phi3, self.phi4

    @property
    def architecture(self) -> Network:
        """The network before its ReLUs are edited. Raises DesignError."""
        usual = FAMILIES[self.family]
        m = usual if self.m is None else self.m
        if self.family == HYBRENET and m is not None:
            stages = basic(m, (self.alpha, self.beta, self.gamma), self.depths)
            return of_architecture(stages, self.input, self.classes)
        name = self.family if usual is None else f"{self.family}(m={m})"
        return parse(name, self.input, self.classes)

    @property
    def network(self) -> Network:
        """What is set. Raises DesignError."""
        network = self.architecture
        if self.cull:
            network = cull(network, self.cull)
        if self.thin:
            network = thin(network, self.thin)
        return network if self.reuse == 1 else reuse(network, self.reuse)

    @property
    def commands(self) -> tuple[str, ...]:
        """What counts the network, and what models its seconds, in a terminal."""
        words = [quote(self.architecture.name)]
        words += [f"--input {self.input}"] if self.input != 32 else []
        words += [f"--classes {self.classes}"] if self.classes != 100 else []
        words += [f"--cull {_joined(self.cull)}"] if self.cull else []
        words += [f"--thin {_joined(self.thin)}"] if self.thin else []
        words += [f"--reuse {self.reuse}"] if self.reuse != 1 else []
        arguments = " ".join(words)
        return f"deepreshape count {arguments}", f"deepreshape latency {arguments}"


def _joined(numbers: Numbers) -> str:
    return ",".join(map(str, numbers))


# As texts


def _family(text: str) -> str:
    if text not in FAMILIES:
        raise ValueError(f"there is no family {text!r}; there are {', '.join(FAMILIES)}")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise ValueError(f"{text!r} is not a whole number")
    return int(text)


READERS: Mapping[str, Callable[[str], Any]] = {
    "family": _family,
    "cull": whole_numbers,
    "thin": whole_numbers,
    "order": whole_numbers,
}
"""How the text of a setting is read, for those that are not a number."""


def read(texts: Mapping[str, str]) -> Settings:
    """Settings of their names and texts; an empty text is how the setting begins. Raises
    DesignError for names that are none, and for texts that are not read."""
    known = {field.name for field in fields(Settings)}
    values = {}
    for name, text in texts.items():
        if name not in known:
            raise DesignError(f"there is no setting {name!r}")
        if text:
            try:
                values[name] = READERS.get(name, _number)(text)
            except ValueError as error:
                raise DesignError(f"{name}: {error}") from None
    found = Settings(**values)
    return replace(found, m=None) if found.m == FAMILIES[found.family] else found


def written(settings: Settings) -> dict[str, str]:
    """The names and texts of what is not as it begins; `read` gives the settings back."""
    found = {}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != field.default:
            found[field.name] = _joined(value) if isinstance(value, tuple) else str(value)
    return found


ORDERS = tuple(permutations(range(1, 5)))
"""The orders of four stages to choose from."""
