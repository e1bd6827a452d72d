"""The application behind a thread: what a window or a command line holds.

The driver lives on a plain asyncio loop in a thread of its own, so that a modal dialog or a slow paint can never
delay an ACK. In go commands, out come frozen snapshots, at most thirty a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from wallet.app import records
from wallet.app.account import Account
from wallet.app.profile import Profile
from wallet.app.records import Records
from wallet.app.snapshots import AppView, MarketView, StateRow
from wallet.history.journal import ChannelRecord
from wallet.keys.secret import Secret
from wallet.keys.vault import open_vault
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.session.broker_profile import BrokerProfile

log = logging.getLogger(__name__)
T = TypeVar("T")
FRAME = 1 / 30


class Service:
    """A profile opened with its password, at work on its own thread. Implements :class:`wallet.app.backend.Backend`."""

    def __init__(self, profile: Profile, password: Secret, broker: BrokerProfile | None = None) -> None:
        """Unlocks and starts; blocks for as long as the key derivation takes.

        ``broker`` None takes the one with whom the profile has a channel, else the one added last.
        Raises WalletError("KEYS_…" | "NO_BROKER" | "STORE_…").
        """
        self.profile = profile
        vault = open_vault(profile.vault).unlock(password)
        if broker is None:
            broker = _usual_broker(profile)
        profile.require_unchanged(broker)
        self._broker = broker
        self._vault = vault
        self._dirty = asyncio.Event()
        self._on_app: list[Callable[[AppView], None]] = []
        self._on_market: list[Callable[[MarketView], None]] = []
        self._loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        self._closed = False
        self._thread = threading.Thread(target=self._main, name="driver", daemon=True)
        self._thread.start()
        self._ready.result()
        self._records = Records(profile)

    # --- the thread ---

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._start())
        except BaseException as error:  # noqa: BLE001 - whatever it is, the caller gets it
            self._ready.set_exception(error)
            self._loop.close()
            return
        self._ready.set_result(None)
        self._loop.run_forever()
        self._loop.close()

    async def _start(self) -> None:
        self._account = Account(self.profile, self._vault, self._broker, self._mark_changed)
        self._account.start()
        self._publisher = asyncio.create_task(self._publish())

    def _mark_changed(self) -> None:
        self._dirty.set()

    async def _publish(self) -> None:
        """Snapshots, coalesced: however much happens, a screen is told at most once a frame."""
        while True:
            try:
                async with asyncio.timeout(1.0):
                    await self._dirty.wait()
            except TimeoutError:
                pass  # ages and staleness move on even when nothing happens
            self._dirty.clear()
            try:
                self._deliver()
            except Exception:
                log.exception("publishing failed")
            await asyncio.sleep(FRAME)

    def _deliver(self) -> None:
        if self._on_app:
            view = self._account.app_view()
            for tell in self._on_app:
                tell(view)
        for market in self._account.market_views() if self._on_market else ():
            for tell_market in self._on_market:
                tell_market(market)

    def run(self, work: Callable[[Account], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run ``work(account)`` on the driver's thread."""
        if self._closed:
            raise WalletError("CLOSED")

        async def call() -> T:
            return await work(self._account)

        return asyncio.run_coroutine_threadsafe(call(), self._loop)

    def close(self) -> None:
        """Stop the driver and let go of the profile; blocks until done."""
        if self._closed:
            return
        self._closed = True

        async def stop() -> None:
            self._publisher.cancel()
            await self._account.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._records.close()
        self._vault.lock()
        self.profile.close()

    # --- what screens see ---

    def subscribe(self, on_app: Callable[[AppView], None], on_market: Callable[[MarketView], None]) -> None:
        def add() -> None:
            self._on_app.append(on_app)
            self._on_market.append(on_market)
            self._account.watch_all()
            self._dirty.set()

        self._loop.call_soon_threadsafe(add)

    def watch_market(self, market: str, interval: int) -> None:
        async def watch(account: Account) -> None:
            account.watch_market(market, interval)

        self.run(watch)

    # --- commands ---

    def faucet(self) -> Future[None]:
        return self.run(lambda account: account.faucet())

    def open_channel(self, allocations: Sequence[tuple[bytes, int]]) -> Future[bytes]:
        return self.run(lambda account: account.open_channel(allocations))

    def place_order(self, market: str, side: str, price: int, amount: int, time_in_force: str) -> Future[bytes]:
        return self.run(lambda account: account.place_order(market, side, price, amount, time_in_force))

    def cancel_order(self, order: bytes) -> Future[None]:
        return self.run(lambda account: account.cancel_order(order))

    def cancel_all(self) -> Future[int]:
        return self.run(lambda account: account.cancel_all())

    def finalize(self) -> Future[int]:
        return self.run(lambda account: account.finalize())

    def withdraw(self) -> Future[None]:
        async def withdraw(account: Account) -> None:
            await account.withdraw()

        return self.run(withdraw)

    def refuse(self, flag: int) -> Future[None]:
        return self.run(lambda account: account.refuse(flag))

    # --- history, on a reader thread of its own ---

    def history(self, before: int | None, limit: int) -> Future[list[StateRow]]:
        return self._records.submit(lambda stored: records.page(stored, before, limit))

    def state_detail(self, increment: int) -> Future[dict[str, Any]]:
        return self._records.submit(lambda stored: records.detail(stored, increment))

    def verify_history(self, progress: Callable[[int, int], None]) -> Future[int]:
        return self._records.submit(lambda stored: stored.verify(progress))

    def export_history(self, path: Path) -> Future[int]:
        return self._records.submit(lambda stored: stored.export(path))

    def export_proof(self, path: Path, increment: int | None = None) -> Future[int]:
        return self._records.submit(lambda stored: stored.export_proof(path, increment))

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        return self._records.submit(lambda stored: stored.export_evidence(path, flag))


def _usual_broker(profile: Profile) -> BrokerProfile:
    """The broker of the channel that is not over, so that nobody is locked out of it by adding another broker."""
    known = profile.brokers()
    if not known:
        raise WalletError("NO_BROKER")
    if profile.journal.exists():
        stored = records.Stored(profile.path)
        try:
            with contextlib.suppress(WalletError):  # NO_CHANNEL
                record = stored.record()
                return next((row for row in known if (row.broker, row.domain) == _with(record)), known[-1])
        finally:
            stored.close()
    return known[-1]


def _with(record: ChannelRecord) -> tuple[bytes, Domain]:
    return record.terms.broker, record.domain
