"""A learning curve; a room of its own, since records are read without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a learning curve: mean training loss, seconds, images per second."""

    loss: float
    seconds: float
    images_per_second: float
