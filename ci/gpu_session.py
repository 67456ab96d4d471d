"""Minutes on a GPU (`ci/gpu_minutes.py`): how many are left, what is said, and what is kept."""

import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deepreshape.files import replacing

ROOT = Path(__file__).parents[1]
SPARE = 30.0
"""Seconds that are left of the limit at the end, or a quarter of a shorter one."""
TESTS = 0.25
"""Share of the limit that the tests may take."""
MOST = 16 * 2**20
"""Bytes of the archive."""


class Session:
    """The minutes: how many are left, and what came of them."""

    def __init__(self, minutes: float, folder: Path) -> None:
        limit = 60 * minutes
        self.begun = time.time()
        self.end = self.begun + limit - min(SPARE, limit / 4)
        self.tests_end = self.begun + TESTS * limit
        self.folder = folder
        self.report: dict[str, Any] = {"minutes": minutes}

    def say(self, line: str) -> None:
        text = f"{time.time() - self.begun:6.1f} s  {line}"
        print(text, flush=True)
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def attempt(self, name: str, part: Callable[[], object]) -> None:
        """A part of the work; what it raises is reported."""
        try:
            self.report[name] = part()
        except Exception:
            self.report[name] = {"failed": traceback.format_exc()}
            self.say(f"{name} failed: {traceback.format_exc().splitlines()[-1]}")


def tests(session: Session, device: str, names: Sequence[str]) -> object:
    """The tests of a GPU, by their last line."""
    if not names:
        return {"not run": "none were asked for"}
    lacking = [name for name in ("pytest", "hypothesis") if not importlib.util.find_spec(name)]
    if lacking:
        session.say(f"tests: not run, {' and '.join(lacking)} missing")
        return {"not run": f"{' and '.join(lacking)} missing"}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "cuda", "-p", "no:cacheprovider", *names]
    path = os.pathsep.join([str(ROOT / "lib"), os.environ.get("PYTHONPATH", "")])
    chosen = {"PYTHONPATH": path, "DEEPRESHAPE_TEST_DEVICE": device.partition(":")[0]}
    left = max(session.tests_end - time.time(), 1.0)
    with (session.folder / "tests.txt").open("w") as out:
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=os.environ | chosen, stdout=out, stderr=out, timeout=left
            )
            status: int | str = done.returncode
        except subprocess.TimeoutExpired:
            status = f"stopped after {left:.0f} s"
    lines = (session.folder / "tests.txt").read_text(errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    session.say(f"tests: {last} ({status})")
    return {"status": status, "last": last}


def packed(session: Session, archive: Path, most: int = MOST) -> int:
    """Write the archive: the report, the records, and of the logs what fits; its bytes."""
    (session.folder / "report.json").write_text(json.dumps(session.report, indent=1))
    records = sorted((session.folder / "runs").glob("*.json"))
    first = [session.folder / "report.json", *records]
    logs = [each for each in sorted(session.folder.glob("*.txt")) if each not in first]
    kept, left = [], most - 2**16
    for each in (*first, *logs):
        if each.stat().st_size <= left:  # before compression: it cannot be more
            kept.append(each)
            left -= each.stat().st_size + 1024
    with replacing(archive) as temporary, tarfile.open(temporary, "w:gz") as file:
        for each in kept:
            file.add(each, each.relative_to(session.folder).as_posix())
    session.say(f"packed {len(kept)} files in {archive}")
    return archive.stat().st_size
