"""Keys: two files, of which one is its owner's alone, and neither replaces another."""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from deepreshape.private.wire import keys
from deepreshape.private.wire.keys import certificate, make
from deepreshape.private.wire.sealed import lock


@pytest.fixture
def open_to_all() -> Iterator[None]:
    """A umask that takes no right away."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_its_owner_alone_can_read_a_key(tmp_path: Path, open_to_all: None) -> None:
    make("alice", tmp_path)
    assert stat.S_IMODE((tmp_path / "alice.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alice.key", "alice.pub"]


def test_what_is_given_away_is_the_certificate_alone(tmp_path: Path) -> None:
    made = make("alice", tmp_path)
    text = (tmp_path / "alice.pub").read_text()
    assert "PRIVATE" not in text
    assert certificate(tmp_path / "alice.pub") == made
    assert (made.name, made.fingerprint) == ("alice", hashlib.sha256(made.octets).hexdigest())


def test_a_certificate_vouches_for_no_other_and_does_not_end(tmp_path: Path) -> None:
    found = x509.load_der_x509_certificate(make("alice", tmp_path).octets)
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert found.not_valid_after_utc.year == 9999


@pytest.mark.parametrize("there", ["alice.key", "alice.pub"])
def test_nothing_is_replaced(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ValueError, match=f"{there} is there already"):
        make("alice", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_there_are_both_files_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = keys.write_new

    def full(path: Path, octets: bytes, *, mode: int) -> None:
        if path.suffix == ".pub":
            raise OSError("no room")
        write(path, octets, mode=mode)

    monkeypatch.setattr(keys, "write_new", full)
    with pytest.raises(OSError, match="no room"):
        make("alice", tmp_path)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".a", "-a", "a b", "a\nb", "a" * 65, "é"])
def test_a_name_can_stand_in_a_log_and_in_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no name for a key"):
        make(name, tmp_path)


def test_what_is_no_certificate_is_said_to_be_none(tmp_path: Path) -> None:
    other = tmp_path / "other.pub"
    with pytest.raises(ValueError, match=r"other\.pub is not there"):
        certificate(other)
    other.write_text("something else")
    with pytest.raises(ValueError, match=r"other\.pub holds no certificate"):
        certificate(other)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    made = make("alice", tmp_path)
    (tmp_path / "alice.key").chmod(0o640)
    with pytest.raises(ValueError, match="can be read by others"):
        lock(tmp_path / "alice.key", [made], server=False)


def test_what_is_no_key_is_said_to_be_none(tmp_path: Path) -> None:
    made = make("alice", tmp_path)
    with pytest.raises(ValueError, match=r"alice\.pub is no key"):
        lock(tmp_path / "alice.pub", [made], server=False)
    with pytest.raises(ValueError, match=r"bob\.key is not there"):
        lock(tmp_path / "bob.key", [made], server=False)
