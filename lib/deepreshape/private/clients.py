"""The clients that a server knows, in an SQLite file: how much each may ask, and has asked.

A query is charged before anything is computed for it, and never given back. The file is right with
several processes at once, and after any of them was killed. A connection to it lasts for one
question, so none is shared by a forked process.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from deepreshape.private.wire.keys import Certificate

FORMAT = 0x44524331
"""What SQLite keeps as the file's application, so that no other's is taken for one of these."""
MINUTE = 60.0
BUSY = 5.0
"""Seconds that a question waits for others."""
TABLES = (
    f"PRAGMA application_id = {FORMAT}",
    "CREATE TABLE clients (fingerprint TEXT PRIMARY KEY, name TEXT UNIQUE NOT NULL,"
    " certificate BLOB NOT NULL, budget INTEGER NOT NULL, a_minute INTEGER NOT NULL,"
    " asked INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE recent (fingerprint TEXT NOT NULL, at REAL NOT NULL)",
)
COLUMNS = "name, certificate, budget, a_minute, asked"


class Overdrawn(RuntimeError):
    """A client may not ask; the line, which it is told, says why."""


@dataclass(frozen=True)
class Allowed:
    """What a client may ask in all and in any 60 seconds, and has asked."""

    certificate: Certificate
    budget: int
    a_minute: int
    asked: int


@dataclass(frozen=True)
class Clients:
    """A list of clients in a file. Every call raises ValueError where the file is none, and
    RuntimeError where it cannot be read or written."""

    path: Path

    def allow(self, certificate: Certificate, budget: int, a_minute: int) -> Allowed:
        """Add a client, or change what one may ask; what it has asked stays counted.

        Raises ValueError where another key has its name.
        """
        with self._open(new=True) as file:
            same = file.execute(
                "SELECT fingerprint FROM clients WHERE name = ?", (certificate.name,)
            ).fetchone()
            if same and same[0] != certificate.fingerprint:
                raise ValueError(
                    f"{certificate.name} is in {self.path} with another key: remove that first"
                )
            file.execute(
                "INSERT INTO clients VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (fingerprint)"
                " DO UPDATE SET budget = excluded.budget, a_minute = excluded.a_minute",
                (
                    certificate.fingerprint,
                    certificate.name,
                    certificate.octets,
                    budget,
                    a_minute,
                ),
            )
            _changed(file)
            return _allowed(file, certificate.fingerprint)

    def remove(self, name: str) -> None:
        """Take a client from the list; ValueError where it is not there."""
        with self._open() as file:
            if not file.execute("DELETE FROM clients WHERE name = ?", (name,)).rowcount:
                raise ValueError(f"{self.path} has no client {name!r}")
            _changed(file)

    def listed(self) -> list[Allowed]:
        """All of them, by name."""
        with self._open(reads=True) as file:
            return [
                _row(found)
                for found in file.execute(f"SELECT {COLUMNS} FROM clients ORDER BY name")
            ]

    def version(self) -> int:
        """Another number whenever clients were added, changed or removed."""
        with self._open(reads=True) as file:
            return int(file.execute("PRAGMA user_version").fetchone()[0])

    def check(self, fingerprint: str) -> None:
        """Raise Overdrawn for a client that has no query left."""
        with self._open(reads=True) as file:
            _left(file, fingerprint)

    def charge(self, fingerprint: str) -> None:
        """Count a query; raises Overdrawn, and counts nothing, where it may not be asked."""
        with self._open() as file:
            allowed, now = _left(file, fingerprint), time.time()
            # What lies ahead was counted by a clock that has been set back.
            file.execute("DELETE FROM recent WHERE at <= ? OR at > ?", (now - MINUTE, now))
            times = file.execute(
                "SELECT at FROM recent WHERE fingerprint = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
                (fingerprint, allowed.a_minute - 1),
            ).fetchone()
            if times:
                wait = times[0] + MINUTE - now
                raise Overdrawn(
                    f"more than {allowed.a_minute:,} queries a minute: try again in {wait:.0f} s"
                )
            file.execute("INSERT INTO recent VALUES (?, ?)", (fingerprint, now))
            file.execute(
                "UPDATE clients SET asked = asked + 1 WHERE fingerprint = ?", (fingerprint,)
            )

    @contextmanager
    def _open(self, new: bool = False, reads: bool = False) -> Iterator[sqlite3.Connection]:
        """The file, which nobody else changes meanwhile; all is written, or nothing."""
        if not new and not self.path.exists():
            raise ValueError(f"{self.path} is not there: make it with `deepreshape keys allow`")
        where = f"file:{quote(str(self.path))}?mode={'rwc' if new else 'rw'}"
        try:
            with closing(
                sqlite3.connect(where, uri=True, timeout=BUSY, isolation_level=None)
            ) as file:
                file.execute("PRAGMA synchronous = EXTRA")  # a charge outlasts a loss of power
                file.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
                self._checked(file, new)
                yield file
                file.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                raise ValueError(f"{self.path} is no list of clients") from None
            raise RuntimeError(f"{self.path} could not be used: {error}") from None

    def _checked(self, file: sqlite3.Connection, new: bool) -> None:
        found = file.execute("PRAGMA application_id").fetchone()[0]
        empty = not file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if new and empty and not found:
            for line in TABLES:
                file.execute(line)
        elif found != FORMAT:
            raise ValueError(f"{self.path} is no list of clients")


def _allowed(file: sqlite3.Connection, fingerprint: str) -> Allowed:
    found = file.execute(
        f"SELECT {COLUMNS} FROM clients WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    if not found:
        raise Overdrawn("the key is no longer known here")
    return _row(found)


def _left(file: sqlite3.Connection, fingerprint: str) -> Allowed:
    allowed = _allowed(file, fingerprint)
    if allowed.asked >= allowed.budget:
        raise Overdrawn(f"the budget of {allowed.budget:,} queries is used up")
    return allowed


def _row(found: tuple[str, bytes, int, int, int]) -> Allowed:
    name, octets, budget, a_minute, asked = found
    return Allowed(Certificate(name, octets), budget, a_minute, asked)


def _changed(file: sqlite3.Connection) -> None:
    version = file.execute("PRAGMA user_version").fetchone()[0]
    file.execute(f"PRAGMA user_version = {version + 1}")
