"""What is read from a profile's journal: for commands without a password, and on the window's reader thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from wallet.app import evidence, proofs, views
from wallet.app.choice import KnownChannel
from wallet.app.fills import export_fills
from wallet.app.profile import Profile, broker_folders
from wallet.app.snapshots import StateRow
from wallet.history.backup import back_up
from wallet.history.export import export_csv, export_json, show_validation
from wallet.history.journal import ChannelRecord, Entry
from wallet.history.parallel import verify_file
from wallet.history.reader import HistoryReader
from wallet.history.validation import validation_of
from wallet.protocol import codec
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.state import payouts
from wallet.protocol.terms import Role
from wallet.protocol.typeddata import state_typed_data
from wallet.session import broker_profile
from wallet.session.broker_profile import BrokerProfile
from wallet.session.phases import Phase

T = TypeVar("T")
Progress = Callable[[int, int], None]
Cancelled = Callable[[], bool]
_OVER = (Phase.WITHDRAWN, Phase.ABANDONED)


def unheard(_done: int, _all: int) -> None:
    """Nobody asked how far it is."""


def never() -> bool:
    """Nobody stops it."""
    return False


class Stored:
    """A profile's journal as it lies on disk; belongs to the thread that made it."""

    def __init__(self, profile: Path) -> None:
        """Raises WalletError("NO_CHANNEL") if nothing was ever opened here."""
        if not (profile / "history.db").exists():
            raise WalletError("NO_CHANNEL")
        self._profile = profile
        self.journal = HistoryReader(profile / "history.db")

    def close(self) -> None:
        self.journal.close()

    def record(self, channel: bytes = b"") -> ChannelRecord:
        """The channel of this id; with b"", the newest that is not over, else the newest.

        Raises WalletError("NO_CHANNEL" | "CHANNEL_UNKNOWN").
        """
        if channel:
            found = self.journal.channel(channel)
            if found is None:
                raise WalletError("CHANNEL_UNKNOWN", channel=codec.show_hex(channel))
            return found
        channels = self.journal.channels()
        if not channels:
            raise WalletError("NO_CHANNEL")
        running = [record for record in channels if Phase(record.phase) not in _OVER]
        return (running or channels)[-1]

    def known(self) -> list[KnownChannel]:
        """Every channel of the profile, for a user who names one by the beginning of its id."""
        return [KnownChannel(row.id, Phase(row.phase) not in _OVER) for row in self.journal.channels()]

    def names(self, record: ChannelRecord) -> views.Names:
        return views.Names(self.broker(record), {})

    def broker(self, record: ChannelRecord) -> BrokerProfile:
        """The broker of a channel, also if he was removed since."""
        kept, past = (folder / f"{record.terms.broker.hex()}.json" for folder in broker_folders(self._profile))
        return broker_profile.load(kept if kept.exists() else past)

    def channel(self, channel: bytes = b"") -> dict[str, Any]:
        record = self.record(channel)
        return channel_row(self.journal, self.broker(record), record)

    def channels(self) -> list[dict[str, Any]]:
        return [channel_row(self.journal, self.broker(row), row) for row in self.journal.channels()]

    def orders(self, channel: bytes = b"") -> list[dict[str, Any]]:
        """Open orders of the latest state, as decimal strings."""
        record = self.record(channel)
        names, last = self.names(record), self.journal.latest(record.id)
        rows = []
        for row in last.state.open_orders if last else ():
            market = next(item for item in names.markets if (item.base.address, item.quote.address) == row[1:3])
            price = row.price * 10**market.base.decimals // market.unit
            rows.append(
                {
                    "id": codec.show_hex(row.id),
                    "market": market.name,
                    "side": "buy" if row.side == 0 else "sell",
                    "price": format_amount(price, market.quote.decimals),
                    "amount": format_amount(row.amount, market.base.decimals),
                    "filled": format_amount(row.filled, market.base.decimals),
                }
            )
        return rows

    def history(self, channel: bytes, limit: int, before: int | None = None) -> list[dict[str, Any]]:
        """The newest states below ``before``, newest first."""
        return [
            {
                "increment": row.increment,
                "transition": row.transition,
                "issuer": row.issuer,
                "time": row.time,
                "digest": codec.show_hex(row.digest),
                "status": "validated" if row.validated else "refused" if row.refused else "pending",
                "impliedBy": row.implied_by,
            }
            for row in page(self, channel, before, limit)
        ]

    def verify(self, channel: bytes, progress: Progress = unheard, cancelled: Cancelled = never) -> int:
        """How many states hold; WalletError("HISTORY_BAD") names the first that does not, or "CANCELLED"."""
        verdict = verify_file(self._profile / "history.db", self.record(channel).id, progress, cancelled)
        if verdict.bad is not None:
            raise WalletError(
                "HISTORY_BAD", increment=verdict.bad, rule=verdict.code, expected=verdict.expected, got=verdict.got
            )
        if not verdict.complete:
            raise WalletError("CANCELLED")
        return verdict.validated

    def export(self, channel: bytes, path: Path, progress: Progress = unheard, cancelled: Cancelled = never) -> int:
        """Writes the whole history, as CSV if the file's name says so, else as JSON; how many states."""
        write = export_csv if path.suffix.lower() == ".csv" else export_json
        return write(self.journal, self.record(channel).id, path, progress, cancelled)

    def export_fills(self, channel: bytes, path: Path) -> int:
        """Writes the fills as CSV; how many."""
        record = self.record(channel)
        return export_fills(self.journal, self.names(record), record.id, path)

    def back_up(self, path: Path) -> int:
        """See :func:`wallet.history.backup.back_up`."""
        return back_up(self._profile / "history.db", path)

    def export_proof(self, channel: bytes, path: Path, increment: int | None) -> int:
        return proofs.save(self.journal, self.record(channel), path, increment)

    def export_evidence(self, path: Path, flag: int) -> None:
        """What the broker signed and may not have, as a file that others can check; see :mod:`wallet.app.evidence`."""
        evidence.save(self.journal, flag, path)

    def flags(self) -> list[dict[str, Any]]:
        return [
            {
                "id": row.id,
                "channel": codec.show_hex(row.channel),
                "increment": row.increment,
                "code": row.flag.code,
                "expected": row.flag.expected,
                "got": row.flag.got,
                "cost": {codec.show_hex(asset): str(amount) for asset, amount in row.flag.cost},
                "digest": codec.show_hex(row.digest),
                "lastGood": row.last_good,
                "resolved": row.resolved,
            }
            for row in self.journal.flags()
        ]


