"""The three kinds of keys: which is at hand, what for, and the worst that could come of it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from wallet.app.snapshots import AppView
from wallet.gui.models.purse import KeyCard, key_cards
from wallet.gui.widgets.layout import column, frame, row
from wallet.gui.widgets.text import AmountLabel, Label

_NAMES = ("owner", "session", "gas")


class Keys(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[KeyCard, ...] = ()
        self._parts = {name: _labels() for name in _NAMES}
        cards = []
        for name, (title, standing, purpose, worst) in self._parts.items():
            standing.setObjectName(f"purse.keys.{name}")
            worst.setObjectName(f"purse.keys.{name}.worst")
            purpose.set_tone("muted")
            inner = column(row(title, 8, standing, None), 4, purpose, 4, worst)
            inner.setContentsMargins(16, 12, 16, 12)
            cards.append(frame("card", inner))
        self.setLayout(column(cards[0], 10, cards[1], 10, cards[2], None, margins=(0, 8, 0, 0)))

    def show_view(self, view: AppView) -> None:
        found = key_cards(view)
        if found == self._shown:
            return
        self._shown = found
        for (title, standing, purpose, worst), card in zip(self._parts.values(), found, strict=True):
            title.show_text(card.title)
            standing.show_text(card.standing)
            standing.set_tone(card.tone)
            purpose.show_text(card.purpose)
            worst.show_text(card.worst)


def _labels() -> tuple[Label, Label, Label, AmountLabel]:
    """Title, standing, purpose, and the worst."""
    return Label("", level="strong"), Label("", level="small"), Label("", wrap=True), AmountLabel("", wrap=True)
