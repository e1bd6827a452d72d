"""Transactions that go to disk together: each still all or nothing, and nobody goes on before it is there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from wallet.history.store import Store
from wallet.protocol.errors import WalletError

SCHEMA = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)"


class Counted(Store):
    """Counts what goes to disk, and knows what someone else would find there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA, 1)
        self.commits = 0
        self.after_commit = self._count

    def _count(self) -> None:
        self.commits += 1

    def add(self, *names: str, fails: bool = False) -> None:
        with self.grouped(), self.transaction():
            for name in names:
                self.execute("INSERT INTO things (name) VALUES (?)", (name,))
            if fails:
                raise ZeroDivisionError

    def on_disk(self) -> list[str]:
        other = sqlite3.connect(self.path)
        try:
            return [row[0] for row in other.execute("SELECT name FROM things ORDER BY id")]
        finally:
            other.close()

    def fill_up(self) -> None:
        """No page more fits."""
        pages = self.row("PRAGMA page_count")
        self.row(f"PRAGMA max_page_count={pages[0] if pages else 0}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Counted]:
    store = Counted(tmp_path / "things.db")
    yield store
    store.close()


async def code_of(waits: Coroutine[None, None, None]) -> str:
    try:
        await waits
    except WalletError as error:
        return error.code
    return ""


def test_several_that_wait_go_to_disk_at_once(store: Counted) -> None:
    async def one(name: str) -> None:
        store.add(name)
        assert name not in store.on_disk()
        await store.durable()
        assert name in store.on_disk()

    async def main() -> None:
        await asyncio.gather(one("a"), one("b"), one("c"))

    asyncio.run(main())
    assert store.on_disk() == ["a", "b", "c"]
    assert store.commits == 1


def test_what_nobody_waits_for_gets_there_by_itself(store: Counted) -> None:
    async def main() -> None:
        store.add("a")
        await until(lambda: store.on_disk() == ["a"])

    asyncio.run(main())


def test_nothing_to_wait_for(store: Counted) -> None:
    async def main() -> None:
        await store.durable()
        await store.settled()

    asyncio.run(main())
    assert store.commits == 0


def test_who_only_must_not_run_ahead_waits_too(store: Counted) -> None:
    async def main() -> None:
        store.add("a")
        await store.settled()
        assert store.on_disk() == ["a"]

    asyncio.run(main())


def test_a_refused_row_takes_only_its_own_transaction_with_it(store: Counted) -> None:
    async def main() -> None:
        store.add("a")
        with pytest.raises(sqlite3.IntegrityError):
            store.add("b", "a")
        with pytest.raises(ZeroDivisionError):
            store.add("c", fails=True)
        store.add("d")
        await store.durable()

    asyncio.run(main())
    assert store.on_disk() == ["a", "d"]
    assert store.commits == 1


@pytest.mark.parametrize("write", ["transaction", "execute", "insert"])
def test_any_other_write_brings_the_group_to_disk_first(store: Counted, write: str) -> None:
    sql = "INSERT INTO things (name) VALUES ('b')"

    def in_transaction() -> None:
        with store.transaction():
            assert store.on_disk() == ["a"]
            store.execute(sql)

    writes: dict[str, Callable[[], object]] = {
        "transaction": in_transaction,
        "execute": lambda: store.execute(sql),
        "insert": lambda: store.insert(sql),
    }

    async def main() -> None:
        store.add("a")
        waiting = asyncio.ensure_future(store.durable())
        await asyncio.sleep(0)
        writes[write]()
        assert store.on_disk() == ["a", "b"]
        await waiting

    asyncio.run(main())
    assert store.commits == 2


def test_inside_a_transaction_it_is_a_part_of_that(store: Counted) -> None:
    with store.transaction():
        store.add("a")
        assert store.on_disk() == []
    assert store.on_disk() == ["a"]
    assert store.commits == 1


def test_a_disk_that_refuses_is_told_to_all_who_wait(store: Counted) -> None:
    async def main() -> list[str]:
        store.add("a")
        return list(await asyncio.gather(*(code_of(store.durable()) for _ in range(2))))

    sound, store._db = store._db, _FailingCommit(store._db)  # type: ignore[assignment]
    assert asyncio.run(main()) == ["STORE_FAILED", "STORE_FAILED"]
    store._db = sound
    assert store.on_disk() == []
    assert store.problem is not None


class _FailingCommit:
    """A connection whose disk fails when it is to keep something."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    def execute(self, sql: str, values: object = ()) -> object:
        if sql == "COMMIT":
            raise sqlite3.OperationalError("disk I/O error")
        return self._db.execute(sql, values)  # type: ignore[arg-type]


def test_a_disk_that_is_full_takes_the_whole_group_and_nothing_follows(store: Counted) -> None:
    async def main() -> None:
        store.add("a")
        await store.durable()
        store.fill_up()
        store.add("b")
        with pytest.raises(WalletError) as caught:
            store.add("c" * 100_000)
        assert caught.value.code == "STORE_FAILED"
        with pytest.raises(WalletError):  # not even in what is left of the group
            store.add("d")
        assert await code_of(store.durable()) == "STORE_FAILED"
        with pytest.raises(WalletError):
            store.add("e")

    asyncio.run(main())
    assert store.on_disk() == ["a"]


def test_closing_brings_it_to_disk(tmp_path: Path) -> None:
    store = Counted(tmp_path / "others.db")

    async def main() -> None:
        store.add("a")
        store.close()

    asyncio.run(main())
    assert store.on_disk() == ["a"]
