"""A model of the paper's latency columns, calibrated on published values.

Garbled circuits cost a constant for each ReLU, from the timings that Garimella et al. (ASPLOS 2023)
published, whose method the paper follows (Appendix J). Homomorphic layers cost plaintext
multiplications and key switches, counted as Delphi's packing makes them; the seconds of the two are
fitted to the HE columns of Tables 7 and 8. Nothing here is measured.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import NamedTuple

from deepreshape.design import AnyNetwork, DesignError, Graph, Layer, Network, layers
from deepreshape.design.blocks import Part, part_layers
from deepreshape.design.cost import layers_cost, part_cost
from deepreshape.design.layers import parts
from deepreshape.design.ops import Conv, FullyConnected, Relu
from deepreshape.design.reduce import without_reuse
from deepreshape.places import DATA


class Operations(NamedTuple):
    """What homomorphic encryption does for a layer or a network.

    multiplications: of a ciphertext with a plaintext. key_switches: inside rotations. up, down:
    ciphertexts from client to server and back, which are also the client's encryptions and
    decryptions.
    """

    multiplications: int = 0
    key_switches: int = 0
    up: int = 0
    down: int = 0

    @property
    def seconds(self) -> float:
        constant = _constants("homomorphic")
        return (
            constant["multiplication"] * self.multiplications
            + constant["key_switch"] * self.key_switches
        )

    @property
    def bytes_up(self) -> int:
        """Ciphertexts from client to server, at SEAL's uncompressed size."""
        return self.up * int(_constants("homomorphic")["ciphertext"])

    @property
    def bytes_down(self) -> int:
        """Ciphertexts from server to client, at SEAL's uncompressed size."""
        return self.down * int(_constants("homomorphic")["ciphertext"])


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds and bytes of one private inference, by the model.

    name: of the layer, or `network`. operations: homomorphic ones. relus: garbled ones.
    """

    name: str
    operations: Operations
    relus: int

    @property
    def he_s(self) -> float:
        return self.operations.seconds

    @property
    def gc_s(self) -> float:
        return garbled_seconds(self.relus)

    @property
    def total_s(self) -> float:
        return self.he_s + self.gc_s

    @property
    def client_bytes(self) -> int:
        """What the client stores of garbled circuits."""
        return self.relus * int(_constants("garbled_circuits")["client_stores"])

    @property
    def server_bytes(self) -> int:
        """What the server stores of garbled circuits."""
        return self.relus * int(_constants("garbled_circuits")["server_stores"])


def latency(network: AnyNetwork) -> Latency:
    """The HE, GC and Lat. columns of Tables 7 and 8 for a network.

    ReLU-reuse and grouped convolutions are costed as the convolutions without groups (Appendix J).
    Raises DesignError for maps of more than 4096 positions, which Delphi's packing does not hold,
    and for squares, of which nothing was published.
    """
    _require_published(network)
    if isinstance(network, Graph):
        counted, *_ = layers_cost(network.listed)
        return Latency("network", _added(map(layer_operations, network.listed)), counted)
    listed = parts(network)
    relus = sum(part_cost(part)[0] for part in listed)
    plain = (part if part.reuse == 1 else part._replace(reuse=1) for part in listed)
    return Latency("network", _added(map(part_operations, plain)), relus)


def layer_latencies(network: AnyNetwork) -> tuple[Latency, ...]:
    """What `latency` adds up: the convolutions, fully connected layers and ReLUs in order.

    The ReLU inside a ReLU-reuse module stands where the block's second ReLU would be.
    """
    _require_published(network)
    kept = {
        layer.name.replace("/reuse/relu", "/relu2"): prod(layer.shape)
        for layer in layers(network)
        if isinstance(layer.op, Relu)
    }
    return tuple(
        Latency(layer.name, layer_operations(layer), kept.get(layer.name, 0))
        for layer in layers(without_reuse(network))
        if isinstance(layer.op, Conv | FullyConnected | Relu)
    )


def _require_published(network: AnyNetwork) -> None:
    if isinstance(network, Network) and network.relus.quadratic:
        raise DesignError(f"{network.name} has squares, of which the model knows no seconds")


@lru_cache(maxsize=2**16)
def part_operations(part: Part) -> Operations:
    """The homomorphic operations of a part as it stands."""
    return _added(map(layer_operations, part_layers(part)))


def _added(operations: Iterable[Operations]) -> Operations:
    return Operations(*map(sum, zip(Operations(), *operations, strict=True)))


def layer_operations(layer: Layer) -> Operations:
    """The homomorphic operations of one layer; none for all that is not linear with weights."""
    match layer.op:
        case Conv(inputs, outputs, kernel, stride, _):
            # A stride is paid at the input's resolution, but a 1x1 reads only what it keeps.
            side = layer.shape[1] * (stride if kernel > 1 else 1)
            return convolution(side, inputs, outputs, kernel)
        case FullyConnected(inputs, outputs):
            return fully_connected(inputs, outputs)
        case _:
            return Operations()


def convolution(side: int, inputs: int, outputs: int, kernel: int) -> Operations:
    """A convolution of `inputs` maps of side x side into `outputs`, as Delphi packs it.

    The client encrypts every shift of its input, so the server rotates outputs alone. A ciphertext
    has two rows, and a row holds c maps. Galois keys exist for powers of two: a rotation by j costs
    as many key switches as the non-adjacent form of j has digits.
    """
    row = int(_constants("homomorphic")["slots"]) // 2
    c = row // _next_power(side * side)
    if c == 0:
        raise DesignError(
            f"a map of {side} x {side} positions does not fit a ciphertext's row of {row:,} slots"
        )
    taps, incoming = kernel * kernel, -(-inputs // (2 * c))
    outgoing, rows = -(-outputs // (2 * c)), -(-outputs // c)
    last = outputs - (rows - 1) * c
    # One row of the last ciphertext is used, and at most half of it.
    short = 1 if rows % 2 and last <= c // 2 else 0
    if rows > 1:
        r = _next_power(last)
        full = outgoing - short
        multiplications = taps * incoming * (2 * c * full + 2 * r * short)
        key_switches = incoming * (
            full * (2 * _switches(c) + 1) + short * (2 * _switches(r) + 2 * _log2(c // r) + 1)
        )
    else:
        used = _next_power(last) if short else c
        multiplications = taps * incoming * used
        key_switches = incoming * (_switches(used) + _log2(c // used) + (1 if inputs > c else 0))
    return Operations(multiplications, key_switches, taps * incoming, outgoing)


def fully_connected(inputs: int, outputs: int) -> Operations:
    """A fully connected layer on one ciphertext: diagonals, then folds.

    A layer with more inputs or outputs than a ciphertext has slots is cut into pieces that fit; the
    pieces of one output are added before they are folded.
    """
    slots = int(_constants("homomorphic")["slots"])
    incoming, outgoing = -(-inputs // slots), -(-outputs // slots)
    q, m = _next_power(min(inputs, slots)), _next_power(min(outputs, slots))
    diagonals = -(-m * q // slots)
    multiplications = incoming * outgoing * diagonals
    key_switches = outgoing * (incoming * _switches(diagonals) + _log2(q // diagonals))
    return Operations(multiplications, key_switches, incoming, outgoing)


def garbled_seconds(relus: int) -> float:
    """Seconds of garbled circuits for so many ReLUs (Tables 7 and 8, column GC).

    Garbling at the server and evaluation at the client, shared by four threads:
    112.42 microseconds a ReLU.
    """
    constant = _constants("garbled_circuits")
    microseconds = constant["server_garbles"] + constant["client_evaluates"]
    return relus * microseconds * 1e-6 / constant["threads"]


def _next_power(number: int) -> int:
    """The least power of two that is not below a number."""
    return 1 << (number - 1).bit_length()


def _log2(power: int) -> int:
    return power.bit_length() - 1


@lru_cache
def _switches(rotations: int) -> int:
    """Key switches of the rotations by 1, ..., rotations - 1."""
    return sum(_digits(j) for j in range(1, rotations))


def _digits(number: int) -> int:
    """Nonzero digits of a number's non-adjacent form: the ones of j xor 3j."""
    return (number ^ (3 * number)).bit_count()


@lru_cache
def _constants(name: str) -> dict[str, float]:
    with (DATA / "latency" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return {row["quantity"]: float(row["value"]) for row in csv.DictReader(file)}
