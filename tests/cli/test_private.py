"""`deepreshape pack`, `private`, `serve`, `classify`: images that the net does not see."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepreshape.cli.accounts import answers
from deepreshape.cli.private import _opened
from deepreshape.places import DATA
from deepreshape.private.program.model import read, write
from deepreshape.private.sessions import Classified, Outcome
from deepreshape.private.wire.link import Address
from deepreshape.private.wire.traffic import Traffic
from tests.cli.commands import Command
from tests.private.guests import guest

DIGITS = DATA / "models" / "digits.safetensors"
SMALL = ("train", "ResNet18(m=4)", "--cull", "1", "--data", "mnist5k[per_class=5,size=8]")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of the digits' net, on a port of its own."""
    yield from _served("127.0.0.1")


@pytest.fixture(scope="module")
def everywhere() -> Iterator[str]:
    """One on every address of this machine."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    yield from _served("::")


def _served(host: str) -> Iterator[str]:
    command = [sys.executable, "-m", "deepreshape", "serve", str(DIGITS), "--port", "0"]
    command += ["--host", host]
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
    texts = "offline, an image", "server HE", "MB down", "stage2/block1/relu2", "all 1"
    for text in (*texts, "compiled loops loaded once, before the first image"):
        assert text in answer.out


def test_image_files_are_classified_by_a_server(call: Command, server: str, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((50, 40), np.uint8)).save(tmp_path / "black.png")
    answer = call("classify", str(tmp_path / "black.png"), "--server", server, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["images"][0]["class"] in range(10)


@pytest.mark.parametrize("number", ["127.0.0.1", "[::1]"])
def test_a_server_on_every_address_takes_both_versions(
    number: str, call: Command, everywhere: str, tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    server = f"{number}:{everywhere.rpartition(':')[2]}"
    answer = call("classify", str(tmp_path / "black.png"), "--server", server)
    assert answer.code == 0, answer.err
    assert "loaded once, before the first image" in answer.out


def test_an_image_is_taken_upright(tmp_path: Path) -> None:
    lying = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on the right
    lying.save(tmp_path / "lying.png", exif=exif)
    opened = np.asarray(_opened(tmp_path / "lying.png"))[..., 0]
    np.testing.assert_array_equal(opened, np.rot90(np.asarray(lying), -1))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    ramp = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    opened = np.asarray(_opened(tmp_path / "deep.png"))
    np.testing.assert_array_equal(opened[0, :, 0], [0, 1, 128, 255])


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_an_image_that_does_not_say_what_is_white_is_refused(tmp_path: Path, kind: type) -> None:
    Image.fromarray(np.ones((4, 4), kind)).save(tmp_path / "raw.tiff")
    with pytest.raises(ValueError, match=r"raw\.tiff is no image that can be read"):
        _opened(tmp_path / "raw.tiff")


@pytest.mark.parametrize("error", [SyntaxError, Image.DecompressionBombError, RuntimeError])
def test_whatever_a_decoder_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")

    def broken(*_: object, **__: object) -> None:
        raise error("two\nlines")

    monkeypatch.setattr("PIL.Image.Image.convert", broken)
    with pytest.raises(ValueError, match=r"a\.png is no image that can be read"):
        _opened(tmp_path / "a.png")


def test_a_net_of_one_class_has_no_next() -> None:
    outcome = Outcome([Classified(np.array([5]), 1.0, 0.1)], 0.5, Traffic({}), {})
    (row,) = answers(["a.png"], outcome)
    assert (row["class"], row["logit"], row["ahead"]) == (0, 2.5, 0.0)


def test_a_model_that_names_no_images_needs_some(call: Command, tmp_path: Path) -> None:
    found = read(DIGITS)
    write(tmp_path / "m.safetensors", replace(found, about={}))
    answer = call("private", str(tmp_path / "m.safetensors"))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "name images with --image" in answer.err


def test_a_device_is_not_replaced_by_a_model(call: Command, shelf: Path) -> None:
    answer = call("pack", "zz", "--out", "/dev/null")
    assert answer.code == 2
    assert "/dev/null is no file" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("classify", "none.png", "--server", "127.0.0.1:9"), "none.png is not there"),
        (("classify", str(DIGITS), "--server", "127.0.0.1:9"), "is no image that can be read"),
        (("private", "none.safetensors"), "'none.safetensors' does not exist"),
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
    assert answer.code == 2
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
        with guest(Address.parse(process.stdout.readline().split()[-1])) as client:
            client.recv(1)  # the session has begun
            process.terminate()
            process.wait(20)
        assert process.stderr.read() == ""


def test_a_server_that_is_not_there_is_one_line(call: Command, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "black.png")
    answer = call("classify", str(tmp_path / "black.png"), "--server", "127.0.0.1:9")
    assert answer.code == 1
    assert answer.err == "deepreshape: cannot connect to 127.0.0.1:9: connection refused\n"
