"""An open profile at work: keys, journal, one broker, one chain, and every command that both front ends offer.

Lives on one asyncio loop. :mod:`wallet.app.service` puts that loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from wallet.app import views
from wallet.app.installation import ChannelKeys, open_journal
from wallet.app.profile import Profile
from wallet.app.snapshots import (
    AppView,
    ConnectionView,
    FillView,
    Link,
    MarketInfo,
    MarketView,
    OrderView,
    Step,
)
from wallet.chain.tx import TransactionSigner
from wallet.history.journal import ChannelRecord, Entry
from wallet.keys.vault import Vault
from wallet.protocol.amounts import format_amount
from wallet.protocol.errors import WalletError
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.protocol.terms import MAX_OPEN_WINDOW, Role, Terms, check_terms
from wallet.session.alarms import Alarms
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.link import BrokerLink
from wallet.session.phases import Event, Phase
from wallet.session.settlement import ChainLink
from wallet.wire import methods
from wallet.wire.market_messages import InstrumentsRequest

log = logging.getLogger(__name__)

ORDER_LIFETIME = 86_400  # seconds an order lives unless the user says otherwise
FINALIZE_WAIT = 30.0
OPEN_WAIT = 120.0
FILLS_SHOWN = 500
MARKETS_FOLLOWED = 16
OVERVIEW = 60  # seconds of a candle, of markets nobody looks at closely
LOOK_AGAIN = 0.5
# What is wrong and stays wrong however long one waits for a connection.
LASTING = frozenset(
    {
        *("CHAIN_WRONG_ID", "CHAIN_WRONG_CODE", "TOKEN_DECIMALS", "RPC_URL", "BROKER_URL", "BROKER_TLS"),
        *("AUTH_BROKER", "AUTH_REFLECTED", "RES-FORK"),
    }
)
SHORTEST_PERIOD = 3_600  # seconds to answer a challenge in, where money is real
OPEN_STEPS = ("STEP-OFFER", "STEP-SETUP", "STEP-DEPOSIT", "STEP-CONFIRM")
LEAVE_STEPS = ("STEP-CANCEL", "STEP-FINALIZE", "STEP-CLOSE", "STEP-WITHDRAW")


class Account:
    """The owner's account with one broker."""

    def __init__(
        self, profile: Profile, vault: Vault, broker: BrokerProfile, changed: Callable[[], None] = lambda: None
    ) -> None:
        self.profile = profile
        self.vault = vault
        self.broker = broker
        self.journal, self._installation = open_journal(profile, vault)
        self.changed = changed
        self.link = BrokerLink(broker, self.journal, ChannelKeys(vault), changed)
        self.chain = ChainLink(broker, self.journal, self.link.channels.values, self.link.advance, changed)
        self.chain.account = self.address
        self.link.block_time = lambda: self.chain.block_time
        self.names = views.Names(broker, {})
        self.steps: tuple[Step, ...] = ()
        self.alarms = Alarms(changed)
        self._finalizing = False
        self._moving = asyncio.Lock()  # opening and leaving, one at a time: two clicks must not open two channels
        self._fills: deque[FillView] = deque(maxlen=FILLS_SHOWN)
        self._fills_of: tuple[bytes, int] = (b"", -1)

    @property
    def address(self) -> bytes:
        return self.vault.accounts[0].address

    @property
    def owner(self) -> TransactionSigner:
        return self.vault.owner()

    # --- life ---

    def start(self) -> None:
        """Begins to follow broker and chain."""
        self.alarms.watch("connection", self.link.run())
        self.alarms.watch("following the chain", self.chain.run())
        self.alarms.watch("noting", self._installation.keep_noting())
        self.alarms.watch("learning fees", self._learn_fees(), endless=False)
        self.alarms.watch("keeping the broker", self._keep_broker(), endless=False)

    async def stop(self) -> None:
        await self.alarms.stop()
        with contextlib.suppress(WalletError):  # a journal that failed can't be read: the last note stands
            self._installation.note()
        self.journal.close()

    @property
    def alarm(self) -> WalletError | None:
        """What stopped and must not have, here or in what this account stands on; the first of it."""
        alarms = (self.alarms, self.link.alarms, self.chain.alarms)
        return next((error for rows in alarms for error in rows.rows.values()), None)

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
    def channel(self) -> TraderChannel | None:
        """The channel the user means: the newest that is not over, else the newest."""
        over = (Phase.WITHDRAWN, Phase.ABANDONED)
        channels = list(self.link.channels.values())
        running = [channel for channel in channels if Phase(channel.record.phase) not in over]
        return next(reversed(running or channels), None)

    def open_channel_or_refuse(self) -> TraderChannel:
        """The channel that is open for trading; WalletError("NO_CHANNEL" | "CHANNEL_NOT_OPEN") if there is none."""
        channel = self.channel
        if channel is None:
            raise WalletError("NO_CHANNEL")
        if Phase(channel.record.phase) is not Phase.OPEN:
            raise WalletError("CHANNEL_NOT_OPEN", phase=channel.record.phase)
        return channel

    async def open_channel(self, allocations: Sequence[tuple[bytes, int]]) -> bytes:
        """The seed's *Setup*, then deposit and ``open`` on chain; the channel's id when it can be traded in."""
        async with self._moving:
            return await self._open(allocations)

    async def _open(self, allocations: Sequence[tuple[bytes, int]]) -> bytes:
        current = self.channel
        if current is not None and (begun := await self._begun(current, allocations)) is not None:
            return begun
        await self.online()
        self._check_allocations(allocations)
        with self._progress(OPEN_STEPS) as step:
            step(0)
            terms, domain = await self._agree_terms(allocations), self.broker.domain
            step(1)
            digest = domain.digest(terms)
            record = ChannelRecord(
                digest.digest,
                Role.TRADER,
                domain.chain_id,
                domain.contract,
                terms,
                Phase.REQUESTED.value,
                int(time.time()),
            )
            channel = await self.link.setup(record, self.vault.owner())
            self.link.advance(channel, Event.AGREED)
            await self._deposit(channel, step)
        return channel.id

    async def _begun(self, channel: TraderChannel, allocations: Sequence[tuple[bytes, int]]) -> bytes | None:
        """Goes on with a try that broke off, if it is of the same amounts; None if there is nothing to go on with.

        Raises WalletError("CHANNEL_EXISTS") for a channel that is not over.
        """
        phase = Phase(channel.record.phase)
        if phase in (Phase.WITHDRAWN, Phase.ABANDONED):
            return None
        if phase not in (Phase.REQUESTED, Phase.AGREED, Phase.OPENING):
            raise WalletError("CHANNEL_EXISTS", phase=channel.record.phase)
        agreed = {row.asset: row.allocation for row in channel.terms.assets if row.allocation}
        same = agreed == {asset: amount for asset, amount in allocations if amount}
        if phase is Phase.OPENING and not same:  # its transaction may be on its way
            raise WalletError("CHANNEL_EXISTS", phase=channel.record.phase)
        if phase is Phase.REQUESTED or not same or (phase is Phase.AGREED and _has_lapsed(channel.terms)):
            self.link.advance(channel, Event.GIVEN_UP)  # only our own call could ever open it, and none was signed
            return None
        return await self._go_on_opening(channel)

    async def _go_on_opening(self, channel: TraderChannel) -> bytes:
        """Its transaction may have been mined meanwhile."""
        await self.online()
        await self.chain.refresh()
        phase = Phase(channel.record.phase)
        if phase is Phase.ABANDONED:
            raise WalletError("SETUP_UNKNOWN_OFFER")
        return channel.id if phase is Phase.OPEN else await self._deposit(channel)

    async def _deposit(self, channel: TraderChannel, step: Callable[[int], None] = lambda _: None) -> bytes:
        step(2)
        await self.chain.open(channel, self.owner)
        step(3)
        if not await self.link.until(lambda: Phase(channel.record.phase) is Phase.OPEN, OPEN_WAIT):
            raise WalletError("OPEN_UNCONFIRMED")
        await self.link.resume(channel)
        await self.link.heartbeat(channel)
        return channel.id

    def _check_allocations(self, allocations: Sequence[tuple[bytes, int]]) -> None:
        if not any(amount for _, amount in allocations):
            raise WalletError("ALLOCATE_NOTHING")
        for asset, amount in allocations:
            info = self.names.asset(asset)
            if self.broker.token(asset) is None:
                raise WalletError("ASSET_UNKNOWN", asset=info.symbol)
            have = self.chain.spendable(asset)
            if amount > have:
                there, wanted = (format_amount(value, info.decimals) for value in (have, amount))
                raise WalletError("BALANCE_TOO_SMALL", asset=info.symbol, have=there, need=wanted)

    async def _agree_terms(self, allocations: Sequence[tuple[bytes, int]]) -> Terms:
        """The broker's offer for these allocations, refused if it is not what his profile promised."""
        wanted = {token.address: 0 for token in self.broker.tokens} | dict(allocations)
        signer = self.vault.session(self.vault.new_session_key())
        terms = await self.link.offer(self.address, signer, sorted(wanted.items()))
        check_terms(terms)
        parties = (self.address, signer.address, self.broker.broker, self.broker.signer)
        if (terms.trader, terms.trader_signer, terms.broker, terms.broker_signer) != parties:
            raise WalletError("SET-PARTIES", field="parties", got="others than agreed")
        if {row.asset: row.allocation for row in terms.assets} != wanted:
            raise WalletError("SET-FUNDING", field="allocation", got="other amounts than asked for")
        field = self.broker.offer.difference(terms)
        if field is None and terms.markets != self.broker.offer.markets:
            field = "markets"
        if field is None and not 0 < terms.open_before - time.time() <= MAX_OPEN_WINDOW + terms.skew:
            field = "open_before"
        if field is not None:
            raise WalletError("SET-TERMS", field=field, got=str(getattr(terms, field))[:60])
        if not self.broker.test and terms.challenge_period < SHORTEST_PERIOD:
            raise WalletError("SET-PERIOD", field="challenge_period", got=terms.challenge_period)
        return terms

    # --- trading ---

    def market(self, name: str) -> MarketInfo:
        market = self.names.find(name)
        if market is None:
            raise WalletError(
                "MARKET_NOT_OFFERED", market=name, known=", ".join(row.name for row in self.names.markets)
            )
        return market

    async def place_order(self, market: str, side: str, price: int, amount: int, time_in_force: str) -> bytes:
        info, channel = self.market(market), self.open_channel_or_refuse()
        return await self.link.place(
            channel,
            (info.base.address, info.quote.address),
            Side[side.upper()],
            price,
            amount,
            TimeInForce[time_in_force.upper()],
            ORDER_LIFETIME,
        )

    async def cancel_order(self, order: bytes) -> None:
        await self.link.cancel(self.open_channel_or_refuse(), order)

    async def cancel_all(self) -> int:
        channel = self.open_channel_or_refuse()
        if channel.last is None:
            return 0
        resting = channel.last.state.open_orders
        for row in resting:
            await self.link.cancel(channel, row.id)
        return len(resting)

    def order_view(self, order: bytes) -> OrderView:
        """What became of one order."""
        channel = self.channel
        row = channel.requests.get(order) if channel is not None else None
        if channel is None or row is None:
            raise WalletError("ORDER_NOT_FOUND", order="0x" + order.hex())
        return views.order_view(self.names, channel, row, time.time())

    async def until_gone(self, order: bytes | None, wait: float) -> None:
        """Waits until no signed state holds ``order`` (None: any order) any more; WalletError("CANCEL_UNANSWERED")."""
        channel = self.open_channel_or_refuse()

        def gone() -> bool:
            resting = channel.last.state.open_orders if channel.last else ()
            return not any(order in (None, row.id) for row in resting)

        if not await self.link.until(gone, wait):
            raise WalletError("CANCEL_UNANSWERED")

    # --- leaving ---

    async def finalize(self) -> int:
        """Cancel all, then *Finalize*: the number of the final state."""
        async with self._moving:
            return await self._finalize()

    async def _finalize(self) -> int:
        channel = self.channel
        if channel is None:
            raise WalletError("NO_CHANNEL")
        if channel.final and channel.last is not None:
            return channel.last.state.increment
        self.open_channel_or_refuse()
        await self.link.online(15)
        self._finalizing = True
        try:
            with self._progress(LEAVE_STEPS) as step:
                step(0)
                await self.link.cancel_open(channel, FINALIZE_WAIT)
                step(1)
                await self.link.finalize(channel, FINALIZE_WAIT)
        finally:
            self._finalizing = False
        assert channel.last is not None
        return channel.last.state.increment

    async def withdraw(self) -> dict[bytes, int]:
        """Close with the final state and take everything home; what arrived, by asset."""
        async with self._moving:
            return await self._withdraw()

    async def _withdraw(self) -> dict[bytes, int]:
        channel = self.channel
        if channel is None:
            raise WalletError("NO_CHANNEL")
        await self.chain.ready(15)
        with self._progress(LEAVE_STEPS, done=2) as step:
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
        channel = self.channel
        if channel is None:
            raise WalletError("NO_CHANNEL")
        channel.refuse(flag)
        self.changed()
        if self.link.live.online and channel.signer is not None:
            await self.link.resume(channel)  # else the next connection does

    async def faucet(self) -> None:
        await self.chain.ready(15)
        await self.chain.faucet(self.address)

    # --- what screens show ---

    def app_view(self) -> AppView:
        channel = self.channel
        rows = views.balances(self.names, channel, self.chain)
        shown = None
        if channel is not None:
            shown = views.channel_view(
                self.names,
                channel,
                rows,
                self._fill_views(channel),
                time.time(),
                finalizing=self._finalizing,
                deadline=self.chain.deadlines.get(channel.id, 0),
            )
        return AppView(
            account=self.address,
            account_label=self.vault.accounts[0].label or self.vault.label,
            unlocked=self.vault.owner_unlocked,
            simulated=self.broker.simulated,
            markets=self.names.markets,
            assets=tuple(self.names.assets.values()),
            connection=self._connection_view(),
            channel=shown,
            wallet=views.balances(self.names, None, self.chain),
            flags=tuple(views.flag_view(self.names, row) for row in channel.evidence.rows) if channel else (),
            steps=self.steps,
        )

    def _connection_view(self) -> ConnectionView:
        live = self.link.live
        problem = self.alarm or self.journal.store.problem or live.problem or self.chain.problem
        return ConnectionView(
            broker=Link.ONLINE if live.online else Link.CONNECTING,
            chain=Link.ONLINE if self.chain.online else Link.CONNECTING,
            round_trip_ms=int(live.round_trip * 1000),
            last_word=live.last_word,
            block=self.chain.block,
            broker_name=self.broker.name,
            problem=problem.code if problem else "",
            problem_params=tuple((key, str(value)[:200]) for key, value in problem.params.items()) if problem else (),
        )

    def _fill_views(self, channel: TraderChannel) -> tuple[FillView, ...]:
        """The latest fills, newest first; only states that are new since the last call are read."""
        if self._fills_of[0] != channel.id:
            self._fills.clear()
            last = channel.last.state.increment if channel.last else 0
            self._fills_of = (channel.id, max(-1, last - 5_000))
        entries: list[Entry] = self.journal.after(channel.id, self._fills_of[1], 500)
        for entry in entries:
            if views.is_trade(entry):
                self._fills.extendleft(views.fills(self.names, entry.state, channel.requests.orders))
        if entries:
            self._fills_of = (channel.id, entries[-1].state.increment)
        return tuple(self._fills)

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
        found = []
        for pair, copy in self.link.feed.markets.items():
            if copy.changed or copy.stale != copy.shown_stale:
                copy.changed, copy.shown_stale = False, copy.stale
                found.append(views.market_view(self.names.market_name(*pair), copy))
        return found

    # --- inside ---

    @contextlib.contextmanager
    def _progress(self, codes: Sequence[str], done: int = 0) -> Iterator[Callable[[int], None]]:
        """A stepper: call what it gives with the number of the step that begins; a failure marks that step."""
        current = done

        def show(doing: int, state: str = "doing", detail: str = "") -> None:
            nonlocal current
            current = doing
            self.steps = tuple(
                Step(code, state, detail) if number == doing else Step(code, "done" if number < doing else "todo")
                for number, code in enumerate(codes)
            )
            self.changed()

        try:
            yield show
        except BaseException as error:
            show(current, "failed", error.code if isinstance(error, WalletError) else type(error).__name__)
            raise
        show(current + 1)


def _has_lapsed(terms: Terms) -> bool:
    return time.time() > terms.open_before
