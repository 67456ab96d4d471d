"""How to read a name: its parts in order, and what each says of the network."""

import re
from dataclasses import dataclass

from deepreshape.design import DesignError, Network, parse

PATTERN = re.compile(
    r"(?P<base>R34)-|(?P<family>HRN)-|(?P<factor>\d+x)|(?P<m>\(m=\d+\))|-(?P<cull>C\d+)"
    r"|-(?P<thin>T\d+)|-(?P<quadratic>Q\d+)|-(?P<reuse>Re(?:All)?\d+[cs]?)|(?P<images>@\d+/\d+)"
)
LETTERS = "αβγ"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a name, what kind of piece it is, and what it says, in a few words."""

    text: str
    kind: str
    says: str


def explained(name: str) -> tuple[Part, ...]:
    """The parts of a HybReNet's name. Raises DesignError for another network's, or for no name."""
    network = parse(name)
    text = str(network)
    found: list[Part] = []
    for match in PATTERN.finditer(text):
        kind, piece = str(match.lastgroup), match[match.lastgroup or 0]
        place = sum(part.kind == "factor" for part in found)
        found.append(Part(piece, kind, _says(kind, piece, place, network)))
    if not any(part.kind == "family" for part in found):
        raise DesignError(f"{text} is no HybReNet")
    return tuple(found)


def _says(kind: str, piece: str, place: int, network: Network) -> str:
    match kind:
        case "base":
            return "made from ResNet34, not from ResNet18"
        case "family":
            return f"a HybReNet: {_listed(network.depths)} blocks in the stages"
        case "factor":
            letter, stage, wide = LETTERS[place], place + 2, network.widths[place + 1]
            return f"{letter} = {piece[:-1]}: {wide} channels in stage {stage}"
        case "m":
            return f"stem and stage 1: {network.stem} channels"
        case "cull":
            stem = "the stem and " * ("1" in piece)
            return f"culled: no ReLU in {stem}{_stages(piece[1:])}"
        case "thin":
            return f"thinned: one ReLU of two in {_stages(piece[1:])}"
        case "quadratic":
            return f"polynomials for the ReLUs removed in {_stages(piece[1:])}"
        case "reuse":
            return _reuse(network)
        case _:
            size, classes = network.resolution, network.classes
            return f"images of {size} x {size} pixels, {classes} classes"


def _reuse(network: Network) -> str:
    plan = network.relus
    where = " in every layer with a ReLU" if plan.everywhere else ""
    how = {
        "three": "",
        "chained": f", {plan.reuse} groups that follow each other",
        "apart": f", {plan.reuse} groups apart",
    }
    return f"ReLU-reuse: 1/{plan.reuse} of the channels keep ReLUs{where}{how[plan.divisions]}"


def _stages(digits: str) -> str:
    names = ["the stem" if digit == "0" else digit for digit in digits]
    if names == ["the stem"]:
        return "the stem"
    return f"stage{'s' * (len(names) > 1)} {_listed(names)}"


def _listed(items: tuple[int, ...] | list[str]) -> str:
    *first, last = map(str, items)
    return f"{', '.join(first)} and {last}" if first else last
