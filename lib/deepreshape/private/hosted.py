"""What the process of a `parties.Server` does: get ready, say so, serve until its parent ends."""

import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from deepreshape.private import sessions
from deepreshape.private.clients import Clients
from deepreshape.private.entrance import Entrance, lines
from deepreshape.private.garbled.loading import load
from deepreshape.private.program.model import read
from deepreshape.private.serving import serve
from deepreshape.private.wire.link import Link

PARENT = 0
"""Standard input: a pipe whose other end the parent holds."""


def main(given: Mapping[str, Any]) -> None:
    """Serve as `given` says, on a socket that it names by its number.

    One line goes to standard output: `ready`, or what is wrong.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    key, clients, log = (given[name] and Path(given[name]) for name in ("key", "clients", "log"))
    with socket.socket(fileno=given["listener"]) as listener, ExitStack() as opened:
        try:
            say = opened.enter_context(lines(log))
            entrance = Entrance(key, Clients(clients)) if key and clients else None
            made = sessions.ready(read(Path(given["model"])), *given["served"])
        except (OSError, ValueError) as error:
            print(" ".join(str(error).split()), flush=True)
            sys.exit(2)
        load()
        link = given["link"] and Link(**given["link"])
        print("ready", flush=True)
        with suppress(KeyboardInterrupt):
            serve(listener, made, link, say, entrance, until=PARENT)
