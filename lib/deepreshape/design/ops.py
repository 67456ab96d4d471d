"""Operations, layers, and a tape on which layers are written."""

from dataclasses import dataclass

Shape = tuple[int, int, int]
"""Channels, height, width."""


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution, padded to keep the map's size at stride 1.

    groups: input and output channels fall into so many groups that do not mix. bias: only networks
    of no family have any.
    """

    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    bias: bool = False


@dataclass(frozen=True, slots=True)
class BatchNorm:
    channels: int


@dataclass(frozen=True, slots=True)
class Relu:
    pass


@dataclass(frozen=True, slots=True)
class Quadratic:
    """a x^2 + b x + c, with learned coefficients of each channel.

    By channel, as BatchNorm's are: what it gives is of a scale of each channel's own, which a
    square does not let through, and three numbers a channel cost nothing.
    """

    channels: int


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
    """The mean over each map, or over windows of size x size."""

    size: int | None = None


@dataclass(frozen=True, slots=True)
class Flatten:
    """The numbers of all maps, channel by channel and row by row, as so many channels."""


@dataclass(frozen=True, slots=True)
class FullyConnected:
    """A fully connected layer."""

    inputs: int
    outputs: int
    bias: bool = True


Op = Conv | BatchNorm | Relu | Quadratic | Add | Slice | Concat | Pool | Flatten | FullyConnected

IMAGE = "image"
"""The name by which the first layer calls the network's input, or a part's."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One operation: its name, the names of what it reads, its output shape, its stage.

    Stage 0 is the stem; the head has the number after the last stage.
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape
    stage: int


class Tape:
    """Layers written so far, and the shape of each."""

    def __init__(self, shape: Shape) -> None:
        self.layers: list[Layer] = []
        self._shapes: dict[str, Shape] = {IMAGE: shape}

    def put(self, name: str, op: Op, *inputs: str) -> str:
        """Append a layer and return its name, for the next layer to read."""
        shape = _output_shape(op, [self._shapes[source] for source in inputs])
        self._shapes[name] = shape
        self.layers.append(Layer(name, op, inputs, shape, 0))
        return name

    def conv_bn(self, name: str, source: str, conv: Conv) -> str:
        return self.put(f"{name}_bn", BatchNorm(conv.outputs), self.put(name, conv, source))

    def conv_bn_relu(self, name: str, source: str, conv: Conv, relu: str) -> str:
        return self.put(relu, Relu(), self.conv_bn(name, source, conv))

    def channels(self, name: str) -> int:
        return self._shapes[name][0]


def _output_shape(op: Op, inputs: list[Shape]) -> Shape:
    channels, height, width = inputs[0]
    match op:
        case Conv():
            return op.outputs, -(-height // op.stride), -(-width // op.stride)
        case Slice():
            return op.stop - op.start, height, width
        case Concat():
            return sum(shape[0] for shape in inputs), height, width
        case Pool(size):
            return (channels, height // size, width // size) if size else (channels, 1, 1)
        case Flatten():
            return channels * height * width, 1, 1
        case FullyConnected():
            return op.outputs, 1, 1
        case BatchNorm() | Relu() | Quadratic() | Add():
            return inputs[0]
