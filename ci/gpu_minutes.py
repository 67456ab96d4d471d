"""Turn some minutes on a GPU into records.

    python ci/gpu_minutes.py --minutes 10            on the GPU
    python ci/gpu_minutes.py --minutes 2 --device cpu --size tiny     a rehearsal

Runs the tests of the GPU, times a step of three networks against the card's peak, trains runs that
need no teacher, the most valuable first, several side by side, and puts records and logs into one
archive of at most 16 MiB. It ends half a minute before its limit, whatever is not done by then. A
part that fails is reported, and the next one begins. Steps are captured as graphs where that gives
the same bits on this card.

It needs torch and what the library computes with (requirements.txt says what), no installation, no
SEAL, and CIFAR-100's Parquet files in DEEPRESHAPE_MIRROR.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "lib"), str(ROOT)]

import torch  # noqa: E402

from ci.gpu_session import MOST, Session, packed, tests  # noqa: E402
from deepreshape.design import parse  # noqa: E402
from deepreshape.learn.checks import graphs  # noqa: E402
from deepreshape.learn.runs import price  # noqa: E402
from deepreshape.learn.runs.environment import environment  # noqa: E402
from deepreshape.learn.runs.make import obtain  # noqa: E402
from deepreshape.learn.runs.run import Run  # noqa: E402
from deepreshape.learn.runs.store import Store  # noqa: E402
from deepreshape.learn.training.loop import train  # noqa: E402
from deepreshape.learn.training.machine import GRAPHS, Machine, this_machine  # noqa: E402
from deepreshape.learn.training.nets import build  # noqa: E402
from deepreshape.learn.training.recipe import Recipe  # noqa: E402
from deepreshape.paper.trained import experiments  # noqa: E402
from deepreshape.paper.trained.profiles import profile  # noqa: E402
from deepreshape.places import RECORDED  # noqa: E402

TIMED = {
    "paper": ("HRN-2x5x3x(m=8)", "ResNet18(m=16)", "ResNet18"),
    "tiny": ("HRN-2x5x3x(m=1)", "ResNet20", "ResNet18(m=2)"),
}
BATCH, STEPS = 128, {"paper": 60, "tiny": 5}
WANTED = {
    # Tables 10 and 11 by labels as the paper trains them; then in fewer epochs, which many seeds of
    # fit into minutes.
    "paper": (
        ("paper", ("table11", "table10"), (1,)),
        ("short", ("table11", "table10"), (1, 2, 3)),
        ("paper", ("table11", "table10"), (2, 3)),
    ),
    "tiny": (("smoke", ("table11",), (1,)),),
}
"""Profile, pages and seeds of the runs, the most valuable first; of a line, the lightest first."""


def timed(session: Session, machine: Machine, size: str) -> object:
    """Images a second, share of the peak and memory, of steps that are asked for and of captured
    ones."""
    found = []
    for name in TIMED[size]:
        network = parse(name, 32, 100)
        images = graphs.drawn(BATCH * STEPS[size], network)
        for captured in sorted({False, machine.graphs}):
            if machine.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(machine.device)
            recipe = Recipe(epochs=2, batch=BATCH)
            here = replace(machine, graphs=captured)
            result = train(build(network, 1), recipe, images, 1, here)
            rate = result.curve[-1].images_per_second  # of the second epoch
            macs = 3 * price.size(network).macs * rate
            row = {"network": name, "graphs": captured, "images_per_second": rate, "macs": macs}
            most = price.peak(machine)
            row["share_of_peak"] = macs / most if most else None
            if machine.device.type == "cuda":
                row["memory_mib"] = torch.cuda.max_memory_allocated(machine.device) >> 20
            share = f", {100 * macs / most:.0f} % of the peak" if most else ""
            kind = "captured" if captured else "asked for"
            session.say(f"step of {name}, {kind}: {rate:.0f} images/s{share}")
            found.append(row)
    return found


def pace(rows: Sequence[dict[str, Any]]) -> price.Gpu:
    """What runs take here, by the fastest steps that were timed: the most operations a second, and
    the least seconds for a layer."""
    layers = {row["network"]: price.size(parse(row["network"], 32, 100)).layers for row in rows}
    least = min(BATCH / row["images_per_second"] / layers[row["network"]] for row in rows)
    return price.Gpu("timed", max(2 * row["macs"] for row in rows), least)


def fitting(rows: Sequence[dict[str, Any]], machine: Machine, asked: int) -> int:
    """Processes side by side, at most as many as are asked for, whose memory the card has: each as
    much as the largest step took, half as much again for what torch keeps, and a GiB to begin."""
    most = max((row.get("memory_mib", 0) for row in rows), default=0)
    if machine.device.type != "cuda" or not most:
        return asked
    there = torch.cuda.get_device_properties(machine.device).total_memory >> 20
    return max(1, min(asked, int(there // (1.5 * most + 1024))))


def wanted(size: str) -> list[Run]:
    """Runs that need no teacher and that the repository has no record of."""
    found: dict[Run, None] = {}
    for name, pages, seeds in WANTED[size]:
        here: dict[Run, None] = {}
        for page in pages:
            points = experiments.find(page).drawn(profile(name), None, seeds, "a")
            alone = (run.pinned() for run in experiments.runs_of(points) if run.teacher is None)
            here |= dict.fromkeys(alone)
        found |= dict.fromkeys(sorted(here, key=price.macs))
    recorded = Store(RECORDED)
    return [run for run in found if recorded.get(run) is None]


def trained(
    session: Session, runs: Sequence[Run], device: str, processes: int, speed: price.Gpu | None
) -> object:
    """Train side by side, each process the next run that can end in time; at the end they are
    stopped."""
    context = multiprocessing.get_context("spawn")
    place, news = context.Value("i", 0), context.Queue()
    if speed is not None:  # the card is shared
        speed = replace(speed, flops=speed.flops / processes)
    takes = [0.0 if speed is None else price.seconds(run, speed) for run in runs]
    shared = (list(runs), takes, place, news, session.folder / "runs", device, processes)
    members = [
        context.Process(target=_train, args=(*shared, session.end, os.getpid()), daemon=True)
        for _ in range(processes)
    ]
    for member in members:
        member.start()
    while time.time() < session.end and any(member.is_alive() for member in members):
        time.sleep(0.2)
        while not news.empty():
            session.say(news.get())
    for member in members:
        member.terminate()
        member.join(5)
    while not news.empty():
        session.say(news.get())
    done = len(list((session.folder / "runs").glob("*.json")))
    session.say(f"records: {done} of {len(runs)} runs")
    return {"records": done, "of": len(runs), "processes": processes}


def _train(
    runs: list[Run],
    takes: list[float],
    place: Any,
    news: Any,
    folder: Path,
    device: str,
    processes: int,
    end: float,
    parent: int,
) -> None:
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // processes))
    store, machine = Store(folder), this_machine(device)

    def stop_in_time(images: int) -> None:
        if time.time() > end or os.getppid() != parent:
            raise SystemExit

    while True:
        with place.get_lock():
            number = place.value
            place.value += 1
        if number >= len(runs):
            return
        run, start = runs[number], time.time()
        if start + takes[number] > end:
            news.put(f"{run.network}: {takes[number]:.0f} s do not fit")
            continue
        try:
            record = obtain(run, store, machine, stop_in_time)
        except Exception as error:  # of this run; the next may do better
            news.put(f"{run.network} on {run.data}: {' '.join(str(error).split())}")
            continue
        rate = record.curve[-1].images_per_second if record.curve else 0.0
        news.put(
            f"{run.network} on {run.data}, {run.recipe.epochs} epochs, seed {run.seed}:"
            f" {record.status}, {record.test} %, {time.time() - start:.0f} s, {rate:.0f} images/s"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what is there is packed
    options.folder.mkdir(parents=True, exist_ok=True)
    session = Session(options.minutes, options.folder)
    try:
        machine = this_machine(options.device)
    except ValueError as error:
        print(f"gpu_minutes: {error}", file=sys.stderr)
        return 2
    session.report["machine"] = environment(machine.device)
    session.say(f"{session.report['machine']['processor']}, {machine.precision}")
    try:
        session.attempt("tests", lambda: tests(session, options.device, options.tests))
        session.attempt("graphs", lambda: graphs.disagreement(machine) or "the same bits")
        agree = session.report["graphs"] == "the same bits"
        session.say(f"captured steps: {session.report['graphs']}")
        os.environ[GRAPHS] = "1" if agree else "0"
        machine = replace(machine, graphs=agree)
        session.attempt("steps", lambda: timed(session, machine, options.size))
        rows = session.report["steps"]
        rows = rows if isinstance(rows, list) else []
        speed, count = pace(rows) if rows else None, fitting(rows, machine, options.processes)
        session.attempt(
            "training",
            lambda: trained(session, wanted(options.size), options.device, count, speed),
        )
    finally:
        size = packed(session, options.out)
    print(f"{size / 2**20:.2f} MiB")
    return 0 if size <= MOST else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Turn some minutes on a GPU into records.")
    add = parser.add_argument
    add("--minutes", type=_minutes, default=10.0, help="in all, with what comes before training")
    add("--device", default="cuda", help="cuda, cuda:1, or cpu for a rehearsal")
    add("--processes", type=_processes, default=4, help="that train side by side, at most")
    add("--size", choices=tuple(WANTED), default="paper", help="tiny is for a rehearsal")
    add("--folder", type=Path, default=ROOT / "build" / "gpu-minutes", help="of what is made")
    add("--out", type=Path, default=ROOT / "build" / "gpu-minutes.tar.gz", help="the archive")
    add("--tests", nargs="*", default=["tests/learn"], help="files or folders; none: no tests")
    return parser


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.1 <= minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text} minutes: at least 0.1, at most a day")
    return minutes


def _processes(text: str) -> int:
    processes = int(text)
    if not 1 <= processes <= 64:
        raise argparse.ArgumentTypeError(f"{text} processes: 1 to 64")
    return processes


if __name__ == "__main__":
    sys.exit(main())
