"""Presses of the order ticket, and what is the same order again."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tests.gui.scripted import app_view, channel, order
from wallet.app.snapshots import OrderStatus
from wallet.gui.models.asked import Presses
from wallet.gui.models.ticket import Draft

DRAFT = Draft(price="3000", amount="0.5")
SIGNED = order(5, status=OrderStatus.UNKNOWN)
ORDER = "0x" + SIGNED.id.hex()


def presses() -> Presses:
    numbers = count(1)
    return Presses(lambda: str(next(numbers)))


def unanswered() -> Presses:
    made = presses()
    assert made.unanswered(made.name("ETH/USDT", DRAFT), ORDER) == DRAFT
    return made


def test_each_press_is_an_order_of_its_own() -> None:
    made = presses()
    assert [made.name("ETH/USDT", DRAFT) for _ in range(3)] == ["1", "2", "3"]


def test_what_was_not_answered_keeps_its_name_until_it_is() -> None:
    made = unanswered()
    assert made.name("ETH/USDT", replace(DRAFT, consent=True)) == "1"
    assert made.name("ETH/USDT", DRAFT) == "1"
    made.answered("1")
    assert made.name("ETH/USDT", DRAFT) == "2"


def test_another_draft_or_market_is_another_order() -> None:
    made = unanswered()
    for market, draft in (("ETH/USDT", replace(DRAFT, amount="0.6")), ("WBTC/USDT", DRAFT)):
        assert made.name(market, draft) != "1"
    assert made.name("ETH/USDT", DRAFT) == "1"  # it is still not known


def test_a_late_word_about_an_earlier_press_changes_nothing() -> None:
    made = presses()
    first = made.name("ETH/USDT", DRAFT)
    made.name("ETH/USDT", replace(DRAFT, amount="7"))
    assert made.unanswered(first, ORDER) is None
    made.answered("never named")


def test_a_state_tells_what_no_answer_told() -> None:
    made = unanswered()
    made.show_view(app_view(channel=channel(orders=(SIGNED,))))
    made.show_view(app_view(channel=None))
    assert made.name("ETH/USDT", DRAFT) == "1"
    made.show_view(app_view(channel=channel(orders=(replace(SIGNED, status=OrderStatus.OPEN),))))
    assert made.name("ETH/USDT", DRAFT) == "2"
