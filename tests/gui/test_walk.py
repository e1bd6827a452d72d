"""A walk through every page and dialog: whatever can be used has a name, a role and a place in the tab order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCalendarWidget,
    QComboBox,
    QDialog,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QScrollBar,
    QTabBar,
    QWidget,
)

from tests.gui.scripted import FLAG, ScriptedBackend, app_view, channel, order
from wallet.gui.models.actions import ACTIONS
from wallet.gui.models.diagnostics import diagnostics
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui
USED = (
    *(QAbstractButton, QLineEdit, QComboBox, QAbstractSlider, QAbstractSpinBox),
    *(QPlainTextEdit, QAbstractItemView, QTabBar),
)
OWN = (
    QComboBox,
    QAbstractSpinBox,
    QAbstractItemView,
    QTabBar,
    QCalendarWidget,
    QLineEdit,
)  # with inner widgets of Qt's
NOT_ROLES = (QAccessible.Role.NoRole, QAccessible.Role.Client)


def used(root: QWidget) -> Iterator[QWidget]:
    """All that a person can use, but what Qt's own widgets are made of inside."""
    for widget in [root, *root.findChildren(QWidget)]:
        above = widget.parent()
        if isinstance(widget, QScrollBar | QHeaderView) or widget.objectName().startswith("qt_"):
            continue
        while above is not None and not isinstance(above, OWN):
            above = above.parent()
        if above is None and isinstance(widget, USED):
            yield widget


def faults(root: QWidget) -> list[str]:
    found = []
    for widget in used(root):
        name = f"{widget.objectName() or type(widget).__name__} in {root.objectName() or type(root).__name__}"
        spoken = QAccessible.queryAccessibleInterface(widget)
        if not spoken.text(QAccessible.Text.Name):
            found.append(f"{name}: no name")
        if spoken.role() in NOT_ROLES:
            found.append(f"{name}: no role")
        stepper = widget.objectName().endswith((".up", ".down"))  # as in Qt's own: the arrow keys in their field
        if widget.isEnabled() and not stepper and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(f"{name}: no place in the tab order")
    return found


def test_the_walk_sees_what_is_amiss(qtbot: Any) -> None:
    """A walk that finds nothing wrong must be able to."""
    box = QWidget()
    qtbot.addWidget(box)
    QLineEdit(box).setObjectName("nameless")
    lonely = QComboBox(box)
    lonely.setAccessibleName("lonely")
    lonely.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    assert faults(box) == ["nameless in QWidget: no name", "QComboBox in QWidget: no place in the tab order"]


def test_every_page(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1), order(2, "sell"))), flags=(FLAG,)))
    qtbot.waitUntil(lambda: "(1)" in trading.windowTitle())
    seen = 0
    for page in [trading.stack.widget(at) for at in range(trading.stack.count())]:
        trading.show_page(page)
        assert faults(page) == []
        seen += len(list(used(page)))
    assert seen > 100


def test_every_dialog_an_action_opens(trading: MainWindow, qtbot: Any) -> None:
    opened = set()
    for action in ACTIONS:
        if action.id == "quit":
            continue
        trading.show_page(trading.room)  # type: ignore[arg-type]
        trading.menus.actions[action.id].trigger()
        for dialog in QApplication.topLevelWidgets():
            if isinstance(dialog, QDialog) and dialog.isVisible():
                if not isinstance(dialog, QFileDialog):  # Qt's own
                    assert faults(dialog) == []
                    opened.add(dialog.objectName() if not isinstance(dialog, QMessageBox) else "ask")
                dialog.close()
    assert {"about", "settings", "keyboard", "ask"} <= opened
    assert len(opened) >= 8


def test_every_action_has_keys() -> None:
    assert [action.id for action in ACTIONS if not action.keys] == []


def test_about_copies_diagnostics_without_secrets(trading: MainWindow, find: Any, qtbot: Any) -> None:
    view = trading.view
    trading.menus.actions["about"].trigger()
    qtbot.mouseClick(find("about.copy"), Qt.MouseButton.LeftButton)
    copied = QApplication.clipboard().text()
    assert "Qt: " in copied
    assert "states: 119" in copied
    assert diagnostics(view, {}) in copied
    assert view.channel is not None
    for secret in (view.account.hex(), view.channel.id.hex(), view.account_label, view.connection.broker_name, "/"):
        assert secret not in diagnostics(view, {})
