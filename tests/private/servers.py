"""A server in a process of its own, and crowds at its door."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from pathlib import Path

from deepreshape.design import Network, Stage
from deepreshape.private.entrance import Entrance
from deepreshape.private.program.model import Model
from deepreshape.private.server import Service
from deepreshape.private.serving import serve
from deepreshape.private.wire.link import Address, listen, listening
from tests.private.guests import guest, hello
from tests.private.nets import packed, pixels

NETWORK = Network(4, (Stage(4, 1),), 8, 5)
IMAGES = pixels(NETWORK, 3)


def tiny() -> Model:
    """A model of a tiny net."""
    made = packed(NETWORK)
    return Model(made.program, made.weights, {})


def descriptors(process: int | str | None = "self") -> list[int]:
    """Those that are open in a process."""
    return sorted(int(path.name) for path in Path(f"/proc/{process}/fd").iterdir())


class Running:
    """A server in a process of its own, and what it says."""

    def __init__(self, at: Address, process: ForkProcess, said: Connection) -> None:
        self.at, self.process, self._said = at, process, said

    def lines(self, seconds: float = 0.0) -> list[str]:
        """What it said up to now, and in so many seconds."""
        found, end = [], time.monotonic() + seconds
        while self._said.poll(max(0.0, end - time.monotonic())):
            found.append(self._said.recv())
        return found

    def said(self) -> list[str]:
        """The next that it says, and what follows at once."""
        assert self._said.poll(20.0)
        return self.lines(0.2)

    def cpu(self) -> float:
        """Seconds that its accepting process has computed."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self) -> int:
        return len(descriptors(self.process.pid))


@contextmanager
def running(
    service: Service,
    first: Callable[[], None] = lambda: None,
    entrance: Entrance | None = None,
) -> Iterator[Running]:
    """A server up to the end of the body. first: what its process does before."""

    def run() -> None:
        first()
        serve(listener, service, None, theirs.send, entrance)

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    with ours, theirs, listen(Address("127.0.0.1", 0)) as listener:
        process = context.Process(target=run)
        process.start()
        try:
            yield Running(listening(listener), process, ours)
        finally:
            process.terminate()
            process.join()


class Crowd:
    """Connections that say nothing, and some over which a byte a second comes."""

    def __init__(self, at: Address, idle: int, dripping: int) -> None:
        self._socks = [guest(at, b"") for _ in range(idle + dripping)]
        self._left = {sock: hello()[:-1] for sock in self._socks[idle:]}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for sock in self._socks:
            sock.close()

    def _drip(self) -> None:
        while not self._over.wait(1.0):
            for sock, left in self._left.items():
                try:
                    sock.send(left[:1])
                except OSError:
                    continue  # turned away
                self._left[sock] = left[1:]
