"""What the broker has on disk: the journal of signed states and its own tables, in one SQLite file.

One file, so that what belongs together is one transaction: a match and both sides' fills, an answer and what follows
from it. Everything that happens in one turn of the event loop is committed together, and only then anything leaves:
*persist, then send*, at one fsync for many states.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from wallet.broker.errors import refused
from wallet.history import schema
from wallet.history.journal import Journal, mark_path
from wallet.history.mark import HighWater
from wallet.history.store import Store
from wallet.market.trades import Trade
from wallet.protocol.errors import WalletError

VERSION = 1
SCHEMA = """
CREATE TABLE fills (
    seq INTEGER PRIMARY KEY, channel BLOB NOT NULL REFERENCES channels(id), order_id BLOB NOT NULL,
    price TEXT NOT NULL, quantity TEXT NOT NULL, rate INTEGER NOT NULL, trade INTEGER NOT NULL,
    increment INTEGER, carried TEXT
);
CREATE INDEX fills_by_channel ON fills (channel) WHERE carried IS NULL;
CREATE TABLE trades (
    id INTEGER PRIMARY KEY, base BLOB NOT NULL, quote BLOB NOT NULL, time_ms INTEGER NOT NULL, side INTEGER NOT NULL,
    price TEXT NOT NULL, amount TEXT NOT NULL
);
CREATE INDEX trades_by_market ON trades (base, quote, id);
CREATE TABLE cancels (
    channel BLOB NOT NULL REFERENCES channels(id), order_id BLOB NOT NULL, signature BLOB NOT NULL,
    PRIMARY KEY (channel, order_id)
) WITHOUT ROWID;
"""

_log = logging.getLogger("wallet.broker")


class QueuedFill(NamedTuple):
    """A match as one side's channel must record it; ``rate`` is the fee in parts per million of what it brings."""

    seq: int
    order: bytes
    price: int
    quantity: int
    rate: int


