"""Does this machine compute layers right? Each kind that a network can have, forward and backward,
in every layout and number format that training uses, held against float64.

Kernels that compute wrong have been found to depend on the instruction set, the number of threads,
the batch and the channels, and to end the process as often as to give a wrong gradient: so the
cases run in a process that may die, and another goes on behind the case over which one did.
"""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn

from deepreshape.design import layers, parse
from deepreshape.design.ops import BatchNorm, Conv, FullyConnected, Op, Pool, Quadratic, Relu
from deepreshape.learn.training.nets import module_of
from deepreshape.learn.workers import ended, environment

Form = Literal["float32", "float32 channels-last", "bfloat16 channels-last"]
FORMS: tuple[Form, ...] = ("float32", "float32 channels-last", "bfloat16 channels-last")
"""Layout and number format. Networks are trained channels-last; torch is free to hand a layer
contiguous images, as behind a pooling."""
ALLOWED: dict[Form, float] = {
    "float32": 1e-4,
    "float32 channels-last": 1e-4,
    "bfloat16 channels-last": 2e-2,
}
"""Error that is rounding, as a share of the largest value: bfloat16 has 8 bits."""

FAMILIES = (
    *("HRN-2x5x3x(m=8)", "HRN-2x5x3x(m=8)-Re4", "WRN16x8", "VGG16", "MobileNetV1", "MobileNetV2"),
    *("RegNetX-200MF", "ConvNeXt-T", "ResNet20-C1-Q1"),
)
"""Networks that have every kind of layer among them."""
WIDTHS = ((4, 8, 16), (12, 20, 16), (16, 32, 8), (48, 64, 8))
"""Channels in and out, fewer than a vector register holds, as many, and more; side of the maps."""
BATCHES = (8, 9)
"""An even and an odd one."""
THREADS = (1, 2, 3, 6)
TIMES = 2
"""Passes of a case: what writes past its memory may be right once."""
SECONDS = 60
"""A case that takes longer hangs."""
MOST_DEATHS = 3
"""Processes that may die before the rest is left alone."""

# Idle threads wait without computing: six of them may share two cores.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, slots=True)
class Case:
    """A layer, channels and side of the square maps that it reads, images of a batch, threads and
    form."""

    op: Op
    channels: int
    side: int
    batch: int
    threads: int
    form: Form

    def __str__(self) -> str:
        return (
            f"{self.op}, {self.batch} x {self.channels} x {self.side} x {self.side}, {self.form},"
            f" threads: {self.threads}"
        )


@dataclass(frozen=True, slots=True)
class Fault:
    """A case that is wrong, and how."""

    case: Case
    what: str

    def __str__(self) -> str:
        return f"{self.case}: {self.what}"


@dataclass(frozen=True, slots=True)
class Checked:
    """How many cases ran, how many were left alone since too many processes died, what is wrong."""

    ran: int
    left: int
    faults: tuple[Fault, ...]


Kind = tuple[str, int, int, str]
"""Of a layer: its type; of a convolution, also kernel, stride, and how its channels fall into
groups."""


def kind(op: Op) -> Kind:
    match op:
        case Conv(inputs, outputs, kernel, stride, groups):
            split = "one" if groups == 1 else "each" if groups == inputs == outputs else "some"
            return "Conv", kernel, stride, split
        case Pool(size):
            return "Pool", size or 0, 0, ""
        case _:
            return type(op).__name__, 0, 0, ""


@cache
def kinds() -> tuple[Kind, ...]:
    """The kinds of layers of the `FAMILIES` that multiply, add up or compare."""
    found = {kind(layer.op) for name in FAMILIES for layer in layers(parse(name))}
    return tuple(sorted(each for each in found if each[0] not in ("Add", "Slice", "Concat")))


def _op(of: Kind, inputs: int, outputs: int) -> Op:
    name, size, stride, split = of
    match name:
        case "Conv" if split == "one":
            return Conv(inputs, outputs, size, stride)
        case "Conv":
            groups = inputs if split == "each" else inputs // 4
            return Conv(inputs, inputs, size, stride, groups)
        case "BatchNorm":
            return BatchNorm(inputs)
        case "Quadratic":
            return Quadratic(inputs)
        case "FullyConnected":
            return FullyConnected(inputs, outputs)
        case "Pool":
            return Pool(size or None)
        case _:
            return Relu()


def cases(threads: Iterable[int] = THREADS) -> list[Case]:
    """Every kind, of few and of many channels, with every batch, in every form."""
    return [
        Case(_op(each, inputs, outputs), inputs, side, batch, number, form)
        for each in kinds()
        for inputs, outputs, side in WIDTHS
        for batch in BATCHES
        for number in threads
        for form in FORMS
    ]


