"""One channel as the broker holds it in memory, and the pure decision what it issues next.

Source: design §3 (one state awaits an answer), §4 (presence, un-ACKed fills), §5 (time in force, finalize).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from wallet.broker.book import Reason
from wallet.broker.exposure import Pair
from wallet.broker.ledger import QueuedFill
from wallet.history.journal import Entry
from wallet.protocol.amounts import PPM
from wallet.protocol.intents import FinalizeRequest, Order, SignedOrder, TimeInForce
from wallet.protocol.state import Fill, OpenOrder, Side, Transition
from wallet.protocol.terms import Initiative, Role, Terms
from wallet.protocol.transitions import (
    Contents,
    RuleBroken,
    apply_fill,
    cancel_order,
    contents_of,
    create_order,
    market_of,
)
from wallet.protocol.turns import YieldMeter, may_yield

GRACE = 0.2  # seconds: a trader with open orders yields unasked when he has issued what he wanted
RECENT = 64  # superseded states a heartbeat under way may still name


class Phase(Enum):
    """Where a channel stands for the broker; the values are those in the journal."""

    PROPOSED = "proposed"  # setup signed by the broker, not yet acknowledged
    AGREED = "agreed"  # signed by both; the chain has not confirmed the opening
    OPEN = "open"
    FINALIZING = "finalizing"  # holds a request: nothing but finalize is issued
    FINAL = "final"  # finalize signed by both
    DISPUTED = "disputed"
    SETTLED = "settled"
    LAPSED = "lapsed"  # never opened on chain


LIVE = frozenset((Phase.PROPOSED, Phase.AGREED, Phase.OPEN, Phase.FINALIZING, Phase.FINAL, Phase.DISPUTED))


@dataclass(slots=True, eq=False)
class Channel:
    """``last`` is the highest validated state, ``pending`` the one issued state that awaits its answer.

    Times that end in ``_at`` are seconds of the broker's monotonic clock.
    """

    id: bytes
    terms: Terms
    phase: Phase
    last: Entry | None = None
    pending: Entry | None = None
    intents: dict[bytes, SignedOrder] = field(default_factory=dict)  # queued and open orders
    queue: deque[SignedOrder] = field(default_factory=deque)  # accepted, not yet proposed
    fills: deque[QueuedFill] = field(default_factory=deque)  # matched, not yet proposed
    sent: list[QueuedFill] = field(default_factory=list)  # in the pending state
    cancels: dict[bytes, Reason] = field(default_factory=dict)  # opened orders on their way out
    cancelled: set[bytes] = field(default_factory=set)  # receipted, whatever became of the order
    kept: set[bytes] = field(default_factory=set)  # whose cancel the trader refused: never matched again
    waiting: set[bytes] = field(default_factory=set)  # open, out of the book until fills are acknowledged
    unacked: dict[Pair, int] = field(default_factory=dict)  # quote base units of fills without an ACK
    finalize: FinalizeRequest | None = None
    confirmed: bool = False  # the chain has confirmed the opening
    top_nonce: int = 0
    refusals: int = 0
    stuck: str = ""
    # cooperative channels
    void: Entry | None = None  # our Refuse of a state of the trader's: waits for his countersignature
    flagged: str = ""  # the rule that a state he signed breaks: nothing more is signed here
    flagged_at: set[int] = field(default_factory=set)  # numbers at which there is evidence, decided on or not
    turn_since: int = 0  # the number of the yield since which its holder has the turn
    needs_turn_at: float | None = None  # since when we have something to do with the turn that is his
    told: bool = False  # he has been asked for it, on this connection
    he_asks_at: float | None = None  # since when the trader asks for it
    yielded_at: float | None = None
    meter: YieldMeter | None = None  # of his yields
    # presence
    connected: bool = False
    caught_up: bool = False  # the trader has shown on this connection that he has the last validated state
    late: bool = False  # an answer is overdue
    beat_at: float | None = None
    beat_time: int = 0
    recent: deque[tuple[bytes, float]] = field(default_factory=lambda: deque(maxlen=RECENT))

    @property
    def is_cooperative(self) -> bool:
        return self.terms.initiative is Initiative.COOPERATIVE

    @property
    def next_increment(self) -> int:
        return self.last.state.increment + 1 if self.last else 0

    @property
    def orders(self) -> dict[bytes, Order]:
        return {order_id: signed.order for order_id, signed in self.intents.items()}

    def order(self, order_id: bytes) -> OpenOrder | None:
        """An order as the last validated state has it."""
        return self.last.state.order(order_id) if self.last else None

    def unfilled(self, row: OpenOrder) -> int:
        """What is left of an open order after every fill that is on its way, in base units of base."""
        under_way = sum(fill.quantity for fill in (*self.sent, *self.fills) if fill.order == row.id)
        return row.amount - row.filled - under_way

    def has_fills(self, order_id: bytes) -> bool:
        return any(fill.order == order_id for fill in (*self.sent, *self.fills))

    def pair_of(self, order_id: bytes) -> Pair | None:
        signed = self.intents.get(order_id)
        return (signed.order.base, signed.order.quote) if signed else None

    def count_unacked(self, fill: QueuedFill, sign: int) -> None:
        """Adds (1) or takes off (−1) what a fill leaves the broker exposed to."""
        pair = self.pair_of(fill.order)
        market = self.terms.market(*pair) if pair else None
        if pair and market:
            self.unacked[pair] = self.unacked.get(pair, 0) + sign * market.notional(fill.price, fill.quantity)

    def is_present(self, now: float) -> bool:
        """Whether the broker may match this channel's orders (design §4): fresh heartbeat, no answer overdue.

        The trader counts from when he sent a heartbeat, the broker from when it came: the margin keeps a fill from
        reaching him after he has to refuse it.
        """
        if not self.connected or self.late or self.stuck or self.flagged or self.beat_at is None:
            return False
        margin = min(1.0, self.terms.heartbeat / 2)
        return now - self.beat_at < 2 * self.terms.heartbeat - margin

    def knows(self, digest: bytes, now: float) -> bool:
        """Whether a heartbeat that names ``digest`` is up to date; what was superseded within H was under way.

        Not on a connection on which he has yet to show that he has the latest: there it may be all he has.
        """
        if self.last and digest == self.last.digest:
            return True
        if self.pending and digest == self.pending.digest:
            return True
        if self.lacks_only_our_answer(digest):
            return True
        return self.caught_up and any(digest == old and now - at <= self.terms.heartbeat for old, at in self.recent)

    def is_to_ask(self, now: float) -> bool:
        """Whether the trader is to be asked for the turn."""
        return self.needs_turn_at is not None and not self.told and now - self.needs_turn_at >= GRACE

    def withholds_turn(self, now: float) -> bool:
        """Whether he has let us wait for it longer than T."""
        return self.needs_turn_at is not None and now - self.needs_turn_at > GRACE + self.terms.answer_time

    def lacks_only_our_answer(self, digest: bytes) -> bool:
        """Whether a trader whose last state is ``digest`` issued the one above it himself, and proposes it again."""
        last = self.last
        if last is None or last.issuer is not Role.TRADER or last.state.transition is Transition.VOID:
            return False
        return digest == last.state.previous


# --- what comes next ------------------------------------------------------------------------------------------------


class Create(NamedTuple):
    signed: SignedOrder


class Execute(NamedTuple):
    """Fills that become one trade state."""

    fills: tuple[QueuedFill, ...]


class TakeOut(NamedTuple):
    order: bytes


class Finish(NamedTuple):
    pass


class PassTurn(NamedTuple):
    """The yield."""


class Ask(NamedTuple):
    """Nothing to sign: the trader has the turn, and we have something to do with it."""


Step = Create | Execute | TakeOut | Finish | PassTurn | Ask

_AT_ONCE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


def next_step(channel: Channel, *, present: bool, now: float) -> Step | None:
    """What the broker does next at monotonic time ``now``; None if nothing, or nothing now."""
    if channel.pending or channel.void or channel.last is None or channel.stuck or channel.flagged:
        return None
    step = _work(channel, present=present)
    if channel.terms.initiative is Initiative.BROKER:
        return step
    if channel.last.state.turn is Role.TRADER:
        return Ask() if step is not None and not _is_his(channel, step) else None
    return PassTurn() if _is_to_pass(channel, step, now) else step


def _work(channel: Channel, *, present: bool) -> Create | Execute | TakeOut | Finish | None:
    """What there is to issue, whoever has the turn.

    An immediate order's fills and cancel come before everything else, as its time in force binds; then fills, since
    each is an option the broker has written; then cancels; then new orders, in the order of their nonces.
    """
    assert channel.last is not None
    if channel.finalize is not None:
        return Finish()
    if channel.phase not in (Phase.OPEN, Phase.DISPUTED):
        return None
    disputed = channel.phase is Phase.DISPUTED
    newest = channel.last.state.open_orders[-1] if channel.last.state.open_orders else None
    if newest and is_immediate(channel, newest.id):
        own = tuple(fill for fill in channel.fills if fill.order == newest.id)
        if own and not disputed:
            return Execute(_batch(channel, own)) if present else None
        return TakeOut(newest.id)
    if channel.fills and present and not disputed:
        return Execute(_batch(channel, tuple(channel.fills)))
    for order_id in channel.cancels:
        if disputed or not any(fill.order == order_id for fill in channel.fills):
            return TakeOut(order_id)
    if channel.queue and not channel.fills and not disputed:
        return Create(channel.queue[0])
    return None


def _is_his(channel: Channel, step: Step) -> bool:
    """Whether the trader does it by himself in his turn: the cancel that he asked for, the end."""
    if isinstance(step, TakeOut):
        return channel.cancels.get(step.order) is Reason.ASKED
    return isinstance(step, Finish)


def _is_to_pass(channel: Channel, step: Step | None, now: float) -> bool:
    """Whether the broker yields now: when he is asked and has nothing to do, or has been asked for half of T; and by
    himself where no order is open, since only the trader can begin anything then."""
    assert channel.last is not None
    if channel.phase is not Phase.OPEN or not may_yield(channel.terms.yield_interval, channel.yielded_at, now):
        return False
    orders = channel.last.state.open_orders
    if step is None:
        return channel.he_asks_at is not None or not orders
    if isinstance(step, Finish) or channel.he_asks_at is None or (orders and is_immediate(channel, orders[-1].id)):
        return False
    return now - channel.he_asks_at >= channel.terms.answer_time / 2


def is_immediate(channel: Channel, order_id: bytes) -> bool:
    """Whether an order is immediate-or-cancel or fill-or-kill."""
    signed = channel.intents.get(order_id)
    return signed is not None and signed.order.time_in_force in _AT_ONCE


def _batch(channel: Channel, fills: tuple[QueuedFill, ...]) -> tuple[QueuedFill, ...]:
    """The longest beginning of ``fills`` that merges into at most maxFills rows."""
    rows, last = 0, None
    for count, fill in enumerate(fills):
        row = (fill.order, fill.price, fill.rate)
        rows += row != last
        last = row
        if rows > channel.terms.max_fills:
            return fills[:count]
    return fills


def merge(fills: Iterable[QueuedFill]) -> list[QueuedFill]:
    """Neighbours of one order at one price and rate become one row (its ``seq`` is that of the first)."""
    rows: list[QueuedFill] = []
    for fill in fills:
        if rows and (rows[-1].order, rows[-1].price, rows[-1].rate) == (fill.order, fill.price, fill.rate):
            rows[-1] = rows[-1]._replace(quantity=rows[-1].quantity + fill.quantity)
        else:
            rows.append(fill)
    return rows


def fill_row(channel: Channel, fill: QueuedFill) -> Fill:
    """A queued fill as it is signed: the fee floored, in the asset received."""
    order = channel.intents[fill.order].order
    gross = fill.quantity
    if order.side == Side.SELL:
        gross = market_of(channel.terms, order).notional(fill.price, fill.quantity)
    return Fill(fill.order, fill.price, fill.quantity, gross * min(fill.rate, channel.terms.max_fee) // PPM)


def outlook(channel: Channel) -> Contents:
    """The contents once everything under way has come about: what a new order is checked against."""
    assert channel.last is not None
    contents = contents_of((channel.pending or channel.last).state)
    # what can't be done will not be issued either: the rest is judged without it
    for fill in channel.fills:
        with suppress(RuleBroken):
            contents = apply_fill(channel.terms, contents, fill_row(channel, fill), None)
    for order_id in channel.cancels:
        with suppress(RuleBroken):
            contents = cancel_order(channel.terms, contents, order_id)
    for signed in channel.queue:
        with suppress(RuleBroken):
            contents = create_order(channel.terms, contents, signed.id, signed.order)
    return contents
