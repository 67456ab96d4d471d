"""Networks of one's own at the command line: counted, priced, trained, packed and served."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.design import cost, cull, parse, resnet18
from deepreshape.learn.images.sets import load
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.modules.counting import count_module
from deepreshape.learn.modules.references import referenced
from deepreshape.learn.training.nets import build
from deepreshape.private.latency import latency
from deepreshape.private.program.model import read
from tests.cli.commands import Command, check_refusal
from tests.learn.modules import published

TINY = "tests.learn.modules.published:tiny"
DATA = "mnist5k[per_class=5,size=8]"
HERE = ("--data", DATA, "--profile", "smoke", "--workers", "1", "--json")
QUICK = ("--check", "20", "--run", "2", "--json")


def shown(call: Command, *arguments: str) -> Any:
    answer = call(*arguments)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


# count


def test_a_module_is_counted_as_the_library_counts_it(call: Command) -> None:
    found = shown(call, "count", TINY, "--input", "8", "--layers", "--json")
    wanted = count_module(published.tiny(), (3, 8, 8))
    assert (found["module"], found["input"]) == (TINY, [3, 8, 8])
    numbers = ("relus", "macs", "parameters", "batchnorm", "comparisons")
    assert [found[each] for each in numbers] == [getattr(wanted, each) for each in numbers]
    assert found["flops"] == {"A": wanted.flops("A"), "B": wanted.flops("B")}
    assert found["stages"] == {k: v._asdict() for k, v in wanted.by_stage.items()}
    assert found["modules"] == {k: v._asdict() for k, v in wanted.by_module.items()}


def test_torchvisions_resnet18_on_its_own_images(call: Command) -> None:
    found = shown(call, "count", "torchvision.models:resnet18", "--input", "224", "--json")
    assert (found["relus"], found["macs"]) == (2_308_096, 1_814_073_344)
    assert found["comparisons"] == 56 * 56 * 64 * 8


@pytest.mark.parametrize("options", [(), ("--layers",)])
def test_its_tables_fit_a_terminal(
    options: tuple[str, ...], call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = call("count", "torchvision.models:mobilenet_v2", "--input", "64", *options)
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert max(map(len, lines)) <= 80
    assert "torchvision.models:mobilenet_v2, image 3 x 64 x 64" in lines[0]
    assert "upper bounds of ReLU6" in answer.out
    assert ("features.0.0" in answer.out) == bool(options)


def test_classes_are_asked_of_the_factory(call: Command) -> None:
    few, many = (
        shown(call, "count", TINY, "--input", "8", "--classes", each, "--json")["parameters"]
        for each in ("3", "5")
    )
    assert many - few == 2 * 9


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        (("--cull", "1"), "-C1"),
        (("--thin", "1,2"), "-T12"),
        (("--cull", "2/*", "--thin", "2"), "-C[2/*]-T2"),
        (("--cull", "2.*,1"), "-C[2.*,1]"),
    ],
)
def test_relus_are_removed_by_stage_and_by_name(
    edits: tuple[str, ...], text: str, call: Command
) -> None:
    """In a list with names a number is a name too."""
    found = shown(call, "count", TINY, "--input", "8", *edits, "--json")
    graph = referenced(TINY + text, 8).network
    assert found["relus"]["total"] == cost(graph).total_relus
    assert found["network"] == graph.name
    assert "stem" not in found["relus"]


# latency


def test_a_module_is_priced_as_the_family(call: Command) -> None:
    name = "tests.learn.modules.published:StemWithoutReLU"
    found = shown(call, "latency", name, "--json")
    wanted = latency(cull(resnet18(), [0]))
    assert (found["he_s"], found["gc_s"]) == (wanted.he_s, wanted.gc_s)


# train, pack, private


@pytest.mark.parametrize("search", [(), ("--snl", "200"), ("--senet", "200")])
def test_a_module_is_trained_reduced_packed_and_served(
    search: tuple[str, ...], call: Command, shelf: Path, tmp_path: Path, float32: None
) -> None:
    record = shown(call, "train", TINY, "--cull", "2/*", *HERE, *search)
    assert record["run"]["network"] == str(referenced(f"{TINY}-C[2/*]", 8, 10).network)
    assert record["relus"] == (200 if search else 512)
    out = tmp_path / "model.safetensors"
    about = shown(call, "pack", record["key"], "--out", str(out), *QUICK)
    assert (about["relus"], about["run"]) == (record["relus"], record["key"])
    found = shown(call, "private", str(out), "--images", "2", "--json")
    assert found["exact"] == [True, True]


def test_a_module_learns_from_a_family(
    call: Command, shelf: Path, tmp_path: Path, float32: None
) -> None:
    record = shown(call, "train", TINY, *HERE, "--teacher", "ResNet18(m=4)")
    assert record["run"]["teacher"]["network"] == "ResNet18(m=4)@8/10"


# pack --weights


def test_weights_of_another_implementation_are_packed(call: Command, tmp_path: Path) -> None:
    """The model gives their net's answers."""
    theirs = published.lively(lambda: published.StemWithoutReLU(4, 10))
    torch.save(theirs.state_dict(), tmp_path / "net.pt")
    out = tmp_path / "model.safetensors"
    weights = ("--weights", str(tmp_path / "net.pt"), "--data", DATA)
    about = shown(call, "pack", "ResNet18(m=4)-C0", *weights, "--out", str(out), *QUICK)
    assert about == read(out).about
    assert (about["network"], about["weights"]) == ("ResNet18(m=4)-C0@8/10", "net.pt")
    found = shown(call, "private", str(out), "--images", "3", "--json")
    assert found["exact"] == [True] * 3


