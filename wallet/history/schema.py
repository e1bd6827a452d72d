"""The journal's tables in their present version, the guards that make them append-only, and the way from older ones.

A migration runs in one transaction with the new version's number: stopped at any point, the file is what it was.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from wallet.history.rows import CHANNELS, FLAGS, INTENTS, STATES, Table, encode_state, seal
from wallet.history.store import Store, run_script
from wallet.protocol import codec
from wallet.protocol.errors import WalletError

SCHEMA_VERSION = 2

_STATES = """
CREATE TABLE states (
    seq INTEGER PRIMARY KEY, channel BLOB NOT NULL REFERENCES channels(id), number INTEGER NOT NULL,
    increment INTEGER NOT NULL, digest BLOB NOT NULL, issuer INTEGER NOT NULL, transition INTEGER NOT NULL,
    body BLOB NOT NULL, broker_signature BLOB, trader_signature BLOB, own INTEGER NOT NULL, status INTEGER NOT NULL,
    recorded INTEGER NOT NULL, seal BLOB NOT NULL,
    UNIQUE (channel, increment, digest), UNIQUE (channel, number)
);
CREATE UNIQUE INDEX one_digest_per_increment ON states (channel, increment) WHERE own = 1;
CREATE INDEX states_by_digest ON states (digest);
"""

_OTHERS = """
CREATE TABLE channels (
    id BLOB PRIMARY KEY, role INTEGER NOT NULL, chain_id INTEGER NOT NULL, contract BLOB NOT NULL,
    terms BLOB NOT NULL, phase TEXT NOT NULL, created INTEGER NOT NULL, seal BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE TABLE intents (
    id BLOB PRIMARY KEY, channel BLOB NOT NULL REFERENCES channels(id), nonce INTEGER NOT NULL, body BLOB NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL,
    cancel BLOB, receipt BLOB, seal BLOB NOT NULL DEFAULT x'', UNIQUE (channel, nonce)
) WITHOUT ROWID;
CREATE TABLE flags (
    id INTEGER PRIMARY KEY, channel BLOB NOT NULL, increment INTEGER NOT NULL, code TEXT NOT NULL,
    expected TEXT NOT NULL, got TEXT NOT NULL, cost BLOB NOT NULL, digest BLOB NOT NULL, raw BLOB NOT NULL,
    signature BLOB NOT NULL, time INTEGER NOT NULL, last_good INTEGER NOT NULL, resolved INTEGER NOT NULL DEFAULT 0,
    seal BLOB NOT NULL DEFAULT x''
);
CREATE TABLE facts (
    channel BLOB NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, channel BLOB NOT NULL, purpose TEXT NOT NULL, raw BLOB NOT NULL, nonce INTEGER NOT NULL,
    sender BLOB NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL
);
"""

# What may change in a row that is there: signatures are added, never replaced or taken away; what is validated stays
# so; a flag is decided once. Everything else is as it was written, and nothing is ever deleted.
_FIXED: Mapping[Table, tuple[str, ...]] = {
    STATES: ("seq", "channel", "number", "increment", "digest", "issuer", "transition", "body", "recorded"),
    CHANNELS: ("id", "role", "chain_id", "contract", "terms", "created"),
    INTENTS: ("id", "channel", "nonce", "body", "created"),
    FLAGS: ("id", *FLAGS.columns[:-1]),
}
_ALSO: Mapping[Table, tuple[str, ...]] = {
    STATES: (
        "OLD.broker_signature IS NOT NULL AND OLD.broker_signature IS NOT NEW.broker_signature",
        "OLD.trader_signature IS NOT NULL AND OLD.trader_signature IS NOT NEW.trader_signature",
        "OLD.own > NEW.own",
        "OLD.status = 1 AND NEW.status <> 1",
    ),
    INTENTS: (
        "OLD.cancel IS NOT NULL AND OLD.cancel IS NOT NEW.cancel",
        "OLD.receipt IS NOT NULL AND OLD.receipt IS NOT NEW.receipt",
    ),
    FLAGS: ("OLD.resolved > NEW.resolved",),
}


def _guard(table: Table) -> str:
    name = table.name
    fixed = [f"OLD.{column} IS NOT NEW.{column}" for column in _FIXED[table]]
    return f"""
CREATE TRIGGER {name}_change BEFORE UPDATE ON {name} WHEN {" OR ".join((*fixed, *_ALSO.get(table, ())))}
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
{_delete_guard(table)}"""


def _delete_guard(table: Table) -> str:
    return f"""CREATE TRIGGER {table.name}_delete BEFORE DELETE ON {table.name}
BEGIN SELECT RAISE(ABORT, 'append-only'); END;
"""


_GUARDS = "".join(map(_guard, _FIXED))
SCHEMA = _OTHERS + _STATES + _GUARDS


def require_version(store: Store) -> None:
    """Refuses, for who can't migrate, a file of another version. A broker's own tables count in thousands of it."""
    row = store.row("PRAGMA user_version")
    found = int(row[0]) if row else 0
    found = found // 1_000 if found >= 1_000 else found
    if found != SCHEMA_VERSION:
        code = "STORE_NEWER_VERSION" if found > SCHEMA_VERSION else "STORE_OLDER_VERSION"
        raise WalletError(code, path=store.path.name, found=found, known=SCHEMA_VERSION)


@contextmanager
def forgetting(store: Store) -> Iterator[None]:
    """Lets rows be deleted, in one transaction: for a sandbox that forgets what its own made-up traders did.

    No wallet and no real broker ever does.
    """
    with store.transaction():
        for table in _FIXED:
            store.execute(f"DROP TRIGGER {table.name}_delete")
        yield
        for table in _FIXED:
            store.execute(_delete_guard(table))


# --- from older versions ---------------------------------------------------------------------------------------------


def _to_2(db: sqlite3.Connection) -> None:
    """Version 1 kept states as JSON in the order of increments, without numbers, seals and guards."""
    run_script(
        db, "DROP INDEX one_digest_per_increment; DROP INDEX states_by_digest; ALTER TABLE states RENAME TO old;"
    )
    run_script(db, _STATES)
    names = "channel, increment, digest, issuer, transition, body, broker_signature, trader_signature, own, status"
    number, of = 0, b""
    for row in db.execute(f"SELECT {names}, recorded FROM old ORDER BY channel, increment, digest"):  # noqa: S608
        channel, increment, digest, issuer, transition, body, *rest = row
        number, of = (number + 1 if channel == of else 0), channel
        try:
            state = codec.read_state(*msgspec.json.decode(body))
        except WalletError as error:
            raise ValueError(f"state {increment} can't be read") from error
        if (state.channel, state.increment, int(state.transition)) != (channel, increment, transition):
            raise ValueError(f"state {increment} is not what its row says")
        values = (channel, number, increment, digest, issuer, transition, encode_state(state), *rest)
        db.execute(STATES.insertion, (*values, seal(values)))
    db.execute("DROP TABLE old")
    for table, key in ((CHANNELS, "id"), (INTENTS, "id"), (FLAGS, "id")):
        db.execute(f"ALTER TABLE {table.name} ADD COLUMN seal BLOB NOT NULL DEFAULT x''")
        found = db.execute(f"SELECT {key}, {', '.join(table.columns)} FROM {table.name}")  # noqa: S608 - constants
        for at, *values in found.fetchall():
            db.execute(f"UPDATE {table.name} SET seal = ? WHERE {key} = ?", (seal(values), at))  # noqa: S608
    run_script(db, _GUARDS)


Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: Mapping[int, tuple[int, Migration]] = {1: (2, _to_2)}
"""What leads from a version to a newer one."""
