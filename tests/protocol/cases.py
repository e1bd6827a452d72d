"""The table of lies: what a broker may sign, rule by rule, and the one code each is flagged with.

A case is a function that plays a channel up to the lie and returns what the rules find. Its decorator names the
code. The neighbours that must pass stand in test_accepted.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.support.forge import lawless_trade, moved, order_changed
from tests.support.game import CONTRACT, ETH, ETH_USDT, LOT, ONE, PRICE, TICK, USDT, WBTC, Game, cooperative, make_terms
from wallet.protocol import rules
from wallet.protocol.eip712 import Domain
from wallet.protocol.intents import TimeInForce
from wallet.protocol.rules import Flag
from wallet.protocol.state import Balance, OpenOrder, Outcome, Side, State, Transition
from wallet.protocol.terms import Asset, Role

Case = Callable[[], Flag | None]
CASES: dict[str, tuple[str, Case]] = {}


def lie(code: str) -> Callable[[Case], Case]:
    """Enters a case into the table under its own name."""

    def enter(case: Case) -> Case:
        assert case.__name__ not in CASES, case.__name__
        CASES[case.__name__] = (code, case)
        return case

    return enter


def trading() -> tuple[Game, bytes, bytes]:
    """A buy of 1 ETH at 2,000, a quarter filled, and a sell of 0.5 ETH at 2,100."""
    game = Game()
    buy = game.open()
    game.apply(game.trade(game.fill(buy, ONE // 4, fee=10**14)))
    sell = game.open(side=Side.SELL, amount=ONE // 2, price=2_100 * 10**6)
    return game, buy, sell


def created(game: Game) -> State:
    """A valid opening, to be bent."""
    return game.create(game.intent())


def fill_of(quantity: int = ONE // 4, price: int = PRICE, fee: int = 0, **flow: int) -> Flag | None:
    """What one more fill of the resting buy is found to be, the books beside it in order."""
    game, buy, _ = trading()
    return game.check(lawless_trade(game, game.fill(buy, quantity, price, fee)), **flow)


# --- increment, hash chain, time -------------------------------------------------------------------------------------


@lie("INC-SKIP")
def one_number_left_out() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), increment=2))


@lie("INC-SKIP")
def the_same_number_again() -> Flag | None:
    game, _, _ = trading()
    return game.check(replace(created(game), increment=game.last.increment))


@lie("INC-SKIP")
def number_of_a_refused_state() -> Flag | None:
    game = Game()
    return game.check(created(game), increment=3)


@lie("CHN-PREV-ZERO")
def previous_is_zero() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), previous=bytes(32)))


@lie("CHN-PREV-OLD")
def previous_is_one_too_old() -> Flag | None:
    game, _, _ = trading()
    return game.check(replace(created(game), previous=game.last.previous))


@lie("CHN-PREV-FORK")
def previous_was_never_seen() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), previous=b"\x77" * 32))


@lie("CHN-PREV-FORK")
def previous_is_itself() -> Flag | None:
    game = Game()
    state = created(game)
    return game.check(replace(state, previous=game.digest(state)))


@lie("CHN-OTHER-CHANNEL")
def a_state_of_another_channel() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), channel=b"\x01" * 32))


@lie("TIM-BACK")
def time_runs_back() -> Flag | None:
    game = Game()
    game.apply(created(game))
    return game.check(replace(game.cancel(game.last.open_orders[0].id), time=game.last.time - 1))


# --- names of transitions, turns -------------------------------------------------------------------------------------


@lie("CHN-TRANSITION-NAME")
def create_that_creates_nothing() -> Flag | None:
    game, _, _ = trading()
    return game.check(game.next(Transition.CREATE_ORDER))


@lie("CHN-TRANSITION-NAME")
def cancel_that_carries_fills() -> Flag | None:
    game, buy, _ = trading()
    return game.check(replace(game.cancel(buy), fills=(game.fill(buy, LOT),)))


@lie("CHN-TRANSITION-NAME")
def create_that_carries_fills() -> Flag | None:
    game, buy, _ = trading()
    return game.check(replace(created(game), fills=(game.fill(buy, LOT),)))


@lie("TRD-COUNT")
def trade_that_is_a_cancel() -> Flag | None:
    game, buy, _ = trading()
    return game.check(replace(game.cancel(buy), transition=Transition.TRADE))


@lie("CAN-WRONG-ORDER")
def cancel_that_is_a_create() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), transition=Transition.CANCEL_ORDER))


@lie("TRN-NOT-HIS")
def setup_again() -> Flag | None:
    game = Game()
    return game.check(game.next(Transition.SETUP))


@lie("TRN-NOT-HIS")
def void_without_a_refusal() -> Flag | None:
    game = Game()
    return game.check(game.next(Transition.VOID))


@lie("TRN-NOT-HIS")
def trader_issues_in_the_brokers_flow() -> Flag | None:
    game = Game()
    return game.check(created(game), Role.TRADER)


@lie("TRN-NOT-HIS")
def broker_issues_in_the_traders_turn() -> Flag | None:
    game = cooperative()
    return game.check(created(game), Role.BROKER)


@lie("TRN-NOT-HIS")
def broker_cancels_in_the_traders_turn() -> Flag | None:
    """A transition of his, but out of turn."""
    game = cooperative()
    return game.check(game.cancel(game.open()), Role.BROKER)


@lie("TRN-NOT-HIS")
def broker_creates_in_the_cooperative_flow() -> Flag | None:
    game = cooperative()
    game.apply(game.hand_over())
    return game.check(created(game))


@lie("TRN-NOT-HIS")
def trader_trades_in_the_cooperative_flow() -> Flag | None:
    game = cooperative()
    order = game.open()
    return game.check(game.trade(game.fill(order, LOT * 10)))


@lie("TRN-YIELD-IN-BROKER-MODE")
def yield_in_the_brokers_flow() -> Flag | None:
    game = Game()
    return game.check(game.hand_over())


@lie("TRN-NEXT")
def turn_changes_hands_with_an_opening() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), turn=Role.TRADER))


@lie("TRN-NEXT")
def yield_that_keeps_the_turn() -> Flag | None:
    game = cooperative()
    return game.check(replace(game.hand_over(), turn=Role.TRADER))


@lie("BAL-INFLATE")
def yield_that_moves_a_unit() -> Flag | None:
    game = cooperative()
    return game.check(moved(game.hand_over(), balances={ETH: (1, 0)}))


@lie("ORD-NONCE")
def yield_that_raises_the_mark() -> Flag | None:
    game = cooperative()
    return game.check(replace(game.hand_over(), order_nonce=1))


@lie("ORD-NONCE")
def opening_that_keeps_the_mark() -> Flag | None:
    game = Game()
    return game.check(replace(created(game), order_nonce=0))


@lie("ORD-NONCE")
def trade_that_lowers_the_mark() -> Flag | None:
    game, buy, _ = trading()
    return game.check(replace(game.trade(game.fill(buy, LOT * 10)), order_nonce=0))


# --- rows and assets -------------------------------------------------------------------------------------------------


def with_balances(change: Callable[[tuple[Balance, ...]], tuple[Balance, ...]]) -> Flag | None:
    game = Game()
    state = created(game)
    return game.check(replace(state, balances=change(state.balances)))


@lie("AST-DUP")
def an_asset_twice() -> Flag | None:
    return with_balances(lambda rows: (*rows, rows[0]))


@lie("AST-UNKNOWN")
def an_asset_more() -> Flag | None:
    return with_balances(lambda rows: (*rows, Balance(b"\x33" * 20, 0, 0)))


@lie("AST-UNKNOWN")
def an_asset_in_place_of_another() -> Flag | None:
    return with_balances(lambda rows: (*rows[:2], Balance(b"\x33" * 20, 0, 0)))


@lie("AST-MISSING")
def an_empty_asset_left_out() -> Flag | None:
    return with_balances(lambda rows: rows[:2])


@lie("AST-ORDER")
def assets_in_another_order() -> Flag | None:
    return with_balances(lambda rows: rows[::-1])


@lie("AST-MISSING")
def an_outcome_left_out() -> Flag | None:
    game = Game()
    state = created(game)
    return game.check(replace(state, outcomes=state.outcomes[1:]))


@lie("AST-DUP")
def an_outcome_twice() -> Flag | None:
    game = Game()
    state = created(game)
    return game.check(replace(state, outcomes=(*state.outcomes, state.outcomes[0])))


@lie("AST-UNKNOWN")
def zero_address_where_terms_have_none() -> Flag | None:
    assets = (Asset(USDT, 10_000 * 10**6, 0), Asset(WBTC, 0, 10**8))
    game = Game(make_terms(assets=assets, markets=make_terms().markets[1:]))
    state = game.create(game.intent(market=game.terms.markets[0], amount=10**6, price=30_000 * 10**6))
    return game.check(replace(state, balances=(Balance(ETH, 0, 0), *state.balances)))


# --- balances --------------------------------------------------------------------------------------------------------


@lie("BAL-INFLATE")
def a_gift_of_one_unit() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (1, 0)}))


@lie("BAL-DEFLATE")
def one_unit_gone() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.trade(game.fill(buy, LOT * 10)), balances={ETH: (-1, 0)}))


@lie("BAL-MOVE")
def a_unit_locked_for_nothing() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 1)}))


@lie("BAL-MOVE")
def price_improvement_stays_locked() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4, price=PRICE - TICK))
    rest = TICK // 4
    return game.check(moved(state, balances={USDT: (-rest, rest)}))


@lie("BAL-LOCKED")
def locked_one_too_high() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={USDT: (0, 1)}))


@lie("BAL-LOCKED")
def locked_one_too_low() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={USDT: (0, -1)}))


@lie("BAL-CROSS")
def a_unit_from_one_asset_to_another() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 0), USDT: (1, 0)}))


@lie("BAL-CROSS")
def a_unit_from_available_to_what_another_asset_holds() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 0), USDT: (0, 1)}))


@lie("BAL-EQUATION")
def one_asset_moved_another_over() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 1), USDT: (1, 0)}))


@lie("BAL-EQUATION")
def one_asset_moved_another_short() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 1), USDT: (-1, 0)}))


@lie("BAL-EQUATION")
def two_assets_short() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (-1, 0), USDT: (-1, 0)}))


@lie("BAL-EQUATION")
def two_assets_over() -> Flag | None:
    game = Game()
    return game.check(moved(created(game), balances={ETH: (1, 0), USDT: (5, 0)}))


@lie("BAL-DEFLATE")
def one_unit_lost_by_floats() -> Flag | None:
    terms = make_terms(assets=(Asset(ETH, 10**17 + 1, 10**19), *make_terms().assets[1:]))
    game = Game(terms)
    state = created(game)
    assert int(float(10**17 + 1)) == 10**17
    return game.check(replace(state, balances=(Balance(ETH, 10**17, 0), *state.balances[1:])))


@lie("BAL-DEFLATE")
def fee_taken_in_a_later_state() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.cancel(buy), balances={ETH: (-(10**14), 0)}))


@lie("BAL-LOCKED")
def last_state_had_too_little_locked() -> Flag | None:
    """No valid predecessor leads here; the arithmetic refuses it all the same."""
    game, buy, _ = trading()
    short = moved(game.last, balances={USDT: (0, -game.last.balances[1].locked)})
    return game.check(game.next(Transition.TRADE, fills=(game.fill(buy, ONE // 4),)), last=short)


@lie("BAL-OVERFLOW")
def sold_for_more_than_there_can_be() -> Flag | None:
    game = Game()
    sell = game.open(side=Side.SELL, amount=2 * ONE)
    return game.check(game.next(Transition.TRADE, fills=(game.fill(sell, 2 * ONE, price=2**256 // TICK * TICK),)))


# --- opening an order ------------------------------------------------------------------------------------------------


@lie("ORD-UNKNOWN")
def an_order_the_trader_never_signed() -> Flag | None:
    game = Game()
    return game.check(game.create(game.intent(keep=False)))


@lie("ORD-UNKNOWN")
def an_unsigned_order_beside_a_trade() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, LOT * 10))
    row = OpenOrder(b"\x99" * 32, ETH, USDT, 0, PRICE, LOT, 0)
    return game.check(replace(state, open_orders=(*state.open_orders, row)))


@lie("ORD-UNKNOWN")
def another_id_of_a_resting_order() -> Flag | None:
    game, buy, _ = trading()
    return game.check(order_changed(game.trade(game.fill(buy, LOT * 10)), 1, id=b"\x99" * 32))


@lie("ORD-OTHER-CHANNEL-INTENT")
def an_intent_of_another_channel() -> Flag | None:
    game = Game()
    return game.check(game.create(game.intent(channel=b"\x55" * 32)))


@lie("ORD-OTHER-CHANNEL-INTENT")
def an_intent_of_the_same_terms_on_another_chain() -> Flag | None:
    game, other = Game(), Game(domain=Domain(1, CONTRACT))
    return game.check(game.create(game.intent(channel=other.channel)))


@lie("ORD-RESURRECT")
def a_cancelled_order_again() -> Flag | None:
    game = Game()
    signed = game.intent()
    game.apply(game.create(signed))
    game.apply(game.cancel(signed.id))
    opened = replace(game.states[1][0], increment=3, previous=game.digest(game.last), time=game.now)
    return game.check(opened)


@lie("ORD-RESURRECT")
def an_order_with_a_passed_nonce() -> Flag | None:
    game = Game()
    skipped = game.intent()
    game.open()
    row = OpenOrder(skipped.id, ETH, USDT, 0, PRICE, ONE, 0)
    state = game.next(Transition.CREATE_ORDER)
    return game.check(replace(state, open_orders=(*state.open_orders, row)))


@lie("ORD-RESURRECT")
def a_dead_order_beside_a_trade() -> Flag | None:
    game, buy, _ = trading()
    gone = game.open(amount=LOT * 10)
    row = game.last.open_orders[-1]
    game.apply(game.cancel(gone))
    state = game.trade(game.fill(buy, LOT * 10))
    return game.check(replace(state, open_orders=(*state.open_orders, row)))


@lie("ORD-TWO")
def two_orders_in_one_opening() -> Flag | None:
    game = Game()
    first, second = game.intent(amount=LOT * 100), game.intent(amount=LOT * 100)
    one = game.create(first)
    row = OpenOrder(second.id, ETH, USDT, 0, PRICE, LOT * 100, 0)
    return game.check(replace(one, open_orders=(*one.open_orders, row), order_nonce=2))


@lie("ORD-DUP")
def an_order_twice() -> Flag | None:
    game = Game()
    state = created(game)
    return game.check(replace(state, open_orders=state.open_orders * 2))


@lie("ORD-PREFILLED")
def opened_with_a_filled_part() -> Flag | None:
    game = Game()
    return game.check(order_changed(created(game), 0, filled=LOT))


@lie("ORD-PRICE")
def opened_at_another_price() -> Flag | None:
    game = Game()
    return game.check(order_changed(created(game), 0, price=PRICE + TICK))


@lie("ORD-FUNDS")
def opened_beyond_what_is_available() -> Flag | None:
    game = Game()
    signed = game.intent(amount=5 * ONE + LOT)
    row = OpenOrder(signed.id, ETH, USDT, 0, PRICE, 5 * ONE + LOT, 0)
    return game.check(replace(game.next(Transition.CREATE_ORDER), open_orders=(row,), order_nonce=1))


def opened_as_signed(**wishes: int | Side | bytes) -> Flag | None:
    """An opening of an intent that was signed, but breaks a rule of the market."""
    game = Game()
    signed = game.intent(**wishes)
    order = signed.order
    row = OpenOrder(signed.id, order.base, order.quote, int(order.side), order.price, order.amount, 0)
    return game.check(replace(game.next(Transition.CREATE_ORDER), open_orders=(row,), order_nonce=1))


@lie("ORD-TICK")
def off_the_tick() -> Flag | None:
    return opened_as_signed(price=PRICE + 1)


@lie("ORD-TICK")
def for_nothing() -> Flag | None:
    return opened_as_signed(price=0)


@lie("ORD-LOT")
def off_the_lot() -> Flag | None:
    return opened_as_signed(amount=ONE + 1)


@lie("ORD-LOT")
def of_nothing() -> Flag | None:
    return opened_as_signed(amount=0)


@lie("ORD-MIN")
def below_the_minimum() -> Flag | None:
    return opened_as_signed(amount=LOT * 4)  # 0.80 USDT


@lie("ORD-OVERFLOW")
def product_of_two_to_the_256() -> Flag | None:
    price = TICK * 2**128
    return opened_as_signed(price=price, amount=LOT * (-(-(2**256) // price // LOT) + 1))


@lie("ORD-MARKET")
def in_no_market_of_the_terms() -> Flag | None:
    return opened_as_signed(base=WBTC, quote=ETH)


@lie("ORD-MARKET")
def base_and_quote_swapped() -> Flag | None:
    return opened_as_signed(base=USDT, quote=ETH)


@lie("ORD-COUNT")
def one_order_too_many() -> Flag | None:
    game = Game()
    for _ in range(game.terms.max_open_orders):
        game.open(amount=LOT * 100)
    signed = game.intent(amount=LOT * 100)
    row = OpenOrder(signed.id, ETH, USDT, 0, PRICE, LOT * 100, 0)
    state = game.next(Transition.CREATE_ORDER)
    return game.check(replace(state, open_orders=(*state.open_orders, row), order_nonce=signed.order.order_nonce))


@lie("ORD-VANISH")
def opening_that_drops_another_order() -> Flag | None:
    game, _, _ = trading()
    state = game.create(game.intent(amount=LOT * 100))
    return game.check(replace(state, open_orders=state.open_orders[1:]))


@lie("ORD-PRICE")
def opening_that_changes_another_order() -> Flag | None:
    game, _, _ = trading()
    return game.check(order_changed(game.create(game.intent(amount=LOT * 100)), 0, price=PRICE + TICK))


# --- orders that rest ------------------------------------------------------------------------------------------------


def resting_changed(**fields: object) -> Flag | None:
    """A trade of the buy that also changes the resting sell."""
    game, buy, _ = trading()
    return game.check(order_changed(game.trade(game.fill(buy, LOT * 10)), 1, **fields))


@lie("ORD-PRICE")
def resting_order_at_another_price() -> Flag | None:
    return resting_changed(price=2_000 * 10**6)


@lie("ORD-AMOUNT")
def resting_order_of_another_amount() -> Flag | None:
    return resting_changed(amount=ONE)


@lie("ORD-SIDE")
def resting_order_on_the_other_side() -> Flag | None:
    return resting_changed(side=0)


@lie("ORD-MARKET")
def resting_order_of_another_base() -> Flag | None:
    return resting_changed(base=WBTC)


@lie("ORD-MARKET")
def resting_order_of_another_quote() -> Flag | None:
    return resting_changed(quote=WBTC)


@lie("ORD-FILLED")
def filled_without_a_fill() -> Flag | None:
    return resting_changed(filled=LOT)


@lie("ORD-FILLED")
def filled_less_than_the_fill_says() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, LOT * 10))
    return game.check(order_changed(state, 0, filled=state.open_orders[0].filled - LOT))


@lie("ORD-FILLED")
def filled_as_before_the_fill() -> Flag | None:
    game, buy, _ = trading()
    return game.check(order_changed(game.trade(game.fill(buy, LOT * 10)), 0, filled=ONE // 4))


@lie("ORD-FILLED")
def filled_whole_without_a_fill() -> Flag | None:
    return resting_changed(filled=ONE // 2)


@lie("ORD-FILLED-BACK")
def filled_part_shrinks() -> Flag | None:
    game, buy, _ = trading()
    return game.check(order_changed(game.trade(game.fill(buy, LOT * 10)), 0, filled=ONE // 4 - LOT))


@lie("ORD-OVERFILL")
def filled_beyond_its_amount() -> Flag | None:
    return resting_changed(filled=ONE)


@lie("ORD-FULL-KEPT")
def a_filled_order_still_listed() -> Flag | None:
    game, buy, _ = trading()
    row = game.last.order(buy)
    assert row is not None
    state = game.trade(game.fill(buy, ONE * 3 // 4))
    return game.check(replace(state, open_orders=(row._replace(filled=ONE), *state.open_orders)))


@lie("ORD-VANISH")
def trade_that_drops_another_order() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, LOT * 10))
    return game.check(replace(state, open_orders=state.open_orders[:1]))


@lie("ORD-REORDERED")
def orders_not_oldest_first() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, LOT * 10))
    return game.check(replace(state, open_orders=state.open_orders[::-1]))


# --- time in force ---------------------------------------------------------------------------------------------------


def after_opening(tif: TimeInForce) -> tuple[Game, bytes, bytes]:
    """A resting order, then one of ``tif`` just opened."""
    game = Game()
    old = game.open(amount=LOT * 100)
    return game, old, game.open(amount=ONE, tif=tif)


@lie("ORD-TIF")
def ioc_left_resting_while_another_opens() -> Flag | None:
    game, _, _ = after_opening(TimeInForce.IMMEDIATE_OR_CANCEL)
    return game.check(game.create(game.intent(amount=LOT * 100)))


@lie("ORD-TIF")
def ioc_left_resting_while_another_fills() -> Flag | None:
    game, old, _ = after_opening(TimeInForce.IMMEDIATE_OR_CANCEL)
    return game.check(game.trade(game.fill(old, LOT * 10)))


@lie("ORD-TIF")
def ioc_filled_together_with_another() -> Flag | None:
    game, old, new = after_opening(TimeInForce.IMMEDIATE_OR_CANCEL)
    return game.check(game.trade(game.fill(new, LOT * 10), game.fill(old, LOT * 10)))


@lie("ORD-TIF")
def ioc_left_resting_while_another_is_cancelled() -> Flag | None:
    game, old, _ = after_opening(TimeInForce.IMMEDIATE_OR_CANCEL)
    return game.check(game.cancel(old))


@lie("ORD-TIF")
def fok_half_filled() -> Flag | None:
    game, _, new = after_opening(TimeInForce.FILL_OR_KILL)
    return game.check(game.trade(game.fill(new, ONE // 2)))


@lie("ORD-TIF")
def fok_left_resting() -> Flag | None:
    game, old, _ = after_opening(TimeInForce.FILL_OR_KILL)
    return game.check(game.trade(game.fill(old, LOT * 10)))


@lie("ORD-TIF")
def post_only_that_took() -> Flag | None:
    game = Game()
    order = game.open(tif=TimeInForce.POST_ONLY)
    return game.check(lawless_trade(game, game.fill(order, LOT * 10, price=PRICE - TICK)))


# --- trades and fees -------------------------------------------------------------------------------------------------


@lie("TRD-COUNT")
def trade_without_a_fill() -> Flag | None:
    game, _, _ = trading()
    return game.check(game.next(Transition.TRADE))


@lie("TRD-COUNT")
def one_fill_too_many() -> Flag | None:
    game, buy, _ = trading()
    return game.check(lawless_trade(game, *[game.fill(buy, LOT * 10)] * 5))


@lie("TRD-UNKNOWN")
def fill_of_an_order_that_is_not_open() -> Flag | None:
    game, buy, _ = trading()
    game.apply(game.cancel(buy))
    return game.check(game.next(Transition.TRADE, fills=(game.fill(buy, LOT * 10),)))


@lie("TRD-UNKNOWN")
def a_full_order_filled_once_more() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE * 3 // 4))
    return game.check(replace(state, fills=(*state.fills, game.fill(buy, LOT * 10))))


@lie("TRD-ZERO")
def a_fill_of_nothing() -> Flag | None:
    return fill_of(quantity=0)


@lie("TRD-OVER")
def a_fill_of_more_than_remains() -> Flag | None:
    return fill_of(quantity=ONE * 3 // 4 + LOT)


@lie("TRD-HALF-LOT")
def half_a_lot() -> Flag | None:
    return fill_of(quantity=LOT * 10 + LOT // 2)


@lie("TRD-TICK")
def filled_off_the_tick() -> Flag | None:
    return fill_of(price=PRICE - 1)


@lie("TRD-TICK")
def filled_for_nothing() -> Flag | None:
    return fill_of(price=0)


@lie("TRD-WORSE")
def bought_above_the_limit() -> Flag | None:
    return fill_of(price=PRICE + TICK)


@lie("TRD-WORSE")
def sold_below_the_limit() -> Flag | None:
    game, _, sell = trading()
    return game.check(lawless_trade(game, game.fill(sell, LOT * 10, price=2_100 * 10**6 - TICK)))


@lie("TRD-MIN")
def worth_less_than_the_minimum() -> Flag | None:
    return fill_of(quantity=LOT * 4)


@lie("FEE-ABOVE")
def fee_one_unit_above_the_ceiling() -> Flag | None:
    return fill_of(quantity=LOT * 10, fee=LOT * 10 * 2_000 // 10**6 + 1)


@lie("FEE-ABOVE")
def fee_rounded_up() -> Flag | None:
    """A lot of one unit: 2,000 ppm of 499 units is 0.998, floored to nothing."""
    market = ETH_USDT._replace(unit=1, tick_size=1, lot_size=1, min_notional=0)
    game = Game(make_terms(markets=(market,)))
    order = game.open(amount=499, price=1)
    return game.check(lawless_trade(game, game.fill(order, 499, price=1, fee=1)))


@lie("FEE-ABOVE")
def fee_of_a_sale_above_the_ceiling() -> Flag | None:
    game, _, sell = trading()
    gross = 2_100 * 10**6 // 1000
    return game.check(
        lawless_trade(game, game.fill(sell, LOT * 10, price=2_100 * 10**6, fee=gross * 2_000 // 10**6 + 1))
    )


@lie("TRD-ONE-SIDED")
def quote_leaves_and_no_base_arrives() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    return game.check(moved(state, balances={ETH: (-ONE // 4, 0)}, outcomes={ETH: (0, -ONE // 4)}))


@lie("OUT-SUM")
def base_arrives_and_no_quote_leaves() -> Flag | None:
    """A gift, which is how blame is made."""
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    return game.check(moved(state, balances={USDT: (PRICE // 4, 0)}, outcomes={USDT: (-PRICE // 4, 0)}))


@lie("TRD-WRONG-ASSET")
def a_third_asset_moves() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    return game.check(moved(state, balances={WBTC: (1, 0)}, outcomes={WBTC: (0, 1)}))


@lie("OUT-SUM")
def fee_taken_in_the_paid_asset_too() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    return game.check(moved(state, balances={USDT: (-1, 0)}, outcomes={USDT: (1, 0)}))


@lie("OUT-SUM")
def a_rebate_nobody_agreed() -> Flag | None:
    game, buy, _ = trading()
    state = game.trade(game.fill(buy, ONE // 4))
    return game.check(moved(state, balances={ETH: (1, 0)}, outcomes={ETH: (0, 1)}))


@lie("BAL-EQUATION")
def fee_from_what_another_order_holds() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.trade(game.fill(buy, ONE // 4)), balances={ETH: (0, -1), USDT: (0, -1)}))


@lie("AST-CAP-COLLATERAL")
def more_owed_than_the_collateral() -> Flag | None:
    assets = (Asset(ETH, 2 * ONE, ONE // 2), *make_terms().assets[1:])
    game = Game(make_terms(assets=assets))
    order = game.open()
    return game.check(lawless_trade(game, game.fill(order, ONE // 2 + LOT)))


@lie("AST-CAP-ALLOCATION")
def more_owed_than_the_allocation() -> Flag | None:
    """No valid predecessor leads here either: the last state is one that holds more than its channel."""
    game, buy, _ = trading()
    rich = replace(game.last, outcomes=(game.last.outcomes[0], Outcome(USDT, 10_000 * 10**6, 0), game.last.outcomes[2]))
    return game.check(game.next(Transition.TRADE, fills=(game.fill(buy, ONE // 4),)), last=rich)


# --- outcomes --------------------------------------------------------------------------------------------------------


@lie("OUT-BOTH")
def owed_both_ways() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.cancel(buy), outcomes={USDT: (1, 1)}))


@lie("OUT-RESET")
def outcomes_zeroed() -> Flag | None:
    game, buy, _ = trading()
    state = game.cancel(buy)
    return game.check(replace(state, outcomes=game.setup.outcomes))


@lie("OUT-SIGN")
def outcomes_the_other_way_around() -> Flag | None:
    game, buy, _ = trading()
    state = game.cancel(buy)
    swapped = tuple(Outcome(row.asset, row.to_trader, row.to_broker) for row in state.outcomes)
    return game.check(replace(state, outcomes=swapped))


@lie("OUT-MOVE-NO-TRADE")
def an_outcome_moves_without_a_trade() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.cancel(buy), outcomes={USDT: (1, 0)}, balances={USDT: (-1, 0)}))


@lie("OUT-CROSS-ASSET")
def netted_between_assets() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.cancel(buy), outcomes={USDT: (-(10**6), 0), ETH: (0, -5 * 10**14)}))


# --- cancels, finalize, void -----------------------------------------------------------------------------------------


@lie("CAN-WRONG-ORDER")
def cancel_of_two_orders() -> Flag | None:
    game, _, _ = trading()
    return game.check(replace(game.next(Transition.CANCEL_ORDER), open_orders=()))


@lie("CAN-WRONG-ORDER")
def cancel_of_none() -> Flag | None:
    game, _, _ = trading()
    return game.check(game.next(Transition.CANCEL_ORDER))


@lie("CAN-PARTIAL-LOCK")
def cancel_that_keeps_a_unit_locked() -> Flag | None:
    game, buy, _ = trading()
    return game.check(moved(game.cancel(buy), balances={USDT: (-1, 1)}))


@lie("ORD-FILLED")
def cancel_that_fills_another() -> Flag | None:
    game, buy, _ = trading()
    return game.check(order_changed(game.cancel(buy), 0, filled=LOT))


@lie("FIN-OPEN-ORDERS")
def finalize_with_open_orders() -> Flag | None:
    game, _, _ = trading()
    return game.check(game.finalize(), finalize_on=game.digest(game.last))


@lie("FIN-OPEN-ORDERS")
def finalize_that_voids_orders() -> Flag | None:
    game, _, _ = trading()
    return game.check(replace(game.finalize(), open_orders=()), finalize_on=game.digest(game.last))


@lie("FIN-OPEN-ORDERS")
def finalize_that_opens_an_order() -> Flag | None:
    game = Game()
    row = OpenOrder(game.intent().id, ETH, USDT, 0, PRICE, ONE, 0)
    return game.check(replace(game.finalize(), open_orders=(row,)), finalize_on=game.digest(game.last))


@lie("FIN-UNASKED")
def finalize_without_a_request() -> Flag | None:
    game = Game()
    return game.check(game.finalize())


@lie("FIN-UNASKED")
def finalize_on_another_state_than_asked() -> Flag | None:
    game = Game()
    asked = game.digest(game.last)
    game.apply(game.cancel(game.open()))
    return game.check(game.finalize(), finalize_on=asked)


@lie("BAL-DEFLATE")
def finalize_that_moves_a_unit() -> Flag | None:
    game = Game()
    return game.check(moved(game.finalize(), balances={ETH: (-1, 0)}), finalize_on=game.digest(game.last))


@lie("OUT-MOVE-NO-TRADE")
def finalize_that_moves_an_outcome() -> Flag | None:
    game, buy, sell = trading()
    for order in (buy, sell):
        game.apply(game.cancel(order))
    state = moved(game.finalize(), outcomes={USDT: (1, 0)}, balances={USDT: (-1, 0)})
    return game.check(state, finalize_on=game.digest(game.last))


def void_found(change: Callable[[Game, State], State]) -> Flag | None:
    """What is found in a void that answers a refused trade, bent by ``change``."""
    game, buy, _ = trading()
    refused = game.trade(game.fill(buy, ONE // 4))
    return rules.check_void(game.ground(increment=refused.increment + 1), change(game, game.void(refused)))


@lie("INC-SKIP")
def void_with_the_number_it_refuses() -> Flag | None:
    return void_found(lambda _, state: replace(state, increment=state.increment - 1))


@lie("CHN-PREV-OLD")
def void_of_an_older_state() -> Flag | None:
    return void_found(lambda game, state: replace(state, previous=game.last.previous))


@lie("CHN-OTHER-CHANNEL")
def void_of_another_channel() -> Flag | None:
    return void_found(lambda _, state: replace(state, channel=b"\x01" * 32))


@lie("CHN-TRANSITION-NAME")
def void_by_another_name() -> Flag | None:
    return void_found(lambda _, state: replace(state, transition=Transition.CANCEL_ORDER))


@lie("CHN-TRANSITION-NAME")
def void_with_fills() -> Flag | None:
    return void_found(lambda game, state: replace(state, fills=(game.fill(state.open_orders[0].id, LOT),)))


@lie("TRN-NEXT")
def void_that_takes_the_turn() -> Flag | None:
    return void_found(lambda _, state: replace(state, turn=Role.TRADER))


@lie("AST-MISSING")
def void_without_an_asset() -> Flag | None:
    return void_found(lambda _, state: replace(state, balances=state.balances[:2]))


@lie("BAL-INFLATE")
def void_that_moves_a_unit() -> Flag | None:
    return void_found(lambda _, state: moved(state, balances={USDT: (1, 0)}))


@lie("ORD-VANISH")
def void_that_drops_an_order() -> Flag | None:
    return void_found(lambda _, state: replace(state, open_orders=state.open_orders[:1]))


# --- setup -----------------------------------------------------------------------------------------------------------


def setup_found(**changes: object) -> Flag | None:
    game = Game()
    return rules.check_setup(game.terms, game.channel, replace(game.setup, **changes))


@lie("CHN-OTHER-CHANNEL")
def setup_of_another_channel() -> Flag | None:
    return setup_found(channel=b"\x01" * 32)


@lie("SET-NONZERO")
def setup_with_a_number() -> Flag | None:
    return setup_found(increment=1)


@lie("SET-NONZERO")
def setup_with_a_predecessor() -> Flag | None:
    return setup_found(previous=b"\x01" * 32)


@lie("CHN-TRANSITION-NAME")
def setup_by_another_name() -> Flag | None:
    return setup_found(transition=Transition.FINALIZE)


@lie("TRN-NEXT")
def setup_with_the_turn_elsewhere() -> Flag | None:
    return setup_found(turn=Role.TRADER)


@lie("SET-FUNDING")
def setup_with_a_unit_less() -> Flag | None:
    rows = Game().setup.balances
    return setup_found(balances=(rows[0]._replace(available=rows[0].available - 1), *rows[1:]))


@lie("SET-FUNDING")
def setup_with_locked_funds() -> Flag | None:
    rows = Game().setup.balances
    return setup_found(balances=(rows[0]._replace(available=rows[0].available - 1, locked=1), *rows[1:]))


@lie("SET-FUNDING")
def setup_with_an_asset_more() -> Flag | None:
    return setup_found(balances=(*Game().setup.balances, Balance(b"\x33" * 20, 0, 0)))


@lie("SET-NONZERO")
def setup_with_an_order() -> Flag | None:
    return setup_found(open_orders=(OpenOrder(b"\x01" * 32, ETH, USDT, 0, PRICE, ONE, 0),))


@lie("SET-NONZERO")
def setup_with_a_fill() -> Flag | None:
    game = Game()
    return setup_found(fills=(game.fill(b"\x01" * 32, LOT),))


@lie("SET-NONZERO")
def setup_with_an_outcome() -> Flag | None:
    rows = Game().setup.outcomes
    return setup_found(outcomes=(rows[0]._replace(to_broker=1), *rows[1:]))


@lie("SET-NONZERO")
def setup_with_a_mark() -> Flag | None:
    return setup_found(order_nonce=1)
