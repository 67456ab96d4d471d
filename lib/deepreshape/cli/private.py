"""The commands of private inference: `pack`, `serve`, `classify` and `private`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepreshape.cli.accounts import account, answer_table, answers, by_layer, phases
from deepreshape.cli.arguments import json_option, quiet_option, store_option
from deepreshape.cli.output import print_json
from deepreshape.cli.rows import Recorded, one
from deepreshape.cli.tables import new_table, show

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt
    from PIL.Image import Image
    from torch import Tensor

    from deepreshape.private.program.compiled import Compiled
    from deepreshape.private.program.model import Model
    from deepreshape.private.program.steps import Program
    from deepreshape.private.sessions import Pixels
    from deepreshape.private.wire.link import Link

    Arrays = dict[str, npt.NDArray[Any]]

LINKS = ("lan", "wan", "cheetah-lan", "cheetah-wan")

model_argument = click.argument("model", type=click.Path(path_type=Path))
packing_option = click.option(
    "--packing",
    type=click.Choice(["coefficients", "slots"]),
    default="coefficients",
    show_default=True,
    help="Of ciphertexts: without rotations, or Delphi's.",
)
link_option = click.option(
    "--link", type=click.Choice(LINKS), help="A network to emulate; both sides have to name it."
)


@click.command()
@click.argument("key")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file, such as mine.safetensors.",
)
@click.option(
    "--check",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Test images on which fixed point is compared with floating point.",
)
@click.option(
    "--run",
    "count",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Test images that client and server then classify, to be compared as well.",
)
@click.option(
    "--activation-bits",
    type=click.IntRange(4, 24),
    default=13,
    show_default=True,
    help="Of the largest activation behind a ReLU, without the sign.",
)
@click.option(
    "--weight-bits",
    type=click.IntRange(2, 16),
    default=10,
    show_default=True,
    help="Of the largest weight of a layer, without the sign; fewer where its noise would show.",
)
@quiet_option
@store_option
@json_option
def pack(
    key: str,
    out: Path,
    check: int,
    count: int,
    activation_bits: int,
    weight_bits: int,
    quiet: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Write the trained net of the recorded run KEY as a private model, in fixed point."""
    from deepreshape.design import parse
    from deepreshape.learn.data import load
    from deepreshape.learn.data import parse as parse_data
    from deepreshape.private.program.compiled import agreement, compiled
    from deepreshape.private.program.model import Model, write
    from deepreshape.private.program.quantise import Precision
    from deepreshape.progress import Shown

    if out.exists() and not out.is_file():
        raise ValueError(f"{out} is no file, and a model is not written in its place")
    found = one(store, key)
    record = found.record
    if record.status != "done":
        raise ValueError(f"the run {record.key} failed, so it has no weights")
    arrays, masks = _trained(found)
    images = load(replace(parse_data(record.run["data"]), digest=record.data_digest))
    made = compiled(
        parse(str(record.run["network"])),
        arrays,
        masks,
        images.train.images[_drawn(len(images.train), 256)].numpy(),
        images.mean,
        images.std,
        Precision(activation=activation_bits, weight=weight_bits),
    )
    chosen = _drawn(len(images.test), check)
    pictures, labels = images.test.images[chosen].numpy(), images.test.labels[chosen].numpy()
    with Shown("{task.description}", quiet=quiet) as progress:
        task = progress.add_task("comparing with floating point", total=len(pictures))
        same = agreement(made, pictures, labels, lambda n: progress.advance(task, n))
    about: dict[str, str | int | float | None] = {
        "network": str(record.run["network"]),
        "data": str(record.run["data"]),
        "run": record.key,
        "test": record.test,
        "relus": made.program.relus,
        "truncations": made.program.truncations,
        "checked": same.images,
        "floating": round(100 * same.floating, 4),
        "fixed": round(100 * same.fixed, 4),
        "alike": round(100 * same.alike, 4),
        "difference": float(f"{same.difference:.3g}"),
    }
    model = Model(made.program, made.weights, about)
    if len(asked := pictures[:count]):
        about |= {"asked": len(asked), "asked_alike": _alike(made, model, asked)}
    write(out.resolve(), model)
    if as_json:
        print_json(about)
        return
    table = new_table("", ">")
    for name, value in about.items():
        table.add_row(ABOUT[name], f"{value:,}" if isinstance(value, int) else str(value))
    table.add_row("file", f"{out} ({out.stat().st_size / 1e6:.2f} MB)")
    show(table)


def _alike(made: "Compiled", model: "Model", images: "Pixels") -> int:
    """How many images client and server classify as the net does in floating point."""
    from deepreshape.private.program.compiled import floating_logits
    from deepreshape.private.sessions import both

    outcome = both(model, "coefficients", lambda program: list(images)).outcome
    found = [each.logits.argmax() for each in outcome.images]
    return int((floating_logits(made, images).argmax(axis=1) == found).sum())


