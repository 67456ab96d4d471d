"""Whether private inference endures: many images, and parties that are killed.

    python ci/endure.py images [COUNT]
    python ci/endure.py kills [COUNT]

images: so many of CIFAR-100's test images (1,000) go through the shipped net between two processes;
every logit has to be that of the reference with the client's roundings, and the answers are held
against the labels and against the net that rounds to the nearest. kills: a client or a server, by
turns, is killed at a random moment of its sessions, 200 times; the other has to end in a line
within `PATIENCE` seconds, no temporary file may be left, and the server has to serve the next
client. Each fails with status 1 where that is not so.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import multiprocessing
import random
import sys
import tempfile
from contextlib import suppress
from multiprocessing.context import ForkProcess
from multiprocessing.queues import Queue
from pathlib import Path
from time import monotonic, sleep

import numpy as np

from deepreshape.learn.images.sets import load as load_images
from deepreshape.learn.images.sets import parse
from deepreshape.places import DATA
from deepreshape.private import serving
from deepreshape.private.asking import classify
from deepreshape.private.program import reference
from deepreshape.private.program.model import Model, read
from deepreshape.private.sessions import both, over, ready
from deepreshape.private.wire.link import Address, listen, listening
from deepreshape.private.wire.pipe import WireError

SHIPPED = DATA / "models" / "cifar100.safetensors"
DIGITS = DATA / "models" / "digits.safetensors"
PACKING = "coefficients"
BATCH = 50
"""Images of a session."""
PATIENCE = 20.0
"""Seconds in which a party has to notice that the other was killed: its own limits are longer, but
the system tells it at once."""


def main(what: str, count: int = 0) -> int:
    return images(count or 1000) if what == "images" else kills(count or 200)


def images(count: int) -> int:
    """Classify so many test images; 1 where a logit is not that of the reference."""
    model = read(SHIPPED)
    test = load_images(parse(str(model.about["data"]))).test
    chosen = np.random.default_rng(1).permutation(len(test))[:count]
    program = over(model, PACKING)
    wrong = right = alike = 0
    largest = 0.0
    start = monotonic()
    for first in range(0, count, BATCH):
        part = chosen[first : first + BATCH]
        pictures = [test.images[int(i)].numpy() for i in part]
        found = both(model, PACKING, lambda _, pictures=pictures: pictures).outcome.images  # type: ignore[misc]
        for at, picture, each in zip(part, pictures, found, strict=True):
            exact = reference.clear(program, model.weights, picture, each.lows)
            nearest = reference.logits(program, model.weights, picture)
            wrong += bool((exact.logits != each.logits).any() or exact.left)
            right += int(each.logits.argmax() == test.labels[int(at)])
            alike += int(each.logits.argmax() == nearest.argmax())
            off = np.abs(each.logits - nearest).max() / np.abs(nearest).max()
            largest = max(largest, float(off))
        print(
            f"{first + len(part):,} images, {wrong} wrong, {monotonic() - start:.0f} s", flush=True
        )
    print(
        f"{count:,} images: {wrong} with a logit that is not the reference's;"
        f" {100 * right / count:.2f} % right, {100 * alike / count:.2f} % as by the net that rounds"
        f" to the nearest, whose logits differ by {100 * largest:.2f} % of the largest at most"
    )
    return int(wrong > 0)


def kills(count: int) -> int:
    """Kill a party at a random moment, so many times; 1 where the other does not end well."""
    model, choices = read(DIGITS), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        whole = _whole(model)
        failures = []
        for number in range(count):
            victim = ("client", "server")[number % 2]
            after = choices.uniform(0, 1.1 * whole)
            if said := _killed(model, victim, after, Path(folder)):
                failures.append(f"{victim} killed after {after:.2f} s: {said}")
                print(failures[-1], flush=True)
        tempfile.tempdir = None
    print(f"{count} kills within {1.1 * whole:.2f} s of three images: {len(failures)} failures")
    return int(bool(failures))


def _whole(model: Model) -> float:
    """Seconds of a client's images."""
    with listen(Address("127.0.0.1", 0)) as listener:
        server = _server(model, listener)
        start = monotonic()
        classify(listening(listener), lambda program: _images(model))
        seconds = monotonic() - start
        _ended(server)
    return seconds


def _killed(model: Model, victim: str, after: float, folder: Path) -> str | None:
    """What went wrong once a party was killed so many seconds into a session; None for nothing."""
    context = multiprocessing.get_context("fork")
    with listen(Address("127.0.0.1", 0)) as listener:
        at = listening(listener)
        server = _server(model, listener)
        said: Queue[str] = context.Queue()
        client = context.Process(target=_client, args=(model, at, said))
        client.start()
        sleep(after)
        try:
            if victim == "client":
                client.kill()
                client.join()
                # The server must serve the next client, whose session is its own.
                start = monotonic()
                classify(at, lambda program: _images(model)[:1])
                if monotonic() - start > PATIENCE:
                    return "the next client waited too long"
            else:
                _children_killed(server)
                client.join(PATIENCE)
                if client.is_alive():
                    return "the client hangs"
                if not said.get(timeout=PATIENCE):
                    return "the client said nothing"
        except (WireError, ValueError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            client.kill()
            client.join()
            _ended(server)
    left = list(folder.iterdir())
    return f"{len(left)} files are left" if left else None


def _client(model: Model, at: Address, said: "Queue[str]") -> None:
    try:
        classify(at, lambda program: _images(model))
        said.put("finished")
    except (WireError, ValueError) as error:
        said.put(str(error))


def _server(model: Model, listener: object) -> ForkProcess:
    context = multiprocessing.get_context("fork")
    made = ready(model, PACKING)
    server = context.Process(target=serving.serve, args=(listener, made, None, lambda line: None))
    server.start()
    return server


def _children_killed(server: ForkProcess) -> None:
    """Kill a server and every session of it."""
    assert server.pid
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            with suppress(OSError):
                os.kill(int(child), 9)
    server.kill()
    server.join()


def _ended(server: ForkProcess) -> None:
    server.terminate()
    server.join()


def _images(model: Model) -> list[np.ndarray]:
    """What a client asks for: three images, so that one is prepared while another is classified."""
    side = model.program.image[1]
    return list(np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