class Ledger:
    """The broker's file. ``before_commit`` may still write; ``after_commit`` may send."""

    def __init__(self, path: Path, later: Callable[[Callable[[], None]], object]) -> None:
        """``later`` runs a callback when the current turn is over (an event loop's ``call_soon``).

        Raises WalletError("LEDGER_ROLLED_BACK") if the file lacks states it had, "STORE_…" as a store does.
        """
        version = schema.SCHEMA_VERSION * 1_000 + VERSION
        migrations = {1_001: (2_001, schema.MIGRATIONS[1][1])}
        self.store = Store(path, schema.SCHEMA + SCHEMA, version, migrations)
        self.journal = Journal(self.store)
        self._watch(path)
        self.failed = False
        self.before_commit: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None
        self.on_failure: Callable[[], None] = lambda: None
        self._later = later
        self._open: AbstractContextManager[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    def _watch(self, path: Path) -> None:
        """Holds the file against its high-water mark: who lost what he signed would sign those numbers again."""
        try:
            self.journal.watch(HighWater(mark_path(path)))
        except BaseException as error:
            self.journal.close()
            if isinstance(error, OSError):
                raise WalletError("STORE_FAILED", path=path.name, why=error.strerror or "") from error
            if isinstance(error, WalletError) and error.code == "STORE_ROLLED_BACK":
                raise WalletError("LEDGER_ROLLED_BACK", **error.params) from error
            raise

    def close(self) -> None:
        self.commit()
        self.journal.close()

    # --- transactions ---

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Changes to memory and disk that belong together; checks come before it.

        Whatever goes wrong inside leaves the two in disagreement: the broker halts. Raises
        WalletError("BROKER_HALTED") then, and from then on.
        """
        if self.failed:
            raise refused("BROKER_HALTED")
        try:
            if self._open is None:
                opened = self.store.transaction()
                opened.__enter__()
                self._open = opened
                self._later(self.commit)
            yield
        except Exception as error:
            self._fail(error)
            raise refused("BROKER_HALTED") from error

    async def durable(self) -> None:
        """Returns when everything written so far is on disk. WalletError("BROKER_HALTED") if it never will be."""
        if self.failed:
            raise refused("BROKER_HALTED")
        if self._open is not None:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(done)
            await done

    def commit(self) -> None:
        """End the turn: what is still to be issued, then the disk, then the network."""
        if self._open is None:
            return
        try:
            self.before_commit()
            if self._open is not None:  # it may have failed meanwhile
                opened, self._open = self._open, None
                opened.__exit__(None, None, None)
        except Exception as error:  # memory and disk no longer agree: stop, and start again from the disk
            self._fail(error)
            raise
        if self.failed:
            return
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_result(None)
        self.after_commit()

    def _fail(self, error: Exception) -> None:
        if self.failed:
            return
        _log.critical("the broker stops: its file could not be written (%s)", error, exc_info=error)
        self.failed = True
        opened, self._open = self._open, None
        if opened is not None:
            with suppress(Exception):  # it raises what it is given, once it has rolled back
                opened.__exit__(type(error), error, error.__traceback__)
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            if not done.done():
                done.set_exception(refused("BROKER_HALTED"))
        self.on_failure()

    # --- fills ---

    def add_fill(self, channel: bytes, order: bytes, price: int, quantity: int, rate: int, trade: int) -> QueuedFill:
        seq = self.store.insert(
            "INSERT INTO fills (channel, order_id, price, quantity, rate, trade) VALUES (?, ?, ?, ?, ?, ?)",
            (channel, order, str(price), str(quantity), rate, trade),
        )
        return QueuedFill(seq, order, price, quantity, rate)

    def send_fills(self, fills: Iterable[QueuedFill], increment: int) -> None:
        """They are part of the state ``increment``."""
        for fill in fills:
            self.store.execute("UPDATE fills SET increment = ? WHERE seq = ?", (increment, fill.seq))

    def settle_fills(self, fills: Iterable[QueuedFill]) -> None:
        """Acknowledged: the journal has them now."""
        for fill in fills:
            self.store.execute("DELETE FROM fills WHERE seq = ?", (fill.seq,))

    def carry_fills(self, fills: Iterable[QueuedFill], why: str) -> None:
        """Refused or impossible: the broker keeps the other side's half on its own account."""
        for fill in fills:
            self.store.execute("UPDATE fills SET carried = ? WHERE seq = ?", (why, fill.seq))

    def fills(self, channel: bytes) -> list[tuple[QueuedFill, int | None]]:
        """What is not yet acknowledged, oldest first, and the increment it was proposed in."""
        rows = self.store.rows(
            "SELECT seq, order_id, price, quantity, rate, increment FROM fills"
            " WHERE channel = ? AND carried IS NULL ORDER BY seq",
            (channel,),
        )
        return [
            (QueuedFill(seq, order, int(price), int(quantity), rate), increment)
            for seq, order, price, quantity, rate, increment in rows
        ]

    def carried(self) -> int:
        """How many fills the broker had to carry."""
        row = self.store.row("SELECT count(*) FROM fills WHERE carried IS NOT NULL")
        return int(row[0]) if row else 0

    # --- trades ---

    def add_trade(self, pair: tuple[bytes, bytes], time_ms: int, side: int, price: int, amount: int) -> Trade:
        number = self.store.insert(
            "INSERT INTO trades (base, quote, time_ms, side, price, amount) VALUES (?, ?, ?, ?, ?, ?)",
            (*pair, time_ms, side, str(price), str(amount)),
        )
        return Trade(number, time_ms, side, price, amount)

    def trades(self, pair: tuple[bytes, bytes], limit: int) -> list[Trade]:
        """The last trades of a market, oldest first."""
        rows = self.store.rows(
            "SELECT id, time_ms, side, price, amount FROM trades WHERE base = ? AND quote = ? ORDER BY id DESC LIMIT ?",
            (*pair, limit),
        )
        return [Trade(number, time, side, int(price), int(amount)) for number, time, side, price, amount in rows[::-1]]

    # --- cancels ---

    def add_cancel(self, channel: bytes, order: bytes, signature: bytes) -> None:
        self.store.execute("INSERT OR IGNORE INTO cancels VALUES (?, ?, ?)", (channel, order, signature))

    def cancelled(self, channel: bytes) -> set[bytes]:
        rows = self.store.rows("SELECT order_id FROM cancels WHERE channel = ?", (channel,))
        return {bytes(row[0]) for row in rows}

    # --- intents ---

    def live_intents(self, channel: bytes) -> list[bytes]:
        """Ids of the orders that are queued, open or on their way out."""
        rows = self.store.rows(
            "SELECT id FROM intents WHERE channel = ? AND status IN ('queued', 'open', 'cancelling') ORDER BY nonce",
            (channel,),
        )
        return [bytes(row[0]) for row in rows]

    def top_nonce(self, channel: bytes) -> int:
        row = self.store.row("SELECT coalesce(max(nonce), 0) FROM intents WHERE channel = ?", (channel,))
        return int(row[0]) if row else 0

    def refusals(self, channel: bytes) -> int:
        """How many trades the trader refused in a channel."""
        row = self.store.row(
            "SELECT count(*) FROM states WHERE channel = ? AND status = 2 AND transition = 2", (channel,)
        )
        return int(row[0]) if row else 0
