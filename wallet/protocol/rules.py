"""Whether a state the other party issued may be signed: the complete rules, in one pure place.

Each broken rule has one stable code (research/security §3 lists the attacks). The rules know two states and the
trader's own intents; what depends on when something arrived is in :mod:`wallet.protocol.presence`.
Source: design §2, §3, §5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from wallet.protocol.intents import Order, TimeInForce
from wallet.protocol.shown import show
from wallet.protocol.state import ZERO_DIGEST, OpenOrder, Outcome, Side, State, Transition, setup_state
from wallet.protocol.terms import Initiative, Role, Terms
from wallet.protocol.transitions import (
    Contents,
    RuleBroken,
    cancel_order,
    contents_of,
    create_order,
    trade,
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule that a validly signed state breaks. ``cost`` is what signing it would have lost its judge, per asset."""

    code: str
    expected: str
    got: str
    cost: tuple[tuple[bytes, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """What the checking party stands on.

    ``last`` is the last validated state, ``increment`` the number the next state must have (higher by one, or by
    more after a Refuse), ``orders`` the intents the trader signed that a state may open or fill, ``finalize_on``
    the digest his pending FinalizeRequest names, ``known`` tells whether a digest is one of this channel's states.
    """

    terms: Terms
    last: State
    last_digest: bytes
    increment: int
    orders: Mapping[bytes, Order]
    finalize_on: bytes | None = None
    known: Callable[[bytes], bool] = lambda _: False


_ID = itemgetter(0)  # of a row of an order; each update asks for all of them
_ISSUES = {
    (Initiative.BROKER, Role.BROKER): {
        Transition.CREATE_ORDER,
        Transition.TRADE,
        Transition.CANCEL_ORDER,
        Transition.FINALIZE,
    },
    (Initiative.BROKER, Role.TRADER): set(),
    (Initiative.COOPERATIVE, Role.BROKER): {
        Transition.TRADE,
        Transition.CANCEL_ORDER,
        Transition.YIELD,
        Transition.FINALIZE,
    },
    (Initiative.COOPERATIVE, Role.TRADER): {
        Transition.CREATE_ORDER,
        Transition.CANCEL_ORDER,
        Transition.YIELD,
        Transition.FINALIZE,
    },
}


def check(ground: Ground, state: State, issuer: Role) -> Flag | None:
    """None if ``state``, issued and validly signed by ``issuer``, may be signed; else the one rule it breaks."""
    due: State | Contents = ground.last
    try:
        _check_place(ground, state, issuer)
        _check_rows(ground.terms, state)
        due = _expected(ground, state, issuer)
        _compare(ground, state, due)
    except RuleBroken as broken:
        return Flag(broken.code, str(broken.expected), str(broken.got), cost(due, state, issuer.other))
    return None


def check_setup(terms: Terms, channel: bytes, state: State) -> Flag | None:
    """The same for state 0, which is a function of the terms and the time."""
    due = setup_state(terms, channel, state.time)
    pairs = (
        ("CHN-OTHER-CHANNEL", show(due.channel), show(state.channel)),
        ("SET-NONZERO", f"increment {due.increment}", f"increment {state.increment}"),
        ("SET-NONZERO", show(due.previous), show(state.previous)),
        ("CHN-TRANSITION-NAME", due.transition.name, state.transition.name),
        ("TRN-NEXT", due.turn.name, state.turn.name),
        ("SET-FUNDING", show(due.balances), show(state.balances)),
        ("SET-NONZERO", "no orders", f"{len(state.open_orders)} orders" if state.open_orders else "no orders"),
        ("SET-NONZERO", "no fills", f"{len(state.fills)} fills" if state.fills else "no fills"),
        ("SET-NONZERO", show(due.outcomes), show(state.outcomes)),
        ("SET-NONZERO", f"orderNonce {due.order_nonce}", f"orderNonce {state.order_nonce}"),
    )
    for code, want, got in pairs:
        if want != got:
            return Flag(code, want, got, cost(due, state))
    return None


def check_void(ground: Ground, state: State) -> Flag | None:
    """The same for the answer of who refuses: the contents of the last validated state, nothing else."""
    try:
        _check_chain(ground, state)
        if state.transition is not Transition.VOID:
            raise RuleBroken("CHN-TRANSITION-NAME", Transition.VOID.name, state.transition.name)
        if state.fills:
            raise RuleBroken("CHN-TRANSITION-NAME", "no fills", len(state.fills))
        _check_rows(ground.terms, state)
        if state.turn is not ground.last.turn:
            raise RuleBroken("TRN-NEXT", ground.last.turn.name, state.turn.name)
        _compare(ground, state, contents_of(ground.last))
    except RuleBroken as broken:
        return Flag(broken.code, str(broken.expected), str(broken.got), cost(ground.last, state))
    return None


def is_ahead(terms: Terms, state: State, now: int) -> bool:
    """Whether the issuer claims a time so far ahead of ``now`` that one clock must be wrong: held, not flagged."""
    return state.time > now + terms.skew


def cost(due: State | Contents, got: State, bearer: Role = Role.TRADER) -> tuple[tuple[bytes, int], ...]:
    """What ``bearer`` would have been left short of, per asset, by the balances or the outcomes of ``got``.

    What a session has, it has between the two: what one gets too much of, the other lacks.

    ``due`` is what the state should say, or the last state where its transition itself may not happen.
    """
    losses, sign = [], 1 if bearer is Role.TRADER else -1
    balances = {row.asset: row.available + row.locked for row in got.balances}
    nets = {row.asset: row.to_trader - row.to_broker for row in got.outcomes}
    for balance, outcome in zip(due.balances, due.outcomes, strict=True):
        by_balance = balance.available + balance.locked - balances.get(balance.asset, 0)
        by_outcome = outcome.to_trader - outcome.to_broker - nets.get(balance.asset, 0)
        losses.append((balance.asset, max(sign * by_balance, sign * by_outcome, 0)))
    return tuple(row for row in losses if row[1])


# --- where the state stands ---------------------------------------------------------------------------------------


def _check_place(ground: Ground, state: State, issuer: Role) -> None:
    last, terms = ground.last, ground.terms
    _check_chain(ground, state)
    if last.turn is not issuer:
        raise RuleBroken("TRN-NOT-HIS", last.turn.name, issuer.name)
    if state.transition is Transition.YIELD and terms.initiative is Initiative.BROKER:
        raise RuleBroken("TRN-YIELD-IN-BROKER-MODE", "no yield", "yield")
    if state.transition not in _ISSUES[terms.initiative, issuer]:
        raise RuleBroken("TRN-NOT-HIS", "a transition of its issuer", state.transition.name)
    turn = issuer.other if state.transition is Transition.YIELD else last.turn
    if state.turn is not turn:
        raise RuleBroken("TRN-NEXT", turn.name, state.turn.name)
    if state.fills and state.transition is not Transition.TRADE:
        raise RuleBroken("CHN-TRANSITION-NAME", "no fills", len(state.fills))
    _check_time_in_force(ground, state)


def _check_chain(ground: Ground, state: State) -> None:
    if state.channel != ground.last.channel:
        raise RuleBroken("CHN-OTHER-CHANNEL", show(ground.last.channel), show(state.channel))
    if state.increment != ground.increment:
        raise RuleBroken("INC-SKIP", ground.increment, state.increment)
    if state.previous != ground.last_digest:
        code = "CHN-PREV-FORK"
        if state.previous == ZERO_DIGEST:
            code = "CHN-PREV-ZERO"
        elif ground.known(state.previous):
            code = "CHN-PREV-OLD"
        raise RuleBroken(code, show(ground.last_digest), show(state.previous))
    if state.time < ground.last.time:
        raise RuleBroken("TIM-BACK", f"at least {ground.last.time}", state.time)


def _check_time_in_force(ground: Ground, state: State) -> None:
    """After an IOC or FOK opens come only its fills, then its cancel; FOK is filled at once and whole."""
    if not ground.last.open_orders:
        return
    newest = ground.last.open_orders[-1]
    order = ground.orders.get(newest.id)
    if order is None or order.time_in_force not in (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL):
        return
    if state.transition is Transition.TRADE:
        own = sum(fill.quantity for fill in state.fills if fill.order == newest.id)
        whole = own == newest.amount or order.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
        if all(fill.order == newest.id for fill in state.fills) and whole:
            return
    elif state.transition is Transition.CANCEL_ORDER and state.order(newest.id) is None:
        return
    elif state.transition is Transition.YIELD:
        return  # the trader who opened it hands over to the broker, who fills or cancels it
    raise RuleBroken("ORD-TIF", f"{order.time_in_force.name} filled or cancelled", state.transition.name)


# --- its rows -----------------------------------------------------------------------------------------------------


def _check_rows(terms: Terms, state: State) -> None:
    expected = [row[0] for row in terms.assets]
    for rows in (state.balances, state.outcomes):
        got = [row[0] for row in rows]
        if got == expected:
            continue
        shown = show(got)
        if len(set(got)) != len(got):
            raise RuleBroken("AST-DUP", "each asset once", shown)
        if set(got) - set(expected):
            raise RuleBroken("AST-UNKNOWN", "assets of the terms", shown)
        if set(expected) - set(got):
            raise RuleBroken("AST-MISSING", "all assets of the terms", shown)
        raise RuleBroken("AST-ORDER", "the order of the terms", shown)
    orders = state.open_orders
    if len(set(map(_ID, orders))) != len(orders):
        raise RuleBroken("ORD-DUP", "each order once", len(orders))
    for row in state.outcomes:
        if row.to_broker and row.to_trader:
            raise RuleBroken("OUT-BOTH", "one direction", show(row))


# --- what it should say -------------------------------------------------------------------------------------------


def _expected(ground: Ground, state: State, issuer: Role) -> Contents:
    before = contents_of(ground.last)
    if state.transition is Transition.CREATE_ORDER:
        return _expected_create(ground, before, state)
    if state.transition is Transition.TRADE:
        return trade(ground.terms, before, state.fills, ground.orders)
    if state.transition is Transition.CANCEL_ORDER:
        return _expected_cancel(ground, before, state)
    if state.transition is Transition.FINALIZE:
        _check_finalize(ground, state, issuer)
    return before


def _expected_create(ground: Ground, before: Contents, state: State) -> Contents:
    if state.open_orders[:-1] == before.open_orders:
        added = state.open_orders[-1:]  # as it should be: nothing but one more at the end, and no id twice (checked)
    else:
        old = set(map(_ID, before.open_orders))
        added = tuple(row for row in state.open_orders if row.id not in old)
    if not added:
        raise RuleBroken("CHN-TRANSITION-NAME", "one new order", "none")
    if len(added) > 1:
        raise RuleBroken("ORD-TWO", "one new order", len(added))
    order = ground.orders.get(added[0].id)
    if order is None:
        raise RuleBroken("ORD-UNKNOWN", "an order the trader signed", show(added[0].id))
    if order.channel != state.channel:
        raise RuleBroken("ORD-OTHER-CHANNEL-INTENT", show(state.channel), show(order.channel))
    return create_order(ground.terms, before, added[0].id, order)


def _expected_cancel(ground: Ground, before: Contents, state: State) -> Contents:
    kept = set(map(_ID, state.open_orders))
    gone = [row[0] for row in before.open_orders if row[0] not in kept]
    if len(gone) != 1:
        raise RuleBroken("CAN-WRONG-ORDER", "one order cancelled", len(gone))
    return cancel_order(ground.terms, before, gone[0])


def _check_finalize(ground: Ground, state: State, issuer: Role) -> None:
    if ground.last.open_orders or state.open_orders:
        raise RuleBroken("FIN-OPEN-ORDERS", "no open orders", len(ground.last.open_orders or state.open_orders))
    if issuer is Role.BROKER and ground.finalize_on != ground.last_digest:
        raise RuleBroken("FIN-UNASKED", "a request of the trader on this state", "none")


# --- where it differs ---------------------------------------------------------------------------------------------


def _compare(ground: Ground, state: State, expected: Contents) -> None:
    """Names the first difference between what the state must say and what it says."""
    got = contents_of(state)
    if got == expected:
        return
    if got.open_orders != expected.open_orders:
        _compare_orders(ground, expected, got)
    if got.outcomes != expected.outcomes:
        _compare_outcomes(ground, state, expected.outcomes)
    if got.balances != expected.balances:
        _compare_balances(ground, state, expected)
    raise RuleBroken("ORD-NONCE", expected.order_nonce, got.order_nonce)


def _compare_orders(ground: Ground, expected: Contents, got: Contents) -> None:
    want = {row.id: row for row in expected.open_orders}
    for row in got.open_orders:
        if row.id in want:
            continue
        own = ground.orders.get(row.id)
        if any(row.id == before.id for before in ground.last.open_orders):
            raise RuleBroken("ORD-FULL-KEPT", "filled orders go", show(row.id))
        dead = own is not None and own.order_nonce <= ground.last.order_nonce
        raise RuleBroken("ORD-RESURRECT" if dead else "ORD-UNKNOWN", "no such order", show(row.id))
    have = {row.id: row for row in got.open_orders}
    for order_id, row in want.items():
        if order_id not in have:
            raise RuleBroken("ORD-VANISH", show(order_id), "missing")
        _compare_order(ground, row, have[order_id])
    raise RuleBroken("ORD-REORDERED", show(tuple(want)), show(tuple(have)))


_SIDES = {int(side): side.name for side in Side}
_ORDER_FIELDS = (
    ("base", "ORD-MARKET"),
    ("quote", "ORD-MARKET"),
    ("side", "ORD-SIDE"),
    ("price", "ORD-PRICE"),
    ("amount", "ORD-AMOUNT"),
)


def _compare_order(ground: Ground, want: OpenOrder, have: OpenOrder) -> None:
    for field, code in _ORDER_FIELDS:
        due, got = getattr(want, field), getattr(have, field)
        if due != got:
            names = _SIDES if field == "side" else {}
            raise RuleBroken(code, show(names.get(due, due)), show(names.get(got, got)))
    if want.filled == have.filled:
        return
    before = ground.last.order(want.id)
    code = "ORD-FILLED"
    if before is None:
        code = "ORD-PREFILLED"
    elif have.filled > want.amount:
        code = "ORD-OVERFILL"
    elif have.filled < before.filled:
        code = "ORD-FILLED-BACK"
    raise RuleBroken(code, want.filled, have.filled)


def _compare_outcomes(ground: Ground, state: State, expected: tuple[Outcome, ...]) -> None:
    wrong = [(want, have) for want, have in zip(expected, state.outcomes, strict=True) if want != have]
    want, have = wrong[0]
    shown = show(want), show(have)
    if state.transition is Transition.TRADE:
        _compare_traded(ground, state, wrong)
        raise RuleBroken("OUT-SUM", *shown)
    if not any(row.to_broker or row.to_trader for row in state.outcomes):
        raise RuleBroken("OUT-RESET", *shown)
    if all((want.to_broker, want.to_trader) == (have.to_trader, have.to_broker) for want, have in wrong):
        raise RuleBroken("OUT-SIGN", *shown)
    raise RuleBroken("OUT-CROSS-ASSET" if len(wrong) > 1 else "OUT-MOVE-NO-TRADE", *shown)


def _compare_traded(ground: Ground, state: State, wrong: list[tuple[Outcome, Outcome]]) -> None:
    """In a trade: an asset of no fill moved, or what should arrive did not arrive at all."""
    rows = [ground.last.order(fill.order) for fill in state.fills]
    traded = {asset for row in rows if row for asset in (row.base, row.quote)}
    before = {row.asset: row for row in ground.last.outcomes}
    for want, have in wrong:
        if want.asset not in traded:
            raise RuleBroken("TRD-WRONG-ASSET", show(want), show(have))
        gain = want.to_trader - want.to_broker > before[want.asset].to_trader - before[want.asset].to_broker
        if gain and have == before[want.asset]:
            raise RuleBroken("TRD-ONE-SIDED", show(want), show(have))


def _compare_balances(ground: Ground, state: State, expected: Contents) -> None:
    steps = [
        (want, have, have.available - want.available, have.locked - want.locked)
        for want, have in zip(expected.balances, state.balances, strict=True)
        if want != have
    ]
    want, have, available, locked = steps[0]
    shown = show(want), show(have)
    if len(steps) > 1:
        totals = [step[2] + step[3] for step in steps]
        raise RuleBroken("BAL-CROSS" if min(totals) < 0 < max(totals) else "BAL-EQUATION", *shown)
    if available + locked == 0:
        raise RuleBroken("CAN-PARTIAL-LOCK" if state.transition is Transition.CANCEL_ORDER else "BAL-MOVE", *shown)
    if locked:
        raise RuleBroken("BAL-LOCKED", *shown)
    raise RuleBroken("BAL-INFLATE" if available > 0 else "BAL-DEFLATE", *shown)
