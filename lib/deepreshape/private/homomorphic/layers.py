"""Linear layers on shares: in the clear at the server, and under encryption by either packing.

A layer is a value (`linear`); its integer weights travel beside it as an int64 array. The client
holds a share c of the layer's input. Before the image is known it sends c encrypted, the server
answers with encryptions of W c - u for a uniform mask u, and W c - u is the client's share of the
output. Online the server computes W s + u in the clear from its own share s (Mishra et al. 2020,
section 4).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from math import inf, log2

import numpy as np
import numpy.typing as npt
import seal

from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.ciphertexts import Client, Server
from deepreshape.private.homomorphic.contexts import CiphertextError, Context, Parameters, context
from deepreshape.private.homomorphic.linear import Convolution as Convolution
from deepreshape.private.latency import Operations
from deepreshape.private.randomness import Randomness
from deepreshape.private.rings import Integers, Ring, Words

_EXACT = 53
"""A sum of integers below 2^53 is exact in float64, in any order."""


class PreparedLayer(ABC):
    """A layer and its weights, ready for a server to apply to ciphertexts.

    Their plaintexts, of `size` bytes, are made when they are asked for; as many as fit the
    allowance, in bytes, are kept for the next time.
    """

    def __init__(self, layer: Convolution, context: Context, allowance: int, size: int) -> None:
        self.layer, self.context = layer, context
        self._room = allowance // size
        self._kept: dict[tuple[int, ...], seal.Plaintext | None] = {}

    @property
    @abstractmethod
    def squares(self) -> float:
        """The squares of the noise that floods hide, summed over all coefficients that are sent for
        an image, at most, in the mean."""

    @property
    @abstractmethod
    def largest_noise(self) -> int:
        """What the noise of a coefficient is at most, before it is flooded."""

    @property
    def privacy(self) -> float:
        """Bits of circuit privacy: an image's answers for this layer are within 2^-privacy of
        answers that tell nothing of its weights (`flooding`)."""
        return _bits(flooding.distance(self.squares, self.context.flood_bits))

    def require_room(self) -> None:
        """ValueError where noise and flood together could make an answer decrypt wrongly."""
        if self.largest_noise > self.context.noise_room:
            raise ValueError(
                f"{self.layer}: its weights make up to {log2(self.largest_noise):.0f} bits of"
                f" noise, and there is room for {log2(max(1, self.context.noise_room)):.0f}"
            )

    def make(self) -> None:
        """Make the plaintexts that there is room to keep, before any client asks."""
        for key in self._keys():
            if len(self._kept) >= self._room:
                return
            self.get(*key)

    def get(self, *key: int) -> seal.Plaintext | None:
        """What a ciphertext of inputs is multiplied with; None for zeros."""
        if key in self._kept:
            return self._kept[key]
        plain = self._made(key)
        if len(self._kept) < self._room:
            self._kept[key] = plain
        return plain

    @abstractmethod
    def apply(self, server: Server, mask: Words, ciphertexts: Iterator[bytes]) -> Iterator[bytes]:
        """W c - mask encrypted, from c encrypted; reads no more ciphertexts than the layer takes.

        CiphertextError for bytes that are no ciphertexts, or too few of them.
        """

    @abstractmethod
    def _keys(self) -> Iterable[tuple[int, ...]]:
        """Of all plaintexts, in the order in which an image needs them."""

    @abstractmethod
    def _made(self, key: tuple[int, ...]) -> seal.Plaintext | None: ...


class Packing(ABC):
    """How tensors lie in ciphertexts, and how a layer is computed on them.

    ring: over which programs are shared under it. What is computed on ciphertexts takes others.
    """

    ring: Ring

    @abstractmethod
    def parameters(self, ring: Ring) -> Parameters:
        """The encryption for a ring."""

    def client(self, ring: Ring, source: Randomness) -> Client:
        """A client with a new key."""
        return Client(context(self.parameters(ring)), source)

    def keys(self, client: Client) -> bytes:
        """What a client sends a server first: its public key, here alone."""
        return client.public()

    def server(self, keys: bytes, ring: Ring, source: Randomness) -> Server:
        """A server from a client's keys; CiphertextError for bytes that are none."""
        return Server(context(self.parameters(ring)), keys, source)

    @abstractmethod
    def operations(self, layer: Convolution, ring: Ring) -> Operations:
        """What a layer with dense weights costs, and the ciphertexts that travel."""

    def lighter(self, layer: Convolution, limit: float) -> Convolution:
        """The layer, or a part of it that takes no more than `limit` seconds by the latency model
        and tells of the whole in proportion to `operations`."""
        return layer

    def answer_bytes(self, layer: Convolution, ring: Ring) -> list[int]:
        """Bytes of each of a layer's answers, in order; here all coefficients say something."""
        made = context(self.parameters(ring))
        return [made.answer_bytes(made.degree)] * self.operations(layer, ring).down

    def hides(self, layer: Convolution, weights: Integers, ring: Ring, privacy: float) -> bool:
        """Have answers so many bits of circuit privacy with these weights, or would smaller ones
        not help?"""
        return True

    @abstractmethod
    def prepare(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> PreparedLayer:
        """A layer for a server, with room for so many bytes of plaintexts; ValueError for weights
        whose noise leaves too little room."""

    @abstractmethod
    def encrypt(self, client: Client, layer: Convolution, share: Words) -> Iterator[bytes]:
        """The client's share of a layer's input."""

    @abstractmethod
    def decrypt(self, client: Client, layer: Convolution, answers: Iterator[bytes]) -> Words:
        """The client's share of a layer's output, W c - mask; CiphertextError as in `apply`."""


def privacy(layers: Iterable[PreparedLayer]) -> float:
    """Bits of circuit privacy of an image: the bound on all answers of these layers together."""
    distances = (flooding.distance(each.squares, each.context.flood_bits) for each in layers)
    return _bits(sum(distance**2 for distance in distances) ** 0.5)


def _bits(distance: float) -> float:
    return -log2(distance) if distance else inf


def next_ciphertext(ciphertexts: Iterator[bytes]) -> bytes:
    """The next of the other party's ciphertexts; CiphertextError if there is none."""
    for ciphertext in ciphertexts:
        return ciphertext
    raise CiphertextError("the ciphertexts end too early")


def checked(layer: Convolution, weights: Integers) -> Integers:
    """Weights of a layer; ValueError for those of another shape."""
    if weights.shape != layer.weight_shape or weights.dtype != np.int64:
        raise ValueError(
            f"weights {weights.dtype} {weights.shape} for {layer}: "
            f"they must be int64 {layer.weight_shape}"
        )
    return weights


def checked_words(words: Words, shape: tuple[int, ...]) -> Words:
    """A share or a mask of the shape that a layer takes or gives; ValueError for others."""
    if words.shape != shape or words.dtype != np.uint64:
        raise ValueError(f"a share {words.dtype} {words.shape}: it must be uint64 {shape}")
    return words


def clear(layer: Convolution, weights: Integers, share: Words, ring: Ring) -> Words:
    """W x modulo M of residues x, exactly.

    The share is cut into parts of so few bits that every sum of products is exact in float64; the
    more bits the weights have, the more parts.
    """
    kernel, share = checked(layer, weights), checked_words(share, layer.input_shape)
    if max(int(kernel.max()), -int(kernel.min())) > ring.modulus // 2:
        kernel = ring.signed(ring.residues(kernel))
    return _clear(layer, kernel, share, ring)


def _clear(conv: Convolution, kernel: Integers, share: Words, ring: Ring) -> Words:
    largest = float(np.abs(kernel).sum(axis=(1, 2, 3), dtype=np.float64).max())
    width = _EXACT - int(np.ceil(np.log2(largest + 1)))
    if width < 8:
        # The weights are cut as well, at half their bits.
        half = int(np.abs(kernel).max()).bit_length() // 2
        high, low = kernel >> half, kernel & ((1 << half) - 1)
        upper = ring.multiply(_clear(conv, high, share, ring), 1 << half)
        return ring.add(upper, _clear(conv, low, share, ring))
    count = -(-ring.bits // width)
    width = -(-ring.bits // count)
    mask = np.uint64((1 << width) - 1)
    parts = np.stack([share >> np.uint64(width * part) & mask for part in range(count)])
    sums = products(conv, kernel.astype(np.float64), parts.astype(np.float64))
    total = np.zeros(conv.output_shape, np.uint64)
    for part in sums[::-1]:
        total = ring.add(ring.multiply(total, 1 << width), ring.residues(part.astype(np.int64)))
    return total


def products(
    conv: Convolution, kernel: npt.NDArray[np.float64], maps: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The convolution of (parts, inputs, side, side), shape (parts, outputs, ...)."""
    parts, k, pad, groups = len(maps), conv.kernel, conv.kernel // 2, conv.groups
    padded = np.pad(maps, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (2, 3))
    windows = windows[:, :, :: conv.stride, :: conv.stride]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(
        groups, conv.inputs // groups * k * k, parts * conv.output_side**2
    )
    rows = kernel.reshape(groups, conv.outputs // groups, -1)
    flat = (rows @ columns).reshape(conv.outputs, parts, conv.output_side, conv.output_side)
    return flat.transpose(1, 0, 2, 3)
