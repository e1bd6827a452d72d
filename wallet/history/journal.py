"""The journal of signed states: every state of every channel, with its signatures, in the order of increments.

Both sides keep one. It enforces the promise everything rests on: *one digest per increment and role*. A unique
index refuses a second own signature at a number, whatever the code above believes. Source: design §3, §8.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from wallet.history.store import Row, Store
from wallet.protocol import codec
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import SignedOrder
from wallet.protocol.rules import Flag
from wallet.protocol.state import State
from wallet.protocol.terms import Role, Terms

T = TypeVar("T")
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE channels (
    id BLOB PRIMARY KEY, role INTEGER NOT NULL, chain_id INTEGER NOT NULL, contract BLOB NOT NULL,
    terms BLOB NOT NULL, phase TEXT NOT NULL, created INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE states (
    channel BLOB NOT NULL REFERENCES channels(id), increment INTEGER NOT NULL, digest BLOB NOT NULL,
    issuer INTEGER NOT NULL, transition INTEGER NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL,
    broker_signature BLOB, trader_signature BLOB, own INTEGER NOT NULL, status INTEGER NOT NULL,
    recorded INTEGER NOT NULL,
    PRIMARY KEY (channel, increment, digest)
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_digest_per_increment ON states (channel, increment) WHERE own = 1;
CREATE INDEX states_by_digest ON states (digest);
CREATE TABLE intents (
    id BLOB PRIMARY KEY, channel BLOB NOT NULL REFERENCES channels(id), nonce INTEGER NOT NULL, body BLOB NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL,
    cancel BLOB, receipt BLOB, UNIQUE (channel, nonce)
) WITHOUT ROWID;
CREATE TABLE flags (
    id INTEGER PRIMARY KEY, channel BLOB NOT NULL, increment INTEGER NOT NULL, code TEXT NOT NULL,
    expected TEXT NOT NULL, got TEXT NOT NULL, cost BLOB NOT NULL, digest BLOB NOT NULL, raw BLOB NOT NULL,
    signature BLOB NOT NULL, time INTEGER NOT NULL, last_good INTEGER NOT NULL, resolved INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE facts (
    channel BLOB NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE TABLE transactions (
    hash BLOB PRIMARY KEY, channel BLOB NOT NULL, purpose TEXT NOT NULL, raw BLOB NOT NULL, nonce INTEGER NOT NULL,
    sender BLOB NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL
);
"""


class Status(IntEnum):
    """What became of an issued state."""

    PENDING = 0  # issued, not answered
    VALIDATED = 1
    REFUSED = 2
    FLAGGED = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded state. ``own`` tells that our signature is on it."""

    state: State
    digest: bytes
    issuer: Role
    status: Status
    broker_signature: bytes | None = None
    trader_signature: bytes | None = None
    own: bool = False
    recorded: int = 0

    def signature(self, role: Role) -> bytes | None:
        return self.broker_signature if role is Role.BROKER else self.trader_signature

    def signed(self, role: Role, signature: bytes, *, own: bool) -> Entry:
        """The same entry with one more signature."""
        own = own or self.own
        if role is Role.BROKER:
            return replace(self, broker_signature=signature, own=own)
        return replace(self, trader_signature=signature, own=own)


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel as it stands in the journal; ``role`` is ours."""

    id: bytes
    role: Role
    chain_id: int
    contract: bytes
    terms: Terms
    phase: str
    created: int

    @property
    def domain(self) -> Domain:
        return Domain(self.chain_id, self.contract)


@dataclass(frozen=True, slots=True)
class IntentRecord:
    """One of the trader's order intents and what became of it. ``cancel`` and ``receipt`` are signatures."""

    signed: SignedOrder
    status: str
    reason: str
    created: int
    cancel: bytes | None = None
    receipt: bytes | None = None


@dataclass(frozen=True, slots=True)
class FlagRecord:
    id: int
    channel: bytes
    increment: int
    flag: Flag
    digest: bytes
    raw: bytes
    signature: bytes
    time: int
    last_good: int
    resolved: bool


_STATE = "body, digest, issuer, status, broker_signature, trader_signature, own, recorded"


