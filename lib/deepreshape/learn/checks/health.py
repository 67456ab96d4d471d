"""What of this machine a training depends on, and whether it is right: facts, a line each."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from deepreshape.learn.checks import arithmetic
from deepreshape.learn.images.base import DataError
from deepreshape.learn.images.mirror import files_of
from deepreshape.learn.images.sources import DOWNLOADS, KNOWN, PACKAGED
from deepreshape.learn.runs import speed
from deepreshape.learn.tensor_files import CorruptFile, cache_folder, load_tensors
from deepreshape.learn.training import processor
from deepreshape.learn.training.machine import Machine, chosen, describe, driver, this_machine
from deepreshape.places import named_folder

MEMORY = Path("/proc/meminfo")
SHARED = Path("/dev/shm")
NVIDIA = Path("/proc/driver/nvidia/version")
"""There where the kernel has an NVIDIA driver."""
GIB = 2**30
MOST_NAMED = 5
"""Of the faults of the kernels, so many are named."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What was looked at, what was found, and what of it is wrong, a line each."""

    name: str
    found: str
    wrong: tuple[str, ...] = ()


def processor_facts() -> Iterator[Fact]:
    cores = len(os.sched_getaffinity(0))
    yield Fact("processor", f"{processor.name()}, {cores} of {os.cpu_count()} cores to use")
    yield Fact("instruction sets", " ".join(processor.instructions()) or "unknown")
    changes = " ".join(f"{name}={value}" for name, value in processor.changes().items())
    yield Fact("variables that change kernels", changes or "none")


def kernel_facts() -> Iterator[Fact]:
    """torch, and its kernels held against float64; takes seconds."""
    level = torch.backends.cpu.get_cpu_capability()
    yield Fact("torch", f"{torch.__version__}, its own kernels for {level}")
    wanted = arithmetic.cases()
    try:
        checked = arithmetic.check(wanted)
    except RuntimeError as error:
        yield Fact("kernels", "not checked", (str(error),))
        return
    wrong = [str(fault) for fault in checked.faults[:MOST_NAMED]]
    if len(checked.faults) > MOST_NAMED:
        wrong.append(f"and {len(checked.faults) - MOST_NAMED} cases more are wrong")
    if checked.left:
        wrong.append(f"{checked.left} cases were not run, since too many processes died")
    if wrong:
        wrong.append("training here cannot be trusted: try another version of torch")
    right = checked.ran - len(checked.faults)
    kinds = len(arithmetic.kinds())
    yield Fact("kernels", f"{right} of {len(wanted)} cases of {kinds} kinds right", tuple(wrong))


def machine_facts(may_train: bool) -> Iterator[Fact]:
    """Number format and speed. may_train: else the kernels are wrong, and might end the process."""
    machine = this_machine()
    precision, why = chosen(machine.device)
    yield Fact("number format", f"{precision}, since {why} (--precision says otherwise)")
    if may_train:
        where = "one thread" if machine.device.type == "cpu" else "the GPU"
        rate = _rate(machine)
        name, pixels, batch = speed.TYPICAL
        what = f"{name}, {pixels} pixels, batch {batch}"
        yield Fact("speed", f"{rate:,.0f} images a second of {what}, on {where}")
    else:
        yield Fact("speed", "not measured, since the kernels are wrong")


def _rate(machine: Machine) -> float:
    """As a worker has it: one thread on a CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return speed.rate(machine)
    finally:
        torch.set_num_threads(before)


def memory_facts() -> Iterator[Fact]:
    said = dict(line.split(":", 1) for line in _lines(MEMORY))
    whole, free = (said.get(name, "").split() for name in ("MemTotal", "MemAvailable"))
    if whole and free:
        amounts = [int(each[0]) * 1024 / GIB for each in (free, whole)]
        yield Fact("memory", "{:.1f} of {:.1f} GiB free".format(*amounts))
    if SHARED.exists():
        free_there = shutil.disk_usage(SHARED).free / GIB
        wrong = f"{SHARED} cannot be written to: processes cannot train side by side"
        able = os.access(SHARED, os.W_OK)
        yield Fact("shared memory", f"{free_there:.1f} GiB free", () if able else (wrong,))


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text().splitlines() if ":" in line]
    except OSError:
        return []


def data_facts() -> Iterator[Fact]:
    """Every set that is known: is it decoded in the cache, or in the mirror, and whole?"""
    mirror = named_folder("DEEPRESHAPE_MIRROR")
    if mirror is not None and not mirror.is_dir():
        yield Fact("mirror", str(mirror), (f"DEEPRESHAPE_MIRROR: there is no folder {mirror}",))
    for name in KNOWN:
        found, wrong = _cached(name)
        if mirror is not None and (mirror / name).is_dir():
            try:
                found.append(f"{files_of(mirror, name, KNOWN[name])} files in {mirror}, whole")
            except DataError as error:
                wrong.append(str(error))
        if not found and not wrong:
            found = ["not decoded yet: " + _source(name, mirror)]
        yield Fact(f"data: {name}", "; ".join(found) or "damaged", tuple(wrong))


def _source(name: str, mirror: Path | None) -> str:
    if name in PACKAGED:
        return "a package has it"
    if mirror is None and name in DOWNLOADS:
        return "downloaded at first use, or read from DEEPRESHAPE_MIRROR"
    return "not in the mirror" if mirror else "needs DEEPRESHAPE_MIRROR"


def _cached(name: str) -> tuple[list[str], list[str]]:
    """What of a set is in the cache, and what of that is wrong."""
    found, wrong = [], []
    for path in sorted(cache_folder().glob(f"{name}-*.safetensors")):
        expected = None if "-shards-" in path.name else KNOWN[name].digest
        try:
            digest = load_tensors(path)[2]
        except CorruptFile as error:
            wrong.append(f"{error}: delete it, and it is made again")
            continue
        if expected and digest != expected:
            wrong.append(
                f"{path} holds other images than those that are known: SHA-256 {digest[:12]},"
                f" expected {expected[:12]}; delete it, and it is made again"
            )
        else:
            known = "as published" if expected else "whole"
            found.append(f"{path.name} in {path.parent}, {known}, SHA-256 {digest[:12]}")
    return found, wrong


def gpu_facts() -> Iterator[Fact]:
    if torch.cuda.is_available():
        device = torch.device("cuda")
        capability = ".".join(map(str, torch.cuda.get_device_capability(device)))
        yield Fact("GPU", f"{describe(device)['processor']}, compute capability {capability}")
        cudnn = torch.backends.cudnn.version()
        versions = f"CUDA {torch.version.cuda}, cuDNN {cudnn}, driver {driver() or 'unknown'}"
        yield Fact("CUDA", versions)
    elif NVIDIA.exists():
        yield Fact("GPU", "there", ("there is an NVIDIA driver, but torch cannot use a GPU",))
    else:
        yield Fact("GPU", "none")


def facts() -> Iterator[Fact]:
    """All of it, in the order in which it is told; takes some seconds."""
    yield from processor_facts()
    kernels = list(kernel_facts())
    yield from kernels
    yield from machine_facts(may_train=not any(fact.wrong for fact in kernels))
    yield from memory_facts()
    yield from gpu_facts()
    yield from data_facts()
