"""Classify an image at a server that does not see it, over an encrypted connection with keys.

Server and client are two processes here; on two machines each has its own key, and the .pub file of
the other.
"""

import tempfile
from pathlib import Path

import numpy as np

from deepreshape.private import Client, Server
from deepreshape.private.clients import Clients
from deepreshape.private.wire import keys

image = np.zeros((28, 28), np.uint8)  # a digit: a white stroke on black; or a file's name
image[4:24, 12:16] = 255

with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    keys.make("server", folder)
    alice = keys.make("alice", folder)
    Clients(folder / "clients").allow(alice, budget=100, a_minute=10)

    with Server("digits", key=folder / "server.key", clients=folder / "clients") as server:
        client = Client(server.address, key=folder / "alice.key", trust=folder / "server.pub")
        answer = client.classify(image)

print(f"the likeliest class is {answer.number}, of logit {answer.logits[answer.number]:.2f}")
print(f"{answer.offline:.2f} s before the image was known, {answer.online:.2f} s after")
