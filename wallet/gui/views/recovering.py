"""A session restored from a backup: a banner says so until it is over, and what comes next."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from wallet.app.recovering import next_words
from wallet.app.snapshots import AppView, Phase
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label

_TITLE = "Recovering: this session was restored from a backup, and is only left"


class RecoveringBanner(QFrame):
    """Of the channel in view; a dispute has a banner of its own."""

    leave_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("recovering.banner")
        self.setProperty("role", "banner")
        self.setAccessibleName(_TITLE)
        self._title = Label(_TITLE, level="strong", tone="warn", wrap=True)
        self._next = Label("", wrap=True)
        self._next.setObjectName("recovering.next")
        leave = button("Leave…", "recovering.leave")
        leave.clicked.connect(self.leave_wanted)
        layout = row(column(self._title, self._next, spacing=3), leave, margins=(14, 9, 12, 9), spacing=16)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.hide()

    def show_view(self, view: AppView) -> None:
        channel = view.channel
        recovery = channel.recovery if channel is not None else None
        if channel is not None and recovery is not None:
            self._next.show_text(next_words(channel, recovery))
        self.setVisible(channel is not None and recovery is not None and channel.phase is not Phase.DISPUTED)
