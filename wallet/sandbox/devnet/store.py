"""Where the development chain is kept: one owner-only SQLite file.

The EVM keeps all it knows (headers, transactions, receipts, state trie) as key-value pairs that are written once and
found by hash. So a restart needs no replay: whatever block was committed last is the head, however many came before it.
Logs stand in a table of their own, because searching them through the tries would read every block.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eth.db.backends.base import BaseDB

from wallet.protocol.errors import WalletError

FORMAT = b"trading-channels/devnet/1"
_FORMAT_KEY = b"devnet:format"
_FILE = "chain.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pairs (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
    block INTEGER NOT NULL, position INTEGER NOT NULL, tx_index INTEGER NOT NULL,
    block_hash BLOB NOT NULL, tx_hash BLOB NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (block, position)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS logs_by_address ON logs (address, block);
CREATE INDEX IF NOT EXISTS logs_by_topic ON logs (topic0, block);
"""


@dataclass(frozen=True)
class LogRow:
    """One event as it is searched for: where it happened, who emitted it, up to four 32-byte topics, its data."""

    block: int
    position: int
    tx_index: int
    block_hash: bytes
    tx_hash: bytes
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True)
class LogFilter:
    """What logs are asked for.

    Empty `addresses` means any; a topic position that is None, or left out, matches any topic.
    """

    first: int
    last: int
    addresses: tuple[bytes, ...] = ()
    topics: tuple[tuple[bytes, ...] | None, ...] = ()


class Store(BaseDB):
    """The key-value pairs of one chain; changes are held back until `commit`, which is durable when it returns.

    One thread at a time, one process at a time.
    """

    def __init__(self, directory: Path) -> None:
        """Opens or makes the file. Raises WalletError DEVNET_IN_USE, DEVNET_DAMAGED or DEVNET_STORAGE."""
        self._path = directory / _FILE
        self._held: dict[bytes, bytes | None] = {}
        self._held_logs: list[LogRow] = []
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            # SQLite gives its journal the mode of the file, so this one call keeps all of it to the owner.
            self._path.chmod(0o600)
            self._database = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise WalletError("DEVNET_STORAGE", path=str(self._path), reason=str(error)) from None
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def _prepare(self) -> None:
        try:
            # Exclusive: two processes that mined into one file would each believe in a chain of their own.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute("COMMIT")
            known = self.find(_FORMAT_KEY)
        except sqlite3.OperationalError as error:
            code = "DEVNET_IN_USE" if "locked" in str(error) else "DEVNET_STORAGE"
            raise WalletError(code, path=str(self._path), reason=str(error)) from None
        except sqlite3.DatabaseError as error:
            raise WalletError("DEVNET_DAMAGED", path=str(self._path), reason=str(error)) from None
        if known is None:
            self[_FORMAT_KEY] = FORMAT
        elif known != FORMAT:
            raise WalletError("DEVNET_DAMAGED", path=str(self._path), reason="made by another version")

    def find(self, key: bytes) -> bytes | None:
        """The value of `key`, held back or committed, or None."""
        if key in self._held:
            return self._held[key]
        row = self._database.execute("SELECT value FROM pairs WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def __getitem__(self, key: bytes) -> bytes:
        value = self.find(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._held[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._held[key] = None

    def _exists(self, key: bytes) -> bool:
        return self.find(key) is not None

    def add_logs(self, rows: Iterable[LogRow]) -> None:
        """Holds back `rows` for the next commit."""
        self._held_logs.extend(rows)

    def rollback(self) -> None:
        """Forgets everything since the last commit."""
        self._held.clear()
        self._held_logs.clear()

    def commit(self) -> None:
        """Makes everything held back durable, all or nothing.

        Raises WalletError DEVNET_STORAGE (disk full, for one).
        """
        gone = [(key,) for key, value in self._held.items() if value is None]
        kept = [(key, value) for key, value in self._held.items() if value is not None]
        try:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("DELETE FROM pairs WHERE key = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO pairs VALUES (?, ?)", kept)
            self._database.executemany(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [_values(row) for row in self._held_logs]
            )
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise WalletError("DEVNET_STORAGE", path=str(self._path), reason=str(error)) from None
        finally:
            self.rollback()

    def logs(self, wanted: LogFilter, limit: int) -> list[LogRow]:
        """The logs that match, in chain order, at most `limit` of them."""
        clauses = ["block BETWEEN ? AND ?"]
        values: list[int | bytes] = [wanted.first, wanted.last]
        columns: Sequence[tuple[str, tuple[bytes, ...] | None]] = [
            ("address", wanted.addresses or None),
            *((f"topic{index}", topic) for index, topic in enumerate(wanted.topics)),
        ]
        for column, choices in columns:
            if choices is not None:
                clauses.append(f"{column} IN ({', '.join('?' * len(choices))})")
                values.extend(choices)
            elif column != "address":
                # A filter of n positions asks for events of at least n topics, whatever stands at a wildcard.
                clauses.append(f"{column} IS NOT NULL")
        query = " ".join(("SELECT * FROM logs WHERE", " AND ".join(clauses), "ORDER BY block, position LIMIT ?"))
        return [_row(found) for found in self._database.execute(query, (*values, limit))]

    def logs_of(self, block: int, tx_index: int) -> list[LogRow]:
        """The logs of one transaction, in order."""
        query = "SELECT * FROM logs WHERE block = ? AND tx_index = ? ORDER BY position"
        return [_row(found) for found in self._database.execute(query, (block, tx_index))]

    def close(self) -> None:
        """Lets go of the file; what was not committed is gone."""
        self.rollback()
        self._database.close()


def _values(row: LogRow) -> tuple[int | bytes | None, ...]:
    topics = [*row.topics, None, None, None, None][:4]
    return (row.block, row.position, row.tx_index, row.block_hash, row.tx_hash, row.address, *topics, row.data)


def _row(found: tuple[int, int, int, bytes, bytes, bytes, *tuple[bytes | None, ...]]) -> LogRow:
    block, position, tx_index, block_hash, tx_hash, address, *rest = found
    *topics, data = rest
    assert data is not None
    return LogRow(
        block, position, tx_index, block_hash, tx_hash, address, tuple(t for t in topics if t is not None), data
    )
