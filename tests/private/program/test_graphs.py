"""Networks of one's own in private inference: folded, in fixed point, served, and priced."""

from functools import partial

import numpy as np
import pytest
import torch

from deepreshape.design import Graph, cost, cull, layers, thin
from deepreshape.learn.modules.reading import net_of, with_relus_of
from deepreshape.learn.training.nets import Net
from deepreshape.private.estimated import PACKING, completed
from deepreshape.private.latency import latency, layer_latencies
from deepreshape.private.measured import measured, read, shapes
from deepreshape.private.packings import TITLES
from deepreshape.private.program.bounds import rows
from deepreshape.private.program.compiled import compiled, floating_logits
from deepreshape.private.program.folding import ArraysDoNotFit, fold
from deepreshape.private.program.model import Model
from deepreshape.private.program.public import dump, parse
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.reference import clear, logits
from deepreshape.private.sessions import both, over
from tests.families import FAMILIES
from tests.learn.modules import published
from tests.learn.modules.test_reading import Odd
from tests.private.nets import MEAN, STD, arrays, normalised

pytestmark = pytest.mark.long

NETWORK = FAMILIES["ResNet18"]
AS_GRAPH = Graph("nets:mine", NETWORK.resolution, layers(NETWORK))


def reduced() -> Net:
    """A module of one's own with some of its ReLUs removed."""
    net = net_of(published.lively(published.tiny), 8, "nets:tiny")
    return with_relus_of(net, thin(cull(net.network, ["2/*"]), [2]))  # type: ignore[list-item]


def without_relus() -> Net:
    """One that is linear from its image to its flattened maps and beyond."""
    net = net_of(published.lively(published.lenet), 8, "nets:lenet")
    return with_relus_of(net, cull(net.network, ["*"]))  # type: ignore[list-item]


NETS = {
    "with a bias": lambda: net_of(published.lively(published.tiny), 8),
    "reduced": reduced,
    "odd": lambda: net_of(published.lively(Odd), 8),
    "LeNet": lambda: net_of(published.lively(published.lenet), 8),
    "LeNet without ReLUs": without_relus,
    "WideResNet": lambda: net_of(
        published.lively(partial(published.wide_resnet, 10, 1, 4, 10)), 16
    ),
}


def seen(net: Net, count: int) -> np.ndarray:
    side = net.network.resolution
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", NETS)
def test_it_is_folded_as_it_computes(name: str) -> None:
    net = NETS[name]()
    images = seen(net, 3)
    made = compiled(net.network, arrays(net), {}, images, MEAN, STD, Precision())
    with torch.no_grad():
        wanted = net(torch.from_numpy(normalised(images)).float()).numpy()
    assert np.abs(floating_logits(made, images) - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("packing", TITLES)
@pytest.mark.parametrize("name", ["reduced", "odd", "LeNet"])
def test_client_and_server_arrive_at_its_reference(name: str, packing: str) -> None:
    net = NETS[name]()
    images = seen(net, 4)
    made = compiled(net.network, arrays(net), {}, images, MEAN, STD, Precision())
    model = Model(made.program, made.weights, {"network": str(net.network)})
    session = both(model, packing, lambda program: list(images[:2]))
    program = over(model, packing)
    assert len(session.outcome.images) == 2
    for image, found in zip(images, session.outcome.images, strict=False):
        wanted = logits(program, model.weights, image, found.lows)
        assert (found.logits == wanted).all()


def test_its_program_has_the_relus_that_it_counts() -> None:
    net = reduced()
    made = compiled(net.network, arrays(net), {}, seen(net, 4), MEAN, STD, Precision())
    assert made.program.relus == cost(net.network).total_relus


@pytest.mark.parametrize("name", NETS)
def test_its_program_survives_its_text(name: str) -> None:
    net = NETS[name]()
    images = seen(net, 4)
    made = compiled(net.network, arrays(net), {}, images, MEAN, STD, Precision())
    text = dump(made.program)
    found = parse(text)
    assert dump(found) == text
    answers = [logits(each, made.weights, images[0]) for each in (found, made.program)]
    assert (answers[0] == answers[1]).all()


@pytest.mark.parametrize("name", NETS)
def test_no_image_leaves_its_ring(name: str) -> None:
    """By its weights; of images at random, each number stays within the bits of its step."""
    net = NETS[name]()
    images = seen(net, 8)
    made = compiled(net.network, arrays(net), {}, images, MEAN, STD, Precision())
    assert made.open == ()
    assert [clear(made.program, made.weights, image).left for image in images] == [None] * 8


def test_the_worst_image_comes_near_the_bound_of_flattened_maps() -> None:
    """It is known where nothing but the weights stands between pixels and a logit."""
    net = without_relus()
    made = compiled(net.network, arrays(net), {}, seen(net, 8), MEAN, STD, Precision())
    last = made.program.steps[-1].name
    bound = rows(made.program, made.weights, last)
    assert bound is not None
    images = torch.zeros(1, 3, 8, 8, requires_grad=True)
    reached = []
    for logit in net(images)[0]:
        (slope,) = torch.autograd.grad(logit, images, retain_graph=True)
        bright = (slope[0] > 0).permute(1, 2, 0).numpy()
        for image in (bright, ~bright):
            pixels = image.astype(np.uint8) * 255
            reached.append(np.abs(logits(made.program, made.weights, pixels)).max())
    assert 0.95 * bound.most({}) <= max(reached) <= bound.most({})


@pytest.mark.parametrize("part", ["weight", "bias"])
def test_a_missing_array_is_named(part: str) -> None:
    net = net_of(published.tiny(), 8)
    held = arrays(net)
    del held[f"0.{part}"]
    with pytest.raises(ArraysDoNotFit, match=f"0.{part} is missing"):
        fold(net.network, held, {})


def test_a_bias_of_a_layer_without_one_is_refused() -> None:
    net = net_of(published.tiny(), 8)
    with pytest.raises(ArraysDoNotFit, match=r"2/conv1\.bias is of no layer of Sequential#"):
        fold(net.network, arrays(net) | {"2/conv1.bias": np.zeros(4)}, {})


# Prices


def test_a_family_as_a_graph_has_its_latency() -> None:
    one, other = latency(AS_GRAPH), latency(NETWORK)
    assert (one.operations, one.relus) == (other.operations, other.relus)
    assert layer_latencies(AS_GRAPH) == layer_latencies(NETWORK)


@pytest.mark.parametrize("packing", TITLES)
def test_a_family_as_a_graph_has_its_layers(packing: str) -> None:
    assert shapes(AS_GRAPH, packing) == shapes(NETWORK, packing)


def test_it_is_priced_under_the_rotation_free_packing() -> None:
    """What was not timed is estimated."""
    record = read()
    priced = [measured(each, PACKING, completed(record, each)) for each in (AS_GRAPH, NETWORK)]
    assert priced[0] == priced[1]
    whole, less = net_of(published.tiny(), 8).network, reduced().network
    seconds = [measured(each, PACKING, completed(record, each)).gc_s for each in (whole, less)]
    assert seconds[1] < seconds[0]
