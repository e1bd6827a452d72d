"""Outside of the window: the count of flags, the tray, news; and amounts that are hidden."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QIcon, QImage
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from tests.gui.scripted import FLAG, NOW, ScriptedBackend, app_view, channel, fill, order
from wallet.app.snapshots import AppView, OrderStatus, Phase, TriggerView
from wallet.gui.look import app_icon
from wallet.gui.models.news import news
from wallet.gui.models.settings import BREAK_LIMIT, CLOSE_TO_TRAY, HIDE_AMOUNTS, NOTIFY, SOUNDS
from wallet.gui.presence import counted
from wallet.gui.widgets.text import AmountLabel, veiled
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui
STOP = TriggerView(b"\x07" * 16, "ETH/USDT", "sell", "stop_loss", 2_900_000_000, 10**18, 10_000, NOW)


# --- what is news ---


def told(old: AppView, new: AppView, **more: Any) -> list[tuple[str, bool]]:
    return [(row.title, row.urgent) for row in news(old, new, **more)]


def test_what_is_worth_telling() -> None:
    base = app_view(channel=channel(orders=(order(1),), fills=(fill(1),), triggers=(STOP,)))
    refused = order(1, status=OrderStatus.REJECTED, reason="ORD-FUNDS")
    cases: list[tuple[AppView, list[tuple[str, bool]]]] = [
        (base, []),
        (replace(base, flags=(FLAG,)), [("The broker signed a state that is not valid", True)]),
        (replace(base, flags=(replace(FLAG, resolved=True),)), []),
        (replace(base, channel=channel(phase=Phase.DISPUTED)), [("A dispute has begun", True)]),
        (replace(base, channel=channel(orders=(refused,))), [("An order in ETH/USDT was not taken", False)]),
        (replace(base, channel=channel(triggers=(replace(STOP, failed=True, reason="ORD-FUNDS"),))),
         [("Stop-loss in ETH/USDT failed", True)]),
        (replace(base, channel=channel(fills=(fill(1), fill(2)))), [("Bought in ETH/USDT", False)]),
        (replace(base, channel=channel(fills=(fill(1), fill(2, "sell")))), [("Sold in ETH/USDT", False)]),
        (replace(base, channel=channel(fills=tuple(map(fill, range(1, 6))))), [("4 fills", False)]),
        (replace(base, channel=channel(id=b"?" * 32, fills=(fill(5),))), []),  # another channel's are no news
    ]  # fmt: skip
    for new, wanted in cases:
        assert told(base, new) == wanted
        assert told(new, new) == []  # once is enough
        assert told(AppView(), new) == []  # what was there before is none
    words = news(base, replace(base, channel=channel(fills=(fill(1), fill(2)))))[0].text
    assert words == "0.1000 ETH at 3\u202f000.00 USDT, state #98."
    hidden = news(base, replace(base, channel=channel(fills=(fill(1), fill(2)))), hide=True)[0].text
    assert hidden == "State #98."


# --- without a tray, and with one ---


class Shown:
    """What a tray was told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[str, str]] = []
        self.beeps = 0
        patch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
        patch.setattr(QSystemTrayIcon, "showMessage", lambda _, title, text, *__: self.messages.append((title, text)))
        patch.setattr(QApplication, "beep", staticmethod(self._beep))

    def _beep(self) -> None:
        self.beeps += 1


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> Shown:
    return Shown(monkeypatch)


