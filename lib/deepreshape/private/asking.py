"""What a client asks for, in one session with a server or in two.

Two sessions take turns: while one classifies, which waits for the wire more often than it fills it,
the other prepares the next image, which fills it. Each has keys, transfers and preparations of its
own, and nothing of one is of use in the other.
"""

import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

import numpy as np
import numpy.typing as npt

from deepreshape.private.client import Preparation, Session
from deepreshape.private.garbled.loading import load
from deepreshape.private.program import public
from deepreshape.private.program.steps import Program
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import Integers, Words
from deepreshape.private.stopwatch import Spent
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, Link, connect
from deepreshape.private.wire.pipe import PeerSlow, TurnOver, WireError
from deepreshape.private.wire.sealed import Lock
from deepreshape.private.wire.traffic import Traffic

LAST = 2.0
"""Seconds in which a session that is told to ends."""
LONG = 600.0
"""Seconds that a peer may take to compute."""
TRIES = 3
"""Turns that may end one after the other before an image is classified in any of them."""

Pixels = npt.NDArray[np.uint8]
Chosen = Callable[[Program], Sequence[Pixels]]
"""The images (height, width, 3) to classify, once the program says what it takes."""


@dataclass(frozen=True, eq=False, slots=True)
class Classified:
    """Logits of an image, in units of the program's `logit`, and the seconds of both phases.

    number: its place among the images that were asked for, from 0. lows: what rounded its shifts,
    for `reference.clear`.
    """

    number: int
    logits: Integers
    offline: float
    online: float
    lows: Mapping[str, Words]


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """What sessions came to, as the client saw it.

    images: those that were finished, in the order in which they were asked for. program: as the
    server sent it. took: seconds from the first session to the last answer. loaded: seconds in
    which compiled loops were loaded, before that. failure: what ended the last session before all
    were finished.
    """

    images: Sequence[Classified]
    program: Program
    traffic: Traffic
    client: Mapping[Spent, float]
    took: float
    loaded: float = 0.0
    failure: Exception | None = None


def classify(
    address: Address,
    chosen: Chosen,
    link: Link | None = None,
    waits: Callable[[], None] | None = None,
    ahead: int = 1,
    lock: Lock | None = None,
    sessions: int = 2,
) -> Outcome:
    """Classify images at a server, in further sessions where others wait for its place.

    waits: called where the server has no place at once. ahead: images that a session may have
    prepared; each preparation serves one image in its own session, and is thrown away with it.
    lock: the client's key and the server's certificate; without it the connection is not encrypted,
    and the server may be any. sessions: of several images, whether a second session prepares while
    one classifies (2) or not (1); where the server has no place for it, there is one. Raises
    WireError or ValueError where not one image is finished.
    """
    loaded, asked, fruitless = load(), Asked(chosen, ahead), 0
    beside = _Beside(lambda sock: asked.session(sock, link, _not_now, lock), address)
    with beside:
        if sessions > 1:
            asked.agreed = beside.start
        while True:
            before = asked.left
            try:
                asked.session(connect(address), link, waits, lock)
                failure: WireError | ValueError | None = None
            except TurnOver as error:
                failure = error
                fruitless = fruitless + 1 if asked.left == before else 0
                if fruitless < TRIES:
                    continue
            except (WireError, ValueError) as error:
                failure = error
            beside.join(wait=asked.left > 0)
            if failure or not asked.left:
                return asked.outcome(loaded, failure)


