"""Modules of one's own in this project's loop, from the weights that they have."""

import pytest
import torch

from deepreshape.design import Graph, cull
from deepreshape.learn.images.sets import Images, load, parse
from deepreshape.learn.modules.reading import net_of, with_relus_of
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.masks import apply, counted, sites
from deepreshape.learn.search.search import Search, searched
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.search.sensitivity import feeders
from deepreshape.learn.training.loop import train
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import teacher
from tests.learn.modules import published

DATA = parse("mnist5k[per_class=4,size=8]")
MACHINE = Machine(torch.device("cpu"), "float32")
RECIPE = Recipe(epochs=1, batch=10, shift=1)


@pytest.fixture(scope="module")
def images() -> Images:
    return load(DATA)


def tiny() -> Net:
    return net_of(published.lively(published.tiny), 8, "nets:tiny")


def graph() -> Graph:
    network = tiny().network
    assert isinstance(network, Graph)
    return network


@pytest.mark.parametrize(
    "search",
    [SNL(300, epochs=1, batch=10), SENet(300, sensitivity_epochs=1, epochs=1, batch=10)],
    ids=["SNL", "SENet"],
)
def test_a_search_leaves_a_trained_module_its_budget(search: Search, images: Images) -> None:
    taught = teacher(tiny(), images, MACHINE, None, "these images", 1)
    net = tiny()
    shown = lambda count: None  # noqa: E731
    found = searched(search, net, RECIPE, images, 1, MACHINE, taught, None, shown)
    assert sum(counted(found.masks, net.network)) == 300
    apply(net, found.masks)
    assert train(net, RECIPE, images, 1, MACHINE, taught).test >= 0


def test_a_module_without_some_relus_learns_from_its_weights(images: Images) -> None:
    net = with_relus_of(tiny(), cull(graph(), ["2/*"]))
    before = net.get_parameter("0.weight").clone()
    result = train(net, RECIPE, images, 1, MACHINE)
    assert result.curve[0].loss > 0
    assert not torch.equal(net.get_parameter("0.weight"), before)


def test_a_relu_has_the_layer_before_it() -> None:
    assert feeders(graph()) == {
        "1": "0",
        "2/relu": "2/conv1",
        "2/relu_2": "2/conv2",
        "3/relu": "3/conv1",
        "3/relu_2": "3/conv2",
    }


def test_sites_are_the_modules_relus() -> None:
    assert list(sites(graph())) == list(feeders(graph()))


def test_a_run_says_which_layers_it_trains() -> None:
    """Other layers under the same name are another run."""
    run = Run(graph(), DATA, RECIPE)
    other = Run(cull(graph(), ["2/*"]), DATA, RECIPE)
    assert run.describe()["network"] == f"nets:tiny#{graph().digest}@8/10"
    assert run.key != other.key


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": parse("mnist5k[per_class=4,size=16]")}, "nets:tiny takes 8 pixels"),
        ({"search": SNL(10_000)}, "a search starts from a trained nets:tiny"),
    ],
)
def test_a_run_that_does_not_fit_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Run(**{"network": graph(), "data": DATA, "recipe": RECIPE, **changes})  # type: ignore[arg-type]
