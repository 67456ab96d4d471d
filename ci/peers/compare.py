"""SecretFlow SPU beside this library: one network, one machine, one run.

    python ci/peers/compare.py [ROUNDS [IMAGES]]

HRN-2x5x3x(m=8), culled and thinned, with random weights. In each round the systems take turns: this
library, then SPU under each of `PROTOCOLS`, each with two processes over the loopback address and
the same images. The environment of SPU is made in `build/peers` once (PYTHON names its Python,
3.11). The record goes to `data/latency/peers.json`; logits that are not those of the network in
floating point, up to fixed point, end the run without one.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import deepreshape
from deepreshape.design import parse
from deepreshape.design.ops import IMAGE, Add, Pool
from deepreshape.learn.training import processor
from deepreshape.private.packings import TITLES
from deepreshape.private.peers import OURS, PEERS, Passes, Peers, write
from deepreshape.private.program.drawn import random_arrays, random_model
from deepreshape.private.program.folding import Activation, Affine, Floats, Node, fold
from deepreshape.private.program.model import Model
from deepreshape.private.program.quantise import run
from deepreshape.private.sessions import both

NETWORK = "HRN-2x5x3x(m=8)-C1-T234"
PACKING = "coefficients"
PROTOCOLS = ("SEMI2K", "CHEETAH")
SEED = 0
FAR = 0.02
"""Of the largest logit, how far fixed point may move one."""
HERE = Path(__file__).parent
HOME = Path("build") / "peers"


@dataclass(frozen=True, slots=True)
class Session:
    """Seconds and bytes of each image of a session, in order. ready_s: before any image."""

    ready_s: float
    seconds: Sequence[float]
    online: Sequence[float] | None
    up: Sequence[int]
    down: Sequence[int]
    logits: Floats


def main(rounds: int = 1, count: int = 2) -> int:
    if rounds < 1 or count < 2:
        print(
            "rounds: at least 1; images: at least 2, the first pays for a session", file=sys.stderr
        )
        return 2
    python = environment()
    network = parse(NETWORK)
    nodes = fold(network, random_arrays(network, np.random.default_rng(SEED)), {})
    model = random_model(network, np.random.default_rng(SEED))
    program = model.program
    side = network.resolution
    images = np.random.default_rng(1).integers(0, 256, (count, side, side, 3), np.uint8)
    pixels = ((images - np.asarray(program.mean)) / np.asarray(program.std)).transpose(0, 3, 1, 2)
    *_, (_, last) = run(nodes, pixels)
    expected = last.reshape(count, -1)
    sessions: dict[tuple[str, str], list[Session]] = {}
    versions = {OURS: deepreshape.__version__}
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder), nodes, pixels)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            sessions.setdefault((OURS, TITLES[PACKING]), []).append(ours(model, images))
            for protocol in PROTOCOLS:
                found, told = theirs(python, Path(folder), protocol)
                sessions.setdefault(("SPU", protocol), []).append(found)
                versions |= told
    passes = tuple(summed(*name, each, expected) for name, each in sessions.items())
    for row in passes:
        print(line(row))
    if far := [row.protocol for row in passes if row.difference > FAR]:
        print(f"the logits are not those of the network: {', '.join(far)}", file=sys.stderr)
        return 1
    today = datetime.now(UTC).date().isoformat()
    write(
        PEERS,
        Peers(
            *(processor.name(), today, NETWORK, program.relus, rounds, count),
            *(versions, passes),
        ),
    )
    return 0


def environment() -> Path:
    """The Python of SPU's environment, made where the pins have changed or it is not there."""
    pins = HERE / "requirements.txt"
    stamp = HOME / hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    venv = HOME / "venv"
    python = venv / "bin" / "python"
    if not stamp.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        named = os.environ.get("PYTHON") or "python3.11"
        subprocess.run([named, "-m", "venv", "--clear", str(venv)], check=True)
        install = ("-m", "pip", "install", "--quiet", "--requirement", str(pins))
        subprocess.run([str(python), *install], check=True)
        stamp.touch()
    return python


