"""Whole ways through the desk by real mouse and keyboard, from the first click to what the driver is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from tests.gui.scripted import CHANNEL, ScriptedBackend, app_view, channel, market_view, order
from wallet.app.snapshots import BalanceView
from wallet.gui.look import Look
from wallet.gui.models.settings import CONFIRM_ORDERS, THEME
from wallet.gui.theme import CONTRAST, LIGHT
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


def asked(backend: ScriptedBackend, name: str) -> list[tuple[Any, ...]]:
    return [call for call in backend.calls if call[0] == name]


def test_click_to_trade(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    """Side, price from the book, a percent of what there is, the button, the question: nothing is typed."""
    assert trading.room is not None
    trading.preferences.set(CONFIRM_ORDERS, value=True)
    book = trading.room.workspace.book
    qtbot.mouseClick(find("ticket.side.sell"), LEFT)
    level, area = next((level, area) for level, area in book.levels() if level.side == "buy")
    qtbot.mouseClick(book, LEFT, pos=area.center())
    qtbot.mouseClick(find("ticket.percent.25"), LEFT)
    qtbot.mouseClick(find("ticket.send"), LEFT)
    assert asked(backend, "place_order") == []
    qtbot.mouseClick(find("ask.yes"), LEFT)
    (eth,) = [row for row in app_view().channel.balances if row.asset.symbol == "ETH"]  # type: ignore[union-attr]
    amount = eth.available // 4 // 10**14 * 10**14
    wanted = ("place_order", CHANNEL, "ETH/USDT", "sell", level.price, amount, "good_till_time")
    assert asked(backend, "place_order") == [wanted]


def test_a_click_on_the_chart_brings_its_price(trading: MainWindow, qtbot: Any) -> None:
    assert trading.room is not None
    workspace = trading.room.workspace
    qtbot.waitUntil(lambda: workspace.chart.ready)
    plot: Any = workspace.chart._plot
    qtbot.waitUntil(lambda: len(plot._series) > 0)
    (left, right), (low, high) = plot._price.vb.viewRange()
    scene = plot._price.vb.mapViewToScene(QPointF((left + right) / 2, (low + high) / 2))
    at: QPoint = plot._view.mapFromScene(scene)
    qtbot.mouseClick(plot._view.viewport(), LEFT, pos=at)
    qtbot.waitUntil(lambda: workspace.ticket.price.text != "")
    one = plot._price.vb.height()
    assert float(workspace.ticket.price.text) == pytest.approx((low + high) / 2, abs=2 * (high - low) / one)
    assert workspace.ticket.draft.kind == "good_till_time"


def test_keyboard_only_trade(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    """B, the book's best by an arrow, Tab, the amount, Enter, and Enter once more to the question."""
    assert trading.room is not None
    trading.preferences.set(CONFIRM_ORDERS, value=True)
    trading.menus.actions["buy"].trigger()  # what the key B does
    typing = trading.focusWidget()
    assert typing is trading.room.workspace.ticket.price.edit
    qtbot.keyClick(typing, Qt.Key.Key_Up)
    qtbot.keyClick(typing, Qt.Key.Key_PageDown)
    qtbot.keyClick(typing, Qt.Key.Key_Tab)
    typing = trading.focusWidget()
    assert typing is trading.room.workspace.ticket.amount.edit
    qtbot.keyClicks(typing, "0.5")
    qtbot.keyClick(typing, Qt.Key.Key_Return)
    qtbot.keyClick(find("ask"), Qt.Key.Key_Return)
    best = market_view().book.asks[0][0]
    wanted = ("place_order", CHANNEL, "ETH/USDT", "buy", best - 10 * 10_000, 5 * 10**17, "good_till_time")
    qtbot.waitUntil(lambda: asked(backend, "place_order") == [wanted])


def test_cancel_all_by_keyboard(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1), order(2)))))
    qtbot.waitUntil(lambda: find("orders.cancel_all").isEnabled())
    trading.menus.actions["cancel-all"].trigger()
    qtbot.keyClick(find("ask"), Qt.Key.Key_Escape)  # the harmless answer
    assert asked(backend, "cancel_all") == []
    trading.menus.actions["cancel-all"].trigger()
    qtbot.mouseClick(find("ask.yes"), LEFT)
    assert asked(backend, "cancel_all") == [("cancel_all", CHANNEL)]


def test_a_market_order_beyond_five_percent_is_sent_only_with_its_box_ticked(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:

    assert trading.room is not None
    view = market_view()
    top = view.book.asks[0][0]
    thin = replace(view.book, asks=((top, 10**17), (top * 109 // 100, 10**18)), seq=2)
    trading.room.workspace.show_prices(replace(view, book=thin))
    ticket = trading.room.workspace.ticket
    qtbot.mouseClick(find("ticket.kind.market"), LEFT)
    for _ in range(3):
        qtbot.keyClick(find("ticket.cap"), Qt.Key.Key_Down)  # 1 %, 2 %, 5 %, 10 %
    qtbot.keyClicks(ticket.amount.edit, "1")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)
    assert asked(backend, "place_order") == []
    box = find("ticket.consent")
    qtbot.mouseClick(box, LEFT, pos=QPoint(8, box.height() // 2))
    qtbot.mouseClick(ticket.send, LEFT)
    (placed,) = asked(backend, "place_order")
    limit = top * 110 // 100
    assert placed[4:] == (limit - limit % 10_000, 10**18, "immediate_or_cancel")


def test_percents_leave_what_the_fee_takes_untouched(trading: MainWindow, qtbot: Any, find: Any) -> None:
    """The fee comes off what is received: all of the balance can be used, and the figure received says so."""
    assert trading.room is not None
    ticket = trading.room.workspace.ticket
    qtbot.mouseClick(find("ticket.side.sell"), LEFT)
    ticket.take_price(3_000_000_000)
    qtbot.mouseClick(find("ticket.percent.100"), LEFT)
    (eth,) = [row for row in _balances() if row.asset.symbol == "ETH"]
    amount = eth.available // 10**14 * 10**14
    assert ticket.amount.text == f"{amount // 10**14 / 10**4:.4f}"
    assert ticket.send.isEnabled()
    gross = 3_000_000_000 * amount // 10**18
    shown = find("ticket.receives").text().replace("\u202f", "")
    assert shown == f"{(gross - gross // 1000) / 10**6:.6f} USDT"


def _balances() -> tuple[BalanceView, ...]:
    view = app_view().channel
    assert view is not None
    return view.balances


def test_the_theme_is_switched_from_the_menu(trading: MainWindow, look: Look, qtbot: Any) -> None:
    for name, theme in (("light", LIGHT), ("contrast", CONTRAST)):
        action = next(action for mode, action in trading.menus.themes.items() if mode.value == name)
        menu = action.associatedObjects()[0]
        menu.popup(QPoint(10, 10))  # type: ignore[attr-defined]
        qtbot.waitUntil(menu.isVisible)  # type: ignore[attr-defined]
        qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())  # type: ignore[attr-defined]
        assert look.theme is theme
        assert trading.preferences.get(THEME) == name
        corner = trading.grab().toImage().pixelColor(2, trading.height() - 2).name()
        assert corner in (theme.surface, theme.window, theme.line)
