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
from functools import lru_cache

import numpy as np

from deepreshape.private.homomorphic.coefficient_counts import Layout
from deepreshape.private.rings import Integers, Words


@lru_cache(maxsize=64)
def places(found: Layout) -> Words:
    """The index of an output in a polynomial, shape (outgoing, rows, side)."""
    channel = np.arange(found.outgoing) * found.incoming * found.area
    row = (np.arange(found.rows) + found.top) * found.width
    return np.add.outer(np.add.outer(channel, row), np.arange(found.side)).astype(np.uint64)


@lru_cache(maxsize=64)
def taps(found: Layout) -> Integers:
    """The index of a weight before it wraps, shape (outgoing, incoming, taps, taps)."""
    reach = np.arange(-found.low, found.high + 1)
    shift = np.add.outer(reach * found.width, reach)
    channel = np.subtract.outer(
        np.arange(found.outgoing) * found.incoming, np.arange(found.incoming)
    )
    indices: Integers = np.subtract.outer(channel * found.area, shift)
    return indices


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
