"""The scripts in `examples` run as they are, in a folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deepreshape.learn.runs.store import Store
from tests.birds import birds

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(script: Path, tmp_path: Path) -> None:
    birds(tmp_path)
    arguments = ["birds", "1"] if "sys.argv" in script.read_text("utf-8") else []
    environment = {name: value for name, value in os.environ.items() if name != "DEEPRESHAPE_RUNS"}
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT / "lib")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    # What it trained is whole: each of its runs came to an end.
    records = list(Store(tmp_path / "build/runs").records())
    assert all(record.status == "done" for record in records)
    assert bool(records) == ("deepreshape.train(" in script.read_text("utf-8"))


def test_there_are_five_and_the_readme_names_their_folder() -> None:
    assert len(EXAMPLES) >= 5
    assert "`examples/`" in (ROOT / "README.md").read_text("utf-8")
