"""The application behind a thread: what a window or a command line holds.

The driver lives on a plain asyncio loop in a thread of its own, so that a modal dialog or a slow paint can never
delay an ACK. In go commands, out come frozen snapshots, at most thirty a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from wallet.app import proofs, records, standing
from wallet.app.accounts import Accounts
from wallet.app.backend import ORDER_LIFETIME
from wallet.app.leaving import ExitPlan
from wallet.app.profile import Profile
from wallet.app.purse_views import DraftView, PurseView
from wallet.app.records import Records
from wallet.app.snapshots import AppView, Link, MarketView, OrderView, StateRow
from wallet.history.search import Search
from wallet.keys import gate, stay
from wallet.keys.kdf import calibrate
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError
from wallet.session import broker_profile
from wallet.session.broker_profile import BrokerProfile

T = TypeVar("T")
FRAME = 1 / 30
ONLINE_WITHIN = 10.0


class Service:
    """A profile opened with its password, at work on its own thread. Implements :class:`wallet.app.backend.Backend`."""

    def __init__(
        self,
        profile: Profile,
        password: Secret | None,
        broker: BrokerProfile | None = None,
        leaving: Callable[[], None] = lambda: None,
        *,
        strengthen: bool = False,
    ) -> None:
        """Unlocks and starts; blocks for as long as the key derivation takes. Owns ``profile`` once it returns.

        ``broker`` is one more than those the profile keeps: kept too, once he has proved who he is.
        ``password``: None for the computer's keyring, where the vault was told to stay unlocked. ``strengthen``: see
        :func:`wallet.keys.gate.unlock`; for keys that are no throwaway's. ``leaving`` is called by :meth:`close`
        before anything ends: from then on nobody else may ask.
        Raises WalletError("KEYS_…" | "KEYRING_…" | "BROKER_CHANGED" | "STORE_…").
        """
        self.profile = profile
        if broker is not None:
            profile.require_unchanged(broker)
        if password is None:
            self._vault = stay.unlock(profile.vault)
        else:
            self._vault = gate.unlock(profile.vault, password, strengthen=strengthen)
        self._first = broker
        self._leaving = leaving
        self._chosen = (broker.broker if broker else b"", b"")
        self._dirty = asyncio.Event()
        self._on_app: list[Callable[[AppView], None]] = []
        self._on_market: list[Callable[[MarketView], None]] = []
        self._loop = asyncio.new_event_loop()
        self._ready: Future[None] = Future()
        self._closed = False
        self._resting = False
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
        self._locking = asyncio.Lock()
        await self._begin()
        self._publisher = asyncio.create_task(self._publish())

    async def _begin(self) -> None:
        self._accounts = Accounts(self.profile, self._vault, self._mark_changed)
        self._accounts.start()
        if self._first is not None:
            await self._accounts.add(self._first)

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
            except Exception as error:  # noqa: BLE001 - whatever it is, the screens may show what is no more
                if "publishing" not in self._accounts.alarms.rows:  # told once: the next frame may fail as this one
                    self._accounts.alarms.sound("publishing", error)
            await asyncio.sleep(FRAME)

    def _deliver(self) -> None:
        if self._resting:
            return  # what was shown last still holds
        if self._on_app:
            view = self._accounts.app_view(*self._chosen)
            for tell in self._on_app:
                tell(view)
        for market in self._accounts.market_views(self._chosen[0]) if self._on_market else ():
            for tell_market in self._on_market:
                tell_market(market)

    def _run(self, work: Callable[[Accounts], Coroutine[Any, Any, T]]) -> Future[T]:
        """Runs ``work`` on the driver's thread."""
        if self._closed:
            raise WalletError("CLOSED")

        async def call() -> T:
            if self._resting:
                raise WalletError("KEYS_LOCKED")
            return await work(self._accounts)

        return asyncio.run_coroutine_threadsafe(call(), self._loop)

    def check_password(self, password: Secret) -> None:
        """Raises WalletError("KEYS_WRONG_PASSWORD" | "KEYS_WAIT") for any but the profile's; as slow as unlocking."""
        gate.unlock(self.profile.vault, password).lock()

    def close(self) -> None:
        """Stop the driver and let go of the profile; blocks until done."""
        if self._closed:
            return
        self._leaving()
        self._closed = True

        async def stop() -> None:
            self._publisher.cancel()
            async with self._locking:
                if not self._resting:
                    await self._accounts.stop()

        asyncio.run_coroutine_threadsafe(stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._records.close()
        self._vault.lock()
        self.profile.close()

    # --- the password ---

    def change_password(self, old: Secret, new: Secret) -> Future[None]:
        def change() -> None:
            gate.unlock(self.profile.vault, old).lock()  # a wrong one counts, and waits, as anywhere
            self._vault.change_password(old, new, calibrate())
            if stay.is_on(self.profile.vault):
                stay.turn_on(self._vault)  # what the keyring opened is void

        async def work(_: Accounts) -> None:
            await asyncio.to_thread(change)

        return self._run(work)

    def stays_unlocked(self) -> bool:
        return stay.is_on(self.profile.vault)

    def stay_unlocked(self, on: bool) -> Future[None]:
        async def work(_: Accounts) -> None:
            if on:
                await asyncio.to_thread(stay.turn_on, self._vault)
            else:
                await asyncio.to_thread(stay.turn_off, self.profile.vault)

        return self._run(work)

    # --- locking ---

    def lock(self, keep_signing: bool) -> Future[None]:
        async def lock(accounts: Accounts) -> None:
            self._vault.lock_owner()  # first of all: whatever comes after may fail
            accounts.renew_keys()
            async with self._locking:
                if not keep_signing and not self._resting:
                    await self._rest()

        return self._run(lock)

    async def _rest(self) -> None:
        """Ends all work as closing does, and forgets every key; the profile stays this program's."""
        last = self._accounts.app_view(*self._chosen)
        self._resting = True
        await self._accounts.stop()
        self._vault.lock()
        offline = replace(last.connection, broker=Link.OFFLINE, chain=Link.OFFLINE)
        for tell in self._on_app:
            tell(replace(last, unlocked=False, resting=True, connection=offline))

    def unlock(self, password: Secret) -> Future[None]:
        async def unlock() -> None:
            async with self._locking:
                await asyncio.to_thread(gate.unlock_again, self._vault, password)
                if self._resting:
                    await self._wake()
                self._accounts.renew_keys()

        if self._closed:
            raise WalletError("CLOSED")
        return asyncio.run_coroutine_threadsafe(unlock(), self._loop)

    async def _wake(self) -> None:
        """Begins as a start of the program does."""
        try:
            await self._begin()
        except BaseException:
            self._vault.lock()
            raise
        self._resting = False
        if self._on_market:
            self._accounts.follow_markets()

    # --- what screens see ---

    def subscribe(self, on_app: Callable[[AppView], None], on_market: Callable[[MarketView], None]) -> None:
        def add() -> None:
            self._on_app.append(on_app)
            self._on_market.append(on_market)
            self._accounts.follow_markets()
            self._dirty.set()

        self._loop.call_soon_threadsafe(add)

    def choose(self, broker: bytes, channel: bytes) -> None:
        async def choose(accounts: Accounts) -> None:
            before, self._chosen = self._chosen[0], (broker, channel)
            if broker != before:
                with contextlib.suppress(WalletError):  # removed meanwhile
                    accounts.account(broker).display.show_all_again()
            self._dirty.set()

        self._run(choose)

    def watch_market(self, market: str, interval: int) -> None:
        async def watch(accounts: Accounts) -> None:
            accounts.account(self._chosen[0]).watch_market(market, interval)

        self._run(watch)

    def view(self, broker: bytes, channel: bytes) -> Future[AppView]:
        async def view(accounts: Accounts) -> AppView:
            if channel:
                accounts.of_channel(channel)
            elif broker:
                accounts.account(broker)
            return accounts.app_view(broker, channel)

        return self._run(view)

    # --- backups ---

    def back_up(self, path: Path | None) -> Future[Path]:
        return self._run(lambda accounts: accounts.backups.make(path))

    def plan_backups(self, folder: str, hours: int, keep: int) -> Future[None]:
        return self._run(lambda accounts: accounts.backups.choose(folder, hours, keep))

    # --- brokers ---

    def online(self, broker: bytes, chain_only: bool) -> Future[None]:
        async def online(accounts: Accounts) -> None:
            account = accounts.account(broker)
            await (account.chain.ready(ONLINE_WITHIN) if chain_only else account.online(ONLINE_WITHIN))

        return self._run(online)

    def add_broker(self, path: Path) -> Future[bytes]:
        async def add(accounts: Accounts) -> bytes:
            found = await asyncio.to_thread(broker_profile.load, path)
            return (await accounts.add_proven(found)).broker.broker

        return self._run(add)

    def remove_broker(self, broker: bytes) -> Future[None]:
        return self._run(lambda accounts: accounts.remove(broker))

    def add_node(self, url: str) -> Future[int]:
        return self._run(lambda accounts: accounts.add_node(url))

    def remove_node(self, url: str) -> Future[None]:
        return self._run(lambda accounts: accounts.remove_node(url))

    def fund_gas(self, broker: bytes) -> Future[int]:
        return self._run(lambda accounts: accounts.account(broker).fund_gas())

    def sweep_gas(self, broker: bytes, anyway: bool) -> Future[int]:
        return self._run(lambda accounts: accounts.sweep_gas(broker, anyway=anyway))

    def faucet(self, broker: bytes) -> Future[None]:
        return self._run(lambda accounts: accounts.account(broker).faucet())

    # --- the owner's own accounts ---

    def purse(self, broker: bytes) -> Future[PurseView]:
        return self._run(lambda accounts: accounts.purse.view(broker))

    def prepare_send(
        self, broker: bytes, sender: bytes, to: bytes, asset: bytes, amount: int | None, speed: str
    ) -> Future[DraftView]:
        return self._run(lambda accounts: accounts.purse.prepare(broker, sender, to, asset, amount, speed))

    def prepare_replacement(self, broker: bytes, transaction: bytes, cancel: bool, speed: str) -> Future[DraftView]:
        return self._run(lambda accounts: accounts.purse.replace(broker, transaction, speed, cancel=cancel))

    def send_prepared(self, broker: bytes, sender: bytes, unsigned: bytes) -> Future[bytes]:
        return self._run(lambda accounts: accounts.purse.send(broker, sender, unsigned))

    def add_account(self, label: str) -> Future[bytes]:
        return self._run(lambda accounts: accounts.purse.add_account(label))

    def rename_account(self, address: bytes, label: str) -> Future[None]:
        return self._run(lambda accounts: accounts.purse.rename_account(address, label))

    def find_accounts(self, broker: bytes) -> Future[int]:
        return self._run(lambda accounts: accounts.purse.find_accounts(broker))

    def name_address(self, address: bytes, label: str) -> Future[None]:
        return self._run(lambda accounts: accounts.purse.name(address, label))

    def forget_address(self, address: bytes) -> Future[None]:
        return self._run(lambda accounts: accounts.purse.forget(address))

    # --- channels and orders ---

    def find_channels(self, broker: bytes) -> Future[tuple[int, int]]:
        async def find(accounts: Accounts) -> tuple[int, int]:
            found = await accounts.account(broker).find_channels()
            return found.taken, found.others

        return self._run(find)

    def open_channel(self, broker: bytes, allocations: Sequence[tuple[bytes, int]], another: bool) -> Future[bytes]:
        return self._run(lambda accounts: accounts.account(broker).open_channel(allocations, another=another))

    def place_order(
        self,
        channel: bytes,
        market: str,
        side: str,
        price: int,
        amount: int,
        time_in_force: str,
        client_id: str = "",
        lifetime: int = ORDER_LIFETIME,
    ) -> Future[bytes]:
        return self._run(
            lambda accounts: accounts.of_channel(channel).place_order(
                market, side, price, amount, time_in_force, channel or None, client_id, lifetime
            )
        )

    def market_price(self, channel: bytes, market: str, side: str, cap: int) -> Future[int]:
        return self._run(lambda accounts: accounts.of_channel(channel).market_price(market, side, cap))

    def order(self, order: bytes) -> Future[OrderView]:
        async def look(accounts: Accounts) -> OrderView:
            return accounts.of_order(order).order_view(order)

        return self._run(look)

    def cancel_order(self, order: bytes) -> Future[None]:
        return self._run(lambda accounts: accounts.of_order(order).cancel_order(order))

    def amend_order(self, order: bytes, price: int, amount: int) -> Future[bytes]:
        return self._run(lambda accounts: accounts.of_order(order).orders.amend(order, price, amount))

    def cancel_all(self, channel: bytes, market: str = "") -> Future[int]:
        return self._run(lambda accounts: accounts.of_channel(channel).orders.cancel_all(channel or None, market))

    def add_trigger(
        self, channel: bytes, market: str, side: str, kind: str, at: int, amount: int, cap: int
    ) -> Future[bytes]:
        async def add(accounts: Accounts) -> bytes:
            triggers = accounts.of_channel(channel).triggers
            return triggers.add(channel or None, market, side, kind, at, amount, cap)

        return self._run(add)

    def cancel_trigger(self, trigger: bytes) -> Future[None]:
        async def cancel(accounts: Accounts) -> None:
            accounts.of_trigger(trigger).triggers.cancel(trigger)

        return self._run(cancel)

    def limit_breaks(self, seconds: int) -> Future[None]:
        return self._run(lambda accounts: accounts.limit_breaks(seconds))

    def stop_trading(self) -> Future[int]:
        return self._run(lambda accounts: accounts.stop_trading())

    def resume_trading(self) -> Future[None]:
        return self._run(lambda accounts: accounts.resume_trading())

    def orders_gone(self, channel: bytes, order: bytes, seconds: int) -> Future[None]:
        async def wait(accounts: Accounts) -> None:
            account = accounts.of_order(order) if order else accounts.of_channel(channel)
            await account.until_gone(order or None, seconds, channel or None)

        return self._run(wait)

    def finalize(self, channel: bytes, exit_after: int = 0) -> Future[int]:
        return self._run(lambda accounts: accounts.of_channel(channel).finalize(channel or None, exit_after))

    def stay(self, channel: bytes) -> Future[None]:
        return self._run(lambda accounts: accounts.of_channel(channel).stay(channel or None))

    def leave_alone(self, channel: bytes) -> Future[int]:
        return self._run(lambda accounts: accounts.of_channel(channel).leave_alone(channel or None))

    def exit_plan(self, channel: bytes) -> Future[ExitPlan]:
        return self._run(lambda accounts: accounts.of_channel(channel).exit_plan(channel or None))

    def withdraw(self, channel: bytes) -> Future[tuple[tuple[bytes, int], ...]]:
        async def withdraw(accounts: Accounts) -> tuple[tuple[bytes, int], ...]:
            return tuple((await accounts.of_channel(channel).withdraw(channel or None)).items())

        return self._run(withdraw)

    def refuse(self, flag: int) -> Future[None]:
        return self._run(lambda accounts: accounts.of_flag(flag).refuse(flag))

    def check_proof(self, path: Path) -> Future[dict[str, Any]]:
        async def check(accounts: Accounts) -> dict[str, Any]:
            proof = await asyncio.to_thread(proofs.load, path)
            found = await asyncio.to_thread(proofs.told, proof)
            account = accounts.of_contract(proof.domain, proof.terms.broker)
            if account is None:
                return found
            try:
                stands = await standing.ask(account.chain.contract, proof)
            except WalletError:
                return found  # no node answers: what the file itself says is worth showing all the same
            return {**found, "standing": f"{stands.says} {stands.next}", "counts": stands.counts}

        return self._run(check)

    def submit_proof(self, path: Path) -> Future[dict[str, Any]]:
        async def submit(accounts: Accounts) -> dict[str, Any]:
            proof = await asyncio.to_thread(proofs.load, path)
            account = accounts.of_contract(proof.domain, proof.terms.broker) or accounts.account(b"")
            await account.chain.ready(ONLINE_WITHIN)
            return await proofs.submit(account, proof)

        return self._run(submit)

    # --- history, on a reader thread of its own ---

    def count_states(self, channel: bytes) -> Future[int]:
        return self._records.submit(lambda stored: stored.journal.count(channel))

    def states(self, channel: bytes, numbers: Sequence[int]) -> Future[list[StateRow]]:
        return self._records.submit(lambda stored: records.rows(stored, channel, numbers))

    def state_detail(self, channel: bytes, number: int) -> Future[dict[str, Any]]:
        return self._records.submit(lambda stored: records.detail(stored, channel, number))

    def export_fills(self, channel: bytes, path: Path) -> Future[int]:
        return self._records.submit(lambda stored: stored.export_fills(channel, path))

    def find_states(self, channel: bytes, search: Search, told: Callable[[], None]) -> Future[int]:
        return self._records.long(lambda stored: stored.journal.search(channel, search, told), search.stop)

    def verify_history(
        self, channel: bytes, progress: Callable[[int, int], None], cancelled: Callable[[], bool] = records.never
    ) -> Future[int]:
        return self._records.stoppable(lambda stored, stop: stored.verify(channel, progress, stop), cancelled)

    def export_history(
        self,
        channel: bytes,
        path: Path,
        progress: Callable[[int, int], None] = records.unheard,
        cancelled: Callable[[], bool] = records.never,
    ) -> Future[int]:
        return self._records.stoppable(lambda stored, stop: stored.export(channel, path, progress, stop), cancelled)

    def export_proof(self, channel: bytes, path: Path, increment: int | None = None) -> Future[int]:
        return self._records.submit(lambda stored: stored.export_proof(channel, path, increment))

    def export_evidence(self, path: Path, flag: int) -> Future[None]:
        return self._records.submit(lambda stored: stored.export_evidence(path, flag))
