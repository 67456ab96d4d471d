"""Networks of no family: their layers in stages, edits by name, and a name that says it all."""

import pickle
from dataclasses import replace
from typing import Any

import pytest

from deepreshape.design import (
    AnyNetwork,
    DesignError,
    Graph,
    Network,
    Stage,
    cost,
    cull,
    layers,
    resnet18,
    thin,
)
from deepreshape.design.criticality import alone
from deepreshape.design.ops import IMAGE, Conv, FullyConnected, Layer, Pool, Relu, Tape
from tests.families import FAMILIES

NETWORK = Network(4, (Stage(4, 2), Stage(8, 1)), 8, 10)


def as_graph(network: Network) -> Graph:
    return Graph("nets:mine", network.resolution, layers(network))


MINE = as_graph(NETWORK)


def relus(graph: AnyNetwork) -> list[str]:
    return [layer.name for layer in layers(graph) if isinstance(layer.op, Relu)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_as_a_graph_costs_what_it_costs(family: str) -> None:
    network = FAMILIES[family]
    one, other = cost(as_graph(network)), cost(network)
    fields = ("total_relus", "macs", "batchnorm", "params", "squares")
    assert [getattr(one, each) for each in fields] == [getattr(other, each) for each in fields]


def test_its_stages_are_the_sizes_of_its_maps() -> None:
    assert (MINE.stages, MINE.strides, MINE.classes) == ((8, 4), (1, 2), 10)
    assert cost(MINE).stage_relus == cost(NETWORK).stage_relus


def test_relus_behind_the_last_map_are_the_heads() -> None:
    network = replace(FAMILIES["VGG16"], resolution=32)
    assert cost(as_graph(network)).head_relus == cost(network).head_relus > 0


def test_a_bias_is_learned() -> None:
    tape = Tape((3, 4, 4))
    tape.put("logits", FullyConnected(3, 10, bias=False), tape.put("pool", Pool(), IMAGE))
    assert cost(Graph("nets:mine", 4, tuple(tape.layers))).params == 30
    tape = Tape((3, 4, 4))
    tape.put("pool", Pool(), tape.put("conv", Conv(3, 10, bias=True), IMAGE))
    assert cost(Graph("nets:mine", 4, tuple(tape.layers))).params == 27 * 10 + 10


@pytest.mark.parametrize("edit", [cull, thin])
@pytest.mark.parametrize("stages", [[1], [2], [1, 2]])
def test_an_edit_by_stage_is_that_of_a_network(edit: Any, stages: list[int]) -> None:
    """The stem's ReLU goes with stage 1."""
    found, wanted = edit(MINE, stages), edit(NETWORK, stages)
    assert cost(found).total_relus == cost(wanted).total_relus


def test_culling_by_name_takes_what_the_pattern_names() -> None:
    assert relus(cull(MINE, ["stage1/*"])) == [
        "stem/relu",
        "stage2/block1/relu1",
        "stage2/block1/relu2",
    ]
    assert cull(MINE, ["stage1.*"]).listed == cull(MINE, ["stage1/*"]).listed


def test_thinning_by_name_keeps_every_second_from_the_last() -> None:
    found = relus(thin(MINE, ["stage1/*", "stage2/*"]))
    assert found == [
        "stem/relu",
        "stage1/block1/relu2",
        "stage1/block2/relu2",
        "stage2/block1/relu2",
    ]


def test_layers_that_read_a_relu_that_is_gone_read_its_input() -> None:
    by_name = {layer.name: layer for layer in cull(MINE, ["stem*"]).listed}
    assert by_name["stage1/block1/conv1"].inputs == ("stem/conv_bn",)


def test_its_name_has_the_edits_in_their_order() -> None:
    edited = thin(cull(MINE, ["stem*", 2]), ["stage1/*"])
    assert edited.name == "nets:mine-C2-C[stem*]-T[stage1/*]"


def test_its_text_changes_with_its_layers() -> None:
    text = str(MINE)
    assert text == f"nets:mine#{MINE.digest}@8/10"
    other = replace(MINE, listed=(replace(MINE.listed[0], op=Conv(3, 4, 5)), *MINE.listed[1:]))
    assert str(other) != text
    assert str(as_graph(NETWORK)) == text


@pytest.mark.parametrize(
    ("network", "places", "said"),
    [
        (
            MINE,
            ["block9*"],
            "nets:mine has no ReLU whose name is like 'block9*'; it has stem/relu,",
        ),
        (MINE, [3], "nets:mine has no ReLU in stage 3; its stages are 1 to 2"),
        (cull(MINE, [1, 2]), ["*"], "it has none"),
        (resnet18(), ["stem*"], "the ReLUs of ResNet18 are named by their stage, not like 'stem*'"),
    ],
)
@pytest.mark.parametrize("edit", [cull, thin])
def test_what_names_no_relu_is_an_error(
    edit: Any, network: AnyNetwork, places: list[Any], said: str
) -> None:
    with pytest.raises(DesignError) as refused:
        edit(network, places)
    assert said in str(refused.value)


def test_a_graph_has_layers() -> None:
    with pytest.raises(DesignError, match="nets:none has no layers"):
        Graph("nets:none", 8, ())


def test_it_is_a_value_that_travels() -> None:
    layer = Layer("pool", Pool(), (IMAGE,), (3, 1, 1), 0)
    assert {Graph("a:b", 8, (layer,)): 1}[Graph("a:b", 8, (layer,))] == 1
    assert pickle.loads(pickle.dumps(MINE)) == MINE


def test_each_stage_stands_alone_as_in_its_family() -> None:
    for stage in (1, 2):
        assert relus(alone(MINE, stage)) == relus(alone(NETWORK, stage))
    with pytest.raises(DesignError, match="there is no stage 3: nets:mine has stages 1 to 2"):
        alone(MINE, 3)
