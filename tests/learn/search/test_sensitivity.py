"""Sensitivities: which weights are kept, what feeds a ReLU, and how a budget is shared out."""

import copy
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call

from deepreshape.design import Network, cull, reuse, thin
from deepreshape.learn.search.masks import sites
from deepreshape.learn.search.sensitivity import (
    allocate,
    feeders,
    largest,
    sensitivities,
    thinned_out,
    weights,
)
from deepreshape.learn.training.nets import build
from tests.families import FAMILIES
from tests.learn.seeking import NETWORK

# What feeds a ReLU


@pytest.mark.parametrize("family", FAMILIES)
def test_every_site_is_fed_by_a_layer_with_weights_that_runs_before(family: str) -> None:
    network = FAMILIES[family]
    net, fed = build(network, 0), feeders(network)
    assert list(fed) == list(sites(network))
    order = [layer.name for layer in net.program]
    for site, feeder in fed.items():
        assert feeder in weights(net)
        assert order.index(feeder) < order.index(site)


def test_a_residual_sum_is_fed_by_the_block_and_not_by_the_shortcut() -> None:
    assert feeders(NETWORK) == {
        "stem/relu": "stem/conv",
        "stage1/block1/relu1": "stage1/block1/conv1",
        "stage1/block1/relu2": "stage1/block1/conv2",
        "stage2/block1/relu1": "stage2/block1/conv1",
        "stage2/block1/relu2": "stage2/block1/conv2",
    }


def test_dropped_relus_feed_nothing() -> None:
    assert feeders(thin(cull(NETWORK, {1}), {2})) == {"stage2/block1/relu2": "stage2/block1/conv2"}


def test_a_hidden_layer_is_fed_by_its_own_weights() -> None:
    fed = feeders(FAMILIES["VGG16"])
    assert fed["head/relu1"] == "head/hidden1"
    assert fed["stage1/block1/relu"] == "stage1/block1/conv"


def test_a_relu_within_a_reuse_module_is_fed_by_its_convolution() -> None:
    fed = feeders(reuse(FAMILIES["ResNet18"], 4))
    assert fed["stage1/block1/reuse/relu"] == "stage1/block1/reuse/active_conv"


# Which weights are kept


@pytest.mark.parametrize("network", [NETWORK, FAMILIES["VGG16"]], ids=str)
@pytest.mark.parametrize("density", [1e-9, 0.1, 0.5, 1.0])
def test_a_share_of_all_weights_is_kept_and_they_are_the_largest(
    network: Network, density: float
) -> None:
    net = build(network, 0)
    kept = largest(net, density)
    sizes = torch.cat([weight.detach().abs().flatten() for weight in weights(net).values()])
    flat = torch.cat([where.flatten() for where in kept.values()])
    assert {name: where.shape for name, where in kept.items()} == {
        name: weight.shape for name, weight in weights(net).items()
    }
    assert abs(int(flat.sum()) - max(1, density * len(flat))) < 1
    assert density == 1 or sizes[flat].min() > sizes[~flat].max()


def test_weights_are_those_of_convolutions_and_fully_connected_layers() -> None:
    net = build(FAMILIES["VGG16"], 0)
    dense = [name for name, m in net.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert list(weights(net)) == dense


def test_what_is_not_kept_is_zero_in_the_forward_pass_and_learns_in_the_backward_pass() -> None:
    net = build(NETWORK, 0)
    kept = largest(net, 0.3)
    bare = copy.deepcopy(net)
    with torch.no_grad():
        for name, weight in weights(bare).items():
            weight *= kept[name]
    images = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    sparse = functional_call(net, thinned_out(net, kept), (images,))
    expected = bare(images)
    assert torch.equal(sparse, expected)
    sparse.square().sum().backward()
    expected.square().sum().backward()
    for name, weight in weights(net).items():
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, weights(bare)[name].grad)
        assert weight.grad[~kept[name]].any()


def test_the_sensitivity_of_a_site_is_the_share_of_weights_that_its_layer_loses() -> None:
    net = build(NETWORK, 0)
    with torch.no_grad():
        for weight in weights(net).values():
            weight.fill_(0.1)
        weights(net)["stage1/block1/conv1"].fill_(9.0)  # 4 x 4 x 9 weights
        weights(net)["stage1/block1/conv2"][0] = 5.0  # a quarter of as many
        total = sum(weight.numel() for weight in weights(net).values())
    found = sensitivities(net, (144 + 36) / total)
    assert found == {
        "stem/relu": 1,
        "stage1/block1/relu1": 0,
        "stage1/block1/relu2": 0.75,
        "stage2/block1/relu1": 1,
        "stage2/block1/relu2": 1,
    }


# How a budget is shared out

layers = st.lists(
    st.tuples(st.just(0.0) | st.floats(0, 1, width=32), st.integers(0, 500)), min_size=1, max_size=8
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[float], list[int]]:
    sensitivities, capacities = map(list, zip(*draw(layers), strict=True))
    return draw(st.integers(0, sum(capacities))), sensitivities, capacities


@given(cases())
def test_exactly_the_budget_is_shared_out_and_no_site_gets_more_than_it_holds(
    case: tuple[int, list[float], list[int]],
) -> None:
    given_out = allocate(*case)
    assert sum(given_out) == case[0]
    assert all(0 <= share <= most for share, most in zip(given_out, case[2], strict=True))


@given(cases())
def test_sites_that_are_not_full_share_in_proportion_to_their_sensitivity(
    case: tuple[int, list[float], list[int]],
) -> None:
    """To within the rounding of either."""
    _, sensitivities, capacities = case
    shares = allocate(*case)
    triples = zip(shares, sensitivities, capacities, strict=True)
    free = [(share, Fraction(s)) for share, s, most in triples if share < most and s]
    for share, s in free:
        for other, t in free:
            assert abs(share * t - other * s) < s + t


@given(cases())
def test_a_full_site_would_have_had_a_share_above_what_it_holds(
    case: tuple[int, list[float], list[int]],
) -> None:
    """In proportion to its sensitivity, beside those that are not full."""
    _, sensitivities, capacities = case
    triples = list(zip(allocate(*case), map(Fraction, sensitivities), capacities, strict=True))
    full = [(most, s) for share, s, most in triples if share == most and s]
    free = [(share, s) for share, s, most in triples if share < most and s]
    for most, s in full:
        for share, t in free:
            assert most <= (share + 1) * s / t + 1


@given(cases())
def test_sites_without_sensitivity_get_what_others_cannot_hold(
    case: tuple[int, list[float], list[int]],
) -> None:
    triples = list(zip(allocate(*case), case[1], case[2], strict=True))
    if any(share for share, s, _ in triples if not s):
        assert all(share == most for share, s, most in triples if s)


def test_on_paper() -> None:
    """Of 100, shares would be 20, 40, 40; the second holds 25: 75 fall 1 : 2 to the others."""
    assert allocate(100, [0.25, 0.5, 0.5], [100, 25, 100]) == [25, 25, 50]


def test_the_largest_remainders_are_rounded_up() -> None:
    assert allocate(10, [0.5, 0.25, 0.25], [9, 9, 9]) == [5, 3, 2]
    assert allocate(7, [0.1, 0.1, 0.1], [9, 9, 9]) == [3, 2, 2]


def test_without_any_sensitivity_capacities_share() -> None:
    assert allocate(30, [0, 0], [100, 200]) == [10, 20]


@pytest.mark.parametrize("budget", [-1, 31])
def test_what_the_sites_cannot_hold_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"capacities of 30 do not hold a budget of {budget}"):
        allocate(budget, [0.5, 0.5], [10, 20])
