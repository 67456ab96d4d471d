"""Where this project's own files lie: in a checkout (an editable install), or in a package."""

import os
from pathlib import Path

PACKED = Path(__file__).parent / "data"
"""What a built package holds of the checkout's `data` (`setup.py`)."""
ROOT = Path.cwd() if PACKED.is_dir() else Path(__file__).parents[2]
"""The checkout; of a package, the folder that the program was started in."""
DATA = PACKED if PACKED.is_dir() else ROOT / "data"
"""Published numbers, constants of the latency model, recorded runs and two trained models."""
RECORDED = DATA / "runs"
"""Records that this repository keeps of larger runs."""


def named_folder(variable: str) -> Path | None:
    """The folder that an environment variable names; None where it is empty or not set.

    `~` is the user's home, which no shell puts in for what comes from a file.
    """
    named = os.environ.get(variable)
    return Path(named).expanduser() if named else None


def folder(variable: str, default: str) -> str:
    """The folder that an environment variable names, or the default; whole, relative ones taken
    from the checkout, whatever folder a notebook runs in."""
    return str(ROOT / (named_folder(variable) or default))


def figures() -> Path:
    """Where notebooks write pictures and tables: FIGURES, or build/figures."""
    return Path(folder("FIGURES", "build/figures"))
