"""Makes the frozen snapshots that screens draw from what the driver holds. Pure reading, on the driver's thread."""

from __future__ import annotations

from collections.abc import Mapping

from wallet.app.snapshots import (
    AssetInfo,
    BalanceView,
    BookView,
    CandleView,
    ChannelView,
    FillView,
    FlagView,
    MarketInfo,
    MarketView,
    OrderStatus,
    OrderView,
    Phase,
    RecoveryView,
    ShareView,
    StateRow,
    TapeRow,
    TriggerView,
)
from wallet.history.journal import Entry, FlagRecord, IntentRecord, Status
from wallet.history.validation import Validation
from wallet.market.candles import filled
from wallet.protocol.codec import show_enum
from wallet.protocol.intents import Order
from wallet.protocol.state import Side, State, Transition
from wallet.protocol.terms import Market, Role
from wallet.protocol.transitions import received_asset
from wallet.session import recovery
from wallet.session import requests as intents
from wallet.session.broker_profile import BrokerProfile
from wallet.session.channel import TraderChannel
from wallet.session.feed import MarketCopy
from wallet.session.phases import Phase as Life
from wallet.session.settlement import ChainLink

_STATUS = {
    intents.STAGED: OrderStatus.STAGED,
    intents.SUBMITTED: OrderStatus.SUBMITTED,
    intents.OPEN: OrderStatus.OPEN,
    intents.FILLED: OrderStatus.FILLED,
    intents.CANCELLED: OrderStatus.CANCELLED,
    intents.DEAD: OrderStatus.CANCELLED,
    intents.REJECTED: OrderStatus.REJECTED,
}
TAPE_ROWS = 100
CANDLE_ROWS = 500
BOOK_ROWS = 50
ORDER_ROWS = 200


class Names:
    """What assets and markets are called, by the broker profile the user added."""

    def __init__(self, profile: BrokerProfile, fees: Mapping[tuple[bytes, bytes], tuple[int, int]]) -> None:
        self.assets = {
            token.address: AssetInfo(
                token.address, token.symbol, token.decimals, verified=profile.vouched(token.address)
            )
            for token in profile.tokens
        }
        ceiling = dict(profile.offer.rules)["max_fee"]
        self.markets = tuple(
            self._market(market, *fees.get((market.base, market.quote), (ceiling, ceiling)))
            for market in profile.offer.markets
        )

    def _market(self, market: Market, maker_fee: int, taker_fee: int) -> MarketInfo:
        return MarketInfo(
            self.asset(market.base),
            self.asset(market.quote),
            market.unit,
            market.tick_size,
            market.lot_size,
            market.min_notional,
            maker_fee,
            taker_fee,
        )

    def asset(self, address: bytes) -> AssetInfo:
        return self.assets.get(address) or AssetInfo(address, "0x" + address.hex()[:6], 0, verified=False)

    def market_name(self, base: bytes, quote: bytes) -> str:
        return f"{self.asset(base).symbol}/{self.asset(quote).symbol}"

    def find(self, name: str) -> MarketInfo | None:
        return next((market for market in self.markets if market.name == name), None)


def balances(names: Names, channel: TraderChannel | None, chain: ChainLink) -> tuple[BalanceView, ...]:
    """One row per asset of the channel, or of the broker if there is none."""
    held = chain.holdings
    state = channel.last.state if channel is not None and channel.last is not None else None
    if channel is None or state is None:
        rows = [(asset, 0, 0, 0, 0, 0, 0) for asset in names.assets]
    else:
        rows = [
            (row.asset, terms.allocation, row.available, row.locked, out.to_broker, out.to_trader, terms.collateral)
            for terms, row, out in zip(channel.terms.assets, state.balances, state.outcomes, strict=True)
        ]
    return tuple(
        BalanceView(
            names.asset(asset),
            allocation,
            available,
            locked,
            to_broker,
            to_trader,
            collateral,
            wallet=held.wallet.get(asset, 0),
            free=held.free.get(asset, 0),
            credit=held.credit.get(asset, 0),
            spendable=chain.spendable(asset),
        )
        for asset, allocation, available, locked, to_broker, to_trader, collateral in rows
    )


