"""What a user who looks elsewhere should hear of: the difference between two snapshots, in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, ChannelView, FillView, OrderStatus, Phase
from wallet.gui.models.figures import amount_text, price_text
from wallet.gui.models.ledger import TRIGGERS

MANY = 3  # fills at once, beyond which they are only counted
FLAGGED = "The broker signed a state that is not valid"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class News:
    """``urgent``: something is to be done; else it is good to know."""

    title: str
    text: str
    urgent: bool = False


def news(old: AppView, new: AppView, *, hide: bool = False) -> tuple[News, ...]:
    """What has come between two snapshots; nothing at the first one. ``hide``: without amounts and prices."""
    if old.account != new.account or not old.account:
        return ()
    before = {flag.id for flag in old.flags}
    found = [
        News(FLAGGED, f"Nothing was signed back. {sentence(flag.code)}", urgent=True)
        for flag in new.flags
        if flag.id not in before and not flag.resolved
    ]
    if old.channel is not None and new.channel is not None and old.channel.id == new.channel.id:
        found += _of_channel(old.channel, new.channel, new, hide=hide)
    return tuple(News(row.title, row.text[:_LONGEST], row.urgent) for row in found)


def _of_channel(old: ChannelView, new: ChannelView, view: AppView, *, hide: bool) -> list[News]:
    found = []
    if new.phase is Phase.DISPUTED and old.phase is not Phase.DISPUTED:
        words = "The session is being settled on the chain. Leave this program running: it answers by itself."
        found.append(News("A dispute has begun", words, urgent=True))
    failed = {row.id for row in old.triggers if row.failed}
    for row in new.triggers:
        if row.failed and row.id not in failed:
            name = TRIGGERS.get(row.kind, "order").capitalize()
            found.append(News(f"{name} in {row.market} failed", sentence(row.reason), urgent=True))
    rejected = {row.id for row in old.orders if row.status is OrderStatus.REJECTED}
    found += [
        News(f"An order in {order.market} was not taken", sentence(order.reason))
        for order in new.orders
        if order.status is OrderStatus.REJECTED and order.id not in rejected
    ]
    known = set(old.fills)
    return found + _fills([fill for fill in new.fills if fill not in known], view, hide=hide)


def _fills(fills: list[FillView], view: AppView, *, hide: bool) -> list[News]:
    if len(fills) > MANY:
        return [News(f"{len(fills)} fills", "See Fills.")]
    return [
        News(f"{'Bought' if fill.side == 'buy' else 'Sold'} in {fill.market}", _words(fill, view, hide))
        for fill in fills
    ]


def _words(fill: FillView, view: AppView, hide: bool) -> str:
    market = next((row for row in view.markets if row.name == fill.market), None)
    if hide or market is None:
        return f"State #{fill.increment}."
    amount = f"{amount_text(market, fill.quantity)} {market.base.symbol}"
    return f"{amount} at {price_text(market, fill.price)} {market.quote.symbol}, state #{fill.increment}."
