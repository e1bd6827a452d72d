"""The menu bar: every action of the window with its shortcut."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QMenuBar

from wallet import __version__
from wallet.gui.look import Look, Mode
from wallet.gui.models.settings import THEME
from wallet.gui.pages.ask import tell
from wallet.gui.room import TradingRoom

if TYPE_CHECKING:
    from wallet.gui.window import MainWindow

_KEYS = (
    ("B / S", "Buy or sell"),
    ("↑ ↓", "Price or amount by a tick or a lot; Page Up and Down by ten"),
    ("Enter", "Send the order"),
    ("Esc", "Clear the ticket"),
    ("Delete", "Cancel the selected order"),
    ("Ctrl+L", "Go to the price"),
    ("Ctrl+K", "Go to the order book; ↑ ↓ and Enter take a price"),
    ("Ctrl+Shift+X", "Cancel all orders"),
    ("Ctrl+Shift+F", "Finalize and withdraw"),
    ("Ctrl+1 … Ctrl+4", "Open orders, fills, history, flags"),
)

_THEMES = (
    (Mode.SYSTEM, "Follow the &system"),
    (Mode.LIGHT, "&Light"),
    (Mode.DARK, "&Dark"),
    (Mode.CONTRAST, "High &contrast"),
)


class Menus(QObject):
    """Holds the actions that are only possible now and then."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.needs_room: list[QAction] = []
        self.panels = QMenu("&Panels")
        self.themes: dict[Mode, QAction] = {}
        self._filled = False

    def show_theme(self, mode: Mode) -> None:
        self.themes[mode].setChecked(True)

    def show_for(self, window: MainWindow) -> None:
        room = window.room
        trading = room is not None and window.stack.currentWidget() is room
        for action in self.needs_room:
            action.setEnabled(trading)
        if room is not None and not self._filled:
            self._filled = True
            self.panels.addActions(room.workspace.view_actions())
        self.panels.setEnabled(trading)


def build_menus(window: MainWindow, look: Look) -> Menus:
    """Fill the window's menu bar."""
    menus, bar = Menus(window), window.menuBar()
    bar.setObjectName("menubar")
    _file_menu(bar, menus, window)
    _session_menu(bar, menus, window)
    _view_menu(bar, menus, window, look)
    help_menu = bar.addMenu("&Help")
    _add(help_menu, window, "&Keyboard", "F1", lambda: _tell_keys(window))
    _add(help_menu, window, "&About Channel Wallet", "", lambda: _tell_about(window))
    _shortcuts(window)
    return menus


def _room(window: MainWindow, do: Callable[[TradingRoom], object]) -> Callable[[], None]:
    """Something to do in the trading room, if there is one by then."""

    def run() -> None:
        if window.room is not None:
            do(window.room)

    return run


def _add(menu: QMenu, window: MainWindow, text: str, keys: str, do: Callable[[], object]) -> QAction:
    action = QAction(text, window)
    if keys:
        action.setShortcut(QKeySequence(keys))
    action.triggered.connect(lambda _=False: do())
    menu.addAction(action)
    return action


def _file_menu(bar: QMenuBar, menus: Menus, window: MainWindow) -> None:
    menu = bar.addMenu("&File")
    menus.needs_room.append(
        _add(menu, window, "Export &withdrawal proof…", "Ctrl+P", _room(window, TradingRoom.export_proof))
    )
    menus.needs_room += [
        _add(menu, window, "&Back up now…", "", _room(window, TradingRoom.back_up)),
        _add(menu, window, "Backups b&y schedule…", "", _room(window, TradingRoom.show_backups)),
    ]
    menu.addSeparator()
    _add(menu, window, "&Settings…", "Ctrl+,", window.show_settings)
    menu.addSeparator()
    _add(menu, window, "&Quit", "Ctrl+Q", window.close)


def _session_menu(bar: QMenuBar, menus: Menus, window: MainWindow) -> None:
    menu = bar.addMenu("&Session")
    entries: tuple[tuple[str, str, Callable[[], object]], ...] = (
        ("&Open a session…", "", lambda: window.show_page(window.session)),
        ("Cancel &all orders…", "Ctrl+Shift+X", _room(window, TradingRoom.ask_cancel_all)),
        ("&Finalize and withdraw…", "Ctrl+Shift+F", _room(window, TradingRoom.show_leave)),
    )
    menus.needs_room += [_add(menu, window, *entry) for entry in entries]
    menu.addSeparator()
    menus.needs_room += [
        _add(menu, window, "Add a &broker…", "", _room(window, TradingRoom.ask_broker)),
        _add(menu, window, "&Remove this broker…", "", _room(window, TradingRoom.ask_remove_broker)),
        _add(menu, window, "Fi&nd sessions on the chain", "", _room(window, TradingRoom.find_channels)),
    ]


def _view_menu(bar: QMenuBar, menus: Menus, window: MainWindow, look: Look) -> None:
    menu = bar.addMenu("&View")
    menu.addMenu(menus.panels)
    lock = QAction("&Lock layout", window, checkable=True, checked=True)
    lock.toggled.connect(_room(window, lambda room: room.workspace.lock(locked=lock.isChecked())))
    menu.addAction(lock)
    reset = _add(menu, window, "&Reset layout", "", _room(window, lambda room: room.workspace.reset_layout()))
    menus.needs_room += [lock, reset]
    menu.addSeparator()
    themes, group = menu.addMenu("&Theme"), QActionGroup(window)
    for mode, text in _THEMES:
        action = QAction(text, window, checkable=True, checked=look.mode is mode)
        action.setObjectName(f"theme.{mode.value}")
        action.triggered.connect(lambda _=False, mode=mode: window.preferences.set(THEME, mode.value))
        group.addAction(action)
        menus.themes[mode] = action
        themes.addAction(action)


def _shortcuts(window: MainWindow) -> None:
    """In the trading room. A plain letter comes here only where nothing is being typed: a field takes it first."""

    def go(name: str) -> Callable[[], None]:
        def run() -> None:
            if window.room is not None and window.stack.currentWidget() is window.room:
                window.room.workspace.go_to(name)

        return run

    keys = [("B", go("buy")), ("S", go("sell"))]
    keys += [("Ctrl+L", go("price")), ("Ctrl+K", go("book"))]
    keys += [(f"Ctrl+{number}", go(name)) for number, name in enumerate(("orders", "fills", "history", "flags"), 1)]
    for key, do in keys:
        shortcut = QShortcut(QKeySequence(key), window)
        shortcut.activated.connect(do)


def _tell_keys(window: MainWindow) -> None:
    tell(window, "Keyboard", "\n".join(f"{key}:  {what}" for key, what in _KEYS))


def _tell_about(window: MainWindow) -> None:
    tell(
        window,
        f"Channel Wallet {__version__}",
        "Trading channels: every step is signed by you and by the broker, and the last one is all you need "
        "to leave.\n\n"
        "Fonts: Inter and JetBrains Mono, both under the SIL Open Font License.",
    )
