"""Presses of the order ticket, and what is the same order again."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from tests.gui.scripted import CHANNEL, app_view, channel, order
from wallet.app.snapshots import OrderStatus
from wallet.gui.models.asked import Presses
from wallet.gui.models.ticket import Draft

HERE = (CHANNEL, "ETH/USDT")
DRAFT = Draft(price="3000", amount="0.5")
SIGNED = order(5, status=OrderStatus.UNKNOWN)
ORDER = "0x" + SIGNED.id.hex()


def presses() -> Presses:
    numbers = count(1)
    return Presses(lambda: str(next(numbers)))


def unanswered() -> Presses:
    made = presses()
    assert made.unanswered(made.name(HERE, DRAFT), ORDER) == DRAFT
    return made


def test_each_press_is_an_order_of_its_own() -> None:
    made = presses()
    assert [made.name(HERE, DRAFT) for _ in range(3)] == ["1", "2", "3"]


def test_what_was_not_answered_keeps_its_name_until_it_is() -> None:
    made = unanswered()
    assert made.name(HERE, replace(DRAFT, consent=True)) == "1"
    assert made.name(HERE, DRAFT) == "1"
    made.answered("1")
    assert made.name(HERE, DRAFT) == "2"


def test_another_draft_market_or_channel_is_another_order() -> None:
    made = unanswered()
    others = (HERE, replace(DRAFT, amount="0.6")), ((CHANNEL, "WBTC/USDT"), DRAFT), ((bytes(32), "ETH/USDT"), DRAFT)
    for where, draft in others:
        assert made.name(where, draft) != "1"
    assert made.name(HERE, DRAFT) == "1"  # it is still not known


def test_a_late_word_about_an_earlier_press_changes_nothing() -> None:
    made = presses()
    first = made.name(HERE, DRAFT)
    made.name(HERE, replace(DRAFT, amount="7"))
    assert made.unanswered(first, ORDER) is None
    made.answered("never named")


def test_a_state_tells_what_no_answer_told() -> None:
    made = unanswered()
    made.show_view(app_view(channel=channel(orders=(SIGNED,))))
    made.show_view(app_view(channel=None))
    assert made.name(HERE, DRAFT) == "1"
    made.show_view(app_view(channel=channel(orders=(replace(SIGNED, status=OrderStatus.OPEN),))))
    assert made.name(HERE, DRAFT) == "2"
