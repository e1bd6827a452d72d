"""The owner's accounts in words: what is understood of a payment, what became of it, and what keys could do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.gui.scripted import ANNA, CHANNEL, ETH, GAS, ME, NOW, PURSE, SAVINGS, SENT, STUCK, USDT, app_view
from wallet.app.snapshots import ChannelRow, Phase
from wallet.gui.models import purse as model
from wallet.gui.models.clipboard import FOREIGN, OTHER, OURS, judge
from wallet.protocol.addresses import show_address
from wallet.protocol.errors import WalletError

MINE, SECOND, WATCHED = PURSE.accounts


def test_accounts_have_names_and_say_what_they_hold() -> None:
    assert [model.account_name(PURSE, row) for row in PURSE.accounts] == ["Account 1", "Savings", "Paper"]
    assert model.holdings(MINE) == "10 ETH  ·  50\u202f000 USDT"
    assert model.holdings(WATCHED) == "nothing yet"
    assert [model.account_kind(row) for row in PURSE.accounts] == ["", "", "watched only"]
    assert (model.held(MINE, USDT), model.held(SECOND, USDT)) == (5 * 10**10, 0)


def test_a_payment_is_understood() -> None:
    wanted = model.wish(PURSE, MINE, " anna ", USDT, "12.5", model.FAST)
    assert wanted == model.Wish(ME, ANNA, USDT, 12_500_000, "fast")
    assert model.wish(PURSE, SECOND, show_address(ANNA), ETH, model.ALL, model.SLOW).amount is None
    assert model.wish(PURSE, SECOND, show_address(SAVINGS), ETH, "1", model.SLOW).to == SAVINGS


@pytest.mark.parametrize(
    ("sender", "to", "amount", "code"),
    [
        (MINE, "", "1", "ADDRESS_FORM"),
        (MINE, "bruno", "1", "ADDRESS_FORM"),
        (MINE, show_address(ANNA).swapcase().replace("0X", "0x"), "1", "ADDRESS_CHECKSUM"),
        (WATCHED, "anna", "1", "KEYS_WATCH_ONLY"),
        (MINE, "anna", "", "TX_NOTHING"),
        (MINE, "anna", "0.0", "TX_NOTHING"),
        (MINE, "anna", "11", "TX_SHORT"),
        (MINE, "anna", "1,5", "DECIMAL_FORM"),
        (MINE, "anna", "0.0000000000000000001", "DECIMAL_PRECISION"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(sender: object, to: str, amount: str, code: str) -> None:
    with pytest.raises(WalletError, match=code):
        model.wish(PURSE, sender, to, ETH, amount, model.NORMAL)  # type: ignore[arg-type]


def test_what_became_of_a_transaction() -> None:
    assert (model.status_words(SENT), model.status_tone(SENT)) == ("confirmed", "good")
    assert (model.status_words(STUCK), model.status_tone(STUCK)) == ("waits to be mined", "warn")
    assert model.status_tone(replace(SENT, status="failed")) == "bad"
    assert "waits again" in model.status_words(replace(SENT, status="reorged"))
    assert model.status_words(replace(SENT, status="cancelled")) == "cancelled"
    assert model.purpose_words(replace(SENT, purpose="withdraw USDT")) == "Withdraw usdt"
    assert (model.purpose_words(SENT), model.amount_words(SENT), model.to_words(SENT)) == ("Payment", "0.5 ETH", "Anna")
    assert model.to_words(replace(SENT, name="")).startswith(show_address(ANNA)[:8] + "…")
    assert model.fee_paid(PURSE, SENT) == "0.000021 ETH"
    assert model.fee_paid(PURSE, STUCK) == "≤ 0.000042 ETH"
    assert model.fee_words(PURSE, "fast") == "about 0.000025 ETH, at most 0.000066 ETH"
    assert model.fee_words(PURSE, "warp") == ""


def test_three_kinds_of_keys_and_their_worst() -> None:
    rows = (
        ChannelRow(CHANNEL, b"", Phase.OPEN, 5, 0, NOW, ((ETH, 10**18), (USDT, 7_000_000))),
        ChannelRow(CHANNEL, b"", Phase.DISPUTED, 5, 0, NOW, ((ETH, 10**17),)),
        ChannelRow(CHANNEL, b"", Phase.WITHDRAWN, 5, 0, NOW, ((ETH, 10**20),)),
    )
    owner, session, gas = model.key_cards(app_view(channels=rows, gas=GAS))
    assert (owner.standing, owner.tone) == ("unlocked", "warn")
    assert "everything" in owner.worst
    assert session.standing == "2 in use, unlocked"
    assert session.worst.endswith("and no more: 1.1 ETH, 7 USDT.")
    assert gas.worst.endswith("for fees: 0.002 ETH.")
    owner, session, gas = model.key_cards(app_view(unlocked=False))
    assert (owner.standing, session.standing, gas.standing) == ("locked", "none in use", "not asked yet")
    assert "without the password" in owner.worst
    owner, _, _ = model.key_cards(app_view(unlocked=False, watch_only=True))
    assert (owner.standing, owner.worst) == ("not here", "Nothing on this computer.")
    _, session, gas = model.key_cards(app_view(unlocked=False, resting=True, channels=rows, gas=GAS))
    assert (session.standing, gas.standing) == ("2 in use, locked", "locked")


def test_an_address_on_the_clipboard() -> None:
    mine = show_address(ANNA)
    assert judge(mine, mine) == OURS
    assert judge(mine, show_address(ME)) == FOREIGN
    assert judge(mine, mine.lower()) == OTHER
    assert judge(mine, "a shopping list") == OTHER
    assert judge(mine, "") == OTHER