class Journal:
    """Typed access to the tables above. Every writing method is durable when it returns, or joins a transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def open(cls, path: Path) -> Journal:
        return cls(Store(path, SCHEMA, SCHEMA_VERSION))

    def close(self) -> None:
        self.store.close()

    # --- channels ---

    def add_channel(self, record: ChannelRecord) -> None:
        """Raises WalletError("SET-NONCE-REUSE") if a channel of this id is known already."""
        try:
            self.store.execute(
                "INSERT INTO channels VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    record.id,
                    int(record.role),
                    record.chain_id,
                    record.contract,
                    msgspec.json.encode(codec.show_terms(record.terms)),
                    record.phase,
                    record.created,
                ),
            )
        except sqlite3.IntegrityError as error:
            raise WalletError("SET-NONCE-REUSE", channel="0x" + record.id.hex()) from error

    def channels(self) -> list[ChannelRecord]:
        """All channels, oldest first."""
        rows = self.store.rows(
            "SELECT id, role, chain_id, contract, terms, phase, created FROM channels ORDER BY created, id"
        )
        return [self._read(_channel, row) for row in rows]

    def channel(self, channel: bytes) -> ChannelRecord | None:
        row = self.store.row(
            "SELECT id, role, chain_id, contract, terms, phase, created FROM channels WHERE id = ?", (channel,)
        )
        return self._read(_channel, row) if row else None

    def set_phase(self, channel: bytes, phase: str) -> None:
        self.store.execute("UPDATE channels SET phase = ? WHERE id = ?", (phase, channel))

    # --- states ---

    def record(self, entry: Entry) -> None:
        """Adds a state, or more signatures and a new status to a known one; never takes a signature away.

        Raises WalletError("SIGNED_ALREADY") rather than let our second digest stand at one increment.
        """
        state = entry.state
        try:
            self.store.execute(
                "INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (channel, increment, digest) DO UPDATE SET"
                " broker_signature = coalesce(broker_signature, excluded.broker_signature),"
                " trader_signature = coalesce(trader_signature, excluded.trader_signature),"
                " own = max(own, excluded.own), status = excluded.status",
                (
                    state.channel,
                    state.increment,
                    entry.digest,
                    int(entry.issuer),
                    int(state.transition),
                    state.time,
                    encode_state(state),
                    entry.broker_signature,
                    entry.trader_signature,
                    int(entry.own),
                    int(entry.status),
                    entry.recorded,
                ),
            )
        except sqlite3.IntegrityError as error:
            _require_channel(error, state.channel)
            raise WalletError("SIGNED_ALREADY", increment=state.increment) from error

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

    def walk(self, channel: bytes, batch: int = 500) -> Iterator[Entry]:
        """All states from the lowest number up, ``batch`` in memory at a time.

        Raises WalletError("STATE_UNREADABLE", increment) at a row that is not what was written.
        """
        at: tuple[int, bytes] = (-1, b"")
        while True:
            rows = self.store.rows(
                f"SELECT increment, {_STATE} FROM states WHERE channel = ? AND (increment, digest) > (?, ?)"  # noqa: S608
                " ORDER BY increment, digest LIMIT ?",
                (channel, *at, batch),
            )
            for increment, *row in rows:
                try:
                    entry = _entry(tuple(row))
                except (WalletError, ValueError, TypeError, msgspec.MsgspecError) as error:
                    raise WalletError("STATE_UNREADABLE", increment=increment) from error
                if entry.state.increment != increment:
                    raise WalletError("STATE_UNREADABLE", increment=increment)
                at = (increment, entry.digest)
                yield entry
            if len(rows) < batch:
                return

    def count(self, channel: bytes) -> int:
        row = self.store.row("SELECT count(*) FROM states WHERE channel = ?", (channel,))
        return int(row[0]) if row else 0

    def _one(self, where: str, values: Sequence[object]) -> Entry | None:
        row = self.store.row(f"SELECT {_STATE} FROM states WHERE {where} LIMIT 1", values)  # noqa: S608 - constants
        return self._read(_entry, row) if row else None

    def _many(self, where: str, values: Sequence[object]) -> Iterator[Entry]:
        rows = self.store.rows(f"SELECT {_STATE} FROM states WHERE {where}", values)  # noqa: S608 - constants
        return (self._read(_entry, row) for row in rows)

    def _read(self, make: Callable[[Row], T], row: Row) -> T:
        """A row as what it stands for; WalletError("STORE_DAMAGED") if it is not what was written."""
        try:
            return make(row)
        except (WalletError, ValueError, TypeError, KeyError, msgspec.MsgspecError) as error:
            why = f"a row can't be read ({type(error).__name__})"
            raise WalletError("STORE_DAMAGED", path=self.store.path.name, why=why) from error

    # --- intents ---

    def add_intent(self, signed: SignedOrder, status: str, created: int) -> None:
        """Raises WalletError("NONCE_USED") if the channel has another intent of this nonce."""
        try:
            self.store.execute(
                "INSERT INTO intents (id, channel, nonce, body, status, created) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    signed.id,
                    signed.order.channel,
                    signed.order.order_nonce,
                    msgspec.json.encode(codec.show_signed_order(signed)),
                    status,
                    created,
                ),
            )
        except sqlite3.IntegrityError as error:
            _require_channel(error, signed.order.channel)
            raise WalletError("NONCE_USED", nonce=signed.order.order_nonce) from error

    def set_intent(self, order: bytes, status: str, reason: str = "") -> None:
        self.store.execute("UPDATE intents SET status = ?, reason = ? WHERE id = ?", (status, reason, order))

    def set_cancel(self, order: bytes, *, cancel: bytes | None = None, receipt: bytes | None = None) -> None:
        """Keeps the signature of a Cancel, or of the broker's receipt of it."""
        self.store.execute(
            "UPDATE intents SET cancel = coalesce(cancel, ?), receipt = coalesce(receipt, ?) WHERE id = ?",
            (cancel, receipt, order),
        )

    def intent(self, order: bytes) -> IntentRecord | None:
        row = self.store.row(
            "SELECT body, status, reason, created, cancel, receipt FROM intents WHERE id = ?", (order,)
        )
        return self._read(_intent, row) if row else None

    def intents(self, channel: bytes) -> list[IntentRecord]:
        """All intents of a channel by nonce."""
        rows = self.store.rows(
            "SELECT body, status, reason, created, cancel, receipt FROM intents WHERE channel = ? ORDER BY nonce",
            (channel,),
        )
        return [self._read(_intent, row) for row in rows]

    def walk_intents(self, channel: bytes, batch: int = 500) -> Iterator[IntentRecord]:
        """The same, ``batch`` in memory at a time."""
        nonce = -1
        while True:
            rows = self.store.rows(
                "SELECT nonce, body, status, reason, created, cancel, receipt FROM intents"
                " WHERE channel = ? AND nonce > ? ORDER BY nonce LIMIT ?",
                (channel, nonce, batch),
            )
            for nonce, *row in rows:  # noqa: B007 - the last one is where the next batch begins
                yield _intent(tuple(row))
            if len(rows) < batch:
                return

    # --- flags ---

    def add_flag(self, record: FlagRecord) -> int:
        """Keeps the evidence of a broken rule; its number. The same digest is kept once."""
        known = self.store.row("SELECT id FROM flags WHERE channel = ? AND digest = ?", (record.channel, record.digest))
        if known:
            return int(known[0])
        return self.store.insert(
            "INSERT INTO flags (channel, increment, code, expected, got, cost, digest, raw, signature, time, last_good)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ),
        )

    def flags(self, channel: bytes | None = None) -> list[FlagRecord]:
        rows = self.store.rows(
            "SELECT id, channel, increment, code, expected, got, cost, digest, raw, signature, time, last_good,"
            " resolved FROM flags WHERE ?1 IS NULL OR channel = ?1 ORDER BY id",
            (channel,),
        )
        return [self._read(_flag, row) for row in rows]

    def resolve_flag(self, flag: int) -> None:
        self.store.execute("UPDATE flags SET resolved = 1 WHERE id = ?", (flag,))

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


