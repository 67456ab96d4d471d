"""Names of architectures: written as the paper writes them, and read back.

Each family has a pattern, a function that reads a match of it, and one that writes an architecture
or answers None where it is not of the family. The last writes any architecture, in full.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from deepreshape.design import names_in_full
from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    DEPTHS,
    REGNET_X,
    Architecture,
    Basic,
    DesignError,
    Grouped,
    basic,
    convnext,
    mobilenet_v1,
    mobilenet_v2,
    regnet_x,
    vgg16,
    wide,
)
from deepreshape.design.names_in_full import NUMBER

Match = re.Match[str]

_M = rf"(?:\(m=(?P<m>{NUMBER})\))?"
_TWO = rf"{NUMBER}x{NUMBER}"
_FACTORS = rf"(?P<factors>{_TWO}x{NUMBER})x?"


@dataclass(frozen=True, slots=True)
class Family:
    """pattern: of the name in lower case without spaces."""

    pattern: re.Pattern[str]
    read: Callable[[Match], Architecture]
    write: Callable[[Architecture], str | None]


def write(architecture: Architecture) -> str:
    """The name of an architecture: `ResNet18(m=16)-4x4x4x`, `WRN22x8`, `Net(16; 16x2, 40x2)`."""
    return next(name for family in FAMILIES if (name := family.write(architecture)) is not None)


def read(text: str) -> tuple[Architecture, str] | None:
    """The architecture that a text begins with, and what stands behind its name: nothing, `-` or
    `@`. None where it is no family's name. Raises DesignError where it is one with wrong numbers.
    """
    for family in FAMILIES:
        if match := family.pattern.match(text):
            rest = text[match.end() :]
            if not rest or rest[0] in "-@":
                return family.read(match), rest
    return None


def _factors_of(match: Match) -> tuple[int, ...] | None:
    text = match["factors"]
    return tuple(int(factor) for factor in text.split("x")) if text else None


def _m_of(match: Match, default: int) -> int:
    return int(match["m"] or default)


def _base(m: int, default: int) -> str:
    return "" if m == default else f"(m={m})"


def _scaled(architecture: Architecture) -> tuple[int, ...] | None:
    """The factors between the widths of basic blocks that start from the stem's, if whole."""
    stem, _, block = architecture
    widths = architecture.widths
    plain = isinstance(block, Basic) and all(stage.stride is None for stage in architecture.stages)
    if not plain or widths[0] != stem or any(wide % narrow for narrow, wide in pairwise(widths)):
        return None
    return tuple(wide // narrow for narrow, wide in pairwise(widths))


def _written(factors: Iterable[int]) -> str:
    return "x".join(map(str, factors)) + "x"


# ResNet18, ResNet34 and the HybReNets made from them


def _read_resnet(match: Match, default: int) -> Architecture:
    factors = _factors_of(match) or (2, 2, 2)
    return basic(_m_of(match, default), factors, DEPTHS[match["depth"] or "18"])


def _write_resnet(architecture: Architecture) -> str | None:
    depth = _depth_of(architecture, DEPTHS)
    factors = _scaled(architecture)
    if depth is None or factors is None:
        return None
    if len(set(factors)) > 1:
        return f"{'' if depth == '18' else 'R34-'}HRN-{_written(factors)}(m={architecture.stem})"
    base = f"ResNet{depth}{_base(architecture.stem, 64)}"
    return base if factors[0] == 2 else f"{base}-{_written(factors)}"


def _depth_of(architecture: Architecture, known: Mapping[str, tuple[int, ...]]) -> str | None:
    return next((key for key, depths in known.items() if depths == architecture.depths), None)


# ResNet20, 32, 44, 56, 110: three stages


def _read_cifar_resnet(match: Match) -> Architecture:
    factors = _factors_of(match) or (2, 2)
    if len(factors) == 3 and factors[1] == factors[2]:
        factors = factors[:2]  # the paper writes three equal factors for three stages too
    if len(factors) == 3:
        raise DesignError(f"ResNet{match['depth']} has three stages, so two factors, as in -5x5x")
    return basic(_m_of(match, 16), factors, (CIFAR_DEPTHS[match["depth"]],) * 3)


def _write_cifar_resnet(architecture: Architecture) -> str | None:
    depth = _depth_of(architecture, {key: (n,) * 3 for key, n in CIFAR_DEPTHS.items()})
    factors = _scaled(architecture)
    if depth is None or factors is None:
        return None
    base = f"ResNet{depth}{_base(architecture.stem, 16)}"
    if factors == (2, 2):
        return base
    # Three equal factors, as the paper writes them (Figure 3b), though gamma has no stage.
    return f"{base}-{_written(factors if factors[0] != factors[1] else (*factors, factors[0]))}"


# ConvNeXt's widths and depths on basic blocks


def _read_convnext(match: Match) -> Architecture:
    variant = match["variant"].upper()
    return convnext(variant, int(match["m"]) if match["m"] else None)


def _write_convnext(architecture: Architecture) -> str | None:
    if _scaled(architecture) != (2, 2, 2):
        return None
    fitting = {name: m for name, (m, depths) in CONVNEXT.items() if depths == architecture.depths}
    for name, m in fitting.items():
        if m == architecture.stem:
            return f"ConvNeXt-{name}"
    return next((f"ConvNeXt-{name}(m={architecture.stem})" for name in fitting), None)


# Equalized by depth (Appendix D)


def _read_depths(match: Match) -> Architecture:
    depths = tuple(int(depth) for depth in match["depths"].split(","))
    return basic(_m_of(match, 16), (2,) * (len(depths) - 1), depths)


def _write_depths(architecture: Architecture) -> str | None:
    if _scaled(architecture) != (2, 2, 2):
        return None
    return f"HRN[{','.join(map(str, architecture.depths))}](m={architecture.stem})"


# WideResNet


def _read_wide(match: Match) -> Architecture:
    return wide(int(match["depth"]), int(match["k"]), _m_of(match, 16))


def _write_wide(architecture: Architecture) -> str | None:
    depth, k = 6 * architecture.stages[0].depth + 4, architecture.widths[0] // architecture.stem
    if architecture != wide(depth, k, architecture.stem):
        return None
    return f"WRN{depth}x{k}{_base(architecture.stem, 16)}"


# VGG16 and the MobileNets: one number, m


def _of_m(name: str, spelled: str, make: Callable[[int], Architecture], default: int) -> Family:
    def written(architecture: Architecture) -> str | None:
        m = architecture.stem
        same = (m % 4 == 0 or make is not mobilenet_v2) and architecture == make(m)
        return f"{name}{_base(m, default)}" if same else None

    return Family(re.compile(spelled + _M), lambda match: make(_m_of(match, default)), written)


# RegNet-X


def _read_regnet(match: Match) -> Architecture:
    megas = float(match["flops"]) * (1000 if match["unit"] == "g" else 1)
    for name in REGNET_X:
        if megas == float(name[:-2]) * (1000 if name.endswith("GF") else 1):
            return regnet_x(name)
    raise DesignError(
        f"there is no RegNetX-{match['flops']}{match['unit'].upper()}F;"
        f" there are {', '.join(REGNET_X)}"
    )


def _write_regnet(architecture: Architecture) -> str | None:
    if not isinstance(architecture.block, Grouped):
        return None
    return next((f"RegNetX-{name}" for name in REGNET_X if regnet_x(name) == architecture), None)


FAMILIES = (
    Family(
        re.compile(rf"(?:(?:(?:r|resnet)-?(?P<depth>18|34)-)?hrn-)?{_FACTORS}{_M}"),
        partial(_read_resnet, default=16),
        _write_resnet,
    ),
    Family(
        re.compile(rf"(?:r|resnet)-?(?P<depth>18|34){_M}(?:-{_FACTORS})?"),
        partial(_read_resnet, default=64),
        _write_resnet,
    ),
    Family(
        re.compile(
            rf"(?:r|resnet)-?(?P<depth>{'|'.join(CIFAR_DEPTHS)}){_M}"
            rf"(?:-(?P<factors>{_TWO}(?:x{NUMBER})?)x?)?"
        ),
        _read_cifar_resnet,
        _write_cifar_resnet,
    ),
    Family(
        re.compile(rf"convnext(?:-?v2)?-(?P<variant>[{''.join(CONVNEXT).lower()}]){_M}"),
        _read_convnext,
        _write_convnext,
    ),
    Family(
        re.compile(rf"hrn-?\[(?P<depths>{NUMBER}(?:,{NUMBER}){{0,99}})\]{_M}"),
        _read_depths,
        _write_depths,
    ),
    Family(
        re.compile(rf"(?:wrn|wideresnet)-?(?P<depth>{NUMBER})[x-](?P<k>{NUMBER}){_M}"),
        _read_wide,
        _write_wide,
    ),
    _of_m("VGG16", "vgg-?16", vgg16, 64),
    _of_m("MobileNetV1", "mobilenet-?v1", mobilenet_v1, 32),
    _of_m("MobileNetV2", "mobilenet-?v2", mobilenet_v2, 32),
    Family(
        re.compile(r"regnet-?x-?(?P<flops>[0-9]{1,4}(?:\.[0-9]{1,3})?)(?P<unit>[mg])f"),
        _read_regnet,
        _write_regnet,
    ),
    Family(names_in_full.PATTERN, names_in_full.read, names_in_full.write),
)
