"""Where maps and kernels lie in the coefficients of polynomials, without rotations.

A stride splits a map into phases, which are channels of a convolution of stride 1. A channel takes
`area` coefficients: its rows, each followed by zeros that serve as this row's right padding and the
next row's left padding, and rows of zeros that are the padding below it and above the next channel.
Maps too large for a polynomial are cut into tiles of rows, which overlap as far as a kernel
reaches. Input (c, y, x) has index c A + y W + x; weight (m, c, a, b) for the displacement (a, b)
has index m cw A - c A - a W - b, with a minus where that wraps; so output (m, y, x) appears at
m cw A + y W + x.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.rings import Integers, Words

# What a layout costs, in units of one multiplication and addition: to prepare a kernel; to encrypt
# and read an input; to answer and decrypt.
_KERNEL, _UP, _DOWN = 1.0, 8.0, 16.0


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
        return sum(map(len, self.pairs))

    @property
    def cost(self) -> float:
        ciphertexts = _UP * self.inputs + _DOWN * self.outputs
        return self.products * _KERNEL + self.tiles * (self.products + ciphertexts)

    @cached_property
    def places(self) -> Words:
        """The index of an output in a polynomial, shape (outgoing, rows, side)."""
        channel = np.arange(self.outgoing) * self.incoming * self.area
        row = (np.arange(self.rows) + self.top) * self.width
        return np.add.outer(np.add.outer(channel, row), np.arange(self.side)).astype(np.uint64)

    @cached_property
    def taps(self) -> Integers:
        """The index of a weight before it wraps, shape (outgoing, incoming, taps, taps)."""
        reach = np.arange(-self.low, self.high + 1)
        shift = np.add.outer(reach * self.width, reach)
        channel = np.subtract.outer(
            np.arange(self.outgoing) * self.incoming, np.arange(self.incoming)
        )
        indices: Integers = np.subtract.outer(channel * self.area, shift)
        return indices


@lru_cache(maxsize=4096)
def layout(layer: Convolution, degree: int) -> Layout:
    """The cheapest way to lay a convolution out; ValueError if a row does not fit a polynomial."""
    side, stride, middle = layer.output_side, layer.stride, layer.kernel // 2
    phases = tuple(sorted({(tap - middle) % stride for tap in range(layer.kernel)}))
    # Displacements beyond the map meet nothing but padding.
    low = min(side - 1, -(-middle // stride))
    high = min(side - 1, (layer.kernel - 1 - middle) // stride)
    channels = layer.inputs * len(phases) ** 2
    best: Layout | None = None
    for tiles in sorted({-(-side // rows) for rows in range(1, side + 1)}):
        trial = Layout(layer, degree, side, phases, low, high, tiles, 1, 1)
        room = degree // trial.area
        if best is not None and tiles > 4 * best.tiles:
            break
        for incoming in sorted({-(-channels // count) for count in range(1, channels + 1)}):
            if incoming > room:
                break
            outgoing = min(layer.outputs, room // incoming)
            outgoing = -(-layer.outputs // -(-layer.outputs // outgoing))
            found = Layout(layer, degree, side, phases, low, high, tiles, incoming, outgoing)
            if best is None or found.cost < best.cost:
                best = found
    if best is None:
        raise ValueError(f"{layer}: a row does not fit a polynomial of {degree} coefficients")
    return best


def answer_parts(layout: Layout) -> Iterator[tuple[int, int, slice, slice]]:
    """The ciphertexts of outputs in order: block, tile, and the channels and rows in them."""
    for output in range(layout.outputs):
        channels = slice(output * layout.outgoing, (output + 1) * layout.outgoing)
        for tile in range(layout.tiles):
            yield output, tile, channels, slice(tile * layout.rows, (tile + 1) * layout.rows)


def share_polynomials(layout: Layout, maps: Words) -> Iterator[Words]:
    """Maps (inputs, side, side) of the layer as polynomials, tile by tile of each block."""
    stride, count, side = layout.layer.stride, len(layout.phases), layout.side
    height = layout.area // layout.width
    rows = (layout.tiles - 1) * layout.rows + height
    padded = np.zeros((layout.layer.inputs, count, count, rows, layout.width), np.uint64)
    for i, down in enumerate(layout.phases):
        for j, right in enumerate(layout.phases):
            phase = maps[:, down::stride, right::stride][:, :side, :side]
            _, used, columns = phase.shape
            padded[:, i, j, layout.top : layout.top + used, :columns] = phase
    channels = padded.reshape(layout.channels, -1, layout.width)
    for block in range(layout.inputs):
        chosen = channels[block * layout.incoming : (block + 1) * layout.incoming]
        for tile in range(layout.tiles):
            first = tile * layout.rows
            part = chosen[:, first : first + height].ravel()
            polynomial = np.zeros(layout.degree, np.uint64)
            polynomial[: part.size] = part
            yield polynomial


def weights_by_phase(layout: Layout, weights: Integers) -> Integers:
    """Weights of the convolution of stride 1, (outputs, channels / groups, taps, taps)."""
    conv, phases = layout.layer, layout.phases
    taps, middle = layout.low + layout.high + 1, conv.kernel // 2
    found = np.zeros(
        (conv.outputs, conv.inputs // conv.groups, len(phases), len(phases), taps, taps), np.int64
    )
    low = layout.low
    places = [
        (tap, phases.index((tap - middle) % conv.stride), (tap - middle) // conv.stride + low)
        for tap in range(conv.kernel)
        if -low <= (tap - middle) // conv.stride <= layout.high
    ]
    for i, down, a in places:
        for j, right, b in places:
            found[:, :, down, right, a, b] = weights[:, :, i, j]
    return found.reshape(conv.outputs, -1, taps, taps)


def weights_between(layout: Layout, weights: Integers, block: int, output: int) -> Integers:
    """The weights between two ciphertexts, zero where channels share no group."""
    m, c = output * layout.outgoing, block * layout.incoming
    rows = min(layout.outgoing, layout.layer.outputs - m)
    columns = min(layout.incoming, layout.channels - c)
    if layout.layer.groups == 1:
        return weights[m : m + rows, c : c + columns]
    step, span = weights.shape[1], layout.layer.outputs // layout.layer.groups
    found = np.zeros((rows, columns, *weights.shape[2:]), np.int64)
    for group in range(c // step, (c + columns - 1) // step + 1):
        top, bottom = max(m, group * span), min(m + rows, (group + 1) * span)
        left, right = max(c, group * step), min(c + columns, (group + 1) * step)
        if top < bottom:
            inside = slice(left - group * step, right - group * step)
            found[top - m : bottom - m, left - c : right - c] = weights[top:bottom, inside]
    return found
