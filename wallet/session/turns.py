"""What we issue in our turn of a cooperative channel: the pure decision, from what was asked of us and by us.

The user asks for orders, cancels and the end as in a channel of the broker's initiative; whose turn it is, and when it
is passed on, is decided here. Source: seed (second diagram), design §4, §5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wallet.history.journal import Entry, IntentRecord
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import State, Transition
from wallet.protocol.terms import Initiative, Role
from wallet.protocol.transitions import Contents, RuleBroken, cancel_order, contents_of, create_order, successor
from wallet.protocol.turns import YieldMeter, may_yield
from wallet.session.phases import Phase
from wallet.session.requests import REJECTED

if TYPE_CHECKING:
    from wallet.session.channel import TraderChannel

_AT_ONCE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


@dataclass(slots=True)
class Turns:
    """Where the turns of one channel stand. Nothing of it is worth a place on disk."""

    heard: bool = False  # there is a line over which what we issue can leave
    since: int = 0  # the number of the yield since which its holder has the turn
    he_asks: bool = False  # the broker wants it
    wanted: bool = False  # we want it, also if no order waits to be opened
    finalize: bool = False  # the user wants the end
    yielded_at: float | None = None
    meter: YieldMeter | None = None  # of the broker's yields

    def passed(self, state: State) -> None:
        """A yield was validated."""
        self.since = state.increment
        self.he_asks = self.wanted = False


def is_cooperative(channel: TraderChannel) -> bool:
    return channel.terms.initiative is Initiative.COOPERATIVE


def wants_turn(channel: TraderChannel) -> bool:
    """Whether the broker has the turn and we have something to do with it."""
    last = channel.last
    if last is None or last.state.turn is Role.TRADER or not _is_at_work(channel):
        return False
    return channel.turns.wanted or _next_order(channel, last) is not None


def next_state(channel: TraderChannel, last: Entry, *, answering: bool = False) -> State | None:
    """What we issue upon ``last``; None if nothing, or not now. ``answering``: a yield, which no yield answers."""
    if last.state.turn is not Role.TRADER or channel.void is not None or not _is_at_work(channel):
        return None
    made = _work(channel, last)
    if channel.disputed and made is not None and made[0] is Transition.CREATE_ORDER:
        return None
    if made is None:
        if answering or channel.disputed or not _is_to_yield(channel, last):
            return None
        made = Transition.YIELD, contents_of(last.state)
    transition, after = made
    turn = Role.BROKER if transition is Transition.YIELD else None
    now = int(channel.clock.now())
    return successor(last.state, last.digest, last.state.increment + 1, transition, after, now, turn=turn)


def _is_at_work(channel: TraderChannel) -> bool:
    if not channel.turns.heard or not is_cooperative(channel) or channel.signer is None or channel.frozen is not None:
        return False
    if channel.forked or (channel.restored and not channel.shown):
        return False  # who can't know what he has signed issues nothing
    return Phase(channel.record.phase) in (Phase.OPEN, Phase.DISPUTED) and not channel.final


def _work(channel: TraderChannel, last: Entry) -> tuple[Transition, Contents] | None:
    """What there is to do, if the turn is not to be passed on first."""
    before = contents_of(last.state)
    newest = before.open_orders[-1] if before.open_orders else None
    order = channel.requests.orders.get(newest.id) if newest else None
    if newest and order and order.time_in_force in _AT_ONCE:
        if last.state.transition is Transition.CREATE_ORDER:
            return None  # the broker fills or cancels it
        return Transition.CANCEL_ORDER, cancel_order(channel.terms, before, newest.id)
    if channel.turns.he_asks and may_pass(channel):
        return None
    for row in before.open_orders:
        asked = channel.requests.get(row.id)
        if asked is not None and asked.receipt is not None:
            return Transition.CANCEL_ORDER, cancel_order(channel.terms, before, row.id)
    if channel.turns.finalize and not before.open_orders:
        return Transition.FINALIZE, before
    return None if channel.restored else _opening(channel, last, before)  # it only leaves (spec §10.3)


def _opening(channel: TraderChannel, last: Entry, before: Contents) -> tuple[Transition, Contents] | None:
    while (row := _next_order(channel, last)) is not None:
        try:
            after = create_order(channel.terms, before, row.signed.id, row.signed.order)
        except RuleBroken as broken:  # what it counted on did not come about
            channel.requests.mark(row.signed.id, REJECTED, broken.code)
            continue
        return Transition.CREATE_ORDER, after
    return None


def _next_order(channel: TraderChannel, last: Entry) -> IntentRecord | None:
    """The order to be opened next, in the order of nonces: not one that we take back, or whose time is over."""
    now, mark = channel.clock.now(), last.state.order_nonce
    waiting = [
        row
        for row in channel.requests.staged()
        if row.cancel is None and row.signed.order.order_nonce > mark and row.signed.order.open_before > now
    ]
    return min(waiting, key=lambda row: row.signed.order.order_nonce, default=None)


def _is_to_yield(channel: TraderChannel, last: Entry) -> bool:
    """With an order open only the broker can go on; without one he may ask."""
    return may_pass(channel) and (channel.turns.he_asks or bool(last.state.open_orders))


def may_pass(channel: TraderChannel) -> bool:
    """Whether yieldInterval lets us yield now."""
    return may_yield(channel.terms.yield_interval, channel.turns.yielded_at, channel.clock.monotonic())
