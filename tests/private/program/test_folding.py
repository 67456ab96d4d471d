"""A folded net is the net: for every family and edit, and only for its own arrays."""

from itertools import cycle

import numpy as np
import pytest
import torch

from deepreshape.design import Network, Stage, quadratic, reuse, thin
from deepreshape.private.program import quantise
from deepreshape.private.program.folding import (
    Activation,
    Affine,
    ArraysDoNotFit,
    Floats,
    Node,
    fold,
)
from tests.families import FAMILIES
from tests.learn.edits import EDITED
from tests.private.nets import (
    arrays,
    folded,
    masked,
    normalised,
    pixels,
    program_of,
    some_masks,
    trained,
)

pytestmark = pytest.mark.long

# Of the nets of four stages one is enough.
CASES = [case for case in EDITED if not str(case.id).startswith(("ResNet34", "R34", "StageCh"))]
NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)


def _logits(nodes: tuple[Node, ...], images: Floats) -> Floats:
    *_, (_, found) = quantise.run(nodes, images)
    return found.reshape(len(images), -1)


@pytest.mark.parametrize("network", CASES)
def test_a_folded_net_computes_what_the_net_computes(network: Network) -> None:
    net, images = trained(network), normalised(pixels(network, 2))
    with torch.no_grad():
        wanted = net(torch.from_numpy(images)).numpy()
    found = _logits(fold(network, arrays(net), {}), images)
    assert np.abs(found - wanted).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("network", FAMILIES.values(), ids=FAMILIES)
def test_masks_let_pass_what_they_do_not_keep(network: Network) -> None:
    net, masks, images = trained(network), some_masks(network), normalised(pixels(network, 2))
    nodes = fold(network, arrays(net), masks)
    with torch.no_grad():
        wanted = masked(net, masks)(torch.from_numpy(images)).numpy()
    assert np.abs(_logits(nodes, images) - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_a_full_mask_is_no_mask() -> None:
    masks = some_masks(NETWORK, 1.1)
    kept = [node.op.kept for node in folded(NETWORK, masks) if isinstance(node.op, Activation)]
    assert kept and all(mask is None for mask in kept)


def test_no_batchnorm_is_left_behind_a_convolution() -> None:
    names = [node.name for node in folded(NETWORK) if isinstance(node.op, Affine)]
    assert names and not [name for name in names if name.endswith("_bn")]


def test_a_batchnorm_that_stands_before_its_convolution_stays() -> None:
    names = [node.name for node in folded(FAMILIES["WideResNet"])]
    assert [name for name in names if "bn" in name]


NAMES = sorted(name for name in arrays(trained(NETWORK)) if "num_batches" not in name)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_array_is_named(name: str) -> None:
    given = arrays(trained(NETWORK))
    del given[name]
    with pytest.raises(ArraysDoNotFit, match=f"^{name} is missing"):
        fold(NETWORK, given, {})


@pytest.mark.parametrize("name", NAMES)
def test_a_misshapen_array_is_named(name: str) -> None:
    given = arrays(trained(NETWORK))
    given[name] = given[name][..., None]
    with pytest.raises(ArraysDoNotFit, match=f"^{name} has shape"):
        fold(NETWORK, given, {})


@pytest.mark.parametrize(
    ("name", "wrong"), list(zip(NAMES, cycle([np.nan, np.inf, -np.inf]), strict=False))
)
def test_an_array_that_is_not_finite_is_named(name: str, wrong: float) -> None:
    given = arrays(trained(NETWORK))
    given[name] = given[name].copy()
    given[name].flat[-1] = wrong
    with pytest.raises(ArraysDoNotFit, match=f"^{name} has entries that are not finite"):
        fold(NETWORK, given, {})


def test_a_negative_variance_is_named() -> None:
    given = arrays(trained(NETWORK))
    name = next(name for name in NAMES if name.endswith("running_var"))
    given[name] = given[name] - 5
    with pytest.raises(ArraysDoNotFit, match=f"^{name} has"):
        fold(NETWORK, given, {})


@pytest.mark.parametrize("extra", ["stage9/conv.weight", "weight"])
def test_an_array_of_no_layer_is_named(extra: str) -> None:
    with pytest.raises(ArraysDoNotFit, match=extra):
        fold(NETWORK, {**arrays(trained(NETWORK)), extra: np.zeros(3)}, {})


def test_a_mask_of_no_site_is_named() -> None:
    masks = {"stage9/relu": np.ones((1, 1, 1), np.bool_)}
    with pytest.raises(ArraysDoNotFit, match="stage9/relu has a mask"):
        folded(NETWORK, masks)


@pytest.mark.parametrize("full", [True, False])
def test_a_mask_of_another_shape_is_named(full: bool) -> None:
    name = next(iter(some_masks(NETWORK)))
    with pytest.raises(ArraysDoNotFit, match=f"the mask of {name} is bool "):
        folded(NETWORK, {name: np.full((1, 2, 3), full)})


def test_culled_sites_take_no_mask() -> None:
    thinned = thin(NETWORK, {1})
    with pytest.raises(ArraysDoNotFit, match="is no ReLU site"):
        folded(thinned, some_masks(NETWORK))


def test_reuse_applies_its_relus_to_a_part() -> None:
    relus = program_of(folded(reuse(NETWORK, 2, "apart")), pixels(NETWORK))[0].relus
    assert 0 < relus < program_of(folded(NETWORK), pixels(NETWORK))[0].relus


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_missing_coefficient_is_named(name: str) -> None:
    network = quadratic(thin(NETWORK, {2}))
    found = arrays(trained(network))
    del found[f"stage2/block1/relu1.{name}"]
    with pytest.raises(ArraysDoNotFit, match=rf"stage2/block1/relu1\.{name} is missing"):
        fold(network, found, {})


def test_a_polynomial_is_no_site_of_a_mask() -> None:
    network = quadratic(thin(NETWORK, {2}))
    masks = {"stage2/block1/relu1": np.ones((8, 4, 4), np.bool_)}
    with pytest.raises(ArraysDoNotFit, match="is no ReLU site"):
        fold(network, arrays(trained(network)), masks)
