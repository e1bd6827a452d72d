"""The ticket under a user's hands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton, QToolButton

from tests.gui.scripted import CHANNEL, ScriptedBackend, app_view, channel, failed, market_view, order
from wallet.app.snapshots import ConnectionView, Link
from wallet.gui.views.ticket import Ticket
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
PLACED = ("place_order", CHANNEL, "ETH/USDT", "buy", 3_000_030_000, 5 * 10**17, "good_till_time")


def ticket_of(window: MainWindow) -> Ticket:
    assert window.room is not None
    return window.room.workspace.ticket


def orders(backend: ScriptedBackend) -> list[tuple[Any, ...]]:
    return [call for call in backend.calls if call[0] == "place_order"]


def test_a_click_in_the_book_brings_its_price_to_the_ticket(trading: MainWindow, qtbot: Any) -> None:
    book, ticket = trading.room.workspace.book, ticket_of(trading)
    level, area = next((level, area) for level, area in book.levels()[::-1] if level.side == "sell")
    qtbot.mouseClick(book, Qt.MouseButton.LeftButton, pos=area.center())
    assert ticket.price.text == "3000.03"
    assert ticket.draft.price == "3000.03"
    assert level.price == 3_000_030_000
    qtbot.mouseClick(book, Qt.MouseButton.LeftButton, pos=QPoint(5, book.height() - 2))
    assert ticket.price.text == "3000.03"  # below the last row nothing is taken


def test_buying_by_mouse_sends_integers(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    qtbot.mouseClick(find("ticket.send"), Qt.MouseButton.LeftButton)
    assert orders(backend) == [PLACED]
    assert ticket.amount.text == ""  # a second Enter sends nothing
    assert ticket.price.text == "3000.03"


def test_buying_by_keyboard_alone(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.price.edit.setFocus()
    qtbot.keyClick(ticket.price.edit, Qt.Key.Key_Up)  # empty: starts at the best ask
    qtbot.keyClick(ticket.price.edit, Qt.Key.Key_Tab)
    qtbot.keyClicks(ticket.amount.edit, "0.4999")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Up)
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert orders(backend) == [PLACED]
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert len(orders(backend)) == 1


def test_letters_choose_the_side_even_while_a_figure_is_being_typed(trading: MainWindow, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.price.edit.setFocus()
    qtbot.keyClick(ticket.price.edit, Qt.Key.Key_S)
    assert ticket.draft.side == "sell"
    assert ticket.send.text() == "Sell ETH"
    assert ticket.price.text == ""
    qtbot.keyClick(ticket.price.edit, Qt.Key.Key_B)
    assert ticket.draft.side == "buy"


def test_escape_clears(trading: MainWindow, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "1")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Escape)
    assert (ticket.price.text, ticket.amount.text) == ("", "")


@pytest.mark.parametrize("text", ["-1", "1e5", "abc", "1,5", "1.2.3", "١", " "])
def test_impossible_input_cannot_be_typed(trading: MainWindow, qtbot: Any, text: str) -> None:
    ticket = ticket_of(trading)
    ticket.amount.edit.insert("7")
    for letter in text:
        ticket.amount.edit.insert(letter)  # as the keyboard and the clipboard do: through the validator
    assert set(ticket.amount.text) <= set("0123456789.")
    assert ticket.amount.text.count(".") <= 1


def test_percent_buttons_give_what_can_be_sent(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    for percent, amount in ((25, "1.5192"), (50, "3.0385"), (75, "4.5578"), (100, "6.0770")):
        qtbot.mouseClick(find(f"ticket.percent.{percent}"), Qt.MouseButton.LeftButton)
        assert ticket.amount.text == amount
        assert ticket.send.isEnabled()
    qtbot.mouseClick(ticket.send, Qt.MouseButton.LeftButton)
    assert orders(backend)[0][5] == 60_770 * 10**14


def test_percent_without_a_price_says_what_is_missing(trading: MainWindow, qtbot: Any, find: Any) -> None:
    qtbot.mouseClick(find("ticket.percent.50"), Qt.MouseButton.LeftButton)
    assert ticket_of(trading).reason.text() == "Enter a price first."


def test_what_cannot_be_sent_says_why_beside_the_button(trading: MainWindow, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "7")
    assert not ticket.send.isEnabled()
    assert ticket.reason.text() == "Only 18\u202f231.450000 USDT available."
    assert "18" in ticket.send.toolTip()
    assert ticket.amount.property("wrong")
    ticket.amount.edit.clear()
    qtbot.keyClicks(ticket.amount.edit, "6")
    assert ticket.send.isEnabled()
    assert not ticket.amount.property("wrong")


def test_offline_the_ticket_is_closed_and_says_so(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "1")
    backend.publish(app_view(connection=ConnectionView(broker=Link.CONNECTING)))
    qtbot.waitUntil(lambda: not ticket.send.isEnabled())
    assert ticket.reason.text() == "The broker is not connected."
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert orders(backend) == []


def test_without_a_session_the_ticket_points_to_one(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.publish(app_view(channel=None))
    qtbot.waitUntil(lambda: ticket_of(trading).reason.text() == "Open a session to trade.")


def test_a_refused_order_keeps_the_price_and_says_why(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    backend.answers["place_order"] = failed(WalletError("ORD-FUNDS"))
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "may not lock more than is available" in ticket.reason.text())
    assert "The order was not taken" in trading.room.notice.text
    qtbot.keyClicks(ticket.amount.edit, "1")
    assert "may not lock" not in ticket.reason.text()


def test_every_press_names_its_order(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    for _ in range(2):  # the same order twice, meant twice
        qtbot.keyClicks(ticket.amount.edit, "0.5")
        qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert len(set(backend.client_ids)) == 2
    assert all(len(name) == 32 for name in backend.client_ids)


def test_without_an_answer_the_same_again_is_the_same_order(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    """Nobody knows whether the broker took it: a second Enter asks for it again, a change makes a new one."""
    signed = order(77)
    backend.answers["place_order"] = failed(WalletError("ORDER_UNKNOWN", order="0x" + signed.id.hex()))
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "never placed twice" in ticket.reason.text())
    assert ticket.amount.text == "0.5"  # as it was
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: ticket.amount.text == "0.5")
    assert [*map(backend.client_ids.count, backend.client_ids)] == [2, 2]
    qtbot.keyClicks(ticket.amount.edit, "1")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert backend.client_ids[2] not in backend.client_ids[:2]


def test_an_order_that_a_state_shows_is_answered(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    signed = order(77)
    backend.answers["place_order"] = failed(WalletError("ORDER_UNKNOWN", order="0x" + signed.id.hex()))
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "never placed twice" in ticket.reason.text())
    backend.publish(app_view(channel=channel(orders=(signed,))))
    qtbot.waitUntil(lambda: bool(ticket._view.channel and ticket._view.channel.orders))
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert len(set(backend.client_ids)) == 2


def test_kind_goes_with_the_order(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    qtbot.mouseClick(find("ticket.kind.post_only"), Qt.MouseButton.LeftButton)
    ticket = ticket_of(trading)
    ticket.take_price(2_999_000_000)
    qtbot.keyClicks(ticket.amount.edit, "1")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert orders(backend)[0][-1] == "post_only"


def test_another_market_empties_the_ticket(trading: MainWindow, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    trading.room.workspace.choose_market("WBTC/USDT")
    assert ticket.price.text == ""
    assert ticket.send.text() == "Buy WBTC"


def test_every_button_says_its_name(trading: MainWindow) -> None:
    for made in ticket_of(trading).findChildren(QToolButton) + ticket_of(trading).findChildren(QPushButton):
        assert made.accessibleName()


def test_fees_come_from_the_snapshot(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "1")
    assert find("ticket.fee").text() == "0.00100000 ETH"
    backend.publish(app_view(channel=channel(max_fee=500)))
    qtbot.waitUntil(lambda: find("ticket.fee").text() == "0.00050000 ETH")


def test_a_market_order_by_mouse(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    ticket = ticket_of(trading)
    qtbot.mouseClick(find("ticket.kind.market"), Qt.MouseButton.LeftButton)
    assert not ticket.price.isVisible()
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    assert find("ticket.average").text().startswith("3\u202f000.0")
    qtbot.mouseClick(ticket.send, Qt.MouseButton.LeftButton)
    (placed,) = orders(backend)
    assert placed[3:] == ("buy", 3_030_030_000, 5 * 10**17, "immediate_or_cancel")


def test_a_dear_market_order_needs_its_box_ticked_each_time(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    ticket = ticket_of(trading)
    view = market_view()
    top = view.book.asks[0][0]
    thin = replace(view.book, asks=((top, 10**17), (top * 109 // 100, 10**18)), seq=2)
    trading.room.workspace.show_prices(replace(view, book=thin))
    qtbot.mouseClick(find("ticket.kind.market"), Qt.MouseButton.LeftButton)
    ticket._cap.box.setCurrentText("10 %")
    ticket._cap.box.activated.emit(ticket._cap.box.currentIndex())
    qtbot.keyClicks(ticket.amount.edit, "1")
    assert not ticket.send.isEnabled()
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert orders(backend) == []
    box = find("ticket.consent")
    assert box.isVisible()
    qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert ticket.send.isEnabled()
    qtbot.keyClicks(ticket.amount.edit, ".05")  # more than was agreed to
    assert not ticket.send.isEnabled()
    assert orders(backend) == []


def test_the_total_leads_the_amount_until_the_amount_is_typed(trading: MainWindow, qtbot: Any) -> None:
    ticket = ticket_of(trading)
    ticket.take_price(3_000_000_000)
    qtbot.keyClicks(ticket.total.edit, "1500")
    assert ticket.amount.text == "0.5000"
    qtbot.keyClicks(ticket.amount.edit, "5")
    assert ticket.total.text == "1500.15"


def test_a_click_in_the_book_turns_a_market_order_into_a_limit(trading: MainWindow, qtbot: Any, find: Any) -> None:
    qtbot.mouseClick(find("ticket.kind.market"), Qt.MouseButton.LeftButton)
    ticket_of(trading).take_price(3_000_030_000)
    assert ticket_of(trading).draft.kind == "good_till_time"
    assert ticket_of(trading).price.isVisible()
