"""How fast a machine trains: the fit is exact where steps are, and a probe is kept."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from deepreshape.design import parse
from deepreshape.learn.runs import speed
from deepreshape.learn.runs.price import Speed, Task
from deepreshape.learn.runs.speed import (
    PROBES,
    fitted,
    known,
    measure,
    probe,
    rate,
    steps_of_probe,
)
from deepreshape.learn.training.machine import Machine

pytestmark = pytest.mark.long

NESTED = pytest.param(200_000 * "[" + 200_000 * "]", id="deeply nested")
SPEED = Speed(3e-11, 2e-9, 2e-4, 8e-9)


def steps(of: Speed) -> list[float]:
    """What the steps of the probes would take at a speed."""
    return [of.seconds(Task(parse(name, side, 10), batch, batch)) for name, side, batch in PROBES]


@pytest.fixture
def probes(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Machine]:
    """An empty cache, and probes that find SPEED; the list counts them."""
    made: list[Machine] = []

    def fake(machine: Machine, rounds: int, progress: Callable[[int], None]) -> list[float]:
        made.append(machine)
        return steps(SPEED)

    monkeypatch.setattr(speed, "probe", fake)
    return made


@pytest.mark.parametrize(
    "expected", [SPEED, Speed(1e-10, 0.0, 0.0, 0.0), Speed(0.0, 1e-9, 0.0, 1e-9)]
)
def test_a_speed_is_found_by_its_steps(expected: Speed) -> None:
    nets = [(parse(name, side, 10), batch) for name, side, batch in PROBES]
    pairs = zip(nets, steps(expected), strict=True)
    found = fitted((net, batch, taken) for (net, batch), taken in pairs)
    assert steps(found) == pytest.approx(steps(expected))


def test_no_part_of_a_speed_is_negative() -> None:
    network = parse("ResNet18(m=8)")
    odd = [(network, 10, 5.0), (network, 20, 1.0), (parse("ResNet32"), 10, 1.0)]
    found = fitted(odd)
    assert min(found.mac, found.element, found.layer, found.param) >= 0


def test_the_probe_times_every_network(cpu: Machine) -> None:
    taken = probe(cpu, rounds=1)
    assert len(taken) == len(PROBES)
    assert min(taken) > 0


def test_the_probe_draws_nothing_from_the_global_generator(
    cpu: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "PROBES", PROBES[:1])
    before = torch.random.get_rng_state()
    probe(cpu, rounds=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_machine_is_known_once_it_was_measured(cpu: Machine, probes: list[Machine]) -> None:
    assert known(cpu, 1) is None
    found = measure(cpu, 1)
    assert known(cpu, 1) == found
    assert steps(found) == pytest.approx(steps(SPEED))
    assert probes == [cpu]


def test_other_workers_formats_and_threads_are_measured_for_themselves(
    cpu: Machine, probes: list[Machine]
) -> None:
    measure(cpu, 1)
    assert known(cpu, 2) is None
    assert known(Machine(cpu.device, "bfloat16"), 1) is None
    torch.set_num_threads(2)
    assert known(cpu, 1) is None


@pytest.mark.parametrize(
    "variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_NUM_THREADS"]
)
def test_other_kernels_are_measured_for_themselves(
    cpu: Machine, probes: list[Machine], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    measure(cpu, 1)
    monkeypatch.setenv(variable, "AVX2")
    assert known(cpu, 1) is None


def test_another_processor_of_the_same_name_is_measured_for_itself(
    cpu: Machine, probes: list[Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Virtual machines may call theirs by one name."""
    measure(cpu, 1)
    monkeypatch.setattr(speed, "instructions", lambda: ("avx2",))
    assert known(cpu, 1) is None


def test_every_step_of_a_measurement_is_reported(
    own_cache: Path, cpu: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "PROBES", PROBES[:2])
    reports: list[int] = []
    measure(cpu, 1, rounds=2, progress=reports.append)
    assert sum(reports) == steps_of_probe(1, rounds=2)


def test_a_rate_is_of_images_a_second(cpu: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "TYPICAL", ("HRN-2x5x3x(m=2)", 16, 8))
    assert 1 < rate(cpu, steps=1) < 1e6


def test_what_was_measured_before_is_kept(cpu: Machine, probes: list[Machine]) -> None:
    other = Machine(cpu.device, "bfloat16")
    first = measure(cpu, 1)
    measure(other, 1)
    assert known(cpu, 1) == first
    assert known(other, 1)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"a": 3}', '{"a": [1, 2]}', NESTED])
def test_a_damaged_cache_knows_nothing(
    cpu: Machine, probes: list[Machine], own_cache: Path, content: str
) -> None:
    measure(cpu, 1)
    (own_cache / "speed.json").write_text(content)
    assert known(cpu, 1) is None
    assert known(cpu, 1) is None
    measure(cpu, 1)
    assert known(cpu, 1)


@pytest.mark.parametrize("numbers", [[1, 1, 1, -1], [1, 1, 1, float("nan")], ["1", 1, 1, 1]])
def test_a_speed_that_cannot_be_is_not_known(
    cpu: Machine, probes: list[Machine], own_cache: Path, numbers: list[object]
) -> None:
    measure(cpu, 1)
    path = own_cache / "speed.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), numbers)))
    assert known(cpu, 1) is None


def test_a_cache_that_cannot_be_written_to_stops_no_measurement(
    cpu: Machine, probes: list[Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "file" / "cache"))
    assert steps(measure(cpu, 1)) == pytest.approx(steps(SPEED))
    assert known(cpu, 1) is None


def test_several_workers_are_measured_side_by_side(own_cache: Path, cpu: Machine) -> None:
    """Two processes for real, which report all that they do."""
    reports: list[int] = []
    found = measure(cpu, 2, rounds=1, progress=reports.append)
    assert sum(reports) == steps_of_probe(2, rounds=1)
    assert known(cpu, 2) == found
    assert min(steps(found)) > 0