def export(folder: Path, nodes: Sequence[Node], pixels: Floats) -> None:
    """Write the folded network and the images (n, channels, height, width) for `spu_pass.py`."""
    arrays = {"images": pixels}
    for node in nodes:
        if isinstance(node.op, Affine):
            arrays |= {f"{node.name}.weight": node.op.weights, f"{node.name}.bias": node.op.bias}
    np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
    text = json.dumps([described(node) for node in nodes])
    (folder / "graph.json").write_text(text, encoding="utf-8")


def described(node: Node) -> dict[str, Any]:
    """An operation in plain words. Raises ValueError for one that SPU's side does not have."""
    inputs = ["image" if name == IMAGE else name for name in node.inputs]
    told: dict[str, Any] = {"name": node.name, "inputs": inputs}
    match node.op:
        case Affine(layer) if layer.groups == 1:
            return told | {"op": "affine", "kernel": layer.kernel, "stride": layer.stride}
        case Activation(None):
            return told | {"op": "relu"}
        case Add():
            return told | {"op": "add"}
        case Pool(size):
            return told | {"op": "mean", "size": size}
        case other:
            raise ValueError(f"{node.name}: {type(other).__name__} is not compared")


def ours(model: Model, images: Any) -> Session:
    """A session of this library, and one of a single image to tell what sets a session up."""
    found = both(model, PACKING, lambda program: list(images)).outcome
    ready = both(model, PACKING, lambda program: [])
    start, whole = ready.outcome.traffic.total(), found.traffic.total()
    up, down = (
        [(all_of - once) // len(images) for _ in images]
        for all_of, once in ((whole.sent, start.sent), (whole.received, start.received))
    )
    up[0] += start.sent
    down[0] += start.received
    logits = np.stack([each.logits * found.program.logit for each in found.images])
    seconds = [each.offline + each.online for each in found.images]
    return Session(ready.ready, seconds, [each.online for each in found.images], up, down, logits)


def theirs(python: Path, folder: Path, protocol: str) -> tuple[Session, dict[str, str]]:
    """A session of SPU, and the versions that ran."""
    script = HERE / "spu_pass.py"
    subprocess.run([str(python), str(script), str(folder), protocol], check=True)
    found = json.loads((folder / f"{protocol}.json").read_text(encoding="utf-8"))
    session = Session(
        *(found["ready_s"], found["seconds"], None, found["up"], found["down"]),
        np.asarray(found["logits"]),
    )
    return session, found["versions"]


def summed(system: str, protocol: str, sessions: Sequence[Session], expected: Floats) -> Passes:
    """The medians of sessions. expected: the logits (images, classes) in floating point."""
    apart = max(float(np.abs(each.logits - expected).max()) for each in sessions)
    online = [took for each in sessions for took in (each.online or ())[1:]]
    return Passes(
        system,
        protocol,
        ready_s=round(median(each.ready_s for each in sessions), 3),
        first_s=round(median(each.seconds[0] for each in sessions), 3),
        first_bytes=int(median(each.up[0] + each.down[0] for each in sessions)),
        each_s=round(median(took for each in sessions for took in each.seconds[1:]), 3),
        online_s=round(median(online), 3) if online else None,
        up_bytes=int(median(sent for each in sessions for sent in each.up[1:])),
        down_bytes=int(median(sent for each in sessions for sent in each.down[1:])),
        difference=float(f"{apart / np.abs(expected).max():.2g}"),
    )


def line(row: Passes) -> str:
    return (
        f"{row.system} {row.protocol}: ready {row.ready_s:.1f} s; first image {row.first_s:.1f} s,"
        f" {row.first_bytes / 1e6:.0f} MB; each after it {row.each_s:.1f} s,"
        f" {row.up_bytes / 1e6:.1f} MB up, {row.down_bytes / 1e6:.1f} MB down;"
        f" logits within {row.difference:.1e} of the largest"
    )


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
