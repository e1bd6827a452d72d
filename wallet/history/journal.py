"""The journal of signed states: every state of every channel, with its signatures, in the order of increments.

Both sides keep one. It enforces the promise everything rests on: *one digest per increment and role*. A unique
index refuses a second own signature at a number, whatever the code above believes. Source: design §3, §8.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import msgspec

from wallet.history.mark import HighWater, Mark, read_mark
from wallet.history.records import (
    ChannelRecord,
    Entry,
    FlagRecord,
    IntentRecord,
    Status,
    read_channel,
    read_entry,
    read_flag,
    read_intent,
)
from wallet.history.rows import CHANNELS, FLAGS, INTENTS, STATES, encode_state
from wallet.history.schema import MIGRATIONS, SCHEMA, SCHEMA_VERSION, forgetting
from wallet.history.store import Row, Store
from wallet.protocol import codec
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder

__all__ = ["ChannelRecord", "Entry", "FlagRecord", "IntentRecord", "Journal", "Status", "mark_path"]

T = TypeVar("T")
STORE_ID = "store"  # the fact that names this file, and is in no other
NEAR = 64  # rows after a state among which its direct successors are: refused ones, their void, the next
_TOP = 2**62  # above every increment and nonce
TAIL = 16  # rows looked at whenever the journal is opened


class Journal:
    """Typed access to the tables above. Every writing method is durable when it returns, or joins a transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._mark: HighWater | None = None
        self._moved = False

    @classmethod
    def open(cls, path: Path) -> Journal:
        """The journal of ``path`` for its one writer, made if there is none, with its high-water mark beside it.

        Raises WalletError("STORE_ROLLED_BACK") if it lacks what it had, WalletError("STORE_…") as a store does.
        """
        journal = cls(Store(path, SCHEMA, SCHEMA_VERSION, MIGRATIONS))
        try:
            journal.watch(HighWater(mark_path(path)))
        except OSError as error:
            journal.close()
            raise WalletError("STORE_FAILED", path=path.name, why=error.strerror or "") from error
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        self.store.close()
        if self._mark is not None:
            self._mark.close()

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """See :func:`wallet.history.schema.forgetting`; the mark follows."""
        self._moved = True
        with forgetting(self.store):
            yield

    # --- what must hold before anything is signed ---

    def watch(self, mark: HighWater) -> None:
        """Holds the file against its mark and its own seals, and keeps the mark from here on.

        After a write that failed every row is looked at, else the last few.
        Raises WalletError("STORE_ROLLED_BACK" | "STORE_DAMAGED"), OSError.
        """
        self._mark = mark
        store_id = self.fact(b"", STORE_ID)
        if store_id is None:
            store_id = secrets.token_bytes(16)
            self.set_fact(b"", STORE_ID, store_id)
        known = mark.mark
        if known is not None:
            self.require_reached(known)
        if known is not None and known.failed:
            self.check_rows()
        else:
            self._check_tail()
        seq, digest = self.top()
        mark.write(Mark(store_id, seq, digest))
        self.store.after_commit = self._advance
        self.store.on_failure = lambda: mark.write(replace(mark.mark or Mark(store_id), failed=True))

    def require_reached(self, mark: Mark) -> None:
        """WalletError("STORE_ROLLED_BACK") unless this is the file of ``mark``, and has come at least as far."""
        row = self.store.row("SELECT digest FROM states WHERE seq = ?", (mark.seq,)) if mark.seq else (mark.digest,)
        if self.fact(b"", STORE_ID) != mark.store or row is None or row[0] != mark.digest:
            raise WalletError("STORE_ROLLED_BACK", path=self.store.path.name, expected=mark.seq, got=self.top()[0])

    def lost(self) -> tuple[int, int] | None:
        """(rows expected, rows there are) if the file lacks what its mark has seen; None too where there is no mark."""
        mark = self._mark.mark if self._mark is not None else read_mark(mark_path(self.store.path))
        try:
            if mark is not None:
                self.require_reached(mark)
        except WalletError as error:
            if error.code != "STORE_ROLLED_BACK":
                raise
            return mark.seq if mark else 0, self.top()[0]
        return None

    def check_rows(self) -> None:
        """Every row of every table has its seal. WalletError("STORE_DAMAGED") if not."""
        if self.store.row("PRAGMA quick_check(1)") != ("ok",):
            raise WalletError("STORE_DAMAGED", path=self.store.path.name, why="quick_check")
        for table, key in ((CHANNELS, "id"), (STATES, "seq"), (INTENTS, "id"), (FLAGS, "id")):
            at: object = None
            sql = (
                f"SELECT {key}, {table.selected} FROM {table.name}"  # noqa: S608 - constants
                f" WHERE ?1 IS NULL OR {key} > ?1 ORDER BY {key} LIMIT 500"
            )
            while rows := self.store.rows(sql, (at,)):
                for row in rows:
                    self._read(table.opened, row[1:])
                at = rows[-1][0]

    def top(self) -> tuple[int, bytes]:
        """The last row of all states: its place in the file and its digest; (0, zeros) if there is none."""
        row = self.store.row("SELECT seq, digest FROM states ORDER BY seq DESC LIMIT 1")
        return (int(row[0]), bytes(row[1])) if row else (0, bytes(32))

    def _check_tail(self) -> None:
        rows = self.store.rows(f"SELECT {STATES.selected} FROM states ORDER BY seq DESC LIMIT ?", (TAIL,))  # noqa: S608
        for row in rows:
            self._read(read_entry, row)

    def _advance(self) -> None:
        if self._moved and self._mark is not None and self._mark.mark is not None:
            seq, digest = self.top()
            self._mark.write(replace(self._mark.mark, seq=seq, digest=digest))
            self._moved = False

    # --- channels ---

    def add_channel(self, record: ChannelRecord) -> None:
        """Raises WalletError("SET-NONCE-REUSE") if a channel of this id is known already."""
        terms = msgspec.json.encode(codec.show_terms(record.terms))
        values = (record.id, int(record.role), record.chain_id, record.contract, terms, record.phase, record.created)
        try:
            CHANNELS.insert(self.store, values)
        except sqlite3.IntegrityError as error:
            raise WalletError("SET-NONCE-REUSE", channel="0x" + record.id.hex()) from error

    def channels(self) -> list[ChannelRecord]:
        """All channels, oldest first."""
        rows = self.store.rows(f"SELECT {CHANNELS.selected} FROM channels ORDER BY created, id")  # noqa: S608
        return [self._read(read_channel, row) for row in rows]

    def channel(self, channel: bytes) -> ChannelRecord | None:
        row = self.store.row(f"SELECT {CHANNELS.selected} FROM channels WHERE id = ?", (channel,))  # noqa: S608
        return self._read(read_channel, row) if row else None

    def set_phase(self, channel: bytes, phase: str) -> None:
        CHANNELS.change(self.store, "id = ?", (channel,), {"phase": phase})

    # --- states ---

    def record(self, entry: Entry) -> None:
        """Adds a state, or more signatures and a new status to a known one; never takes a signature away.

        Raises WalletError("SIGNED_ALREADY") rather than let our second digest stand at one increment.
        """
        state = entry.state
        place = (state.channel, state.increment, entry.digest)
        where = "channel = ? AND increment = ? AND digest = ?"
        try:
            with self.store.transaction():
                row = self.store.row(f"SELECT {STATES.selected} FROM states WHERE {where}", place)  # noqa: S608
                if row is None:
                    self._add(entry)
                else:
                    STATES.change(self.store, where, place, _additions(self._read(read_entry, row), entry))
        except sqlite3.IntegrityError as error:
            _require_channel(error, state.channel)
            if error.sqlite_errorcode != sqlite3.SQLITE_CONSTRAINT_UNIQUE:
                raise
            raise WalletError("SIGNED_ALREADY", increment=state.increment) from error

    def _add(self, entry: Entry) -> None:
        state = entry.state
        self._moved = True
        STATES.insert(
            self.store,
            (
                state.channel,
                self.count(state.channel),
                state.increment,
                entry.digest,
                int(entry.issuer),
                int(state.transition),
                encode_state(state),
                entry.broker_signature,
                entry.trader_signature,
                int(entry.own),
                int(entry.status),
                entry.recorded,
            ),
        )

    def latest(self, channel: bytes) -> Entry | None:
        """The highest validated state."""
        return self._one("channel = ? AND status = 1 ORDER BY increment DESC", (channel,))

    def pending(self, channel: bytes) -> Entry | None:
        """The one issued state that waits for an answer, if any."""
        return self._one("channel = ? AND status = 0 ORDER BY increment DESC", (channel,))

    def by_digest(self, channel: bytes, digest: bytes) -> Entry | None:
        return self._one("digest = ? AND channel = ?", (digest, channel))

    def at(self, channel: bytes, increment: int) -> list[Entry]:
        """Everything recorded at one number: more than one row after a lie."""
        return list(self._many("channel = ? AND increment = ?", (channel, increment)))

    def own_at(self, channel: bytes, increment: int) -> Entry | None:
        """What we signed at this number."""
        return self._one("channel = ? AND increment = ? AND own = 1", (channel, increment))

    def after(self, channel: bytes, increment: int, limit: int) -> list[Entry]:
        """Validated states above ``increment``, lowest first."""
        return list(
            self._many(
                "channel = ? AND increment > ? AND status = 1 ORDER BY increment LIMIT ?", (channel, increment, limit)
            )
        )

    def following(self, entry: Entry) -> Iterator[Entry]:
        """The states above ``entry`` that name it as their predecessor, lowest first, whatever became of them."""
        where = "channel = ? AND increment > ? ORDER BY increment LIMIT ? OFFSET ?"
        for limit, offset in ((2, 0), (NEAR, 2)):
            for later in self._many(where, (entry.state.channel, entry.state.increment, limit, offset)):
                if later.state.previous == entry.digest:
                    yield later

    def page(self, channel: bytes, before: int | None, limit: int) -> list[Entry]:
        """States of any status, newest first, below ``before``.

        About ``limit``: never only some of the states of one number, so that the next page begins below the last.
        """
        top = 2**62 if before is None else before
        lowest = self.store.row(
            "SELECT min(increment) FROM (SELECT increment FROM states WHERE channel = ? AND increment < ?"
            " ORDER BY increment DESC LIMIT ?)",
            (channel, top, limit),
        )
        if lowest is None or lowest[0] is None:
            return []
        where = "channel = ? AND increment < ? AND increment >= ? ORDER BY increment DESC, digest"
        return list(self._many(where, (channel, top, lowest[0])))

    def walk(self, channel: bytes, batch: int = 500, *, after: int = -1, upto: int | None = None) -> Iterator[Entry]:
        """All states above increment ``after`` (up to ``upto``) from the lowest up, ``batch`` in memory at a time.

        Raises WalletError("STATE_UNREADABLE", increment) at a row that is not what was written.
        """
        at: tuple[int, bytes] = (after + 1, b"")
        sql = (
            f"SELECT {STATES.selected} FROM states WHERE channel = ? AND (increment, digest) > (?, ?)"  # noqa: S608
            " AND increment <= ? ORDER BY increment, digest LIMIT ?"
        )
        while True:
            rows = self.store.rows(sql, (channel, *at, _TOP if upto is None else upto, batch))
            for row in rows:
                increment = row[2]
                entry = self._read(read_entry, row, "STATE_UNREADABLE", increment=increment)
                at = (increment, entry.digest)
                yield entry
            if len(rows) < batch:
                return

    def validated_from(self, channel: bytes, increment: int) -> int | None:
        """The lowest increment of a validated state, from ``increment`` on."""
        row = self.store.row(
            "SELECT increment FROM states WHERE channel = ? AND increment >= ? AND status = 1"
            " ORDER BY increment LIMIT 1",
            (channel, increment),
        )
        return int(row[0]) if row else None

    def count(self, channel: bytes) -> int:
        """How many states were ever recorded of a channel."""
        row = self.store.row("SELECT number FROM states WHERE channel = ? ORDER BY number DESC LIMIT 1", (channel,))
        return int(row[0]) + 1 if row else 0

    def missing(self, channel: bytes) -> int | None:
        """The increment of the first row before which one is gone; None if there are all."""
        row = self.store.row(
            "SELECT increment FROM states AS a WHERE channel = ?1 AND number > 0 AND NOT EXISTS"
            " (SELECT 1 FROM states WHERE channel = ?1 AND number = a.number - 1) ORDER BY number LIMIT 1",
            (channel,),
        )
        return int(row[0]) if row else None

    def stray(self) -> str | None:
        """A table with a row of a channel that is not in this file; None if there is none."""
        known = {record.id for record in self.channels()}
        for table in (STATES, INTENTS):
            at: object = b""
            sql = f"SELECT min(channel) FROM {table.name} WHERE channel > ?"  # noqa: S608 - one step of the index
            while (row := self.store.row(sql, (at,))) is not None and row[0] is not None:
                at = row[0]
                if at not in known:
                    return table.name
        return next((FLAGS.name for flag in self.flags() if flag.channel not in known), None)

    def _one(self, where: str, values: Sequence[object]) -> Entry | None:
        row = self.store.row(f"SELECT {STATES.selected} FROM states WHERE {where} LIMIT 1", values)  # noqa: S608
        return self._read(read_entry, row) if row else None

    def _many(self, where: str, values: Sequence[object]) -> Iterator[Entry]:
        rows = self.store.rows(f"SELECT {STATES.selected} FROM states WHERE {where}", values)  # noqa: S608 - constants
        return (self._read(read_entry, row, "STATE_UNREADABLE", increment=row[2]) for row in rows)

    def _read(self, make: Callable[[Row], T], row: Row, code: str = "", **where: object) -> T:
        """A row as what it stands for; WalletError(``code`` or "STORE_DAMAGED") if it is not what was written."""
        try:
            return make(row)
        except (WalletError, ValueError, TypeError, KeyError) as error:
            if code:
                raise WalletError(code, **where) from error
            why = f"a row can't be read ({type(error).__name__})"
            raise WalletError("STORE_DAMAGED", path=self.store.path.name, why=why) from error

    # --- intents ---

    def add_intent(self, signed: SignedOrder, status: str, created: int) -> None:
        """Raises WalletError("NONCE_USED") if the channel has another intent of this nonce."""
        try:
            INTENTS.insert(
                self.store,
                (
                    signed.id,
                    signed.order.channel,
                    signed.order.order_nonce,
                    msgspec.json.encode(codec.show_signed_order(signed)),
                    status,
                    "",
                    created,
                    None,
                    None,
                ),
            )
        except sqlite3.IntegrityError as error:
            _require_channel(error, signed.order.channel)
            raise WalletError("NONCE_USED", nonce=signed.order.order_nonce) from error

    def set_intent(self, order: bytes, status: str, reason: str = "") -> None:
        INTENTS.change(self.store, "id = ?", (order,), {"status": status, "reason": reason})

    def set_cancel(self, order: bytes, *, cancel: bytes | None = None, receipt: bytes | None = None) -> None:
        """Keeps the signature of a Cancel, or of the broker's receipt of it."""
        row = self.intent(order)
        if row is not None:
            kept = {"cancel": row.cancel or cancel, "receipt": row.receipt or receipt}
            INTENTS.change(self.store, "id = ?", (order,), kept)

    def intent(self, order: bytes) -> IntentRecord | None:
        row = self.store.row(f"SELECT {INTENTS.selected} FROM intents WHERE id = ?", (order,))  # noqa: S608
        return self._read(read_intent, row, "INTENT_UNREADABLE", order="0x" + order.hex()) if row else None

    def intents(self, channel: bytes) -> list[IntentRecord]:
        """All intents of a channel by nonce."""
        sql = f"SELECT {INTENTS.selected} FROM intents WHERE channel = ? ORDER BY nonce"  # noqa: S608 - constants
        rows = self.store.rows(sql, (channel,))
        return [self._read(read_intent, row) for row in rows]

    def top_nonce(self, channel: bytes) -> int:
        """The highest nonce of an intent; -1 without any."""
        row = self.store.row("SELECT nonce FROM intents WHERE channel = ? ORDER BY nonce DESC LIMIT 1", (channel,))
        return int(row[0]) if row else -1

    def walk_intents(
        self, channel: bytes, batch: int = 500, *, after: int = -1, upto: int | None = None
    ) -> Iterator[IntentRecord]:
        """The same above nonce ``after`` (up to ``upto``), ``batch`` in memory at a time."""
        nonce = after
        sql = (
            f"SELECT {INTENTS.selected} FROM intents"  # noqa: S608 - constants
            " WHERE channel = ? AND nonce > ? AND nonce <= ? ORDER BY nonce LIMIT ?"
        )
        while True:
            rows = self.store.rows(sql, (channel, nonce, _TOP if upto is None else upto, batch))
            for row in rows:
                nonce = row[2]
                yield self._read(read_intent, row, "INTENT_UNREADABLE", order="0x" + bytes(row[0]).hex())
            if len(rows) < batch:
                return

    # --- flags ---

    def add_flag(self, record: FlagRecord) -> int:
        """Keeps the evidence of a broken rule; its number. The same digest is kept once."""
        known = self.store.row("SELECT id FROM flags WHERE channel = ? AND digest = ?", (record.channel, record.digest))
        if known:
            return int(known[0])
        return FLAGS.insert(
            self.store,
            (
                record.channel,
                record.increment,
                record.flag.code,
                record.flag.expected,
                record.flag.got,
                msgspec.json.encode([["0x" + asset.hex(), str(amount)] for asset, amount in record.flag.cost]),
                record.digest,
                record.raw,
                record.signature,
                record.time,
                record.last_good,
                0,
            ),
        )

    def flags(self, channel: bytes | None = None) -> list[FlagRecord]:
        rows = self.store.rows(
            f"SELECT id, {FLAGS.selected} FROM flags WHERE ?1 IS NULL OR channel = ?1 ORDER BY id",  # noqa: S608
            (channel,),
        )
        return [self._read(read_flag, row, "FLAG_UNREADABLE", flag=row[0], increment=row[2]) for row in rows]

    def resolve_flag(self, flag: int) -> None:
        FLAGS.change(self.store, "id = ?", (flag,), {"resolved": 1})

    # --- facts and transactions ---

    def set_fact(self, channel: bytes, name: str, value: bytes) -> None:
        """One small thing to remember about a channel (or, with an empty id, about the profile)."""
        self.store.execute(
            "INSERT INTO facts VALUES (?, ?, ?) ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value",
            (channel, name, value),
        )

    def fact(self, channel: bytes, name: str) -> bytes | None:
        row = self.store.row("SELECT value FROM facts WHERE channel = ? AND name = ?", (channel, name))
        return bytes(row[0]) if row else None


def _require_channel(error: sqlite3.IntegrityError, channel: bytes) -> None:
    """Tells a row of no known channel from one that is there already."""
    if error.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex()) from error


def mark_path(path: Path) -> Path:
    """Where the high-water mark of a journal lies."""
    return path.with_name(path.name + ".mark")


def _additions(known: Entry, entry: Entry) -> dict[str, object]:
    """What a record adds to one that is there: signatures where there were none, and the new status."""
    return {
        "broker_signature": known.broker_signature or entry.broker_signature,
        "trader_signature": known.trader_signature or entry.trader_signature,
        "own": int(known.own or entry.own),
        "status": int(entry.status),
    }
