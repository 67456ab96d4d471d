"""Names that say an architecture in full, for those of no family: `Net(16; 16x2, 40x2)`.

The kind of block, its numbers in brackets, then the stem's channels and each stage's width, depth
and, where it is not the usual one, stride: `GroupedNet[4](8; 8x1, 16x2/1)`.
"""

import re
from dataclasses import astuple, fields
from typing import Any

from deepreshape.design.architectures import (
    Architecture,
    Basic,
    Block,
    DesignError,
    Grouped,
    Inverted,
    Plain,
    PreActivation,
    Separable,
    Stage,
)

NUMBER = "[0-9]{1,10}"
_KINDS: dict[str, type[Block]] = {
    "Net": Basic,
    "PreActNet": PreActivation,
    "PlainNet": Plain,
    "SeparableNet": Separable,
    "InvertedNet": Inverted,
    "GroupedNet": Grouped,
}
_STAGE = rf"{NUMBER}x{NUMBER}(?:/{NUMBER})?"
PATTERN = re.compile(
    rf"(?P<kind>{'|'.join(_KINDS).lower()})(?:\[(?P<numbers>{NUMBER}(?:,{NUMBER})*)\])?"
    rf"\((?P<stem>{NUMBER});(?P<stages>{_STAGE}(?:,{_STAGE})*)\)"
)


def read(match: re.Match[str]) -> Architecture:
    name = next(name for name in _KINDS if name.lower() == match["kind"])
    numbers = tuple(int(number) for number in (match["numbers"] or "").split(",") if number)
    block = _block_of(name, numbers)
    stages = []
    for text in match["stages"].split(","):
        size, _, stride = text.partition("/")
        width, depth = size.split("x")
        stages.append(Stage(int(width), int(depth), int(stride) if stride else None))
    return Architecture(int(match["stem"]), tuple(stages), block)


def _block_of(name: str, numbers: tuple[int, ...]) -> Block:
    kind: Any = _KINDS[name]
    if kind is Plain:
        return Plain(numbers)
    try:
        return kind(*numbers)  # type: ignore[no-any-return]
    except TypeError:
        wanted = len(fields(kind))
        raise DesignError(f"{name} has {wanted} numbers in brackets, not {len(numbers)}") from None


def write(architecture: Architecture) -> str:
    block: Any = architecture.block
    kind = next(name for name, each in _KINDS.items() if each is type(block))
    numbers = block.hidden if isinstance(block, Plain) else astuple(block)
    stages = ", ".join(
        f"{stage.width}x{stage.depth}" + (f"/{stage.stride}" if stage.stride else "")
        for stage in architecture.stages
    )
    brackets = f"[{','.join(map(str, numbers))}]" if numbers else ""
    return f"{kind}{brackets}({architecture.stem}; {stages})"