def held(names: Names, channel: TraderChannel) -> tuple[tuple[AssetInfo, int], ...]:
    """What the channel holds of each asset that is in it."""
    rows = channel.last.state.balances if channel.last else ()
    amounts = ((names.asset(row.asset), row.available + row.locked) for row in rows)
    return tuple((info, amount) for info, amount in amounts if amount)


def orders(names: Names, channel: TraderChannel, now: float) -> tuple[OrderView, ...]:
    """Orders that are or may come to be open, and the latest that ended, newest first."""
    return tuple(order_view(names, channel, row, now) for row in reversed(channel.requests.rows()[-ORDER_ROWS:]))


def order_view(names: Names, channel: TraderChannel, row: IntentRecord, now: float) -> OrderView:
    resting = channel.last.state.order(row.signed.id) if channel.last else None
    return _order(names, row, resting.filled if resting else None, now)


def _order(names: Names, row: IntentRecord, filled_so_far: int | None, now: float) -> OrderView:
    order = row.signed.order
    status = _STATUS.get(row.status, OrderStatus.UNKNOWN)
    if status is OrderStatus.OPEN and row.cancel is not None:
        status = OrderStatus.CANCELLING
    if status in (OrderStatus.STAGED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN) and now > order.open_before + 5:
        status = OrderStatus.CANCELLED  # it can't open any more
    done = order.amount if status is OrderStatus.FILLED else filled_so_far or 0
    return OrderView(
        row.signed.id,
        names.market_name(order.base, order.quote),
        show_enum(order.side),
        order.price,
        order.amount,
        done,
        show_enum(order.time_in_force),
        status,
        row.created,
        order.expiry,
        row.reason,
    )


def fills(names: Names, state: State, lookup: Mapping[bytes, Order]) -> tuple[FillView, ...]:
    """The fills of one trade."""
    views = []
    for fill in state.fills:
        order = lookup.get(fill.order)
        if order is None:
            continue
        views.append(
            FillView(
                state.time,
                state.increment,
                fill.order,
                names.market_name(order.base, order.quote),
                show_enum(Side(order.side)),
                fill.price,
                fill.quantity,
                fill.fee,
                names.asset(received_asset(order)),
            )
        )
    return tuple(views)


def phase(channel: TraderChannel, *, finalizing: bool) -> Phase:
    if channel.frozen is not None:
        return Phase.FLAGGED
    life = Life(channel.record.phase)
    if finalizing and life is Life.OPEN:
        return Phase.FINALIZING
    return Phase(life.value)


def channel_view(
    names: Names,
    channel: TraderChannel,
    rows: tuple[BalanceView, ...],
    done: tuple[FillView, ...],
    now: float,
    *,
    finalizing: bool,
    note: str = "",
    deadline: int = 0,
    online: bool = False,
    exit_at: int = 0,
    triggers: tuple[TriggerView, ...] = (),
) -> ChannelView:
    last = channel.last
    return ChannelView(
        id=channel.id,
        phase=phase(channel, finalizing=finalizing),
        increment=last.state.increment if last else 0,
        last_time=last.state.time if last else 0,
        challenge_period=channel.terms.challenge_period,
        max_fee=channel.terms.max_fee,
        balances=rows,
        orders=orders(names, channel, now),
        fills=done,
        awaiting=awaiting(channel),
        note=note or hindrance(channel),
        deadline=deadline,
        offline_safe=offline_safe(channel, deadline, now),
        recovery=recovery_view(names, channel, online=online),
        exit_at=exit_at if Life(channel.record.phase) is Life.OPEN else 0,
        triggers=triggers,
    )


