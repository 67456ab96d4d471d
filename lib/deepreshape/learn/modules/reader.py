"""The calls of a module as layers of this library, and its weights under their names."""

from math import inf
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from deepreshape.design.ops import (
    IMAGE,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    Layer,
    Op,
    Pool,
    Relu,
    Shape,
    Slice,
)
from deepreshape.learn.modules.operations import (
    MAX_POOLS,
    NORMALISATIONS,
    called,
    relu_bound,
    storage,
)
from deepreshape.learn.modules.watching import Call, ModuleNotTaken

EPSILON = 1e-5
"""What BatchNorm adds to a variance, here and in fixed point."""
SAME = {"view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze", "unsqueeze", "flatten"}
"""Operations that keep all numbers in their order."""
COPIES = {"clone", "detach", "alias", "contiguous", "_to_copy", "lift_fresh"}
RESERVED = {"network", "program", "last_use", "observe", "stage_ends", "replace"}
"""Names that a `Net` has for something else."""


class Reader:
    """Writes a layer for every call that is one. names: by tensor, the layer that gives it."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.layers: list[Layer] = []
        self.shapes: dict[str, Shape] = {}
        self.names: dict[int, str] = {}
        self.flat: set[str] = set()
        """Layers that give (n, channels), without a map."""
        self.arrays: dict[str, Tensor] = {}
        self.kept: list[Tensor] = []
        """All tensors that are known, so that none takes another's place in memory."""
        held = [*module.named_parameters(), *module.named_buffers()]
        self.held = {storage(each): (name, each) for name, each in held}
        self.used: set[str] = set()

    def begin(self, image: Tensor) -> None:
        _, channels, height, width = image.shape
        self.shapes[IMAGE] = channels, height, width
        self._know(image, IMAGE)

    def add(self, call: Call) -> None:
        name = call.name
        if (bound := relu_bound(call)) is not None:
            if bound != inf:
                _refuse(call, f"a ReLU with an upper bound of {bound:g}", "put a ReLU there")
            self._put(call, Relu(), "relu")
        elif name == "convolution":
            self._convolution(call)
        elif name in NORMALISATIONS:
            self._normalisation(call)
        elif name in ("addmm", "mm"):
            self._fully_connected(call)
        elif name == "add":
            self._sum(call)
        elif name in ("mean", "avg_pool2d", "_adaptive_avg_pool2d"):
            self._mean(call)
        elif name == "cat":
            self._concatenation(call)
        elif name in ("slice", "split", "split_with_sizes", "unsafe_split"):
            self._slices(call)
        elif name in SAME:
            self._same(call)
        elif name in COPIES and call.gives[0].dtype == call.reads[0].dtype:
            self._know(call.gives[0], self._source(call))
        elif name in MAX_POOLS:
            _refuse(call, "max pooling", "a mean (nn.AvgPool2d) is taken in its place")
        else:
            _refuse(call, called(call))

    def _convolution(self, call: Call) -> None:
        given = call.arguments
        weight: Tensor = given["weight"]
        if given["transposed"] or weight.dim() != 4:
            _refuse(call, "a convolution that is transposed or not of two dimensions")
        outputs, _, kernel, width = weight.shape
        numbers = {key: set(given[key]) for key in ("stride", "padding", "dilation")}
        square = kernel == width and len(numbers["stride"]) == 1
        if not square or kernel % 2 == 0 or numbers["dilation"] != {1}:
            _refuse(call, f"a convolution with a {kernel} x {width} kernel or dilation", _KERNELS)
        if numbers["padding"] != {kernel // 2}:
            padding = " x ".join(map(str, given["padding"]))
            _refuse(call, f"a {kernel} x {kernel} convolution padded by {padding}", _KERNELS)
        inputs, stride = given["input"].shape[1], numbers["stride"].pop()
        biased = given["bias"] is not None
        op = Conv(inputs, outputs, kernel, stride, given["groups"], biased)
        self._put(call, op, "conv", weight=weight, bias=given["bias"])

    def _normalisation(self, call: Call) -> None:
        given = call.arguments
        running = given.get("running_mean"), given.get("running_var")
        if given.get("training", False) or None in running:
            _refuse(call, called(call))
        if given["weight"] is None or given["bias"] is None:
            _refuse(call, "a normalisation without weights (affine=False)")
        if abs(given["eps"] - EPSILON) > 1e-12:
            _refuse(call, f"a BatchNorm with eps {given['eps']:g}", f"{EPSILON:g} is taken")
        if call.gives[0].dim() != 4:
            _refuse(call, "a BatchNorm of what has no map")
        parts = {"weight": given["weight"], "bias": given["bias"]}
        parts |= {"running_mean": running[0], "running_var": running[1]}
        name = self._put(call, BatchNorm(call.gives[0].shape[1]), "bn", **parts)
        self.arrays[f"{name}.num_batches_tracked"] = torch.zeros(())

    def _fully_connected(self, call: Call) -> None:
        given = call.arguments
        read, weight = (
            given[key] for key in (("mat1", "mat2") if call.name == "addmm" else ("self", "mat2"))
        )
        bias = given["self"] if call.name == "addmm" else None
        scaled = given.get("alpha", 1) != 1 or given.get("beta", 1) != 1
        if id(read) not in self.names or id(weight) in self.names or scaled:
            _refuse(call, "a product of two activations")
        inputs, outputs = weight.shape
        op = FullyConnected(inputs, outputs, bias is not None)
        self._put(call, op, "linear", weight=weight.t(), bias=bias)

    def _sum(self, call: Call) -> None:
        one, other = call.arguments["self"], call.arguments["other"]
        both = call.depends("self") and call.depends("other")
        if not both or one.shape != other.shape or call.arguments["alpha"] != 1:
            _refuse(call, "a sum with a constant, or of different shapes")
        self._put(call, Add(), "add")

    def _mean(self, call: Call) -> None:
        given, read = call.arguments, call.reads[0]
        side = read.shape[-1]
        if call.name == "mean":
            axes = {axis % read.dim() for axis in given.get("dim") or ()}
            size = side if read.dim() == 4 and axes == {2, 3} else 0
        elif call.name == "avg_pool2d":
            steps = {*given["kernel_size"], *(given["stride"] or given["kernel_size"])}
            plain = len(steps) == 1 and not any(given["padding"])
            even = not given["ceil_mode"] or side % max(steps) == 0
            size = steps.pop() if plain and even and not given["divisor_override"] else 0
        else:
            wanted = set(given["output_size"])
            size = side // max(wanted) if len(wanted) == 1 and side % max(wanted) == 0 else 0
        if not size:
            _refuse(call, "a mean over other than whole maps or windows that do not overlap")
        if call.gives[0].dim() == 2:
            self._put(call, Pool(), "pool")
        elif size == 1:
            self._know(call.gives[0], self._source(call))
        else:
            self._put(call, Pool(size), "pool")

    def _concatenation(self, call: Call) -> None:
        listed = call.arguments["tensors"]
        if call.arguments["dim"] % listed[0].dim() != 1 or len(listed) != len(call.reads):
            _refuse(call, "a concatenation of other than channels of activations")
        self._put(call, Concat(), "cat")

    def _slices(self, call: Call) -> None:
        given, read = call.arguments, call.reads[0]
        same = call.gives[0].shape == read.shape
        if same:
            self._know(call.gives[0], self._source(call))
            return
        if given["dim"] % read.dim() != 1 or given.get("step", 1) != 1:
            _refuse(call, "a slice of other than channels")
        channels = read.shape[1]
        start = 0
        if call.name == "slice":
            start = slice(given.get("start"), given.get("end")).indices(channels)[0]
        for part in call.gives:
            stop = start + part.shape[1]
            self._put(call, Slice(start, stop), "slice", gives=part)
            start = stop

    def _same(self, call: Call) -> None:
        read, gives = call.reads[0], call.gives[0]
        source = self._source(call)
        if gives.shape == read.shape:
            self._know(gives, source)
        elif gives.shape == (1, read[0].numel()) and read.dim() == 4:
            self._flatten(call, source)
        else:
            shapes = [" x ".join(map(str, each.shape[1:])) for each in (read, gives)]
            _refuse(call, f"a change of shape from {shapes[0]} to {shapes[1]}")

    def _flatten(self, call: Call, source: str) -> None:
        """What a call gives has no map from here on; a mean of whole maps before it has none."""
        last = self.layers[-1] if self.layers else None
        if last and last.name == source and self._is_whole(last):
            self.layers[-1] = Layer(source, Pool(), last.inputs, last.shape, 0)
            self.flat.add(source)
        if source in self.flat:
            self._know(call.gives[0], source)
        else:
            self._put(call, Flatten(), "flatten")

    def _is_whole(self, layer: Layer) -> bool:
        """Is it a mean over whole maps?"""
        return isinstance(layer.op, Pool) and self.shapes[layer.inputs[0]][1] == layer.op.size

    def _put(
        self, call: Call, op: Op, what: str, gives: Tensor | None = None, **weights: Tensor | None
    ) -> str:
        """Write a layer and take its weights; returns its name."""
        inputs = tuple(self.names[id(each)] for each in call.reads)
        if isinstance(op, Conv | BatchNorm | Pool) and not self.flat.isdisjoint(inputs):
            _refuse(call, f"{what} of what was flattened")
        name = self._name(call, what)
        for part, value in weights.items():
            if value is not None:
                self.arrays[f"{name}.{part}"] = self._learned(call, value)
        given = call.gives[0] if gives is None else gives
        self._write(name, op, inputs, (*given.shape[1:], 1, 1)[:3])
        if given.dim() == 2:
            self.flat.add(name)
        self._know(given, name)
        return name

    def _write(self, name: str, op: Op, inputs: tuple[str, ...], shape: Any) -> None:
        self.layers.append(Layer(name, op, inputs, tuple(shape), 0))
        self.shapes[name] = tuple(shape)

    def _know(self, tensor: Tensor, name: str) -> None:
        self.names[id(tensor)] = name
        self.kept.append(tensor)

    def _source(self, call: Call) -> str:
        return self.names[id(call.reads[0])]

    def _learned(self, call: Call, value: Tensor) -> Tensor:
        """A weight, which the module has to hold as it is, and to use once."""
        name, whole = self.held.get(storage(value), ("", value))
        if not name or whole.numel() != value.numel():
            _refuse(call, "a weight that is computed from others")
        if name in self.used:
            _refuse(call, f"a second use of {name}", "each layer has weights of its own")
        self.used.add(name)
        return value

    def _name(self, call: Call, what: str) -> str:
        """A layer's name: its module's where PyTorch's own module does nothing else."""
        place = call.place.replace(".", "/")
        module = self.module.get_submodule(call.place)
        own = type(module).__module__.startswith("torch.nn") and not any(module.children())
        wanted = place if own and place else "/".join(filter(None, (place, what)))
        name, number = wanted, 1
        while name in self.shapes or name in RESERVED:
            number += 1
            name = f"{wanted}_{number}"
        return name


_KERNELS = "odd square kernels are taken, padded by half of them, without dilation"


def _refuse(call: Call, what: str, instead: str = "") -> NoReturn:
    where = call.place or "the module itself"
    raise ModuleNotTaken(f"{where}: {what} is not taken" + (f"; {instead}" if instead else ""))
