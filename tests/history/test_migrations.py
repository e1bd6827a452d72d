"""Files of older versions: brought up to date whole, or left as they were; newer ones are refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import fixture
from tests.support.tamper import tamper
from wallet.history import schema
from wallet.history.export import export_json
from wallet.history.journal import Journal
from wallet.history.reader import HistoryReader
from wallet.history.schema import SCHEMA_VERSION
from wallet.history.verify import verify_history
from wallet.protocol.errors import WalletError

FROZEN = sorted(fixture.FOLDER.glob("history-*.db"))
OLD = fixture.FOLDER / "history-1.db"


def copy_of(source: Path, folder: Path) -> Path:
    path = folder / "history.db"
    shutil.copyfile(source, path)
    return path


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, and the definitions."""
    raw = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    found = {table: raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}
    found["schema"] = raw.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
    found["version"] = raw.execute("PRAGMA user_version").fetchall()
    raw.close()
    return found


def code_of(path: Path) -> str:
    with pytest.raises(WalletError) as caught:
        Journal.open(path)
    return caught.value.code


def test_every_version_has_its_frozen_file() -> None:
    assert [path.name for path in FROZEN] == [f"history-{number}.db" for number in range(1, SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: path.stem)
def test_a_file_of_any_version_opens_with_all_there_was(frozen: Path, tmp_path: Path) -> None:
    journal = Journal.open(copy_of(frozen, tmp_path))
    channel = journal.channels()[0].id
    export_json(journal, channel, tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_bytes()) == json.loads(
        (fixture.FOLDER / "history.json").read_bytes()
    )
    assert verify_history(journal, channel).sound
    assert journal.fact(channel, "finalize_on") is not None
    assert journal.count(channel) == len(list(journal.walk(channel)))
    journal.check_rows()
    journal.close()


def test_a_migrated_file_is_the_same_as_a_new_one(tmp_path: Path) -> None:
    migrated = copy_of(OLD, tmp_path)
    Journal.open(migrated).close()
    journal = Journal.open(tmp_path / "new.db")
    fixture.fill(journal)
    journal.close()
    made, new = contents(migrated), contents(tmp_path / "new.db")
    assert {name for name, _ in made["schema"]} == {name for name, _ in new["schema"]}
    for path in (migrated, tmp_path / "new.db"):
        with closing(sqlite3.connect(path)) as base, pytest.raises(sqlite3.IntegrityError, match="append-only"):
            base.execute("DELETE FROM states")
    assert made["version"] == new["version"]


def test_opened_twice_is_migrated_once(tmp_path: Path) -> None:
    path = copy_of(OLD, tmp_path)
    Journal.open(path).close()
    before = contents(path)
    Journal.open(path).close()
    assert contents(path) == before


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = copy_of(FROZEN[-1], tmp_path)
    with closing(sqlite3.connect(path)) as base:  # not closed, it might write when it is collected
        base.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    assert code_of(path) == "STORE_NEWER_VERSION"
    with pytest.raises(WalletError) as caught:
        HistoryReader(path)
    assert caught.value.code == "STORE_NEWER_VERSION"
    assert path.read_bytes() == before


def test_who_only_reads_says_that_a_file_is_older(tmp_path: Path) -> None:
    path = copy_of(OLD, tmp_path)
    before = path.read_bytes()
    with pytest.raises(WalletError) as caught:
        HistoryReader(path)
    assert (caught.value.code, caught.value.params["found"]) == ("STORE_OLDER_VERSION", 1)
    assert path.read_bytes() == before


def test_a_version_nobody_knows_the_way_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wallet.history.journal.MIGRATIONS", {})
    assert code_of(copy_of(OLD, tmp_path)) == "STORE_OLDER_VERSION"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE states SET body = '[{},[]]' WHERE increment = 6",
        "UPDATE states SET body = (SELECT body FROM states WHERE increment = 2) WHERE increment = 6",
        "UPDATE states SET transition = 1 WHERE increment = 6",
    ],
)
def test_a_damaged_old_file_stays_as_it_is(tmp_path: Path, change: str) -> None:
    path = copy_of(OLD, tmp_path)
    assert tamper(path, change) == 1
    before = contents(path)
    assert code_of(path) == "STORE_DAMAGED"
    assert contents(path) == before


def test_a_full_disk_on_the_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy_of(OLD, tmp_path)
    before = contents(path)
    script = schema.run_script

    def full(db: sqlite3.Connection, text: str) -> None:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={pages + 2}")
        script(db, text)

    monkeypatch.setattr(schema, "run_script", full)
    assert code_of(path) == "STORE_FAILED"
    assert contents(path) == before
    monkeypatch.undo()
    Journal.open(path).close()


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("row", [1, 7, 11])
def test_killed_on_the_way_it_starts_over(tmp_path: Path, row: int) -> None:
    """Kill -9 inside the migration's transaction, after so many rows were written anew."""
    path = copy_of(OLD, tmp_path)
    before = contents(path)
    program = f"""
import os, signal, sys
from pathlib import Path
from wallet.history import schema
from wallet.history.journal import Journal
encode, calls = schema.encode_state, []
def dying(state):
    calls.append(state)
    if len(calls) == {row}:
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(state)
schema.encode_state = dying
Journal.open(Path(sys.argv[1]))
"""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program, str(path)]
    done = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert contents(path) == before
    journal = Journal.open(path)
    assert verify_history(journal, journal.channels()[0].id).sound
    journal.close()
