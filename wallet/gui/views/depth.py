"""The depth chart: how much can be bought and sold how far from the middle. One painted widget."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from wallet.app.snapshots import BookView, MarketInfo
from wallet.gui.look import Look
from wallet.gui.models.book import DepthPoint, depth_curve
from wallet.gui.models.figures import amount_text, price_text
from wallet.gui.widgets.text import describe

AXIS = 20
TOP = 26


class DepthChart(QWidget):
    """Bids rise to the left, asks to the right; the pointer reads off what stands between it and the middle."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._market: MarketInfo | None = None
        self._book: BookView | None = None
        self._bids: tuple[DepthPoint, ...] = ()
        self._asks: tuple[DepthPoint, ...] = ()
        self._pointer: float | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        describe(self, "Depth chart", object_name="depth")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(500, 160)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(200, 90)

    def show_market(self, market: MarketInfo) -> None:
        self._market, self._book, self._bids, self._asks = market, None, (), ()
        self.update()

    def show_book(self, book: BookView) -> None:
        if book != self._book:
            self._book = book
            self._bids, self._asks = depth_curve(book)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self._pointer = event.position().x()
        self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._pointer = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._look.colour("surface"))
        painter.setFont(self._look.font(-1))
        if self._market is None or not (self._bids and self._asks):
            painter.setPen(self._look.colour("muted"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "Waiting for the book…")
            return
        scale = _Scale(self._bids, self._asks, QRectF(10, TOP, self.width() - 20, self.height() - TOP - AXIS))
        self._paint_side(painter, scale, self._bids, "up")
        self._paint_side(painter, scale, self._asks, "down")
        self._paint_axis(painter, scale, self._market)
        self._paint_pointer(painter, scale, self._market)

    def _paint_side(self, painter: QPainter, scale: _Scale, points: Sequence[DepthPoint], tone: str) -> None:
        path = QPainterPath(QPointF(scale.x(points[0].price), scale.area.bottom()))
        for index, point in enumerate(points):
            path.lineTo(scale.x(point.price), scale.y(point.total))
            if index + 1 < len(points):
                path.lineTo(scale.x(points[index + 1].price), scale.y(point.total))
        edge = scale.area.left() if tone == "up" else scale.area.right()
        path.lineTo(edge, scale.y(points[-1].total))
        painter.setPen(QPen(self._look.colour(tone), 1.2))
        painter.drawPath(path)
        path.lineTo(edge, scale.area.bottom())
        path.closeSubpath()
        painter.fillPath(path, self._look.colour(tone, 34))

    def _paint_axis(self, painter: QPainter, scale: _Scale, market: MarketInfo) -> None:
        area = scale.area
        painter.setPen(self._look.colour("line"))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        painter.setPen(self._look.colour("muted"))
        labels = QRectF(area.left(), area.bottom() + 2, area.width(), AXIS - 4)
        middle = (self._bids[0].price + self._asks[0].price) // 2
        parts = (
            (scale.low, Qt.AlignmentFlag.AlignLeft),
            (middle - middle % market.tick_size, Qt.AlignmentFlag.AlignHCenter),
            (scale.high, Qt.AlignmentFlag.AlignRight),
        )
        for price, side in parts:
            painter.drawText(labels, int(side | Qt.AlignmentFlag.AlignVCenter), price_text(market, price))

    def _paint_pointer(self, painter: QPainter, scale: _Scale, market: MarketInfo) -> None:
        head = QRectF(12, 4, self.width() - 24, TOP - 6)
        if self._pointer is None or not scale.area.left() <= self._pointer <= scale.area.right():
            painter.setPen(self._look.colour("up"))
            painter.drawText(head, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), "▲ Bids")
            painter.setPen(self._look.colour("down"))
            painter.drawText(head, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), "Asks ▼")
            return
        price = scale.price(self._pointer)
        bid = price <= self._bids[0].price
        points = self._bids if bid else self._asks
        within = [point for point in points if (point.price >= price if bid else point.price <= price)]
        total = within[-1].total if within else 0
        painter.setPen(QPen(self._look.colour("muted"), 1, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(self._pointer, TOP), QPointF(self._pointer, scale.area.bottom()))
        painter.setPen(self._look.colour("text"))
        shown = price_text(market, price - price % market.tick_size)
        text = f"{shown} {market.quote.symbol}   ·   {amount_text(market, total)} {market.base.symbol}"
        painter.drawText(head, int(Qt.AlignmentFlag.AlignCenter), text)


class _Scale:
    """From prices and amounts to pixels."""

    def __init__(self, bids: Sequence[DepthPoint], asks: Sequence[DepthPoint], area: QRectF) -> None:
        self.low, self.high = bids[-1].price, asks[-1].price
        self.area = area
        self._most = max(bids[-1].total, asks[-1].total, 1)

    def x(self, price: int) -> float:
        return self.area.left() + self.area.width() * (price - self.low) / max(self.high - self.low, 1)

    def y(self, total: int) -> float:
        return self.area.bottom() - self.area.height() * 0.94 * (total / self._most)

    def price(self, x: float) -> int:
        return self.low + int((x - self.area.left()) / self.area.width() * (self.high - self.low))
