"""Runs on a cluster: Ray places them on its CPUs and GPUs, their records stream into one store.

What a node does is in `nodes`.
"""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from deepreshape.learn.runs.crews import Crew, Progress
from deepreshape.learn.runs.memory import on_gpu
from deepreshape.learn.runs.nodes import PAUSE, News, Node, Order, Sent, imported, look, made
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import Busy
from deepreshape.learn.training.machine import Precision
from deepreshape.learn.workers import Died

LEAST_SHARE = 1 / 8
"""Of a GPU, for the smallest run: more at once would only wait for each other."""
PATIENCE = 10.0
"""Seconds in which the address of a cluster has to answer."""
PASSED_ON = ("DEEPRESHAPE_MIRROR", "DEEPRESHAPE_CACHE")
"""Variables that nodes are told, where they are set here."""


@contextmanager
def on_ray(
    store: Store, device: str, precision: Precision | None, workers: int | None
) -> Iterator[Crew]:
    """The cluster that RAY_ADDRESS names, or one of this machine alone. workers: runs at a time, at
    most; None lets the cluster decide.

    Raises RuntimeError where Ray is not installed, or the cluster does not answer.
    """
    ray = imported()
    is_ours = not ray.is_initialized()
    if is_ours:
        _start(ray)
    whole = Store(*(folder.absolute() for folder in store.folders))
    marker = whole.folder / "unfinished" / f"cluster-{secrets.token_hex(8)}"
    try:
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
        crew = Cluster(ray, whole, marker, device, precision, workers)
        try:
            yield crew
        finally:
            crew.leave()
    finally:
        marker.unlink(missing_ok=True)
        if is_ours:
            ray.shutdown()


def _start(ray: Any) -> None:
    address = os.environ.get("RAY_ADDRESS")
    host, _, port = (address or "").rpartition(":")
    before = signal.getsignal(signal.SIGTERM)
    try:
        if port.isdecimal() and "/" not in host:  # or else Ray asks for minutes
            socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
        ray.init(address=address or "local", logging_level="ERROR", log_to_driver=False)
    except Exception as error:  # Ray has no kind of its own for these
        first = str(error).strip().splitlines()[:1]
        where = f"RAY_ADDRESS={address}" if address else "a cluster of this machine"
        raise RuntimeError(f"Ray cannot start with {where} ({''.join(first)})") from None
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, before)  # Ray takes it to itself


