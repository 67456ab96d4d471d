"""What a record says of its making: which code, in which state, on which processor."""

import json
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from deepreshape.learn.runs import environment as module
from deepreshape.learn.runs.environment import LIB, code_digest, environment, sources
from deepreshape.learn.training.processor import INSTRUCTIONS

CPU = torch.device("cpu")
FACTS = ("instructions", "limits", "onednn", "commit", "dirty", "code", "lock")


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    """Nothing is known from another test."""
    for facts in (module._processor, module._checkout, module._code):
        facts.cache_clear()
    yield
    for facts in (module._processor, module._checkout, module._code):
        facts.cache_clear()


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=n", "-c", "user.email=e"]
    command = ["git", "-C", str(folder), *named, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one commit in which the library lies."""
    folder = tmp_path / "checkout"
    (folder / "lib").mkdir(parents=True)
    (folder / "README").write_text("one")
    git(folder, "init", "-q")
    git(folder, "add", "README")
    git(folder, "commit", "-qm", "one")
    monkeypatch.setattr(module, "LIB", folder / "lib")
    monkeypatch.setattr(module, "code_digest", lambda lib: "")
    return folder


def test_all_facts_are_there_as_plain_json() -> None:
    found = environment(CPU)
    assert set(FACTS) <= set(found)
    assert json.loads(json.dumps(found)) == found
    assert "driver" not in found


def test_the_instruction_sets_are_known_ones() -> None:
    """Where Linux tells any."""
    found = environment(CPU)["instructions"]
    assert set(str(found or "").split()) <= set(INSTRUCTIONS)


def test_a_limit_of_the_instruction_sets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in module.LIMITS:
        monkeypatch.delenv(name, raising=False)
    assert environment(CPU)["limits"] == "none"
    module._processor.cache_clear()
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert environment(CPU)["limits"] == "ONEDNN_MAX_CPU_ISA=AVX2"


def test_a_computer_is_known_again_and_not_named() -> None:
    found = environment(CPU)["host"]
    assert re.fullmatch("[0-9a-f]{8}", str(found))
    assert found == environment(CPU)["host"]
    assert platform.node() not in json.dumps(environment(CPU))


def test_a_gpu_says_how_it_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "H200")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91300)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    properties = SimpleNamespace(total_memory=2**37)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    monkeypatch.setattr(module, "driver", lambda: "580.1")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv(module.GRAPHS, "1")
    found = environment(torch.device("cuda"))
    assert (found["cuda"], found["cudnn"], found["driver"]) == ("13.0", 91300, "580.1")
    assert (found["gpu_mib"], found["graphs"]) == (2**17, True)
    assert found["convolutions"] == "deterministic"


# The checkout


def test_a_checkout_says_its_commit(checkout: Path) -> None:
    found = environment(CPU)
    assert (found["commit"], found["dirty"]) == (git(checkout, "rev-parse", "HEAD"), False)


def test_a_checkout_that_was_changed_says_so(checkout: Path) -> None:
    (checkout / "README").write_text("two")
    assert environment(CPU)["dirty"] is True


def test_a_copy_in_anothers_repository_has_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "venv" / "lib").mkdir(parents=True)
    monkeypatch.setattr(module, "LIB", checkout / "venv" / "lib")
    found = environment(CPU)
    assert (found["commit"], found["dirty"]) == (None, None)


def test_without_git_the_commit_is_unknown(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = environment(CPU)
    assert (found["commit"], found["dirty"]) == (None, None)


# The code


def test_a_result_is_computed_by_designs_and_learning_alone() -> None:
    found = {path.relative_to(LIB / "deepreshape").as_posix() for path in sources(LIB)}
    assert {
        "learn/training/loop.py",
        "learn/training/nets.py",
        "learn/search/snl.py",
        "design/cost.py",
    } <= found
    assert {"learn/runs/price.py", "learn/runs/store.py", "learn/runs/speed.py"}.isdisjoint(found)
    assert {name.split("/")[0] for name in found if "/" in name} == {"design", "learn"}


@pytest.mark.parametrize(
    ("name", "counts"),
    [("learn/training/loop.py", True), ("design/ops.py", True), ("learn/runs/speed.py", False)],
)
def test_the_digest_of_the_code_changes_with_what_computes(
    name: str, counts: bool, tmp_path: Path
) -> None:
    lib = Path(shutil.copytree(LIB, tmp_path / "lib"))
    before = code_digest(lib)
    assert before == code_digest(LIB)
    with (lib / "deepreshape" / name).open("a") as file:
        file.write("CHANGED = 1\n")
    assert (code_digest(lib) != before) is counts
