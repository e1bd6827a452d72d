"""What damage and tampering do to the file itself: nothing goes unseen, and the first bad row is named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import fixture
from tests.support.game import LOT, Game, make_terms
from tests.support.histories import entry_of, journal_with, played
from tests.support.tamper import tamper
from wallet.history.journal import Entry, Journal, Status, mark_path
from wallet.history.mark import Mark, read_mark
from wallet.history.reader import HistoryReader
from wallet.history.rows import CHANNELS, FLAGS, INTENTS, STATES, Table
from wallet.history.verify import Verdict, verify_history
from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Role


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def verdict(path: Path, channel: bytes) -> Verdict:
    with HistoryReader(path) as reader:
        return verify_history(reader, channel)


def code_of(call: Callable[..., object], *args: object) -> str:
    with pytest.raises(WalletError) as caught:
        call(*args)
    return caught.value.code


# --- append-only -----------------------------------------------------------------------------------------------------


def refused(path: Path, change: str) -> None:
    raw = sqlite3.connect(path, isolation_level=None)
    before = raw.execute("SELECT count(*), total(seq), group_concat(hex(seal)) FROM states").fetchall()
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change)
    assert raw.execute("SELECT count(*), total(seq), group_concat(hex(seal)) FROM states").fetchall() == before
    raw.close()


@pytest.mark.parametrize("table", ["states", "channels", "intents", "flags"])
def test_no_row_is_ever_deleted(path: Path, table: str) -> None:
    journal = Journal.open(path)
    fixture.fill(journal)
    journal.close()
    refused(path, f"DELETE FROM {table}")
    refused(path, f"DELETE FROM {table} WHERE rowid = 1" if table in ("states", "flags") else f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "change",
    [
        *(f"UPDATE states SET {column} = x'01' WHERE increment = 3" for column in ("channel", "digest", "body")),
        *(
            f"UPDATE states SET {column} = 77 WHERE increment = 3"
            for column in ("seq", "number", "increment", "issuer", "transition", "recorded")
        ),
        "UPDATE states SET trader_signature = NULL WHERE increment = 3",
        "UPDATE states SET broker_signature = x'01' WHERE increment = 3",
        "UPDATE states SET own = 0 WHERE increment = 3",
        "UPDATE states SET status = 2 WHERE increment = 3",
        "UPDATE channels SET terms = x'00'",
        "UPDATE channels SET chain_id = 1",
        "UPDATE intents SET body = x'00'",
        "UPDATE intents SET cancel = NULL WHERE cancel IS NOT NULL",
        "UPDATE flags SET raw = x'00'",
        "UPDATE flags SET resolved = 0",
    ],
)
def test_what_was_written_stays(path: Path, change: str) -> None:
    journal = Journal.open(path)
    fixture.fill(journal)
    journal.close()
    refused(path, change)


def test_what_a_life_changes_may_change(path: Path) -> None:
    """A pending state gets its answer; nothing else of it moves."""
    game, entries = played()
    journal = journal_with(path, game, entries[:3])
    pending = replace(entries[3], trader_signature=None, own=False, status=Status.PENDING)
    journal.record(pending)
    journal.record(entries[3])
    assert journal.latest(game.channel) == entries[3]
    journal.close()
    assert verdict(path, game.channel).sound


# --- any column of any row -------------------------------------------------------------------------------------------


def flips(table: Table) -> list[tuple[Table, str]]:
    return [(table, column) for column in table.columns]


@pytest.mark.parametrize(
    ("table", "column"),
    [case for table in (STATES, CHANNELS, INTENTS, FLAGS) for case in flips(table)],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_one_bit_in_any_column_is_found(path: Path, table: Table, column: str) -> None:
    """Of a row in the middle. Only its seal sees some of them: no signature covers when a state was recorded."""
    journal = Journal.open(path)
    channel = fixture.fill(journal)
    journal.close()
    row = "seq = 4" if table is STATES else "nonce = 2" if table is INTENTS else "1"
    raw = sqlite3.connect(path)
    (value,) = raw.execute(f"SELECT {column} FROM {table.name} WHERE {row}").fetchone()
    raw.close()
    flipped: object
    if isinstance(value, int):
        flipped = value ^ (128 if column == "number" else 1)
    elif isinstance(value, bytes):
        flipped = value[:-1] + bytes([value[-1] ^ 1])
    else:
        flipped = (value or "")[:-1] + "~" if value is not None else b"\1"
    assert tamper(path, f"UPDATE {table.name} SET {column} = ? WHERE {row}", flipped) == 1
    if table is CHANNELS:  # without the channel's row there is nothing to begin with
        assert code_of(verdict, path, channel) in ("STORE_DAMAGED", "CHANNEL_UNKNOWN")
        return
    found = verdict(path, channel)
    assert not found.sound
    if table is STATES and column not in ("increment", "channel"):
        assert (found.bad, found.code) == (3, "STATE_UNREADABLE")


@pytest.mark.parametrize("column", ["recorded", "own", "status", "number"])
def test_flips_no_signature_covers_in_every_row(path: Path, column: str) -> None:
    game, entries = played()
    for seq in range(1, len(entries) + 1):
        file = path.with_name(f"{seq}.db")
        journal_with(file, game, entries).close()
        tamper(file, f"UPDATE states SET {column} = {column} + 100 WHERE seq = {seq}")
        found = verdict(file, game.channel)
        assert (found.bad, found.code) == (entries[seq - 1].state.increment, "STATE_UNREADABLE")


# --- rows gone, rows swapped -----------------------------------------------------------------------------------------


def told(path: Path) -> tuple[Game, list[Entry]]:
    game, entries = played()
    journal_with(path, game, entries).close()
    return game, entries


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("increment", range(9))
def test_a_deleted_row_is_named_by_the_next(path: Path, increment: int, sealed: bool) -> None:
    """Also the refused state (4), which nothing after it needs."""
    game, _ = told(path)
    assert tamper(path, "DELETE FROM states WHERE increment = ?", increment, sealed=sealed) == 1
    found = verdict(path, game.channel)
    # the refused state 4 is judged by its void 5 alone
    codes = {0: (1, "SET-NONZERO"), 3: (5, "CHN-PREV-FORK"), 4: (5, "STATE_MISSING"), 5: (6, "STATE_UNVOIDED")}
    assert (found.bad, found.code) == codes.get(increment, (increment + 1, "INC-SKIP"))


@pytest.mark.parametrize("sealed", [False, True])
def test_swapped_rows(path: Path, sealed: bool) -> None:
    game, _ = told(path)
    tamper(path, "UPDATE states SET increment = 1000 WHERE increment = 2")
    tamper(path, "UPDATE states SET increment = 2 WHERE increment = 3")
    tamper(path, "UPDATE states SET increment = 3 WHERE increment = 1000", sealed=sealed)
    found = verdict(path, game.channel)
    assert (found.bad, found.code) == (2, "STATE_DIGEST" if sealed else "STATE_UNREADABLE")


@pytest.mark.parametrize("kept", [0, 1, 7, 9])
def test_a_tail_that_is_gone_is_seen_by_the_mark(path: Path, kept: int) -> None:
    game, _ = told(path)
    tamper(path, "DELETE FROM states WHERE seq > ?", kept, sealed=True)
    found = verdict(path, game.channel)
    assert not found.sound
    assert found.code == "STATE_LOST"
    assert (found.expected, found.got) == ("row 10", f"row {kept}")
    assert code_of(Journal.open, path) == "STORE_ROLLED_BACK"


def test_another_journal_in_its_place(path: Path, tmp_path: Path) -> None:
    """Even one that holds the very same states, and more."""
    game, _ = told(path)
    told(tmp_path / "other.db")
    (tmp_path / "other.db").replace(path)
    assert verdict(path, game.channel).code == "STATE_LOST"
    assert code_of(Journal.open, path) == "STORE_ROLLED_BACK"


def test_without_a_mark_there_is_nothing_to_hold_it_against(path: Path) -> None:
    """A file that lost its mark opens, and gets a new one: a mark is a witness, no lock."""
    game, _ = told(path)
    mark_path(path).unlink()
    assert verdict(path, game.channel).sound
    Journal.open(path).close()
    found = read_mark(mark_path(path))
    assert found is not None
    assert found.seq == 10


def test_a_torn_mark_counts_as_the_one_before(path: Path) -> None:
    game, entries = played()
    journal = journal_with(path, game, entries[:8])
    for entry in entries[8:]:
        journal.record(entry)
    journal.close()
    data = bytearray(mark_path(path).read_bytes())
    slots = [read_mark_of(data[at : at + 512], path) for at in (0, 512)]
    newest = max(range(2), key=lambda at: slots[at].seq)
    data[newest * 512 + 20] ^= 1
    mark_path(path).write_bytes(data)
    found = read_mark(mark_path(path))
    assert found is not None
    assert found.seq == slots[1 - newest].seq == 9
    Journal.open(path).close()


def read_mark_of(slot: bytes, path: Path) -> Mark:
    single = path.with_name("slot")
    single.write_bytes(slot)
    found = read_mark(single)
    assert found is not None
    return found


# --- the write-ahead log ---------------------------------------------------------------------------------------------


def crashed(path: Path, folder: Path) -> tuple[Game, Path]:
    """What a kill leaves: a database of which much is in its WAL alone. The copy's path."""
    game, entries = played()
    journal = journal_with(path, game, entries[:4])
    journal.store.row("PRAGMA wal_checkpoint(TRUNCATE)")
    for entry in entries[4:]:
        journal.record(entry)
    folder.mkdir()
    for file in (path, Path(f"{path}-wal"), mark_path(path)):
        shutil.copy(file, folder / file.name)
    journal.close()
    return game, folder / path.name


