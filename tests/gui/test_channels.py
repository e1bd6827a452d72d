"""Several brokers and channels in one window: what is chosen is what is shown, and what a click acts on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.gui.scripted import CHANNEL, ETH, NOW, ScriptedBackend, app_view, channel
from wallet.app.snapshots import AppView, BrokerRow, ChannelRow, ConnectionView, Link, Phase
from wallet.gui.front import WindowFront
from wallet.gui.models.channels import channel_lines, worth_listing
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui
ALPHA, BETA = b"\xa1" * 20, b"\xb2" * 20
OTHER, PAST = b"\x77" * 32, b"\x66" * 32


def broker(address: bytes, name: str, link: Link = Link.ONLINE) -> BrokerRow:
    return BrokerRow(address, name, "127.0.0.1:1", 31337, True, ConnectionView(link, link))


def line(ident: bytes, with_: bytes, phase: Phase = Phase.OPEN, number: int = 5) -> ChannelRow:
    return ChannelRow(ident, with_, phase, number, 0, NOW, ((ETH, 10**18),))


def two(**more: Any) -> AppView:
    view = app_view(
        broker=ALPHA,
        brokers=(broker(ALPHA, "Alpha"), broker(BETA, "Beta", Link.CONNECTING)),
        channels=(line(PAST, ALPHA, Phase.WITHDRAWN), line(CHANNEL, ALPHA), line(OTHER, BETA)),
    )
    return replace(view, **more)


def test_lines_stand_under_their_broker_and_the_running_ones_first() -> None:
    lines = channel_lines(two())
    assert [row.key for row in lines] == [(ALPHA, b""), (ALPHA, CHANNEL), (ALPHA, PAST), (BETA, b""), (BETA, OTHER)]
    assert [row.status for row in lines] == ["connected", "open", "withdrawn", "connecting…", "open"]


def test_there_is_no_list_where_there_is_no_choice() -> None:
    assert worth_listing(two())
    assert not worth_listing(app_view())
    assert not worth_listing(two(brokers=(broker(ALPHA, "Alpha"),), channels=(line(PAST, ALPHA, Phase.WITHDRAWN),)))


def chosen(backend: ScriptedBackend) -> list[tuple[Any, ...]]:
    return [call for call in backend.calls if call[0] == "choose"]


def test_choosing_a_channel_turns_everything_to_it(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.publish(two())
    table = find("channels.table")
    qtbot.waitUntil(lambda: table.model().rowCount() == 5)
    assert [call for call in chosen(backend) if call[2] == OTHER] == []
    qtbot.mouseClick(
        table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(table.model().index(4, 0)).center()
    )
    assert chosen(backend)[-1] == ("choose", BETA, OTHER)
    backend.publish(two(broker=BETA, channel=channel(id=OTHER)))
    room = trading.room
    assert room is not None
    qtbot.waitUntil(lambda: room._channel == OTHER)
    room.dealer.cancel_all()
    assert ("cancel_all", OTHER) in backend.calls


def test_a_channel_opened_elsewhere_does_not_come_under_the_hand(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    """The first one seen is held on to; rows that come and go choose nothing."""
    backend.publish(two())
    qtbot.waitUntil(lambda: ("choose", ALPHA, CHANNEL) in backend.calls or ("choose", b"", CHANNEL) in backend.calls)
    before = chosen(backend)
    backend.publish(two(channels=(line(OTHER, BETA), line(CHANNEL, ALPHA), line(PAST, ALPHA))))
    qtbot.wait(100)
    backend.publish(two(channels=(line(CHANNEL, ALPHA),)))
    qtbot.wait(100)
    assert chosen(backend) == before


# --- what other programs want of the window ---------------------------------------------------------------------------


@pytest.mark.parametrize(("button", "answer"), [("ask.yes", True), ("ask.no", False)])
def test_the_user_is_asked_and_answers(trading: MainWindow, qtbot: Any, find: Any, button: str, answer: bool) -> None:
    future = WindowFront(trading).ask("Buy 1 ETH at a limit of 3000 USDT")
    qtbot.waitUntil(lambda: shown(trading))
    assert "Buy 1 ETH" in find("ask").informativeText()
    assert not find("ask.yes").isDefault()
    qtbot.mouseClick(find(button), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(future.done)
    assert future.result() is answer


def shown(window: MainWindow) -> bool:
    from PySide6.QtWidgets import QMessageBox

    return any(box.isVisible() for box in window.findChildren(QMessageBox))


def test_a_question_nobody_waits_for_goes_away(trading: MainWindow, qtbot: Any) -> None:
    future = WindowFront(trading).ask("Withdraw")
    qtbot.waitUntil(lambda: shown(trading))
    future.cancel()
    qtbot.waitUntil(lambda: not shown(trading))


def test_a_minimized_window_comes_back(trading: MainWindow, qtbot: Any) -> None:
    trading.showMinimized()
    WindowFront(trading).raise_window("")
    qtbot.waitUntil(lambda: not trading.isMinimized())
    assert trading.isVisible()
