"""A folder of images by class, as a user has one."""

from pathlib import Path

import numpy as np
from PIL import Image


def birds(folder: Path, height: int = 40, width: int = 36) -> Path:
    """`birds` in a folder: crows and jays, ten of each to train on and ten to test."""
    noise = np.random.default_rng(0)
    for place in ("train/crow", "train/jay", "test/crow", "test/jay"):
        (folder / "birds" / place).mkdir(parents=True)
        for number in range(10):
            pixels = noise.integers(0, 256, (height, width, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "birds" / place / f"{number}.png")
    return folder / "birds"
