"""Both parties for a program, as the command line has them: a server in a process of its own, and a
client that classifies images at one."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from PIL import Image

from deepreshape.image_files import colour, fitted, opened
from deepreshape.private import asking, sessions
from deepreshape.private.asking import Outcome, Pixels
from deepreshape.private.clients import Clients
from deepreshape.private.entrance import Entrance, secure
from deepreshape.private.packings import DEFAULT, PACKINGS
from deepreshape.private.program.model import Model, read, write
from deepreshape.private.program.steps import Program, Top
from deepreshape.private.terms import ANSWERS
from deepreshape.private.wire.keys import certificate
from deepreshape.private.wire.link import Address, Link, listen, listening
from deepreshape.private.wire.sealed import lock

Picture = str | Path | Image.Image | npt.NDArray[np.uint8]
"""An image file, an image of Pillow, or pixels: (height, width), or (height, width, 3)."""
HOSTED = (
    "import json, sys; given = json.loads(sys.argv[1]); sys.path[:] = given.pop('path');"
    " from deepreshape.private.hosted import main; main(given)"
)
"""A process that imports what its parent would, and not the parent's own program."""
LAST_WORDS = 10.0
"""Seconds that a server has to end."""


class Server:
    """Classifies images for clients that keep them secret, in a process of its own, until `stop` or
    the end of the program. In a `with` it is started and stopped.

    model: a `Model`, its file, or the name of one that comes with the library, `digits` or
    `cifar100`. address: where to listen; port 0 takes one that is free. key: the server's own, a
    file of `keys.make`; clients: the file of those that may ask (`Clients`). With both the wire is
    encrypted, and only they may ask, as often as the list says; an address that others can reach
    needs both, or insecure=True. packing, exact, answer: as `deepreshape serve` has them. link: a
    network to emulate. log: a file for what is said on standard error else. Raises ValueError.
    """

    def __init__(
        self,
        model: Model | str | Path,
        address: str | Address = "127.0.0.1:0",
        *,
        key: str | Path | None = None,
        clients: str | Path | None = None,
        insecure: bool = False,
        packing: str = DEFAULT,
        exact: bool = False,
        answer: str = ANSWERS[0],
        link: Link | None = None,
        log: str | Path | None = None,
    ) -> None:
        self._wanted = Address.parse(address) if isinstance(address, str) else address
        held, listed = _path(key), _path(clients)
        named = {"key": held, "clients": listed}
        secure(self._wanted, named, insecure, "insecure=True")
        if held and listed:
            Entrance(held, Clients(listed))
        self._model = model if isinstance(model, Model) else read(Path(model))
        _require("packing", packing, PACKINGS)
        _require("answer", answer, ANSWERS)
        sessions.over(self._model, packing, exact, answer)
        self._given = {
            **{name: path and str(path.absolute()) for name, path in named.items()},
            "log": None if log is None else str(Path(log).absolute()),
            "link": link and asdict(link),
            "served": [packing, exact, answer],
        }
        self._process: subprocess.Popen[str] | None = None
        self._address: Address | None = None

    @property
    def address(self) -> str:
        """Where it listens, once it is started: what a `Client` takes."""
        if self._address is None:
            raise RuntimeError("the server is not started")
        return str(self._address)

    def start(self) -> "Server":
        """Listen, and return once clients are taken. Raises WireError where nothing can listen
        there, and ValueError where the model cannot be served so."""
        if self._process is not None:
            raise RuntimeError("the server is started already")
        with listen(self._wanted) as listener, tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.safetensors"
            write(model, self._model)
            given = {**self._given, "model": str(model), "listener": listener.fileno()}
            process = subprocess.Popen(
                [sys.executable, "-c", HOSTED, json.dumps({**given, "path": sys.path})],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is the program's own
            )
            self._process, self._address = process, listening(listener)
            assert process.stdout
            with process.stdout as said:
                answered = said.readline()
        if answered != "ready\n":
            self.stop()
            if answered:
                raise ValueError(answered.strip())
            raise RuntimeError("the server's process ended before it was ready")
        _STARTED.add(self)
        return self

    def wait(self) -> None:
        """Wait until the server ends, such as for a program that does nothing else."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """End the server and the sessions that it has."""
        process, self._process, self._address = self._process, None, None
        _STARTED.discard(self)
        if process is None:
            return
        assert process.stdin
        process.stdin.close()  # for which it waits
        try:
            process.wait(LAST_WORDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> "Server":
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


_STARTED: set[Server] = set()
"""They run on where nobody keeps them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client learns of an image.

    place: of the image among those that were asked for, from 0. likely: classes by number and name
    (None where they have no names), the likeliest first and of equal ones the first; where the
    server tells no more, only that. logits: of every class, by number; none where the server does
    not tell them. offline, online: seconds of both phases.
    """

    place: int
    likely: tuple[tuple[int, str | None], ...]
    logits: tuple[float, ...]
    offline: float
    online: float

    @property
    def number(self) -> int:
        """Of the likeliest class."""
        return self.likely[0][0]

    @property
    def name(self) -> str | None:
        """Of the likeliest class."""
        return self.likely[0][1]


class Unfinished(RuntimeError):
    """What ended the work before the last image. answers: of the images that were finished."""

    def __init__(self, line: str, answers: Sequence[Answer]) -> None:
        super().__init__(line)
        self.answers = answers


class Client:
    """Classifies images at a server that does not see them.

    address: such as `127.0.0.1:9000` or `[::1]:9000`. key: the client's own, a file of `keys.make`;
    trust: the server's certificate, its .pub file. A server on another machine needs both, or
    insecure=True. link: a network to emulate, which the server has to name too. Raises ValueError.
    """

    def __init__(
        self,
        address: str | Address,
        *,
        key: str | Path | None = None,
        trust: str | Path | None = None,
        insecure: bool = False,
        link: Link | None = None,
    ) -> None:
        self._address = Address.parse(address) if isinstance(address, str) else address
        held, server = _path(key), _path(trust)
        secure(self._address, {"key": held, "trust": server}, insecure, "insecure=True")
        self._lock = lock(held, [certificate(server)], server=False) if held and server else None
        self._link = link

    def classify(self, image: Picture) -> Answer:
        """What the server's net says of an image, which is cut to a square around its middle and
        scaled. Raises ValueError where it is none, and WireError where there is no answer."""
        (answer,) = self.classify_all([image])
        return answer

    def classify_all(self, images: Sequence[Picture], ahead: int = 1) -> list[Answer]:
        """The same of several images, in one session where the server's others allow it.

        ahead: images that are prepared before the first is classified. Raises Unfinished where some
        are classified and then no more.
        """
        pictures = [pictured(image) for image in images]
        if not pictures:
            return []
        outcome = asking.classify(
            self._address,
            lambda program: taken(pictures, program),
            self._link,
            ahead=ahead,
            lock=self._lock,
        )
        found = answers(outcome)
        if outcome.failure:
            done = f"{len(found)} of {len(pictures)} images are classified"
            raise Unfinished(f"{done}, then: {outcome.failure}", found) from outcome.failure
        return found


def answers(outcome: Outcome) -> list[Answer]:
    """What came of each image that was finished."""
    classes, last = outcome.program.classes, outcome.program.steps[-1]
    found = []
    for image in outcome.images:
        told = not isinstance(last.op, Top)
        logits = image.logits * outcome.program.logit
        order = (-logits).argsort(kind="stable") if told else image.logits
        likely = tuple((int(at), classes[at] if classes else None) for at in order)
        shown = tuple(map(float, logits)) if told else ()
        found.append(Answer(image.number, likely, shown, image.offline, image.online))
    return found


def pictured(image: Picture) -> Image.Image:
    """An image, of whichever kind. Raises ValueError."""
    if isinstance(image, str | Path):
        return opened(Path(image))
    if isinstance(image, Image.Image):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or pixels.shape[2:] == (3,)):
        raise ValueError(
            "pixels are uint8, (height, width) or (height, width, 3),"
            f" not {pixels.dtype} {pixels.shape}"
        )
    if not pixels.size:
        raise ValueError(f"an image of {pixels.shape} has no pixels")
    return Image.fromarray(pixels).convert("RGB")


def taken(images: Sequence[Image.Image], program: Program) -> list[Pixels]:
    """Images as the program takes them.

    What is transparent shows the mean pixel of the images that the net was trained on, which is the
    colour that tells it nothing: nearly black for digits, whose ink is white.
    """
    behind = colour(program.mean)
    return [fitted(image, program.image[1], behind) for image in images]


def _require(what: str, named: str, known: Collection[str]) -> None:
    """Raise ValueError for what is not among those that are known."""
    if named not in known:
        raise ValueError(f"{what} {named!r} is not one of {', '.join(known)}")


def _path(named: str | Path | None) -> Path | None:
    return None if named is None else Path(named)
