"""Make the virtual environment from the pinned files: `python ci/setup.py VENV STAMP [PYTHON]`.

Both paths start at the project's root. STAMP, a file `ready-...` in VENV, is written at the very
end: without it nothing in VENV is trusted. It holds PYTHON, the interpreter as the user named it.

Standard library only, since nothing is installed yet. And only syntax that Python 3.6 reads
(hence the quoted annotations), so that an old interpreter gets a sentence, not a SyntaxError.
"""

import errno
import fcntl
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# The pins resolve for these and what lies between.
OLDEST, NEWEST = (3, 11), (3, 14)

ROOT = Path(__file__).resolve().parent.parent
LOG = Path("build", "setup.log")

# Its presence says that the folder is ours to empty; its lock, that somebody is at work there.
LOCK = "setup.lock"
DOWNLOADS = "tmp"  # pip's, inside VENV: a /tmp in memory is often too small for torch

# Measured on Linux, where torch brings CUDA: 6.7 GB installed, 3.3 GB of wheels. pip keeps the
# wheels until all are installed, and a second copy in its cache. Elsewhere, an estimate.
GB = 1e9
INSTALLED, WHEELS = (7.0 * GB, 3.5 * GB) if sys.platform == "linux" else (2.0 * GB, 0.5 * GB)
NEEDED = INSTALLED + WHEELS

NO_SPACE = ("No space left on device", "Disk quota exceeded")
NO_NETWORK = (
    "ConnectTimeoutError",
    "ConnectionResetError",
    "Max retries exceeded",
    "NameResolutionError",
    "NewConnectionError",
    "ProtocolError",
    "ProxyError",
    "ReadTimeoutError",
    "SSLError",
)


class Problem(Exception):
    """What is wrong and what to do about it, in one line."""


def main(arguments: "Sequence[str]") -> int:
    """Set up VENV; return the exit status."""
    if not 2 <= len(arguments) <= 3:
        print("usage: python ci/setup.py VENV STAMP [PYTHON]", file=sys.stderr)
        return 2
    venv, stamp = Path(arguments[0]), Path(arguments[1])
    python = arguments[2] if len(arguments) == 3 else sys.executable
    # A stopped make sends SIGTERM: end as for Ctrl-C, and take pip along.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.chdir(str(ROOT))
    try:
        check_python(sys.version_info[:2], python)
        check_venv_module(python)
        with locked(venv) as lock:
            if not stamp.exists():  # another set-up may have made it while this one waited
                install(venv, stamp, python, lock)
    except Problem as problem:
        return fail(str(problem), 1)
    except KeyboardInterrupt:
        return fail("interrupted; the next call starts afresh", 130)
    except OSError as error:
        return fail(explain_error(error, venv), 1)
    return 0


def fail(line: str, status: int) -> int:
    print("set-up: " + line, file=sys.stderr)
    return status


def say(line: str) -> None:
    print(line, flush=True)


def check_python(version: "tuple[int, int]", python: str) -> None:
    if not OLDEST <= version <= NEWEST:
        raise Problem(
            f"{python} is Python {version[0]}.{version[1]}, and the pinned packages need "
            f"{dotted(OLDEST)} to {dotted(NEWEST)}; "
            f"name one with PYTHON=, e.g. make setup PYTHON=/usr/bin/python{dotted(NEWEST)}"
        )


def dotted(version: "tuple[int, ...]") -> str:
    return ".".join(str(part) for part in version)


def check_venv_module(python: str) -> None:
    # Debian and Ubuntu ship ensurepip apart from the interpreter.
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        raise Problem(
            f"{python} cannot make virtual environments (no ensurepip); "
            f"install it (Debian, Ubuntu: apt-get install python{dotted(sys.version_info[:2])}"
            "-venv) or name another PYTHON="
        )


