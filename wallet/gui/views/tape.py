"""The trades of a market as they happen, newest first: one painted widget."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from wallet.app.snapshots import MarketInfo, TapeRow
from wallet.gui.look import Look
from wallet.gui.models.figures import amount_text, clock, price_text
from wallet.gui.widgets.text import describe

ROW = 19
HEADER = 22
MARGIN = 10
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class Tape(QWidget):
    """Arrow, price, amount, time of day; a buy that took is an up arrow."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._market: MarketInfo | None = None
        self._rows: tuple[TapeRow, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        describe(self, "Trades of this market", object_name="tape")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 160)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(200, HEADER + 3 * ROW)

    def show_market(self, market: MarketInfo) -> None:
        self._market, self._rows = market, ()
        self.update()

    def show_rows(self, rows: tuple[TapeRow, ...]) -> None:
        if rows != self._rows:
            self._rows = rows
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._look.colour("surface"))
        painter.setFont(self._look.font(-0.5))
        market = self._market
        painter.setPen(self._look.colour("muted"))
        price, amount, time = self._columns(0, HEADER)
        painter.drawText(price, _LEFT, "Price")
        painter.drawText(amount, _RIGHT, "Amount")
        painter.drawText(time, _RIGHT, "Time")
        if market is None:
            return
        for index, row in enumerate(self._rows[: (self.height() - HEADER) // ROW]):
            price, amount, time = self._columns(HEADER + index * ROW, ROW)
            buy = row.side == "buy"
            painter.setPen(self._look.colour("up" if buy else "down"))
            painter.drawText(price, _LEFT, ("▲ " if buy else "▼ ") + price_text(market, row.price))
            painter.setPen(self._look.colour("text"))
            painter.drawText(amount, _RIGHT, amount_text(market, row.amount))
            painter.setPen(self._look.colour("muted"))
            painter.drawText(time, _RIGHT, clock(row.time_ms / 1000))

    def _columns(self, top: int, height: int) -> tuple[QRect, QRect, QRect]:
        width = self.width() - 2 * MARGIN
        first, second = width * 38 // 100, width * 30 // 100
        return (
            QRect(MARGIN, top, first, height),
            QRect(MARGIN + first, top, second, height),
            QRect(MARGIN + first + second, top, width - first - second, height),
        )
