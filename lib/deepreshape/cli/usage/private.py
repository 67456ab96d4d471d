"""How to run private inference: `pack`, `private`, `serve`, `classify`."""

from pathlib import Path

import click

from deepreshape.cli.usage.arguments import (
    Channels,
    file_type,
    json_option,
    quiet_option,
    store_option,
)
from deepreshape.cli.usage.commands import command
from deepreshape.private.packings import DEFAULT, TITLES
from deepreshape.private.terms import ANSWERS, PREPARED
from deepreshape.private.wire.link import LINKS

model_argument = click.argument("model", type=click.Path(path_type=Path))
packing_option = click.option(
    "--packing",
    type=click.Choice(list(TITLES)),
    default=DEFAULT,
    help=f"Of ciphertexts: {', '.join(f'{name} is {title}' for name, title in TITLES.items())}.",
)
link_option = click.option(
    "--link",
    type=click.Choice(list(LINKS)),
    callback=lambda ctx, param, name: LINKS[name] if name else None,
    help="A network to emulate; both sides have to name it.",
)
insecure_option = click.option(
    "--insecure",
    is_flag=True,
    help="Without keys beyond this machine: anybody on the way can read and change everything.",
)

exact_option = click.option(
    "--exact",
    is_flag=True,
    help="Round every shift to the nearest, at more bytes, not up or down as shares have it.",
)

answer_option = click.option(
    "--answer",
    type=click.Choice(ANSWERS),
    default=ANSWERS[0],
    help="What a client learns: logits, logits rounded to about a quarter, or the first class.",
)


@command(
    "pack",
    click.argument("key"),
    click.option(
        "--weights",
        type=file_type,
        help="Weights of elsewhere, of torch.save or safetensors; KEY is then a network's name.",
    ),
    click.option("--data", help="Images that they were trained on, such as cifar100."),
    click.option(
        "--mean",
        type=Channels(),
        help="Of pixels in 0..255, as the weights know them [the images'].",
    ),
    click.option("--std", type=Channels(1e-3), help="Likewise."),
    click.option(
        "--out", type=file_type, required=True, help="The file, such as mine.safetensors."
    ),
    click.option(
        "--check",
        type=click.IntRange(1),
        default=2000,
        help="Test images on which fixed point is compared with floating point.",
    ),
    click.option(
        "--run",
        "count",
        type=click.IntRange(0),
        default=20,
        help="Test images that client and server then classify, to be compared as well.",
    ),
    click.option(
        "--activation-bits",
        type=click.IntRange(4, 24),
        default=13,
        help="Of the largest activation behind a ReLU, without the sign.",
    ),
    click.option(
        "--weight-bits",
        type=click.IntRange(2, 16),
        default=10,
        help="Of the largest weight of a layer, without the sign; fewer where its noise would"
        " show.",
    ),
    click.option(
        "--least-alike",
        type=click.FloatRange(0, 100),
        default=0.0,
        show_default=False,
        help="Percent of the test images that have to be classified alike, or nothing is written.",
    ),
    quiet_option,
    store_option,
    json_option,
)
def pack() -> None:
    """Write the trained net of the run KEY as a private model.

    Its numbers are in fixed point. With --weights, KEY is the name of a network, or
    package.module:factory, in place of a run: the weights fit by their names, or else by their
    order and shapes. A module without --weights has those that its factory gives it.
    """


@command(
    "private",
    model_argument,
    click.option(
        "--images", "count", type=click.IntRange(1), help="Test images of the model's data."
    ),
    click.option(
        "--image",
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        help="An image file, in place of test images; may be given several times.",
    ),
    packing_option,
    exact_option,
    answer_option,
    link_option,
    click.option("--layers", is_flag=True, help="Seconds and bytes of every step."),
    click.option(
        "--pictures",
        "show_pictures",
        is_flag=True,
        help="Draw every image, and name its likeliest classes.",
    ),
    json_option,
)
def private() -> None:
    """Run client and server here, and account for seconds and bytes.

    They are two processes, and every second and byte is accounted for. MODEL is a file of
    `deepreshape pack`, or digits or cifar100, which come with the library.
    """


@command(
    "private",
    model_argument,
    click.option(
        "--host",
        default="127.0.0.1",
        help="Address to listen on; :: is every one of this machine, over IPv6 and IPv4.",
    ),
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        default=9000,
        help="To listen on; 0 takes one that is free.",
    ),
    click.option("--key", type=file_type, help="The server's own, such as server.key."),
    click.option(
        "--clients", type=file_type, help="The clients that may ask, a list of `deepreshape keys`."
    ),
    click.option("--log", type=file_type, help="A file for what is said on standard error else."),
    insecure_option,
    packing_option,
    exact_option,
    answer_option,
    link_option,
)
def serve() -> None:
    """Classify images for clients that keep them secret.

    It is done by the net of MODEL, until Ctrl-C. With a key and a list of clients the wire is
    encrypted, and only they may ask, as often as the list says; a server that others can reach
    needs both.
    """


@command(
    "private",
    click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path)),
    click.option("--server", required=True, help="Such as 127.0.0.1:9000 or [::1]:9000."),
    click.option(
        "--prepare",
        "ahead",
        type=click.IntRange(1, PREPARED),
        default=1,
        help="Images that a session may have prepared, each for one use.",
    ),
    click.option(
        "--sessions",
        "at_once",
        type=click.IntRange(1, 2),
        default=2,
        help="With 2, one prepares while another classifies, if the server has room.",
    ),
    click.option("--key", type=file_type, help="The client's own, such as alice.key."),
    click.option("--trust", type=file_type, help="The server's certificate, such as server.pub."),
    insecure_option,
    link_option,
    json_option,
)
def classify() -> None:
    """Classify image files at a server that does not see them.

    A file of another size is cut to a square around its middle and scaled; behind what is
    transparent lies the mean colour of the net's training images. A server on another machine
    needs --key and --trust.
    """
