"""The trading room: views follow snapshots, commands reach the backend, flags stay until decided."""

from __future__ import annotations

import gc
import re
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QWidget

from tests.gui.scripted import (
    CHANNEL,
    ETH_USDT,
    FLAG,
    PLAN,
    ScriptedBackend,
    app_view,
    channel,
    done,
    failed,
    fill,
    market_view,
    order,
)
from wallet.app.snapshots import AssetInfo, ConnectionView, Link, Phase, Step
from wallet.gui.look import Look
from wallet.gui.models.settings import THEME
from wallet.gui.pages.leave import LeaveDialog
from wallet.gui.theme import CONTRAST, DARK, LIGHT
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui


def room_of(window: MainWindow) -> Any:
    assert window.room is not None
    return window.room


def calls(backend: ScriptedBackend, name: str) -> list[tuple[Any, ...]]:
    return [call for call in backend.calls if call[0] == name]


def dialog(kind: type[QWidget]) -> Any:
    return next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible())


def answer_file(path: Path) -> None:
    shown = dialog(QFileDialog)
    shown.fileSelected.emit(str(path))
    shown.close()


# --- orders ----------------------------------------------------------------------------------------------------------


def test_one_click_cancels(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1), order(2, "sell")))))
    table = room_of(trading).workspace.orders.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 2)
    area = table.visualRect(table.model().index(1, table.model().columnCount() - 1))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=area.center())
    assert calls(backend, "cancel_order") == [("cancel_order", bytes([1]) * 32)]


def test_delete_cancels_the_selected_order(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1),))))
    table = room_of(trading).workspace.orders.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 1)
    table.selectRow(0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert len(calls(backend, "cancel_order")) == 1


def test_cancel_all_asks_first_and_defaults_to_no(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1), order(2)))))
    qtbot.waitUntil(find("orders.cancel_all").isEnabled)
    qtbot.mouseClick(find("orders.cancel_all"), Qt.MouseButton.LeftButton)
    box = dialog(QMessageBox)
    assert box.textFormat() is Qt.TextFormat.PlainText
    assert box.defaultButton().text() == "Cancel"
    box.defaultButton().click()
    assert calls(backend, "cancel_all") == []
    qtbot.mouseClick(find("orders.cancel_all"), Qt.MouseButton.LeftButton)
    find("ask.yes").click()
    assert len(calls(backend, "cancel_all")) == 1


def test_orders_keep_their_selection_while_others_come_and_go(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1), order(2)))))
    table = room_of(trading).workspace.orders.table
    qtbot.waitUntil(lambda: table.model().rowCount() == 2)
    table.selectRow(1)
    backend.publish(app_view(channel=channel(orders=(order(1, filled=10**17), order(3), order(4)))))
    qtbot.waitUntil(lambda: table.model().rowCount() == 3)
    assert table.currentIndex().row() == 2
    assert table.model().index(2, 6).data() == "10 %"


