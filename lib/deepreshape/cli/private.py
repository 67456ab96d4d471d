"""The commands of private inference: `serve`, `classify` and `private`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepreshape.cli.accounts import account, answer_table, answers, by_layer, named, phases
from deepreshape.cli.arguments import json_option
from deepreshape.cli.images import fitted, opened
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import show
from deepreshape.private.packings import DEFAULT, TITLES

if TYPE_CHECKING:
    from deepreshape.private.program.model import Model
    from deepreshape.private.sessions import Pixels
    from deepreshape.private.wire.link import Link


UNBOUNDED = (
    "note: the weights of this net do not rule out that numbers leave its ring;"
    " where they do, an answer is wrong"
)
LINKS = ("lan", "wan", "cheetah-lan", "cheetah-wan")

model_argument = click.argument("model", type=click.Path(path_type=Path))
packing_option = click.option(
    "--packing",
    type=click.Choice(list(TITLES)),
    default=DEFAULT,
    show_default=True,
    help=f"Of ciphertexts: {', '.join(f'{name} is {title}' for name, title in TITLES.items())}.",
)
link_option = click.option(
    "--link", type=click.Choice(LINKS), help="A network to emulate; both sides have to name it."
)


@click.command()
@model_argument
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; :: is every one of this machine, over IPv6 and IPv4.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9000,
    show_default=True,
    help="To listen on; 0 takes one that is free.",
)
@packing_option
@link_option
def serve(model: Path, host: str, port: int, packing: str, link: str | None) -> None:
    """Classify images for clients that keep them secret, by the net of MODEL, until Ctrl-C."""
    from deepreshape.private.garbled.loading import load
    from deepreshape.private.serving import serve as take_sessions
    from deepreshape.private.sessions import ready
    from deepreshape.private.wire.link import Address, listen, listening

    loaded = _model(model)
    if not loaded.program.bounded:
        click.echo(UNBOUNDED, err=True)
    with listen(Address(host, port)) as listener:
        made = ready(loaded, packing)
        load()
        click.echo(f"serving {loaded.about.get('network', model)} on {listening(listener)}")
        try:
            take_sessions(listener, made, _link(link), lambda line: click.echo(line, err=True))
        except KeyboardInterrupt:
            click.echo("stopped")


@click.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--server", required=True, help="Such as 127.0.0.1:9000 or [::1]:9000.")
@link_option
@json_option
def classify(images: tuple[Path, ...], server: str, link: str | None, as_json: bool) -> None:
    """Classify image files at a server that does not see them.

    A file of another size is cut to a square around its middle and scaled; behind what is
    transparent lies the mean colour of the net's training images.
    """
    from deepreshape.private.sessions import classify as ask
    from deepreshape.private.wire.link import Address

    pictures = [opened(path) for path in images]
    address = Address.parse(server)
    outcome = ask(
        address,
        lambda program: fitted(pictures, program),
        _link(link),
        lambda: click.echo(f"{address} has not answered: others may be before you", err=True),
    )
    rows = answers([str(path) for path in images], outcome)
    bounded = outcome.program.bounded
    if as_json:
        failure = str(outcome.failure) if outcome.failure else None
        facts = {"bounded": bounded, "loaded": outcome.loaded, "failure": failure}
        print_json({"images": rows, **facts})
    else:
        show(answer_table(rows))
        click.echo(_loaded(outcome.loaded))
    if not bounded:
        click.echo(UNBOUNDED, err=True)
    if outcome.failure:
        done = f"{len(rows)} of {len(images)} images are classified"
        raise RuntimeError(f"{done}, then: {outcome.failure}")


@click.command()
@model_argument
@click.option("--images", "count", type=click.IntRange(1), help="Test images of the model's data.")
@click.option(
    "--image",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image file, in place of test images; may be given several times.",
)
@packing_option
@link_option
@click.option("--layers", is_flag=True, help="Seconds and bytes of every step.")
@json_option
def private(
    model: Path,
    count: int | None,
    files: tuple[Path, ...],
    packing: str,
    link: str | None,
    layers: bool,
    as_json: bool,
) -> None:
    """Run client and server as two processes here, and account for every second and byte.

    MODEL is a file of `deepreshape pack`, such as one in data/models.
    """
    from deepreshape.private.program import reference
    from deepreshape.private.sessions import both, over

    loaded = _model(model)
    if files and count is not None:
        raise click.UsageError("--images and --image exclude each other")
    if files:
        names = [str(path) for path in files]
        pictures = fitted([opened(path) for path in files], loaded.program)
    else:
        names, pictures = _test_images(loaded, count or 1)
    found = both(loaded, packing, lambda program: pictures, _link(link))
    rows = answers(names, found.outcome)
    program = over(loaded, packing)
    clear = [reference.clear(program, loaded.weights, picture) for picture in pictures]
    exact = [
        bool((each.logits == found.logits).all())
        for each, found in zip(clear, found.outcome.images, strict=True)
    ]
    left = [each.left for each in clear]
    topped = [each.topped for each in clear]
    if as_json:
        where = {" ".join(at): spent for at, spent in account(found).items()}
        checked = {"exact": exact, "left": left, "topped": topped}
        once = {"ready": found.ready, "loaded": found.outcome.loaded}
        print_json({"images": rows, **checked, **once, "account": where})
    else:
        show(answer_table(rows))
        show(phases(found, len(pictures)))
        if layers:
            show(by_layer(found, len(pictures)))
        equal = f"all {len(exact)}" if all(exact) else f"only {sum(exact)} of {len(exact)}"
        click.echo(f"equal to the fixed-point reference: {equal}")
        if beyond := sum(count > 0 for count in topped):
            click.echo(f"with activations beyond those seen in training, cut at a top: {beyond}")
        click.echo(f"weights made ready once: {found.ready:.2f} s")
        click.echo(_loaded(found.outcome.loaded))
    if not program.bounded:
        click.echo(UNBOUNDED, err=True)
    wrong = [
        f"{name} leaves the ring at {step}" if step else f"{name} differs from the reference"
        for name, step, same in zip(names, left, exact, strict=True)
        if step or not same
    ]
    if wrong:
        raise RuntimeError(f"not to be relied on: {'; '.join(wrong)}")


def _loaded(seconds: float) -> str:
    return f"compiled loops loaded once, before the first image: {seconds:.2f} s"


def _model(path: Path) -> "Model":
    from deepreshape.private.program.model import read

    return read(path)


def _link(name: str | None) -> "Link | None":
    from deepreshape.private.wire.link import LINKS as KNOWN

    return KNOWN[name] if name else None


def _test_images(model: "Model", count: int) -> "tuple[list[str], list[Pixels]]":
    """Test images of the set that a model was trained on, drawn once and named by their labels."""
    from deepreshape.learn.images.sets import load
    from deepreshape.learn.images.sets import parse as parse_data

    if "data" not in model.about:
        raise ValueError("the model does not say what it was trained on: name images with --image")
    test = load(parse_data(str(model.about.get("data")))).test
    if count > len(test):
        raise ValueError(f"{model.about.get('data')} has {len(test):,} test images, not {count:,}")
    chosen = drawn(len(test), count)
    classes = model.program.classes
    labels = [int(test.labels[i]) for i in chosen]
    shown = [named(label, classes[label] if classes else None) for label in labels]
    names = [f"test image {i}, class {label}" for i, label in zip(chosen, shown, strict=True)]
    return names, [test.images[i].numpy() for i in chosen]


def drawn(images: int, count: int) -> list[int]:
    """So many of the images, always the same: sets are ordered by class."""
    import numpy as np

    found: list[int] = np.random.default_rng(0).permutation(images)[:count].tolist()
    return found
