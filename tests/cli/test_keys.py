"""`deepreshape keys`, and what `serve` and `classify` do without them."""

import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deepreshape.places import DATA
from tests.cli.commands import Command, check_refusal

PAGE = (Path(__file__).parents[2] / "book" / "private.md").read_text(encoding="utf-8")
DIGITS = str(DATA / "models" / "digits.safetensors")


@pytest.fixture
def folder(call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys of a server and a client, and the list that has the client."""
    monkeypatch.chdir(tmp_path)
    for name in ("server", "alice"):
        assert call("keys", "make", name).code == 0
    assert call("keys", "allow", "clients.db", "alice.pub", "--queries", "1000").code == 0
    return tmp_path


def test_a_key_is_two_files(call: Command, tmp_path: Path) -> None:
    answer = call("keys", "make", "alice", "--folder", str(tmp_path / "new"))
    assert answer.code == 0
    assert "alice.key: keep it" in answer.out and "alice.pub: give it" in answer.out
    assert stat.S_IMODE((tmp_path / "new" / "alice.key").stat().st_mode) == 0o600
    check_refusal(call("keys", "make", "alice", "--folder", str(tmp_path / "new")), "is there")


def test_a_client_is_listed_and_removed(call: Command, folder: Path) -> None:
    call("keys", "allow", "clients.db", "alice.pub", "--queries", "5", "--per-minute", "2")
    (row,) = json.loads(call("keys", "list", "clients.db", "--json").out)["clients"]
    assert (row["name"], row["queries"], row["a minute"], row["asked"]) == ("alice", 5, 2, 0)
    assert row["fingerprint"] in call("keys", "list", "clients.db").out
    assert call("keys", "remove", "clients.db", "--name", "alice").code == 0
    assert json.loads(call("keys", "list", "clients.db", "--json").out) == {"clients": []}


def test_a_fingerprint_is_the_same_on_both_sides(call: Command, tmp_path: Path) -> None:
    made = call("keys", "make", "alice", "--folder", str(tmp_path)).out
    listed = call(
        *("keys", "allow", str(tmp_path / "c.db"), str(tmp_path / "alice.pub"), "--queries", "1")
    ).out
    assert made.splitlines()[-1] == listed.splitlines()[-1]


@pytest.mark.parametrize("host", ["::", "0.0.0.0", "192.0.2.1", "::ffff:192.0.2.1"])
def test_a_server_that_others_can_reach_needs_keys(host: str, call: Command) -> None:
    answer = call("serve", DIGITS, "--host", host)
    check_refusal(answer, "is not only this machine: it takes --key and --clients")


def test_a_client_of_another_machine_needs_keys(call: Command) -> None:
    answer = call("classify", "a.png", "--server", "192.0.2.1:9000")
    check_refusal(answer, "192.0.2.1:9000 is not only this machine: it takes --key and --trust")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--key server.key", "--key and --clients need each other"),
        ("--clients clients.db", "--key and --clients need each other"),
        ("--key server.key --clients clients.db --insecure", "exclude each other"),
        ("--key none.key --clients clients.db", "none.key is not there"),
        ("--key server.pub --clients clients.db", "server.pub is no key"),
        ("--key server.key --clients none.db", "none.db is not there"),
        ("--key server.key --clients server.pub", "server.pub is no list of clients"),
    ],
)
def test_what_a_server_cannot_take_is_one_line(
    options: str, says: str, call: Command, folder: Path
) -> None:
    check_refusal(call("serve", DIGITS, *options.split()), says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--key alice.key", "--key and --trust need each other"),
        ("--key alice.key --trust server.pub --insecure", "exclude each other"),
        ("--key alice.key --trust none.pub", "none.pub is not there"),
        ("--key alice.key --trust clients.db", "clients.db holds no certificate"),
    ],
)
def test_what_a_client_cannot_take_is_one_line(
    options: str, says: str, call: Command, folder: Path
) -> None:
    check_refusal(call("classify", "a.png", "--server", "127.0.0.1:9", *options.split()), says)


def test_a_budget_is_a_number(call: Command, folder: Path) -> None:
    for value in ("-1", "many"):
        check_refusal(call("keys", "allow", "clients.db", "alice.pub", "--queries", value))
    check_refusal(call("keys", "allow", "clients.db", "alice.pub"), "--queries")


def test_the_steps_of_the_page_serve_a_client_elsewhere(
    call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand there, but for the net, the image and the addresses."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("cat.png")
    (steps,) = re.findall(r"## On two machines\n.*?```sh\n(.*?)```", PAGE, re.S)
    make, other, allow, serve, classify, listed = (
        shlex.split(line, comments=True)[1:] for line in steps.replace("\\\n", "").splitlines()
    )
    for line in (make, other, allow):
        assert call(*line).code == 0
    serve[1] = DIGITS
    serve[serve.index("--host") + 1] = "0.0.0.0"
    serve[serve.index("--port") + 1] = "0"
    command = [sys.executable, "-m", "deepreshape", *serve]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().rpartition(":")[2].strip()
        classify[classify.index("--server") + 1] = f"127.0.0.1:{port}"
        answer = call(*classify)
        process.terminate()
    assert answer.code == 0, answer.err
    (row,) = json.loads(call(*listed, "--json").out)["clients"]
    assert (row["name"], row["queries"], row["asked"]) == ("alice", 1000, 1)
    assert " alice from 127.0.0.1: 1 queries, " in Path("server.log").read_text()
