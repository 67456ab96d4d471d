"""How to look at designs: `count`, `equalize`, `suggest`, `latency`."""

import click

from deepreshape import sizes
from deepreshape.cli.usage.arguments import Numbers, Written, json_option, network_options
from deepreshape.cli.usage.commands import command
from deepreshape.design.space import LARGEST, REUSE

relus_or_flops, time = Written("count", sizes.count), Written("time", sizes.seconds)


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
    "RegNetX-1.6GF", "ConvNeXt-T", "MobileNetV2" or "HRN[1,5,5,3](m=16)"; or it is where a torch
    module of yours is made, as package.module:factory. FLOPs are counted twice: A charges 5 per
    BatchNorm element, B charges 2.
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
    """Choose widths or depths that put stages' ReLUs in an order.

    This is Algorithm 1.
    """


@command(
    "suggest",
    click.option(
        "--order",
        type=Numbers(),
        required=True,
        help="Stages from most to least critical: 3,2,4,1.",
    ),
    click.option("--input", "resolution", type=int, default=32, help="Input height and width."),
    click.option("--classes", type=int, default=100, help="Number of classes."),
    click.option("--max-relus", "relus", type=relus_or_flops, help="ReLUs at most: 100K."),
    click.option("--max-flops", "flops", type=relus_or_flops, help="FLOPs at most: 1G."),
    click.option("--max-latency", "seconds", type=time, help="Private inference at most: 20s."),
    click.option(
        "--protocol",
        type=click.Choice(["delphi", "ours-lan", "ours-wan"]),
        default="delphi",
        help="Whose seconds: the paper's model, or this project's protocol over a LAN or WAN.",
    ),
    click.option(
        "--depths",
        type=Numbers(distinct=False),
        multiple=True,
        show_default=False,
        help="Blocks of each stage [2 in each]; may be given several times.",
    ),
    click.option(
        "--channels",
        type=Numbers(),
        show_default=False,
        help="Base channels m to try: 8,16,32 [multiples of 4 to 64].",
    ),
    click.option("--largest", type=int, default=LARGEST, help="The largest factor between widths."),
    click.option("--cull", "culled", type=int, default=1, help="Stages culled at most."),
    click.option(
        "--reuse",
        type=Numbers(),
        default=",".join(map(str, REUSE)),
        help="ReLU-reuse factors to try; 1 is none.",
    ),
    click.option(
        "--family",
        "families",
        multiple=True,
        show_default=False,
        help="Also this network, such as WRN22x8, at each m; may be given several times.",
    ),
    click.option(
        "--data", help="What the commands train on [by --input and --classes, if it is known]."
    ),
    click.option("--all", "whole", is_flag=True, help="Show the whole front."),
    json_option,
)
def suggest() -> None:
    """Search for the designs within limits that no other beats.

    The space: networks of basic blocks whose factors between widths put the ReLUs that stages keep
    in the order, with the least critical stages culled or thinned, and with ReLU-reuse. A design is
    on the front where no other within the limits has as many ReLUs and as many MACs in as few
    seconds. Shown are those that no other has as many of both as, whatever it takes; --all and
    --json have the front. No accuracy is predicted.
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
