"""Settings: one table, found by typing, kept beside the profile, holding at once."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from tests.gui.scripted import ScriptedBackend
from wallet.gui.look import BASE_SIZE, Look
from wallet.gui.models.settings import (
    CONFIRM_ORDERS,
    LIFETIME,
    SETTINGS,
    SLIPPAGE,
    TEXT_SIZE,
    THEME,
    TREND,
    found,
)
from wallet.gui.settings import Preferences
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda row: row.key)
def test_each_reads_what_it_keeps_and_nothing_else(setting: Any) -> None:
    values = [value for value, _ in setting.options] or [False, True]
    assert setting.default in values
    assert [setting.read(setting.shown(value)) for value in values] == values
    for strange in ("", "None", "<b>", "true", "-1", "9" * 400, "\x00"):
        assert setting.read(strange) == setting.default
    assert setting.title
    assert setting.finds(setting.title)


def test_keys_are_told_apart() -> None:
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)


@pytest.mark.parametrize(
    ("query", "first"), [("theme", THEME), ("BLIND", TREND), ("font", TEXT_SIZE), ("0.5 %", SLIPPAGE)]
)
def test_a_search_finds_by_any_of_its_words(query: str, first: Any) -> None:
    assert next(found(query)) is first
    assert list(found("")) == list(SETTINGS)
    assert list(found("nothing is called that")) == []


def test_they_are_kept_and_told(settings: QSettings, qtbot: Any) -> None:
    there, told = Preferences(settings), list[str]()
    there.changed.connect(told.append)
    there.set(CONFIRM_ORDERS, value=False)
    there.set(CONFIRM_ORDERS, value=False)  # no news
    settings.sync()
    again = Preferences(QSettings(settings.fileName(), QSettings.Format.IniFormat))
    assert again.get(CONFIRM_ORDERS) is False
    assert told == ["confirm-orders"]
    there.use(None)
    assert there.get(CONFIRM_ORDERS) is True
    assert told[-1] == ""


# --- the dialog ---------------------------------------------------------------------------------------------------


def shown(find: Any) -> set[str]:
    return {row.key for row in SETTINGS if find(f"settings.{row.key}").isVisible()}


def pick(box: QWidget, text: str) -> None:
    assert isinstance(box, QComboBox)
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def test_what_is_chosen_holds_at_once(window: MainWindow, look: Look, find: Any, qtbot: Any) -> None:
    window.show_settings()
    assert shown(find) == {row.key for row in SETTINGS}
    pick(find("settings.theme"), "High contrast")
    assert look.theme.name == "contrast"
    pick(find("settings.text-size"), "150 %")
    assert look.font().pointSizeF() == pytest.approx(BASE_SIZE * 1.5)
    pick(find("settings.trend"), "Blue and orange")
    assert look.theme.up != look.theme.good
    window.preferences.set(THEME, "light")  # by the menu: the dialog follows
    assert find("settings.theme").currentText() == "Light"


def test_typing_finds(window: MainWindow, find: Any, qtbot: Any) -> None:
    window.show_settings()
    qtbot.keyClicks(find("settings.search"), "slipp")
    assert shown(find) == {"slippage"}
    qtbot.mouseClick(find("settings.close"), Qt.MouseButton.LeftButton)
    window.preferences.set(THEME, "dark")  # nobody listens any more


def test_new_orders_begin_from_the_settings(trading: MainWindow, qtbot: Any) -> None:
    assert trading.room is not None
    ticket = trading.room.workspace.ticket
    trading.preferences.set(LIFETIME, 3_600)
    trading.preferences.set(SLIPPAGE, 20_000)
    assert (ticket.draft.lifetime, ticket.draft.cap) == (3_600, 20_000)


# --- the question before an order ----------------------------------------------------------------------------------


def wanted(trading: MainWindow, qtbot: Any) -> None:
    assert trading.room is not None
    trading.preferences.set(CONFIRM_ORDERS, value=True)
    ticket = trading.room.workspace.ticket
    ticket.take_price(3_000_030_000)
    qtbot.keyClicks(ticket.amount.edit, "0.5")
    qtbot.keyClick(ticket.amount.edit, Qt.Key.Key_Return)


def orders(backend: ScriptedBackend) -> list[Any]:
    return [call for call in backend.calls if call[0] == "place_order"]


def test_what_will_be_signed_is_shown_first(
    trading: MainWindow, backend: ScriptedBackend, find: Any, qtbot: Any
) -> None:
    wanted(trading, qtbot)
    box = find("ask")
    assert box.text() == "Buy 0.5000 ETH?"
    assert "no more than 3\u202f000.03 USDT" in box.informativeText()
    assert "pay at most 1\u202f500.015000 USDT" in box.informativeText()
    assert orders(backend) == []
    qtbot.mouseClick(find("ask.no"), Qt.MouseButton.LeftButton)
    assert orders(backend) == []
    assert trading.room is not None
    assert trading.room.workspace.ticket.amount.text == "0.5"  # kept: the user goes on where he was


def test_enter_answers_but_not_a_key_that_is_only_held(
    trading: MainWindow, backend: ScriptedBackend, find: Any, qtbot: Any
) -> None:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QApplication

    wanted(trading, qtbot)
    for target in (find("ask"), find("ask.yes")):
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            held = QKeyEvent(kind, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier, "\r", True, 1)
            QApplication.sendEvent(target, held)
    assert orders(backend) == []
    qtbot.keyClick(find("ask"), Qt.Key.Key_Return)
    assert len(orders(backend)) == 1


def test_it_can_be_switched_off_there_and_then(
    trading: MainWindow, backend: ScriptedBackend, find: Any, qtbot: Any
) -> None:
    wanted(trading, qtbot)
    box = find("ask.never")
    assert isinstance(box, QCheckBox)
    box.setChecked(True)
    qtbot.mouseClick(find("ask.yes"), Qt.MouseButton.LeftButton)
    assert trading.preferences.get(CONFIRM_ORDERS) is False
    assert len(orders(backend)) == 1
