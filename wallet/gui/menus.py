"""The menu bar, drawn from the table of actions; each action's keys are the user's to change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu

from wallet.gui.look import Look, Mode
from wallet.gui.models.actions import ACTIONS, MENUS, VIEW, Action
from wallet.gui.models.settings import HIDE_AMOUNTS, THEME
from wallet.gui.models.updates import Found
from wallet.gui.pages.about import AboutDialog
from wallet.gui.pages.keyboard import KeyboardDialog
from wallet.gui.room import TradingRoom
from wallet.gui.views.layouts import PRESETS, Layouts
from wallet.gui.widgets.layout import button
from wallet.gui.widgets.text import describe

if TYPE_CHECKING:
    from wallet.gui.window import MainWindow

_THEMES = (
    (Mode.SYSTEM, "Follow the &system"),
    (Mode.LIGHT, "&Light"),
    (Mode.DARK, "&Dark"),
    (Mode.CONTRAST, "High &contrast"),
)
_SWITCHES = {"lock": True, "hide-amounts": False}  # actions that are on or off, and what they are at first


class Menus(QObject):
    """Holds the actions by their ids."""

    def __init__(self, window: MainWindow, look: Look) -> None:
        super().__init__(window)
        self._window = window
        self.panels = QMenu("&Panels")
        self.themes: dict[Mode, QAction] = {}
        self.actions: dict[str, QAction] = {}
        self._filled = False
        bar = window.menuBar()
        bar.setObjectName("menubar")
        handlers = _handlers(window, look)
        menus = {title: bar.addMenu(title) for title in MENUS}
        menus[VIEW].addMenu(self.panels)
        self.own_layouts = LayoutMenu()
        menus[VIEW].addMenu(self.own_layouts)
        for action in ACTIONS:
            menu = menus[action.menu]
            if action.after_line:
                menu.addSeparator()
            menu.addAction(self._make(action, handlers[action.id]))
        self._add_themes(menus[VIEW], look)
        self._add_corner()
        self.show_keys()

    def _make(self, action: Action, do: Callable[[], object]) -> QAction:
        made = QAction(action.text, self._window)
        made.setObjectName(f"action.{action.id}")
        if action.id in _SWITCHES:
            made.setCheckable(True)
            made.setChecked(_SWITCHES[action.id])
        made.triggered.connect(lambda _=False: do())
        self.actions[action.id] = made
        return made

    def _add_themes(self, menu: QMenu, look: Look) -> None:
        window = self._window
        menu.addSeparator()
        themes, group = menu.addMenu("&Theme"), QActionGroup(window)
        for mode, text in _THEMES:
            action = QAction(text, window, checkable=True, checked=look.mode is mode)
            action.setObjectName(f"theme.{mode.value}")
            action.triggered.connect(lambda _=False, mode=mode: window.preferences.set(THEME, mode.value))
            group.addAction(action)
            self.themes[mode] = action
            themes.addAction(action)

    def _add_corner(self) -> None:
        """A quiet word on a newer release, at the end of the bar, until it is looked at."""
        window, bar = self._window, self._window.menuBar()
        corner = button("", "updates.corner", role="quiet")
        describe(corner, "News of a release")
        corner.hide()
        corner.clicked.connect(corner.hide)
        corner.clicked.connect(window.show_updates)
        bar.setCornerWidget(corner)

        def show(found: Found) -> None:
            corner.setText(found.corner)
            describe(corner, found.corner, found.text)
            corner.setVisible(bool(found.corner))
            bar.adjustSize()

        window.updates.found.connect(show)

    def show_keys(self) -> None:
        """Give every action the keys that the user chose."""
        for action, keys in self._window.preferences.keys().items():
            self.actions[action].setShortcut(QKeySequence(keys))

    def show_hiding(self, hidden: bool) -> None:
        self.actions["hide-amounts"].setChecked(hidden)

    def show_theme(self, mode: Mode) -> None:
        self.themes[mode].setChecked(True)

    def show_for(self, window: MainWindow) -> None:
        """What is possible on the page in sight; plain letters must not be keys on a page where one types."""
        room = window.room
        locked = window.guard.locked
        trading = room is not None and window.stack.currentWidget() is room and not locked
        for action in ACTIONS:
            self.actions[action.id].setEnabled(trading if action.trading else not locked or action.id == "quit")
        self.actions["purse"].setEnabled(window.purse is not None and not locked)
        self.actions["lock-wallet"].setEnabled(window.guard.can_lock)
        if room is not None and not self._filled:
            self._filled = True
            self.panels.addActions(room.workspace.view_actions())
            self.own_layouts.follow(room.workspace.layouts)
        self.panels.setEnabled(trading)
        self.own_layouts.setEnabled(trading)


class LayoutMenu(QMenu):
    """The user's own layouts: to show, and to remove."""

    def __init__(self) -> None:
        super().__init__("&My layouts")
        self.setObjectName("layouts.menu")
        self._layouts: Layouts | None = None

    def follow(self, layouts: Layouts) -> None:
        self._layouts = layouts
        layouts.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        layouts = self._layouts
        if layouts is None:
            return
        self.clear()
        names = layouts.names()
        for name in names:
            self.addAction(name.replace("&", "&&")).triggered.connect(lambda _=False, name=name: layouts.show(name))
        if not names:
            self.addAction("None yet: Save layout as…").setEnabled(False)
            return
        self.addSeparator()
        gone = self.addMenu("&Remove")
        for name in names:
            gone.addAction(name.replace("&", "&&")).triggered.connect(lambda _=False, name=name: layouts.remove(name))


