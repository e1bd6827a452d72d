"""How the program shows itself outside of its window: title, dock, tray, notifications, a sound. All but the count of
flags is the user's to switch on.

Where a desktop has no tray, closing the window quits as ever, and news only ask for attention in the task bar.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRect, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from wallet.app.snapshots import AppView, Link
from wallet.gui.look import app_icon
from wallet.gui.models.ledger import unresolved
from wallet.gui.models.news import News, news
from wallet.gui.models.settings import CLOSE_TO_TRAY, HIDE_AMOUNTS, NOTIFY, SOUNDS
from wallet.gui.pages.ask import ask
from wallet.gui.widgets.text import set_tray_tip

if TYPE_CHECKING:
    from wallet.gui.window import MainWindow

SIDE = 64
SHOWN_MS = 10_000
NAME = "Channel Wallet"


class Presence(QObject):
    """Of one main window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._view = AppView()
        self._flags = -1
        self._tray: QSystemTrayIcon | None = None
        self._menu = QMenu(NAME)
        self._menu.addAction("Show the window", self.show_window)
        self._menu.addAction("Stop trading", self._stop)
        self._menu.addSeparator()
        self._menu.addAction("Quit…", self._quit)
        self._last: tuple[News, ...] = ()
        window.preferences.changed.connect(self._follow)

    @property
    def last(self) -> tuple[News, ...]:
        """What was told last."""
        return self._last

    # --- snapshots -----------------------------------------------------------------------------------------------

    def show_view(self, view: AppView) -> None:
        old, self._view = self._view, view
        flags = len(unresolved(view.flags))
        if flags != self._flags:
            self._flags = flags
            self._window.setWindowTitle(f"({flags}) {NAME}" if flags else NAME)
            self._badge(flags)
            if self._tray is not None:
                self._tray.setIcon(counted(app_icon(), flags))
        self._follow()
        if self._tray is not None:
            set_tray_tip(self._tray, _tip(view, flags))
        told = news(old, view, hide=self._window.preferences.get(HIDE_AMOUNTS))
        if told:
            self._tell(told)

    def _tell(self, told: tuple[News, ...]) -> None:
        preferences = self._window.preferences
        self._last = told
        if preferences.get(SOUNDS):
            QApplication.beep()
        if not preferences.get(NOTIFY) or self._window.isActiveWindow():
            return  # who looks at the window sees it there
        QApplication.alert(self._window)
        if self._tray is not None:
            first = sorted(told, key=lambda row: not row.urgent)[0]
            more = f" And {len(told) - 1} more." if len(told) > 1 else ""
            kind = QSystemTrayIcon.MessageIcon.Warning if first.urgent else QSystemTrayIcon.MessageIcon.Information
            self._tray.showMessage(first.title, first.text + more, kind, SHOWN_MS)

    # --- the tray ------------------------------------------------------------------------------------------------

    def _follow(self, _key: str = "") -> None:
        """There is a tray icon while something needs one, and the desktop has a place for it."""
        preferences = self._window.preferences
        wanted = preferences.get(CLOSE_TO_TRAY) or preferences.get(NOTIFY)
        wanted = wanted and bool(self._view.account) and QSystemTrayIcon.isSystemTrayAvailable()
        if wanted == (self._tray is not None):
            return
        if self._tray is not None:
            self._tray.hide()
            self._tray.deleteLater()
            self._tray = None
            return
        self._tray = QSystemTrayIcon(counted(app_icon(), max(self._flags, 0)), self)
        self._tray.setContextMenu(self._menu)
        self._tray.activated.connect(self._activated)
        self._tray.messageClicked.connect(self.show_window)
        self._tray.show()

    def keeps(self) -> bool:
        """Whether closing the window only hides it: asked for, and there is a way back. Then it is hidden."""
        self._follow()
        if self._tray is None or not self._window.preferences.get(CLOSE_TO_TRAY):
            return False
        self._window.hide()
        return True

    def show_window(self) -> None:
        window = self._window
        window.setWindowState((window.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        window.show()
        window.raise_()
        window.activateWindow()

    def gone(self) -> None:
        """The program ends."""
        if self._tray is not None:
            self._tray.hide()
        self._badge(0)

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is not QSystemTrayIcon.ActivationReason.Context:
            self.show_window()

    def _stop(self) -> None:
        if self._window.room is not None:
            self._window.room.dealer.stop()

    def _quit(self) -> None:
        self.show_window()
        self.ask_quit()

    def ask_quit(self) -> None:
        """Ends the program, once the user knows what stays open."""
        window = self._window
        open_work = window.room.open_work() if window.room is not None else ""
        if open_work:
            ask(window, "Quit Channel Wallet?", open_work, "Quit", window.quit_now)
        else:
            window.quit_now()

    @staticmethod
    def _badge(flags: int) -> None:
        """On the dock, where the desktop has one."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setBadgeNumber(flags)


def counted(icon: QIcon, flags: int) -> QIcon:
    """The program's picture, with the number of flags on it if there are any."""
    if not flags:
        return icon
    picture = icon.pixmap(SIDE, SIDE)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRect(SIDE * 2 // 5, SIDE * 2 // 5, SIDE * 3 // 5, SIDE * 3 // 5)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#d92d20"))
    painter.drawEllipse(area)
    font = QFont()
    font.setPixelSize(SIDE * 2 // 5)
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor("white"))
    painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), str(flags) if flags < 10 else "9+")
    painter.end()
    return QIcon(picture)


def _tip(view: AppView, flags: int) -> str:
    broker = "connected" if view.connection.broker is Link.ONLINE else "not connected"
    parts = [NAME, f"broker {broker}"]
    if view.stopped:
        parts.append("trading is stopped")
    if flags:
        parts.append(f"{flags} flag{'s' if flags > 1 else ''}")
    return " · ".join(parts)
