"""Classify images with SecretFlow SPU, by two processes over the loopback address.

    python ci/peers/spu_pass.py FOLDER PROTOCOL

It runs in the environment of `requirements.txt`. FOLDER has `graph.json`, a list of operations, and
`arrays.npz`, their weights and the images; PROTOCOL is SEMI2K or CHEETAH. Weights and images are
shared before anything is timed. `FOLDER/PROTOCOL.json` gets the logits, and seconds and bytes of
each image: what SPU's own statistics say that each party sent.
"""

import json
import multiprocessing
import os
import re
import socket
import sys
from collections.abc import Mapping
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import spu
from spu import libspu
from spu.utils import frontend

SERVER, CLIENT = 0, 1
PATIENCE_MS = 600_000
SENT = re.compile(r"Link details: total send bytes (\d+)")

Graph = list[dict[str, Any]]


def main(folder: Path, protocol: str) -> None:
    arrays = dict(np.load(folder / "arrays.npz"))
    images = arrays.pop("images").astype(np.float32)
    shares = spu.Io(2, configured(protocol))
    weights = {name: shared(shares, each.astype(np.float32)) for name, each in arrays.items()}
    shown = [shared(shares, image[None]) for image in images]
    context = multiprocessing.get_context("spawn")
    told: Queue[Any] = context.Queue()
    addresses = free_addresses()
    parties = [
        context.Process(
            target=party,
            args=(
                *(rank, folder, protocol, addresses),
                {name: parts[rank] for name, parts in weights.items()},
                [parts[rank] for parts in shown],
                told,
            ),
        )
        for rank in (SERVER, CLIENT)
    ]
    try:
        for process in parties:
            process.start()
        found: dict[int, Any] = {}
        while len(found) < len(parties):
            try:
                rank, told_by = told.get(timeout=1.0)
                found[rank] = told_by
            except Empty:
                if any(process.exitcode for process in parties):
                    raise SystemExit(log(folder, SERVER).read_text(errors="replace")) from None
        for process in parties:
            process.join(60)
    finally:
        for process in parties:
            process.terminate()
    sent = [list(map(int, SENT.findall(log(folder, rank).read_text()))) for rank in (0, 1)]
    if [len(each) for each in sent] != [len(images)] * 2:
        raise SystemExit(f"SPU told the bytes of {len(sent[0])} of {len(images)} images")
    logits = [
        shares.reconstruct([libspu_share(found[rank]["logits"][at]) for rank in (0, 1)])
        for at in range(len(images))
    ]
    report = {
        "ready_s": found[CLIENT]["compiled"],
        "seconds": found[CLIENT]["seconds"],
        "up": sent[CLIENT],
        "down": sent[SERVER],
        "logits": [each.reshape(-1).tolist() for each in logits],
        "versions": {"spu": spu.__version__, "jax": jax.__version__},
    }
    (folder / f"{protocol}.json").write_text(json.dumps(report), encoding="utf-8")


def configured(protocol: str) -> libspu.RuntimeConfig:
    """A ring of 64 bits with 18 bits of fraction. The profile tells what was sent."""
    config = libspu.RuntimeConfig(
        protocol=getattr(libspu.ProtocolKind, protocol),
        field=libspu.FieldType.FM64,
        fxp_fraction_bits=18,
    )
    config.enable_pphlo_profile = True
    return config


def shared(shares: spu.Io, array: Any) -> list[tuple[bytes, list[bytes]]]:
    """An array as a share for each party, to be handed to another process."""
    parts = shares.make_shares(array, libspu.Visibility.VIS_SECRET)
    return [(part.meta, list(part.share_chunks)) for part in parts]


def libspu_share(part: tuple[bytes, list[bytes]]) -> libspu.Share:
    found = libspu.Share()
    found.meta, found.share_chunks = part
    return found


def free_addresses() -> list[str]:
    socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    found = [f"127.0.0.1:{sock.getsockname()[1]}" for sock in socks]
    for sock in socks:
        sock.close()
    return found


def log(folder: Path, rank: int) -> Path:
    return folder / f"party{rank}.log"


def party(
    rank: int,
    folder: Path,
    protocol: str,
    addresses: list[str],
    weights: dict[str, Any],
    images: list[Any],
    told: "Queue[Any]",
) -> None:
    """One of the two: compile, then classify every image in one session."""
    with log(folder, rank).open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    graph: Graph = json.loads((folder / "graph.json").read_text(encoding="utf-8"))
    arrays = np.load(folder / "arrays.npz")
    values = {name: arrays[name].astype(np.float32) for name in weights}
    image = arrays["images"][:1].astype(np.float32)
    start = perf_counter()
    executable, _ = frontend.compile(
        frontend.Kind.JAX,
        lambda image, *given: logits(graph, dict(zip(values, given, strict=True)), image),
        (image, *values.values()),
        {},
        ["image", *values],
        [libspu.Visibility.VIS_SECRET] * (1 + len(values)),
        lambda outputs: ["logits"],
    )
    compiled = perf_counter() - start
    link = libspu.link.Desc()
    link.recv_timeout_ms = PATIENCE_MS
    for number, address in enumerate(addresses):
        link.add_party(f"party{number}", address)
    context = libspu.link.create_brpc(link, rank)
    runtime = spu.Runtime(context, configured(protocol))
    for name, part in weights.items():
        runtime.set_var(name, libspu_share(part))
    seconds, found = [], []
    for part in images:
        runtime.set_var("image", libspu_share(part))
        context.barrier()
        start = perf_counter()
        runtime.run(executable)
        seconds.append(perf_counter() - start)
        share = runtime.get_var("logits")
        found.append((share.meta, list(share.share_chunks)))
    told.put((rank, {"compiled": compiled, "seconds": seconds, "logits": found}))
    context.stop_link()


def logits(graph: Graph, weights: Mapping[str, Any], image: Any) -> Any:
    """The logits of images (n, channels, height, width): the graph, operation by operation."""
    values, last = {"image": image}, image
    for node in graph:
        inputs = [values[name] for name in node["inputs"]]
        match node["op"]:
            case "affine":
                name, border = node["name"], node["kernel"] // 2
                last = jax.lax.conv_general_dilated(
                    inputs[0],
                    weights[f"{name}.weight"],
                    (node["stride"],) * 2,
                    ((border, border),) * 2,
                )
                last = last + weights[f"{name}.bias"].reshape(1, -1, 1, 1)
            case "relu":
                last = jnp.maximum(inputs[0], 0)
            case "add":
                last = sum(inputs[1:], inputs[0])
            case "mean":
                n, channels, height, width = inputs[0].shape
                size = node["size"] or height
                cut = (n, channels, height // size, size, width // size, size)
                last = inputs[0].reshape(cut).mean((3, 5))
            case other:
                raise SystemExit(f"no operation {other}")
        values[node["name"]] = last
    return last


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
