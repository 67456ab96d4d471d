"""A torch module as a network of this library: its layers, read from what it does, and its weights.

What is read is checked: on images at random the net that is made gives the module's logits.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from deepreshape.design.graph import Graph
from deepreshape.design.ops import Layer
from deepreshape.learn.modules.reader import Reader
from deepreshape.learn.modules.watching import ModuleNotTaken, evaluating, require_module, watch
from deepreshape.learn.training.nets import Net


def net_of(module: nn.Module, resolution: int, source: str | None = None) -> Net:
    """A module that is made of the layers of this library, as a `Net` with its weights.

    resolution: height and width of its images, of 3 channels. source: what the network is called.
    Taken are convolutions with an odd square kernel, padded by half of it, with groups and bias;
    BatchNorm with running statistics; ReLUs in any form; sums of two activations; concatenations
    and slices of channels; means over whole maps or over windows that do not overlap; maps that are
    flattened, and fully connected layers behind them. A module may be applied twice where it has no
    weights.

    The net's `network` is a `Graph`, whose layers are named as the modules are (`layer1/0/conv1`).
    Raises ModuleNotTaken, with what and where, for anything else, and where the net would give
    other logits than the module on images at random.
    """
    require_module(module)
    reader = Reader(module)
    image, answer = watch(module, (3, resolution, resolution), reader.add, reader.begin)
    if not isinstance(answer, Tensor) or answer.dim() != 2 or id(answer) not in reader.names:
        raise ModuleNotTaken(
            f"{type(module).__name__} gives {_what(answer)}, not logits (images, classes)"
        )
    listed = _needed(reader.layers, reader.names[id(answer)])
    net = Net(Graph(source or type(module).__name__, resolution, listed))
    names = net.state_dict()
    net.load_state_dict({name: reader.arrays[name].detach().float() for name in names})
    _require_alike(net, module, image)
    return net.eval()


def with_relus_of(net: Net, graph: Graph) -> Net:
    """A net's weights in one with fewer of its ReLUs, which `cull` or `thin` made of its graph."""
    if net.network == graph:
        return net
    edited = Net(graph)
    edited.load_state_dict(net.state_dict())
    return edited.eval()


def _what(answer: object) -> str:
    if isinstance(answer, Tensor):
        return "a tensor of " + " x ".join(map(str, answer.shape))
    return f"a {type(answer).__name__}"


def _needed(layers: Iterable[Layer], last: str) -> tuple[Layer, ...]:
    """The layers that the last one depends on."""
    listed = list(layers)
    needed = {last}
    for layer in reversed(listed):
        if layer.name in needed:
            needed.update(layer.inputs)
    return tuple(layer for layer in listed if layer.name in needed)


def _require_alike(net: Net, module: nn.Module, image: Tensor) -> None:
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(2, *image.shape[1:], generator=draws).to(image)
    with evaluating(module), evaluating(net), torch.no_grad():
        wanted = module(images)
        found = net.to(image)(images)
    net.float().cpu()
    most = float(wanted.abs().max())
    if wanted.shape != found.shape or float((wanted - found).abs().max()) > 1e-3 * most + 1e-6:
        raise ModuleNotTaken(
            f"{type(module).__name__} computes something that its layers do not show: its logits"
            " are others than theirs on images at random"
        )
