"""States that a liar would sign: consistent in themselves where asked, but by no rule."""

from __future__ import annotations

from dataclasses import replace

from tests.support.game import Game
from wallet.protocol.state import Balance, Fill, Outcome, Side, State, Transition


def moved(state: State, **steps: dict[bytes, tuple[int, int]]) -> State:
    """``state`` with (available, locked) added to ``balances``, (to_broker, to_trader) to ``outcomes``."""
    balances, outcomes = steps.get("balances", {}), steps.get("outcomes", {})
    return replace(
        state,
        balances=tuple(Balance(row.asset, *_added(row, balances)) for row in state.balances),
        outcomes=tuple(Outcome(row.asset, *_added(row, outcomes)) for row in state.outcomes),
    )


def _added(row: Balance | Outcome, steps: dict[bytes, tuple[int, int]]) -> tuple[int, int]:
    first, second = steps.get(row.asset, (0, 0))
    return row[1] + first, row[2] + second


def order_changed(state: State, index: int, **fields: object) -> State:
    """``state`` with other fields in one of its open orders."""
    rows = list(state.open_orders)
    rows[index] = rows[index]._replace(**fields)
    return replace(state, open_orders=tuple(rows))


def owed(state: State, nets: dict[bytes, int]) -> tuple[Outcome, ...]:
    """Its outcomes after ``nets`` (positive: to the trader), capped by nothing."""
    totals = [(row.asset, row.to_trader - row.to_broker + nets.get(row.asset, 0)) for row in state.outcomes]
    return tuple(Outcome(asset, max(-net, 0), max(net, 0)) for asset, net in totals)


def lawless_trade(game: Game, *fills: Fill) -> State:
    """The arithmetic of fills of one open order, with no rule: what a liar's book would say."""
    state = game.last
    for fill in fills:
        row = state.order(fill.order)
        assert row is not None
        market = game.terms.market(row.base, row.quote)
        assert market is not None
        gross = fill.price * fill.quantity // market.unit
        if row.side == Side.BUY:
            held = row.price * fill.quantity // market.unit
            steps = {row.quote: (held - gross, -held), row.base: (fill.quantity - fill.fee, 0)}
            nets = {row.quote: -gross, row.base: fill.quantity - fill.fee}
        else:
            steps = {row.base: (0, -fill.quantity), row.quote: (gross - fill.fee, 0)}
            nets = {row.base: -fill.quantity, row.quote: gross - fill.fee}
        rows = tuple(
            other._replace(filled=other.filled + fill.quantity) if other.id == row.id else other
            for other in state.open_orders
        )
        rows = tuple(other for other in rows if other.filled < other.amount or other.id != row.id)
        state = replace(moved(state, balances=steps), open_orders=rows, outcomes=owed(state, nets))
    unchanged = game.next(Transition.TRADE, fills=fills)
    return replace(
        unchanged, balances=state.balances, open_orders=state.open_orders, outcomes=state.outcomes, fills=fills
    )
