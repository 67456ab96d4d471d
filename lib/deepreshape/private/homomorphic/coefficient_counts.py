"""How many polynomials the rotation-free packing takes for a convolution. Pure Python.

A map takes `area` coefficients (`coefficient_layout` says where each lies), so that a polynomial
holds some channels and a ciphertext of outputs some others; of the ways to divide them, `layout`
chooses the cheapest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod

from deepreshape.private.homomorphic.linear import Convolution

UP, DOWN = 16.0, 8.0
"""What a ciphertext of inputs and one of outputs costs a layout, in units of one multiplication and
addition; by bytes as well as by seconds, as a fresh one has about twice the bytes of an answer."""

_KERNEL = 1.0  # to prepare a kernel


@dataclass(frozen=True)
class Layout:
    """Where everything lies. All numbers are those of the convolution of stride 1.

    side: of the maps. low, high: how far a kernel reaches up and down, or left and right.
    rows: of outputs in a tile. incoming, outgoing: channels in a ciphertext.
    """

    layer: Convolution
    degree: int
    side: int
    phases: tuple[int, ...]
    low: int
    high: int
    tiles: int
    incoming: int
    outgoing: int

    @property
    def rows(self) -> int:
        return -(-self.side // self.tiles)

    @property
    def width(self) -> int:
        return self.side + max(self.low, self.high)

    @property
    def top(self) -> int:
        """Rows above the first output's in a tile."""
        return 0 if self.tiles == 1 else self.low

    @property
    def area(self) -> int:
        # A lone tile shares its padding with the channel below; others hold all that they read.
        return self.width * (self.width if self.tiles == 1 else self.rows + self.low + self.high)

    @property
    def channels(self) -> int:
        """Input channels, each phase being one."""
        return self.layer.inputs * len(self.phases) ** 2

    @property
    def inputs(self) -> int:
        """Ciphertexts of inputs for each tile."""
        return -(-self.channels // self.incoming)

    @property
    def outputs(self) -> int:
        """Ciphertexts of outputs for each tile."""
        return -(-self.layer.outputs // self.outgoing)

    @cached_property
    def pairs(self) -> tuple[range, ...]:
        """For each ciphertext of inputs, those of outputs that share a group with it."""
        step = self.channels // self.layer.groups
        span = self.layer.outputs // self.layer.groups
        found = []
        for block in range(self.inputs):
            first = block * self.incoming // step
            last = (min((block + 1) * self.incoming, self.channels) - 1) // step
            start, stop = first * span // self.outgoing, ((last + 1) * span - 1) // self.outgoing
            found.append(range(start, stop + 1))
        return tuple(found)

    @property
    def products(self) -> int:
        if self.layer.groups == 1:
            return self.inputs * self.outputs
        return sum(map(len, self.pairs))


@lru_cache(maxsize=4096)
def layout(layer: Convolution, degree: int) -> Layout:
    """The cheapest way to lay a convolution out; of equal ones that of fewer tiles, then of fewer
    channels in a ciphertext. ValueError if a row does not fit a polynomial."""
    side, stride, middle = layer.output_side, layer.stride, layer.kernel // 2
    phases = tuple(sorted({(tap - middle) % stride for tap in range(layer.kernel)}))
    # Displacements beyond the map meet nothing but padding.
    low = min(side - 1, -(-middle // stride))
    high = min(side - 1, (layer.kernel - 1 - middle) // stride)
    best: Layout | None = None
    rank: tuple[float, int, int] | None = None
    for tiles in sorted({-(-side // rows) for rows in range(1, side + 1)}):
        if best is not None and tiles > 4 * best.tiles:
            break
        one = Layout(layer, degree, side, phases, low, high, tiles, 1, 1)
        channels = one.channels
        for incoming, outgoing in _divisions(channels, layer.outputs, degree // one.area):
            inputs, outputs = -(-channels // incoming), -(-layer.outputs // outgoing)
            products = inputs * outputs if layer.groups == 1 else max(inputs, outputs)
            travel = tiles * (UP * inputs + DOWN * outputs)
            if rank and ((_KERNEL + tiles) * products + travel, tiles, incoming) >= rank:
                continue
            found = replace(one, incoming=incoming, outgoing=outgoing)
            cost = (_KERNEL + tiles) * found.products + travel
            if rank is None or (cost, tiles, incoming) < rank:
                best, rank = found, (cost, tiles, incoming)
    if best is None:
        raise ValueError(f"{layer}: a row does not fit a polynomial of {degree} coefficients")
    return best


def answer_parts(layout: Layout) -> Iterator[tuple[int, int, slice, slice]]:
    """The ciphertexts of outputs in order: block, tile, and the channels and rows in them."""
    for output in range(layout.outputs):
        channels = slice(output * layout.outgoing, (output + 1) * layout.outgoing)
        for tile in range(layout.tiles):
            yield output, tile, channels, slice(tile * layout.rows, (tile + 1) * layout.rows)


def answered(layout: Layout) -> Iterator[int]:
    """How many outputs each ciphertext of them has."""
    for _, _, channels, rows in answer_parts(layout):
        sides = (channels, layout.layer.outputs), (rows, layout.side)
        yield layout.side * prod(len(range(*part.indices(end))) for part, end in sides)


def answer_sizes(layout: Layout) -> Iterator[tuple[int, int]]:
    """The same, counted: how many outputs, and how many ciphertexts have so many."""
    for channels, blocks in _split(layout.layer.outputs, layout.outgoing):
        for rows, tiles in _split(layout.side, layout.rows):
            yield layout.side * channels * rows, blocks * tiles


def _split(whole: int, part: int) -> list[tuple[int, int]]:
    """The sizes of equal parts and of what is left, and how many there are of each."""
    full, rest = divmod(whole, part)
    return [(size, count) for size, count in ((part, full), (rest, 1)) if size and count]


def _divisions(channels: int, outputs: int, room: int) -> Iterator[tuple[int, int]]:
    """The channels of inputs and of outputs in a ciphertext: the fewest of the former that each
    number of ciphertexts needs, and the latter as even as they can be."""
    most = min(channels, room)
    while most:
        incoming = -(-channels // -(-channels // most))
        outgoing = min(outputs, room // incoming)
        yield incoming, -(-outputs // -(-outputs // outgoing))
        most = incoming - 1
