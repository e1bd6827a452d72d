"""A restored channel on its way out: what comes next, and what leaving with an old state may cost. Pure.

Whoever restored a backup does not know what was signed after it. What the state at hand pays is certain if nobody
answers; what the true last state would pay is only bounded: by the orders that were known, and by the terms.
Source: protocol §10.3.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from wallet.protocol.intents import Order
from wallet.protocol.state import OpenOrder, Side, State, payouts
from wallet.protocol.terms import Initiative, Terms
from wallet.protocol.transitions import received_asset
from wallet.session.channel import TraderChannel
from wallet.session.phases import Phase


class Step(Enum):
    """What a restored channel waits for; the value is the code of its sentence."""

    NONE = ""  # it is no restored one, or it is over
    UNLOCK = "RECOVERING-UNLOCK"  # the owner's key speaks for it, and is locked
    CONNECT = "RECOVERING-CONNECT"  # the broker has not shown yet how far it had come
    FINALIZE = "RECOVERING-FINALIZE"  # he has, and it was taken over
    ALONE = "RECOVERING-ALONE"  # it can't be ended together with him
    DISPUTED = "RECOVERING-DISPUTED"
    WITHDRAW = "RECOVERING-WITHDRAW"


@dataclass(frozen=True, slots=True)
class Share:
    """Of one asset, in base units: what a state pays, and how much more than that a later one could have paid.

    ``by_orders``: if the orders known of were filled at their limits and nothing else happened. ``at_most``: whatever
    was traded, for all of allocation and collateral is the most there is.
    """

    asset: bytes
    pays: int
    by_orders: int
    at_most: int


def next_step(channel: TraderChannel, *, online: bool) -> Step:
    """``online``: whether the broker is connected, and has been asked about every channel."""
    phase = Phase(channel.record.phase)
    if not channel.restored or phase in (Phase.WITHDRAWN, Phase.ABANDONED):
        return Step.NONE
    if phase is Phase.DISPUTED and not channel.final:
        return Step.DISPUTED
    if channel.final or phase in (Phase.SETTLED, Phase.CLOSING):
        return Step.WITHDRAW
    if channel.forked or channel.frozen is not None or channel.terms.initiative is Initiative.COOPERATIVE:
        return Step.ALONE  # the end of a cooperative channel is ours to issue, and we issue nothing
    if channel.signer is None:
        return Step.UNLOCK
    if online:
        return Step.FINALIZE if channel.shown else Step.ALONE
    return Step.CONNECT


def shares(terms: Terms, state: State, uncertain: Iterable[Order] = ()) -> tuple[Share, ...]:
    """What ``state`` pays the trader, and what it may lack. ``uncertain``: orders signed and not seen open yet."""
    gains = dict.fromkeys((row.asset for row in terms.assets), 0)
    for order in state.open_orders:
        gains[received_asset(order)] += _brings(terms, order, order.amount - order.filled)
    for wish in uncertain:
        gains[received_asset(wish)] += _brings(terms, wish, wish.amount)
    found = []
    for row, (asset, pays, _) in zip(terms.assets, payouts(terms, state), strict=True):
        at_most = row.allocation + row.collateral - pays
        found.append(Share(asset, pays, min(gains[asset], at_most), at_most))
    return tuple(found)


def _brings(terms: Terms, order: OpenOrder | Order, amount: int) -> int:
    """At its limit, and at no fee: nothing that is paid for can bring more of what is bought."""
    if order.side == Side.BUY:
        return amount
    market = next(row for row in terms.markets if (row.base, row.quote) == (order.base, order.quote))
    return market.notional(order.price, amount)
