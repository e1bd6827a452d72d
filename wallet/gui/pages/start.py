"""The first page: try the demo, or begin with a wallet of one's own."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSizePolicy

from wallet.gui.look import Look, app_icon
from wallet.gui.pages.page import Page
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.notice import Notice
from wallet.gui.widgets.text import Label, describe

_CARDS = (
    ("create", "key", "Create a wallet", "A new recovery phrase, a password, your broker."),
    ("restore", "restore", "Restore a wallet", "From the words of a recovery phrase."),
    ("backup", "restore", "Restore from a backup", "Keys, history and settings, from a file of this program's."),
    ("open", "folder", "Open a profile", "One that already exists on this computer."),
)


def _hero(demo: QPushButton, described: Label) -> QHBoxLayout:
    demo.setMinimumWidth(190)
    layout = row(demo, described, spacing=16)
    layout.setStretch(1, 1)
    return layout


class StartPage(Page):
    demo_wanted = Signal()
    create_wanted = Signal()
    restore_wanted = Signal()
    backup_wanted = Signal()
    alone_wanted = Signal()
    open_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__(
            "start",
            "Channel Wallet",
            "Trade at the speed of an exchange, keep your own keys, and leave at any second with what is yours.",
            width=640,
            has_back=False,
        )
        self._look = look
        self.notice = Notice("start.notice")
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(QSize(56, 56)))
        demo = button("Try the demo market", "start.demo", role="primary", large=True)
        demo.setDefault(True)
        demo.clicked.connect(self.demo_wanted)
        described = Label(
            "A throwaway key, a broker and a chain on this computer, and prices that are made up. "
            "Nothing leaves your machine, nothing can be lost.",
            tone="muted",
            wrap=True,
        )
        alone = button("Only your words left? Find your sessions on the chain ›", "start.alone", role="link")
        alone.clicked.connect(self.alone_wanted)
        cards = QGridLayout()
        cards.setSpacing(10)
        self._icons: list[tuple[QLabel, str]] = []
        for index, (name, icon, title, text) in enumerate(_CARDS):
            cards.addWidget(self._card(name, icon, title, text), index // 2, index % 2)
        self.set_body(
            column(
                _hero(demo, described),
                28,
                Label("Or with a wallet of your own", level="strong"),
                8,
                cards,
                8,
                row(alone, None),
                14,
                self.notice,
            ),
            picture,
        )
        look.changed.connect(self._dress)
        self._dress()

    def _card(self, name: str, icon: str, title: str, text: str) -> QPushButton:
        card = QPushButton()
        card.setProperty("role", "card")
        card.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        card.setMinimumHeight(112)
        describe(card, f"{title}. {text}", object_name=f"start.{name}")
        picture = QLabel()
        picture.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._icons.append((picture, icon))
        words = Label(text, tone="muted", wrap=True)
        for label in (picture, words):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        card.setLayout(column(picture, 8, Label(title, level="strong"), 3, words, None, margins=(14, 12, 14, 10)))
        signals = {
            "create": self.create_wanted,
            "restore": self.restore_wanted,
            "backup": self.backup_wanted,
            "open": self.open_wanted,
        }
        card.clicked.connect(signals[name])
        return card

    def _dress(self) -> None:
        for label, icon in self._icons:
            label.setPixmap(self._look.icon(icon, "accent").pixmap(QSize(20, 20)))
