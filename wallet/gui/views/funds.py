"""The channel panel: per asset what is available, locked, won or lost, and still covered."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from wallet.app.snapshots import AppView
from wallet.gui.look import Look
from wallet.gui.models.funds import PERMILLE, Card, Line, cards, in_session
from wallet.gui.views.channels import ChannelsView
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.text import Label, describe, set_tip, veiled

HEAD = 19
LINE = 18
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class _Cards(QWidget):
    """One card per asset, painted: symbol and total, the bar, its figures."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._cards: tuple[Card, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        describe(self, "Balances", object_name="funds.cards")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, sum(_height(card) for card in self._cards))

    def show_cards(self, shown: tuple[Card, ...]) -> None:
        if shown == self._cards:
            return
        height = self.sizeHint().height()
        self._cards = shown
        if height != self.sizeHint().height():
            self.updateGeometry()
        spoken = ("; ".join((f"{card.asset.symbol} {card.total}", *map(_spoken, card.lines))) for card in shown)
        self.setAccessibleDescription(". ".join(spoken))
        self.update()

    def areas(self) -> list[tuple[Card, QRect]]:
        """Every card with its place in this widget."""
        found, top = [], 0
        for card in self._cards:
            found.append((card, QRect(0, top, self.width(), _height(card))))
            top += _height(card)
        return found

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = next((card for card, area in self.areas() if area.contains(event.pos())), None)
            set_tip(self, veiled(found.tip) if found else "")
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        for card, area in self.areas():
            self._paint_card(painter, card, area.adjusted(12, 8, -12, 0))
            painter.fillRect(QRect(area.left(), area.bottom(), area.width(), 1), self._look.colour("line"))

    def _paint_card(self, painter: QPainter, card: Card, area: QRect) -> None:
        look = self._look
        head = QRect(area.left(), area.top(), area.width(), HEAD)
        painter.setFont(look.font(0.5, bold=True))
        painter.setPen(look.colour("text"))
        painter.drawText(head, _LEFT, card.asset.symbol + ("" if card.asset.verified else "  unverified"))
        painter.drawText(head, _RIGHT, veiled(card.total))
        self._paint_bar(painter, card, QRect(area.left(), head.bottom() + 5, area.width(), 5))
        painter.setFont(look.font(-0.5))
        top = head.bottom() + 15
        for index, shown in enumerate(card.lines):
            line = QRect(area.left(), top + index * LINE, area.width(), LINE)
            if shown.key:
                painter.fillRect(QRect(line.left(), line.center().y() - 3, 7, 7), look.colour(shown.key))
            painter.setPen(look.colour("muted"))
            painter.drawText(line.adjusted(13, 0, 0, 0), _LEFT, shown.label)
            painter.setPen(look.colour(shown.tone))
            painter.drawText(line, _RIGHT, veiled(shown.value))

    def _paint_bar(self, painter: QPainter, card: Card, area: QRect) -> None:
        look = self._look
        painter.fillRect(area, look.colour("line"))
        if look.hides:
            return  # its parts would tell
        first = area.width() * card.bar_first // PERMILLE
        second = area.width() * card.bar_second // PERMILLE
        painter.fillRect(QRect(area.left(), area.top(), first, area.height()), look.colour("accent"))
        painter.fillRect(QRect(area.left() + first, area.top(), second, area.height()), look.colour("held"))
        if card.bar_mark:
            mark = area.left() + min(area.width() * card.bar_mark // PERMILLE, area.width() - 1)
            painter.fillRect(QRect(mark, area.top() - 2, 1, area.height() + 4), look.colour("text"))


def _height(card: Card) -> int:
    return 46 + LINE * len(card.lines)


def _spoken(line: Line) -> str:
    return f"{line.label} {line.value}"


class FundsView(QFrame):
    """The dock's content: the list of channels, cards that scroll, and a word when they are the wallet's own."""

    chosen = Signal(bytes, bytes)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("funds")
        self._cards = _Cards(look)
        self.channels = ChannelsView(look)
        self.channels.chosen.connect(self.chosen)
        self._note = Label("No session is open. This is what your own account holds.", tone="muted", wrap=True)
        self._note.setMargin(14)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        inner = QWidget()
        inner.setLayout(column(self._note, self._cards, None))
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = column(self.channels, area)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def show_view(self, view: AppView) -> None:
        self.channels.show_view(view)
        self._note.setVisible(not in_session(view))
        self._cards.show_cards(cards(view))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 300)
