"""Keys of a server and of clients, made once, and the locks of both sides."""

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

from deepreshape.private.wire import keys
from deepreshape.private.wire.keys import Certificate
from deepreshape.private.wire.sealed import Lock, lock

_FOLDER = TemporaryDirectory()
FOLDER = Path(_FOLDER.name)


@functools.cache
def certificate(name: str) -> Certificate:
    return keys.make(name, FOLDER)


def key(name: str) -> Path:
    """The file of a key, which nobody writes to."""
    certificate(name)
    return FOLDER / f"{name}.key"


def server_lock(*clients: str, name: str = "server") -> Lock:
    return lock(key(name), [certificate(each) for each in clients], server=True)


def client_lock(name: str = "alice", trusts: str = "server") -> Lock:
    return lock(key(name), [certificate(trusts)], server=False)
