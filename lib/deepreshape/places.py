"""Where this project's own files lie: the library is used from a checkout (editable install)."""

from pathlib import Path

DATA = Path(__file__).parents[2] / "data"
"""Published numbers and recorded runs."""
RECORDED = DATA / "runs"
"""Records that this repository keeps of larger runs."""
