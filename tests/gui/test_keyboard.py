"""Keys: one table, the user's own beside the profile, none twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QKeySequence

from wallet.gui.models.actions import ACTIONS, MENUS, keys_of, taken
from wallet.gui.settings import Preferences
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


def test_no_keys_are_given_twice_and_each_is_readable() -> None:
    given = [action.keys for action in ACTIONS if action.keys]
    assert len(set(given)) == len(given)
    for keys in given:
        assert QKeySequence(keys).toString(QKeySequence.SequenceFormat.PortableText) == keys
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert {action.menu for action in ACTIONS} == set(MENUS)


def test_no_two_actions_of_a_menu_have_one_letter() -> None:
    for menu in MENUS:
        letters = [row.text[row.text.index("&") + 1].lower() for row in ACTIONS if row.menu == menu]
        assert len(set(letters)) == len(letters), menu


def test_every_action_does_something_and_is_in_its_menu(trading: MainWindow, tmp_path: Path) -> None:
    trading.guard.begin(tmp_path)  # a market without a profile has no password to unlock with
    trading.menus.show_for(trading)
    assert trading.menus.actions.keys() == {action.id for action in ACTIONS}
    for action in ACTIONS:
        assert trading.menus.actions[action.id].isEnabled(), action.id


@pytest.mark.parametrize("kept", ["<b>", "Ctrl+K", "Ctrl+A, Ctrl+B", "", "Ctrl+Strg+Ö" * 99, "no such key"])
def test_kept_keys_that_are_none_or_another_s_are_passed_over(settings: QSettings, kept: str) -> None:
    settings.setValue("keys/buy", kept)
    assert Preferences(settings).keys() == keys_of({})


def test_taken_keys_say_whose_they_are() -> None:
    assert taken("Ctrl+K", keys_of({}), "buy") == "book"
    assert taken("Ctrl+K", keys_of({}), "book") == ""
    assert taken("", keys_of({}), "buy") == ""


def press(edit: Any, key: Qt.Key, modifiers: Qt.KeyboardModifier, qtbot: Any) -> None:
    edit.setKeySequence(QKeySequence(modifiers.value | key.value))


def test_keys_are_changed_kept_and_hold_at_once(
    trading: MainWindow, settings: QSettings, find: Any, qtbot: Any
) -> None:
    trading.menus.actions["keyboard"].trigger()
    control = Qt.KeyboardModifier.ControlModifier
    press(find("keyboard.book"), Qt.Key.Key_J, control, qtbot)
    assert trading.menus.actions["book"].shortcut().toString() == "Ctrl+J"
    settings.sync()
    again = Preferences(QSettings(settings.fileName(), QSettings.Format.IniFormat))
    assert again.keys()["book"] == "Ctrl+J"
    press(find("keyboard.buy"), Qt.Key.Key_J, control, qtbot)  # taken by now
    assert "Order book" in find("keyboard.said").text()
    assert trading.menus.actions["buy"].shortcut().toString() == "B"
    find("keyboard.buy").clear()
    assert trading.menus.actions["buy"].shortcut().isEmpty()
    qtbot.mouseClick(find("keyboard.reset"), Qt.MouseButton.LeftButton)
    assert trading.preferences.keys() == keys_of({})
