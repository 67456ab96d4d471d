"""The machine a run is computed on: device, and the number format that it multiplies fast."""

import os
import platform
import subprocess
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
"""CUDA devices multiply bfloat16 numbers from this compute capability on."""


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
    """The device of that name (auto: CUDA where there is one), and the number format, which follows
    from what the device is (`chosen`) where none is named.

    Raises ValueError for a device that this machine does not have.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise ValueError(f"unknown device {device!r}; known are auto, cpu, cuda")
    if device == "cuda":
        if not torch.cuda.is_available():
            raise ValueError("device cuda: this machine has no CUDA device that torch can use")
        # Of the two, torch lets convolutions round to TF32 unless told otherwise.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    place = torch.device(device)
    return Machine(place, precision or chosen(place)[0])


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
