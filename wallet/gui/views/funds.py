"""The channel panel: per asset what is available, locked, won or lost, and still covered."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget

from wallet.app.snapshots import AppView
from wallet.gui.look import Look
from wallet.gui.models.funds import PERMILLE, FundsRow, rows
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.text import Label, describe, set_tip

CARD = 118
LINE = 19
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class _Cards(QWidget):
    """One card per asset, painted: symbol and total, the bar, four figures."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._rows: tuple[FundsRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        describe(self, "Balances of this session", object_name="funds.cards")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, CARD * len(self._rows))

    def show_rows(self, shown: tuple[FundsRow, ...]) -> None:
        if shown == self._rows:
            return
        grown = len(shown) != len(self._rows)
        self._rows = shown
        if grown:
            self.updateGeometry()
        spoken = "; ".join(f"{row.asset.symbol} available {row.available}, locked {row.locked}" for row in shown)
        self.setAccessibleDescription(spoken)
        self.update()

    def areas(self) -> list[tuple[FundsRow, QRect]]:
        return [(row, QRect(0, index * CARD, self.width(), CARD)) for index, row in enumerate(self._rows)]

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            found = next((row for row, area in self.areas() if area.contains(event.pos())), None)
            set_tip(self, found.tip if found else "")
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        for row, area in self.areas():
            self._paint_card(painter, row, area.adjusted(12, 8, -12, 0))
            painter.fillRect(QRect(area.left(), area.bottom(), area.width(), 1), self._look.colour("line"))

    def _paint_card(self, painter: QPainter, row: FundsRow, area: QRect) -> None:
        look = self._look
        head = QRect(area.left(), area.top(), area.width(), LINE)
        painter.setFont(look.font(0.5, bold=True))
        painter.setPen(look.colour("text"))
        painter.drawText(head, _LEFT, row.asset.symbol + ("" if row.asset.verified else "  unverified"))
        painter.drawText(head, _RIGHT, row.total)
        self._paint_bar(painter, row, QRect(area.left(), head.bottom() + 5, area.width(), 5))
        painter.setFont(look.font(-0.5))
        lines = (
            ("Available", row.available, "text", "accent"),
            ("Locked in orders", row.locked, "text", "held"),
            ("Outcome", row.outcome, {"up": "up", "down": "down"}.get(row.outcome_tone, "text"), ""),
            ("Collateral left", row.collateral, "muted", ""),
        )
        top = head.bottom() + 15
        for index, (label, value, tone, key) in enumerate(lines):
            line = QRect(area.left(), top + index * (LINE - 1), area.width(), LINE - 1)
            if key:
                painter.fillRect(QRect(line.left(), line.center().y() - 3, 7, 7), look.colour(key))
            painter.setPen(look.colour("muted"))
            painter.drawText(line.adjusted(13, 0, 0, 0), _LEFT, label)
            painter.setPen(look.colour(tone))
            painter.drawText(line, _RIGHT, value)

    def _paint_bar(self, painter: QPainter, row: FundsRow, area: QRect) -> None:
        look = self._look
        painter.fillRect(area, look.colour("line"))
        available = area.width() * row.bar_available // PERMILLE
        locked = area.width() * row.bar_locked // PERMILLE
        painter.fillRect(QRect(area.left(), area.top(), available, area.height()), look.colour("accent"))
        painter.fillRect(QRect(area.left() + available, area.top(), locked, area.height()), look.colour("held"))
        mark = area.left() + min(area.width() * row.bar_mark // PERMILLE, area.width() - 1)
        painter.fillRect(QRect(mark, area.top() - 2, 1, area.height() + 4), look.colour("text"))


class FundsView(QFrame):
    """The dock's content: cards that scroll, or a word why there are none."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("funds")
        self._cards = _Cards(look)
        self._empty = Label("Open a session to see its balances here.", tone="muted", wrap=True)
        self._empty.setMargin(14)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        inner = QWidget()
        inner.setLayout(column(self._empty, self._cards, None))
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(column(area))

    def show_view(self, view: AppView) -> None:
        balances = view.channel.balances if view.channel else ()
        self._empty.setVisible(not balances)
        self._cards.show_rows(rows(balances))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 300)