def test_own_orders_are_marked_in_the_book(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    book = room_of(trading).workspace.book
    best = next(level for level, _ in book.levels() if level.side == "buy")
    assert best.own == 0
    backend.publish(app_view(channel=channel(orders=(order(1, "buy", best.price, 10**18),))))
    qtbot.waitUntil(lambda: next(level for level, _ in book.levels() if level.side == "buy").own == 10**18)


def test_the_book_by_keyboard(trading: MainWindow, qtbot: Any) -> None:
    workspace = room_of(trading).workspace
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
        qtbot.keyClick(workspace.book, key)
    assert workspace.ticket.price.text == "3000.12"  # from the best bid two rows up: the second ask


def test_grouping_the_book(trading: MainWindow, find: Any) -> None:
    find("book.group").setCurrentIndex(2)
    prices = [level.price for level, _ in room_of(trading).workspace.book.levels()]
    assert all(price % (100 * ETH_USDT.tick_size) == 0 for price in prices)


# --- flags -----------------------------------------------------------------------------------------------------------


def test_a_flag_raises_a_banner_that_stays(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    banner = room_of(trading).banner
    assert not banner.isVisible()
    backend.publish(app_view(flags=(FLAG,), channel=channel(phase=Phase.FLAGGED)))
    qtbot.waitUntil(banner.isVisible)
    assert "never be at a worse price" in find("flag.rule").text()
    assert find("flag.safe").text() == (
        "Signing it would have cost: 10.000000 USDT. Nothing was signed. Your last good state is #118; "
        "you can leave with it at any time."
    )
    assert trading.windowTitle() == "(1) Channel Wallet"
    backend.publish(app_view(flags=(FLAG,)))
    qtbot.wait(80)
    assert banner.isVisible()
    qtbot.mouseClick(find("flag.refuse"), Qt.MouseButton.LeftButton)
    assert calls(backend, "refuse") == [("refuse", 1)]
    backend.publish(app_view(flags=(replace(FLAG, resolved=True),)))
    qtbot.waitUntil(lambda: not banner.isVisible())


def test_a_flag_that_cannot_be_refused_says_so(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.publish(app_view(flags=(replace(FLAG, acting=False),)))
    qtbot.waitUntil(room_of(trading).banner.isVisible)
    assert not find("flag.refuse").isEnabled()
    assert "refusal" in find("flag.refuse").toolTip()


def test_proof_and_evidence_of_a_flag(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    backend.publish(app_view(flags=(FLAG,)))
    qtbot.waitUntil(room_of(trading).banner.isVisible)
    qtbot.mouseClick(find("flag.proof"), Qt.MouseButton.LeftButton)
    answer_file(tmp_path / "proof.json")
    assert calls(backend, "export_proof") == [("export_proof", CHANNEL, tmp_path / "proof.json", 118)]
    qtbot.waitUntil(lambda: "proof.json" in room_of(trading).notice.text)
    qtbot.mouseClick(find("flag.evidence"), Qt.MouseButton.LeftButton)
    answer_file(tmp_path / "evidence.json")
    assert calls(backend, "export_evidence") == [("export_evidence", tmp_path / "evidence.json", 1)]


def test_evidence_of_a_decided_flag_on_the_page_of_flags(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    backend.publish(app_view(flags=(replace(FLAG, id=4, resolved=True),)))
    room_of(trading).workspace.raise_dock("flags")
    table = find("flags.table")
    qtbot.waitUntil(lambda: table.model().rowCount() == 1)
    assert not find("flags.evidence").isVisible()
    table.selectRow(0)
    qtbot.waitUntil(find("flags.evidence").isVisible)
    qtbot.mouseClick(find("flags.evidence"), Qt.MouseButton.LeftButton)
    answer_file(tmp_path / "evidence.json")
    assert calls(backend, "export_evidence") == [("export_evidence", tmp_path / "evidence.json", 4)]


# --- leaving ---------------------------------------------------------------------------------------------------------


def test_leaving_finalizes_then_withdraws(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    finalizing: Future[int] = Future()
    backend.answers["finalize"] = finalizing
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    assert find("leave.pays.USDT").text() == "19\u202f731.450000 USDT"
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    assert find("leave.go").text() == "Working…"
    assert calls(backend, "withdraw") == []
    finalizing.set_result(119)
    qtbot.waitUntil(lambda: bool(calls(backend, "withdraw")))
    backend.publish(app_view(channel=channel(phase=Phase.WITHDRAWN)))
    qtbot.waitUntil(lambda: find("leave.cancel").text() == "Done")
    assert not find("leave.go").isVisible()
    assert find("leave.pays.USDT").text() == "19\u202f731.450000 USDT"


def test_a_failed_step_says_that_nothing_is_lost_and_can_be_tried_again(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.answers["finalize"] = failed(WalletError("FINALIZE_UNANSWERED"))
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(find("leave.error").isVisible)
    assert "Nothing is lost" in find("leave.error").text()
    assert find("leave.go").text() == "Try again"
    del backend.answers["finalize"]
    backend.publish(app_view(channel=channel(phase=Phase.FINAL)))
    qtbot.wait(80)
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(calls(backend, "withdraw")))
    assert len(calls(backend, "finalize")) == 1  # the final state is there: only the chain is left to do


def test_leaving_shows_the_drivers_steps(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    backend.answers["finalize"] = Future()
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    backend.publish(app_view(steps=(Step("STEP-CANCEL", "done"), Step("STEP-FINALIZE", "doing", "<b>x</b>"))))
    shown = lambda: [label.text() for label in dialog(LeaveDialog).findChildren(QLabel)]  # noqa: E731
    qtbot.waitUntil(lambda: "<b>x</b>" in shown())


def test_leaving_alone_is_chosen_first_and_asks_the_backend_once(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.answers["leave_alone"] = Future()
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    assert find("leave.go").text() == "Challenge and leave"
    assert dialog(LeaveDialog).windowTitle() == "Leave the session"
    assert dialog(LeaveDialog).focusWidget() is find("leave.cancel")  # Enter does not challenge
    assert calls(backend, "leave_alone") == []
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    assert calls(backend, "leave_alone") == [("leave_alone", CHANNEL)]
    assert calls(backend, "finalize") == []


def test_what_leaving_alone_pays_costs_and_takes_is_said_before_it_is_done(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    assert calls(backend, "exit_plan") == []
    assert not find("leave.costs").isVisible()
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "network fees" in find("leave.costs").text())
    said = find("leave.costs").text()
    for part in ("0.000097 ETH", "0.000138 ETH", "about 0.000428 ETH", "0.001 ETH for its part", "period of 24 h"):
        assert part in said, part
    assert find("leave.pays.USDT").text() == "19\u202f731.450000 USDT"
    backend.answers["exit_plan"] = done(replace(PLAN, owner_has=0))
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    assert not find("leave.costs").isVisible()
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)  # asked anew: prices move
    qtbot.waitUntil(lambda: "send it some first" in find("leave.costs").text())
    backend.answers["exit_plan"] = failed(WalletError("RPC_TIMEOUT", node="n", seconds=15))
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "can't be told now" in find("leave.costs").text())
    assert find("leave.go").isEnabled()  # who can't be told must not be kept


def seconds_in(text: str) -> int:
    """Of a countdown such as 1:41."""
    minutes, seconds = re.findall(r"(\d+):(\d\d)", text)[0]
    return 60 * int(minutes) + int(seconds)


def test_a_finalize_that_waits_counts_down_to_leaving_alone_and_can_be_taken_back(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.answers["finalize"] = failed(WalletError("FINALIZE_UNANSWERED"))
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("leave.go"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(find("leave.error").isVisible)
    assert calls(backend, "finalize") == [("finalize", CHANNEL, 3_600)]  # the setting's default
    waiting = channel(phase=Phase.FINALIZING, exit_at=int(time.time()) + 101)
    backend.publish(app_view(channel=waiting, steps=(Step("STEP-CANCEL", "done"), Step("STEP-FINALIZE", "doing"))))
    qtbot.wait(100)
    assert not find("dispute.banner").isVisible()  # he is being asked: no alarm in what goes well
    backend.publish(app_view(channel=waiting, steps=(Step("STEP-CANCEL", "done"), Step("STEP-FINALIZE", "failed"))))
    qtbot.waitUntil(find("dispute.banner").isVisible)
    title = find("dispute.title")
    assert "Leaving without the broker" in title.text()
    assert 0 < seconds_in(title.text()) <= 101
    before = title.text()
    qtbot.waitUntil(lambda: title.text() != before, timeout=30_000)  # no snapshot came
    dialog(LeaveDialog).close()
    qtbot.mouseClick(find("dispute.stay"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: calls(backend, "stay") == [("stay", CHANNEL)])
    backend.publish(app_view(channel=channel()))
    qtbot.waitUntil(lambda: not find("dispute.banner").isVisible())


def test_a_flagged_session_can_be_left_alone_only(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.publish(app_view(channel=channel(phase=Phase.FLAGGED)))
    qtbot.wait(80)
    qtbot.mouseClick(find("strip.leave"), Qt.MouseButton.LeftButton)
    assert not find("leave.go").isEnabled()
    qtbot.mouseClick(find("leave.alone"), Qt.MouseButton.LeftButton)
    assert find("leave.go").isEnabled()


def test_a_dispute_counts_down_in_a_banner_until_it_is_over(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert not find("dispute.banner").isVisible()
    disputed = channel(phase=Phase.DISPUTED, deadline=int(time.time()) + 101)
    backend.publish(app_view(channel=disputed))
    qtbot.waitUntil(find("dispute.banner").isVisible)
    title = find("dispute.title")
    assert title.text().startswith("⚠ In dispute: ")
    assert 0 < seconds_in(title.text()) <= 101
    assert find("strip.leave").text() == "Show the dispute…"
    before = title.text()
    qtbot.waitUntil(lambda: title.text() != before)  # no snapshot came
    qtbot.mouseClick(find("dispute.details"), Qt.MouseButton.LeftButton)
    assert not find("leave.go").isVisible()
    assert find("leave.cancel").text() == "Close"
    backend.publish(app_view(channel=replace(disputed, deadline=int(time.time()) - 2)))
    qtbot.waitUntil(lambda: find("leave.go").isVisible())
    assert find("leave.go").text() == "Settle and withdraw"
    backend.publish(app_view(channel=replace(disputed, phase=Phase.SETTLED)))
    qtbot.waitUntil(lambda: not find("dispute.banner").isVisible())
    backend.publish(app_view(channel=replace(disputed, phase=Phase.WITHDRAWN)))
    qtbot.waitUntil(lambda: find("leave.cancel").text() == "Done")
    assert not find("dispute.banner").isVisible()


# --- look and layout -------------------------------------------------------------------------------------------------


def test_the_theme_switches_live(trading: MainWindow, look: Look, qapp: QApplication, find: Any) -> None:
    for name, theme in (("light", LIGHT), ("contrast", CONTRAST), ("dark", DARK)):
        trading.preferences.set(THEME, name)
        assert look.theme is theme
        assert qapp.palette().window().color().name() == theme.window
        picture = trading.grab().toImage()
        book = find("book.ladder")
        corner = book.mapTo(trading, QPoint(2, book.height() - 3))
        assert picture.pixelColor(corner).name() == theme.surface


def test_the_layout_is_kept_and_reset(trading: MainWindow, settings: Any, qtbot: Any) -> None:
    workspace = room_of(trading).workspace
    assert workspace.docks["tape"].isVisible()
    workspace.docks["tape"].hide()
    trading._save_geometry()
    other = type(workspace)(workspace._desk, settings)
    qtbot.addWidget(other)
    other.resize(1200, 640)
    other.show()
    other.layouts.restore()
    assert not other.docks["tape"].isVisible()
    other.reset_layout()
    assert other.docks["tape"].isVisible()
    settings.setValue("layout/schema", 999)
    strange = type(workspace)(workspace._desk, settings)
    qtbot.addWidget(strange)
    strange.show()
    strange.layouts.restore()
    assert strange.docks["tape"].isVisible()


def test_docks_are_named_whatever_the_language() -> None:
    from wallet.gui.views import workspace

    source = Path(workspace.__file__).read_text(encoding="utf-8")
    assert 'Dock("orders"' in source


def test_unlocked_docks_can_be_closed_and_tabbed_ones_show_their_title(trading: MainWindow) -> None:
    workspace = room_of(trading).workspace
    dock = workspace.docks["fills"]
    bare = dock.titleBarWidget()
    workspace.lock(locked=False)
    assert dock.titleBarWidget() is not bare
    assert dock.features() & dock.DockWidgetFeature.DockWidgetClosable
    workspace.lock(locked=True)
    assert dock.titleBarWidget() is bare


# --- hostile text ----------------------------------------------------------------------------------------------------

EVIL = '<img src="http://evil.example/x"><b>Send\u202eall</b>\n&amp;'
SHOWN = '<img src="http://evil.example/x"><b>Send\\u202eall</b>\\x0a&amp;'


def test_foreign_text_is_shown_letter_by_letter(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    flag = replace(FLAG, code=EVIL, expected=EVIL, got=EVIL)
    link = ConnectionView(
        Link.ONLINE, Link.ONLINE, 1, time.time(), 5, EVIL, problem=EVIL, problem_params=(("why", EVIL),)
    )
    evil = AssetInfo(bytes(20), "<b>X", 18, verified=False)
    backend.publish(
        app_view(
            flags=(flag,),
            connection=link,
            channel=channel(balances=(replace(app_view().channel.balances[0], asset=evil),)),
        )
    )
    qtbot.waitUntil(room_of(trading).banner.isVisible)
    everything = trading.findChildren(QLabel)
    assert all(label.textFormat() is Qt.TextFormat.PlainText or not label.text() for label in everything)
    texts = [label.text() for label in everything]
    assert any(SHOWN in text for text in texts)
    assert not any("\u202e" in text or (EVIL in text) for text in texts)
    for widget in trading.findChildren(QWidget):
        tip = widget.toolTip()
        assert "<img" not in tip
        assert not tip or tip.startswith("<qt>") or not Qt.mightBeRichText(tip)


def test_a_problem_of_the_connection_is_said_once_and_goes_with_it(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    backend.publish(app_view(connection=ConnectionView(Link.CONNECTING, problem="BROKER_UNREACHABLE")))
    notice = room_of(trading).notice
    qtbot.waitUntil(notice.isVisible)
    notice.dismiss()
    backend.publish(app_view(connection=ConnectionView(Link.CONNECTING, problem="BROKER_UNREACHABLE", block=2)))
    qtbot.wait(80)
    assert not notice.isVisible()


# --- much of it ------------------------------------------------------------------------------------------------------


def test_a_flood_of_snapshots_is_drawn_by_frames_and_leaks_nothing(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    drawn: list[int] = []
    room = room_of(trading)
    show = room.show_prices
    room.show_prices = lambda prices: (drawn.append(1), show(prices))[1]
    views = [market_view(middle=3_000_000_000 + step * 10_000) for step in range(40)]
    fills = tuple(fill(number % 90 + 1) for number in range(50))

    def flood(count: int) -> None:
        for number in range(count):
            backend.on_market(views[number % len(views)])
            if number % 10 == 0:
                backend.on_app(app_view(channel=channel(increment=number, orders=(order(number % 200),), fills=fills)))
            if number % 500 == 0:
                QApplication.processEvents()
        qtbot.wait(120)

    flood(2_000)
    gc.collect()
    before = len(gc.get_objects())
    started = time.monotonic()
    flood(20_000)
    spent = time.monotonic() - started
    gc.collect()
    assert len(gc.get_objects()) - before < 2_000
    assert 0 < len(drawn) < 40 * (spent + 2)


def test_drawing_leaks_nothing(trading: MainWindow, qtbot: Any) -> None:
    room = room_of(trading)
    qtbot.waitUntil(lambda: room.workspace.chart.ready, timeout=20_000)

    def draw(count: int) -> int:
        for number in range(count):
            orders = tuple(order(at % 200, price=3_000_000_000 + at * 10_000) for at in range(number % 12))
            room.show_view(app_view(channel=channel(increment=number, orders=orders, fills=(fill(number % 90),))))
            room.show_prices(market_view(middle=3_000_000_000 + number % 50 * 10_000, seed=number % 7))
            QApplication.processEvents()
        gc.collect()
        return len(gc.get_objects())

    before = draw(40)
    assert draw(120) - before < 500


def test_the_plot_draws_candles(trading: MainWindow, qtbot: Any, find: Any) -> None:
    chart = room_of(trading).workspace.chart
    qtbot.waitUntil(lambda: chart.ready, timeout=20_000)
    plot = find("chart.plot")
    assert len(plot._series) == 400
    backend_view = market_view(middle=3_100_000_000)
    chart.show_prices(backend_view)
    low, high = plot._price.vb.viewRange()[1]
    assert low < 3_100 < high
    chart.show_prices(replace(backend_view, candles=()))
    assert len(plot._series) == 0


def test_models_have_no_children() -> None:
    from wallet.gui.widgets.table import Column, RowsModel

    model: RowsModel[int] = RowsModel([Column("x", 10, str)], lambda row: row)
    model.set_rows((1, 2))
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.rowCount(QModelIndex()) == 2
