"""Hands on the database file itself, past the program: what damage, other programs and attackers could do to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from wallet.history.rows import CHANNELS, FLAGS, INTENTS, STATES, seal
from wallet.history.store import run_script


def tamper(path: Path, script: str, *values: object, sealed: bool = False) -> int:
    """Runs one statement with the guards put aside; how many rows it touched.

    ``sealed`` makes the seals anew, as someone would who knows the program but not the keys.
    """
    raw = sqlite3.connect(path, isolation_level=None)
    try:
        guards = raw.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            raw.execute(f"DROP TRIGGER {name}")
        count = raw.execute(script, values).rowcount
        if sealed:
            _reseal(raw)
        for _, sql in guards:
            run_script(raw, sql + ";")
        return count
    finally:
        raw.close()


def _reseal(raw: sqlite3.Connection) -> None:
    for table, key in ((CHANNELS, "id"), (STATES, "seq"), (INTENTS, "id"), (FLAGS, "id")):
        for at, *values in raw.execute(f"SELECT {key}, {', '.join(table.columns)} FROM {table.name}").fetchall():
            raw.execute(f"UPDATE {table.name} SET seal = ? WHERE {key} = ?", (seal(values), at))
