"""Trading is stopped: a banner that stays, says what that means, and has the two ways on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from wallet.app.snapshots import AppView, Phase
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label

_TITLE = "⚠ Trading is stopped"


class StoppedBanner(QFrame):
    resume_wanted = Signal()
    leave_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("stopped.banner")
        self.setProperty("role", "banner")
        self.setAccessibleName(_TITLE)
        words = Label(
            "All orders were taken back, and no order is signed until you resume. Your coins are safe.", wrap=True
        )
        resume = button("Resume trading", "stopped.resume")
        self._leave = button("Finalize and withdraw…", "stopped.leave")
        resume.clicked.connect(self.resume_wanted)
        self._leave.clicked.connect(self.leave_wanted)
        text = column(Label(_TITLE, level="strong", tone="bad"), words, spacing=3)
        layout = row(text, resume, self._leave, margins=(14, 9, 12, 9), spacing=12)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.hide()

    def show_view(self, view: AppView) -> None:
        self._leave.setVisible(view.channel is not None and view.channel.phase is Phase.OPEN)
        self.setVisible(view.stopped)
