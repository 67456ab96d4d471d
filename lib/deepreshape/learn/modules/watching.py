"""What a torch module does with an image: every operation on what depends on it, in order.

A dispatch mode sees them all below `torch.nn`: those of modules, of functions and of methods, in
place or not, and those of a module that is used twice. Control flow is followed as it goes.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakIdKeyDictionary

MOST = 1 << 22
"""A bound on the numbers of an image, so that a slip is an error and not one out of memory."""


class ModuleNotTaken(ValueError):
    """A module, or a part of one, that is not taken; the message says what it is, and where."""


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """An operation on tensors of which some depend on the image.

    place: the module that it is made in, by its name within the whole, "" for the whole. name: the
    operation's in aten, such as `convolution`, without the mark of one in place. arguments: by the
    names of its schema. reads: what it reads that depends on the image. gives: its tensors.
    """

    place: str
    name: str
    arguments: dict[str, Any]
    reads: tuple[Tensor, ...]
    gives: tuple[Tensor, ...]

    def depends(self, argument: str) -> bool:
        """Is an argument among what depends on the image?"""
        value = self.arguments.get(argument)
        return any(value is tensor for tensor in self.reads)


def watch(
    module: nn.Module,
    input_shape: Sequence[int],
    seen: Callable[[Call], None],
    begin: Callable[[Tensor], None] = lambda image: None,
) -> tuple[Tensor, Any]:
    """Show a module an image of zeros, in evaluation; `seen` gets every call on what depends on it.

    input_shape: of one image, without the batch. begin: called with the image. Returns the image,
    with a batch of one, and what the module answered. Its modes, train or eval, are afterwards as
    they were. Raises ModuleNotTaken where it does not take such an image.
    """
    require_module(module)
    shape = _checked(input_shape)
    written = " x ".join(map(str, shape))
    like = next((each for each in module.parameters() if each.is_floating_point()), None)
    kind, device = (like.dtype, like.device) if like is not None else (torch.float32, None)
    try:
        image = torch.zeros(1, *shape, dtype=kind, device=device)
        begin(image)
        with evaluating(module), _Places(module) as places, torch.no_grad():
            mode = _Mode(image, places.innermost, seen)
            with mode:
                answer = module(image)
    except ModuleNotTaken:
        raise
    except Exception as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModuleNotTaken(
            f"{type(module).__name__} does not take an image of {written}: {said}"
        ) from error
    return image, answer


def require_module(module: object) -> None:
    """Raise ModuleNotTaken for what is no module, or a lazy one without weights."""
    if not isinstance(module, nn.Module):
        raise ModuleNotTaken(f"a torch.nn.Module is taken, not {type(module).__name__}")
    lazy = [name for name, each in module.named_parameters() if is_lazy(each)]
    if lazy:
        raise ModuleNotTaken(f"{lazy[0]} has no shape yet: show the module an image first")


def _checked(input_shape: Sequence[int]) -> tuple[int, ...]:
    shape = tuple(input_shape)
    if not shape or not all(type(size) is int and size > 0 for size in shape):
        raise ModuleNotTaken(
            f"an input shape is that of one image, such as (3, 224, 224), not {input_shape!r}"
        )
    if prod(shape) > MOST:
        raise ModuleNotTaken(
            f"an image of {' x '.join(map(str, shape))} is out of reach here;"
            f" {MOST:,} numbers are the most"
        )
    return shape


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A module in evaluation, and afterwards in its modes as they were."""
    modes = [(each, each.training) for each in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for each, training in modes:
            each.training = training


class _Places:
    """The modules that are running, innermost last, by their names."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.running, self.hooks = module, [""], ExitStack()

    def __enter__(self) -> "_Places":
        for name, each in self.module.named_modules():
            entered = each.register_forward_pre_hook(partial(self._enter, name))
            left = each.register_forward_hook(self._leave)
            self.hooks.callback(entered.remove)
            self.hooks.callback(left.remove)
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.close()

    def innermost(self) -> str:
        return self.running[-1]

    def _enter(self, name: str, *_: object) -> None:
        self.running.append(name)

    def _leave(self, *_: object) -> None:
        self.running.pop()


class _Mode(TorchDispatchMode):
    """Passes every call on; what depends on the image is known by the tensor itself."""

    def __init__(
        self, image: Tensor, place: Callable[[], str], seen: Callable[[Call], None]
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.place, self.seen = place, seen
        self.dependent: MutableMapping[Tensor, bool] = WeakIdKeyDictionary()
        self.dependent[image] = True

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        out = func(*args, **named)
        reads = tuple(each for each in _tensors((args, named)) if each in self.dependent)
        if reads and func.namespace == "aten":
            name = func.overloadpacket.__name__
            name = "convolution" if name == "_convolution" else name  # of a traced module
            listed = func._schema.arguments
            given = {each.name: each.default_value for each in listed if each.has_default_value()}
            given |= dict(zip((each.name for each in listed), args, strict=False)) | named
            call = Call(self.place(), name.removesuffix("_"), given, reads, tuple(_tensors(out)))
            self.seen(call)
            if call.name not in _CONSTANT:
                for each in call.gives:
                    self.dependent[each] = True
        return out


_CONSTANT = {
    *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like"),
    *("new_zeros", "new_ones", "new_full", "new_empty"),
}
"""What they give depends on the shape of what they read alone."""


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors of nested tuples, lists and dictionaries."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from chain.from_iterable(map(_tensors, values.values()))
    elif isinstance(values, tuple | list):
        yield from chain.from_iterable(map(_tensors, values))