def channel_row(journal: HistoryReader, broker: BrokerProfile, record: ChannelRecord) -> dict[str, Any]:
    """A channel as JSON: the latest state's array under ``state``, and its status."""
    last, names = journal.latest(record.id), views.Names(broker, {})
    rows = zip(last.state.balances, last.state.outcomes, strict=True) if last else ()
    return {
        "channel": codec.show_hex(record.id),
        "broker": {"address": codec.show_hex(broker.broker), "name": broker.name},
        "status": record.phase,
        "increment": last.state.increment if last else None,
        "recovering": _recovering(journal, record),
        "state": codec.state_array(last.state) if last else None,
        "digest": codec.show_hex(last.digest) if last else None,
        "balances": [
            {
                "asset": info.symbol,
                "available": format_amount(row.available, info.decimals),
                "locked": format_amount(row.locked, info.decimals),
                "outcome": format_amount(out.to_trader - out.to_broker, info.decimals),
            }
            for row, out in rows
            for info in (names.asset(row.asset),)
        ],
    }


def _recovering(journal: HistoryReader, record: ChannelRecord) -> str | None:
    """Of a restored channel: "broker" while he has not shown how far it had come, else "leave"; None of any other."""
    if journal.fact(record.id, "restored") is None or Phase(record.phase) in _OVER:
        return None
    return "leave" if journal.fact(record.id, "shown") is not None else "broker"


