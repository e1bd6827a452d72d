"""What the file promises: owner-only, all or nothing, and never trusted again after a write that failed."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallet.history.store import ReadOnlyStore, Store
from wallet.protocol.errors import WalletError

SCHEMA = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE); CREATE TABLE more (x INTEGER)"
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "things.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store(path, SCHEMA, 3)
    yield store
    store.close()


def code_of(call: object, *args: object) -> str:
    assert callable(call)
    with pytest.raises(WalletError) as caught:
        call(*args)
    return caught.value.code


def add(store: Store, name: str) -> None:
    store.execute("INSERT INTO things (name) VALUES (?)", (name,))


def names(store: Store) -> list[str]:
    return [row[0] for row in store.rows("SELECT name FROM things ORDER BY id")]


def test_settings_of_the_file(store: Store) -> None:
    settings = {name: store.row(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")}
    assert settings == {"journal_mode": ("wal",), "synchronous": (2,), "foreign_keys": (1,)}
    assert store.row("PRAGMA user_version") == (3,)
    assert store.row("PRAGMA trusted_schema") == (0,)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_owner_only(path: Path) -> None:
    path.touch(mode=0o666)
    path.chmod(0o666)
    before = os.umask(0)
    try:
        store = Store(path, SCHEMA, 3)
        add(store, "a")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"things.db": 0o600, "things.db-wal": 0o600, "things.db-shm": 0o600}


def test_opened_again(path: Path, store: Store) -> None:
    add(store, "a")
    assert store.insert("INSERT INTO things (name) VALUES ('b')") == 2
    store.close()
    assert names(Store(path, SCHEMA, 3)) == ["a", "b"]


def test_transaction_is_all_or_nothing(store: Store) -> None:
    with store.transaction():
        add(store, "a")
        with store.transaction():
            add(store, "b")

    def fail() -> None:
        with store.transaction():
            add(store, "c")
            with store.transaction():
                add(store, "d")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(store) == ["a", "b"]
    add(store, "e")
    assert names(store) == ["a", "b", "e"]


def test_inner_transaction_commits_nothing_by_itself(path: Path, store: Store) -> None:
    other = sqlite3.connect(path)
    with store.transaction():
        with store.transaction():
            add(store, "a")
        assert other.execute("SELECT count(*) FROM things").fetchone() == (0,)
    assert other.execute("SELECT count(*) FROM things").fetchone() == (1,)
    other.close()


def test_a_row_that_is_refused_harms_nothing_else(store: Store) -> None:
    add(store, "a")
    with pytest.raises(sqlite3.IntegrityError):
        add(store, "a")
    add(store, "b")
    assert names(store) == ["a", "b"]


def test_poisoned_by_a_write_that_failed(path: Path, store: Store) -> None:
    """A disk that is full: nothing is written afterwards, not even if there is room again."""
    add(store, "a")
    pages = store.row("PRAGMA page_count")
    store.row(f"PRAGMA max_page_count={pages[0] if pages else 0}")
    assert code_of(add, store, "b" * 100_000) == "STORE_FAILED"
    store.row("PRAGMA max_page_count=1000000")
    assert code_of(add, store, "c") == "STORE_FAILED"
    assert code_of(lambda: store.transaction().__enter__()) == "STORE_FAILED"
    assert names(store) == ["a"]
    store.close()
    again = Store(path, SCHEMA, 3)
    add(again, "d")
    assert names(again) == ["a", "d"]


def test_failure_in_the_middle_of_a_transaction(store: Store) -> None:

    def fail() -> None:
        with store.transaction():
            add(store, "a")
            store.execute("INSERT INTO nowhere VALUES (1)")

    assert code_of(fail) == "STORE_FAILED"
    assert names(store) == []
    assert code_of(add, store, "b") == "STORE_FAILED"


def test_newer_file_is_left_alone(path: Path, store: Store) -> None:
    add(store, "a")
    store.close()
    before = path.read_bytes()
    with pytest.raises(WalletError) as caught:
        Store(path, "CREATE TABLE other (x)", 2)
    assert caught.value.code == "STORE_NEWER_VERSION"
    assert caught.value.params == {"path": "things.db", "found": 3, "known": 2}
    assert path.read_bytes() == before


def test_not_a_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)
    assert code_of(Store, path, SCHEMA, 3) == "STORE_DAMAGED"
    assert path.read_bytes() == b"no database at all" * 1000
    assert code_of(ReadOnlyStore, path) == "STORE_DAMAGED"


def test_damage_is_named_when_it_is_met(path: Path, store: Store) -> None:
    with store.transaction():
        for number in range(2_000):
            add(store, f"name {number}")
    store.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))
    damaged = Store(path, SCHEMA, 3)
    assert code_of(names, damaged) == "STORE_DAMAGED"
    assert code_of(damaged.row, "SELECT max(name) FROM things") == "STORE_DAMAGED"


def test_no_directory(tmp_path: Path) -> None:
    assert code_of(Store, tmp_path / "none" / "things.db", SCHEMA, 3) == "STORE_FAILED"
    assert code_of(ReadOnlyStore, tmp_path / "none" / "things.db") == "STORE_FAILED"


@pytest.mark.skipif(ROOT or sys.platform == "win32", reason="root may open anything")
def test_no_permission(path: Path, store: Store) -> None:
    store.close()
    path.parent.chmod(0o500)
    try:
        assert code_of(Store, path.with_name("other.db"), SCHEMA, 3) == "STORE_FAILED"
    finally:
        path.parent.chmod(0o700)


# --- reading beside the writer ---------------------------------------------------------------------------------------


def test_reader_sees_what_is_committed(path: Path, store: Store) -> None:
    reader = ReadOnlyStore(path)
    assert names(reader) == []
    add(store, "a")
    assert names(reader) == ["a"]
    with reader.snapshot():
        assert names(reader) == ["a"]
        add(store, "b")
        assert names(reader) == ["a"]
    assert names(reader) == ["a", "b"]
    reader.close()


def test_reader_writes_nothing(path: Path, store: Store) -> None:
    reader = ReadOnlyStore(path)
    assert code_of(add, reader, "a") == "STORE_READ_ONLY"
    assert code_of(reader.insert, "INSERT INTO things (name) VALUES ('a')") == "STORE_READ_ONLY"
    assert code_of(reader.rows, "DELETE FROM things") == "STORE_FAILED"
    assert names(store) == []
    reader.close()


def test_reader_makes_no_file(path: Path) -> None:
    assert code_of(ReadOnlyStore, path) == "STORE_FAILED"
    assert not path.exists()


def test_reader_after_the_writer_has_gone(path: Path, store: Store) -> None:
    add(store, "a")
    store.close()
    reader = ReadOnlyStore(path)
    assert names(reader) == ["a"]
    reader.close()


def test_reader_from_many_threads(path: Path, store: Store) -> None:
    with store.transaction():
        for number in range(100):
            add(store, str(number))
    reader = ReadOnlyStore(path)
    found: list[int] = []

    def read() -> None:
        found.extend(len(names(reader)) for _ in range(50))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [100] * 200
    reader.close()


def test_writer_belongs_to_one_thread(store: Store) -> None:
    caught: list[BaseException] = []

    def read() -> None:
        try:
            names(store)
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(30)
    assert len(caught) == 1
