"""The parts of a network and their layers: stem, head, and a stage of each kind of block.

The layers of a part depend on that part alone, not on the network around it: what is summed over
layers can be summed once for each part and remembered.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal, NamedTuple

from deepreshape.design.architectures import (
    Basic,
    Block,
    Grouped,
    Inverted,
    Plain,
    PreActivation,
    Separable,
)
from deepreshape.design.ops import (
    IMAGE,
    Add,
    BatchNorm,
    Conv,
    FullyConnected,
    Layer,
    Pool,
    Quadratic,
    Relu,
    Tape,
)
from deepreshape.design.reuse_module import Divisions, relu_reuse

Kept = Literal["all", "thinned", "none"]
"""Which ReLUs of a part are kept; see `ReluPlan`."""


class Part(NamedTuple):
    """The stem, a stage or the head: all that its layers depend on.

    inputs, width: channels that come in and go out (of the head: the classes). depth: blocks.
    stride: of the first block. side: height and width of the map that comes in. reuse: the factor
    N of ReLU-reuse, 1 for none. divisions: of its modules. everywhere: do they replace the stem's
    convolution and the first of a block, and not only the second? quadratic: does a `Quadratic`
    take the place of a ReLU that is not kept?
    """

    role: Literal["stem", "stage", "head"]
    block: Block
    inputs: int
    width: int
    depth: int
    stride: int
    side: int
    kept: Kept
    reuse: int = 1
    divisions: Divisions = "three"
    everywhere: bool = False
    quadratic: bool = False


@lru_cache(maxsize=4096)
def part_layers(part: Part) -> tuple[Layer, ...]:
    """The layers of a part, named within it; it reads IMAGE, and its last layer is what it gives.

    All have stage 0: a part does not know where it stands.
    """
    tape = Tape((part.inputs, part.side, part.side))
    match part.role:
        case "stem":
            _stem(tape, part)
        case "head":
            _head(tape, part)
        case "stage":
            x = IMAGE
            if isinstance(part.block, Plain) and part.stride > 1:
                x = tape.put("pool", Pool(part.stride), x)
            for number in range(1, part.depth + 1):
                stride = part.stride if number == 1 else 1
                x = _block(tape, part, f"block{number}", x, stride)
    if part.kept == "all":
        return tuple(tape.layers)
    sites = [layer.name for layer in tape.layers if isinstance(layer.op, Relu)]
    kept = sites[::-2] if part.kept == "thinned" and part.role == "stage" else []
    dropped = set(sites) - set(kept)
    return _replaced(tape.layers, dropped) if part.quadratic else without(tape.layers, dropped)


def without(listed: Sequence[Layer], dropped: Collection[str]) -> tuple[Layer, ...]:
    """The list without some of its ReLUs: what read one reads its input."""
    reads = {layer.name: layer.inputs[0] for layer in listed if layer.name in dropped}
    return tuple(
        replace(layer, inputs=tuple(reads.get(name, name) for name in layer.inputs))
        for layer in listed
        if layer.name not in dropped
    )


def _replaced(listed: list[Layer], dropped: set[str]) -> tuple[Layer, ...]:
    """The list with polynomials in the place of some of its ReLUs."""
    return tuple(
        replace(layer, op=Quadratic(layer.shape[0])) if layer.name in dropped else layer
        for layer in listed
    )


def _stem(tape: Tape, part: Part) -> None:
    conv = Conv(3, part.width)
    if isinstance(part.block, PreActivation):
        tape.put("conv", conv, IMAGE)
    elif part.reuse > 1 and part.everywhere:
        relu_reuse(tape, "reuse", IMAGE, conv, part.reuse, part.divisions, "relu")
    else:
        tape.conv_bn_relu("conv", IMAGE, conv, "relu")


def _head(tape: Tape, part: Part) -> None:
    x = IMAGE
    match part.block:
        case PreActivation():
            x = tape.put("relu", Relu(), tape.put("bn", BatchNorm(part.inputs), x))
        case Inverted(features=features):
            x = tape.conv_bn_relu("features", x, Conv(part.inputs, features, 1), "relu")
    x = tape.put("pool", Pool(), x)
    if isinstance(part.block, Plain):
        for number, width in enumerate(part.block.hidden, start=1):
            x = tape.put(f"hidden{number}", FullyConnected(tape.channels(x), width), x)
            x = tape.put(f"relu{number}", Relu(), x)
    tape.put("logits", FullyConnected(tape.channels(x), part.width), x)


def _block(tape: Tape, part: Part, name: str, source: str, stride: int) -> str:
    match part.block:
        case Basic():
            return _basic_block(tape, part, name, source, stride)
        case PreActivation():
            return _preactivation_block(tape, name, source, part.width, stride)
        case Plain():
            conv = Conv(tape.channels(source), part.width)
            return tape.conv_bn_relu(f"{name}/conv", source, conv, f"{name}/relu")
        case Separable():
            return _separable_block(tape, name, source, part.width, stride)
        case Inverted(expansion=expansion):
            return _inverted_block(tape, name, source, part.width, stride, expansion)
        case Grouped(group=group):
            return _grouped_block(tape, name, source, part.width, stride, min(group, part.width))


def _basic_block(tape: Tape, part: Part, name: str, source: str, stride: int) -> str:
    """Two 3x3 convolutions around a shortcut; ReLU-reuse replaces the second, or both.

    Where it does, the block's last ReLU is the one inside the module, before the sum.
    """
    width, factor, divisions = part.width, part.reuse, part.divisions
    first, second = Conv(tape.channels(source), width, stride=stride), Conv(width, width)
    relu1, relu2 = f"{name}/relu1", f"{name}/reuse/relu"
    if factor > 1 and part.everywhere:
        x = relu_reuse(tape, f"{name}/reuse1", source, first, factor, divisions, relu1)
    else:
        x = tape.conv_bn_relu(f"{name}/conv1", source, first, relu1)
    if factor > 1:
        x = relu_reuse(tape, f"{name}/reuse", x, second, factor, divisions, relu2)
    else:
        x = tape.conv_bn(f"{name}/conv2", x, second)
    x = tape.put(f"{name}/sum", Add(), x, _shortcut(tape, name, source, width, stride))
    return x if factor > 1 else tape.put(f"{name}/relu2", Relu(), x)


def _shortcut(tape: Tape, name: str, source: str, width: int, stride: int) -> str:
    """The block's input, or a 1x1 convolution of it where the shapes differ."""
    inputs = tape.channels(source)
    if stride == 1 and inputs == width:
        return source
    return tape.conv_bn(f"{name}/shortcut", source, Conv(inputs, width, 1, stride))


