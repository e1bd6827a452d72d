"""The store under the development chain: all or nothing, and logs found by what they are asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from wallet.protocol.errors import WalletError
from wallet.sandbox.devnet.store import LogFilter, LogRow, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def log(block: int, position: int, address: int, *topics: int) -> LogRow:
    words = tuple(topic.to_bytes(32, "big") for topic in topics)
    return LogRow(block, position, position, bytes(32), bytes(32), bytes([address]) * 20, words, b"\0")


def test_what_is_not_committed_is_seen_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store[b"kept"] = b"1"
    store.commit()
    store[b"held"] = b"2"
    del store[b"kept"]
    assert store[b"held"] == b"2"
    assert b"kept" not in store
    store.rollback()
    assert b"held" not in store
    assert store[b"kept"] == b"1"
    store[b"held"] = b"3"
    store.close()
    again = Store(tmp_path)
    assert b"held" not in again
    assert again[b"kept"] == b"1"
    again.close()


def test_a_full_disk_keeps_what_was_there(store: Store) -> None:
    store[b"kept"] = b"1"
    store.commit()
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    store[b"kept"] = b"2"
    store[b"more"] = bytes(10 * 4_096)
    with pytest.raises(WalletError, match="full") as caught:
        store.commit()
    assert caught.value.code == "DEVNET_STORAGE"
    assert store[b"kept"] == b"1"
    assert b"more" not in store
    store._database.execute("PRAGMA max_page_count = 100000")
    store[b"more"] = b"now"
    store.commit()
    assert store[b"more"] == b"now"


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit()
    store.close()
    database = sqlite3.connect(tmp_path / "chain.sqlite")
    database.execute("UPDATE pairs SET value = ?", (b"trading-channels/devnet/0",))
    database.commit()
    database.close()
    with pytest.raises(WalletError) as caught:
        Store(tmp_path)
    assert caught.value.code == "DEVNET_DAMAGED"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (LogFilter(0, 9), [(1, 0), (1, 1), (2, 0), (3, 0)]),
        (LogFilter(2, 2), [(2, 0)]),
        (LogFilter(4, 9), []),
        (LogFilter(3, 1), []),
        (LogFilter(0, 9, (b"\x0a" * 20,)), [(1, 0), (3, 0)]),
        (LogFilter(0, 9, (b"\x0a" * 20, b"\x0b" * 20)), [(1, 0), (1, 1), (3, 0)]),
        (LogFilter(0, 9, (), (((7).to_bytes(32, "big"),),)), [(1, 0), (1, 1)]),
        (LogFilter(0, 9, (), (None, ((5).to_bytes(32, "big"),))), [(1, 0), (2, 0)]),
        (LogFilter(0, 9, (), (None, None)), [(1, 0), (1, 1), (2, 0)]),
        (LogFilter(0, 9, (), (None, None, None)), [(1, 1)]),
        (LogFilter(0, 9, (), (((7).to_bytes(32, "big"), (8).to_bytes(32, "big")), None)), [(1, 0), (1, 1), (2, 0)]),
        (LogFilter(0, 9, (), ((),)), []),
    ],
)
def test_logs_are_found_by_block_address_and_topics(
    store: Store, wanted: LogFilter, found: list[tuple[int, int]]
) -> None:
    rows = [log(1, 0, 10, 7, 5), log(1, 1, 11, 7, 6, 9), log(2, 0, 12, 8, 5), log(3, 0, 10)]
    store.add_logs(rows)
    store.commit()
    assert [(row.block, row.position) for row in store.logs(wanted, 100)] == found
    assert store.logs(wanted, 1) == store.logs(wanted, 100)[:1]
    assert store.logs_of(1, 1) == [rows[1]]
