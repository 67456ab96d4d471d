"""Server and client for a program: what they answer, to whom, and how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepreshape.design import parse
from deepreshape.private import Client, Server, Unfinished
from deepreshape.private.clients import Clients
from deepreshape.private.parties import pictured
from deepreshape.private.program.model import Model, write
from deepreshape.private.program.reference import logits
from deepreshape.private.program.steps import LinearWeights
from deepreshape.private.sessions import over
from deepreshape.private.wire.link import Address
from deepreshape.private.wire.pipe import WireError
from tests.private.nets import packed, pixels
from tests.private.wire.locks import FOLDER, certificate, key

NETWORK = parse("HRN-2x2x2x(m=4)-C1-T234", resolution=16, classes=10)
IMAGES = pixels(NETWORK, count=3)
CLASSES = tuple(f"kind {number}" for number in range(10))


@pytest.fixture(scope="module")
def model() -> Model:
    made = packed(NETWORK)
    return Model(replace(made.program, classes=CLASSES), made.weights, {})


@pytest.fixture(scope="module")
def exact(model: Model) -> Iterator[str]:
    """Where a server is that rounds as the reference does."""
    with Server(model, exact=True) as server:
        yield server.address


def wanted(model: Model, image: Any) -> list[float]:
    program = over(model, "coefficients", exact=True)
    found: list[float] = (logits(program, model.weights, image) * program.logit).tolist()
    return found


def test_an_image_is_classified_as_by_the_reference(exact: str, model: Model) -> None:
    answer = Client(exact).classify(IMAGES[0])
    assert list(answer.logits) == wanted(model, IMAGES[0])
    assert answer.number == int(np.argmax(answer.logits))
    assert answer.name == f"kind {answer.number}"
    assert [answer.logits[number] for number, _ in answer.likely] == sorted(answer.logits)[::-1]
    assert answer.offline > 0
    assert answer.online > 0


def test_images_are_answered_in_their_order(exact: str, model: Model) -> None:
    found = Client(exact).classify_all(list(IMAGES), ahead=2)
    assert [list(each.logits) for each in found] == [wanted(model, image) for image in IMAGES]


def test_no_image_needs_no_server() -> None:
    assert Client("127.0.0.1:9").classify_all([]) == []


def test_files_and_images_of_pillow_are_taken_as_pixels_are(tmp_path: Path) -> None:
    shown = Image.fromarray(IMAGES[0])
    shown.save(tmp_path / "a.png")
    for kind in (IMAGES[0], shown, tmp_path / "a.png", str(tmp_path / "a.png")):
        assert np.array_equal(np.asarray(pictured(kind)), IMAGES[0])
    grey = IMAGES[0][:, :, 0]
    assert np.array_equal(np.asarray(pictured(grey)), np.stack([grey] * 3, axis=2))


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((4, 4, 3)), "not float64"),
        (np.zeros((3, 4, 4), np.uint8), r"not uint8 \(3, 4, 4\)"),
        (np.zeros((4, 4, 4, 3), np.uint8), "pixels are uint8"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        (np.zeros(4, np.uint8), "pixels are uint8"),
        ("nofile.png", "nofile.png is not there"),
    ],
)
def test_what_is_no_image_is_refused_before_anything_is_asked(image: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Client("127.0.0.1:9").classify(image)


def test_a_server_may_tell_the_first_class_alone(model: Model) -> None:
    with Server(model, answer="top") as server:
        answer = Client(server.address).classify(IMAGES[0])
    assert answer.logits == ()
    assert len(answer.likely) == 1


def test_with_keys_only_known_clients_are_served_as_often_as_they_may(
    model: Model, tmp_path: Path
) -> None:
    listed = Clients(tmp_path / "clients")
    listed.allow(certificate("alice"), 1, 60)
    certificate("server")
    own = FOLDER / "server.pub"
    with Server(model, key=key("server"), clients=listed.path, log=tmp_path / "log") as server:
        alice = Client(server.address, key=key("alice"), trust=own)
        with pytest.raises(Unfinished, match=r"1 of 2 images are .* used up") as few:
            alice.classify_all([IMAGES[0], IMAGES[1]])
        with pytest.raises(WireError, match="does not know the key"):
            Client(server.address, key=key("mallory"), trust=own).classify(IMAGES[0])
        with pytest.raises(WireError):
            Client(server.address).classify(IMAGES[0])
    assert len(few.value.answers) == 1
    assert "alice from 127.0.0.1: 1 queries" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "192.0.2.7:9000 is not only this machine: it takes key and .*, or insecure=True"),
        ({"key": "a.key"}, "need each other"),
        ({"key": "a.key", "insecure": True}, "key and insecure=True exclude each other"),
    ],
)
def test_beyond_this_machine_keys_are_needed(
    options: dict[str, Any], said: str, model: Model
) -> None:
    with pytest.raises(ValueError, match=said):
        Client("192.0.2.7:9000", **options)
    with pytest.raises(ValueError, match=said):
        Server(model, "192.0.2.7:9000", **options)


def test_a_server_has_an_address_while_it_runs(model: Model) -> None:
    server = Server(model)
    with pytest.raises(RuntimeError, match="is not started"):
        _ = server.address
    assert server.start() is server
    address = server.address
    with pytest.raises(RuntimeError, match="is started already"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(RuntimeError, match="is not started"):
        _ = server.address
    with pytest.raises(WireError, match="cannot connect"):
        Client(address).classify(IMAGES[0])


def test_a_server_can_be_started_again(model: Model) -> None:
    server = Server(model)
    for _ in range(2):
        with server:
            assert Client(server.address).classify(IMAGES[0]).likely


def test_what_cannot_be_served_is_said_at_once(model: Model, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nofile is not there"):
        Server(tmp_path / "nofile")
    with pytest.raises(ValueError, match="is no private model"):
        Server(Path(__file__).parents[2] / "README.md")
    with pytest.raises(ValueError, match="is no address"):
        Server(model, "nowhere")
    with pytest.raises(ValueError, match="packing 'nothing' is not one of slots, coefficients"):
        Server(model, packing="nothing")
    with pytest.raises(ValueError, match="answer 'nothing' is not one of logits, rounded, top"):
        Server(model, answer="nothing")
    with pytest.raises(ValueError, match="clients is not there: make it with"):
        Server(model, key=tmp_path / "nofile", clients=tmp_path / "clients")
    with pytest.raises(ValueError, match="nowhere/log"):
        Server(model, log=tmp_path / "nowhere" / "log").start()
    with pytest.raises(ValueError, match="answers with logits alone"):
        Server(model, packing="slots", answer="top")


def test_a_model_whose_weights_would_show_is_refused_by_the_servers_process(model: Model) -> None:
    large = {
        name: LinearWeights(each.weights * 2**14, each.bias) for name, each in model.weights.items()
    }
    with pytest.raises(ValueError, match="bits of circuit privacy"):
        Server(replace(model, weights=large)).start()


def test_a_place_that_is_taken_is_said(model: Model, exact: str) -> None:
    with pytest.raises(WireError, match="cannot listen"):
        Server(model, Address.parse(exact)).start()


def test_a_server_that_nobody_keeps_ends_with_its_program(model: Model, tmp_path: Path) -> None:
    """However that ends. The program is no module with a guard, as those of a notebook are none."""
    write(tmp_path / "model.safetensors", model)
    program = (
        "import sys, time\nfrom deepreshape.private import Server\n"
        f"print(Server({str(tmp_path / 'model.safetensors')!r}).start().address, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin
        assert started.stdout
        started.stdin.write(program)
        started.stdin.close()
        client = Client(started.stdout.readline().strip())
        assert client.classify(IMAGES[0]).likely
        os.kill(started.pid, signal.SIGKILL)
    for _ in range(100):
        try:
            client.classify(IMAGES[0])
        except WireError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the server runs on")
