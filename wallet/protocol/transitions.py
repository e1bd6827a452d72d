"""What each transition does to a channel, as pure functions from the contents before to the contents after.

The issuer uses them to make the next state, the other side to know what it must be. A step that may not be taken
raises :class:`RuleBroken` with the code of the rule. Source: design §5; seed "Balances", "Open orders", "Outcomes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wallet.protocol.amounts import MAX_AMOUNT, PPM
from wallet.protocol.intents import Order, TimeInForce
from wallet.protocol.shown import show
from wallet.protocol.state import Balance, Fill, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import Market, Role, Terms


class RuleBroken(Exception):
    """A rule of the protocol does not hold: its stable code, and expected against got, as plain values.

    A finding, not a failure of the program.
    """

    def __init__(self, code: str, expected: object, got: object) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected
        self.got = got


class Contents(NamedTuple):
    """The part of a state that transitions change."""

    order_nonce: int
    balances: tuple[Balance, ...]
    open_orders: tuple[OpenOrder, ...]
    outcomes: tuple[Outcome, ...]


def contents_of(state: State) -> Contents:
    return Contents(state.order_nonce, state.balances, state.open_orders, state.outcomes)


def market_of(terms: Terms, order: OpenOrder | Order) -> Market:
    market = terms.market(order.base, order.quote)
    if market is None:
        raise RuleBroken("ORD-MARKET", "a market of the terms", f"{show(order.base)}/{show(order.quote)}")
    return market


def lock_of(market: Market, row: OpenOrder) -> int:
    """What the rest of an open order holds: quote for a buy, base for a sell."""
    rest = row.amount - row.filled
    return market.notional(row.price, rest) if row.side == Side.BUY else rest


def locked_asset(row: OpenOrder | Order) -> bytes:
    return row.quote if row.side == Side.BUY else row.base


def received_asset(row: OpenOrder | Order) -> bytes:
    return row.base if row.side == Side.BUY else row.quote


def fee_ceiling(terms: Terms, gross: int) -> int:
    """The most a fill may cost that brings ``gross``: floored, per fill."""
    return gross * terms.max_fee // PPM


def check_order(terms: Terms, order: Order) -> Market:
    """The rules an intent must keep by itself: a market of the terms, whole ticks and lots, minimum, no overflow."""
    market = market_of(terms, order)
    if order.price <= 0 or order.price % market.tick_size:
        raise RuleBroken("ORD-TICK", f"a multiple of {market.tick_size}", order.price)
    if order.amount <= 0 or order.amount % market.lot_size:
        raise RuleBroken("ORD-LOT", f"a multiple of {market.lot_size}", order.amount)
    if order.price * order.amount > MAX_AMOUNT:
        raise RuleBroken("ORD-OVERFLOW", "below 2^256", order.price * order.amount)
    if market.notional(order.price, order.amount) < market.min_notional:
        raise RuleBroken("ORD-MIN", f"at least {market.min_notional}", market.notional(order.price, order.amount))
    return market


def create_order(terms: Terms, before: Contents, order_id: bytes, order: Order) -> Contents:
    """Appends one order; its cost moves from available to locked."""
    if order.order_nonce <= before.order_nonce:
        raise RuleBroken("ORD-RESURRECT", f"above {before.order_nonce}", order.order_nonce)
    market = check_order(terms, order)
    if len(before.open_orders) >= terms.max_open_orders:
        raise RuleBroken("ORD-COUNT", f"at most {terms.max_open_orders}", len(before.open_orders) + 1)
    row = OpenOrder(order_id, order.base, order.quote, int(order.side), order.price, order.amount, 0)
    cost = lock_of(market, row)
    asset = locked_asset(row)
    balances = _move(before.balances, {asset: (-cost, cost)}, "ORD-FUNDS")
    return Contents(order.order_nonce, balances, (*before.open_orders, row), before.outcomes)


def cancel_order(terms: Terms, before: Contents, order_id: bytes) -> Contents:
    """One order goes, its remaining lock returns to available, nothing else."""
    at = _find(before, order_id, "CAN-WRONG-ORDER")
    row = before.open_orders[at]
    lock = lock_of(market_of(terms, row), row)
    balances = _move(before.balances, {locked_asset(row): (lock, -lock)}, "BAL-LOCKED")
    rest = before.open_orders[:at] + before.open_orders[at + 1 :]
    return Contents(before.order_nonce, balances, rest, before.outcomes)


def trade(terms: Terms, before: Contents, fills: tuple[Fill, ...], orders: Mapping[bytes, Order]) -> Contents:
    """Applies one or more fills in turn; the invariants hold after each."""
    if not 1 <= len(fills) <= terms.max_fills:
        raise RuleBroken("TRD-COUNT", f"1 to {terms.max_fills} fills", len(fills))
    after = before
    for fill in fills:
        after = apply_fill(terms, after, fill, orders.get(fill.order))
    return after


def apply_fill(terms: Terms, before: Contents, fill: Fill, order: Order | None) -> Contents:
    """One fill of one open order (design §5, row "trade")."""
    at = _find(before, fill.order, "TRD-UNKNOWN")
    row = before.open_orders[at]
    market = market_of(terms, row)
    _check_fill(terms, market, row, fill, order)
    gross = market.notional(fill.price, fill.quantity)
    if row.side == Side.BUY:
        held = market.notional(row.price, fill.quantity)
        moves = {row.quote: (held - gross, -held), row.base: (fill.quantity - fill.fee, 0)}
        nets = {row.quote: -gross, row.base: fill.quantity - fill.fee}
    else:
        moves = {row.base: (0, -fill.quantity), row.quote: (gross - fill.fee, 0)}
        nets = {row.base: -fill.quantity, row.quote: gross - fill.fee}
    filled = row.filled + fill.quantity
    rest = (OpenOrder(*row[:6], filled),) if filled < row.amount else ()
    kept = before.open_orders[:at] + rest + before.open_orders[at + 1 :]
    balances = _move(before.balances, moves, "BAL-LOCKED")
    return Contents(before.order_nonce, balances, kept, _settle(terms, before.outcomes, nets))


def _check_fill(terms: Terms, market: Market, row: OpenOrder, fill: Fill, order: Order | None) -> None:
    rest = row.amount - row.filled
    if fill.quantity <= 0:
        raise RuleBroken("TRD-ZERO", "above 0", fill.quantity)
    if fill.quantity > rest:
        raise RuleBroken("TRD-OVER", f"at most {rest}", fill.quantity)
    if fill.quantity % market.lot_size:
        raise RuleBroken("TRD-HALF-LOT", f"a multiple of {market.lot_size}", fill.quantity)
    if fill.price <= 0 or fill.price % market.tick_size:
        raise RuleBroken("TRD-TICK", f"a multiple of {market.tick_size}", fill.price)
    if fill.price > row.price if row.side == Side.BUY else fill.price < row.price:
        raise RuleBroken("TRD-WORSE", row.price, fill.price)
    if order is not None and order.time_in_force is TimeInForce.POST_ONLY and fill.price != row.price:
        # a maker is filled at his own price: a better one proves that the order took
        raise RuleBroken("ORD-TIF", row.price, fill.price)
    gross = market.notional(fill.price, fill.quantity)
    if gross > MAX_AMOUNT:
        raise RuleBroken("BAL-OVERFLOW", "below 2^256", gross)
    least = min(market.min_notional, market.notional(fill.price, rest))
    if gross < least:
        raise RuleBroken("TRD-MIN", f"worth at least {least}", gross)
    ceiling = fee_ceiling(terms, fill.quantity if row.side == Side.BUY else gross)
    if fill.fee > ceiling:
        raise RuleBroken("FEE-ABOVE", f"at most {ceiling}", fill.fee)


def _find(contents: Contents, order_id: bytes, code: str) -> int:
    """Where the order stands; ids are unique."""
    for at, row in enumerate(contents.open_orders):
        if row[0] == order_id:
            return at
    raise RuleBroken(code, "an open order", show(order_id))


def _move(balances: tuple[Balance, ...], moves: Mapping[bytes, tuple[int, int]], code: str) -> tuple[Balance, ...]:
    """The balances after ``moves`` of (available, locked) per asset; none may fall below zero."""
    moved = []
    for row in balances:
        step = moves.get(row.asset)
        if step is None:
            moved.append(row)
            continue
        after = Balance(row.asset, row.available + step[0], row.locked + step[1])
        if after.available < 0:
            raise RuleBroken(code, f"at most {row.available} available", -step[0])
        if after.locked < 0:
            raise RuleBroken(code, f"at most {row.locked} locked", -step[1])
        moved.append(after)
    return tuple(moved)


def _settle(terms: Terms, outcomes: tuple[Outcome, ...], nets: Mapping[bytes, int]) -> tuple[Outcome, ...]:
    """Outcomes after ``nets`` (positive: towards the trader), within allocation and collateral."""
    settled = []
    for row, asset in zip(outcomes, terms.assets, strict=True):
        if row.asset not in nets:
            settled.append(row)
            continue
        net = row.to_trader - row.to_broker + nets[row.asset]
        if net > asset.collateral:
            raise RuleBroken("AST-CAP-COLLATERAL", f"at most {asset.collateral}", net)
        if -net > asset.allocation:
            raise RuleBroken("AST-CAP-ALLOCATION", f"at most {asset.allocation}", -net)
        settled.append(Outcome(row.asset, max(-net, 0), max(net, 0)))
    return tuple(settled)


def successor(
    last: State,
    last_digest: bytes,
    increment: int,
    transition: Transition,
    contents: Contents,
    now: int,
    *,
    fills: tuple[Fill, ...] = (),
    turn: Role | None = None,
) -> State:
    """The state that follows ``last``: ``now`` is the issuer's clock in Unix seconds, ``turn`` unchanged if None."""
    return State(
        channel=last.channel,
        previous=last_digest,
        increment=increment,
        time=max(now, last.time),
        turn=last.turn if turn is None else turn,
        transition=transition,
        order_nonce=contents.order_nonce,
        fills=fills,
        balances=contents.balances,
        open_orders=contents.open_orders,
        outcomes=contents.outcomes,
    )
