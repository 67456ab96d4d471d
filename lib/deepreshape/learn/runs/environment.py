"""What a record says of where it was made: machine, libraries, and which code, as far as known."""

import ast
import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import torch

from deepreshape.learn.training import processor
from deepreshape.learn.training.machine import describe, driver

LIB = Path(__file__).parents[3]
LOCK = LIB.parent / "requirements-lock.txt"
COMPUTES = ("training/loop", "training/teacher", "search/searches", "search/masks")
"""The modules of `learn` that a result is computed by, with all that they import of ours."""
LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY")
"""Variables that choose others."""

Facts = dict[str, str | int | bool | None]


def environment(device: torch.device) -> Facts:
    """`machine.describe`, and beside it, None where it is not known:

    instructions: of the processor (`processor.INSTRUCTIONS`); limits: of `LIMITS`, what is set.
    onednn: version. cuda, cudnn, driver: versions, where there is a GPU. commit: of the checkout
    that the library lies in; dirty: do files that it tracks differ? code: SHA-256 of the sources
    that compute a result; lock: of the pinned requirements.
    """
    return {**describe(device), **_processor(), **_gpu(device), **_checkout(), **_code()}


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
    }


@lru_cache(maxsize=1)
def _checkout() -> Facts:
    """Of the repository whose root is the library's; one around an installed copy says nothing."""
    git = ["git", "-C", str(LIB.parent)]
    root = _said([*git, "rev-parse", "--show-toplevel"])
    if not root or Path(root).resolve() != LIB.parent.resolve():
        return {"commit": None, "dirty": None}
    changed = _said([*git, "status", "--porcelain", "--untracked-files=no"])
    return {
        "commit": _said([*git, "rev-parse", "HEAD"]) or None,
        "dirty": None if changed is None else bool(changed),
    }


def _said(command: list[str]) -> str | None:
    """What a program prints; None where it is not there, or fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True, env=clean
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@lru_cache(maxsize=1)
def _code() -> Facts:
    lock = hashlib.sha256(LOCK.read_bytes()).hexdigest() if LOCK.is_file() else None
    return {"code": code_digest(LIB), "lock": lock}


def code_digest(lib: Path) -> str:
    """SHA-256 of the sources that compute a result, below a folder that holds `deepreshape`."""
    total = hashlib.sha256()
    for path in sorted(sources(lib)):
        total.update(f"{path.relative_to(lib).as_posix()}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()


def sources(lib: Path) -> set[Path]:
    """The modules of ours that those of `COMPUTES` import, and these."""
    found: set[Path] = set()
    left = [lib / "deepreshape" / "learn" / f"{name}.py" for name in COMPUTES]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += _imported(path, lib)
    return found


def _imported(path: Path, lib: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("deepreshape"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in (str(node.module), *names):
                base = lib.joinpath(*name.split("."))
                yield from filter(Path.is_file, (base.with_suffix(".py"), base / "__init__.py"))
