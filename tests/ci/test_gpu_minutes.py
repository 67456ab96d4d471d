"""Minutes on a GPU, rehearsed on a CPU: what is made, kept and said, and when it ends."""

import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ci import gpu_minutes, gpu_session
from ci.gpu_session import Session, packed
from deepreshape.design import parse
from deepreshape.learn.runs import price
from deepreshape.learn.runs.record import read
from deepreshape.learn.training.machine import GRAPHS, Machine

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
ABSENT = ("seal", "mlxtend", "platformdirs", "pytest", "hypothesis")
CPU = Machine(torch.device("cpu"), "float32")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(1.0, tmp_path)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv(GRAPHS, "0")
    yield
    torch.set_num_threads(before)


def members(archive: Path) -> list[str]:
    with tarfile.open(archive) as file:
        return file.getnames()


def test_a_rehearsal_gives_records_in_one_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(gpu_minutes.TIMED, "tiny", ("ResNet18(m=1)",))
    monkeypatch.setitem(gpu_minutes.STEPS, "tiny", 1)
    folder, out = tmp_path / "made", tmp_path / "out" / "minutes.tar.gz"
    where = ["--folder", str(folder), "--out", str(out), "--tests"]
    asked = ["--minutes", "10", "--device", "cpu", "--size", "tiny", "--processes", "1", *where]
    assert gpu_minutes.main(asked) == 0
    report = json.loads((folder / "report.json").read_text())
    assert report["graphs"] == "the same bits"
    assert [row["graphs"] for row in report["steps"]] == [False, True]
    records = [read(path) for path in (folder / "runs").glob("*.json")]
    assert len(records) == report["training"]["of"] == report["training"]["records"] > 2
    assert {record and record.status for record in records} == {"done"}
    kept = {f"runs/{record.key}.json" for record in records if record}
    assert set(members(out)) == {"report.json", "log.txt", *kept}
    assert "ResNet18(m=1), captured" in capsys.readouterr().out
    assert out.stat().st_size < gpu_session.MOST


def test_a_bare_machine_can_import_it(tmp_path: Path) -> None:
    code = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({ABSENT!r}))
made = runpy.run_path("ci/gpu_minutes.py", run_name="imported")
from deepreshape.learn.tensor_files import cache_folder
print(len(made["wanted"]("paper")), cache_folder())
print(made["tests"](made["Session"](1, made["Path"]({str(tmp_path)!r})), "cpu", ["tests"]))
"""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert f" {tmp_path}/.cache/deepreshape" in found.stdout
    assert "pytest and hypothesis missing" in found.stdout


def test_the_most_valuable_runs_come_first_and_need_no_teacher() -> None:
    runs = gpu_minutes.wanted("paper")
    assert all(run.teacher is None and run.search is None for run in runs)
    assert len(runs) == len(set(runs)) > 50
    first = [run for run in runs if run.recipe.epochs == 200 and run.seed == 1]
    assert runs[: len(first)] == first == sorted(first, key=price.macs)


def test_runs_that_do_not_fit_are_left_out(session: Session) -> None:
    run = gpu_minutes.wanted("tiny")[0]
    found = gpu_minutes.trained(session, [run], "cpu", 1, price.Gpu("slow", 1.0, 0.0))
    assert found == {"records": 0, "of": 1, "processes": 1}
    assert "do not fit" in (session.folder / "log.txt").read_text()


def test_at_the_end_of_the_time_nobody_trains_any_more(session: Session) -> None:
    some = gpu_minutes.wanted("tiny")[0]
    endless = replace(some, recipe=replace(some.recipe, epochs=1_000_000))
    session.end = time.time() + 1
    found = gpu_minutes.trained(session, [endless], "cpu", 1, None)
    assert found == {"records": 0, "of": 1, "processes": 1}
    assert time.time() < session.end + 10


def test_a_part_that_fails_is_reported(session: Session) -> None:
    def fails() -> None:
        raise RuntimeError("no such card")

    session.attempt("steps", fails)
    assert "no such card" in session.report["steps"]["failed"]
    assert "steps failed: RuntimeError: no such card" in (session.folder / "log.txt").read_text()


@pytest.mark.parametrize(("minutes", "seconds"), [(10, 570), (1, 45)])
def test_half_a_minute_is_left(tmp_path: Path, minutes: int, seconds: int) -> None:
    session = Session(minutes, tmp_path)
    assert session.end - session.begun == pytest.approx(seconds)


def test_an_archive_keeps_records_before_logs(session: Session, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.json").write_text("x" * 1000)
    (tmp_path / "log.txt").write_text("y" * 100_000)
    most = 2**16 + 10_000
    assert packed(session, tmp_path / "out.tar.gz", most) <= most
    assert members(tmp_path / "out.tar.gz") == ["report.json", "runs/a.json"]


def test_what_runs_take_follows_from_the_fastest_steps() -> None:
    rows = [
        {"network": "ResNet20", "images_per_second": 1280.0, "macs": 3e9},
        {"network": "ResNet18", "images_per_second": 128.0, "macs": 9e9},
    ]
    found = gpu_minutes.pace(rows)
    assert found.flops == 18e9
    assert found.launch == pytest.approx(0.1 / price.size(parse("ResNet20", 32, 100)).layers)


@pytest.mark.parametrize(("memory", "expected"), [(20_000, 4), (60_000, 1), (40_000, 2), (0, 4)])
def test_as_many_processes_as_the_card_has_memory_for(
    monkeypatch: pytest.MonkeyPatch, memory: int, expected: int
) -> None:
    class Properties:
        total_memory = 139 * 2**30

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Properties)
    gpu = Machine(torch.device("cuda"), "bfloat16")
    assert gpu_minutes.fitting([{"memory_mib": memory}], gpu, 4) == expected
    assert gpu_minutes.fitting([{"memory_mib": memory}], CPU, 4) == 4


@pytest.mark.parametrize(
    "arguments",
    [["--minutes", "0"], ["--minutes", "x"], ["--minutes", "nan"], ["--processes", "0"]],
)
def test_bad_input_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        gpu_minutes.main(arguments)
    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_minutes.main(["--folder", str(tmp_path)]) == 2
    assert "no CUDA device" in capsys.readouterr().err
