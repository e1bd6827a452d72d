"""Rows of orders, fills and flags as text and tone, one function a column. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wallet.app.messages import sentence
from wallet.app.snapshots import ChannelView, FillView, FlagView, MarketInfo, OrderStatus, OrderView, TriggerView
from wallet.gui.models.figures import (
    NONE,
    amount_text,
    asset_amount,
    clock,
    fixed,
    notional,
    price_places,
    price_text,
    quote_text,
)
from wallet.market.fills import effective

Markets = Mapping[str, MarketInfo]

STATUS = {
    OrderStatus.STAGED: ("signed", "warn"),
    OrderStatus.SUBMITTED: ("submitted", "warn"),
    OrderStatus.OPEN: ("open", "good"),
    OrderStatus.CANCELLING: ("cancelling…", "warn"),
    OrderStatus.FILLED: ("filled", "plain"),
    OrderStatus.CANCELLED: ("cancelled", "muted"),
    OrderStatus.REJECTED: ("rejected", "bad"),
    OrderStatus.UNKNOWN: ("unknown", "warn"),
}
KINDS = {
    "good_till_time": "limit",
    "immediate_or_cancel": "IOC",
    "fill_or_kill": "FOK",
    "post_only": "post-only",
}
TRIGGERS = {"stop_loss": "stop-loss", "take_profit": "take-profit"}
CANCELLABLE = (OrderStatus.OPEN, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN, OrderStatus.STAGED)
SIDES = {"buy": "▲ Buy", "sell": "▼ Sell"}


def side_tone(side: str) -> str:
    return "up" if side == "buy" else "down"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order with its market, so that each column can be made from the row alone."""

    order: OrderView
    market: MarketInfo | None

    @property
    def key(self) -> bytes:
        return self.order.id

    @property
    def created(self) -> int:
        return self.order.created

    @property
    def side(self) -> str:
        return self.order.side

    @property
    def cancellable(self) -> bool:
        return self.order.status in CANCELLABLE

    def where(self) -> str:
        return self.order.market

    def kind(self) -> str:
        return KINDS.get(self.order.time_in_force, "")

    def status(self) -> tuple[str, str]:
        """Its word and tone."""
        return STATUS[self.order.status]

    def why(self) -> str:
        return sentence(self.order.reason) if self.order.reason else ""

    def price(self) -> str:
        return price_text(self.market, self.order.price) if self.market else str(self.order.price)

    def amount(self) -> str:
        return amount_text(self.market, self.order.amount) if self.market else str(self.order.amount)

    def filled(self) -> str:
        percent = 100 * self.order.filled // self.order.amount if self.order.amount else 0
        return f"{percent} %"

    def total(self) -> str:
        if self.market is None:
            return NONE
        return quote_text(self.market, notional(self.market, self.order.price, self.order.amount))

    def locked(self) -> str:
        """What the rest of the order holds, once it stands in a state."""
        if self.market is None or self.order.status not in (OrderStatus.OPEN, OrderStatus.CANCELLING):
            return NONE
        rest = self.order.amount - self.order.filled
        if self.order.side == "buy":
            value = notional(self.market, self.order.price, rest)
            return f"{quote_text(self.market, value)} {self.market.quote.symbol}"
        return f"{amount_text(self.market, rest)} {self.market.base.symbol}"

    def time(self) -> str:
        return clock(self.order.created)