def test_the_count_of_flags_is_in_the_title_and_on_the_icon(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    backend.publish(app_view(flags=(FLAG, replace(FLAG, id=2))))
    qtbot.waitUntil(lambda: trading.windowTitle() == "(2) Channel Wallet")
    backend.publish(app_view(flags=(replace(FLAG, resolved=True),)))
    qtbot.waitUntil(lambda: trading.windowTitle() == "Channel Wallet")
    pictures = [counted(app_icon(), count).pixmap(64, 64).toImage() for count in (0, 1, 2, 12)]
    assert all(one != other for one, other in combinations(pictures, 2))
    assert isinstance(counted(app_icon(), 3), QIcon)


def test_without_a_tray_closing_quits_as_ever(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    trading.preferences.set(CLOSE_TO_TRAY, value=True)
    assert not QSystemTrayIcon.isSystemTrayAvailable()
    trading.close()
    assert trading.isVisible()
    qtbot.mouseClick(find("ask.no"), Qt.MouseButton.LeftButton)


def test_closing_to_the_tray_is_the_users_choice_and_quit_still_quits(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any, tray: Shown
) -> None:
    trading.close()
    qtbot.mouseClick(find("ask.no"), Qt.MouseButton.LeftButton)  # not asked for: it is a question as ever
    trading.preferences.set(CLOSE_TO_TRAY, value=True)
    trading.close()
    assert not trading.isVisible()
    assert not backend.closed  # the driver goes on
    trading.presence.show_window()
    assert trading.isVisible()
    trading.menus.actions["quit"].trigger()
    qtbot.mouseClick(find("ask.yes"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: backend.closed)


def test_notifications_and_sounds_are_asked_for(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, tray: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MainWindow, "isActiveWindow", lambda _: False)

    def happens(*fills: Any) -> None:
        backend.publish(app_view(channel=channel(fills=fills)))
        qtbot.waitUntil(lambda: trading.view.channel is not None and len(trading.view.channel.fills) == len(fills))

    happens(fill(1))
    assert (tray.messages, tray.beeps) == ([], 0)
    trading.preferences.set(NOTIFY, value=True)
    happens(fill(1), fill(2))
    assert tray.messages == [("Bought in ETH/USDT", "0.1000 ETH at 3\u202f000.00 USDT, state #98.")]
    assert tray.beeps == 0
    trading.preferences.set(SOUNDS, value=True)
    trading.preferences.set(HIDE_AMOUNTS, value=True)
    happens(fill(1), fill(2), fill(3), fill(4))
    assert tray.messages[-1] == ("Bought in ETH/USDT", "State #97. And 1 more.")
    assert tray.beeps == 1
    monkeypatch.setattr(MainWindow, "isActiveWindow", lambda _: True)
    happens(fill(1))
    happens(fill(1), fill(5))
    assert len(tray.messages) == 2  # who looks at the window sees it there


# --- hidden amounts ---


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1\u202f250.00 USDT", "••• USDT"),
        ("▼ \u22125\u202f268.55", "▼ •••"),
        ("Available 0.5 ETH, 7 WBTC", "Available ••• ETH, ••• WBTC"),
        ("–", "–"),
    ],
)
def test_every_figure_becomes_the_same_dots(trading: MainWindow, text: str, shown: str) -> None:
    assert veiled(text) == text
    trading.preferences.set(HIDE_AMOUNTS, value=True)
    assert veiled(text) == shown


def test_hidden_amounts_are_nowhere_to_be_seen_and_come_back(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    """Two views that differ in nothing but amounts look the same."""
    rich = app_view(channel=channel(orders=(order(1, amount=3 * 10**18),)))
    assert rich.channel is not None
    rows = tuple(replace(row, available=row.available // 3, locked=row.locked // 7) for row in rich.channel.balances)
    poor = app_view(channel=channel(orders=(order(1, amount=10**18),), balances=rows))
    panels = ("funds.cards", "orders.table", "ticket.spendable")

    def pictures(view: AppView) -> list[QImage]:
        backend.publish(view)
        qtbot.waitUntil(lambda: trading.view is view)
        QApplication.processEvents()
        return [find(name).grab().toImage() for name in panels]

    assert all(one != other for one, other in zip(pictures(rich), pictures(poor), strict=True))
    trading.menus.actions["hide-amounts"].trigger()
    assert trading.preferences.get(HIDE_AMOUNTS)
    assert pictures(rich) == pictures(poor)
    assert find("ticket.spendable").text().startswith("Available 6")  # what a screen reader says stays
    before = pictures(rich)
    trading.menus.actions["hide-amounts"].trigger()
    assert pictures(rich) != before
    assert not trading.preferences.get(HIDE_AMOUNTS)


def test_a_hidden_amount_has_no_tip(trading: MainWindow, qtbot: Any) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QHelpEvent

    label = AmountLabel("5 ETH")
    qtbot.addWidget(label)
    label.setToolTip("5.123 ETH")
    trading.preferences.set(HIDE_AMOUNTS, value=True)
    assert label.event(QHelpEvent(QEvent.Type.ToolTip, QPoint(1, 1), QPoint(1, 1)))


def test_the_driver_is_told_what_a_break_does(trading: MainWindow, backend: ScriptedBackend) -> None:
    """At the start, too: it is the profile's, and holds before anybody looks at a setting."""
    assert [call for call in backend.calls if call[0] == "limit_breaks"] == [("limit_breaks", -1)]
    trading.preferences.set(BREAK_LIMIT, 30)
    assert backend.calls[-1] == ("limit_breaks", 30)
