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
import torch
from PIL import Image

from deepreshape.cli.accounts import answers, named
from deepreshape.places import DATA
from deepreshape.private import asking
from deepreshape.private.asking import Classified, Outcome
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program.model import Model, read, write
from deepreshape.private.program.steps import Linear, LinearWeights, Program, Step, Sum
from deepreshape.private.rings import BINARY
from deepreshape.private.wire.link import Address
from deepreshape.private.wire.pipe import PeerGone
from deepreshape.private.wire.traffic import Traffic
from tests.cli.commands import Command
from tests.private.guests import guest
from tests.private.servers import tiny

CASES = Path(__file__).parents[1] / "cases"
CIFAR100 = DATA / "models" / "cifar100.safetensors"
DIGITS = DATA / "models" / "digits.safetensors"
SMALL = ("train", "ResNet18(m=4)", "--cull", "1", "--data", "mnist5k[per_class=5,size=8]")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of the digits' net, on a port of its own."""
    yield from _served("--host", "127.0.0.1")


@pytest.fixture(scope="module")
def everywhere() -> Iterator[str]:
    """One on every address of this machine."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    yield from _served("--host", "::", "--insecure")


def _served(*options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "deepreshape", "serve", str(DIGITS), "--port", "0", *options]
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


def test_a_model_that_loses_too_much_is_not_written_or_said_to(
    call: Command, shelf: Path, tmp_path: Path, float32: None
) -> None:
    trained = call(*SMALL, "--profile", "smoke", "--workers", "1", "--json")
    key = json.loads(trained.out)["key"]
    out = tmp_path / "model.safetensors"
    coarse = ("--check", "50", "--run", "0", "--activation-bits", "4", "--weight-bits", "2")
    refused = call("pack", key, "--out", str(out), *coarse, "--least-alike", "99")
    assert refused.code == 2
    assert "of 99 % wanted: nothing is written" in refused.err
    assert not out.exists()
    told = call("pack", key, "--out", str(out), *coarse)
    assert told.code == 0
    assert "note: only " in told.err and "more bits" in told.err


def test_the_digits_of_the_repository_are_classified_as_labelled(call: Command) -> None:
    found = json.loads(call("private", str(DIGITS), "--images", "3", "--json").out)
    assert all(found["exact"])
    right = [f"class {row['class']}" in row["image"] for row in found["images"]]
    assert sum(right) >= 2


@pytest.mark.parametrize("how", [("--exact",), ("--packing", "slots")], ids=" ".join)
def test_rounded_to_the_nearest_each_answer_is_the_same_again(
    how: tuple[str, ...], call: Command, tmp_path: Path
) -> None:
    image, model = tmp_path / "black.png", tmp_path / "tiny.safetensors"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(image)
    write(model, tiny())
    asked = ("private", str(model), "--image", str(image), *how, "--json")
    found = [json.loads(call(*asked).out) for _ in range(2)]
    assert all(all(each["exact"]) for each in found)
    one, again = (each["images"][0]["logit"] for each in found)
    assert one == again


def test_a_server_may_round_to_the_nearest(call: Command, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(tmp_path / "black.png")
    logits = []
    for server in _served("--exact"):
        for _ in range(2):
            answer = call("classify", str(tmp_path / "black.png"), "--server", server, "--json")
            logits.append(json.loads(answer.out)["images"][0]["logit"])
    assert logits[0] == logits[1]


def test_of_the_top_a_client_learns_the_class_alone(call: Command) -> None:
    told = json.loads(call("private", str(DIGITS), "--images", "2", "--json").out)["images"]
    found = call("private", str(DIGITS), "--images", "2", "--answer", "top", "--json")
    assert found.code == 0, found.err
    rows = json.loads(found.out)["images"]
    assert [row["class"] for row in rows] == [row["class"] for row in told]
    assert not {"logit", "ahead", "likely"} & set(rows[0])


def test_an_image_is_drawn_with_its_likeliest_classes(call: Command) -> None:
    found = call("private", str(DIGITS), "--images", "1", "--pictures")
    drawn = found.out.splitlines()[1:17]
    assert {len(line) for line in drawn} == {32} and len(set("".join(drawn))) > 3
    (likely,) = [line for line in found.out.splitlines() if line.startswith("likeliest first")]
    assert len(likely.split(",")) == 5


def test_images_are_prepared_ahead_at_a_server(call: Command, server: str, tmp_path: Path) -> None:
    files = []
    for shade in range(3):
        files.append(tmp_path / f"{shade}.png")
        Image.new("L", (32, 32), 80 * shade).save(files[-1])
    asked = "classify", *map(str, files), "--server", server, "--json"
    one, two = (json.loads(call(*asked, "--prepare", ahead).out) for ahead in ("1", "2"))
    assert [row["class"] for row in one["images"]] == [row["class"] for row in two["images"]]
    assert call(*asked, "--prepare", "0").code == 2


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


def _outcome(logits: list[int], classes: tuple[str, ...] = ()) -> Outcome:
    """Of one image, its logits in halves."""
    step = Step("fc", Sum((0,)), ("image",), (len(logits), 1, 1))
    shape = (len(logits), 1, 1)
    program = Program(BINARY, shape, (0.0,), (1.0,), 1.0, (step,), 0.5, classes=classes)
    return Outcome([Classified(0, np.array(logits), 1.0, 0.1, {})], program, Traffic({}), {}, 1.1)


def test_of_equal_logits_the_first_decides_as_in_torch() -> None:
    for logits in ([7, 7, 7, 7], [1, 7, 7, 0], [0, 1, 7, 7]):
        (row,) = answers(["a.png"], _outcome(logits))
        assert row["class"] == int(torch.tensor(logits).argmax())
        assert row["ahead"] == 0


def test_a_class_is_shown_with_its_name() -> None:
    (row,) = answers(["a.png"], _outcome([1, 2], ("cat", "boat")))
    assert (row["class"], row["name"]) == (1, "boat")
    assert named(1, "boat") == "1 boat"
    assert named(1, None) == "1"


@pytest.mark.parametrize("name", ["wrap_coefficients.png", "check.png"])
def test_a_pattern_beyond_all_that_was_seen_is_classified_as_by_integers(
    call: Command, name: str
) -> None:
    """Numbers that wrapped made of it another class, and of the packings two."""
    answer = call("private", str(CIFAR100), "--image", str(CASES / name), "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    assert (found["exact"], found["left"]) == ([True], [None])
    assert found["topped"][0] > 0
    assert [(row["class"], row["name"]) for row in found["images"]] == [(39, "keyboard")]


def test_an_image_that_leaves_the_ring_is_said_to_be_wrong(call: Command, tmp_path: Path) -> None:
    """A net of one layer that adds pixels to half the ring."""
    step = Step("fc", Linear(Convolution(3, 2, 1)), ("image",), (2, 1, 1))
    program = Program(BINARY, (3, 1, 1), (0.0,) * 3, (1.0,) * 3, 1.0, (step,), 1.0)
    weights = LinearWeights(np.zeros((2, 3, 1, 1), np.int64), np.array([BINARY.modulus // 2, 1]))
    weights.weights[0] = 1
    write(tmp_path / "m.safetensors", Model(program, {"fc": weights}, {}))
    Image.new("RGB", (1, 1), (9, 9, 9)).save(tmp_path / "white.png")
    answer = call(
        "private", str(tmp_path / "m.safetensors"), "--image", str(tmp_path / "white.png")
    )
    assert answer.code == 1
    assert "do not rule out that numbers leave its ring" in answer.err
    assert "white.png leaves the ring at fc" in answer.err


@pytest.mark.parametrize("name", ["rgba_white_ink_alpha.png", "rgba_hidden.png"])
def test_a_digit_on_a_transparent_background_is_read(call: Command, name: str) -> None:
    answer = call("private", str(DIGITS), "--image", str(CASES / name), "--json")
    assert [row["class"] for row in json.loads(answer.out)["images"]] == [0]


def test_what_was_finished_before_a_server_stopped_is_shown(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    outcome = replace(_outcome([1, 2]), failure=PeerGone("the peer went away"))
    monkeypatch.setattr(asking, "classify", lambda *_: outcome)
    files = [str(tmp_path / "a.png")] * 6
    answer = call("classify", *files, "--server", "127.0.0.1:9")
    assert answer.code == 1
    assert "1.000" in answer.out
    assert answer.err.endswith(
        "deepreshape: 1 of 6 images are classified, then: the peer went away\n"
    )
    as_json = call("classify", *files, "--server", "127.0.0.1:9", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out)["failure"] == "the peer went away"


def test_a_net_of_one_class_has_no_next() -> None:
    (row,) = answers(["a.png"], _outcome([5]))
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
