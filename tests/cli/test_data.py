"""Images of one's own in commands: read with progress, trained on, and classified by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepreshape.learn.images.sets import loaded
from deepreshape.private.program.model import read
from tests.cli.commands import Answer, Command, check_refusal

CLASSES = ("crow", "jay", "ö")
EACH = 12


@pytest.fixture
def birds(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of three classes, in the current one; decoded by nobody yet."""
    noise = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (tmp_path / "birds" / name).mkdir(parents=True)
        for number in range(EACH):
            pixels = (noise.integers(0, 80, (9, 12, 3)) + 80 * label).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "birds" / name / f"{number}.png")
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    loaded.cache_clear()
    return tmp_path / "birds"


def trained(call: Command, *more: str, data: str = "birds/[size=8]") -> Answer:
    options = ("--profile", "smoke", "--workers", "1", "--json")
    return call("train", "ResNet18(m=4)", "--data", data, *options, *more)


def shown(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


@pytest.mark.usefixtures("float32")
def test_a_record_names_the_images_and_their_classes(call: Command, birds: Path) -> None:
    answer = trained(call)
    record = shown(answer)
    assert record["run"]["network"] == "ResNet18(m=4)@8/3"
    assert record["run"]["data"] == "folder:birds[size=8]"
    assert record["run"]["images"] == record["data_digest"]
    assert record["classes"] == list(CLASSES)
    assert "decoding birds, 100 %" in answer.err
    assert "decoding" not in trained(call, "--seed", "2").err


@pytest.mark.usefixtures("float32")
def test_a_table_of_the_record_names_the_classes(call: Command, birds: Path) -> None:
    key = shown(trained(call, "-q"))["key"]
    assert "crow, jay, ö" in call("runs", "show", key).out


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("kind", ["kd", "dkd", "dist"])
def test_a_teacher_teaches_on_images_of_ones_own(call: Command, birds: Path, kind: str) -> None:
    record = shown(trained(call, "-q", "--teacher", "ResNet18(m=8)", "--distil", kind))
    assert record["status"] == "done"
    assert record["run"]["teacher"]["images"] == record["data_digest"]


@pytest.mark.usefixtures("float32")
def test_a_damaged_file_is_refused_or_left_out_and_counted(call: Command, birds: Path) -> None:
    (birds / "jay" / "3.png").write_bytes(b"x")
    (birds / "jay" / "notes.txt").touch()
    check_refusal(
        trained(call, "-q"),
        "birds/jay/3.png is no image that can be read; --skip-damaged leaves out such files",
    )
    answer = trained(call, "--skip-damaged")
    assert shown(answer)["left_out"] == 1
    assert shown(answer)["run"]["data"] == "folder:birds[size=8,damaged=skip]"
    assert "note: left out: birds/jay/3.png is no image that can be read\n" in answer.err
    assert "note: files that are not taken for images: 1 .txt\n" in answer.err


@pytest.mark.usefixtures("float32")
def test_of_many_damaged_files_a_few_are_named(call: Command, birds: Path) -> None:
    for number in range(6):
        (birds / "jay" / f"x{number}.png").touch()
    answer = trained(call, "--skip-damaged", "-q")
    assert answer.err.count("is no image that can be read") == 5
    assert "note: left out: 6 files in all\n" in answer.err


@pytest.mark.usefixtures("float32")
def test_a_packed_model_names_classes_and_needs_no_folder(call: Command, birds: Path) -> None:
    key = shown(trained(call, "-q"))["key"]
    birds.rename("moved")
    loaded.cache_clear()
    packed = call("pack", key, "--out", "mine.safetensors", "--run", "0", "-q", "--json")
    about = shown(packed)
    assert about["data"] == "folder:birds[size=8]"
    assert len(about["images"]) == 64
    answer = shown(call("private", "mine.safetensors", "--image", "moved/jay/0.png", "--json"))
    (image,) = answer["images"]
    assert image["name"] == CLASSES[image["class"]]
    asked = shown(call("private", "mine.safetensors", "--images", "1", "--json"))
    assert asked["exact"] == [True]
    assert any(name in asked["images"][0]["image"] for name in CLASSES)


@pytest.mark.usefixtures("float32")
def test_a_long_name_of_a_class_is_cut_in_a_model(call: Command, birds: Path) -> None:
    (birds / "jay").rename(birds / ("jay" * 30))
    key = shown(trained(call, "-q"))["key"]
    assert call("pack", key, "--out", "mine.safetensors", "--run", "0", "-q").code == 0
    names = read(Path("mine.safetensors")).program.classes
    assert names == ("crow", f"{'jay' * 19}ja…", "ö")


@pytest.mark.parametrize("command", ["plan", "run"])
def test_a_figure_takes_a_folder_as_well(
    call: Command, birds: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    asked: list[object] = []

    def runs(*arguments: object) -> None:
        asked.append(arguments[2])
        raise ValueError("enough")

    monkeypatch.setattr("deepreshape.cli.plan._runs", runs)
    (birds / "jay" / "x.png").touch()
    check_refusal(call(command, "fig12", "--data", "birds/", "-q"), "x.png is no image")
    call(command, "fig12", "--data", "birds/", "--skip-damaged", "-q")
    assert asked == ["folder:birds[size=32,damaged=skip]"]


@pytest.mark.parametrize(
    ("network", "data"), [("ResNet99", "birds/"), ("ResNet18", "birds/[size=9]")]
)
def test_nothing_is_decoded_for_a_run_that_cannot_be(
    call: Command, birds: Path, network: str, data: str
) -> None:
    check_refusal(call("train", network, "--data", data))
    assert not (birds.parent / "cache").exists()


# Bad input

BAD = {
    "nothing there": (["--data", "none/"], "none is not there: it should be a folder of images"),
    "a file": (["--data", "birds.zip"], "birds.zip is a file, not a folder of images by class"),
    "an unknown name": (
        ["--data", "bird"],
        "unknown data set 'bird': neither a folder nor one of mnist",
    ),
    "one class": (["--data", "birds/crow"], "birds/crow holds 0 folders of classes"),
    "no side": (["--data", "birds/[size=0]"], "size must be at least 1 and at most 4096, not 0"),
    "a huge side": (["--data", "birds/[size=999999]"], "at most 4096, not 999999"),
    "a word for a side": (
        ["--data", "birds/[size=big]"],
        "'size=big' in 'birds/[size=big]' is not",
    ),
    "shards": (["--data", "birds/[shards=0]"], "folder:birds has no shards"),
    "too many of a class": (["--data", "birds/[per_class=99]"], "a class has only 9 training"),
    "another damage": (["--data", "birds/[damaged=keep]"], "'damaged=keep'"),
    "another input": (["--data", "birds/", "--input", "64"], "takes 64 pixels and has 3 classes"),
    "other classes": (["--data", "birds/", "--classes", "7"], "has 7 classes"),
    "a path of two lines": (["--data", "a\nb/"], r"a\nb is not there"),
    "nothing to skip": (["--skip-damaged"], "--skip-damaged needs --data"),
    "a whole set": (["--data", "mnist5k", "--skip-damaged"], "has no damaged images to leave out"),
}


@pytest.mark.usefixtures("float32")
@pytest.mark.parametrize("bad", BAD)
def test_bad_images_are_one_line_and_leave_nothing(
    call: Command, birds: Path, shelf: Path, bad: str
) -> None:
    options, said = BAD[bad]
    Path("birds.zip").touch()
    check_refusal(call("train", "ResNet18(m=4)", *options, "-q", "--workers", "1"), said)
    assert not shelf.exists()