def test_after_a_kill_nothing_is_missing(path: Path, tmp_path: Path) -> None:
    game, copy = crashed(path, tmp_path / "copy")
    assert verdict(copy, game.channel) == Verdict(10, 9, 9)
    Journal.open(copy).close()


def test_a_wal_that_is_gone(path: Path, tmp_path: Path) -> None:
    game, copy = crashed(path, tmp_path / "copy")
    Path(f"{copy}-wal").unlink()
    found = verdict(copy, game.channel)
    assert (found.code, found.bad) == ("STATE_LOST", 4)
    assert code_of(Journal.open, copy) == "STORE_ROLLED_BACK"


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_wal_cut_short(path: Path, tmp_path: Path, part: float) -> None:
    game, copy = crashed(path, tmp_path / "copy")
    wal = Path(f"{copy}-wal")
    wal.write_bytes(wal.read_bytes()[: int(wal.stat().st_size * part)])
    assert not verdict(copy, game.channel).sound
    assert code_of(Journal.open, copy) == "STORE_ROLLED_BACK"


@pytest.mark.parametrize("sizes", [(4, 10), (10, 4), (1, 2)])
def test_the_wal_of_another_journal(path: Path, tmp_path: Path, sizes: tuple[int, int]) -> None:
    """Whatever SQLite makes of it, nothing is signed, and no verification calls it sound."""
    game, copy = crashed(path, tmp_path / "copy")
    other_game = Game(make_terms(nonce=2))
    while len(other_game.states) < 10:
        other_game.open(amount=LOT * 100)
        other_game.apply(other_game.cancel(other_game.last.open_orders[0].id))
    entries = [entry_of(other_game, state, issuer) for state, issuer in other_game.states]
    other = journal_with(tmp_path / "other.db", other_game, entries[: sizes[0]])
    other.store.row("PRAGMA wal_checkpoint(TRUNCATE)")
    for entry in entries[sizes[0] : sizes[1]]:
        other.record(entry)
    other.set_phase(other_game.channel, "final")
    shutil.copy(tmp_path / "other.db-wal", f"{copy}-wal")
    other.close()
    with pytest.raises(WalletError) as caught:
        Journal.open(copy).close()
    assert caught.value.code in ("STORE_ROLLED_BACK", "STORE_DAMAGED", "STORE_FAILED")
    found: Verdict | None = None
    with suppress(WalletError):  # it may not even be readable
        found = verdict(copy, game.channel)
    assert found is None or not found.sound


def test_from_the_brokers_side_rows_are_kept_as_well(path: Path) -> None:
    game, entries = played()
    journal_with(path, game, entries, Role.BROKER).close()
    tamper(path, "UPDATE states SET recorded = 1 WHERE seq = 6")
    assert verdict(path, game.channel).bad == entries[5].state.increment