@contextmanager
def locked(venv: Path) -> "Iterator[int]":
    """Hold VENV's lock, waiting for a set-up that has it; yield the lock's file descriptor."""
    lock = venv / LOCK
    if venv.exists() and any(venv.iterdir()) and not lock.exists():
        raise Problem(
            f"{venv} exists, and this set-up did not make it; "
            "remove it, name another folder with VENV=, or activate it and use VENV=none"
        )
    venv.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another set-up of {venv} is under way: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def install(venv: Path, stamp: Path, python: str, lock: int) -> None:
    """Bring VENV to the pinned versions, then write STAMP."""
    start = time.monotonic()
    options = prepare(venv, python)
    pip = [str(venv / "bin" / "python"), "-I", "-m", "pip"]
    fetch = [*pip, "install", *options, "--no-input", "--progress-bar=off"]
    with open_log() as log:
        steps = Steps(log, lock, venv / DOWNLOADS)
        if not (venv / "pyvenv.cfg").exists():
            steps.run("python -m venv", [sys.executable, "-m", "venv", str(venv)])
        # setuptools first: with it the library is built as the pins say, where an isolated build
        # would fetch its own. It also tells soon whether the network is there.
        steps.run("pip install", [*fetch, "-c", "requirements-lock.txt", "setuptools"])
        steps.run("pip install", [*fetch, "--no-build-isolation", "-r", "requirements.txt"])
        steps.run("pip check", [*pip, "check"])
    shutil.rmtree(str(venv / DOWNLOADS))
    write_whole(stamp, python + "\n")
    say(f"ready: {venv} ({time.monotonic() - start:.0f} s)")


def prepare(venv: Path, python: str) -> "list[str]":
    """Keep VENV if it is complete, else empty it; remove its stamp; return options for pip."""
    options = []
    named = f"{python} (Python {dotted(sys.version_info[:3])})"
    if complete(venv):
        say(f"updating {venv} with {named} (log: {LOG})")
        remove_stamps(venv)
    else:
        empty(venv)
        free = shutil.disk_usage(str(venv)).free
        check_space(free, venv)
        if free < NEEDED + WHEELS:
            options = ["--no-cache-dir"]
        size = f"{INSTALLED / GB:.0f} GB, some minutes, once"
        say(f"setting up {venv} with {named}: {size} (log: {LOG})")
    (venv / DOWNLOADS).mkdir(exist_ok=True)
    return options


def complete(venv: Path) -> bool:
    """Whether VENV was finished once, stands where it was made, and on this same interpreter."""
    if not any(venv.glob("ready-*")):
        return False
    made_by = f"command = {sys.executable} -m venv {venv.absolute()}\n"
    config = venv / "pyvenv.cfg"
    return config.exists() and made_by in config.read_text()


def remove_stamps(venv: Path) -> None:
    for stamp in venv.glob("ready-*"):
        stamp.unlink()


def empty(venv: Path) -> None:
    """Remove all of VENV but its lock, the stamps first: a half-emptied folder has none."""
    remove_stamps(venv)
    for entry in venv.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(str(entry))
        elif entry.name != LOCK:
            entry.unlink()


def check_space(free: int, venv: Path) -> None:
    if free < NEEDED:
        raise Problem(
            f"the disk of {venv} has {free / GB:.1f} GB free, and set-up needs about "
            f"{NEEDED / GB:.0f}; free some, or put the environment elsewhere with VENV="
        )


def open_log() -> "IO[str]":
    LOG.parent.mkdir(exist_ok=True)
    return LOG.open("w")


class Steps:
    """Commands run one by one, their output in the log."""

    def __init__(self, log: "IO[str]", lock: int, tmp: Path) -> None:
        self.log = log
        self.lock = lock
        self.environment = dict(
            os.environ, TMPDIR=str(tmp.absolute()), PIP_DISABLE_PIP_VERSION_CHECK="1", NO_COLOR="1"
        )

    def run(self, name: str, command: "Sequence[str]") -> None:
        """Run one command; raise Problem if it fails."""
        print("$", *command, file=self.log, flush=True)
        # The child keeps the lock, so that it cannot outlive a killed set-up unnoticed.
        status = subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            pass_fds=(self.lock,),
        ).returncode
        if status != 0:
            raise Problem(explain_output(name, LOG.read_text(errors="replace")))


def explain_output(name: str, output: str) -> str:
    """The one line for a command that failed, from what it printed."""
    end = "\n".join(output.splitlines()[-40:])
    if any(sign in end for sign in NO_SPACE):
        return f"the disk is full; free some space and try again (log: {LOG})"
    if any(sign in end for sign in NO_NETWORK):
        return (
            "pip cannot reach the package index; "
            f"check the network or pip's proxy and index settings, then try again (log: {LOG})"
        )
    errors = [line for line in output.splitlines() if line.upper().startswith("ERROR:")]
    reason = f" ({errors[-1][len('ERROR:') :].strip()})" if errors else ""
    return f"{name} failed{reason}; read the end of {LOG}, then try again"


def explain_error(error: OSError, venv: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; free some space and try again"
    return f"cannot write {error.filename or venv}: {error.strerror}"


def write_whole(path: Path, text: str) -> None:
    """Write a file that is either whole or not there."""
    new = path.with_name("." + path.name)
    new.write_text(text)
    new.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
