"""The ReLU-reuse module, which stands in for a convolution and its ReLU (section 4.2, Figure 9).

The channels fall into groups; later groups read what earlier ones give, ReLUs activate the last
group alone, and a 1x1 convolution mixes them all.
"""

from dataclasses import replace
from typing import Literal

from deepreshape.design.ops import Add, Concat, Conv, Relu, Slice, Tape

Divisions = Literal["three", "chained", "apart"]
"""How a module divides its channels: into `three` groups whatever the reduction factor N, as the
paper proposes, or into N equal ones. Of these each reads the one before it where they are
`chained`, and none does where they stand `apart` (Table 9, with and without reuse)."""


def relu_reuse(
    tape: Tape, name: str, source: str, conv: Conv, factor: int, divisions: Divisions, relu: str
) -> str:
    """The module in place of `conv`, with c / factor of its c outputs behind the ReLU `relu`.

    It keeps the shape of what it reads: where `conv` changes it, a 1x1 convolution of the same
    stride comes first.
    """
    c = conv.outputs
    if (conv.inputs, conv.stride) != (c, 1):
        source = tape.conv_bn(f"{name}/shape", source, replace(conv, kernel=1))
    if divisions == "three":
        groups = _three_groups(tape, name, source, factor, relu)
    else:
        groups = _equal_groups(tape, name, source, factor, divisions == "chained", relu)
    x = tape.put(f"{name}/concat", Concat(), *groups)
    return tape.conv_bn(f"{name}/mix", x, Conv(c, c, 1))


def _three_groups(tape: Tape, name: str, source: str, factor: int, relu: str) -> tuple[str, ...]:
    """A quarter of the channels passes, c/N are activated, the rest is only convolved and feeds the
    activated group."""
    c = tape.channels(source)
    passed, active = c // 4, c // factor
    linear = c - passed - active
    x1 = tape.put(f"{name}/pass", Slice(0, passed), source)
    x2 = tape.put(f"{name}/linear", Slice(passed, passed + linear), source)
    x3 = tape.put(f"{name}/active", Slice(passed + linear, c), source)
    y2 = tape.conv_bn(f"{name}/linear_conv", x2, Conv(linear, linear))
    match = tape.conv_bn(f"{name}/match", y2, Conv(linear, active, 1))
    x3 = tape.put(f"{name}/active_sum", Add(), x3, match)
    y3 = tape.conv_bn_relu(f"{name}/active_conv", x3, Conv(active, active), relu)
    return x1, y2, y3


def _equal_groups(
    tape: Tape, name: str, source: str, factor: int, chained: bool, relu: str
) -> tuple[str, ...]:
    """N groups of c/N channels: each is convolved, and the last activated; chained, each but the
    first adds what the one before it gives.

    The first is convolved and fed on too: Res2Net, the model of this scheme, passes it unread, but
    then two groups have no sum, and Table 9 prints N = 2 both with and without.
    """
    width = tape.channels(source) // factor
    conv = Conv(width, width)
    groups: list[str] = []
    for number in range(1, factor + 1):
        part = Slice((number - 1) * width, number * width)
        x = tape.put(f"{name}/group{number}", part, source)
        if chained and groups:
            x = tape.put(f"{name}/sum{number}", Add(), x, groups[-1])
        groups.append(tape.conv_bn(f"{name}/conv{number}", x, conv))
    return *groups[:-1], tape.put(relu, Relu(), groups[-1])
