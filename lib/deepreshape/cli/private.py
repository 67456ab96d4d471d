"""The commands of private inference: `private`, `serve` and `classify`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from deepreshape.cli.accounts import account, answer_table, answers, by_layer, named, phases
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import draw, say, show
from deepreshape.extras import needing
from deepreshape.image_files import opened
from deepreshape.private import asking, sessions
from deepreshape.private.asking import Pixels
from deepreshape.private.clients import Clients
from deepreshape.private.entrance import Entrance, lines, secure
from deepreshape.private.garbled.loading import load
from deepreshape.private.parties import taken
from deepreshape.private.program.model import Model, read
from deepreshape.private.program.reference import Clear, clear
from deepreshape.private.serving import serve as take_sessions
from deepreshape.private.sessions import Both
from deepreshape.private.wire.keys import certificate
from deepreshape.private.wire.link import Address, Link, listen, listening
from deepreshape.private.wire.sealed import lock

UNBOUNDED = (
    "note: the weights of this net do not rule out that numbers leave its ring;"
    " where they do, an answer is wrong"
)


def serve(
    model: Path,
    host: str,
    port: int,
    key: Path | None,
    clients: Path | None,
    log: Path | None,
    insecure: bool,
    packing: str,
    exact: bool,
    answer: str,
    link: Link | None,
) -> None:
    address = Address(host, port)
    secure(address, {"--key": key, "--clients": clients}, insecure)
    entrance = Entrance(key, Clients(clients)) if key and clients else None
    loaded = read(model)
    if not loaded.program.bounded:
        click.echo(UNBOUNDED, err=True)
    with listen(address) as listener, lines(log) as say:
        made = sessions.ready(loaded, packing, exact, answer)
        load()
        click.echo(f"serving {loaded.about.get('network', model)} on {listening(listener)}")
        try:
            take_sessions(listener, made, link, say, entrance)
        except KeyboardInterrupt:
            click.echo("stopped")


def classify(
    images: tuple[Path, ...],
    server: str,
    ahead: int,
    at_once: int,
    key: Path | None,
    trust: Path | None,
    insecure: bool,
    link: Link | None,
    as_json: bool,
) -> None:
    address = Address.parse(server)
    secure(address, {"--key": key, "--trust": trust}, insecure)
    locked = lock(key, [certificate(trust)], server=False) if key and trust else None
    pictures = [opened(path) for path in images]
    outcome = asking.classify(
        address,
        lambda program: taken(pictures, program),
        link,
        lambda: click.echo(f"{address} has not answered: others may be before you", err=True),
        ahead,
        locked,
        at_once,
    )
    rows = answers([str(path) for path in images], outcome)
    bounded = outcome.program.bounded
    if as_json:
        failure = str(outcome.failure) if outcome.failure else None
        facts = {
            "bounded": bounded,
            "loaded": outcome.loaded,
            "took": outcome.took,
            "failure": failure,
        }
        print_json({"images": rows, **facts})
    else:
        show(answer_table(rows))
        click.echo(f"from the first greeting to the last answer: {outcome.took:.2f} s")
        click.echo(_loaded(outcome.loaded))
    if not bounded:
        click.echo(UNBOUNDED, err=True)
    if outcome.failure:
        done = f"{len(rows)} of {len(images)} images are classified"
        raise RuntimeError(f"{done}, then: {outcome.failure}")


def private(
    model: Path,
    count: int | None,
    files: tuple[Path, ...],
    packing: str,
    exact: bool,
    answer: str,
    link: Link | None,
    layers: bool,
    show_pictures: bool,
    as_json: bool,
) -> None:
    loaded = read(model)
    if files and count is not None:
        raise click.UsageError("--images and --image exclude each other")
    if files:
        names = [str(path) for path in files]
        pictures = taken([opened(path) for path in files], loaded.program)
    else:
        names, pictures = _test_images(loaded, count or 1)
    both = sessions.both(loaded, packing, lambda program: pictures, link, exact, answer)
    program = sessions.over(loaded, packing, exact, answer)
    references = [
        clear(program, loaded.weights, picture, found.lows)
        for picture, found in zip(pictures, both.outcome.images, strict=True)
    ]
    equal = [
        bool((each.logits == found.logits).all())
        for each, found in zip(references, both.outcome.images, strict=True)
    ]
    if as_json:
        _print_json(names, both, references, equal)
    else:
        if show_pictures:
            _show_pictures(names, pictures, both)
        _print(names, both, references, equal, layers)
    if not program.bounded:
        click.echo(UNBOUNDED, err=True)
    wrong = [
        f"{name} {f'leaves the ring at {each.left}' if each.left else 'differs from the reference'}"
        for name, each, same in zip(names, references, equal, strict=True)
        if each.left or not same
    ]
    if wrong:
        raise RuntimeError(f"not to be relied on: {'; '.join(wrong)}")


def _show_pictures(names: Sequence[str], pictures: Sequence[Pixels], both: Both) -> None:
    """Each image as the network sees it, and what it is likeliest."""
    for row, picture in zip(answers(names, both.outcome), pictures, strict=True):
        click.echo(f"{row['image']}:")
        draw(picture)
        likely = row.get("likely", [named(row["class"], row["name"])])
        say(f"likeliest first: {', '.join(likely)}")


def _print_json(
    names: Sequence[str], both: Both, references: Sequence[Clear], exact: list[bool]
) -> None:
    print_json(
        {
            "images": answers(names, both.outcome),
            "exact": exact,
            "left": [each.left for each in references],
            "topped": [each.topped for each in references],
            "ready": both.ready,
            "loaded": both.outcome.loaded,
            "account": {" ".join(at): spent for at, spent in account(both).items()},
        }
    )


def _print(
    names: Sequence[str], both: Both, references: Sequence[Clear], exact: list[bool], layers: bool
) -> None:
    show(answer_table(answers(names, both.outcome)))
    show(phases(both, len(names)))
    if layers:
        show(by_layer(both, len(names)))
    equal = f"all {len(exact)}" if all(exact) else f"only {sum(exact)} of {len(exact)}"
    click.echo(f"equal to the fixed-point reference: {equal}")
    if beyond := sum(each.topped > 0 for each in references):
        click.echo(f"with activations beyond those seen in training, cut at a top: {beyond}")
    click.echo(f"weights made ready once: {both.ready:.2f} s")
    click.echo(_loaded(both.outcome.loaded))


def _loaded(seconds: float) -> str:
    return f"compiled loops loaded once, before the first image: {seconds:.2f} s"


def _test_images(model: Model, count: int) -> tuple[list[str], list[Pixels]]:
    """Test images of the set that a model was trained on, drawn once and named by their labels."""
    # Images that are given need no torch, which takes seconds.
    with needing("a data set", "train", "private"):
        from deepreshape.learn.images.sets import load as load_images
        from deepreshape.learn.images.sets import parse
        from deepreshape.packed import drawn

    if "data" not in model.about:
        raise ValueError("the model does not say what it was trained on: name images with --image")
    data, digest = parse(str(model.about["data"])), model.about.get("images")
    test = load_images(replace(data, digest=str(digest)) if digest else data).test
    if count > len(test):
        raise ValueError(f"{model.about['data']} has {len(test):,} test images, not {count:,}")
    chosen = drawn(len(test), count)
    classes = model.program.classes
    labels = [int(test.labels[i]) for i in chosen]
    shown = [named(label, classes[label] if classes else None) for label in labels]
    names = [f"test image {i}, class {label}" for i, label in zip(chosen, shown, strict=True)]
    return names, [test.images[i].numpy() for i in chosen]
