"""A channel played at random: what the transitions make raises no flag, and keeps every invariant; what is bent does.

The invariants are worked out here from the definitions (design §2), not taken from the rules.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support.game import ETH_USDT, ONE, PRICE, WBTC_USDT, Game, cooperative
from wallet.protocol import codec, rules
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Balance, OpenOrder, Outcome, Side, State, Transition, payouts
from wallet.protocol.terms import Initiative, Market, Role
from wallet.protocol.transitions import RuleBroken, fee_ceiling

MARKETS = {ETH_USDT: PRICE, WBTC_USDT: 30_000 * 10**6}
IMMEDIATE = (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


def need(game: Game, asset: bytes) -> int:
    """Σ of what the open orders hold of one asset."""
    total = 0
    for row in game.last.open_orders:
        rest = row.amount - row.filled
        if row.side == Side.SELL and row.base == asset:
            total += rest
        if row.side == Side.BUY and row.quote == asset:
            market = next(other for other in game.terms.markets if (other.base, other.quote) == (row.base, row.quote))
            assert row.price * rest % market.unit == 0
            total += row.price * rest // market.unit
    return total


def may_be(broken: RuleBroken, *codes: str) -> None:
    """The step could not be taken, for a reason that a random one may have."""
    assert broken.code in codes


class Play(RuleBasedStateMachine):
    """The broker (or who has the turn) does anything he may; the other side checks it. ``tally`` counts what passed."""

    tally: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.tally = getattr(type(self), "tally", Counter())

    @initialize(flow=st.sampled_from(Initiative))
    def begin(self, flow: Initiative) -> None:
        self.game = cooperative() if flow is Initiative.COOPERATIVE else Game()
        self.ended = False

    # --- helpers ---

    def step(self, state: State) -> None:
        finalize_on = self.game.digest(self.game.last) if state.transition is Transition.FINALIZE else None
        assert self.game.check(state, finalize_on=finalize_on) is None
        self.tally[f"{self.game.terms.initiative.name} {state.transition.name}"] += 1
        self.game.apply(state)

    def immediate(self) -> OpenOrder | None:
        """The order that must be filled or cancelled before anything else."""
        rows = self.game.last.open_orders
        if rows and self.game.orders[rows[-1].id].time_in_force in IMMEDIATE:
            return rows[-1]
        return None

    def may(self, transition: Transition) -> bool:
        if self.ended:
            return False
        if self.game.terms.initiative is Initiative.BROKER:
            return transition is not Transition.YIELD
        theirs = {Role.TRADER: Transition.TRADE, Role.BROKER: Transition.CREATE_ORDER}
        return theirs[self.game.last.turn] is not transition

    # --- transitions ---

    @precondition(lambda self: self.may(Transition.CREATE_ORDER) and self.immediate() is None)
    @rule(
        market=st.sampled_from(list(MARKETS)),
        side=st.sampled_from(Side),
        lots=st.integers(1, 60_000),
        ticks=st.integers(-1_000, 1_000),
        tif=st.sampled_from(TimeInForce),
    )
    def create(self, market: Market, side: Side, lots: int, ticks: int, tif: TimeInForce) -> None:
        price = MARKETS[market] + ticks * market.tick_size
        signed = self.game.intent(side, lots * market.lot_size, price, tif, market)
        try:
            state = self.game.create(signed)
        except RuleBroken as broken:
            may_be(broken, "ORD-FUNDS", "ORD-MIN", "ORD-COUNT")
        else:
            self.step(state)

    @precondition(lambda self: self.may(Transition.TRADE) and self.game.last.open_orders)
    @rule(data=st.data(), count=st.integers(1, 3))
    def trade(self, data: st.DataObject, count: int) -> None:
        state, fills = self.game.last, []
        for _ in range(count):
            candidates = [self.immediate()] if self.immediate() else list(state.open_orders)
            row = data.draw(st.sampled_from(candidates))
            assert row is not None
            market = self.game.terms.market(row.base, row.quote)
            assert market is not None
            tif = self.game.orders[row.id].time_in_force
            left = row.amount - row.filled - sum(fill.quantity for fill in fills if fill.order == row.id)
            if left <= 0:
                continue
            lots = left // market.lot_size
            whole = tif is TimeInForce.FILL_OR_KILL
            quantity = (lots if whole else data.draw(st.integers(1, lots))) * market.lot_size
            better = 0 if tif is TimeInForce.POST_ONLY else data.draw(st.integers(0, 500)) * market.tick_size
            price = row.price + (better if row.side == Side.SELL else -better)
            gross = price * quantity // market.unit
            ceiling = fee_ceiling(self.game.terms, quantity if row.side == Side.BUY else gross)
            fills.append(self.game.fill(row.id, quantity, price, data.draw(st.integers(0, ceiling))))
            if whole:
                break
        try:
            state = self.game.trade(*fills)
        except RuleBroken as broken:
            may_be(broken, "TRD-MIN", "AST-CAP-COLLATERAL")
        else:
            self.step(state)

    @precondition(lambda self: self.may(Transition.CANCEL_ORDER) and self.game.last.open_orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        row = self.immediate() or data.draw(st.sampled_from(self.game.last.open_orders))
        self.step(self.game.cancel(row.id))

    def has_reason_to_yield(self) -> bool:
        """Else a random game of the second flow is one long exchange of yields."""
        orders = self.game.last.open_orders
        traded = self.game.last.transition is Transition.TRADE
        return bool(orders) if self.game.last.turn is Role.TRADER else traded or not orders

    @precondition(lambda self: self.may(Transition.YIELD) and self.has_reason_to_yield())
    @rule()
    def hand_over(self) -> None:
        self.step(self.game.hand_over())

    @precondition(lambda self: not self.ended and self.game.last.open_orders and self.immediate() is None)
    @rule()
    def refused(self) -> None:
        """A state is refused; the channel goes on from the void that answers it."""
        refused = self.game.cancel(self.game.last.open_orders[0].id)
        void = self.game.void(refused)
        assert rules.check_void(self.game.ground(increment=void.increment), void) is None
        before = self.game.last
        self.tally[f"{self.game.terms.initiative.name} VOID"] += 1
        self.game.apply(void, before.turn.other)
        assert payouts(self.game.terms, void) == payouts(self.game.terms, before)

    @precondition(lambda self: not self.ended and not self.game.last.open_orders and self.game.last.increment > 12)
    @rule()
    def finalize(self) -> None:
        self.step(self.game.finalize())
        self.ended = True

    @precondition(lambda self: self.ended)
    @rule()
    def another_session(self) -> None:
        """The next one has another nonce, so another id: no state of the old one belongs to it."""
        old = self.game.last
        self.game = Game(replace(self.game.terms, nonce=self.game.terms.nonce + 1))
        assert self.game.check(replace(old, increment=1)) is not None
        self.ended = False

    # --- what always holds ---

    @invariant()
    def invariants_of_every_state(self) -> None:
        game = self.game
        for asset, balance, outcome in zip(game.terms.assets, game.last.balances, game.last.outcomes, strict=True):
            net = outcome.to_trader - outcome.to_broker
            assert balance.available + balance.locked == asset.allocation + net
            assert balance.locked == need(game, asset.asset)
            assert balance.available >= 0
            assert outcome.to_broker == 0 or outcome.to_trader == 0
            assert 0 <= outcome.to_broker <= asset.allocation
            assert 0 <= outcome.to_trader <= asset.collateral
        for asset, to_trader, to_broker in payouts(game.terms, game.last):
            row = next(row for row in game.terms.assets if row.asset == asset)
            assert to_trader + to_broker == row.allocation + row.collateral
            assert min(to_trader, to_broker) >= 0
        assert len(game.last.open_orders) <= game.terms.max_open_orders
        assert all(0 <= row.filled < row.amount for row in game.last.open_orders)

    @invariant()
    def json_keeps_every_state(self) -> None:
        state = self.game.last
        assert codec.read_state(codec.envelope(state), codec.state_array(state)) == state

    @precondition(lambda self: not self.ended and self.game.last.open_orders)
    @rule(data=st.data())
    def any_bent_state_is_flagged(self, data: st.DataObject) -> None:
        """A cancel is valid; with any one of its numbers another, it is not, and its digest is another too."""
        row = self.immediate() or data.draw(st.sampled_from(self.game.last.open_orders))
        good = self.game.cancel(row.id)
        assert self.game.check(good) is None
        bent = data.draw(st.sampled_from([field.name for field in fields(good) if field.name != "time"]))
        bad = replace(good, **{bent: data.draw(other_than(good, bent))})
        assert self.game.check(bad) is not None, bent
        assert self.game.digest(bad) != self.game.digest(good)


ANY_ORDER = OpenOrder(b"\x99" * 32, bytes(20), b"\x11" * 20, 0, 1, 1, 0)
steps = st.integers(-(10**20), 10**20).filter(bool)


def other_than(state: State, field: str) -> st.SearchStrategy[object]:
    """Another value of one field of ``state``, near or far."""
    value = getattr(state, field)
    if field in {"channel", "previous"}:
        return st.binary(min_size=32, max_size=32).filter(lambda other: other != value)
    if field in {"increment", "order_nonce"}:
        return st.integers(0, 2**53 - 1).filter(lambda other: other != value)
    if field in {"turn", "transition"}:
        return st.sampled_from([other for other in type(value) if other is not value])
    if field == "fills":
        row = state.balances[0]
        return st.just((Game().fill(state.channel, ONE, row.available),))
    return st.one_of(_bent_rows(value), _fewer_rows(value)) if value else st.just((ANY_ORDER,))


def _fewer_rows(rows: tuple[tuple[object, ...], ...]) -> st.SearchStrategy[object]:
    choices = [rows[:-1], rows[1:], (*rows, rows[0])]
    if len(rows) > 1:
        choices.append(rows[::-1])
    return st.sampled_from(choices)


def _bent_rows(rows: tuple[Balance | OpenOrder | Outcome, ...]) -> st.SearchStrategy[object]:
    """One number in one row another; never below zero, which has no JSON form."""
    cells = [(row, cell) for row in range(len(rows)) for cell in range(len(rows[0])) if type(rows[row][cell]) is int]

    def bend(where: tuple[int, int], by: int) -> object:
        index, cell = where
        changed = [*rows[index]]
        now = changed[cell]
        changed[cell] = abs(now + by) if abs(now + by) != now else now + 1
        return (*rows[:index], type(rows[index])(*changed), *rows[index + 1 :])

    return st.builds(bend, st.sampled_from(cells), steps)