def _handlers(window: MainWindow, look: Look) -> Mapping[str, Callable[[], object]]:
    """What each action does."""

    def room(do: Callable[[TradingRoom], object]) -> Callable[[], None]:
        def run() -> None:
            if window.room is not None:
                do(window.room)

        return run

    def go(name: str) -> Callable[[], None]:
        return room(lambda there: there.workspace.go_to(name))

    def arrange(preset: str) -> Callable[[], None]:
        return room(lambda there: there.workspace.layouts.arrange(preset))

    def lock(there: TradingRoom) -> None:
        there.workspace.lock(locked=window.menus.actions["lock"].isChecked())

    handlers: dict[str, Callable[[], object]] = {
        "proof": room(TradingRoom.export_proof),
        "open-proof": window.ask_proof,
        "backup": room(TradingRoom.back_up),
        "backups": room(TradingRoom.show_backups),
        "password": room(TradingRoom.show_password),
        "settings": window.show_settings,
        "lock-wallet": window.guard.lock,
        "quit": window.presence.ask_quit,
        "open": lambda: window.show_page(window.session),
        "cancel-market": room(lambda there: there.dealer.ask_cancel_all(there.workspace.market)),
        "cancel-all": room(lambda there: there.dealer.ask_cancel_all()),
        "stop": room(lambda there: there.dealer.stop()),
        "resume": room(lambda there: there.dealer.resume()),
        "leave": room(TradingRoom.show_leave),
        "purse": lambda: window.purse.enter() if window.purse is not None else None,
        "chain": room(TradingRoom.show_chain),
        "add-broker": room(TradingRoom.ask_broker),
        "remove-broker": room(TradingRoom.ask_remove_broker),
        "find-channels": room(TradingRoom.find_channels),
        "hide-amounts": lambda: window.preferences.set(HIDE_AMOUNTS, window.menus.actions["hide-amounts"].isChecked()),
        "lock": room(lock),
        "reset": room(lambda there: there.workspace.reset_layout()),
        "layout-save": room(TradingRoom.ask_layout_name),
        "keyboard": lambda: KeyboardDialog(window.preferences, window).open(),
        "updates": window.show_updates,
        "about": lambda: AboutDialog(window.view, look, window).open(),
    }
    for preset in PRESETS:
        handlers[f"layout-{preset}"] = arrange(preset)
    for name in ("buy", "sell", "price", "book", "find-market", "orders", "fills", "history", "flags", "result"):
        handlers[name] = go(name)
    return handlers
