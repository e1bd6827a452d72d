"""Layouts: those that ship with the program, the user's own by name, detaching."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from wallet.gui.views.layouts import MAX_KEPT, MAX_NAME, PRESETS, Layouts
from wallet.gui.views.workspace import Workspace
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui


def workspace_of(window: MainWindow) -> Workspace:
    assert window.room is not None
    return window.room.workspace


def texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if action.isEnabled() and action.text()]


def press(window: MainWindow, name: str) -> None:
    window.menus.actions[name].trigger()


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (3840, 2160)])
def test_every_panel_has_room_from_hd_to_4k(trading: MainWindow, qtbot: Any, size: tuple[int, int]) -> None:
    trading.resize(*size)
    workspace = workspace_of(trading)
    qtbot.waitUntil(lambda: workspace.width() == size[0])
    for preset in PRESETS:
        press(trading, f"layout-{preset}")
        qtbot.waitUntil(workspace.docks["chart"].isVisible)
        assert (trading.width(), trading.height()) == size  # no panel pushes the window open
        for name, dock in workspace.docks.items():
            if not dock.visibleRegion().isEmpty():
                need, has = dock.widget().minimumSizeHint(), dock.widget().size()
                assert has.width() >= need.width(), (preset, name)
                assert has.height() >= need.height(), (preset, name)
        ticket = workspace.ticket
        send = ticket.send.mapTo(ticket, ticket.send.rect().bottomLeft()).y()
        assert send + 32 <= ticket.height(), preset  # why an order can't be sent is in sight, too


def test_a_layout_is_saved_by_name_shown_again_and_removed(trading: MainWindow, qtbot: Any, find: Any) -> None:
    workspace = workspace_of(trading)
    workspace.docks["tape"].hide()
    press(trading, "layout-save")
    name = find("naming.name")
    assert not find("naming.yes").isEnabled()
    qtbot.keyClicks(name, "  My desk & more ")
    qtbot.mouseClick(find("naming.yes"), Qt.MouseButton.LeftButton)
    assert trading.room is not None
    assert trading.room.notice.text == "The layout is saved as My desk & more."
    press(trading, "reset")
    assert not workspace.docks["tape"].isHidden()
    menu = trading.menus.own_layouts
    assert texts(menu) == ["My desk && more", "&Remove"]
    menu.actions()[0].trigger()
    assert workspace.docks["tape"].isHidden()
    removing = menu.actions()[-1].menu()
    assert isinstance(removing, QMenu)
    removing.actions()[0].trigger()
    assert texts(menu) == []


def test_saved_layouts_are_there_at_the_next_start(trading: MainWindow, settings: QSettings, qtbot: Any) -> None:
    workspace = workspace_of(trading)
    workspace.docks["flags"].hide()
    for name in ("Zoë/ 2", "alpha"):
        assert workspace.layouts.keep(name) == name
    settings.setValue("layouts/zz", b"?")
    settings.setValue("layouts/" + b"\xff".hex(), QByteArray(b"?"))
    settings.setValue("layouts/" + b"broken".hex(), QByteArray(b"?"))
    settings.sync()
    other = Workspace(workspace._desk, QSettings(settings.fileName(), QSettings.Format.IniFormat))
    qtbot.addWidget(other)
    other.resize(1280, 660)
    other.show()
    assert other.layouts.names() == ["alpha", "broken", "Zoë/ 2"]
    assert not other.docks["flags"].isHidden()
    assert not other.layouts.show("broken")  # not one of ours: everything stays
    assert not other.docks["flags"].isHidden()
    assert other.layouts.show("Zoë/ 2")
    assert other.docks["flags"].isHidden()
    assert not other.layouts.show("nobody's")


def test_names_are_plain_few_and_short(trading: MainWindow) -> None:
    layouts = workspace_of(trading).layouts
    assert layouts.keep("   ") == ""
    assert "\u202e" not in layouts.keep("a\u202eb")
    assert len(layouts.keep("x" * 500)) <= MAX_NAME
    for number in range(MAX_KEPT + 5):
        layouts.keep(f"n{number}")
    assert len(layouts.names()) == MAX_KEPT
    assert layouts.keep("n0") == "n0"  # one that is there can be saved over


def test_a_panel_is_detached_and_put_back(trading: MainWindow, qtbot: Any, find: Any) -> None:
    workspace = workspace_of(trading)
    dock = workspace.docks["book"]
    assert not find("dock.book.detach").isVisible()  # while the layout is locked
    press(trading, "lock")
    qtbot.waitUntil(lambda: find("dock.book.detach").isVisible())
    qtbot.mouseClick(find("dock.book.detach"), Qt.MouseButton.LeftButton)
    assert dock.isFloating()
    assert find("dock.book.detach").accessibleName() == "Put back Order book"
    qtbot.mouseClick(find("dock.book.detach"), Qt.MouseButton.LeftButton)
    assert not dock.isFloating()
    qtbot.mouseClick(find("dock.book.detach"), Qt.MouseButton.LeftButton)
    press(trading, "reset")
    assert not dock.isFloating()


def test_each_layout_has_keys(trading: MainWindow) -> None:
    for name in (*(f"layout-{preset}" for preset in PRESETS), "layout-save"):
        action: QAction = trading.menus.actions[name]
        assert not action.shortcut().isEmpty()


def test_without_a_profile_nothing_is_written(trading: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    workspace = workspace_of(trading)
    layouts = Layouts(workspace, workspace.docks, None)
    assert layouts.keep("mine") == "mine"
    assert layouts.show("mine")
    layouts.remember()
    layouts.remove("mine")
    assert layouts.names() == []
