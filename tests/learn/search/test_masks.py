"""Masks: what they do to a net, how they are counted, and that a damaged file is refused."""

import pickle
from math import prod
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from deepreshape.design import Network, Stage, cost, cull, reuse, thin
from deepreshape.learn.search.masks import (
    Masked,
    Masks,
    apply,
    counted,
    load_masks,
    require_budget,
    save_masks,
    sites,
    unmask,
    without_choice,
)
from deepreshape.learn.tensor_files import CorruptFile, save_tensors
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import build
from tests.families import FAMILIES
from tests.learn.tracing import relu_sites

SMALL = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
EDITED = {
    **FAMILIES,
    "thinned": thin(FAMILIES["ResNet18"], {1, 2}),
    "culled": cull(FAMILIES["ResNet18"], {1}),
    "Re4": reuse(FAMILIES["ResNet18"], 4),
}
networks = pytest.mark.parametrize("network", [pytest.param(n, id=i) for i, n in EDITED.items()])


def random_masks(network: Network, seed: int = 0) -> dict[str, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(shape, generator=draws) < 0.5 for name, shape in sites(network).items()
    }


def uniform(network: Network, value: bool) -> dict[str, Tensor]:
    return {name: torch.full(shape, value) for name, shape in sites(network).items()}


def pictures(network: Network) -> Tensor:
    side = network.resolution
    return torch.randn(3, 3, side, side, generator=torch.Generator().manual_seed(3))


def equal(left: Masks, right: Masks) -> bool:
    return list(left) == list(right) and all(left[name].equal(right[name]) for name in left)


# What they do


@networks
def test_a_mask_has_the_shape_of_what_its_site_gives(network: Network) -> None:
    names = list(sites(network))
    _, maps = build(network, 0).observe(pictures(network), names)
    shapes = {name: (*found.shape[1:], 1, 1)[:3] for name, found in zip(names, maps, strict=True)}
    assert shapes == sites(network)


@networks
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_whole_masks_change_no_bit(network: Network, layout: torch.memory_format) -> None:
    net = build(network, 0).to(memory_format=layout)
    images = pictures(network).to(memory_format=layout)
    expected = net(images)
    apply(net, uniform(network, True))
    assert torch.equal(net.to(memory_format=layout)(images), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_empty_masks_leave_no_relu(family: str) -> None:
    network = FAMILIES[family]
    net = build(network, 0)
    apply(net, uniform(network, False))
    bare = build(cull(network, range(1, len(network.stages) + 1)), 0)
    torch.testing.assert_close(net(pictures(network)), bare(pictures(network)))


@networks
def test_a_site_activates_what_its_mask_keeps(network: Network) -> None:
    net, masks = build(network, 0), random_masks(network)
    apply(net, masks)
    inputs: dict[str, Tensor] = {}
    for name in masks:
        net.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: inputs.update({name: args[0]})
        )
    _, maps = net.observe(pictures(network), list(masks))
    for (name, mask), found in zip(masks.items(), maps, strict=True):
        x = inputs[name]
        m = mask.view(x.shape[1:]).float()
        torch.testing.assert_close(found, (x * m).relu() + x * (1 - m))


def test_the_gradient_passes_where_there_is_no_relu() -> None:
    x = torch.tensor([[[[-1.0, -2.0], [3.0, 4.0]]]], requires_grad=True)
    Masked(torch.tensor([[[True, False], [True, False]]]))(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[[0, 1], [1, 1]]]]


@networks
def test_a_masked_net_has_the_state_of_a_plain_one(network: Network) -> None:
    net = build(network, 0)
    names = list(net.state_dict())
    apply(net, random_masks(network))
    assert list(net.state_dict()) == names
    assert list(sites(network)) == list(relu_sites(net))
    assert all(isinstance(module, Masked) for module in relu_sites(net).values())


def test_relus_can_be_put_back() -> None:
    net = build(SMALL, 0)
    expected = net(pictures(SMALL))
    apply(net, random_masks(SMALL))
    assert not torch.equal(net(pictures(SMALL)), expected)
    unmask(net)
    assert torch.equal(net(pictures(SMALL)), expected)
    assert all(type(module) is nn.ReLU for module in relu_sites(net).values())


def test_a_machine_gives_a_mask_the_layout_of_maps(cpu: Machine) -> None:
    net = build(SMALL, 0)
    apply(net, random_masks(SMALL))
    cpu.place(net)
    for module in relu_sites(net).values():
        assert isinstance(module, Masked)
        assert module.mask.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("wrong", ["a site too few", "a site too many", "another shape"])
def test_masks_for_other_sites_are_refused(wrong: str) -> None:
    masks = random_masks(SMALL)
    if wrong == "a site too few":
        masks.popitem()
    elif wrong == "a site too many":
        masks["stage3/block1/relu1"] = torch.ones(8, 2, 2, dtype=torch.bool)
    else:
        masks["stem/relu"] = masks["stem/relu"][:, :4]
    with pytest.raises(ValueError, match="not for the ReLU sites"):
        apply(build(SMALL, 0), masks)


# How they are counted


@networks
def test_whole_masks_count_as_the_network_does(network: Network) -> None:
    assert counted(uniform(network, True), network) == cost(network).stage_relus


