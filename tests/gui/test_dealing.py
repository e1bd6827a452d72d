"""Changing an order in its row and on the chart, taking back by market, stopping."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt

from tests.gui.scripted import ScriptedBackend, app_view, channel, order
from wallet.app.snapshots import OrderStatus
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui

OPEN = order(1, price=2_990_000_000, amount=10**18)
OTHER = order(2, market="WBTC/USDT", price=60_000_000_000, amount=10**5)


def calls(backend: ScriptedBackend, name: str) -> list[tuple[Any, ...]]:
    return [call for call in backend.calls if call[0] == name]


def show(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, *orders: Any, **more: Any) -> Any:
    backend.publish(app_view(channel=channel(orders=orders), **more))
    assert trading.room is not None
    view = trading.room.workspace.orders
    qtbot.waitUntil(lambda: len(view._model.rows) == len(orders))
    return view


def test_a_double_click_changes_an_order(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    table = show(trading, backend, qtbot, OPEN).table
    at = table.visualRect(table.model().index(0, 4)).center()
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert not find("amend.yes").isEnabled()  # nothing is changed yet
    price = find("amend.price")
    assert price.text() == "2990.00"
    price.clear()
    qtbot.keyClicks(price, "2995")
    qtbot.keyClick(price, Qt.Key.Key_Up)
    assert price.text() == "2995.01"
    qtbot.mouseClick(find("amend.yes"), Qt.MouseButton.LeftButton)
    assert calls(backend, "amend_order") == [("amend_order", OPEN.id, 2_995_010_000, 10**18)]


def test_what_the_order_locks_can_be_used_by_what_takes_its_place(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    show(trading, backend, qtbot, OPEN)
    assert trading.room is not None
    trading.room.dealer.ask_amend(OPEN.id)
    amount = find("amend.amount")
    for text, fits in (("7.0769", True), ("7.1", False)):  # 18 231.45 and the 2 990 that it holds, at 2 990
        amount.clear()
        qtbot.keyClicks(amount, text)
        assert find("amend.yes").isEnabled() is fits, text
    assert "available" in find("amend.reason").text()
    qtbot.keyClick(amount, Qt.Key.Key_Return)
    assert calls(backend, "amend_order") == []


def test_an_order_that_goes_takes_its_question_with_it(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    show(trading, backend, qtbot, OPEN)
    assert trading.room is not None
    trading.room.dealer.ask_amend(OPEN.id)
    dialog = find("amend")
    show(trading, backend, qtbot)
    qtbot.waitUntil(lambda: trading.room.dealer._amending is None or not dialog.isVisible())
    assert calls(backend, "amend_order") == []


def test_only_an_open_order_is_changed(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    show(trading, backend, qtbot, order(1, status=OrderStatus.SUBMITTED))
    assert trading.room is not None
    trading.room.dealer.ask_amend(OPEN.id)
    assert "Only an open order" in trading.room.notice.text
    trading.room.dealer.ask_amend(b"?")
    assert calls(backend, "amend_order") == []


def test_dragging_a_line_on_the_chart_asks_for_that_price(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert trading.room is not None
    chart = trading.room.workspace.chart
    qtbot.waitUntil(lambda: chart.ready, timeout=60_000)
    show(trading, backend, qtbot, OPEN)
    plot = chart._plot
    assert plot is not None
    qtbot.waitUntil(lambda: any(row.isVisible() for row in plot._order_lines))
    (line,) = [row for row in plot._order_lines if row.isVisible()]
    assert line.movable
    box = plot._price.vb
    (left, right), _ = box.viewRange()
    box.setYRange(2980, 3000, padding=0)
    start = _on_screen(plot, (left + right) / 2, 2990.0)
    end = _on_screen(plot, (left + right) / 2, 2994.0)
    view = plot._view.viewport()
    qtbot.mouseMove(view, start)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    steps = 8
    for step in range(1, steps + 1):
        at = QPoint(start.x(), start.y() + (end.y() - start.y()) * step // steps)
        qtbot.wait(30)  # the plot takes no more than a hundred moves a second
        _move(view, at)
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)
    qtbot.waitUntil(lambda: trading.room.dealer._amending is not None)
    assert line.value() == 2990.0  # it stands where it was until a state says otherwise
    wanted = float(find("amend.price").text())
    assert wanted == pytest.approx(2994, abs=0.4)


def _on_screen(plot: Any, x: float, y: float) -> QPoint:
    scene = plot._price.vb.mapViewToScene(QPointF(x, y))
    return plot._view.mapFromScene(scene)  # type: ignore[no-any-return]


def _move(view: Any, at: QPoint) -> None:
    """With the button held: qtbot's own moves hold none."""
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    where = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        where,
        view.mapToGlobal(where),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(view, event)


def test_orders_of_the_market_in_view_are_taken_back_together(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    show(trading, backend, qtbot, OTHER)
    assert not find("orders.cancel_market").isEnabled()  # the other market's
    show(trading, backend, qtbot, OPEN, OTHER)
    qtbot.mouseClick(find("orders.cancel_market"), Qt.MouseButton.LeftButton)
    assert "1 open order in ETH/USDT" in find("ask").informativeText()
    qtbot.mouseClick(find("ask.yes"), Qt.MouseButton.LeftButton)
    assert calls(backend, "cancel_all")[0][-1] == "ETH/USDT"


def test_stop_is_at_once_and_stays_in_sight_until_resumed(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    show(trading, backend, qtbot, OPEN)
    qtbot.mouseClick(find("orders.stop"), Qt.MouseButton.LeftButton)
    assert calls(backend, "stop_trading") == [("stop_trading",)]
    show(trading, backend, qtbot, stopped=True)
    qtbot.waitUntil(find("stopped.banner").isVisible)
    assert not find("orders.stop").isEnabled()
    assert trading.room is not None
    assert "stopped" in trading.room.workspace.ticket.reason.text()
    assert not find("ticket.send").isEnabled()
    qtbot.mouseClick(find("stopped.resume"), Qt.MouseButton.LeftButton)
    assert calls(backend, "resume_trading") == [("resume_trading",)]
    show(trading, backend, qtbot)
    qtbot.waitUntil(lambda: not find("stopped.banner").isVisible())
