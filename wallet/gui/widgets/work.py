"""Long work in one line: what is done, how far it is, and a button that ends it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import ElidedLabel, describe

STEPS = 1_000


class WorkBar(QWidget):
    """``stopped``: the user wants it to end. The last words stay when it is over."""

    stopped = Signal()

    def __init__(self, name: str, spoken: str) -> None:
        super().__init__()
        self._words = ElidedLabel("", tone="muted", level="small")
        self._words.setObjectName(f"{name}.words")
        self._bar = QProgressBar()
        describe(self._bar, spoken, object_name=f"{name}.progress")
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(64)
        self._stop = tool("Stop", f"{name}.stop", role="segment", tip="End this work; nothing is lost")
        self._stop.clicked.connect(self.stopped)
        layout = row(self._words, self._bar, self._stop, spacing=4)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.end("")

    @property
    def busy(self) -> bool:
        return not self._stop.isHidden()

    def begin(self, words: str) -> None:
        self._bar.setRange(0, 0)
        self._bar.show()
        self._stop.show()
        self._say(words, "muted")

    def advance(self, words: str, done: int, whole: int) -> None:
        if self.busy:
            self._bar.setRange(0, STEPS)
            self._bar.setValue(STEPS * done // max(whole, 1))
            self._say(words, "muted")

    def end(self, words: str, tone: str = "muted") -> None:
        self._bar.hide()
        self._stop.hide()
        self._say(words, tone)

    def _say(self, words: str, tone: str) -> None:
        self._words.show_text(words)
        self._words.set_tone(tone)