@networks
def test_random_masks_count_what_they_keep(network: Network) -> None:
    masks = random_masks(network)
    assert sum(counted(masks, network)) == sum(int(mask.sum()) for mask in masks.values())


def test_the_stem_counts_with_the_first_stage() -> None:
    masks = uniform(SMALL, False)
    masks["stem/relu"][0, 0, :3] = True
    masks["stage1/block1/relu2"][0, 0, 0] = True
    masks["stage2/block1/relu1"][1, 2, :2] = True
    assert counted(masks, SMALL) == (4, 2)


def test_the_head_counts_with_the_last_stage() -> None:
    network = FAMILIES["VGG16"]
    masks = uniform(network, False)
    masks["head/relu1"][:7] = True
    assert counted(masks, network) == (0, 0, 0, 0, 7)


# Budgets


@pytest.mark.parametrize("budget", [-1, cost(SMALL).total_relus + 1])
def test_a_budget_that_the_network_does_not_have_is_refused(budget: int) -> None:
    with pytest.raises(ValueError, match=f"between 0 and its 1,024 ReLUs; {budget:,} does not"):
        require_budget(budget, SMALL)


@networks
def test_none_and_all_of_the_relus_leave_no_choice(network: Network) -> None:
    relus = cost(network).total_relus
    none, whole = without_choice(0, network), without_choice(relus, network)
    assert none is not None
    assert whole is not None
    assert equal(none, uniform(network, False))
    assert equal(whole, uniform(network, True))
    assert without_choice(1, network) is None
    assert without_choice(relus - 1, network) is None


def test_a_network_without_relus_has_no_masks() -> None:
    assert without_choice(0, cull(SMALL, {1, 2})) == {}


# Files

shapes = st.tuples(*[st.integers(1, 5)] * 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(given_shapes=st.lists(shapes, max_size=4), seed=st.integers(0, 99))
def test_masks_are_read_as_they_were_written(
    tmp_path: Path, given_shapes: list[tuple[int, ...]], seed: int
) -> None:
    draws = torch.Generator().manual_seed(seed)
    masks = {
        f"stage{number}/relu": torch.rand(shape, generator=draws) < 0.5
        for number, shape in enumerate(given_shapes)
    }
    digest = save_masks(tmp_path / "masks", masks, {"seed": seed})
    read, read_digest = load_masks(tmp_path / "masks")
    assert equal(read, masks)
    assert all(mask.dtype == torch.bool for mask in read.values())
    assert read_digest == digest


def test_a_file_takes_a_bit_a_pixel(tmp_path: Path) -> None:
    network = FAMILIES["ResNet18"]
    save_masks(tmp_path / "masks", random_masks(network), {})
    assert (tmp_path / "masks").stat().st_size < cost(network).total_relus / 8 + 5000


def test_masks_that_are_not_there_are_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_masks(tmp_path / "masks")


@pytest.mark.parametrize("left", [0, 100, -1])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, left: int) -> None:
    path = tmp_path / "masks"
    save_masks(path, random_masks(SMALL), {})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CorruptFile, match="masks"):
        load_masks(path)


def test_a_bit_that_was_changed_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "masks"
    save_masks(path, random_masks(SMALL), {})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptFile, match="SHA-256"):
        load_masks(path)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / "masks").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CorruptFile):
        load_masks(tmp_path / "masks")
    assert not (tmp_path / "sprung").exists()


BITS = torch.zeros(2, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("tensors", "meta"),
    [
        ({"a": BITS}, {}),
        ({"a": BITS}, {"shapes": None}),
        ({"a": BITS}, {"shapes": [["a", [1, 4, 4]]]}),
        ({"a": BITS}, {"shapes": {}}),
        ({"a": BITS}, {"shapes": {"a": [1, 4, 4], "b": [1, 4, 4]}}),
        ({"a": BITS}, {"shapes": {"b": [1, 4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": [4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": 16}}),
        ({"a": BITS}, {"shapes": {"a": [1, 4, 2]}}),
        ({"a": BITS}, {"shapes": {"a": [1, 4, 5]}}),
        ({"a": BITS}, {"shapes": {"a": [-1, -4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": [0, 4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": ["1", 4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": [1.0, 4, 4]}}),
        ({"a": BITS}, {"shapes": {"a": [10**9, 10**9, 10**9]}}),
        ({"a": BITS.float()}, {"shapes": {"a": [1, 4, 4]}}),
        ({"a": BITS[None]}, {"shapes": {"a": [1, 4, 4]}}),
    ],
    ids=lambda value: str(value.get("shapes")) if "a" not in value else "",
)
def test_a_whole_file_that_holds_no_masks_is_refused(
    tmp_path: Path, tensors: dict[str, Tensor], meta: dict[str, object]
) -> None:
    save_tensors(tmp_path / "x", tensors, meta)
    with pytest.raises(CorruptFile, match="does not hold masks"):
        load_masks(tmp_path / "x")


def test_sites_hold_the_relus_of_the_network() -> None:
    for network in EDITED.values():
        assert sum(map(prod, sites(network).values())) == cost(network).total_relus
