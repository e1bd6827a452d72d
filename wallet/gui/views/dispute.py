"""A dispute runs, or is about to: a banner says so until it is over, since time counts and trading has stopped."""

from __future__ import annotations

from time import time

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, Phase
from wallet.gui.models.steps import asking, dispute_title, dispute_words, exit_title
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label


class DisputeBanner(QFrame):
    """The countdown and what comes next, of the channel in view."""

    details_wanted = Signal()
    stay_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("dispute.banner")
        self.setProperty("role", "banner")
        self._view = AppView()
        self._title = Label("", level="strong", tone="bad", wrap=True)
        self._title.setObjectName("dispute.title")
        self._next = Label("", wrap=True)
        self._next.setObjectName("dispute.next")
        self._details = button("Show steps…", "dispute.details")
        self._details.clicked.connect(self.details_wanted)
        self._stay = button("Stay in the session", "dispute.stay")
        self._stay.clicked.connect(self.stay_wanted)
        words = column(self._title, self._next, spacing=3)
        layout = row(words, self._stay, self._details, margins=(14, 9, 12, 9), spacing=16)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.hide()

    def show_view(self, view: AppView) -> None:
        self._view = view
        self.refresh()

    def refresh(self) -> None:
        """The countdown moves on by itself."""
        channel = self._view.channel
        title = words = ""
        if channel is not None and channel.phase is Phase.DISPUTED:
            title, words = dispute_title(channel, time()), dispute_words(channel, time())
        elif channel is not None and channel.exit_at and not asking(self._view.steps):
            title, words = exit_title(channel, time()), sentence("EXIT-COUNTDOWN-NEXT")
        if title:
            self._title.show_text(f"⚠ {title}")
            self._next.show_text(words)
            self.setAccessibleName(title)
        self._stay.setVisible(bool(title) and channel is not None and channel.phase is not Phase.DISPUTED)
        self.setVisible(bool(title))
