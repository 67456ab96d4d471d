"""Making a run's record: once, resumable, teachers first."""

import time
from dataclasses import replace
from itertools import groupby

import torch

from deepreshape.design import cost
from deepreshape.learn.images.sets import Images, contents, load
from deepreshape.learn.runs.environment import environment
from deepreshape.learn.runs.record import ARITHMETIC, Record, packed, sha256
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.masks import apply, counted, save_masks
from deepreshape.learn.search.search import Search, searched
from deepreshape.learn.tensor_files import Busy, alone, save_tensors
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.evaluate import TrainingFailed
from deepreshape.learn.training.loop import Progress, train
from deepreshape.learn.training.machine import Machine, describe
from deepreshape.learn.training.nets import build
from deepreshape.learn.training.teacher import Teacher, teacher
from deepreshape.learn.training.values import named

_SEARCH, _TRAINING = ".search.safetensors", ".safetensors"
"""Checkpoints of an unfinished run, in this order."""
POLL = 0.2
"""Seconds after which a run is asked for again that another process makes."""


def obtain(
    run: Run,
    store: Store,
    machine: Machine,
    progress: Progress = lambda images: None,
    net_too: bool = False,
    wait: bool = True,
) -> Record:
    """The record of a run: from the store, or made now and put there (the teacher's first).

    The images are those that are read here (`Run.pinned`). An interrupted run goes on from its last
    whole epoch; with another number of threads the record says so (`Record.threads`). Two processes
    that ask for the same run make it once. A loss that is not finite gives a record with status
    "failed", which is kept: until its file is deleted the run is not tried again. Where it is the
    teacher that failed, the record says so and is not kept. net_too: make the run again where its
    weights are missing or damaged. wait: for another process that makes the run, its teacher, or a
    search that it shares; or else raise Busy.
    """
    run = run.pinned()
    while True:
        try:
            return _alone(run, store, machine, progress, net_too)
        except Busy:
            if not wait:
                raise
            time.sleep(POLL)


def _alone(
    run: Run, store: Store, machine: Machine, progress: Progress, net_too: bool = False
) -> Record:
    """`obtain`; raises Busy where another process is at work."""
    with alone(store.unfinished(run, ".lock"), wait=False):
        record = store.get(run)
        if record is None or (net_too and not store.holds(run)):
            record = _make(run, store, machine, progress)
        for suffix in (_SEARCH, _TRAINING):
            store.unfinished(run, suffix).unlink(missing_ok=True)
    return record


def _make(run: Run, store: Store, machine: Machine, progress: Progress) -> Record:
    """Train, and put weights, masks and record into the store, in this order."""
    machine = _as_begun(run, store, machine)
    images = load(run.data)
    counts = cost(run.network)
    classes, left_out = contents(run.data)
    record = Record(
        key=run.key,
        status="failed",
        run=run.describe(),
        validation=None,
        test=None,
        relus=counts.total_relus,
        stage_relus=counts.stage_relus,
        macs=counts.macs,
        params=counts.params,
        curve=(),
        precision=machine.precision,
        seconds=0.0,
        data_digest=images.digest,
        weights_digest=None,
        environment=environment(machine.device),
        split_digest=images.split,
        classes=classes,
        left_out=left_out,
    )
    try:
        teaching, teacher_digest = _teacher(run, store, machine, images)
    except TrainingFailed as error:
        return replace(record, error=str(error))
    record = replace(record, teacher_digest=teacher_digest)
    try:
        record = _train_and_store(run, store, machine, images, teaching, record, progress)
    except TrainingFailed as error:
        record = replace(record, error=str(error))
    threads = _thread_counts(run, store)
    begun = record.environment | {"threads": threads[0]}
    record = replace(record, threads=threads, environment=begun)
    store.put(run, record)
    return record


def _as_begun(run: Run, store: Store, machine: Machine) -> Machine:
    """The machine, in the number format in which an interrupted run began."""
    for suffix in (_SEARCH, _TRAINING):
        header = checkpoints.header(store.unfinished(run, suffix))
        if header is not None:
            return replace(machine, precision=header["precision"])
    return machine


