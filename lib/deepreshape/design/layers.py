"""Network -> its layers, in the order in which they are computed.

This list is the one description that cost, torch module and private program read. A ReLU that the
plan removes is not in the list; whatever used it reads its input instead.
"""

from dataclasses import dataclass

from deepreshape.design.network import Network

Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution without bias, padded to keep the map's size at stride 1."""

    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1


@dataclass(frozen=True, slots=True)
class BatchNorm:
    channels: int


@dataclass(frozen=True, slots=True)
class Relu:
    pass


@dataclass(frozen=True, slots=True)
class Add:
    pass


@dataclass(frozen=True, slots=True)
class Slice:
    """The channels start, ..., stop - 1."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Concat:
    """Its inputs, one behind the other along the channels."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The mean over each map."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A fully connected layer with bias."""

    inputs: int
    outputs: int


Op = Conv | BatchNorm | Relu | Add | Slice | Concat | Pool | Linear

IMAGE = "image"
"""The name by which the first layer calls the network's input."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation: its name, the names of what it reads, its output shape, its stage.

    Stage 0 is the stem; the head (pool and fully connected layer) has the number after the last.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    stage: int


def layers(network: Network) -> tuple[Layer, ...]:
    """All layers of a network (conventions 1 and 7 in data/paper/README.md); the last gives the
    logits, shape (classes, 1, 1)."""
    tape = _Tape(network.resolution)
    tape.stage = 0
    x = tape.conv_bn("stem/conv", IMAGE, Conv(3, network.stem))
    if network.relus.keeps_stem():
        x = tape.put("stem/relu", Relu(), x)
    for number, stage in enumerate(network.stages, start=1):
        tape.stage = number
        for block in range(1, stage.depth + 1):
            stride = 2 if block == 1 and number > 1 else 1
            x = _basic_block(tape, network, f"stage{number}/block{block}", x, stage.width, stride)
    tape.stage = len(network.stages) + 1
    x = tape.put("head/pool", Pool(), x)
    tape.put("head/logits", Linear(tape.channels(x), network.classes), x)
    return tuple(tape.layers)


class _Tape:
    """Layers written so far, and the shape of each."""

    def __init__(self, resolution: int) -> None:
        self.layers: list[Layer] = []
        self.stage = 0
        self._shapes: dict[str, Shape] = {IMAGE: (3, resolution, resolution)}

    def put(self, name: str, op: Op, *inputs: str) -> str:
        """Append a layer and return its name, for the next layer to read."""
        shape = _output_shape(op, [self._shapes[source] for source in inputs])
        self._shapes[name] = shape
        self.layers.append(Layer(name, op, inputs, shape, self.stage))
        return name

    def conv_bn(self, name: str, source: str, conv: Conv) -> str:
        return self.put(f"{name}_bn", BatchNorm(conv.outputs), self.put(name, conv, source))

    def channels(self, name: str) -> int:
        return self._shapes[name][0]


def _basic_block(
    tape: _Tape, network: Network, name: str, source: str, width: int, stride: int
) -> str:
    """Two 3x3 convolutions around a shortcut; the second may be a ReLU-reuse module."""
    plan, stage, inputs = network.relus, tape.stage, tape.channels(source)
    x = tape.conv_bn(f"{name}/conv1", source, Conv(inputs, width, stride=stride))
    if plan.keeps_first(stage):
        x = tape.put(f"{name}/relu1", Relu(), x)
    reused = plan.keeps_second(stage) and plan.reuse > 1
    if reused:
        x = _relu_reuse(tape, f"{name}/reuse", x, plan.reuse)
    else:
        x = tape.conv_bn(f"{name}/conv2", x, Conv(width, width))
    if stride != 1 or inputs != width:
        source = tape.conv_bn(f"{name}/shortcut", source, Conv(inputs, width, 1, stride))
    x = tape.put(f"{name}/sum", Add(), x, source)
    if plan.keeps_second(stage) and not reused:
        x = tape.put(f"{name}/relu2", Relu(), x)
    return x


def _relu_reuse(tape: _Tape, name: str, source: str, factor: int) -> str:
    """The module that stands in for a c -> c convolution and its ReLU (section 4.2, Figure 9).

    A quarter of the channels passes, c/N are activated, the rest is only convolved and feeds the
    activated group; a 1x1 convolution mixes the three.
    """
    c = tape.channels(source)
    passed, active = c // 4, c // factor
    linear = c - passed - active
    x1 = tape.put(f"{name}/pass", Slice(0, passed), source)
    x2 = tape.put(f"{name}/linear", Slice(passed, passed + linear), source)
    x3 = tape.put(f"{name}/active", Slice(passed + linear, c), source)
    y2 = tape.conv_bn(f"{name}/linear_conv", x2, Conv(linear, linear))
    match = tape.conv_bn(f"{name}/match", y2, Conv(linear, active, 1))
    x3 = tape.put(f"{name}/active_sum", Add(), x3, match)
    y3 = tape.conv_bn(f"{name}/active_conv", x3, Conv(active, active))
    y3 = tape.put(f"{name}/relu", Relu(), y3)
    x = tape.put(f"{name}/concat", Concat(), x1, y2, y3)
    return tape.conv_bn(f"{name}/mix", x, Conv(c, c, 1))


def _output_shape(op: Op, inputs: list[Shape]) -> Shape:
    channels, height, width = inputs[0]
    match op:
        case Conv():
            return op.outputs, -(-height // op.stride), -(-width // op.stride)
        case Slice():
            return op.stop - op.start, height, width
        case Concat():
            return sum(shape[0] for shape in inputs), height, width
        case Pool():
            return channels, 1, 1
        case Linear():
            return op.outputs, 1, 1
        case BatchNorm() | Relu() | Add():
            return inputs[0]
