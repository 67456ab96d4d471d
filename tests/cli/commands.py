"""What a command answered, and what a refusal looks like."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Answer(NamedTuple):
    """What a command printed, and how it ended."""

    out: str
    err: str
    code: int


Command = Callable[..., Answer]


def started(*arguments: str) -> Answer:
    """Runs `python -m deepreshape ARGUMENTS` as a program of its own; the limit is for hangs."""
    done = subprocess.run(
        [sys.executable, "-m", "deepreshape", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return Answer(done.stdout, done.stderr, done.returncode)


def check_refusal(answer: Answer, said: str = "") -> None:
    assert answer.out == ""
    assert answer.code == 2
    assert re.fullmatch(r"deepreshape: [^\n]+\n", answer.err)
    assert said in answer.err
    assert "Traceback" not in answer.err


def imported(*arguments: str, code: int = 0, **asked: str) -> set[str]:
    """The packages that a command imports, whole. code: how it ends. asked: of the environment."""
    program = (
        "import sys\n"
        "from deepreshape.cli import main\n"
        f"sys.argv = {['deepreshape', *arguments]!r}\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        f"    assert (end.code or 0) == {code}, end.code\n"
        "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **asked},
        timeout=60,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())