Make = Callable[[Op], nn.Module]


def check(
    wanted: Sequence[Case],
    variables: Mapping[str, str] | None = None,
    make: Make = module_of,
    seconds: int = SECONDS,
) -> Checked:
    """Run the cases in processes that have these variables in their environment.

    make: the module of a layer, found by its name in another process. seconds: for a case. Raises
    RuntimeError where no process starts.
    """
    faults: list[Fault] = []
    left, deaths = list(wanted), 0
    while left and deaths < MOST_DEATHS:
        begun, wrong, status = _run(left, QUIET | dict(variables or {}), make, seconds)
        faults += [Fault(left[number], what) for number, what in wrong]
        if status == 0:
            left = []
        elif begun is None:
            raise RuntimeError(f"the process that checks layers {ended(status)} before the first")
        else:
            hung = status == -signal.SIGALRM
            what = f"took more than {seconds} s" if hung else f"the process {ended(status)}"
            faults.append(Fault(left[begun], what))
            left, deaths = left[begun + 1 :], deaths + 1
    return Checked(len(wanted) - len(left), len(left), tuple(faults))


def _run(
    wanted: Sequence[Case], variables: Mapping[str, str], make: Make, seconds: int
) -> tuple[int | None, list[tuple[int, str]], int]:
    """The last case that one process began, what it found wrong, and its exit status."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, list(wanted), make, seconds))
    begun, wrong = None, []
    with environment(variables):
        process.start()
    sender.close()
    try:
        while True:
            begun, what = receiver.recv()
            if what:
                wrong.append((begun, what))
    except (EOFError, OSError):
        process.join()
    finally:
        process.kill()
        receiver.close()
    return begun, wrong, process.exitcode or 0


def _work(sender: Any, wanted: Sequence[Case], make: Make, seconds: int) -> None:
    """In a process of its own: name each case before it runs, then what is wrong with it."""
    for number, case in enumerate(wanted):
        sender.send((number, None))
        signal.alarm(seconds)
        sender.send((number, fault(case, make)))
        signal.alarm(0)


# One case


def fault(case: Case, make: Make = module_of) -> str | None:
    """What a layer computes wrong, in this process; None where all is right."""
    expected = _expected(replace(case, threads=1, form="float32"), make)
    torch.set_num_threads(case.threads)
    for _ in range(TIMES):
        for name, value in _computed(case, make).items():
            largest = expected[name].abs().max().clamp(min=1e-30)
            error = ((value.double() - expected[name]).abs().max() / largest).item()
            if not error <= ALLOWED[case.form]:
                return f"{name} is off by {100 * error:.2g} % of the largest"
    return None


@cache
def _module(op: Op, make: Make) -> nn.Module:
    """Weights are eighths, as everything that a case starts from: bfloat16 holds them exactly."""
    module = make(op)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(_eighths(weight.shape, seed=2))
    return module


def _eighths(shape: Sequence[int], seed: int) -> Tensor:
    return torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(seed)) / 8


_last: dict[Case, dict[str, Tensor]] = {}


def _expected(case: Case, make: Make) -> dict[str, Tensor]:
    """In float64; the last is kept, since all forms and threads share it."""
    if case not in _last:
        _last.clear()
        module = deepcopy(_module(case.op, make)).double()
        _last[case] = _passed(module, _images(case).double(), torch.float64)
    return _last[case]


def _computed(case: Case, make: Make) -> dict[str, Tensor]:
    module, images = deepcopy(_module(case.op, make)), _images(case)
    if case.form != "float32" and images.dim() == 4:
        module = module.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    half = case.form == "bfloat16 channels-last"
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        return _passed(module, images, torch.bfloat16 if half else torch.float32)


def _images(case: Case) -> Tensor:
    sides = () if isinstance(case.op, FullyConnected) else (case.side, case.side)
    return _eighths((case.batch, case.channels, *sides), seed=1)


def _passed(module: nn.Module, images: Tensor, dtype: torch.dtype) -> dict[str, Tensor]:
    """What one pass forward and backward gives, by name."""
    images = images.to(dtype).requires_grad_()
    values = module(images)
    values.backward(_eighths(values.shape, seed=3).to(values.dtype))
    gradients = {f"the gradient of {name}": each.grad for name, each in module.named_parameters()}
    found = {"the result": values.detach(), "the gradient of the input": images.grad} | gradients
    return {name: value for name, value in found.items() if isinstance(value, Tensor)}
