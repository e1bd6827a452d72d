"""One SQLite file, owner-only, that has on disk what it said it has: WAL, ``synchronous=FULL``, one writer.

After a failed write nothing more is written until the file is opened anew: a disk that lied once is not asked to
guarantee a signature (research/security §4, F3).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wallet.protocol.errors import WalletError

Row = tuple[Any, ...]


class Store:
    """A durable SQLite file. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """Opens or makes ``path`` with the tables of ``schema``, whose number is ``version``.

        Raises WalletError("STORE_NEWER_VERSION" | "STORE_DAMAGED" | "STORE_FAILED").
        """
        self.path = path
        self._failed = False
        self._depth = 0
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
                self._db.execute(f"PRAGMA {pragma}")
            found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if found > version:
                raise WalletError("STORE_NEWER_VERSION", path=path.name, found=found, known=version)
            if found == 0:
                with self.transaction():
                    for statement in filter(None, (part.strip() for part in schema.split(";"))):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version={version}")
        except sqlite3.DatabaseError as error:
            raise WalletError("STORE_DAMAGED", path=path.name, why=str(error)) from error
        except OSError as error:
            raise WalletError("STORE_FAILED", path=path.name, why=error.strerror or "") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it ends. Nested use joins the outer transaction.

        Raises WalletError("STORE_FAILED") if the disk refuses; from then on every write does.
        """
        if self._depth:
            yield
            return
        self._require_sound()
        self._depth += 1
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.IntegrityError:
            self._db.execute("ROLLBACK")
            raise
        except sqlite3.DatabaseError as error:
            self._failed = True
            self._roll_back()
            raise WalletError("STORE_FAILED", path=self.path.name, why=str(error)) from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth -= 1

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """One write; durable by itself unless inside :meth:`transaction`."""
        with self.transaction():
            self._db.execute(sql, values)

    def insert(self, sql: str, values: Sequence[object] = ()) -> int:
        """One INSERT; the row's number."""
        with self.transaction():
            return int(self._db.execute(sql, values).lastrowid or 0)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        found: Row | None = self._db.execute(sql, values).fetchone()
        return found

    def close(self) -> None:
        self._db.close()

    def _require_sound(self) -> None:
        if self._failed:
            raise WalletError("STORE_FAILED", path=self.path.name, why="an earlier write failed")

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.DatabaseError:
                self._failed = True


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection to a store, for another thread. Never creates or changes the file."""
    reader = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    reader.execute("PRAGMA query_only=ON")
    return reader
