"""Where this project's own files lie: the library is used from a checkout (editable install)."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
DATA = ROOT / "data"
"""Published numbers and recorded runs."""
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