def recovery_view(names: Names, channel: TraderChannel, *, online: bool) -> RecoveryView | None:
    """What a restored channel waits for, and what its state at hand may lack; None for any other."""
    step = recovery.next_step(channel, online=online)
    if step is recovery.Step.NONE:
        return None
    rows = recovery.shares(channel.terms, channel.last.state, channel.uncertain()) if channel.last else ()
    shown = tuple(ShareView(names.asset(row.asset), row.pays, row.by_orders, row.at_most) for row in rows)
    return RecoveryView(step.value, channel.shown, shown)


def awaiting(channel: TraderChannel) -> str:
    """Who owes the next signature: ours is owed for what we hold back, the broker's for our void and our requests."""
    if channel.void is not None:
        return "broker"
    if channel.held is not None:
        return "trader"
    if channel.frozen is not None:
        return "trader"  # the user's decision first
    return "broker" if _has_requests(channel) else ""


def _has_requests(channel: TraderChannel) -> bool:
    """Whether the broker has yet to answer with a state: a cancel he receipted, an order he took."""
    resting = channel.last.state.open_orders if channel.last else ()
    rows = (channel.requests.get(order.id) for order in resting)
    if any(row is not None and row.cancel is not None for row in rows):
        return True
    coming = (channel.requests.get(channel.domain.digest(order).digest) for order in channel.uncertain())
    return any(row is not None and row.status == intents.SUBMITTED for row in coming)


def hindrance(channel: TraderChannel) -> str:
    """Code of what keeps this channel from trading, but for a flag."""
    if channel.forked:
        return "RES-FORK"
    if channel.restored:
        return "RESTORED"
    return "HELD" if channel.held is not None else ""


def offline_safe(channel: TraderChannel, deadline: int, now: float) -> int:
    """Seconds from now in which nobody can settle this channel without our answer; 0 where nothing is at stake."""
    life = Life(channel.record.phase)
    if life is Life.DISPUTED:
        return max(0, int(deadline - now))
    return channel.terms.challenge_period if life in (Life.OPEN, Life.FINAL, Life.CLOSING) else 0


def flag_view(names: Names, record: FlagRecord, broker_name: str) -> FlagView:
    return FlagView(
        record.id,
        record.time,
        record.flag.code,
        record.increment,
        record.flag.expected[:300],
        record.flag.got[:300],
        tuple((names.asset(asset), amount) for asset, amount in record.flag.cost),
        record.resolved,
        record.last_good,
        acting=not record.resolved,
        channel=record.channel,
        broker_name=broker_name,
    )


def state_row(entry: Entry, validation: Validation | None) -> StateRow:
    later = validation.successor if validation else None
    return StateRow(
        entry.state.increment,
        show_enum(entry.state.transition),
        show_enum(entry.issuer),
        entry.state.time,
        entry.digest,
        entry.signature(Role.TRADER) is not None,
        entry.signature(Role.BROKER) is not None,
        entry.status is Status.VALIDATED,
        entry.status is Status.REFUSED,
        later.state.increment if later else None,
        entry.number,
    )


def market_view(name: str, copy: MarketCopy, broker: bytes) -> MarketView:
    interval, book = copy.candles.interval, copy.book
    return MarketView(
        BookView(
            name,
            book.seq,
            book.bids(BOOK_ROWS),
            book.asks(BOOK_ROWS),
            copy.stale,
            int(copy.updated * 1000),
            broker,
        ),
        tuple(
            TapeRow(row.id, row.time_ms, show_enum(Side(row.side)), row.price, row.amount)
            for row in reversed(copy.tape.trades()[-TAPE_ROWS:])
        ),
        tuple(CandleView(*row) for row in filled(copy.candles.last(CANDLE_ROWS), interval, CANDLE_ROWS)),
        interval,
    )


def is_trade(entry: Entry) -> bool:
    return entry.state.transition is Transition.TRADE and entry.status is Status.VALIDATED
