"""What must pass without a flag: the valid neighbours of the lies. A false alarm is a defect too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.game import (
    ETH,
    ETH_USDT,
    LOT,
    NOW,
    ONE,
    PRICE,
    TICK,
    USDT,
    WBTC,
    WBTC_USDT,
    Game,
    cooperative,
    make_terms,
)
from wallet.protocol import rules
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Outcome, Side, State, Transition
from wallet.protocol.terms import Asset, Market, Role, check_terms
from wallet.protocol.transitions import locked_asset, received_asset

CASES: dict[str, Callable[[], Game]] = {}


def passes(play: Callable[[], Game]) -> Callable[[], Game]:
    CASES[play.__name__] = play
    return play


def step(game: Game, state: State, **flow: object) -> None:
    """``state`` must pass; then it stands."""
    assert game.check(state, **flow) is None, state.transition.name
    game.apply(state)


def opened(game: Game, **wishes: object) -> bytes:
    signed = game.intent(**wishes)
    step(game, game.create(signed))
    return signed.id


@passes
def price_better_than_the_limit() -> Game:
    game = Game()
    step(game, game.trade(game.fill(opened(game), ONE, price=PRICE - 5 * TICK)))
    sell = opened(game, side=Side.SELL)
    step(game, game.trade(game.fill(sell, ONE, price=PRICE + 5 * TICK)))
    return game


@passes
def no_fee_lower_fee_and_the_very_ceiling() -> Game:
    game = Game()
    order = opened(game)
    for fee in (0, 1, LOT * 10 * 2_000 // 10**6):
        step(game, game.trade(game.fill(order, LOT * 10, fee=fee)))
    sell = opened(game, side=Side.SELL)
    step(game, game.trade(game.fill(sell, ONE // 2, fee=PRICE // 2 * 2_000 // 10**6)))
    return game


@passes
def part_then_full() -> Game:
    game = Game()
    order = opened(game)
    for quantity in (ONE // 4, ONE // 4, ONE // 2):
        step(game, game.trade(game.fill(order, quantity)))
    assert not game.last.open_orders
    return game


@passes
def several_fills_of_several_orders_in_one_trade() -> Game:
    game = Game()
    buy, sell = opened(game), opened(game, side=Side.SELL, price=PRICE + TICK)
    fills = (
        game.fill(buy, ONE // 2),
        game.fill(sell, ONE // 2, price=PRICE + TICK, fee=1),
        game.fill(buy, ONE // 2, price=PRICE - TICK),
    )
    step(game, game.trade(*fills))
    return game


@passes
def dust_of_the_last_rest() -> Game:
    """A rest worth less than the minimum may still be filled, whole."""
    game = Game()
    order = opened(game)
    step(game, game.trade(game.fill(order, ONE - LOT)))
    step(game, game.trade(game.fill(order, LOT)))
    return game


@passes
def all_of_a_balance() -> Game:
    game = Game()
    step(game, game.trade(game.fill(opened(game, amount=5 * ONE), 5 * ONE)))
    assert game.last.balances[1][1:] == (0, 0)
    opened(game, side=Side.SELL, amount=7 * ONE)
    assert game.last.balances[0].available == 0
    return game


@passes
def selling_what_was_bought() -> Game:
    """The seed's example: what remains is profit or loss. WBTC starts at nothing."""
    game = Game()
    price = 30_000 * 10**6
    step(game, game.trade(game.fill(opened(game, market=WBTC_USDT, amount=10**7, price=price), 10**7, price=price)))
    sell = opened(game, market=WBTC_USDT, side=Side.SELL, amount=10**7, price=price)
    step(game, game.trade(game.fill(sell, 10**7, price=price + TICK)))
    assert game.last.outcomes[2] == Outcome(WBTC, 0, 0)
    assert game.last.outcomes[1] == Outcome(USDT, 0, TICK // 10)
    return game


@passes
def outcome_crosses_zero() -> Game:
    game = Game()
    step(game, game.trade(game.fill(opened(game), ONE)))
    assert game.last.outcomes[1].to_broker > 0
    sell = opened(game, side=Side.SELL, amount=2 * ONE)
    step(game, game.trade(game.fill(sell, 2 * ONE)))
    assert game.last.outcomes[1].to_trader > 0
    return game


@passes
def exactly_the_collateral() -> Game:
    game = Game(make_terms(assets=(Asset(ETH, 2 * ONE, ONE // 2), *make_terms().assets[1:])))
    step(game, game.trade(game.fill(opened(game), ONE // 2)))
    return game


@passes
def exactly_the_minimum() -> Game:
    game = Game()
    order = opened(game, amount=LOT * 5)  # 1.00 USDT
    step(game, game.trade(game.fill(order, LOT * 5)))
    return game


@passes
def as_many_orders_as_allowed() -> Game:
    game = Game()
    for _ in range(game.terms.max_open_orders):
        opened(game, amount=LOT * 100)
    return game


@passes
def as_many_fills_as_allowed() -> Game:
    game = Game()
    order = opened(game)
    step(game, game.trade(*[game.fill(order, LOT * 10)] * game.terms.max_fills))
    return game


@passes
def skipped_nonce_of_an_order_that_never_opened() -> Game:
    game = Game()
    game.intent()
    opened(game)
    return game


@passes
def cancel_nobody_asked_for() -> Game:
    game = Game()
    old = opened(game)
    opened(game, amount=LOT * 100)
    step(game, game.cancel(old))
    return game


@passes
def ioc_filled_twice_then_cancelled() -> Game:
    game = Game()
    opened(game, amount=LOT * 100)
    order = opened(game, tif=TimeInForce.IMMEDIATE_OR_CANCEL)
    step(game, game.trade(game.fill(order, LOT * 10), game.fill(order, LOT * 10, price=PRICE - TICK)))
    step(game, game.trade(game.fill(order, LOT * 10)))
    step(game, game.cancel(order))
    return game


@passes
def ioc_filled_whole_then_others_go_on() -> Game:
    game = Game()
    old = opened(game, amount=LOT * 100)
    order = opened(game, tif=TimeInForce.IMMEDIATE_OR_CANCEL)
    step(game, game.trade(game.fill(order, ONE)))
    step(game, game.trade(game.fill(old, LOT * 10)))
    return game


@passes
def fok_filled_at_two_prices_or_killed() -> Game:
    game = Game()
    order = opened(game, tif=TimeInForce.FILL_OR_KILL)
    step(game, game.trade(game.fill(order, ONE // 2), game.fill(order, ONE // 2, price=PRICE - TICK)))
    step(game, game.cancel(opened(game, tif=TimeInForce.FILL_OR_KILL)))
    return game


@passes
def post_only_filled_as_a_maker() -> Game:
    game = Game()
    order = opened(game, tif=TimeInForce.POST_ONLY)
    step(game, game.trade(game.fill(order, LOT * 10)))
    opened(game)
    step(game, game.trade(game.fill(order, LOT * 10)))
    return game


@passes
def clock_of_the_issuer_stands_still() -> Game:
    game = Game()
    order = opened(game)
    step(game, replace(game.cancel(order), time=game.last.time))
    return game


@passes
def void_then_on_with_a_gap() -> Game:
    game = Game()
    order = opened(game)
    refused = game.trade(game.fill(order, LOT * 10))
    void = game.void(refused)
    assert rules.check_void(game.ground(increment=void.increment), void) is None
    game.apply(void, Role.TRADER)
    assert (void.increment, void.previous) == (3, game.digest(game.states[1][0]))
    step(game, game.trade(game.fill(order, LOT * 10)))
    return game


@passes
def finalize_with_zero_outcomes() -> Game:
    game = Game()
    step(game, game.cancel(opened(game)))
    step(game, game.finalize(), finalize_on=game.digest(game.last))
    return game


@passes
def cooperative_session() -> Game:
    """The seed's second diagram, with an immediate order that is handed over to be filled."""
    game = cooperative()
    opened(game)
    order = opened(game, tif=TimeInForce.IMMEDIATE_OR_CANCEL)
    step(game, game.hand_over())
    assert game.last.turn is Role.BROKER
    step(game, game.trade(game.fill(order, LOT * 10)))
    step(game, game.cancel(order))
    step(game, game.hand_over())
    step(game, game.cancel(game.last.open_orders[0].id))
    step(game, game.finalize())  # the trader's own issue needs no request
    assert [issuer.name for _, issuer in game.states] == [
        *("TRADER", "TRADER", "TRADER", "TRADER", "BROKER", "BROKER", "BROKER", "TRADER", "TRADER"),
    ]
    return game


@passes
def extreme_amounts() -> Game:
    """1 and 2^256 − 1, zero and 36 decimals, where the terms allow them."""
    assets = (Asset(ETH, 2**256 - 1, 0), Asset(USDT, 1, 2**256 - 2))
    market = Market(ETH, USDT, 10**36, 10**36, 1, 0, 1)
    game = Game(make_terms(assets=assets, markets=(market,), max_fee=10**6))
    check_terms(game.terms)
    sell = opened(game, market=market, side=Side.SELL, amount=1, price=10**36)
    step(game, game.trade(game.fill(sell, 1, price=10**36, fee=1)))
    assert game.last.balances[1].available == 1
    return game


@passes
def a_product_of_all_there_is() -> Game:
    """price × amount and the gross of its fill at exactly 2^256 − 1."""
    third = (2**256 - 1) // 3
    market = Market(ETH, USDT, 1, 1, 1, 0, 1)
    game = Game(make_terms(assets=(Asset(ETH, third, 0), Asset(USDT, 0, 2**256 - 1)), markets=(market,)))
    check_terms(game.terms)
    sell = opened(game, market=market, side=Side.SELL, amount=third, price=3)
    step(game, game.trade(game.fill(sell, third, price=3)))
    assert game.last.outcomes[1].to_trader == 2**256 - 1
    return game


@pytest.mark.parametrize("play", CASES.values(), ids=CASES)
def test_passes(play: Callable[[], Game]) -> None:
    game = play()
    assert len(game.states) > 1


@pytest.mark.parametrize("game", [Game(), cooperative()], ids=["broker", "cooperative"])
def test_setup_passes(game: Game) -> None:
    assert rules.check_setup(game.terms, game.channel, game.setup) is None
    assert rules.check_setup(game.terms, game.channel, replace(game.setup, time=NOW + 999)) is None
    assert game.setup.turn is (Role.TRADER if game.terms.initiative else Role.BROKER)
    assert game.setup.transition is Transition.SETUP


def test_arithmetic_by_hand() -> None:
    """One buy with fee and price improvement, one sale: every number worked out beforehand."""
    game = Game()
    buy = opened(game, amount=ONE, price=2_000 * 10**6)
    assert game.last.balances == (
        (ETH, 2 * ONE, 0),
        (USDT, 8_000_000_000, 2_000_000_000),
        (WBTC, 0, 0),
    )
    # 0.4 ETH at 1,990: 796 USDT leave, 4 of 800 come back, a fee of 0.0008 ETH
    step(game, game.trade(game.fill(buy, 4 * 10**17, price=1_990 * 10**6, fee=8 * 10**14)))
    assert game.last.balances == (
        (ETH, 2_399_200_000_000_000_000, 0),
        (USDT, 8_004_000_000, 1_200_000_000),
        (WBTC, 0, 0),
    )
    assert game.last.outcomes == ((ETH, 0, 399_200_000_000_000_000), (USDT, 796_000_000, 0), (WBTC, 0, 0))
    sell = opened(game, side=Side.SELL, amount=2 * ONE, price=1_995 * 10**6)
    # 1.5 ETH at 2,000: 3,000 USDT come, less a fee of 6
    step(game, game.trade(game.fill(sell, 15 * 10**17, price=2_000 * 10**6, fee=6_000_000)))
    assert game.last.balances == (
        (ETH, 399_200_000_000_000_000, 500_000_000_000_000_000),
        (USDT, 10_998_000_000, 1_200_000_000),
        (WBTC, 0, 0),
    )
    assert game.last.outcomes == ((ETH, 1_100_800_000_000_000_000, 0), (USDT, 0, 2_198_000_000), (WBTC, 0, 0))
    assert game.last.open_orders[0].filled == 4 * 10**17
    assert ETH_USDT.notional(PRICE, 1) == 0


def test_what_an_order_gives_and_takes() -> None:
    game = Game()
    buy, sell = (game.intent(side=side).order for side in Side)
    assert (locked_asset(buy), received_asset(buy)) == (USDT, ETH)
    assert (locked_asset(sell), received_asset(sell)) == (ETH, USDT)
