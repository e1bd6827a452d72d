"""The online backup: of one moment, while the writer goes on; whole or not there at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import threading
from pathlib import Path

import pytest

from tests.support.histories import journal_with, played
from tests.support.long_history import CHANNEL, make_history
from wallet.history import backup
from wallet.history.backup import back_up
from wallet.history.journal import Journal
from wallet.history.reader import HistoryReader
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError


def code_of(*args: object, **keywords: object) -> str:
    with pytest.raises(WalletError) as caught:
        back_up(*args, **keywords)  # type: ignore[arg-type] # as given
    return caught.value.code


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_while_the_driver_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two steps of the copy something is committed; the copy ends, and is of its first moment."""
    monkeypatch.setattr(backup, "PAGES", 4)
    made = make_history(tmp_path / "history.db", states=300)
    journal = Journal.open(made.path)
    written: list[int] = []

    def write(done: int, total: int) -> None:
        journal.set_fact(CHANNEL, "written", b"%d" % len(written))
        written.append(done)

    out = tmp_path / "out"
    out.mkdir()
    pages = back_up(made.path, out / "copy.db", write)
    assert len(written) > 20
    assert written[-1] == pages
    assert journal.fact(CHANNEL, "written") == b"%d" % (len(written) - 1)
    journal.close()
    assert names(out) == ["copy.db"]
    with HistoryReader(out / "copy.db") as copy:
        assert verify_history(copy, CHANNEL).states == made.states
        assert verify_history(copy, CHANNEL).sound
    assert sqlite3.connect(out / "copy.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
    kept = sqlite3.connect(out / "copy.db").execute("SELECT value FROM facts WHERE name = 'written'").fetchone()
    assert kept is None  # the first moment


def test_the_writer_never_waits(tmp_path: Path) -> None:
    """Commits go on at their pace on another thread while many copies are made."""
    game, entries = played()
    journal_with(tmp_path / "history.db", game, entries).close()
    stop, count, errors = threading.Event(), [0], []

    def write() -> None:
        journal = Journal.open(tmp_path / "history.db")
        try:
            while not stop.is_set():
                journal.set_fact(game.channel, "n", b"%d" % count[0])
                count[0] += 1
        except WalletError as error:
            errors.append(error)
        finally:
            journal.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(20):
            back_up(tmp_path / "history.db", tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join(30)
    assert errors == []
    assert count[0] > 20
    for number in range(20):
        with HistoryReader(tmp_path / f"{number}.db") as copy:
            assert verify_history(copy, game.channel).sound


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_owner_only_and_replaced_whole(tmp_path: Path) -> None:
    game, entries = played()
    journal = journal_with(tmp_path / "history.db", game, entries)
    target = tmp_path / "copy.db"
    target.write_bytes(b"old")
    target.chmod(0o666)
    before = os.umask(0)
    try:
        back_up(tmp_path / "history.db", target)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with HistoryReader(target) as copy:
        assert list(copy.walk(game.channel)) == entries
    journal.close()


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    game, entries = played()
    journal = journal_with(tmp_path / "history.db", game, entries)
    out = tmp_path / "out"
    out.mkdir()
    target = out / "copy.db"
    target.write_bytes(b"old")
    source = tmp_path / "history.db"
    assert code_of(source, target, cancelled=lambda: True) == "EXPORT_CANCELLED"
    assert code_of(source, tmp_path / "none" / "copy.db") == "EXPORT_FAILED"
    assert code_of(tmp_path / "missing.db", target) == "EXPORT_FAILED"
    assert code_of(source, source) == "EXPORT_FAILED"
    assert names(out) == ["copy.db"]
    assert target.read_bytes() == b"old"
    assert list(journal.walk(game.channel)) == entries
    journal.close()


def test_brought_back_it_signs_nothing(tmp_path: Path) -> None:
    """In the place of a journal that went on it is an old one, and the mark beside it tells."""
    game, entries = played()
    journal = journal_with(tmp_path / "history.db", game, entries[:5])
    back_up(tmp_path / "history.db", tmp_path / "copy.db")
    for entry in entries[5:]:
        journal.record(entry)
    journal.close()
    (tmp_path / "copy.db").replace(tmp_path / "history.db")
    with pytest.raises(WalletError) as caught:
        Journal.open(tmp_path / "history.db")
    assert (caught.value.code, caught.value.params["expected"], caught.value.params["got"]) == (
        "STORE_ROLLED_BACK",
        10,
        5,
    )
