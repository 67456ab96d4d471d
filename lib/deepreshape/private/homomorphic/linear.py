"""Linear layers as values: their shapes, without weights. Pure Python."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Convolution:
    """Maps (inputs, side, side) to (outputs, -(-side // stride), ...), padded by kernel // 2.

    kernel: odd. groups: input and output channels fall into so many groups that do not mix. A fully
    connected layer is a convolution of 1 x 1 on maps of one position.
    Weights: (outputs, inputs / groups, kernel, kernel).
    """

    inputs: int
    outputs: int
    side: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1

    def __post_init__(self) -> None:
        if min(self.inputs, self.outputs, self.side, self.kernel, self.stride, self.groups) < 1:
            raise ValueError(f"{self}: every number of a layer is at least 1")
        if self.kernel % 2 == 0:
            raise ValueError(f"{self}: an even kernel has no middle")
        if self.inputs % self.groups or self.outputs % self.groups:
            raise ValueError(f"{self}: the groups do not divide the channels")

    @property
    def output_side(self) -> int:
        return -(-self.side // self.stride)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.inputs, self.side, self.side

    @property
    def output_shape(self) -> tuple[int, ...]:
        return self.outputs, self.output_side, self.output_side

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return self.outputs, self.inputs // self.groups, self.kernel, self.kernel
