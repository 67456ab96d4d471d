"""How to look at designs: `count`, `equalize`, `latency`."""

import click

from deepreshape.cli.usage.arguments import Numbers, json_option, network_options
from deepreshape.cli.usage.commands import command


@command(
    "look",
    network_options,
    click.option(
        "--layers", "by_layer", is_flag=True, help="By layer, by stage and by kind of layer."
    ),
    json_option,
)
def count() -> None:
    """Count ReLUs, MACs, FLOPs and parameters of NETWORK.

    NETWORK is a name such as "HRN-5x5x3x(m=16)", "ResNet18(m=16)-4x4x4x", "WRN22x8", "VGG16",
    "RegNetX-1.6GF", "ConvNeXt-T", "MobileNetV2" or "HRN[1,5,5,3](m=16)". FLOPs are counted twice: A
    charges 5 per BatchNorm element, B charges 2.
    """


@command(
    "look",
    click.option(
        "--depths",
        type=Numbers(distinct=False),
        help="Blocks of each stage [2 in each]; by depth they are what is chosen.",
    ),
    click.option(
        "--order",
        type=Numbers(),
        required=True,
        help="Stages from most to least critical: 3,2,4,1.",
    ),
    click.option(
        "--by",
        type=click.Choice(["width", "depth"]),
        default="width",
        help="What is chosen: factors between widths, or blocks of each stage.",
    ),
    click.option(
        "--rule",
        type=click.Choice(["pareto", "paper", "all"]),
        default="pareto",
        help="Which solutions: the Pareto-minimal ones, those chosen as the paper chose for"
        " ResNet18 and ResNet34, or all up to --most.",
    ),
    click.option("--most", type=int, default=16, help="Largest number tried by --rule all."),
    json_option,
)
def equalize() -> None:
    """Choose widths or depths that put stages' ReLUs in a given order.

    This is Algorithm 1.
    """


@command(
    "look",
    network_options,
    click.option("--layers", "by_layer", is_flag=True, help="Show each layer."),
    json_option,
)
def latency() -> None:
    """Model seconds and bytes of one private inference with NETWORK.

    HE counts the operations of Delphi's packing, with seconds fitted to the paper's HE columns; GC
    takes published timings. Nothing is measured.
    """
