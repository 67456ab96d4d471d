"""What a record says of where it was made: machine, libraries, and which code, as far as known."""

import hashlib
import os
import platform
import re
from functools import lru_cache
from pathlib import Path

import torch

from deepreshape.learn.training import processor
from deepreshape.learn.training.machine import GRAPHS, describe, driver, printed

LIB = Path(__file__).parents[3]
LOCK = LIB.parent / "requirements-lock.txt"
COMPUTES = ("image_files.py", "design", "learn/images", "learn/training", "learn/search")
"""The modules and rooms that a result is computed by."""
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Variables that choose others."""

Facts = dict[str, str | int | bool | None]


def environment(device: torch.device) -> Facts:
    """`machine.describe`, and beside it, None where it is not known:

    instructions: of the processor (`processor.INSTRUCTIONS`); limits: of `LIMITS`, what is set.
    onednn: version. cuda, cudnn, driver: versions, where there is a GPU; gpu_mib: its memory;
    graphs: were steps captured (`machine.GRAPHS`)? convolutions: deterministic, where those
    algorithms alone were allowed. host: which computer, by eight digits of the SHA-256 of its name.
    commit: of the checkout that the library lies in; dirty: do files that it tracks differ? code:
    SHA-256 of the sources that compute a result; lock: of the pinned requirements.
    """
    host = {"host": hashlib.sha256(platform.node().encode()).hexdigest()[:8]}
    return {**describe(device), **host, **_processor(), **_gpu(device), **_checkout(), **_code()}


@lru_cache(maxsize=1)
def _processor() -> Facts:
    found = re.search(r"(?:Intel.*MKL-DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    limits = " ".join(f"{name}={os.environ[name]}" for name in LIMITS if os.environ.get(name))
    return {
        "instructions": " ".join(processor.instructions()) or None,
        "limits": limits or "none",
        "onednn": found[1] if found else None,
    }


def _gpu(device: torch.device) -> Facts:
    if device.type != "cuda":
        return {}
    return {
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver": driver(),
        "gpu_mib": torch.cuda.get_device_properties(device).total_memory >> 20,
        "graphs": os.environ.get(GRAPHS) == "1",
        "convolutions": "deterministic" if torch.backends.cudnn.deterministic else "any",
    }


@lru_cache(maxsize=1)
def _checkout() -> Facts:
    """Of the repository whose root is the library's; one around an installed copy says nothing."""
    git = ["git", "-C", str(LIB.parent)]
    root = printed(*git, "rev-parse", "--show-toplevel")
    if not root or Path(root).resolve() != LIB.parent.resolve():
        return {"commit": None, "dirty": None}
    changed = printed(*git, "status", "--porcelain", "--untracked-files=no")
    return {
        "commit": printed(*git, "rev-parse", "HEAD") or None,
        "dirty": None if changed is None else bool(changed),
    }


@lru_cache(maxsize=1)
def _code() -> Facts:
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.is_file() else None
    return {"code": code_digest(LIB), "lock": lock}


def code_digest(lib: Path) -> str:
    """SHA-256 of the sources that compute a result, below a folder that holds `deepreshape`."""
    total = hashlib.sha256()
    for path in sources(lib):
        total.update(f"{path.relative_to(lib).as_posix()}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def sources(lib: Path) -> list[Path]:
    """The modules of `COMPUTES`, and those of its rooms."""
    parts = (lib / "deepreshape" / part for part in COMPUTES)
    found = ([part] if part.suffix else part.rglob("*.py") for part in parts)
    return sorted(path for each in found for path in each)
