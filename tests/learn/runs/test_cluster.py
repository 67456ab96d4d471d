"""Campaigns on a cluster: two nodes of this machine, of which one is killed, and nothing is lost;
and what is asked of a cluster that has GPUs."""

import os
import re
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from deepreshape.design import parse
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import cluster
from deepreshape.learn.runs.campaign import Campaign
from deepreshape.learn.runs.cluster import LEAST_SHARE, Cluster, on_ray
from deepreshape.learn.runs.crews import Progress
from deepreshape.learn.runs.executors import Executor, execute
from deepreshape.learn.runs.memory import on_gpu
from deepreshape.learn.runs.nodes import MISSING, Node
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.workers import Died
from tests.learn.forks import CPU, files, lasting
from tests.learn.tiny import FAILING, RUN, TAUGHT, TEACHER

# On Python 3.13 whatever is forked after Ray was connected ends by a segmentation fault.
pytestmark = pytest.mark.alone

STUDENTS = [replace(TAUGHT, seed=seed) for seed in (1, 2)]
LONG = replace(RUN, seed=5, recipe=replace(RUN.recipe, epochs=60))
ORPHAN = replace(TAUGHT, teacher=FAILING)
CAMPAIGN = [LONG, *STUDENTS, ORPHAN]
ON_RAY = Executor("cpu", show=False, precision="float32", backend="ray")


@dataclass(frozen=True)
class Campaigned:
    """What a campaign left. begun: runs, as often as they were."""

    records: list[Record]
    store: Store
    begun: Counter[str]
    said: list[str]


def campaigned(runs: list[Run], store: Store) -> Campaigned:
    begun, said = Counter[str](), list[str]()
    begin = Cluster.begin

    def noted(crew: Cluster, run: Run) -> None:
        begun[run.key] += 1
        begin(crew, run)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cluster, "begin", noted)
        patch.setattr(Campaign, "say", lambda _, line: said.append(line))
        records = execute(runs, store, ON_RAY)
    return Campaigned(records, store, begun, said)


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The campaign in this process, one run after another."""
    store, threads = Store(tmp_path_factory.mktemp("serial")), torch.get_num_threads()
    torch.set_num_threads(1)
    execute(CAMPAIGN, store, Executor("cpu", 1, show=False, precision=CPU.precision))
    torch.set_num_threads(threads)
    return store


# Two nodes, of which one is killed


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes of one core, and a connection to them; the second may be killed."""
    ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'deepreshape[ray]')")
    from ray.cluster_utils import Cluster as Nodes

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        head = {"num_cpus": 1, "include_dashboard": False}
        made = Nodes(initialize_head=True, head_node_args=head)
        second = made.add_node(num_cpus=1)
        ray.init(address=made.address, logging_level="ERROR", log_to_driver=False)
        yield SimpleNamespace(second=second, ray=ray)
        ray.shutdown()
        made.shutdown()


def wait_for(path: Path) -> None:
    """Until a file is there; two minutes at most."""
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def kill_when_there(path: Path, node: Any) -> None:
    """Kill all processes of a node by SIGKILL once a file is there."""
    wait_for(path)
    own = [each.process.pid for group in node.all_processes.values() for each in group]
    workers = [child.pid for pid in own for child in psutil.Process(pid).children(recursive=True)]
    for pid in dict.fromkeys([*own, *workers]):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def killed(nodes: Any, tmp_path_factory: pytest.TempPathFactory) -> Campaigned:
    """The campaign, in which a node died that was in the middle of a run: the other has something
    else to do until then."""
    store = Store(tmp_path_factory.mktemp("killed"))
    checkpoint = store.unfinished(LONG, ".safetensors")
    waiting = nodes.ray.remote(wait_for).options(scheduling_strategy=cluster._at(nodes.ray))
    busy = waiting.remote(checkpoint)
    killer = threading.Thread(target=kill_when_there, args=[checkpoint, nodes.second])
    killer.start()
    found = campaigned(CAMPAIGN, store)
    killer.join()
    nodes.ray.get(busy)
    return found


def test_every_run_has_its_record_though_a_node_was_killed(killed: Campaigned) -> None:
    assert [record.key for record in killed.records] == [run.key for run in CAMPAIGN]


def test_records_are_those_of_a_serial_campaign(killed: Campaigned, serial: Store) -> None:
    """Weights, accuracies, losses of every epoch; the run that was killed has those of one
    sitting."""
    here = execute(CAMPAIGN[:-1], serial, Executor("cpu", 1, show=False))
    assert [lasting(record) for record in killed.records[:-1]] == [lasting(each) for each in here]
    assert all(killed.store.holds(run) for run in (LONG, *STUDENTS, TEACHER))


