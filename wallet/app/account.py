"""The owner's account with one broker: connection, chain, channels, and what can be asked for in them.

Lives on one asyncio loop. :mod:`wallet.app.accounts` runs one of these for each broker of a profile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence

from wallet.app import estimate, nodes, views
from wallet.app.backend import ORDER_LIFETIME
from wallet.app.clear import ReadSigner
from wallet.app.display import Display
from wallet.app.installation import ChannelKeys, Installation, open_journal
from wallet.app.leaving import ExitPlan
from wallet.app.opening import OVER, Opening
from wallet.app.orders import STOPPED, Orders
from wallet.app.profile import Profile
from wallet.app.rediscovery import Rediscovered, find_channels
from wallet.app.snapshots import AppView, MarketInfo, MarketView, OrderView
from wallet.app.steps import ALONE_STEPS, LEAVE_STEPS, Progress
from wallet.app.triggers import Triggers
from wallet.chain.tx import TransactionSigner
from wallet.history.journal import Journal
from wallet.keys.vault import Vault
from wallet.market.protection import protection
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.session.alarms import Alarms
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Phase
from wallet.session.settlement import ChainLink, Turns
from wallet.wire import methods
from wallet.wire.market_messages import InstrumentsRequest

log = logging.getLogger(__name__)

FINALIZE_WAIT = 30.0
ONLINE_WAIT = 15.0
MARKETS_FOLLOWED = 16
OVERVIEW = 60  # seconds of a candle, of markets nobody looks at closely
LOOK_AGAIN = 0.5
BOOK_LOOKS = 100  # at a book that is followed from now on: ten seconds of them
ASKED_FOR = 5.0
ASK_AGAIN = 30.0  # seconds between two requests for the final state, while the time to leave without the broker runs
# What is wrong and stays wrong however long one waits for a connection.
LASTING = frozenset(
    {
        *("CHAIN_WRONG_ID", "CHAIN_WRONG_CODE", "TOKEN_DECIMALS", "RPC_URL", "BROKER_URL", "BROKER_TLS"),
        *("AUTH_BROKER", "AUTH_REFLECTED", "RES-FORK"),
    }
)


class Account:
    """The owner's account with one broker. A command that names no channel means the newest that is not over."""

    def __init__(
        self,
        profile: Profile,
        vault: Vault,
        broker: BrokerProfile,
        changed: Callable[[], None] = lambda: None,
        journal: Journal | None = None,
        turns: Turns | None = None,
    ) -> None:
        """``journal`` and ``turns`` (to send transactions to this chain) are those that accounts of one profile share;
        alone, it has its own.
        """
        self.profile = profile
        self.vault = vault
        self.broker = broker
        self._installation: Installation | None = None
        if journal is None:
            journal, self._installation = open_journal(profile, vault)
        self.journal = journal
        self.changed = changed
        self.own_nodes = nodes.read(profile.path).get(broker.chain_id, ())
        self.link = BrokerLink(broker, self.journal, ChannelKeys(vault), changed)
        self.chain = ChainLink(
            broker,
            self.journal,
            self.link.channels.values,
            self.link.advance,
            changed,
            gas=vault.gas_key(),
            turns=turns,
            nodes=self.own_nodes,
        )
        self.chain.account = self.address
        self.chain.own = lambda: [row.address for row in vault.accounts]
        self.link.block_time = lambda: self.chain.block_time
        self.names = views.Names(broker, {})
        self.progress = Progress(changed)
        self.alarms = Alarms(changed)
        self.finalizing: set[bytes] = set()
        self.display = Display(self)
        self.orders = Orders(self)
        self.triggers = Triggers(self)
        self._opening = Opening(self)
        self._moving = asyncio.Lock()  # opening and leaving, one at a time: two clicks must not open two channels

    @property
    def address(self) -> bytes:
        return self.vault.accounts[0].address

    @property
    def owner(self) -> TransactionSigner:
        """The owner's key, for what can be read of this chain and contract alone."""
        return ReadSigner(self.vault.owner(), self.broker.chain_id, self.broker.adjudicator, self.names.assets)

    # --- life ---

    def start(self) -> None:
        """Begins to follow broker and chain."""
        self.alarms.watch("connection", self.link.run())
        self.alarms.watch("following the chain", self.chain.run())
        if self._installation is not None:
            self.alarms.watch("noting", self._installation.keep_noting())
        self.alarms.watch("triggers", self.triggers.run())
        self.alarms.watch("asking for the final state", self._keep_finalizing())
        self.alarms.watch("learning fees", self._learn_fees(), endless=False)
        self.alarms.watch("keeping the broker", self._keep_broker(), endless=False)

    async def stop(self) -> None:
        await self.alarms.stop()
        if self._installation is not None:
            self._installation.note_last()
            self.journal.close()

    @property
    def alarm(self) -> WalletError | None:
        """What stopped and must not have, here or in what this account stands on; the first of it."""
        for rows in (self.alarms, self.link.alarms, self.chain.alarms):
            if rows.rows:
                return next(iter(rows.rows.values()))
        if self.chain.agreement.alarm is not None:
            return self.chain.agreement.alarm
        watched = self.chain.watcher.alarms if self.chain.watcher else {}
        return next(iter(watched.values()), None)

    async def online(self, wait: float = 15.0) -> None:
        """Waits for chain and broker; WalletError with what is wrong, at once if no waiting will mend it.

        A broker who is new here is kept once chain, contract and key are those of his profile; not before, or one
        wrong file would lock the right one out.
        """
        deadline = time.monotonic() + wait
        while True:
            left = deadline - time.monotonic()
            try:
                await self.chain.ready(min(left, LOOK_AGAIN))
                await self.link.online(min(left, LOOK_AGAIN))
                break
            except WalletError as error:
                if error.code in LASTING or left <= LOOK_AGAIN:
                    raise
        if self.broker not in self.profile.brokers():
            await self.link.prove(self.vault.owner())
            self.profile.pin(self.broker)

    async def _keep_broker(self) -> None:
        with contextlib.suppress(WalletError):
            await self.online(10**6)

    async def _learn_fees(self) -> None:
        """What fills cost in practice; until then, the ceiling of the terms."""
        await self.link.online(10**6)
        with contextlib.suppress(WalletError):
            found = await methods.ask(self.link.connected(), methods.INSTRUMENTS, InstrumentsRequest(), 10)
            fees = {(row.base, row.quote): (row.maker_fee, row.taker_fee) for row in found.markets}
            self.names = views.Names(self.broker, fees)
            self.changed()

    # --- channels ---

    @property
    def channels(self) -> list[TraderChannel]:
        """Oldest first."""
        return list(self.link.channels.values())

    @property
    def channel(self) -> TraderChannel | None:
        """The channel the user means if he names none: the newest that is not over, else the newest."""
        channels = self.channels
        running = [channel for channel in channels if Phase(channel.record.phase) not in OVER]
        return next(reversed(running or channels), None)

    def find(self, channel: bytes | None) -> TraderChannel:
        """The channel of this id, or the one meant by none; WalletError("NO_CHANNEL" | "CHANNEL_UNKNOWN")."""
        if channel is None:
            found = self.channel
            if found is None:
                raise WalletError("NO_CHANNEL")
            return found
        if channel not in self.link.channels:
            raise WalletError("CHANNEL_UNKNOWN", channel="0x" + channel.hex())
        return self.link.channels[channel]

    def open_channel_or_refuse(self, channel: bytes | None = None) -> TraderChannel:
        """The channel, open for trading; WalletError("NO_CHANNEL" | "CHANNEL_NOT_OPEN") if it is not."""
        found = self.find(channel)
        if Phase(found.record.phase) is Phase.DISPUTED:
            raise WalletError("CHANNEL_DISPUTED")
        if Phase(found.record.phase) is not Phase.OPEN:
            raise WalletError("CHANNEL_NOT_OPEN", phase=found.record.phase)
        return found

    async def open_channel(self, allocations: Sequence[tuple[bytes, int]], *, another: bool = False) -> bytes:
        """The seed's *Setup*, then deposit and ``open`` on chain; the channel's id when it can be traded in.

        ``another`` allows one beside a channel that is open with this broker already.
        """
        async with self._moving:
            return await self._opening.open(allocations, another=another)

    # --- trading ---

    def market(self, name: str) -> MarketInfo:
        market = self.names.find(name)
        if market is None:
            raise WalletError(
                "MARKET_NOT_OFFERED", market=name, known=", ".join(row.name for row in self.names.markets)
            )
        return market

    async def place_order(
        self,
        market: str,
        side: str,
        price: int,
        amount: int,
        time_in_force: str,
        channel: bytes | None = None,
        client_id: str = "",
        lifetime: int = ORDER_LIFETIME,
    ) -> bytes:
        """Signs and sends an order; its id. Asked for again with the same ``client_id``, it is the same order."""
        self.require_trading()
        info, found = self.market(market), self.open_channel_or_refuse(channel)
        if due := self.chain.departures.due(found):
            raise WalletError("CHANNEL_LEAVING", until=due)
        return await self.link.place(
            found,
            (info.base.address, info.quote.address),
            Side[side.upper()],
            price,
            amount,
            TimeInForce[time_in_force.upper()],
            lifetime,
            client_id,
        )

    async def market_price(self, market: str, side: str, cap: int) -> int:
        """The worst price a market order may take now: ``cap`` ppm through the best one of a whole and fresh book.

        Raises WalletError("BOOK_UNKNOWN") if there is none within a few seconds, or nothing on that side of it.
        """
        info = self.market(market)
        copy = self.link.feed.watch((info.base.address, info.quote.address), OVERVIEW)
        for _ in range(BOOK_LOOKS):
            if not copy.stale:
                break
            await asyncio.sleep(LOOK_AGAIN / 5)
        best = None if copy.stale else copy.book.best_ask if side == "buy" else copy.book.best_bid
        if best is None:
            raise WalletError("BOOK_UNKNOWN", market=market)
        return protection(info.tick_size, best, side, cap)

    @property
    def stopped(self) -> bool:
        """Whether the user has stopped trading: kept on disk, so that it holds until he says otherwise."""
        return self.journal.fact(b"", STOPPED) == b"1"

    def require_trading(self) -> None:
        """WalletError("STOPPED") while no order may be signed."""
        if self.stopped:
            raise WalletError("STOPPED")

    def channel_of(self, order: bytes) -> TraderChannel | None:
        """The channel in which an order was signed."""
        return next((channel for channel in self.channels if channel.requests.get(order) is not None), None)

    async def cancel_order(self, order: bytes) -> None:
        found = self.channel_of(order)
        await self.link.cancel(self.open_channel_or_refuse(found.id if found else None), order)

    def order_view(self, order: bytes) -> OrderView:
        """What became of one order."""
        channel = self.channel_of(order)
        row = channel.requests.get(order) if channel is not None else None
        if channel is None or row is None:
            raise WalletError("ORDER_NOT_FOUND", order="0x" + order.hex())
        return views.order_view(self.names, channel, row, time.time())

    async def until_gone(self, order: bytes | None, wait: float, channel: bytes | None = None) -> None:
        """Waits until no signed state holds ``order`` (None: any order) any more; WalletError("CANCEL_UNANSWERED")."""
        if order is not None and (known := self.channel_of(order)) is not None:
            channel = known.id
        found = self.open_channel_or_refuse(channel)

        def gone() -> bool:
            resting = found.last.state.open_orders if found.last else ()
            return not any(order in (None, row.id) for row in resting)

        if not await self.link.until(gone, wait):
            raise WalletError("CANCEL_UNANSWERED")

    # --- leaving ---

    async def finalize(self, channel: bytes | None = None, exit_after: int = 0) -> int:
        """Cancel all, then *Finalize*: the number of the final state.

        ``exit_after``: seconds after which the channel is left without the broker if he has not signed it by then
        (0: never). Until then he is asked again by itself, and :meth:`stay` takes it back.
        """
        async with self._moving:
            found = self.find(channel)
            if exit_after and not found.final and not found.restored:
                self.open_channel_or_refuse(found.id)
                self.chain.departures.give(found, exit_after, self.vault.owner())
                self.changed()
            return await self._finalize(found)

    async def stay(self, channel: bytes | None = None) -> None:
        """The session goes on: it is not left by itself. Raises WalletError("EXIT_UNDER_WAY")."""
        self.chain.departures.take_back(self.find(channel))
        self.changed()

    async def _keep_finalizing(self) -> None:
        """A broker who comes back in time is asked again: leaving together is quicker and cheaper for both."""
        while True:
            await asyncio.sleep(ASK_AGAIN)
            for channel in self.channels:
                waits = Phase(channel.record.phase) is Phase.OPEN and not channel.disputed
                if waits and self.link.live.online and self.chain.departures.due(channel) and not self._moving.locked():
                    async with self._moving:
                        with contextlib.suppress(WalletError):
                            await self.link.finalize(channel, ASKED_FOR)  # cancels what is open, too

    async def _finalize(self, channel: TraderChannel) -> int:
        if channel.final and channel.last is not None:
            return channel.last.state.increment
        self.open_channel_or_refuse(channel.id)
        await self.link.online(ONLINE_WAIT)
        self.finalizing.add(channel.id)
        try:
            with self.progress.of(LEAVE_STEPS) as step:
                step(0)
                await self.link.cancel_open(channel, FINALIZE_WAIT)
                step(1)
                await self.link.finalize(channel, FINALIZE_WAIT)
        finally:
            self.finalizing.discard(channel.id)
        assert channel.last is not None
        return channel.last.state.increment

    async def exit_plan(self, channel: bytes | None = None) -> ExitPlan:
        """What leaving without the broker would pay, cost and take. Works with a node and the profile alone."""
        await self.chain.ready(15)
        return await estimate.plan(self, self.find(channel))

    async def leave_alone(self, channel: bytes | None = None) -> int:
        """Leaves without the broker: with the final state if there is one, else by a dispute with the best state.

        The end of the challenge period, Unix seconds, after which the watcher settles and pays out by itself; 0 if
        the final state has settled it at once. Works with a node and the profile alone.
        """
        async with self._moving:
            found = self.find(channel)
            await self.chain.ready(15)
            with self.progress.of(ALONE_STEPS) as step:
                step(0)
                if found.final:
                    await self.chain.close(found, self.owner)
                    return 0
                deadline = await self.chain.challenge(found, self.owner)
                # After it, and best effort: who has just enough to leave must not be kept by what the rest may cost.
                with contextlib.suppress(WalletError):
                    await self.chain.fund_gas(self.owner)
                return deadline

    async def withdraw(self, channel: bytes | None = None) -> dict[bytes, int]:
        """Close with the final state and take everything home; what arrived, by asset."""
        async with self._moving:
            return await self._withdraw(self.find(channel))

    async def _withdraw(self, channel: TraderChannel) -> dict[bytes, int]:
        await self.chain.ready(15)
        with self.progress.of(LEAVE_STEPS, done=2) as step:
            step(2)
            if Phase(channel.record.phase) is Phase.DISPUTED and not channel.final:
                await self.chain.settle(channel, self.owner)
            elif Phase(channel.record.phase) not in (Phase.SETTLED, Phase.WITHDRAWN):
                await self.chain.close(channel, self.owner)
            step(3)
            paid = await self.chain.withdraw(self.owner)
            await self.chain.refresh()
        return paid

    async def refuse(self, flag: int) -> None:
        """The user's answer to a flag: a void goes out when the broker shows the state again, which we ask for."""
        channel = next((row for row in self.channels if any(item.id == flag for item in row.evidence.rows)), None)
        if channel is None:
            channel = self.find(None)
        channel.refuse(flag)
        self.changed()
        if self.link.live.online and channel.signer is not None:
            await self.link.resume(channel)  # else the next connection does

    async def find_channels(self) -> Rediscovered:
        """Channels of the owner's that only the chain remembers; see :mod:`wallet.app.rediscovery`."""
        async with self._moving:
            return await find_channels(self)

    async def faucet(self) -> None:
        await self.chain.ready(15)
        await self.chain.faucet(self.address)

    # --- nodes, and the gas key ---

    async def use_nodes(self, own: Sequence[str]) -> None:
        """The user's own nodes of this chain from here on."""
        self.own_nodes = tuple(own)
        await self.chain.use_nodes(own)
        self.changed()

    async def fund_gas(self) -> int:
        """One transaction of the owner's; base units the gas key is given."""
        await self.chain.ready(15)
        given = await self.chain.fund_gas(self.owner)
        await self.chain.refresh()
        if self.chain.watcher is not None:
            await self.chain.watcher.look()
        return given

    # --- what screens show ---

    def app_view(self, channel: bytes | None = None) -> AppView:
        found = self.channel if channel is None else self.find(channel)
        return self.display.app_view(found)

    def watch_market(self, market: str, interval: int) -> None:
        """Follow a market with candles of ``interval`` seconds."""
        info = self.market(market)
        self.link.feed.watch((info.base.address, info.quote.address), interval)

    def watch_all(self) -> None:
        """Follow the broker's markets, so that a screen can show what each trades at."""
        for info in self.names.markets[:MARKETS_FOLLOWED]:
            self.watch_market(info.name, OVERVIEW)

    def market_views(self) -> list[MarketView]:
        """Those that changed since the last call."""
        return self.display.market_views()
