"""Stop-loss and take-profit by mouse and keyboard: set, seen, taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.gui.scripted import (
    CHANNEL,
    ETH_USDT,
    NOW,
    ScriptedBackend,
    app_view,
    channel,
    failed,
    fill,
    market_view,
    order,
)
from wallet.app.snapshots import TriggerView
from wallet.gui.models.settings import CONFIRM_ORDERS
from wallet.gui.models.steps import live_orders
from wallet.gui.models.ticket import MARKET, Draft, Situation, largest
from wallet.gui.models.trigger import assess_any, question, wish_any
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
STOP = TriggerView(b"\x07" * 16, "ETH/USDT", "sell", "stop_loss", 2_900_000_000, 10**18, 10_000, NOW)
BOOK = market_view().book


def situation(**more: Any) -> Situation:
    return replace(Situation.of(app_view(), ETH_USDT, BOOK), **more)


def draft(side: str = "sell", when: str = "stop_loss", price: str = "2900.00", amount: str = "1") -> Draft:
    return Draft(side, MARKET, price, amount, when=when)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (draft(), None),
        (draft("sell", "take_profit", "3100.00"), None),
        (draft("buy", "stop_loss", "3100.00"), None),
        (draft("buy", "take_profit", "2900.00"), None),
        (draft("sell", "stop_loss", "3100.00"), "TRIGGER-REACHED"),
        (draft("sell", "take_profit", "2900.00"), "TRIGGER-REACHED"),
        (draft("buy", "stop_loss", "2900.00"), "TRIGGER-REACHED"),
        (draft("buy", "take_profit", "3100.00"), "TRIGGER-REACHED"),
        (draft(price=""), "TRIGGER-PRICE"),
        (draft(price="2900.001"), "TICKET-TICK"),
        (draft(amount=""), "TICKET-AMOUNT-EMPTY"),
        (draft(amount="0.0001"), "TICKET-MINIMUM"),
        (draft(amount="3.3"), "TICKET-FUNDS"),
        (draft("buy", "stop_loss", "3100.00", "5.9"), "TICKET-FUNDS"),  # at 1 % worse than that
    ],
)
def test_what_can_be_set_and_what_not(wanted: Draft, code: str | None) -> None:
    result = assess_any(wanted, situation())
    assert (result.reason.code if result.reason else None) == code
    assert (wish_any(wanted, situation()) is None) == (code is not None)


def test_without_a_fresh_book_nothing_is_set() -> None:
    for book in (None, replace(BOOK, stale=True), replace(BOOK, bids=())):
        reason = assess_any(draft(), situation(book=book)).reason
        assert reason is not None
        assert reason.code == "TICKET-NO-BOOK"


def test_percent_of_what_is_available_can_be_set() -> None:
    for side, when, price in (("buy", "stop_loss", "3100.00"), ("sell", "stop_loss", "2900.00")):
        amount = largest(draft(side, when, price, ""), situation(), 100)
        assert amount
        assert assess_any(draft(side, when, price, f"{amount / 10**18:.4f}"), situation()).reason is None


def test_the_question_says_what_it_does_and_when_it_does_not() -> None:
    wanted = wish_any(draft(), situation())
    assert wanted is not None
    title, text = question(wanted, ETH_USDT)
    assert title == "Set a stop-loss: sell 1.0000 ETH?"
    assert "has fallen to 2\u202f900.00 USDT" in text
    assert "at most 1 % worse" in text
    assert "only while this program runs" in text


def set_one(window: MainWindow, qtbot: Any, find: Any) -> Any:
    assert window.room is not None
    ticket = window.room.workspace.ticket
    qtbot.mouseClick(find("ticket.kind.market"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("ticket.side.sell"), Qt.MouseButton.LeftButton)
    when = find("ticket.when")
    qtbot.keyClick(when, Qt.Key.Key_Down)  # as stop-loss
    assert ticket.price.isVisible()
    qtbot.keyClicks(ticket.price.edit, "2900")
    qtbot.keyClicks(ticket.amount.edit, "1")
    return ticket


def test_setting_one_by_hand(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    trading.preferences.set(CONFIRM_ORDERS, value=True)
    ticket = set_one(trading, qtbot, find)
    assert ticket.send.text() == "Set stop-loss"
    assert "Only while this program runs" in ticket.reason.text()
    assert not find("ticket").findChild(type(ticket.reason), "ticket.average").isVisible()
    qtbot.mouseClick(find("ticket.send"), Qt.MouseButton.LeftButton)
    assert not [call for call in backend.calls if call[0] == "add_trigger"]
    qtbot.mouseClick(find("ask.yes"), Qt.MouseButton.LeftButton)
    wanted = ("add_trigger", CHANNEL, "ETH/USDT", "sell", "stop_loss", 2_900_000_000, 10**18, 10_000)
    assert [call for call in backend.calls if call[0] == "add_trigger"] == [wanted]
    assert not [call for call in backend.calls if call[0] == "place_order"]
    qtbot.waitUntil(lambda: "only while this program runs" in trading.room.notice.text)
    assert ticket.amount.text == ""


def test_one_that_is_refused_says_why(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    backend.answers["add_trigger"] = failed(WalletError("TRIGGER_LIMIT", limit=32))
    ticket = set_one(trading, qtbot, find)
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "32 stop-losses" in ticket.reason.text())


def test_those_that_wait_stand_among_the_orders_and_on_the_chart(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert trading.room is not None
    workspace = trading.room.workspace
    broken = replace(STOP, id=b"\x08" * 16, failed=True, reason="ORD-FUNDS", kind="take_profit")
    backend.publish(app_view(channel=channel(orders=(order(1),), triggers=(STOP, broken))))
    table = workspace.orders.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 3)
    shown = [[table.model().index(row, column).data() for column in (3, 4, 8)] for row in range(3)]
    assert shown == [
        ["take-profit", "≥ 2\u202f900.00", "failed"],
        ["stop-loss", "≤ 2\u202f900.00", "waiting"],
        ["limit", "3\u202f000.00", "open"],
    ]
    tip = table.model().index(0, 8).data(Qt.ItemDataRole.ToolTipRole)
    assert "more than is available" in tip
    qtbot.waitUntil(lambda: workspace.chart.ready)
    lines = workspace.chart._plot.waiting._lines
    qtbot.waitUntil(lambda: [line.value() for line in lines if line.isVisible()] == [2900.0])
    cell = table.visualRect(table.model().index(1, 9)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=cell)
    assert backend.calls[-1] == ("cancel_trigger", STOP.id)
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert backend.calls[-1] == ("cancel_trigger", broken.id)
    qtbot.mouseDClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.model().index(1, 3)).center()
    )
    assert trading.room.dealer._amending is None  # what waits is no order that could be changed


def test_quitting_counts_them() -> None:
    assert live_orders(channel(orders=(order(1),), triggers=(STOP, replace(STOP, failed=True)))) == 2
    assert live_orders(channel(triggers=(STOP,)), "WBTC/USDT") == 0


def test_fills_are_exported_and_show_their_price_with_the_fee(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any, tmp_path: Any
) -> None:
    assert trading.room is not None
    workspace = trading.room.workspace
    workspace.raise_dock("fills")
    qtbot.waitUntil(lambda: find("fills.export").isVisible())
    assert not find("fills.export").isEnabled()
    backend.publish(app_view(channel=channel(fills=(fill(1), fill(2, "sell")))))
    model = workspace.fills.table.model()
    qtbot.waitUntil(lambda: model.rowCount() == 2)
    assert [model.index(row, 6).data() for row in range(2)] == ["3\u202f003.0030", "2\u202f997.0000"]
    qtbot.mouseClick(find("fills.export"), Qt.MouseButton.LeftButton)
    find("file.dialog").fileSelected.emit(str(tmp_path / "fills.csv"))
    assert backend.calls[-1] == ("export_fills", CHANNEL, tmp_path / "fills.csv")
    qtbot.waitUntil(lambda: "8 fills written" in trading.room.notice.text)
