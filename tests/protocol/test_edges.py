"""Corners of the rules that no lie of the table leads to; found by changing the rules and seeing no test fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.protocol.cases import trading
from tests.support.forge import moved, order_changed
from tests.support.game import ETH, ONE, PRICE, USDT, Game
from wallet.protocol import rules
from wallet.protocol.rules import Flag
from wallet.protocol.shown import show
from wallet.protocol.state import OpenOrder, Side, State
from wallet.protocol.transitions import RuleBroken, cancel_order, contents_of


def void_found(change: Callable[[State], State]) -> Flag:
    game, buy, _ = trading()
    void = game.void(game.trade(game.fill(buy, ONE // 4)))
    flag = rules.check_void(game.ground(increment=void.increment), change(void))
    assert flag is not None
    return flag


def test_a_void_that_adds_an_order() -> None:
    row = OpenOrder(b"\x99" * 32, ETH, USDT, 0, PRICE, ONE, 0)
    assert void_found(lambda void: replace(void, open_orders=(*void.open_orders, row))).code == "ORD-UNKNOWN"


def test_a_void_that_takes_a_unit_says_what_it_costs() -> None:
    assert void_found(lambda void: moved(void, balances={USDT: (-3, 0)})).cost == ((USDT, 3),)


def test_two_orders_beside_one_that_rests() -> None:
    game = Game()
    game.open(amount=ONE // 10)
    first, second = game.intent(amount=ONE // 10), game.intent(amount=ONE // 10)
    state = game.create(first)
    row = state.open_orders[-1]._replace(id=second.id)
    flag = game.check(replace(state, open_orders=(*state.open_orders, row)))
    assert flag is not None
    assert flag.code == "ORD-TWO"


def test_a_price_of_nothing_is_shown_as_a_number() -> None:
    game, buy, _ = trading()
    flag = game.check(order_changed(game.trade(game.fill(buy, ONE // 10)), 1, price=0))
    assert flag == Flag("ORD-PRICE", "2100000000", "0", ())


def test_what_arrives_where_the_trader_owes() -> None:
    """He sold first, so the outcome is the broker's: a purchase that does not move it is one-sided all the same."""
    game = Game()
    game.apply(game.trade(game.fill(game.open(side=Side.SELL), ONE)))
    buy = game.open(amount=ONE // 4)
    state = game.trade(game.fill(buy, ONE // 4))
    flag = game.check(moved(state, balances={ETH: (-ONE // 4, 0)}, outcomes={ETH: (ONE // 4, 0)}))
    assert flag is not None
    assert flag.code == "TRD-ONE-SIDED"


def test_a_cancel_of_what_is_not_there() -> None:
    game, buy, _ = trading()
    with pytest.raises(RuleBroken) as caught:
        cancel_order(game.terms, contents_of(game.last), b"\x99" * 32)
    assert caught.value.code == "CAN-WRONG-ORDER"
    short = moved(game.last, balances={USDT: (0, -game.last.balances[1].locked)})
    with pytest.raises(RuleBroken) as caught:
        cancel_order(game.terms, contents_of(short), buy)
    assert (caught.value.code, caught.value.expected, caught.value.got) == (
        "BAL-LOCKED",
        "at most 0 locked",
        1_500 * 10**6,
    )


def test_how_a_flag_shows_what_it_found() -> None:
    assert show(()) == "none"
    assert show((b"\x01", 2)) == "0x01; 2"
    assert show("a word") == "a word"
