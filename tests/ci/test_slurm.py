"""Ray inside a Slurm allocation: what is started where, by stand-ins for Slurm's programs and Ray.

No Slurm is here: that it works on one was not tried.
"""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "ci" / "slurm" / "ray.sh"
STANDINS = {
    "scontrol": 'test "$*" = "show hostnames n[1-3]" && printf "n1\\nn2\\nn3\\n"',
    "srun": """
        echo "srun $*" >> calls
        while [[ ${1:-} == --* ]]; do shift; done
        exec "$@"
    """,
    "hostname": 'echo "192.0.2.7 198.51.100.2 "',
    "ray": """
        if [[ $1 == status ]]; then
          for node in $(cat up 2>/dev/null); do echo " 1 node_$node"; done
        else
          echo $$ >> pids
          [[ -e absent ]] || { case "$*" in *--head*) echo 1 ;; *) echo 2 3 ;; esac >> up; }
          [[ ! -e broken ]] || exit 1
          exec sleep 60
        fi
    """,
}


@dataclass(frozen=True)
class Ended:
    out: str
    err: str
    code: int


@pytest.fixture
def allocation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the programs of an allocation of three nodes, of 4 CPUs and 2 GPUs each."""
    for name, program in STANDINS.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{program}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for name, value in {
        "JOB_ID": "4321",
        "JOB_NODELIST": "n[1-3]",
        "CPUS_ON_NODE": "4",
        "GPUS_ON_NODE": "2",
    }.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    for name in ("RAY_ADDRESS", "RAY_PORT", "RAY", "EXECUTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAY_WAIT", "20")
    return tmp_path


def started(folder: Path, *command: str) -> Ended:
    done = subprocess.run(
        [SCRIPT, *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return Ended(done.stdout, done.stderr, done.returncode)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def running(folder: Path) -> list[int]:
    """Of the processes that stand in for Ray, those that are left after a moment."""
    pids = [int(line) for line in (folder / "pids").read_text().split()]
    deadline = time.monotonic() + 5
    while (left := [pid for pid in pids if Path(f"/proc/{pid}").exists()]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    return left


def test_it_is_a_script_of_bash() -> None:
    assert os.access(SCRIPT, os.X_OK)
    subprocess.run(["bash", "-n", SCRIPT], check=True)


def test_ray_is_started_on_the_first_node_and_then_on_the_others(allocation: Path) -> None:
    assert started(allocation, "true").code == 0
    address, head, others = calls(allocation)
    assert address == "srun --nodes=1 --ntasks=1 --nodelist=n1 hostname -I"
    assert "--nodes=1 --ntasks=1 " in head
    assert " --nodelist=n1 ray start --block --head " in head
    assert "--node-ip-address=192.0.2.7 --port=24321 --num-cpus=4 --num-gpus=2" in head
    assert "--nodes=2 --ntasks=2 " in others
    assert " --exclude=n1 ray start --block " in others
    assert "--address=192.0.2.7:24321 --num-cpus=4 --num-gpus=2" in others


def test_the_command_finds_the_cluster_and_its_status_is_the_scripts(allocation: Path) -> None:
    ended = started(allocation, "bash", "-c", 'echo "$EXECUTOR at $RAY_ADDRESS"; exit 7')
    assert (ended.out, ended.code) == ("ray at 192.0.2.7:24321\n", 7)
    assert ended.err == "ray.sh: 3 nodes at 192.0.2.7:24321\n"


def test_a_token_of_the_job_keeps_others_out(allocation: Path) -> None:
    said = [
        started(allocation, "bash", "-c", 'echo "$RAY_AUTH_MODE $RAY_AUTH_TOKEN"').out
        for _ in range(2)
    ]
    assert all(re.fullmatch(r"token [0-9a-f]{64}\n", each) for each in said)
    assert said[0] != said[1]


def test_no_node_is_left_at_work(allocation: Path) -> None:
    started(allocation, "false")
    assert len((allocation / "pids").read_text().split()) == 2
    assert running(allocation) == []


def test_a_job_on_one_node_has_a_head_alone(
    allocation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allocation / "scontrol").write_text("#!/bin/sh\necho n1\n")
    assert started(allocation, "true").code == 0
    assert len(calls(allocation)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_and_the_cluster(
    allocation: Path, number: signal.Signals
) -> None:
    """As Slurm sends one before the time is over; deepreshape ends by it with status 130."""
    program = 'trap "echo told; exit 130" TERM; touch begun; while :; do sleep 0.1; done'
    with subprocess.Popen(
        [SCRIPT, "bash", "-c", program],
        cwd=allocation,
        stdout=subprocess.PIPE,
        text=True,
        # A shell cannot trap what was ignored when it began, as in a job in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as job:
        deadline = time.monotonic() + 30
        while not (allocation / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        job.send_signal(number)
        try:
            out, _ = job.communicate(timeout=30)
        finally:
            job.kill()  # or else a failure would be waited for without end
    assert (out, job.returncode) == ("told\n", 130)
    assert running(allocation) == []


def test_nodes_that_do_not_come_are_counted(
    allocation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (allocation / "absent").touch()
    monkeypatch.setenv("RAY_WAIT", "1")
    ended = started(allocation, "touch", "begun")
    assert (ended.err, ended.code) == ("ray.sh: 0 of 3 nodes are there after 1 s\n", 2)
    assert not (allocation / "begun").exists()
    assert running(allocation) == []


def test_a_node_on_which_ray_ends_ends_the_job(allocation: Path) -> None:
    for name in ("absent", "broken"):
        (allocation / name).touch()
    ended = started(allocation, "touch", "begun")
    assert (ended.err, ended.code) == ("ray.sh: Ray ended on a node; see the lines above\n", 2)


def test_without_a_command_it_says_so(allocation: Path) -> None:
    ended = started(allocation)
    assert ended.code == 2
    assert ended.err.startswith("ray.sh: name the command to run")


def test_outside_of_an_allocation_it_says_so(
    allocation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID")
    ended = started(allocation, "true")
    assert ended.code == 2
    assert ended.err.startswith("ray.sh: this is no allocation of Slurm")


def test_without_ray_it_says_what_to_install(
    allocation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY", "no-such-ray")
    ended = started(allocation, "true")
    assert (ended.code, ended.err) == (
        2,
        "ray.sh: no-such-ray is not installed: pip install 'deepreshape[ray]'\n",
    )