def test_a_module_is_packed_with_weights_of_a_file_or_its_own(
    call: Command, tmp_path: Path
) -> None:
    torch.save(published.lively(published.tiny).state_dict(), tmp_path / "net.pt")
    out = str(tmp_path / "model.safetensors")
    own = shown(call, "pack", f"{TINY}-C1", "--data", DATA, "--out", out, *QUICK)
    assert own["weights"] == f"{TINY}-C1"
    weights = ("--weights", str(tmp_path / "net.pt"))
    loaded = shown(call, "pack", TINY, *weights, "--data", DATA, "--out", out, *QUICK)
    assert (loaded["weights"], loaded["relus"]) == ("net.pt", 1024)


def test_weights_know_their_own_normalisation(call: Command, tmp_path: Path) -> None:
    net = build(parse("ResNet18(m=4)", 8, 10), 1)
    torch.save(net.state_dict(), tmp_path / "net.pt")
    out = tmp_path / "model.safetensors"
    weights = ("--weights", str(tmp_path / "net.pt"), "--data", DATA)
    shown(
        *(call, "pack", "ResNet18(m=4)", *weights, "--out", str(out), *QUICK),
        *("--mean", "0,1,2.5", "--std", "255,255,250"),
    )
    assert (read(out).program.mean, read(out).program.std) == ((0, 1, 2.5), (255, 255, 250))
    shown(call, "pack", "ResNet18(m=4)", *weights, "--out", str(out), *QUICK)
    assert read(out).program.mean == load(parse_data(DATA)).mean


# Bad input

PACK = ("pack", TINY, "--out", "m.safetensors")
BAD: dict[tuple[str, ...], str] = {
    ("count", "nets:"): "does not look like package.module:factory",
    ("count", "no.such:net"): "no.such cannot be imported",
    ("count", "torchvision.models:nothing"): "torchvision.models has no nothing",
    ("count", "torchvision.models:vit_b_16", "--input", "224"): "layer normalisation (in encoder",
    ("count", TINY, "--input", "0"): "an input shape is that of one image",
    ("count", TINY, "--input", "1000000"): "is out of reach",
    ("count", TINY, "--cull", "9/*"): "has no ReLU whose name is like '9/*'",
    ("count", TINY, "--cull", "7"): "has no ReLU in stage 7",
    ("count", TINY, "--scale", "0.5"): "--scale takes a network of a family",
    ("count", TINY, "--reuse", "4"): "--reuse takes a network of a family",
    ("count", "ResNet18", "--cull", "stem*"): "are named by their stage, not like 'stem*'",
    ("count", "ResNet18", "--thin", "a b"): "is no list of stages, nor of names such as layer1/*",
    ("latency", "torchvision.models:resnet18"): "maxpool: max pooling is not taken",
    ("latency", "torchvision.models:regnet_x_400mf", "--input", "224"): "does not fit a ciphertext",
    ("train", TINY, "--data", DATA, "--input", "9"): "takes 9 pixels",
    PACK: "needs images",
    (*PACK, "--data", "mnist9k"): "mnist9k",
    (*PACK, "--data", DATA, "--mean", "1,2"): "is not three numbers",
    (*PACK, "--data", DATA, "--std", "0,1,1"): "is not three numbers",
    (*PACK, "--data", DATA, "--weights", "none.pt"): "none.pt is not there",
    (*PACK, "--data", DATA, "--weights", __file__): "holds no tensors",
    ("pack", "ResNet18", "--out", "m.safetensors", "--data", DATA): "go with --weights",
    ("pack", f"{TINY}@16/10", "--out", "m.safetensors", "--data", DATA): "takes 16 pixels",
}


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_is_one_line(arguments: tuple[str, ...], call: Command, shelf: Path) -> None:
    check_refusal(call(*arguments), BAD[arguments])
    assert not Path("m.safetensors").exists()


def test_weights_that_do_not_fit_say_where(call: Command, tmp_path: Path) -> None:
    torch.save(published.small_resnet18().state_dict(), tmp_path / "net.pt")
    weights = ("--weights", str(tmp_path / "net.pt"), "--data", DATA)
    out = tmp_path / "model.safetensors"
    answer = call("pack", "ResNet18(m=32)", *weights, "--out", str(out))
    check_refusal(answer, "conv1.weight (64 x 3 x 3 x 3), is not the net's, stem/conv.weight (32 x")
    assert not out.exists()
