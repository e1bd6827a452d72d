"""One line that says what just happened, and stays until it is read or replaced."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame

from wallet.gui.widgets.layout import button, row
from wallet.gui.widgets.text import Label, set_look

_STAYS_MS = 8000


class Notice(QFrame):
    """Bad news stays; good news leaves after a while."""

    dismissed = Signal()

    def __init__(self, name: str = "notice") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setProperty("role", "notice")
        self._text = Label(wrap=True)
        self._close = button("Dismiss", f"{name}.dismiss", role="quiet")
        self._close.clicked.connect(self.dismiss)
        layout = row(self._text, self._close, margins=(12, 5, 8, 5), spacing=10)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def say(self, text: str, tone: str = "plain") -> None:
        """Show one of our sentences; ``tone`` is plain, good, warn or bad."""
        self._text.show_text(text)
        self.setAccessibleName(text)
        set_look(self, tone=tone)
        self.show()
        if tone in ("plain", "good"):
            self._timer.start(_STAYS_MS)
        else:
            self._timer.stop()

    def dismiss(self) -> None:
        self._timer.stop()
        self.hide()
        self.dismissed.emit()