def test_only_the_run_that_was_killed_is_begun_again(killed: Campaigned) -> None:
    (again,) = [key for key, times in killed.begun.items() if times > 1]
    assert again == LONG.key
    assert killed.begun[again] == 2
    assert killed.begun.keys() == {run.key for run in (*CAMPAIGN, TEACHER, FAILING)}
    (said,) = killed.said
    assert f"over run {again} (" in said
    assert said.endswith("; begun again, 2 of 3")


def test_a_student_of_a_failed_teacher_fails_on_a_cluster_too(killed: Campaigned) -> None:
    assert killed.records[-1].status == "failed"
    assert killed.store.get(ORPHAN) is None


def test_nothing_else_is_left_in_the_store(killed: Campaigned, serial: Store) -> None:
    assert files(killed.store.folder) == files(serial.folder)


def test_nodes_without_the_stores_disk_send_what_they_make(
    nodes: Any, serial: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are sent the teacher, and keep nothing of the students."""
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Path, "touch", lambda path: None)  # the marker that they look for
    store = Store(tmp_path / "runs")
    for suffix in (".json", ".safetensors"):
        store.folder.mkdir(exist_ok=True)
        shutil.copy(serial.path(TEACHER, suffix), store.path(TEACHER, suffix))
    found = campaigned([*STUDENTS, ORPHAN], store)
    monkeypatch.undo()
    here = [serial.get(run) for run in STUDENTS]
    assert [lasting(record) for record in found.records[:-1]] == [lasting(each) for each in here]
    assert all(store.holds(run) for run in STUDENTS)
    assert store.get(FAILING)
    assert store.get(ORPHAN) is None
    left = [name for name in files(tmp_path / "cache" / "runs") if "/" not in name]
    assert left == [f"{TEACHER.key}.json", f"{TEACHER.key}.safetensors"]


def test_an_interrupted_campaign_keeps_what_is_done(
    nodes: Any, tmp_path: Path, serial: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the same command goes on."""
    store, run = Store(tmp_path / "runs"), LONG
    checkpoint = store.unfinished(run, ".safetensors")

    def interrupted(crew: Cluster, progress: Progress) -> Any:
        if checkpoint.exists():
            raise KeyboardInterrupt
        return ended(crew, progress)

    ended = Cluster.ended
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(cluster, "PAUSE", 0.02)
        patch.setattr(Cluster, "ended", interrupted)
        execute([run], store, ON_RAY)
    assert checkpoint.exists()
    assert not list((store.folder / "unfinished").glob("cluster-*"))
    (record,) = execute([run], store, ON_RAY)
    assert lasting(record) == lasting(serial.get(run))


def test_an_error_of_a_node_is_told_as_one_of_this_process(
    nodes: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here that its kind of device is none."""
    with (
        pytest.raises(ValueError, match="device tpu: the cluster has no GPU"),
        on_ray(store, "tpu", None, None),
    ):
        pytest.fail("it began")


# What is asked of a cluster


class Refs:
    """A cluster of GPUs that begins nothing: what a remote function was asked with is kept."""

    def __init__(self, gpu: int) -> None:
        self.asked: list[dict[str, Any]] = []
        self.util = SimpleNamespace(
            scheduling_strategies=SimpleNamespace(
                NodeAffinitySchedulingStrategy=lambda node, soft: node
            )
        )
        self.exceptions = SimpleNamespace(RayError=ConnectionError)
        self._gpu = gpu

    def remote(self, work: Any) -> Any:
        def options(**asked: Any) -> Any:
            self.asked.append(asked)
            return SimpleNamespace(remote=lambda *_: Node(True, self._gpu))

        return SimpleNamespace(options=options)

    def get(self, value: Any) -> Any:
        return value

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "NodeID": "1", "Resources": {"GPU": 2, "CPU": 8}}]

    def cluster_resources(self) -> dict[str, float]:
        return {"GPU": 2.0, "CPU": 8.0}

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "1")


def crew(tmp_path: Path, gpu: int = 80 * 10**9, device: str = "auto", **terms: Any) -> Cluster:
    workers = terms.get("workers")
    return Cluster(Refs(gpu), Store(tmp_path), tmp_path / "marker", device, None, workers)


WIDE = Run(parse("ResNet18(m=64)", 64, 200), DataSet("tiny-imagenet"), Recipe(batch=512))


def test_a_small_run_takes_the_least_share_of_a_gpu(tmp_path: Path) -> None:
    assert crew(tmp_path).share(RUN) == LEAST_SHARE


def test_a_run_takes_as_much_of_a_gpu_as_it_needs_of_its_memory(tmp_path: Path) -> None:
    assert crew(tmp_path, gpu=40 * 10**9).share(WIDE) == round(on_gpu(WIDE) / 40e9, 2) > LEAST_SHARE


def test_no_run_takes_more_than_one_gpu(tmp_path: Path) -> None:
    assert crew(tmp_path, gpu=10**9).share(WIDE) == 1


def test_which_gpu_a_run_gets_is_left_to_ray(tmp_path: Path) -> None:
    assert crew(tmp_path, device="cuda:1")._device == "cuda"


def test_a_run_on_a_cpu_takes_no_gpu(tmp_path: Path) -> None:
    assert crew(tmp_path, device="cpu").share(WIDE) == 0


def test_a_run_that_used_up_a_gpus_memory_gets_a_whole_one(tmp_path: Path) -> None:
    made = crew(tmp_path)
    error = SimpleNamespace(cause=torch.cuda.OutOfMemoryError("CUDA out of memory"))
    death = made._explained(error, RUN)
    assert isinstance(death, Died)
    assert not death.is_hopeless
    assert f"the memory of a GPU was used up by run {RUN.key}" in str(death)
    assert made.share(RUN) == 1


def test_an_error_of_the_run_is_no_death(tmp_path: Path) -> None:
    cause = OSError("no space")
    assert crew(tmp_path)._explained(SimpleNamespace(cause=cause), RUN) is cause


def test_a_process_that_is_gone_is_a_death(tmp_path: Path) -> None:
    death = crew(tmp_path)._explained(ConnectionError(), RUN)
    assert isinstance(death, Died)
    assert "a process of the cluster died (ConnectionError) over run" in str(death)


def test_ray_itself_is_never_asked_to_try_again(tmp_path: Path) -> None:
    """How often a run is begun is counted in one place."""
    made = crew(tmp_path)
    made.begin(RUN)
    asked = made._ray.asked[-1]
    assert asked == {"num_cpus": 1, "num_gpus": LEAST_SHARE, "max_retries": 0}


@pytest.mark.parametrize(("device", "most"), [("cpu", 16), ("auto", 32)])
def test_as_many_runs_wait_as_fit_at_once(tmp_path: Path, device: str, most: int) -> None:
    made, begun = crew(tmp_path, device=device), 0
    while made.is_free():
        made._under_way[begun] = RUN
        begun += 1
    assert begun == most


def test_fewer_runs_are_made_at_a_time_where_that_is_asked_for(tmp_path: Path) -> None:
    made = crew(tmp_path, workers=3)
    made._under_way = dict.fromkeys(range(2), RUN)
    assert made.is_free()
    made._under_way = dict.fromkeys(range(3), RUN)
    assert not made.is_free()


def test_a_gpu_that_a_cluster_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="device cuda: the cluster has no GPU"):
        crew(tmp_path, gpu=0, device="cuda")


def test_without_ray_it_is_said_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match="needs Ray, which is not installed:"):
        execute([RUN], store, ON_RAY)
    assert "deepreshape[ray]" in MISSING
    assert not store.folder.exists()


@pytest.mark.parametrize("error", [ConnectionError("no\nanswer"), ValueError("bad address")])
def test_a_cluster_that_does_not_answer_is_named_in_one_line(
    error: Exception, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> None:
        raise error

    monkeypatch.setenv("RAY_ADDRESS", "auto")
    fake = SimpleNamespace(is_initialized=lambda: False, init=init)
    monkeypatch.setattr(cluster, "imported", lambda: fake)
    with pytest.raises(RuntimeError) as caught:
        execute([RUN], store, ON_RAY)
    said = str(error).splitlines()[0]
    assert str(caught.value) == f"Ray cannot start with RAY_ADDRESS=auto ({said})"
    assert not store.folder.exists()


@pytest.mark.parametrize(
    "address", ["127.0.0.1:9", "[::1]:9", "127.0.0.1:99999", "no.host.invalid:1"]
)
def test_an_address_at_which_no_one_listens_is_told_at_once(
    address: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would ask it for minutes."""
    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(cluster, "imported", lambda: SimpleNamespace(is_initialized=lambda: False))
    start = time.monotonic()
    with pytest.raises(
        RuntimeError, match=rf"^Ray cannot start with RAY_ADDRESS={re.escape(address)}"
    ):
        execute([RUN], store, ON_RAY)
    assert time.monotonic() - start < 2 * cluster.PATIENCE


def test_what_a_signal_does_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would answer SIGTERM itself."""
    before = signal.getsignal(signal.SIGTERM)

    def init(**_: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    cluster._start(SimpleNamespace(init=init))
    assert signal.getsignal(signal.SIGTERM) is before
