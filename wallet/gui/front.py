"""The window as the profile's other programs know it: it can be brought to the front, and asked for a yes or no."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication, QMainWindow, QMessageBox

from wallet.gui.pages.ask import ask

TOKEN = "XDG_ACTIVATION_TOKEN"  # noqa: S105 - the desktop's word for: this start was wanted by the user


class WindowFront(QObject):
    """Implements :class:`wallet.app.owner.door.Front`. Its three methods may be called from any thread."""

    _raised = Signal(str)
    _locked = Signal()
    _asked = Signal(object, str)
    _withdrawn = Signal(object)

    def __init__(
        self,
        window: QMainWindow,
        is_locked: Callable[[], bool] = lambda: False,
        lock: Callable[[], None] = lambda: None,
    ) -> None:
        """While ``is_locked`` says so, nobody at this window may say yes: every question is answered with no."""
        super().__init__(window)
        self._window, self._is_locked, self._lock_now = window, is_locked, lock
        self._waiting: deque[tuple[Future[bool], str]] = deque()
        self._open: tuple[Future[bool], QMessageBox] | None = None
        queued = Qt.ConnectionType.QueuedConnection
        self._raised.connect(self._raise, queued)
        self._locked.connect(self._lock, queued)
        self._asked.connect(self._enqueue, queued)
        self._withdrawn.connect(self._take_away, queued)

    # --- for the owner's door ---

    def raise_window(self, token: str) -> None:
        self._raised.emit(token)

    def lock_window(self) -> None:
        self._locked.emit()

    def ask(self, text: str) -> Future[bool]:
        """The user's answer; one question at a time. Cancelling the future takes the question away."""
        answer: Future[bool] = Future()
        answer.add_done_callback(lambda done: self._withdrawn.emit(done) if done.cancelled() else None)
        self._asked.emit(answer, text)
        return answer

    # --- on the window's thread ---

    def _lock(self) -> None:
        self._lock_now()

    def _raise(self, token: str) -> None:
        """Out of the task bar, above the others, with the keyboard, as far as the desktop lets a program do that."""
        window = self._window
        if token:
            os.environ[TOKEN] = token  # Qt takes it from there when it asks Wayland's compositor
        window.setWindowState((window.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
        window.show()
        window.raise_()
        window.activateWindow()
        QApplication.alert(window)  # where it may not: the task bar says that it wants attention

    def _enqueue(self, answer: Future[bool], text: str) -> None:
        self._waiting.append((answer, text))
        self._next()

    def _next(self) -> None:
        while self._open is None and self._waiting:
            answer, text = self._waiting.popleft()
            if self._is_locked():
                _answer(answer, yes=False)
            elif not answer.cancelled():
                self._show(answer, text)

    def _show(self, answer: Future[bool], text: str) -> None:
        self._raise("")
        words = f"{text}.\n\nA command on this computer asks for this. Allow it only if you typed it."
        box = ask(self._window, "Allow the command line to do this?", words, "Allow", lambda: _answer(answer, yes=True))
        self._open = (answer, box)
        box.finished.connect(lambda _: self._finished(answer))

    def _finished(self, answer: Future[bool]) -> None:
        _answer(answer, yes=False)  # unless it was allowed a moment ago
        self._open = None
        self._next()

    def _take_away(self, answer: Future[bool]) -> None:
        if self._open is not None and self._open[0] is answer:
            self._open[1].reject()


def _answer(answer: Future[bool], *, yes: bool) -> None:
    if not answer.done():
        answer.set_result(yes)
