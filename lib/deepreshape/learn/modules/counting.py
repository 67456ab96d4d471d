"""What a torch module costs: its operations on an image, counted one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from deepreshape.design.cost import BATCHNORM_FLOPS, Convention
from deepreshape.learn.modules.operations import Counts, called, cost_of, storage
from deepreshape.learn.modules.watching import Call, ModuleNotTaken, require_module, watch


@dataclass(frozen=True, slots=True)
class ModuleCount:
    """What a module costs for one image, in all and in parts; the fields are those of `Counts`.

    by_module: of the modules that do or hold anything themselves, by name, "" for the whole, in
    order. by_stage: by the height and width of the maps that come out, `56x56`, and `1x1` for what
    has no map; parameters are with the stage that first reads them, and those that nothing reads
    are in `parameters` alone. ReLUs are those of convention 3 (the stem's count with the stage of
    its size).
    """

    relus: int
    macs: int
    parameters: int
    batchnorm: int
    comparisons: int
    by_module: Mapping[str, Counts]
    by_stage: Mapping[str, Counts]

    def flops(self, convention: Convention) -> int:
        """FLOPs as the paper prints them: MACs plus 5 (A) or 2 (B) per BatchNorm element."""
        return self.macs + BATCHNORM_FLOPS[convention] * self.batchnorm


def count_module(module: nn.Module, input_shape: Sequence[int]) -> ModuleCount:
    """What a torch module costs for one image of `input_shape`, such as (3, 224, 224).

    An image of zeros is shown to it, in evaluation: modules, functions, methods and their forms in
    place are all seen, a module that is used twice counts twice, and control flow goes as that
    image goes. ReLU6 and a clamp at zero are ReLUs. Sums, means, moves, BatchNorm and bias are free
    of ReLUs and of MACs, and what does not depend on the image is free of all. Max pooling is no
    ReLU: its comparisons are counted apart.

    Raises ModuleNotTaken for what is not counted, with its place: other activations, softmax,
    attention, products of two activations, layer normalisation; and for a module that does not take
    such an image.

    >>> from torch import nn
    >>> from deepreshape.learn.modules.counting import count_module
    >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    >>> counted = count_module(net, (3, 32, 32))
    >>> counted.relus, counted.macs, counted.parameters, counted.comparisons
    (8192, 221184, 224, 6144)
    """
    require_module(module)
    counter = _Counter(module)
    watch(module, input_shape, counter.add)
    counter.require_known()
    total = Counts()
    for each in counter.by_module.values():
        total = total.plus(each)
    by_module = {name: each for name, each in counter.by_module.items() if any(each)}
    return ModuleCount(*total, by_module, counter.by_stage)


class _Counter:
    """Adds up calls, by module and by stage, and notes which are not known."""

    def __init__(self, module: nn.Module) -> None:
        self.by_module = {name: Counts() for name, _ in module.named_modules()}
        self.by_stage: dict[str, Counts] = {}
        self.unknown: dict[str, list[str]] = {}
        self.learned: dict[int, int] = {}
        for full_name, each in module.named_parameters():
            owner, _, _ = full_name.rpartition(".")
            mine = Counts(parameters=each.numel())
            self.by_module[owner] = self.by_module[owner].plus(mine)
            self.learned[storage(each)] = each.numel()

    def add(self, call: Call) -> None:
        found = cost_of(call)
        if found is None:
            self.unknown.setdefault(called(call), []).append(call.place)
            return
        self.by_module[call.place] = self.by_module[call.place].plus(found)
        read = 0
        for value in call.arguments.values():
            if isinstance(value, Tensor):
                read += self.learned.pop(storage(value), 0)
        if any(found) or read:
            stage = _stage(call.gives[0])
            known = self.by_stage.get(stage, Counts())
            self.by_stage[stage] = known.plus(found._replace(parameters=read))

    def require_known(self) -> None:
        if self.unknown:
            parts = [
                f"{what} (in {places[0] or 'the module itself'}"
                + (f" and {len(places) - 1} more places)" if len(places) > 1 else ")")
                for what, places in self.unknown.items()
            ]
            raise ModuleNotTaken(
                f"not counted: {', '.join(parts)}; ReLUs, max pooling and what is linear are"
            )


def _stage(tensor: Tensor) -> str:
    """The size of a map (n, channels, ...)."""
    return "x".join(map(str, tensor.shape[2:])) or "1x1"
