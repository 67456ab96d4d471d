"""The list of clients: what each may ask is counted once, whoever asks at once or is killed."""

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from deepreshape.private import clients as module
from deepreshape.private.clients import Clients, Overdrawn
from tests.private.wire.locks import certificate

ALICE, BOB = certificate("alice"), certificate("bob")
MANY = 10**6


@pytest.fixture
def clients(tmp_path: Path) -> Clients:
    return Clients(tmp_path / "clients.db")


def asked(clients: Clients) -> dict[str, int]:
    return {each.certificate.name: each.asked for each in clients.listed()}


def charged(clients: Clients, most: int) -> int:
    """How many queries of so many are charged before one is refused."""
    for number in range(most):
        try:
            clients.charge(ALICE.fingerprint)
        except Overdrawn:
            return number
    return most


def test_a_budget_is_spent_and_no_more(clients: Clients) -> None:
    clients.allow(ALICE, 3, MANY)
    clients.allow(BOB, 3, MANY)
    assert charged(clients, 5) == 3
    with pytest.raises(Overdrawn, match="the budget of 3 queries is used up"):
        clients.check(ALICE.fingerprint)
    clients.check(BOB.fingerprint)
    assert asked(clients) == {"alice": 3, "bob": 0}


def test_a_budget_is_kept_in_the_file(clients: Clients) -> None:
    clients.allow(ALICE, 3, MANY)
    charged(clients, 2)
    assert charged(Clients(clients.path), 5) == 1


def test_a_budget_of_none_answers_nothing(clients: Clients) -> None:
    clients.allow(ALICE, 0, MANY)
    assert charged(clients, 1) == 0


def test_two_processes_share_a_budget(clients: Clients) -> None:
    clients.allow(ALICE, 25, MANY)
    context = multiprocessing.get_context("fork")
    counts = context.Array("i", 2)

    def ask(number: int) -> None:
        counts[number] = charged(clients, 20)

    processes = [context.Process(target=ask, args=(number,)) for number in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert sum(counts) == 25
    assert asked(clients) == {"alice": 25}


def test_a_process_that_is_killed_gives_nothing_back_and_locks_nobody_out(
    clients: Clients,
) -> None:
    """It dies between charges or in one; each that it was told of is in the file."""
    clients.allow(ALICE, MANY, MANY)
    context = multiprocessing.get_context("fork")
    told = context.Value("i", 0)

    def ask() -> None:
        while True:
            clients.charge(ALICE.fingerprint)
            told.value += 1

    for pause in (0.02, 0.033, 0.047):
        process = context.Process(target=ask)
        process.start()
        time.sleep(pause)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    found = asked(clients)["alice"]
    assert told.value <= found <= told.value + 3
    clients.charge(ALICE.fingerprint)
    assert asked(clients)["alice"] == found + 1


def test_so_many_a_minute_are_answered(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "time", lambda: now)
    clients.allow(ALICE, MANY, 2)
    clients.charge(ALICE.fingerprint)
    now = 1030.0
    clients.charge(ALICE.fingerprint)
    with pytest.raises(Overdrawn, match="more than 2 queries a minute: try again in 30 s"):
        clients.charge(ALICE.fingerprint)
    assert asked(clients) == {"alice": 2}
    now = 1060.0
    assert charged(clients, 2) == 1


def test_a_clock_that_is_set_back_locks_nobody_out(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "time", lambda: now)
    clients.allow(ALICE, MANY, 1)
    clients.charge(ALICE.fingerprint)
    now = 10.0
    assert charged(clients, 1) == 1


def test_a_new_budget_keeps_what_was_asked(clients: Clients) -> None:
    clients.allow(ALICE, 2, MANY)
    charged(clients, 2)
    assert clients.allow(ALICE, 3, MANY).asked == 2
    assert charged(clients, 5) == 1


def test_a_name_stays_with_its_key(clients: Clients, tmp_path: Path) -> None:
    clients.allow(ALICE, 2, MANY)
    other = module.Certificate("alice", BOB.octets)
    with pytest.raises(ValueError, match=r"alice is in .* with another key: remove that first"):
        clients.allow(other, 2, MANY)
    assert [each.certificate for each in clients.listed()] == [ALICE]


def test_who_is_removed_is_not_charged_but_refused(clients: Clients) -> None:
    clients.allow(ALICE, 2, MANY)
    before = clients.version()
    clients.remove("alice")
    assert clients.listed() == [] and clients.version() != before
    with pytest.raises(Overdrawn, match="no longer known"):
        clients.charge(ALICE.fingerprint)
    with pytest.raises(ValueError, match="has no client 'alice'"):
        clients.remove("alice")


def test_a_charge_is_no_new_version(clients: Clients) -> None:
    clients.allow(ALICE, 2, MANY)
    before = clients.version()
    clients.charge(ALICE.fingerprint)
    assert clients.version() == before


def test_what_is_no_list_is_said_to_be_none_and_stays(tmp_path: Path) -> None:
    text, other = tmp_path / "text", tmp_path / "other.db"
    text.write_text("something else, of more than a hundred bytes" * 5)
    with sqlite3.connect(other) as file:
        file.execute("CREATE TABLE clients (name TEXT)")
    file.close()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(ValueError, match="is no list of clients"):
            Clients(path).allow(ALICE, 1, 1)
        with pytest.raises(ValueError, match="is no list of clients"):
            Clients(path).listed()
        assert path.read_bytes() == before
    with pytest.raises(ValueError, match="is not there"):
        Clients(tmp_path / "none").listed()
    assert not (tmp_path / "none").exists()


def test_a_list_that_stays_locked_answers_nothing(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.allow(ALICE, 2, MANY)
    monkeypatch.setattr(module, "BUSY", 0.05)
    holder = sqlite3.connect(clients.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="could not be used: database is locked"):
        clients.charge(ALICE.fingerprint)
    holder.close()
    assert asked(clients) == {"alice": 0}
