"""The machine a run is computed on: device, and the number format that it multiplies fast."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

from deepreshape import __version__
from deepreshape.learn.training import processor
from deepreshape.learn.training.nets import Net

Precision = Literal["float32", "bfloat16"]
"""bfloat16: what autocast takes it for; weights, statistics and losses stay in float32. float32 is
never TF32."""

CAPABLE = (8, 0)
"""CUDA devices multiply bfloat16 numbers from this compute capability on. Older ones (V100, T4) get
float32: their tensor cores take float16 alone, whose range needs losses to be scaled, another
arithmetic than that of all records."""
GRAPHS = "DEEPRESHAPE_GRAPHS"
"""The variable that has steps captured as CUDA graphs where it is 1 (`Machine.graphs`)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run is computed and in which number format.

    graphs: are steps captured and repeated (`steps.Graphed`)? On a CPU, repeated alone.
    """

    device: torch.device
    precision: Precision
    graphs: bool = False

    def autocast(self) -> torch.autocast:
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def place(self, net: Net) -> Net:
        """The net on the device, its weights in the layout that is fast there."""
        return net.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def this_machine(device: str = "auto", precision: Precision | None = None) -> Machine:
    """The device of that name (auto: CUDA where there is one; cuda:1: the second GPU), and the
    number format, which follows from what the device is (`chosen`) where none is named.

    On a GPU convolutions are computed by algorithms that give the same bits each time, none of them
    chosen by a trial. Raises ValueError for a device that this machine does not have.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", device):
        raise ValueError(f"unknown device {device!r}; known are auto, cpu, cuda, cuda:1")
    place = torch.device(device)
    if place.type == "cuda":
        if not torch.cuda.is_available():
            raise ValueError(f"device {device}: this machine has no CUDA device that torch can use")
        there = torch.cuda.device_count()
        if place.index is not None and place.index >= there:
            raise ValueError(f"device {device}: this machine has {there}, numbered from cuda:0")
        # Of the two, torch lets convolutions round to TF32 unless told otherwise.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    return Machine(place, precision or chosen(place)[0], os.environ.get(GRAPHS) == "1")


@contextmanager
def on_free_cores(say: Callable[[str], None]) -> Iterator[None]:
    """A block in which this process computes on no more threads than cores are free, and says so.

    Threads wait for each other in every layer: beside a neighbour that takes one of two cores, two
    took 3 to 100 times as long as one. Where OMP_NUM_THREADS says how many, so many there are.
    """
    before = torch.get_num_threads()
    free = before if before == 1 or "OMP_NUM_THREADS" in os.environ else processor.free_cores()
    if free < before:
        say(f"other work keeps cores busy: {free} of {before} threads (OMP_NUM_THREADS sets them)")
        torch.set_num_threads(free)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def chosen(device: torch.device) -> tuple[Precision, str]:
    """bfloat16 where the device multiplies it faster than float32, which is otherwise; and why."""
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        able = capability >= CAPABLE
        why = "the GPU's compute capability is " + ".".join(map(str, capability))
    else:
        able, why = processor.bfloat16()
    return "bfloat16" if able else "float32", why


def describe(device: torch.device) -> dict[str, str | int]:
    """What a record says of where it was made."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor.name()
    tf32 = {"tf32": "off"} if device.type == "cuda" else {}
    return {
        "device": device.type,
        "processor": name,
        **tf32,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "deepreshape": __version__,
    }


def driver() -> str | None:
    """The version of the NVIDIA driver; None where it is not known."""
    said = printed("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    return next(iter((said or "").split()), None)


def printed(*command: str) -> str | None:
    """What a program prints; None where it is not there, or fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True, env=clean
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
