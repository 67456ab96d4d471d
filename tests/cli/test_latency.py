"""`deepreshape latency`: the model's seconds and bytes."""

import json

import pytest

from deepreshape.design import hybrenet, optimize, parse, resnet18, reuse
from deepreshape.private.latency import Latency, layer_latencies
from deepreshape.private.latency import latency as modelled
from tests.cli.commands import Command


def described(row: Latency) -> dict[str, object]:
    return {
        "he_s": row.he_s,
        "gc_s": row.gc_s,
        "total_s": row.total_s,
        "relus": row.relus,
        "multiplications": row.operations.multiplications,
        "key_switches": row.operations.key_switches,
        "ciphertexts": {"up": row.operations.up, "down": row.operations.down},
        "bytes": {
            "up": row.operations.bytes_up,
            "down": row.operations.bytes_down,
            "stored_by_client": row.client_bytes,
            "stored_by_server": row.server_bytes,
        },
    }


def test_latency_gives_the_model_as_json(call: Command) -> None:
    arguments = ["HRN-2x5x3x(m=16)", "--cull", "1", "--thin", "2,3,4", "--reuse", "4"]
    answer = call("latency", *arguments, "--json")
    network = reuse(optimize(hybrenet(2, 5, 3)), 4)
    assert (answer.err, answer.code) == ("", 0)
    shape = {"network": network.name, "input": 32, "classes": 100}
    assert json.loads(answer.out) == shape | described(modelled(network))


def test_latency_gives_each_layer_on_demand(call: Command) -> None:
    network = parse("VGG16(m=8)")
    found = json.loads(call("latency", "VGG16(m=8)", "--layers", "--json").out)
    assert found["layers"] == [
        {"name": row.name} | described(row) for row in layer_latencies(network)
    ]


@pytest.mark.parametrize("name", ["ResNet18", "WRN22x8", "MobileNetV2", "ResNet18-Re4"])
def test_the_layers_of_latency_add_up(name: str, call: Command) -> None:
    found = json.loads(call("latency", name, "--layers", "--json").out)
    for key in ("he_s", "gc_s", "total_s", "relus", "key_switches"):
        assert sum(layer[key] for layer in found["layers"]) == pytest.approx(found[key])
    for key in ("up", "down", "stored_by_client"):
        assert sum(layer["bytes"][key] for layer in found["layers"]) == found["bytes"][key]


def test_latency_is_that_of_another_input(call: Command) -> None:
    found = json.loads(call("latency", "ResNet18", "--input", "64", "--json").out)
    assert found["he_s"] == modelled(resnet18(resolution=64)).he_s


def test_latency_prints_the_sums_in_the_last_row_of_a_table(call: Command) -> None:
    answer = call("latency", "Net(2; 2x1, 4x1)@4/3", "--layers")
    assert (answer.err, answer.code) == ("", 0)
    first, *rows = answer.out.splitlines()
    assert first == "Net(2; 2x1, 4x1), input 4 x 4, 3 classes"
    (last,) = [row.split() for row in rows if row.strip().startswith("network")]
    assert last[1:5] == ["131", "60", "47", "7"]
    assert last[6] == "128"
    named = [row.split()[0] for row in rows if "/" in (row.split() or [""])[0]]
    whole = modelled(parse("Net(2; 2x1, 4x1)@4/3"))
    assert f"{whole.operations.bytes_up / 1e6:.1f} MB" in rows[-1]
    assert named == [row.name for row in layer_latencies(parse("Net(2; 2x1, 4x1)@4/3"))]


def test_without_layers_latency_prints_one_row(call: Command) -> None:
    out = call("latency", "ResNet18").out
    assert "network" in out
    assert "stage1/block1" not in out