class Asked:
    """What a client asks for, and what has come of it so far; its sessions share it.

    agreed: called once the program is known, if there are several images.
    """

    def __init__(self, chosen: Chosen, ahead: int = 1) -> None:
        self.agreed: Callable[[], None] = lambda: None
        self._ahead, self._chosen = ahead, chosen
        self._program: Program | None = None
        self._images: Sequence[Pixels] = ()
        self._found: dict[int, Classified] = {}
        self._waiting: deque[int] = deque()
        """Images that no session classifies yet."""
        self._bare = 0
        """How many of those no session prepares or has prepared for."""
        self._traffic, self._seconds = Traffic({}), Counter[Spent]()
        self._begun = self._ended = monotonic()
        self._state = threading.Lock()
        self._preparing = threading.Lock()

    @property
    def left(self) -> int:
        """Images that are not finished; 1 at least while they are not known."""
        return len(self._images) - len(self._found) if self._program else 1

    def session(
        self,
        sock: socket.socket,
        link: Link | None,
        waits: Callable[[], None] | None = None,
        lock: Lock | None = None,
    ) -> None:
        """Ask for what is left, over a connection that is closed then."""
        seal = lock.over(sock) if lock else None
        with Channel(sock, link=link, limit=LONG, seal=seal) as channel:
            try:
                self._ask(channel, waits)
            except ValueError as error:
                channel.refuse(type(error).__name__)
                raise
            finally:
                with self._state:
                    self._traffic += channel.traffic

    def outcome(self, loaded: float, failure: WireError | ValueError | None = None) -> Outcome:
        """What was finished; raises the failure where nothing was."""
        if failure and not self._found:
            raise failure
        assert self._program
        return Outcome(
            [self._found[number] for number in sorted(self._found)],
            self._program,
            self._traffic,
            dict(self._seconds),
            self._ended - self._begun,
            loaded,
            failure if self.left else None,
        )

    def _ask(self, channel: Channel, waits: Callable[[], None] | None) -> None:
        client = Session(channel, SystemRandomness(), waits)
        self._agree(client.program)
        ready: deque[tuple[Preparation, float]] = deque()
        try:
            while self._prepare(client, ready):
                self._classify(client, *ready.popleft())
        finally:
            with self._state:
                self._bare += len(ready)
                self._seconds.update(client.watch.seconds)

    def _agree(self, program: Program) -> None:
        """Choose the images for the first program; every later one has to be the same."""
        with self._state:
            if self._program and public.dump(program) != public.dump(self._program):
                raise ValueError("the server's program changed between two images")
            if self._program:
                return
            images = self._chosen(program)
            for image in images:
                program.quantised(image)
            self._program, self._images = program, images
            self._waiting, self._bare = deque(range(len(images))), len(images)
        if len(images) > 1:
            self.agreed()

    def _prepare(self, client: Session, ready: deque[tuple[Preparation, float]]) -> bool:
        """Prepare what may be prepared, one session at a time: is there one for an image?"""
        while len(ready) < self._ahead and self._preparing.acquire(blocking=not ready):
            try:
                if not self._claim():
                    break
                with self._or_back():
                    start = monotonic()
                    ready.append((client.prepare(), monotonic() - start))
            finally:
                self._preparing.release()
        return bool(ready)

    def _claim(self) -> bool:
        """Take it on to prepare for an image, if there is one left."""
        with self._state:
            if self._bare == 0:
                return False
            self._bare -= 1
            return True

    def _classify(self, client: Session, prepared: Preparation, offline: float) -> None:
        """Spend a preparation on the first image that waits."""
        with self._state:
            number = self._waiting.popleft()
        with self._or_back(number):
            start = monotonic()
            logits = client.classify(prepared, self._images[number])
            end = monotonic()
        with self._state:
            self._found[number] = Classified(number, logits, offline, end - start, prepared.lows)
            self._ended = end

    @contextmanager
    def _or_back(self, *numbers: int) -> Iterator[None]:
        """Leave an image to other sessions where what is done for it within fails."""
        try:
            yield
        except BaseException:
            with self._state:
                self._waiting.extendleft(numbers)
                self._bare += 1
            raise


class _Beside:
    """A second session with a server, in a thread of its own, which gives way without a word: what
    it leaves is the first one's."""

    def __init__(self, session: Callable[[socket.socket], None], address: Address) -> None:
        self._session, self._address = session, address
        self._sock: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.join(wait=False)

    def start(self) -> None:
        """Begin, if it has not."""
        if not self._thread:
            self._thread = threading.Thread(target=self._run, name="second session", daemon=True)
            self._thread.start()

    def join(self, wait: bool) -> None:
        """Wait until it has ended; without waiting for an answer that it is owed, if so asked."""
        if not self._thread:
            return
        if not wait and self._sock:
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(None if wait else LAST)

    def _run(self) -> None:
        with suppress(WireError, ValueError):
            self._sock = connect(self._address)
            self._session(self._sock)


def _not_now() -> None:
    """Rather than wait for a second place, which others may want."""
    raise PeerSlow("the server has no second place")
