"""Copying an address: read back at once, watched for a minute, then taken off the clipboard if it is still ours."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from wallet.app.messages import sentence
from wallet.gui.models.clipboard import FOREIGN, KEPT_SECONDS, OURS, judge
from wallet.protocol.addresses import show_address


class Copier(QObject):
    """``said`` gives a sentence and its tone."""

    said = Signal(str, str)

    def __init__(self, parent: QObject, seconds: int = KEPT_SECONDS) -> None:
        super().__init__(parent)
        self._copied = ""
        self._clipboard = QGuiApplication.clipboard()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(seconds * 1000)
        self._timer.timeout.connect(self.clear)
        self._clipboard.dataChanged.connect(self._look)

    def copy(self, address: bytes) -> None:
        """Puts an address there, and says so once it was read back the same."""
        self._copied = show_address(address)
        self._clipboard.setText(self._copied)
        self._timer.start()
        if judge(self._copied, self._clipboard.text()) == OURS:
            self.said.emit(sentence("COPIED"), "good")

    def clear(self) -> None:
        """What is still ours goes; what somebody has copied since stays."""
        if self._copied and judge(self._copied, self._clipboard.text()) == OURS:
            self._copied = ""
            self._clipboard.clear()
        self._copied = ""

    def _look(self) -> None:
        if not self._copied:
            return
        found = judge(self._copied, self._clipboard.text())
        if found == FOREIGN:
            self.said.emit(sentence("COPIED-FOREIGN"), "bad")
        if found != OURS:
            self._copied = ""
            self._timer.stop()
