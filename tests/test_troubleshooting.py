"""Every line that the book's page on troubleshooting quotes is what the project says."""

import errno
import importlib.util
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from ci import page_python, setup
from deepreshape.cli import main
from deepreshape.design import parse
from deepreshape.extras import MissingExtra, needing
from deepreshape.image_files import opened
from deepreshape.learn.images import mirror, packages
from deepreshape.learn.images.decoding import decoded
from deepreshape.learn.images.folder import Folder
from deepreshape.learn.runs.cluster import _start
from deepreshape.learn.runs.nodes import imported
from deepreshape.learn.tensor_files import alone
from deepreshape.learn.training.machine import on_free_cores, this_machine
from deepreshape.learn.training.nets import build
from deepreshape.learn.workers import death
from deepreshape.private.clients import Clients
from deepreshape.private.entrance import secure
from deepreshape.private.program.model import read
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, connect, listen
from tests.private.wire.locks import certificate, client_lock, server_lock

PAGE = (Path(__file__).parents[1] / "book" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = [line for _, line in re.findall(r"^> (`+) ?(.*?) ?\1$", PAGE, re.M)]
VENV = Path(".venv")
Patch = pytest.MonkeyPatch


def refused(call: Callable[[], object]) -> str:
    """The line that a call is refused with."""
    with pytest.raises((setup.Problem, ValueError, RuntimeError, OSError)) as caught:
        call()
    return str(caught.value)


def wrong_python(patch: Patch) -> str:
    return refused(lambda: setup.check_python((3, 10), "/usr/bin/python3.10"))


def no_ensurepip(patch: Patch) -> str:
    patch.setattr(importlib.util, "find_spec", lambda name: None)
    patch.setattr(setup, "sys", SimpleNamespace(version_info=(3, 11, 9)))
    return refused(lambda: setup.check_venv_module("python3.11"))


def no_network(patch: Patch) -> str:
    return setup.explain_output("pip install", "WARNING: NewConnectionError('...')")


def no_room(patch: Patch) -> str:
    return refused(lambda: setup.check_space(4_200_000_000, VENV))


def full(patch: Patch) -> str:
    return setup.explain_output("pip install", "OSError: [Errno 28] No space left on device")


def in_the_way(patch: Patch) -> str:
    (VENV / "bin").mkdir(parents=True)
    return refused(lambda: setup.locked(VENV).__enter__())


def no_extra(patch: Patch) -> str:
    def without() -> None:
        with needing("train", "train"):
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

    with pytest.raises(MissingExtra) as caught:
        without()
    return str(caught.value)


def no_npm(patch: Patch) -> str:
    patch.setattr("shutil.which", lambda name: None)
    with pytest.raises(page_python.Missing) as caught:
        page_python.fetch(Path())
    return str(caught.value)


def no_download(patch: Patch) -> str:
    import torchvision.datasets

    def none(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    patch.setattr(torchvision.datasets, "CIFAR100", none)
    patch.setattr(packages, "cache_folder", lambda: Path())
    return refused(packages.cifar100)


def no_mirror(patch: Patch) -> str:
    patch.delenv("DEEPRESHAPE_MIRROR", raising=False)
    return refused(lambda: mirror.mirror_folder("tiny-imagenet", None))


def empty_mirror(patch: Patch) -> str:
    folder = Path("mirror/cifar100")
    return refused(lambda: [*mirror.shard_files(folder, "train", "cifar100", None)])


def laid_out(*folders: str, image: str = "0.png") -> str:
    """What is said of birds with these folders, and an empty file in each."""
    for folder in folders:
        path = Path("birds", folder)
        path.mkdir(parents=True, exist_ok=True)
        (path / image).touch()
    return refused(lambda: Folder("birds").known)


def nowhere(patch: Patch) -> str:
    return laid_out()


def no_train(patch: Patch) -> str:
    return laid_out("test/crow", "test/jay")


def one_class(patch: Patch) -> str:
    return laid_out("train/crow", "test/crow")


def other_classes(patch: Patch) -> str:
    return laid_out("train/crow", "train/jay", "test/crow", "test/kite")


def too_deep(patch: Patch) -> str:
    return laid_out("train/crow/one", "train/crow/two", "train/jay")


def no_images(patch: Patch) -> str:
    return laid_out("train/crow", "train/jay", image="0.heic")


def damaged(patch: Patch) -> str:
    file = Path("birds/train/crow/4.png")
    file.parent.mkdir(parents=True)
    file.touch()
    return refused(lambda: decoded([file], [True], 32, skip=False))


def doubtful(patch: Patch) -> str:
    file = Path("birds/train/crow/4.tiff")
    file.parent.mkdir(parents=True)
    Image.new("I", (4, 4)).save(file)
    return refused(lambda: decoded([file], [True], 32, skip=True) and opened(file))


def no_disk(patch: Patch) -> str:
    patch.setenv("DEEPRESHAPE_CACHE", "cache")
    patch.setattr("deepreshape.learn.images.rows.memory", lambda: 0)
    patch.setattr("deepreshape.learn.images.decoding.free", lambda folder: 20_000_000_000)
    return refused(lambda: decoded([Path("none.png")] * 50_000, [True] * 50_000, 512, skip=False))


def died(by: signal.Signals) -> Callable[[Patch], str]:
    """What is said of a process that died by a signal over its task."""

    return lambda patch: str(death(-by, "ResNet18"))


def no_locks(patch: Patch) -> str:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    patch.setattr("fcntl.flock", refuse)
    with pytest.raises(OSError) as caught, alone(Path("build/runs/unfinished/lock")):
        pass
    return str(caught.value)


def no_ray(patch: Patch) -> str:
    patch.setitem(sys.modules, "ray", None)
    return refused(imported)


def no_cluster(patch: Patch) -> str:
    def connect(*_: object) -> None:
        raise TimeoutError("timed out")

    patch.setattr("socket.create_connection", connect)
    patch.setenv("RAY_ADDRESS", "192.0.2.7:6379")
    return refused(lambda: _start(SimpleNamespace()))


def interrupted(patch: Patch) -> str:
    def stop(**_: object) -> None:
        raise KeyboardInterrupt

    patch.setattr("deepreshape.cli.commands", stop)
    before = signal.getsignal(signal.SIGTERM)
    said: list[str] = []
    patch.setattr("deepreshape.cli.click.echo", lambda line, err: said.append(line))
    with pytest.raises(SystemExit) as end:
        main()
    signal.signal(signal.SIGTERM, before)
    assert end.value.code == 130
    return said[0].removeprefix("deepreshape: ")


def busy_cores(patch: Patch) -> str:
    said: list[str] = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    patch.delenv("OMP_NUM_THREADS", raising=False)
    patch.setattr("deepreshape.learn.training.processor.free_cores", lambda: 1)
    with on_free_cores(said.append):
        pass
    torch.set_num_threads(before)
    return said[0]


def no_gpu(patch: Patch) -> str:
    patch.setattr("torch.cuda.is_available", lambda: False)
    return refused(lambda: this_machine("cuda"))


def too_large(patch: Patch) -> str:
    return refused(lambda: build(parse("Net(60000; 60000x2)", 32, 10), seed=1))


@contextmanager
def free() -> Iterator[tuple[socket.socket, Address]]:
    """A socket at a port that nobody else has."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held, Address("127.0.0.1", held.getsockname()[1])


def taken(patch: Patch) -> str:
    with free() as (_, address):
        return at_9000(refused(lambda: listen(address)), address)


def nobody(patch: Patch) -> str:
    with free() as (held, address):
        held.close()
        return at_9000(refused(lambda: connect(address)), address)


def at_9000(line: str, address: Address) -> str:
    return line.replace(str(address.port), "9000")


def elsewhere(patch: Patch) -> str:
    there = Address("192.0.2.7", 9000)
    return refused(lambda: secure(there, {"--key": None, "--trust": None}, insecure=False))


def told(client: str, trusts: str) -> str:
    """What is said at a client of a server that knows alice alone."""
    left, right = socket.socketpair()
    with ThreadPoolExecutor(1) as pool:
        server = Channel(left, limit=5, seal=server_lock("alice").over(left))
        pool.submit(server.receive, 1, exactly=0).add_done_callback(lambda _: server.close())
        with Channel(right, limit=5, seal=client_lock(client, trusts).over(right)) as channel:

            def ask() -> None:
                channel.send(1, b"")
                channel.receive(1, exactly=0)

            return refused(ask)


def stranger(patch: Patch) -> str:
    return told("mallory", "server")


def other_server(patch: Patch) -> str:
    return told("alice", "mallory")


def used_up(patch: Patch) -> str:
    clients, alice = Clients(Path("clients.db")), certificate("alice")
    clients.allow(alice, 1000, 60)
    with sqlite3.connect(clients.path) as file:
        file.execute("UPDATE clients SET asked = 1000")
    file.close()
    return refused(lambda: clients.charge(alice.fingerprint))


def no_model(patch: Patch) -> str:
    import numpy as np
    from safetensors.numpy import save_file

    save_file({"weights": np.zeros(1)}, "old.safetensors")
    return refused(lambda: read(Path("old.safetensors")))


PROVOKED: tuple[Callable[[Patch], str], ...] = (
    wrong_python,
    no_ensurepip,
    no_network,
    no_room,
    full,
    in_the_way,
    no_npm,
    no_extra,
    no_download,
    no_mirror,
    empty_mirror,
    nowhere,
    no_train,
    one_class,
    other_classes,
    too_deep,
    no_images,
    damaged,
    doubtful,
    no_disk,
    busy_cores,
    died(signal.SIGKILL),
    died(signal.SIGSEGV),
    no_locks,
    no_ray,
    no_cluster,
    interrupted,
    no_gpu,
    too_large,
    taken,
    nobody,
    elsewhere,
    stranger,
    other_server,
    used_up,
    no_model,
)
"""In the order of the page."""


def test_every_quoted_line_is_provoked() -> None:
    assert len(QUOTED) == len(PROVOKED)


@pytest.mark.parametrize(("line", "provoke"), [*zip(QUOTED, PROVOKED, strict=False)])
def test_a_quoted_line_is_what_is_said(
    line: str, provoke: Callable[[Patch], str], tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert provoke(monkeypatch) == line
