"""Rows of orders, fills and flags as text and tone, one function a column. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wallet.app.snapshots import ChannelView, FillView, FlagView, MarketInfo, OrderStatus, OrderView
from wallet.gui.models.figures import (
    NONE,
    amount_text,
    asset_amount,
    clock,
    fixed,
    notional,
    price_text,
    quote_text,
)

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
    def cancellable(self) -> bool:
        return self.order.status in CANCELLABLE

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
