"""What is asked before an order is signed or changed, and what the world is without the order that goes. Pure."""

from __future__ import annotations

from dataclasses import replace

from wallet.app.snapshots import MarketInfo, OrderView
from wallet.gui.models.figures import amount_text, asset_amount, duration, notional, price_text
from wallet.gui.models.ticket import FOK, IOC, LIMIT, POST_ONLY, Situation, Wish


def question(wanted: Wish, market: MarketInfo) -> tuple[str, str]:
    """What is asked before it is signed: the question, and what exactly would be."""
    verb = wanted.side.capitalize()
    amount = f"{amount_text(market, wanted.amount)} {market.base.symbol}"
    price = f"{price_text(market, wanted.price)} {market.quote.symbol}"
    total = asset_amount(market.quote, notional(market, wanted.price, wanted.amount))
    paid, least = ("pay at most", "") if wanted.side == "buy" else ("bring at least", " before the fee")
    ends = {
        LIMIT: f"It rests for {duration(wanted.lifetime)} at most.",
        POST_ONLY: f"It only rests, for {duration(wanted.lifetime)} at most, and never takes.",
        IOC: "What can't be had at once is cancelled.",
        FOK: "It is filled at once and whole, or not at all.",
    }[wanted.time_in_force]
    limit = "no more than" if wanted.side == "buy" else "no less than"
    return f"{verb} {amount}?", f"At {limit} {price}. It will {paid} {total}{least}. {ends}"


def without(now: Situation, order: OrderView) -> Situation:
    """The world with an order taken back: what it locks is available again."""
    if now.channel is None:
        return now
    buys, rest = order.side == "buy", order.amount - order.filled
    paid = now.market.quote if buys else now.market.base
    held = notional(now.market, order.price, rest) if buys else rest
    rows = tuple(
        replace(row, available=row.available + held, locked=row.locked - held) if row.asset == paid else row
        for row in now.channel.balances
    )
    orders = tuple(row for row in now.channel.orders if row.id != order.id)
    return replace(now, channel=replace(now.channel, balances=rows, orders=orders))