def _thread_counts(run: Run, store: Store) -> tuple[int, ...]:
    """The thread counts that a run was made with, each where it changed: what its checkpoints say,
    and this process's."""
    headers = [checkpoints.header(store.unfinished(run, suffix)) for suffix in (_SEARCH, _TRAINING)]
    counts = [number for header in headers if header for number in header["threads"]]
    return tuple(number for number, _ in groupby([*counts, torch.get_num_threads()]))


def _train_and_store(
    run: Run,
    store: Store,
    machine: Machine,
    images: Images,
    teaching: Teacher | None,
    record: Record,
    progress: Progress,
) -> Record:
    """The record of a run that succeeds; its weights and masks are in the store."""
    net = build(run.network, run.seed)
    if run.search is not None and teaching is not None:
        net.load_state_dict(teaching.net.state_dict())
        checkpoint = store.unfinished(run, _SEARCH)
        found = searched(
            run.search,
            net,
            run.recipe,
            images,
            run.seed,
            machine,
            teaching,
            checkpoint,
            progress,
            store.folder / "searches" / _trajectory(run, run.search, machine, images, teaching),
        )
        apply(net, found.masks)
        relus = counted(found.masks, run.network)
        digest = save_masks(store.path(run, ".masks.safetensors"), found.masks, run.describe())
        record = replace(
            record,
            relus=sum(relus),
            stage_relus=relus,
            masks_digest=digest,
            sought=found.history,
            seconds=found.seconds,
        )
    checkpoint = store.unfinished(run, _TRAINING)
    result = train(net, run.recipe, images, run.seed, machine, teaching, checkpoint, progress)
    weights = store.path(run, ".safetensors")
    return replace(
        record,
        status="done",
        validation=result.validation,
        test=result.test,
        tested=len(result.right),
        right=packed(result.right.numpy()),
        curve=result.curve,
        precision=result.precision,
        seconds=record.seconds + sum(epoch.seconds for epoch in result.curve),
        weights_digest=save_tensors(weights, result.net.state_dict(), run.describe()),
    )


def _trajectory(
    run: Run, search: Search, machine: Machine, images: Images, teacher: Teacher
) -> str:
    """The hash of all that a search goes through by, whatever its budget and later tuning."""
    facts = [
        ARITHMETIC,
        run.describe() | {"search": named(replace(search, budget=0)), "recipe": None},
        [run.recipe.shift, run.recipe.flip, images.digest],
        [machine.precision, describe(machine.device)],
        teacher.weights,
    ]
    return sha256(facts)[:16]


def _teacher(
    run: Run, store: Store, machine: Machine, images: Images
) -> tuple[Teacher | None, str | None]:
    """The teacher of a run, made again where its weights are missing or damaged, and their digest.

    Raises TrainingFailed, which names the teacher's run, where that failed, and Busy where another
    process makes it.
    """
    if run.teacher is None:
        return None, None
    asked, recipe = run.teacher.pinned(), run.recipe
    try:
        record = _alone(asked, store, machine, lambda images: None, net_too=True)
    except Busy:  # others may have no more to do than to look at it, as this one has
        there = store.get(asked)
        if there is None or not store.holds(asked):
            raise
        record = there
    if record.status == "failed":
        failed = f"{asked.network} on {asked.data}, run {asked.key}, failed"
        raise TrainingFailed(f"{failed}: {record.error}")
    net, record = store.whole(asked)
    still = recipe.leaves_images_alone
    seed = None if still else run.seed
    shown = [images.digest, str(run.data), recipe.shift, recipe.flip, seed]
    epochs = max(recipe.epochs, run.search.epochs if run.search else 0)
    teaching = teacher(
        machine.place(net), images, machine, store.folder / "lessons", shown, epochs, still
    )
    return teaching, record.weights_digest
