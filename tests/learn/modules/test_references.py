"""Networks by where they are made: `package.module:factory`."""

from pathlib import Path

import pytest
import torch

from deepreshape.design import DesignError, cost, cull, thin
from deepreshape.learn.modules.reading import net_of
from deepreshape.learn.modules.references import module_of, referenced
from deepreshape.learn.modules.watching import ModuleNotTaken
from deepreshape.learn.modules.weights import WeightsDoNotFit
from tests.learn.modules import published
from tests.learn.tiny import same

TINY = "tests.learn.modules.published:tiny"


def test_a_factory_makes_the_module() -> None:
    assert isinstance(module_of(TINY), torch.nn.Sequential)


def test_what_lies_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets_of_this_test.py").write_text("from torch import nn\nnet = nn.ReLU()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path.parent)  # so that the path is put back afterwards
    assert isinstance(module_of("nets_of_this_test:net"), torch.nn.ReLU)


@pytest.mark.parametrize("classes", [None, 7])
def test_a_factory_is_told_the_classes(classes: int | None) -> None:
    assert referenced(TINY, 8, classes).network.classes == (classes or 10)


@pytest.mark.parametrize("edits", ["", "-C1", "-T12", "-C[2/*]", "-C[2/*,1]-T2"])
def test_what_a_graph_prints_names_it(edits: str) -> None:
    graph = referenced(TINY + edits, 8).network
    assert referenced(str(graph)).network == graph
    assert str(graph).startswith(f"{TINY}{edits}#")


def test_its_edits_are_those_of_the_graph() -> None:
    whole = net_of(published.tiny(), 8, TINY).network
    wanted = thin(cull(whole, ["2/*"]), [2])  # type: ignore[list-item]
    assert referenced(f"{TINY}-C[2/*]-T2", 8).network == wanted
    assert cost(wanted).total_relus < cost(whole).total_relus


def test_weights_of_a_file_are_those_of_the_net(tmp_path: Path) -> None:
    module = published.lively(published.tiny)
    torch.save(module.state_dict(), tmp_path / "net.pt")
    found = referenced(f"{TINY}-C1", 8, weights=tmp_path / "net.pt")
    assert same(found.state_dict(), net_of(module, 8).state_dict())
    torch.save(published.deepreduce(2).state_dict(), tmp_path / "net.pt")
    with pytest.raises(WeightsDoNotFit, match="tensor 1 of the weights"):
        referenced(TINY, 8, weights=tmp_path / "net.pt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nets:", "'nets:' does not look like package.module:factory"),
        ("a:b:c", "does not look like"),
        ("no.such.module:net", "no.such.module cannot be imported: ModuleNotFoundError"),
        ("json:nothing", "json has no nothing"),
        ("json:__doc__", "json:__doc__ is no factory but str"),
        ("json:JSONDecoder", "json:JSONDecoder makes no torch.nn.Module but JSONDecoder"),
        ("json:loads", "json:loads cannot be made: TypeError"),
        (f"{TINY}#00000000@8/10", "its code is another by now"),
        (f"{TINY}-C[9/*]@8/10", "has no ReLU whose name is like '9/*'"),
        ("tests.learn.modules.published:small_resnet18@1/10#", "does not look like"),
        ("torch.nn:ReLU", "gives a tensor of 1 x 3 x 32 x 32, not logits"),
    ],
)
def test_what_names_no_network_is_said(text: str, said: str) -> None:
    with pytest.raises((ModuleNotTaken, DesignError)) as refused:
        referenced(text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_classes_that_a_factory_does_not_make_are_said() -> None:
    with pytest.raises(ModuleNotTaken, match="gives 10 logits, not 3"):
        referenced("tests.learn.modules.test_references:ten", 8, 3)


def ten() -> torch.nn.Module:
    return published.tiny(10)