def encode_state(state: State) -> bytes:
    """A state as it is kept: its envelope and the seed's array, as JSON."""
    return msgspec.json.encode([codec.envelope(state), codec.state_array(state)])


def decode_state(body: bytes) -> State:
    header, array = msgspec.json.decode(body)
    return codec.read_state(header, array)


def _entry(row: Row) -> Entry:
    body, digest, issuer, status, broker, trader, own, recorded = row
    return Entry(decode_state(body), digest, Role(issuer), Status(status), broker, trader, bool(own), recorded)


def _channel(row: Row) -> ChannelRecord:
    channel, role, chain_id, contract, terms, phase, created = row
    return ChannelRecord(
        channel, Role(role), chain_id, contract, codec.read_terms(msgspec.json.decode(terms)), phase, created
    )


def _intent(row: Row) -> IntentRecord:
    body, status, reason, created, cancel, receipt = row
    return IntentRecord(codec.read_signed_order(msgspec.json.decode(body)), status, reason, created, cancel, receipt)


def _flag(row: Row) -> FlagRecord:
    number, channel, increment, code, expected, got, cost, digest, raw, signature, time, last_good, resolved = row
    losses = tuple((bytes.fromhex(asset[2:]), int(amount)) for asset, amount in msgspec.json.decode(cost))
    return FlagRecord(
        number,
        channel,
        increment,
        Flag(code, expected, got, losses),
        digest,
        raw,
        signature,
        time,
        last_good,
        bool(resolved),
    )
