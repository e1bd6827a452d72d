"""A disk that refuses: what was on it stays, and nothing more is signed until the file is opened anew and checked."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.game import ADDRESSES, KEYS, NOW, Game
from tests.support.histories import entry_of, journal_with, played
from tests.support.tamper import tamper
from wallet.history.journal import IntentRecord, Journal, Status, mark_path
from wallet.history.mark import read_mark
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError
from wallet.protocol.signatures import sign
from wallet.protocol.terms import Role
from wallet.protocol.typed import TypedDigest
from wallet.session.answers import Ack, Proposal
from wallet.session.channel import TraderChannel
from wallet.session.clock import Clock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(WalletError) as caught:
        call(*args)
    return caught.value.code


FULL = """
import json, resource, signal, sys
from pathlib import Path
from tests.support.histories import journal_with, played
from wallet.history.journal import Journal
from wallet.protocol.errors import WalletError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path, room = Path(sys.argv[1]), int(sys.argv[2])
game, entries = played()
journal = journal_with(path, game, entries[:2])
size = Path(str(path) + "-wal").stat().st_size
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, limit[1]))
signed, refused = 2, []
for entry in entries[2:]:
    try:
        journal.record(entry)
        signed += 1
    except WalletError as error:
        refused.append(error.code)
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)  # there is room again: it must not go on
journal.store.row("SELECT count(*) FROM states")
print(json.dumps({"signed": signed, "refused": refused}), flush=True)
import os
os._exit(0)  # as a crash would: nothing is put in order
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("room", [0, 100, 5_000, 20_000, 45_000])
def test_a_full_disk_in_the_middle_of_a_commit(path: Path, room: int) -> None:
    """The kernel itself refuses the write, in a real process. What was acknowledged is there; nothing came after."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(room)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["refused"], "the disk was not full"
    assert set(said["refused"]) == {"STORE_FAILED"}
    assert said["signed"] + len(said["refused"]) == 10  # from the first failure on, all of them
    found = read_mark(mark_path(path))
    assert found is not None
    assert found.failed
    game, entries = played()
    journal = Journal.open(path)  # every row is looked at
    assert list(journal.walk(game.channel)) == entries[: said["signed"]]
    assert read_mark(mark_path(path)) == replace(
        found, failed=False, seq=said["signed"], digest=entries[said["signed"] - 1].digest
    )
    for entry in entries[said["signed"] :]:
        journal.record(entry)
    assert verify_history(journal, game.channel).sound
    journal.close()


class Refusing:
    """The connection, until one statement fails as a disk does."""

    def __init__(self, inner: sqlite3.Connection, statement: str) -> None:
        self._inner, self._statement = inner, statement

    def execute(self, sql: str, *values: Any) -> Any:
        if sql.startswith(self._statement):
            self._statement = "never again"
            raise sqlite3.OperationalError("disk I/O error")
        return self._inner.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT INTO states", "COMMIT"])
def test_a_failing_statement_is_the_last(path: Path, statement: str) -> None:
    game, entries = played()
    journal = journal_with(path, game, entries[:4])
    whole = journal.store._db
    journal.store._db = Refusing(whole, statement)  # type: ignore[assignment] # what a bad disk makes of it
    assert code_of(journal.record, entries[4]) == "STORE_FAILED"
    for write in (
        lambda: journal.record(entries[4]),
        lambda: journal.set_phase(game.channel, "final"),
        lambda: journal.set_fact(game.channel, "x", b"1"),
        lambda: journal.add_intent(game.intent(), "open", NOW),
    ):
        assert code_of(write) == "STORE_FAILED"
    assert journal.count(game.channel) == 4
    journal.close()
    found = read_mark(mark_path(path))
    assert found is not None
    assert found.failed
    again = Journal.open(path)
    again.record(entries[4])
    again.close()


def test_after_a_failure_every_row_is_looked_at_before_it_opens(path: Path) -> None:
    """Damage far below the tail, that an ordinary opening does not look for."""
    game, entries = played()
    while len(game.states) < 40:
        entries.append(entry_of(game, game.apply(game.hand_over()), Role.BROKER))
    for failed in (False, True):
        file = path.with_name(f"{failed}.db")
        journal = journal_with(file, game, entries)
        if failed:
            journal.store._db = Refusing(journal.store._db, "COMMIT")  # type: ignore[assignment]
            assert code_of(journal.set_phase, game.channel, "final") == "STORE_FAILED"
        journal.close()
        tamper(file, "UPDATE states SET recorded = 1 WHERE seq = 2")
        if failed:
            assert code_of(Journal.open, file) == "STORE_DAMAGED"
            assert code_of(Journal.open, file) == "STORE_DAMAGED"  # the mark stays until it is whole
        else:
            Journal.open(file).close()


def test_damage_in_the_last_rows_is_met_at_every_opening(path: Path) -> None:
    game, entries = played()
    journal_with(path, game, entries).close()
    tamper(path, "UPDATE states SET status = ? WHERE seq = 10", int(Status.REFUSED))
    assert code_of(Journal.open, path) == "STORE_DAMAGED"


def test_a_mark_that_cannot_be_written_stops_the_signing_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game, entries = played()
    journal = journal_with(path, game, entries[:4])

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("wallet.history.mark.HighWater.write", broken)
    assert code_of(journal.record, entries[4]) == "STORE_FAILED"
    assert code_of(journal.record, entries[5]) == "STORE_FAILED"
    journal.close()
    monkeypatch.undo()
    again = Journal.open(path)
    assert list(again.walk(game.channel)) == entries[:5]  # it was on disk; the same bytes leave when it is opened anew
    again.close()


class Counting:
    """A key that counts."""

    def __init__(self) -> None:
        self.address, self.signed = ADDRESSES["trader signer"], 0

    def sign(self, typed: TypedDigest) -> bytes:
        self.signed += 1
        return sign(KEYS["trader signer"], typed)


def test_the_driver_signs_nothing_more(path: Path) -> None:
    """Not a state that is in order, not a refusal of one that is late, not even that the trader is there."""
    game = Game()
    journal = journal_with(path, game, [entry_of(game, game.setup, Role.BROKER)])
    key = Counting()
    record = journal.channels()[0]
    channel = TraderChannel(journal, record, key, Clock(now=lambda: float(game.now), monotonic=lambda: float(game.now)))
    channel.echoed = float(game.now)
    intent = game.intent()
    channel.requests.add(IntentRecord(intent, "submitted", "", game.now))
    state = game.create(intent)
    good = Proposal(state, game.sign(Role.BROKER, state), b"{}", float(game.now))
    late = replace(good, received=float(game.now + 10_000))
    journal.store._db = Refusing(journal.store._db, "COMMIT")  # type: ignore[assignment]
    assert code_of(channel.propose, good) == "STORE_FAILED"
    counted = key.signed
    for proposal in (good, late):
        assert code_of(channel.propose, proposal) == "STORE_FAILED"
    assert channel.signer is not None
    assert code_of(channel.signer.sign, game.domain.digest(state)) == "STORE_FAILED"
    assert key.signed == counted
    assert channel.last is not None
    assert channel.last.state == game.setup
    journal.close()
    journal = Journal.open(path)
    channel = TraderChannel(journal, record, key, channel.clock)
    channel.echoed = float(game.now)
    assert isinstance(channel.propose(good), Ack)
    journal.close()