def _trained(found: Recorded) -> "tuple[Arrays, Arrays]":
    """Weights and masks that lie beside a record. Raises ValueError where they do not."""
    from deepreshape.learn.files import load_tensors
    from deepreshape.learn.masks import load_masks

    try:
        tensors, _, digest = load_tensors(found.path.with_suffix(".safetensors"))
        masks, masks_digest = (
            load_masks(found.path.with_suffix(".masks.safetensors"))
            if found.record.masks_digest is not None
            else ({}, None)
        )
    except FileNotFoundError as error:
        raise ValueError(f"{error} is not there: the weights of this run were not kept") from None
    if (digest, masks_digest) != (found.record.weights_digest, found.record.masks_digest):
        raise ValueError(f"the weights or masks beside {found.path} are not those of the record")
    return _arrays(tensors), _arrays(masks)


def _arrays(tensors: "Mapping[str, Tensor]") -> "Arrays":
    return {name: tensor.numpy() for name, tensor in tensors.items()}


ABOUT = {
    "network": "network",
    "data": "data",
    "run": "run",
    "test": "test accuracy of the record",
    "relus": "ReLUs",
    "truncations": "elements truncated without a ReLU",
    "checked": "test images compared",
    "floating": "floating point, accuracy",
    "fixed": "fixed point, accuracy",
    "alike": "classified alike",
    "difference": "largest difference of logits, relative",
    "asked": "test images classified by client and server",
    "asked_alike": "of them as in floating point",
}


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

    A file of another size is cut to a square around its middle and scaled.
    """
    from deepreshape.private.sessions import classify as ask
    from deepreshape.private.wire.link import Address

    opened = [_opened(path) for path in images]
    address = Address.parse(server)
    outcome = ask(
        address,
        lambda program: _fitted(opened, program),
        _link(link),
        lambda: click.echo(f"{address} has not answered: others may be before you", err=True),
    )
    rows = answers([str(path) for path in images], outcome)
    if as_json:
        print_json({"images": rows, "loaded": outcome.loaded})
        return
    show(answer_table(rows))
    click.echo(_loaded(outcome.loaded))


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
        pictures = _fitted([_opened(path) for path in files], loaded.program)
    else:
        names, pictures = _test_images(loaded, count or 1)
    found = both(loaded, packing, lambda program: pictures, _link(link))
    rows = answers(names, found.outcome)
    program = over(loaded, packing)
    exact = [
        bool((reference.logits(program, loaded.weights, picture) == each.logits).all())
        for picture, each in zip(pictures, found.outcome.images, strict=True)
    ]
    if as_json:
        where = {" ".join(at): spent for at, spent in account(found).items()}
        once = {"ready": found.ready, "loaded": found.outcome.loaded}
        print_json({"images": rows, "exact": exact, **once, "account": where})
        return
    show(answer_table(rows))
    show(phases(found, len(pictures)))
    if layers:
        show(by_layer(found, len(pictures)))
    equal = f"all {len(exact)}" if all(exact) else f"only {sum(exact)} of {len(exact)}"
    click.echo(f"equal to the fixed-point reference: {equal}")
    click.echo(f"weights made ready once: {found.ready:.2f} s")
    click.echo(_loaded(found.outcome.loaded))


def _loaded(seconds: float) -> str:
    return f"compiled loops loaded once, before the first image: {seconds:.2f} s"


def _model(path: Path) -> "Model":
    from deepreshape.private.program.model import read

    return read(path)


def _link(name: str | None) -> "Link | None":
    from deepreshape.private.wire.link import LINKS as KNOWN

    return KNOWN[name] if name else None


def _opened(path: Path) -> "Image":
    """An image file, upright. Raises ValueError where it is none."""
    import warnings

    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return _eight_bits(ImageOps.exif_transpose(image)).convert("RGB")
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except Exception:  # decoders raise what they like
        raise ValueError(f"{path} is no image that can be read") from None


def _eight_bits(image: "Image") -> "Image":
    """An image of at most 16 bits in 8. Raises ValueError where nothing says what is white."""
    import numpy as np
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError
    return image


def _fitted(images: "Sequence[Image]", program: "Program") -> "list[Pixels]":
    """Images as the program takes them: cut to a square around the middle, and scaled."""
    import numpy as np
    from PIL import ImageOps

    side = program.image[1]
    return [np.asarray(ImageOps.fit(image, (side, side)), np.uint8) for image in images]


def _test_images(model: "Model", count: int) -> "tuple[list[str], list[Pixels]]":
    """Test images of the set that a model was trained on, drawn once and named by their labels."""
    from deepreshape.learn.data import load
    from deepreshape.learn.data import parse as parse_data

    if "data" not in model.about:
        raise ValueError("the model does not say what it was trained on: name images with --image")
    test = load(parse_data(str(model.about.get("data")))).test
    if count > len(test):
        raise ValueError(f"{model.about.get('data')} has {len(test):,} test images, not {count:,}")
    chosen = _drawn(len(test), count)
    names = [f"test image {i}, class {int(test.labels[i])}" for i in chosen]
    return names, [test.images[i].numpy() for i in chosen]


def _drawn(images: int, count: int) -> list[int]:
    """So many of the images, always the same: sets are ordered by class."""
    import numpy as np

    found: list[int] = np.random.default_rng(0).permutation(images)[:count].tolist()
    return found
