"""A profile at work: one journal, one set of keys, and an account with each broker, all connected at once.

What one broker does, or fails to do, reaches the others nowhere: each has a connection, a chain client and tasks of
its own. They share the journal, the keys, and per chain the turn to send the owner's transactions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from wallet.app import nodes
from wallet.app.account import Account
from wallet.app.installation import open_journal
from wallet.app.opening import OVER
from wallet.app.orders import STOPPED
from wallet.app.profile import Profile
from wallet.app.purse import Purse
from wallet.app.schedule import Backups
from wallet.app.snapshots import AppView, MarketView
from wallet.chain.rpc import Rpc
from wallet.keys.vault import Vault
from wallet.protocol.eip712 import Domain
from wallet.protocol.errors import WalletError
from wallet.session.alarms import Alarms
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.link import BREAK_LIMIT
from wallet.session.phases import Phase
from wallet.session.settlement import Turns

MAX_BROKERS = 32
ONLINE_WITHIN = 15.0


class Accounts:
    """Belongs to one asyncio loop."""

    def __init__(self, profile: Profile, vault: Vault, changed: Callable[[], None] = lambda: None) -> None:
        """With an account for each broker that the profile keeps; :meth:`start` connects them."""
        self.profile = profile
        self.vault = vault
        self.journal, self._installation = open_journal(profile, vault)
        self.alarms = Alarms(changed)
        self.backups = Backups(profile.path, vault, self.alarms, changed)
        self.purse = Purse(self)
        self._changed = changed
        self._turns: defaultdict[int, Turns] = defaultdict(Turns)
        self._accounts: dict[bytes, Account] = {}
        self._following = False
        for broker in profile.brokers():
            self._make(broker)

    def _make(self, broker: BrokerProfile) -> Account:
        turn = self._turns[broker.chain_id]
        account = Account(self.profile, self.vault, broker, self._changed, self.journal, turn)
        self._accounts[broker.broker] = account
        return account

    def __iter__(self) -> Iterator[Account]:
        return iter(tuple(self._accounts.values()))

    # --- life ---

    def start(self) -> None:
        self.alarms.watch("noting", self._installation.keep_noting())
        self.alarms.watch("backups", self.backups.run())
        for account in self:
            account.start()

    async def stop(self) -> None:
        await asyncio.gather(*(account.stop() for account in self), self.alarms.stop(), self.backups.stop())
        self._installation.note_last()
        self.journal.close()

    def renew_keys(self) -> None:
        """The owner's keys were locked, or are back."""
        for account in self:
            account.link.renew_keys()
        self._changed()

    # --- brokers ---

    async def add(self, broker: BrokerProfile) -> Account:
        """Begins to work with a broker, without waiting for him; he is kept once he has proved who he is.

        Other facts about a known broker take the place of the old ones, but for those that can't change: raises
        WalletError("BROKER_CHANGED" | "BROKERS_FULL").
        """
        self.profile.require_unchanged(broker)
        known = self._accounts.get(broker.broker)
        if known is not None and known.broker == broker:
            return known
        if known is None and len(self._accounts) >= MAX_BROKERS:
            raise WalletError("BROKERS_FULL", limit=MAX_BROKERS)
        if known is not None:
            await known.stop()
        account = self._make(broker)
        account.start()
        if self._following:
            account.watch_all()
        self._changed()
        return account

    async def add_proven(self, broker: BrokerProfile) -> Account:
        """The same, and waits for the proof; a broker who was new and gives none is let go of again."""
        before = self._accounts.get(broker.broker)
        account = await self.add(broker)
        try:
            await account.online(ONLINE_WITHIN)
        except BaseException:
            if account is not before:
                await self._drop(account)
                if before is not None:
                    self._make(before.broker).start()
            raise
        return account

    async def remove(self, broker: bytes) -> None:
        """Lets go of a broker; raises WalletError("BROKER_UNKNOWN" | "BROKER_HAS_CHANNELS") where that can't be."""
        account = self.account(broker)
        if any(Phase(channel.record.phase) not in OVER for channel in account.channels):
            raise WalletError("BROKER_HAS_CHANNELS", name=account.broker.name)
        await self._drop(account)
        self.profile.unpin(broker)

    async def _drop(self, account: Account) -> None:
        del self._accounts[account.broker.broker]
        await account.stop()
        self._changed()

    # --- stopping ---

    async def stop_trading(self) -> int:
        """Signs no order any more, until :meth:`resume_trading`, and takes all back; how many."""
        self.journal.set_fact(b"", STOPPED, b"1")
        self._changed()
        return sum(await asyncio.gather(*(account.orders.stop() for account in self)))

    async def limit_breaks(self, seconds: int) -> None:
        """See :meth:`wallet.app.backend.Commands.limit_breaks`; for every broker, and kept."""
        self.journal.set_fact(b"", BREAK_LIMIT, b"%d" % seconds if seconds >= 0 else b"")

    async def resume_trading(self) -> None:
        self.journal.set_fact(b"", STOPPED, b"0")
        self._changed()

    # --- nodes, and the gas key ---

    async def add_node(self, url: str) -> int:
        """Keeps one of the user's own nodes, once it has shown chain and contract; its chain's id.

        Raises WalletError("RPC_…" | "NODES_NO_BROKER" | "CHAIN_WRONG_CODE" | "NODES_FULL").
        """
        async with Rpc(nodes.named(url)) as node:
            chain_id = await node.chain_id()
            here = [account for account in self if account.broker.chain_id == chain_id]
            if not here:
                raise WalletError("NODES_NO_BROKER", chain=chain_id)
            for account in here:
                await account.chain.contract.check_deployment(node)
        await self._use_nodes(nodes.add(self.profile.path, chain_id, url))
        return chain_id

    async def remove_node(self, url: str) -> None:
        """Raises WalletError("NODES_UNKNOWN")."""
        await self._use_nodes(nodes.remove(self.profile.path, url))

    async def _use_nodes(self, own: nodes.OwnNodes) -> None:
        for account in self:
            wanted = own.get(account.broker.chain_id, ())
            if wanted != account.own_nodes:
                await account.use_nodes(wanted)

    async def sweep_gas(self, broker: bytes, *, anyway: bool) -> int:
        """What the gas key holds on a broker's chain goes back to the owner's account; base units that arrive.

        Raises WalletError("GAS_IN_USE") while a channel of that chain may need it, unless ``anyway``.
        """
        account = self.account(broker)
        if self.in_session(account.broker.chain_id) and not anyway:
            raise WalletError("GAS_IN_USE")
        await account.chain.ready(ONLINE_WITHIN)
        return await account.chain.sweep_gas(account.address)

    # --- who is meant ---

    def account(self, broker: bytes) -> Account:
        """The account with this broker; with b"", the one that holds the channel in view, else the one added last."""
        if not broker:
            return self._usual()
        if broker not in self._accounts:
            raise WalletError("BROKER_UNKNOWN", broker="0x" + broker.hex())
        return self._accounts[broker]

    def _usual(self) -> Account:
        if not self._accounts:
            raise WalletError("NO_BROKER")
        channels = [(channel.record.created, account) for account in self for channel in self._running(account)]
        return max(channels, key=lambda row: row[0])[1] if channels else next(reversed(self._accounts.values()))

    def in_session(self, chain_id: int) -> bool:
        """Whether a channel on this chain is not over yet."""
        return any(one.broker.chain_id == chain_id and self._running(one) for one in self)

    @staticmethod
    def _running(account: Account) -> list[TraderChannel]:
        return [channel for channel in account.channels if Phase(channel.record.phase) not in OVER]

    def of_channel(self, channel: bytes) -> Account:
        """The account a channel belongs to; WalletError("CHANNEL_UNKNOWN"). b"" means the usual one."""
        if not channel:
            return self._usual()
        for account in self:
            if channel in account.link.channels:
                return account
        raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex())

    def of_contract(self, domain: Domain, broker: bytes) -> Account | None:
        """An account at this contract, with this broker if there is one; None if none is there."""
        there = [account for account in self if account.broker.domain == domain]
        return next((one for one in there if one.broker.broker == broker), there[0] if there else None)

    def of_order(self, order: bytes) -> Account:
        for account in self:
            if account.channel_of(order) is not None:
                return account
        raise WalletError("ORDER_NOT_FOUND", order="0x" + order.hex())

    def of_trigger(self, trigger: bytes) -> Account:
        """The account that holds it; WalletError("TRIGGER_GONE")."""
        for account in self:
            if account.triggers.holds(trigger):
                return account
        raise WalletError("TRIGGER_GONE")

    def of_flag(self, flag: int) -> Account:
        for account in self:
            if any(row.id == flag for channel in account.channels for row in channel.evidence.rows):
                return account
        raise WalletError("FLAG_UNKNOWN", flag=flag)

    # --- what screens show ---

    def app_view(self, broker: bytes = b"", channel: bytes = b"") -> AppView:
        """With this channel in view, else with the usual one of this broker, else of all."""
        account = None
        with contextlib.suppress(WalletError):  # gone since it was chosen, or there is none yet
            account = self.of_channel(channel) if channel else self.account(broker)
        if account is None:
            with contextlib.suppress(WalletError):
                account, channel = self._usual(), b""
        if account is None:
            label = self.vault.accounts[0].label or self.vault.label
            return AppView(
                self.vault.accounts[0].address,
                label,
                self.vault.owner_unlocked,
                doubt=self.profile.doubt,
                backup=self.backups.view,
                watch_only=not self.vault.accounts[0].signs,
            )
        view = account.app_view(channel or None)
        alarm = next(iter(self.alarms.rows.values()), None)
        if alarm is not None:
            params = tuple((key, str(value)[:200]) for key, value in alarm.params.items())
            view = replace(view, connection=replace(view.connection, problem=alarm.code, problem_params=params))
        return replace(
            view,
            brokers=tuple(row.display.broker_row() for row in self),
            channels=tuple(
                sorted(
                    (row for one in self for row in one.display.channel_rows()), key=lambda row: (row.created, row.id)
                )
            ),
            flags=tuple(sorted((row for one in self for row in one.display.flags()), key=lambda row: row.id)),
            doubt=self.profile.doubt,
            backup=self.backups.view,
        )

    def follow_markets(self) -> None:
        """From here on there is a screen: follow the markets of every broker."""
        self._following = True
        for account in self:
            account.watch_all()

    def market_views(self, broker: bytes) -> list[MarketView]:
        """Of the broker in view, those that changed since the last call."""
        with contextlib.suppress(WalletError):
            return self.account(broker).market_views()
        return []