class Records:
    """The journal for the window: short queries on one reader thread, long work on others, none on the window's."""

    def __init__(self, profile: Profile) -> None:
        self._path = profile.path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[Stored] = []
        self._closing = threading.Event()
        self._stops: set[Callable[[], None]] = set()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._long = ThreadPoolExecutor(2, thread_name_prefix="history-long")

    def submit(self, work: Callable[[Stored], T]) -> Future[T]:
        """What takes milliseconds: nothing long is ever before it."""
        return self._pool.submit(lambda: work(self._stored()))

    def long(self, work: Callable[[Stored], T], stop: Callable[[], None]) -> Future[T]:
        """What may take minutes; ``stop`` ends it early, when the profile is closed."""

        def run() -> T:
            with self._lock:
                self._stops.add(stop)
            try:
                if self._closing.is_set():
                    stop()
                return work(self._stored())
            finally:
                with self._lock:
                    self._stops.discard(stop)

        return self._long.submit(run)

    def stoppable(self, work: Callable[[Stored, Cancelled], T], cancelled: Cancelled) -> Future[T]:
        """The same for work that asks now and then whether it should end."""
        closing = self._closing.is_set
        return self._long.submit(lambda: work(self._stored(), lambda: closing() or cancelled()))

    def close(self) -> None:
        """Waits for the query that runs and ends what is long; what waits is dropped."""
        self._closing.set()
        with self._lock:
            stops = list(self._stops)
        for stop in stops:
            stop()
        for pool in (self._pool, self._long):
            pool.shutdown(wait=True, cancel_futures=True)
        for stored in self._opened:
            stored.close()

    def _stored(self) -> Stored:
        stored: Stored | None = getattr(self._local, "stored", None)
        if stored is None:
            stored = self._local.stored = Stored(self._path)
            with self._lock:
                self._opened.append(stored)
        return stored


def page(stored: Stored, channel: bytes, before: int | None, limit: int) -> list[StateRow]:
    entries = stored.journal.page(stored.record(channel).id, before, limit)
    return [views.state_row(entry, validation_of(stored.journal, entry)) for entry in entries]


def rows(stored: Stored, channel: bytes, numbers: Sequence[int]) -> list[StateRow]:
    """The states in these rows of the channel, newest first."""
    entries = stored.journal.numbered(channel, numbers)
    return [views.state_row(entry, validation_of(stored.journal, entry)) for entry in entries]


def detail(stored: Stored, channel: bytes, number: int) -> dict[str, Any]:
    """The state in one row in full, and the one it builds on, for the history's old → new."""
    record = stored.record(channel)
    entry = next(iter(stored.journal.numbered(record.id, (number,))), None)
    if entry is None:
        raise WalletError("STATE_UNKNOWN", increment=number)
    before = stored.journal.by_digest(record.id, entry.state.previous)
    how = validation_of(stored.journal, entry)
    return {
        "array": codec.state_array(entry.state),
        "increment": entry.state.increment,
        "number": entry.number,
        "envelope": codec.envelope(entry.state),
        "typed_data": state_typed_data(record.domain, entry.state),
        "pays": [[codec.show_hex(asset), str(mine)] for asset, mine, _ in payouts(record.terms, entry.state)],
        "digest": codec.show_hex(entry.digest),
        "signatures": {codec.show_enum(role): _signature(entry, role) for role in Role},
        "status": entry.status.name.lower(),
        "previous_array": codec.state_array(before.state) if before else None,
        "validation": show_validation(how),
        "proof": how is not None,
    }


def _signature(entry: Entry, role: Role) -> str | None:
    found = entry.signature(role)
    return codec.show_hex(found) if found else None