class Cluster:
    """A crew of all that a cluster has."""

    def __init__(
        self,
        ray: Any,
        store: Store,
        marker: Path,
        device: str,
        precision: Precision | None,
        workers: int | None,
    ) -> None:
        self._ray, self._store, self._workers = ray, store, workers
        settings = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self._nodes = _nodes(ray, marker)
        gpus = [node.gpu for node in self._nodes if node.gpu]
        if device == "auto":
            device = "cuda" if gpus else "cpu"
        if device != "cpu" and not gpus:
            raise ValueError(f"device {device}: the cluster has no GPU")
        device = device.partition(":")[0]  # which of them, Ray decides
        self._gpu = min(gpus, default=0)
        self._device, self._precision = device, precision
        self._terms = (store, marker, device, precision, settings)
        self._runs: list[Run] = []
        self._under_way: dict[Any, Run] = {}
        self._teachers: dict[Run, Any] = {}
        self._greedy: set[Run] = set()
        # On this node, which is there as long as the campaign.
        self._news = ray.remote(News).options(num_cpus=0, scheduling_strategy=_at(ray)).remote()
        self._heard: Any = None
        self._make = ray.remote(made)

    def is_free(self) -> bool:
        """As many as fit at once, and as many again that wait: by these a cluster knows that it may
        grow."""
        held = self._ray.cluster_resources()
        slots = held.get("CPU", 0) if self._device == "cpu" else held.get("GPU", 0) / LEAST_SHARE
        most = max(1, 2 * slots) if self._workers is None else self._workers
        return len(self._under_way) < most

    def begin(self, run: Run) -> None:
        order = Order(len(self._runs), run, *self._terms, teacher=self._taught(run))
        self._runs.append(run)
        made = self._make.options(num_cpus=1, num_gpus=self.share(run), max_retries=0)
        self._under_way[made.remote(order, self._news)] = run

    def share(self, run: Run) -> float:
        """Of a GPU, that a run asks for: by the memory that it needs, and all of it once that was
        too little."""
        if self._device == "cpu":
            return 0
        if run in self._greedy:
            return 1
        return min(1.0, max(LEAST_SHARE, round(on_gpu(run) / self._gpu, 2)))

    def _taught(self, run: Run) -> Any:
        """The teacher of a run, kept once in the cluster, where a node may have to be sent it."""
        teacher = run.teacher
        if teacher is None or all(node.shares for node in self._nodes):
            return None
        if teacher not in self._teachers:
            record = self._store.get(teacher)
            sent = None if record is None else (record, self._store.files(teacher))
            self._teachers[teacher] = None if sent is None else self._ray.put(sent)
        return self._teachers[teacher]

    def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
        if not self._under_way:
            return
        done, _ = self._ray.wait(list(self._under_way), timeout=PAUSE)
        self._listen(progress)
        for each in done:
            run = self._under_way.pop(each)
            outcome: Future[Record] = Future()
            try:
                outcome.set_result(self._received(self._ray.get(each), run))
            except (Busy, Died) as error:
                outcome.set_exception(error)
            except self._ray.exceptions.RayError as error:
                outcome.set_exception(self._explained(error, run))
            yield run, outcome

    def _listen(self, progress: Progress) -> None:
        """Without waiting for an answer: the process that has it may still be starting."""
        if self._heard is None:
            self._heard = self._news.heard.remote()
        if self._ray.wait([self._heard], timeout=0)[0]:
            for number, images in self._ray.get(self._heard):
                progress(self._runs[number], images)
            self._heard = None

    def _received(self, sent: Sent | None, run: Run) -> Record:
        if sent is None:
            raise Busy(f"run {run.key} is made by another process")
        record, files = sent
        if files is not None:
            self._store.receive(record, files)
        return record

    def _explained(self, error: Any, run: Run) -> BaseException:
        """What a run ended with on a node, or how that node did."""
        what = f"run {run.key} ({run.network} on {run.data})"
        cause = getattr(error, "cause", None)
        if isinstance(cause, torch.cuda.OutOfMemoryError):
            self._greedy.add(run)
            hint = "it needs a GPU with more memory, or a smaller batch"
            return Died(f"the memory of a GPU was used up by {what}", hint)
        if isinstance(cause, Exception):
            return cause
        kind = type(error).__name__
        return Died(f"a process of the cluster died ({kind}) over {what}", "run again to go on")

    def leave(self) -> None:
        """End what is under way; its checkpoints stay."""
        for each in self._under_way:
            with suppress(Exception):
                self._ray.cancel(each, force=True)


def _nodes(ray: Any, marker: Path) -> list[Node]:
    """What there is, asked of every node."""
    looks = ray.remote(look)
    asked = [
        looks.options(
            num_cpus=0,
            num_gpus=0.01 if each["Resources"].get("GPU") else 0,
            scheduling_strategy=_at(ray, each["NodeID"]),
        ).remote(marker)
        for each in ray.nodes()
        if each["Alive"]
    ]
    found = []
    for each in asked:
        with suppress(ray.exceptions.RayError):  # it has left since
            found.append(ray.get(each))
    return found


def _at(ray: Any, node: str | None = None) -> Any:
    """On a node, this one without a name, and on no other."""
    strategies = ray.util.scheduling_strategies
    node = node or ray.get_runtime_context().get_node_id()
    return strategies.NodeAffinitySchedulingStrategy(node, soft=False)
