"""The machine a run is computed on: device, and the number format that is faster on it."""

import json
import platform
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import torch

from deepreshape import __version__
from deepreshape.design import hybrenet
from deepreshape.files import write_text
from deepreshape.learn.files import alone_if_possible, cache_folder
from deepreshape.learn.nets import Net, build

Precision = Literal["float32", "bfloat16"]

WORTHWHILE = 1.1
"""bfloat16 is taken where it trains at least so many times faster than float32."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run is computed and in which number format."""

    device: torch.device
    precision: Precision

    def autocast(self) -> torch.autocast:
        enabled = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def place(self, net: Net) -> Net:
        """The net on the device, its weights in the layout that is fast there."""
        return net.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def this_machine(device: str = "auto", precision: Precision | None = None) -> Machine:
    """The device of that name (auto: CUDA where there is one) and its faster number format.

    Raises ValueError for a device that this machine does not have.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise ValueError(f"unknown device {device!r}; known are auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda: this machine has no CUDA device that torch can use")
    place = torch.device(device)
    return Machine(place, precision or _faster_precision(place))


def describe(device: torch.device) -> dict[str, str | int]:
    """What a record says of where it was made."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": device.type,
        "processor": name,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "deepreshape": __version__,
    }


def probe(device: torch.device, steps: int = 5) -> dict[Precision, float]:
    """Median seconds of a training step of HRN-2x5x3x(m=8), batch 64, in each number format."""
    times: dict[Precision, list[float]] = {"float32": [], "bfloat16": []}
    trials = {precision: _training_step(device, precision) for precision in times}
    for _ in range(steps + 1):
        for precision, seconds in times.items():
            start = time.perf_counter()
            trials[precision]()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
    return {precision: median(seconds[1:]) for precision, seconds in times.items()}


def _training_step(device: torch.device, precision: Precision) -> Callable[[], None]:
    machine = Machine(device, precision)
    net = machine.place(build(hybrenet(2, 5, 3, m=8), seed=0))
    images = torch.zeros(64, 3, 32, 32, device=device).to(memory_format=torch.channels_last)

    def step() -> None:
        with machine.autocast():
            loss = net(images).float().logsumexp(1).mean()
        loss.backward()

    return step


def _faster_precision(device: torch.device) -> Precision:
    """Probed once for each processor, device, thread count and torch; kept in the cache folder,
    where that can be written to."""
    facts = describe(device)
    key = " ".join(str(facts[name]) for name in ("processor", "device", "threads", "torch"))
    path = cache_folder() / "precision.json"
    with alone_if_possible(path.with_suffix(".lock")):
        known = _probed_before(path)
        if key not in known:
            times = probe(device)
            gain = times["float32"] / times["bfloat16"]
            known[key] = "bfloat16" if gain >= WORTHWHILE else "float32"
            with suppress(OSError):
                write_text(path, json.dumps(known, indent=1))
    return known[key]


def _probed_before(path: Path) -> dict[str, Precision]:
    try:
        kept = json.loads(path.read_text())
        return {key: value for key, value in kept.items() if value in ("float32", "bfloat16")}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
