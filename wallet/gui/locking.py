"""The lock of the window: on demand, when nobody uses it, when the computer sleeps. It drops the owner's key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QDockWidget, QWidget

from wallet.app.messages import explain
from wallet.app.snapshots import AppView
from wallet.gui.models.locking import Idle, locked_words
from wallet.gui.models.settings import LOCK_AFTER, LOCK_ASLEEP, LOCKED_SIGNS
from wallet.gui.pages.lock import LockPage
from wallet.gui.sleeping import SleepWatch
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.gui.window import MainWindow

LOOK_MS = 1_000
_USES = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
    }
)


def clocks() -> tuple[float, float]:
    """Seconds of a clock that stands still while the computer sleeps, and of one that does not (elsewhere the same)."""
    ever = time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
    return time.monotonic(), ever


class LockGuard(QObject):
    """Covers the window with a page that only the password takes away; what goes on behind it is the user's choice."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._has_password = False
        self.locked = False
        self._before: QWidget | None = None
        self._hidden: list[QWidget] = []
        self.page = LockPage()
        self.page.wanted.connect(self._unlock)
        window.stack.addWidget(self.page)
        self._idle = Idle(*clocks())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.look)
        self._asleep = SleepWatch(self)
        self._asleep.going.connect(self._sleep)
        QGuiApplication.instance().focusWindowChanged.connect(self._watch)  # type: ignore[union-attr]  # there is one

    @property
    def can_lock(self) -> bool:
        """A throwaway market has no password: locked, it could not be unlocked."""
        return self._has_password and self._window.backend is not None and not self.locked

    def begin(self, path: Path | None) -> None:
        """A profile is open, or a market without one."""
        self._has_password = path is not None
        self._idle.use(clocks()[1])
        if self._has_password:
            self._timer.start(LOOK_MS)

    def allowed(self, page: QWidget) -> QWidget:
        """What is shown when ``page`` is to be: behind the lock that waits."""
        if not self.locked or page is self.page:
            return page
        self._before = page
        return self.page

    # --- when ---

    def _watch(self, window: QWindow | None) -> None:
        """Windows see keys and mouse before any widget does, and little else."""
        if window is not None:
            window.installEventFilter(self)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() in _USES:
            self._idle.use(clocks()[1])
        return False

    def look(self) -> None:
        wishes = self._window.preferences
        if self._idle.due(*clocks(), wishes.get(LOCK_AFTER), asleep=wishes.get(LOCK_ASLEEP)):
            self.lock()

    def _sleep(self) -> None:
        if self._window.preferences.get(LOCK_ASLEEP):
            self.lock()

    # --- locking ---

    def lock(self) -> None:
        """Drop the owner's key and cover the window. A question that is open is answered with no."""
        backend = self._window.backend
        if not self.can_lock or backend is None:
            return
        self.locked = True
        self._cover()
        keeps = self._window.preferences.get(LOCKED_SIGNS)
        self._window.courier.deliver(backend.lock(keeps), self, lambda _: None, self._failed)

    def show_app(self, view: AppView) -> None:
        if self.locked:
            self.page.lead.show_text(locked_words(view))

    def _cover(self) -> None:
        window = self._window
        for other in QApplication.topLevelWidgets():
            if other is window or not other.isVisible():
                continue
            if isinstance(other, QDialog):
                other.reject()
            else:
                other.hide()
                if isinstance(other, QDockWidget):
                    self._hidden.append(other)  # comes back with the others
        self._before = window.stack.currentWidget()
        self.show_app(window.view)
        window.show_page(self.page)
        self.page.begin()

    def _failed(self, error: WalletError) -> None:
        self.page.fail(explain(error))

    def _unlock(self, password: str) -> None:
        backend = self._window.backend
        if backend is not None:
            future = backend.unlock(Secret(password))
            self._window.courier.deliver(future, self, lambda _: self._uncover(), self._failed)

    def _uncover(self) -> None:
        self.locked = False
        self._idle.use(clocks()[1])
        self.page.begin()
        for other in self._hidden:
            other.show()
        self._hidden.clear()
        self._window.show_page(self._before or self._window.start)
