"""One SQLite file, owner-only, that has on disk what it said it has: WAL, ``synchronous=FULL``, one writer.

After a failed write nothing more is written until the file is opened anew: a disk that lied once is not asked to
guarantee a signature (research/security §4, F3).
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from wallet.protocol.errors import WalletError

Row = tuple[Any, ...]
TURNS = 2  # of the event loop that a group waits for who has something for it, once somebody waits for it
LATEST = 0.1  # seconds after which a group nobody waits for goes to disk
READ_CACHE = 16 * 1024  # KiB: the upper pages of a long history's tables, which each lookup goes through
Migrations = Mapping[int, tuple[int, Callable[[sqlite3.Connection], None]]]
"""From which version to which, and how; each runs in a transaction of its own."""

log = logging.getLogger(__name__)


class Store:
    """A durable SQLite file. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, schema: str, version: int, migrations: Migrations | None = None) -> None:
        """Opens or makes ``path`` with the tables of ``schema``, whose number is ``version``.

        An older file is brought there by ``migrations``, or left as it was.
        Raises WalletError("STORE_NEWER_VERSION" | "STORE_OLDER_VERSION" | "STORE_DAMAGED" | "STORE_FAILED").
        """
        self.path = path
        self.after_commit: Callable[[], None] = lambda: None
        self.on_failure: Callable[[], None] = lambda: None
        self._failed = False
        self._depth = 0
        self._group: AbstractContextManager[None] | None = None
        self._grouping = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: list[asyncio.Future[None]] = []
        with self._explained():
            create(path)
            self._db = sqlite3.connect(path, isolation_level=None, cached_statements=256)
            try:
                self._prepare(schema, version, migrations or {})
            except BaseException:
                self._db.close()
                raise

    def _prepare(self, schema: str, version: int, migrations: Migrations) -> None:
        found = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if found > version:
            raise WalletError("STORE_NEWER_VERSION", path=self.path.name, found=found, known=version)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            self._db.execute(f"PRAGMA {pragma}")
        if found == 0:
            with self.transaction():
                run_script(self._db, schema)
                self._db.execute(f"PRAGMA user_version={version}")
        while 0 < found < version:
            found = self._migrate(found, version, migrations)

    def _migrate(self, found: int, version: int, migrations: Migrations) -> int:
        """One step towards ``version``; the version then reached. The file is as before if it fails."""
        if found not in migrations:
            raise WalletError("STORE_OLDER_VERSION", path=self.path.name, found=found, known=version)
        reached, migrate = migrations[found]
        self._db.execute("PRAGMA foreign_keys=OFF")  # tables are made anew under the rows that refer to them
        try:
            with self.transaction():
                migrate(self._db)
                self._db.execute(f"PRAGMA user_version={reached}")
        except (ValueError, TypeError, LookupError) as error:
            raise WalletError("STORE_DAMAGED", path=self.path.name, why=str(error)[:200]) from error
        self._db.execute("PRAGMA foreign_keys=ON")
        return reached

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it ends. Nested use joins the outer transaction.

        Raises WalletError("STORE_FAILED") if the disk refuses; from then on every write does. Inside :meth:`grouped`
        it is on disk only when the group is.
        """
        self._leave_group()
        if self._depth:
            with self._member():
                yield
            return
        self.require_sound()
        self._depth += 1
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.IntegrityError:
            self._db.execute("ROLLBACK")
            raise
        except sqlite3.DatabaseError as error:
            self._fail()
            self._roll_back()
            raise WalletError("STORE_FAILED", path=self.path.name, why=str(error)) from error
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._depth -= 1
        try:
            self.after_commit()
        except OSError as error:
            self._fail()
            raise WalletError("STORE_FAILED", path=self.path.name, why=error.strerror or "") from error

    # --- many at once ---

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """Transactions that begin inside end on disk together, a moment later: see :meth:`durable`.

        For the loop's thread alone, and no ``await`` may stand inside. Each is still all or nothing by itself. Any
        other write first brings the group to disk. Whoever sends must have waited: persist, then send.
        """
        if self._depth and self._group is None:
            yield  # inside a transaction, which says itself when it ends
            return
        if self._group is None:
            loop, group = asyncio.get_running_loop(), self.transaction()
            group.__enter__()
            self._group = group
            self._timer = loop.call_later(LATEST, self.flush)
        self._grouping = True
        try:
            yield
        finally:
            self._grouping = False

    async def durable(self) -> None:
        """Returns when all that was written so far is on disk. WalletError("STORE_FAILED") if it is not."""
        if self._group is not None:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[None] = loop.create_future()
            if not self._waiting:
                _in_turns(TURNS, loop, self.flush)
            self._waiting.append(done)
            await done
        self.require_sound()

    async def settled(self) -> None:
        """The same for who has nothing of his own in the group: afterwards, until he waits again, there is none."""
        while self._group is not None:
            await self.durable()

    def flush(self) -> None:
        """Brings the group to disk now, if there is one. Whoever waits for it hears if that fails."""
        group, self._group = self._group, None
        if group is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        problem = self.problem  # one of its transactions failed, and took it along
        try:
            group.__exit__(type(problem) if problem else None, problem, None)
        except WalletError as error:
            log.critical("%s: %s", self.path.name, error)  # from now on every write and signature says so
        finally:
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                if not done.done():
                    done.set_result(None)

    def _leave_group(self) -> None:
        """What is not part of the group must not wait for it, nor fail with it."""
        if self._group is not None and not self._grouping:
            self.flush()

    @contextmanager
    def _member(self) -> Iterator[None]:
        """A transaction inside another one: a part of it, or, directly in a group, all or nothing by itself."""
        if self._group is None or self._depth > 1:
            yield
            return
        self.require_sound()
        self._depth += 1
        try:
            self._db.execute("SAVEPOINT member")
            yield
            self._db.execute("RELEASE member")
        except BaseException as error:
            fatal = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError)
            if fatal or not self._undo_member():
                self._fail()
                self._roll_back()
                raise WalletError("STORE_FAILED", path=self.path.name, why=str(error)) from error
            raise
        finally:
            self._depth -= 1

    def _undo_member(self) -> bool:
        try:
            self._db.execute("ROLLBACK TO member")
            self._db.execute("RELEASE member")
        except sqlite3.DatabaseError:
            return False
        return True

    def execute(self, sql: str, values: Sequence[object] = ()) -> None:
        """One write; durable by itself unless inside :meth:`transaction`."""
        self._leave_group()
        if self._depth > (self._group is not None):
            self._db.execute(sql, values)
            return
        with self.transaction():
            self._db.execute(sql, values)

    def insert(self, sql: str, values: Sequence[object] = ()) -> int:
        """One INSERT; the row's number."""
        self._leave_group()
        if self._depth > (self._group is not None):
            return int(self._db.execute(sql, values).lastrowid or 0)
        with self.transaction():
            return int(self._db.execute(sql, values).lastrowid or 0)

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """All rows of one query. Raises WalletError("STORE_DAMAGED" | "STORE_FAILED") if they can't be read."""
        try:
            return self._db.execute(sql, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise self._explain(error) from error

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of one query; fails as :meth:`rows` does."""
        try:
            found: Row | None = self._db.execute(sql, values).fetchone()
        except (sqlite3.Error, OSError) as error:
            raise self._explain(error) from error
        return found

    def close(self) -> None:
        self.flush()
        self._db.close()

    @property
    def problem(self) -> WalletError | None:
        """What is wrong for good, until the file is opened anew; for whoever must tell the user."""
        if not self._failed:
            return None
        return WalletError("STORE_FAILED", path=self.path.name, why="an earlier write failed")

    def _fail(self) -> None:
        self._failed = True
        with suppress(OSError):  # the disk that just failed may fail this, too
            self.on_failure()

    def require_sound(self) -> None:
        """WalletError("STORE_FAILED") after a write that failed."""
        if (problem := self.problem) is not None:
            raise problem

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.DatabaseError:
                self._fail()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Says what SQLite and the system say in the one form that reaches a user."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error | OSError) -> Exception:
        if isinstance(error, OSError):
            return WalletError("STORE_FAILED", path=self.path.name, why=error.strerror or "")
        if isinstance(error, sqlite3.ProgrammingError) or not isinstance(error, sqlite3.DatabaseError):
            return error  # a mistake of ours, not of the file
        code = "STORE_FAILED" if isinstance(error, sqlite3.OperationalError) else "STORE_DAMAGED"
        return WalletError(code, path=self.path.name, why=str(error))


class ReadOnlyStore(Store):
    """The same file for reading alone, by any thread, one at a time. Never creates or changes it."""

    def __init__(self, path: Path) -> None:  # the writer's part of Store.__init__ must not run
        """Raises WalletError("STORE_FAILED" | "STORE_DAMAGED")."""
        self.path = path
        self._failed = False
        self._depth = 0
        self._group = None
        self._turn = threading.RLock()
        with self._explained():
            self._db = open_reader(path)
            try:
                self._db.execute("PRAGMA user_version").fetchone()  # opens the file, which connecting does not
            except BaseException:
                self._db.close()
                raise

    def transaction(self) -> NoReturn:
        """Nothing can be written here: WalletError("STORE_READ_ONLY")."""
        raise WalletError("STORE_READ_ONLY", path=self.path.name)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read inside is of one moment, whatever is written meanwhile. Keeps other threads out."""
        with self._turn:
            with self._explained():
                self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        with self._turn:
            return super().rows(sql, values)

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        with self._turn:
            return super().row(sql, values)

    def close(self) -> None:
        with self._turn:
            super().close()


def _in_turns(turns: int, loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    """``work`` once everything that is ready now, and what that makes ready, has run."""
    if turns:
        loop.call_soon(_in_turns, turns - 1, loop, work)
    else:
        work()


def run_script(db: sqlite3.Connection, script: str) -> None:
    """Runs the statements of ``script`` one by one, inside whatever transaction there is."""
    statement = ""
    for part in script.split(";"):
        statement += part + ";"
        if sqlite3.complete_statement(statement):  # a trigger has semicolons inside
            if statement.strip(" ;\n"):
                db.execute(statement)
            statement = ""


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection to a store, for another thread. Never creates or changes the file."""
    reader = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    reader.execute("PRAGMA query_only=ON")
    reader.execute(f"PRAGMA cache_size=-{READ_CACHE}")
    return reader


def create(path: Path) -> None:
    """Makes an owner-only file where there is none, and its name durable with it. Raises OSError."""
    new = not path.exists()
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    if new:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Puts the names in ``directory`` on disk, where the system can (Windows does so by itself)."""
    if os.name == "nt":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
