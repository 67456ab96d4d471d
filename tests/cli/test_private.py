"""`deepreshape pack`, `private`, `serve`, `classify`: images that the net does not see."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepreshape.places import DATA
from deepreshape.private.program.model import read
from tests.cli.commands import Command

DIGITS = DATA / "models" / "digits.safetensors"
SMALL = ("train", "ResNet18(m=4)", "--cull", "1", "--data", "mnist5k[per_class=5,size=8]")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of the digits' net, on a port of its own."""
    command = [sys.executable, "-m", "deepreshape", "serve", str(DIGITS), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()


def test_a_run_is_packed_and_its_model_classifies(
    call: Command, shelf: Path, tmp_path: Path, float32: None
) -> None:
    trained = call(*SMALL, "--profile", "smoke", "--workers", "1", "--json")
    key = json.loads(trained.out)["key"]
    out = tmp_path / "model.safetensors"
    packed = call("pack", key, "--out", str(out), "--check", "50", "--run", "3", "--json")
    assert packed.code == 0, packed.err
    about = json.loads(packed.out)
    assert about == read(out).about
    assert (about["checked"], about["asked"]) == (50, 3)
    found = json.loads(call("private", str(out), "--images", "2", "--json").out)
    assert found["exact"] == [True, True]


def test_the_digits_of_the_repository_are_classified_as_labelled(call: Command) -> None:
    found = json.loads(call("private", str(DIGITS), "--images", "3", "--json").out)
    assert all(found["exact"])
    right = [f"class {row['class']}" in row["image"] for row in found["images"]]
    assert sum(right) >= 2


def test_a_table_has_phases_and_steps(call: Command) -> None:
    answer = call("private", str(DIGITS), "--layers")
    assert answer.code == 0
    for text in ("offline, an image", "server HE", "MB down", "stage2/block1/relu2", "all 1"):
        assert text in answer.out


def test_image_files_are_classified_by_a_server(call: Command, server: str, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((50, 40), np.uint8)).save(tmp_path / "black.png")
    answer = call("classify", str(tmp_path / "black.png"), "--server", server, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["images"][0]["class"] in range(10)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("classify", "none.png", "--server", "127.0.0.1:9"), "none.png is not there"),
        (("classify", str(DIGITS), "--server", "127.0.0.1:9"), "is no image that can be read"),
        (("private", "none.safetensors"), "none.safetensors is not there"),
        (("private", __file__), "is no private model"),
        (("private", str(DIGITS), "--images", "5000"), "test images"),
        (("private", str(DIGITS), "--images", "1", "--image", "a.png"), "exclude each other"),
        (("serve", __file__), "is no private model"),
        (("pack", "zz", "--out", "x.safetensors"), "zz"),
    ],
)
def test_bad_input_is_one_line(
    call: Command, shelf: Path, arguments: tuple[str, ...], says: str
) -> None:
    answer = call(*arguments)
    assert answer.code != 0
    assert says in answer.err
    assert answer.err.count("\n") == 1
    assert answer.out == ""


def test_a_run_whose_weights_were_not_kept_is_one_line(
    call: Command, shelf: Path, tmp_path: Path, float32: None
) -> None:
    key = json.loads(call(*SMALL, "--profile", "smoke", "--workers", "1", "--json").out)["key"]
    (shelf / f"{key}.safetensors").unlink()
    answer = call("pack", key, "--out", str(tmp_path / "model.safetensors"))
    assert answer.code == 2
    assert answer.err.endswith("the weights of this run were not kept\n")
    assert not (tmp_path / "model.safetensors").exists()


def test_a_server_that_is_ended_says_nothing_of_its_sessions(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deepreshape", "serve", str(DIGITS), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        host, port = process.stdout.readline().split()[-1].split(":")
        with socket.create_connection((host, int(port))) as client:
            client.recv(1)  # the session has begun
            process.terminate()
            process.wait(20)
        assert process.stderr.read() == ""


def test_a_server_that_is_not_there_is_one_line(call: Command, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    answer = call("classify", str(tmp_path / "black.png"), "--server", "127.0.0.1:9")
    assert answer.code == 1
    assert answer.err == "deepreshape: cannot connect to 127.0.0.1:9: connection refused\n"