def _preactivation_block(tape: Tape, name: str, source: str, width: int, stride: int) -> str:
    """BatchNorm and ReLU before each convolution; a 1x1 shortcut reads what the first activated."""
    inputs = tape.channels(source)
    x = tape.put(f"{name}/bn1", BatchNorm(inputs), source)
    x = tape.put(f"{name}/relu1", Relu(), x)
    if stride != 1 or inputs != width:
        source = tape.put(f"{name}/shortcut", Conv(inputs, width, 1, stride), x)
    x = tape.conv_bn_relu(f"{name}/conv1", x, Conv(inputs, width, stride=stride), f"{name}/relu2")
    x = tape.put(f"{name}/conv2", Conv(width, width), x)
    return tape.put(f"{name}/sum", Add(), x, source)


def _separable_block(tape: Tape, name: str, source: str, width: int, stride: int) -> str:
    c = tape.channels(source)
    depthwise = Conv(c, c, 3, stride, groups=c)
    x = tape.conv_bn_relu(f"{name}/depthwise", source, depthwise, f"{name}/relu1")
    return tape.conv_bn_relu(f"{name}/pointwise", x, Conv(c, width, 1), f"{name}/relu2")


def _inverted_block(
    tape: Tape, name: str, source: str, width: int, stride: int, expansion: int
) -> str:
    inputs = tape.channels(source)
    c, x = inputs * expansion, source
    if expansion > 1:
        x = tape.conv_bn_relu(f"{name}/expand", x, Conv(inputs, c, 1), f"{name}/relu1")
    depthwise = Conv(c, c, 3, stride, groups=c)
    x = tape.conv_bn_relu(f"{name}/depthwise", x, depthwise, f"{name}/relu2")
    x = tape.conv_bn(f"{name}/project", x, Conv(c, width, 1))
    return tape.put(f"{name}/sum", Add(), x, source) if (inputs, stride) == (width, 1) else x


def _grouped_block(tape: Tape, name: str, source: str, width: int, stride: int, group: int) -> str:
    reduce = Conv(tape.channels(source), width, 1)
    x = tape.conv_bn_relu(f"{name}/conv1", source, reduce, f"{name}/relu1")
    grouped = Conv(width, width, 3, stride, groups=width // group)
    x = tape.conv_bn_relu(f"{name}/conv2", x, grouped, f"{name}/relu2")
    x = tape.conv_bn(f"{name}/conv3", x, Conv(width, width, 1))
    x = tape.put(f"{name}/sum", Add(), x, _shortcut(tape, name, source, width, stride))
    return tape.put(f"{name}/relu3", Relu(), x)