@dataclass(frozen=True, slots=True)
class TriggerLine:
    """A stop-loss or take-profit, in the columns of the orders."""

    trigger: TriggerView
    info: MarketInfo | None

    @property
    def key(self) -> bytes:
        return self.trigger.id

    @property
    def created(self) -> int:
        return self.trigger.created

    @property
    def side(self) -> str:
        return self.trigger.side

    @property
    def cancellable(self) -> bool:
        return True

    def where(self) -> str:
        return self.trigger.market

    def kind(self) -> str:
        return TRIGGERS.get(self.trigger.kind, "")

    def price(self) -> str:
        sign = "≥" if self.trigger.rising else "≤"
        return f"{sign} {price_text(self.info, self.trigger.at) if self.info else self.trigger.at}"

    def amount(self) -> str:
        return amount_text(self.info, self.trigger.amount) if self.info else str(self.trigger.amount)

    def filled(self) -> str:
        return NONE

    def locked(self) -> str:
        return NONE

    def time(self) -> str:
        return clock(self.trigger.created)

    def status(self) -> tuple[str, str]:
        """Its word and tone."""
        return ("failed", "bad") if self.trigger.failed else ("waiting", "warn")

    def why(self) -> str:
        if self.trigger.failed:
            return sentence("TRIGGER-FAILED", {"why": sentence(self.trigger.reason)})
        return sentence("TRIGGER-WAITS")


def waiting(channel: ChannelView | None, markets: Markets) -> tuple[TriggerLine, ...]:
    """Stop-losses and take-profits, newest first."""
    rows = channel.triggers if channel is not None else ()
    return tuple(TriggerLine(row, markets.get(row.market)) for row in reversed(rows))


def open_orders(channel: ChannelView | None, markets: Markets) -> tuple[OrderLine, ...]:
    """Orders that still matter, newest first: on their way, open, unknown, or rejected a moment ago."""
    if channel is None:
        return ()
    shown = (OrderStatus.FILLED, OrderStatus.CANCELLED)
    lines = [OrderLine(order, markets.get(order.market)) for order in channel.orders if order.status not in shown]
    return tuple(sorted(lines, key=lambda line: line.order.created, reverse=True))


@dataclass(frozen=True, slots=True)
class FillLine:
    fill: FillView
    market: MarketInfo | None

    @property
    def key(self) -> tuple[int, bytes, int, int]:
        return self.fill.increment, self.fill.order, self.fill.price, self.fill.quantity

    def price(self) -> str:
        return price_text(self.market, self.fill.price) if self.market else str(self.fill.price)

    def amount(self) -> str:
        return amount_text(self.market, self.fill.quantity) if self.market else str(self.fill.quantity)

    def total(self) -> str:
        if self.market is None:
            return NONE
        return quote_text(self.market, notional(self.market, self.fill.price, self.fill.quantity))

    def fee(self) -> str:
        asset = self.fill.fee_asset
        return asset_amount(asset, self.fill.fee)

    def effective(self) -> str:
        """The price with the fee in it, with two more digits than a tick has."""
        fill, market = self.fill, self.market
        if market is None:
            return NONE
        whole = 10**market.base.decimals
        found = effective(fill.side, market.unit, fill.price, fill.quantity, fill.fee, whole)
        places = min(price_places(market) + 2, market.quote.decimals)
        return NONE if found is None else fixed(found, market.quote.decimals, places)

    def time(self) -> str:
        return clock(self.fill.time)

    def state(self) -> str:
        return f"#{self.fill.increment}"


def fills(channel: ChannelView | None, markets: Markets, limit: int = 500) -> tuple[FillLine, ...]:
    """Newest first."""
    if channel is None:
        return ()
    newest = sorted(channel.fills, key=lambda fill: (fill.increment, fill.time), reverse=True)[:limit]
    return tuple(FillLine(fill, markets.get(fill.market)) for fill in newest)


def unresolved(flags: Iterable[FlagView]) -> tuple[FlagView, ...]:
    """Flags the user has still to decide on, newest first."""
    return tuple(sorted((flag for flag in flags if not flag.resolved), key=lambda flag: flag.id, reverse=True))


def cost_text(flag: FlagView) -> str:
    """What signing would have cost: ``12.5 USDT, 0.1 ETH``; or that it would have cost nothing countable."""
    parts = [f"{fixed(amount, asset.decimals)} {asset.symbol}" for asset, amount in flag.cost]
    return ", ".join(parts) if parts else "nothing that can be counted: the state is wrong all the same"
