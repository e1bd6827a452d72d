"""The session's result: a curve and a table of what was won and lost, in the quote one chooses."""

from __future__ import annotations

import time

from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QSplitter, QWidget

from wallet.app.snapshots import AppView, MarketView
from wallet.gui.look import Look
from wallet.gui.models.figures import clock
from wallet.gui.models.result import Result, ResultLine, lines, middle, quotes, result, total_text
from wallet.gui.widgets.layout import column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.plain import plain

MARGIN = 10


class Curve(QWidget):
    """The result over time, as steps; above nothing won, below it lost."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._points: tuple[tuple[int, int], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        describe(self, "Result over time", object_name="result.curve")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(260, 120)

    def show_points(self, points: tuple[tuple[int, int], ...]) -> None:
        if points != self._points:
            self._points = points
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setFont(self._look.font(-1))
        painter.setPen(self._look.colour("muted"))
        if not self._points:
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "Nothing was traded yet.")
            return
        area = QRectF(MARGIN, MARGIN, self.width() - 2 * MARGIN, self.height() - 2 * MARGIN - 14)
        start, end = self._points[0][0], self._points[-1][0]
        # the position of a pixel only: here a rounded figure harms nobody
        low, high = min(0, *(at for _, at in self._points)), max(0, *(at for _, at in self._points))
        wide, tall = max(end - start, 1), max(high - low, 1)

        def place(moment: int, value: int) -> QPointF:
            return QPointF(
                area.left() + area.width() * (moment - start) / wide,
                area.bottom() - area.height() * (value - low) / tall,
            )

        zero = place(start, 0).y()
        painter.drawLine(QPointF(area.left(), zero), QPointF(area.right(), zero))
        bottom = int(Qt.AlignmentFlag.AlignBottom)
        painter.drawText(
            self.rect().adjusted(MARGIN, 0, -MARGIN, -2), bottom | int(Qt.AlignmentFlag.AlignLeft), clock(start)
        )
        painter.drawText(
            self.rect().adjusted(MARGIN, 0, -MARGIN, -2), bottom | int(Qt.AlignmentFlag.AlignRight), clock(end)
        )
        path = QPolygonF()
        for moment, value in ((start, 0), *self._points):
            if not path.isEmpty():
                path.append(QPointF(place(moment, value).x(), path.last().y()))
            path.append(place(moment, value))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._look.colour("up" if self._points[-1][1] >= 0 else "down"), 1.5))
        painter.drawPolyline(path)


class ResultView(QFrame):
    """Follows the channel and the middles of its markets."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("result")
        self._view = AppView()
        self._mids: dict[str, int] = {}
        self._made: Result | None = None
        self._total = Label("", level="strong")
        self._total.setObjectName("result.total")
        self._quote = QComboBox()
        describe(self._quote, "Result in", "The asset in which results are added up", object_name="result.quote")
        self._quote.activated.connect(lambda _: self.refresh())
        self._curve = Curve(look)
        self._model: RowsModel[ResultLine] = RowsModel(_columns(), lambda line: line.what)
        self.table = Table("result.table", "Result of the session", self._model, look, "There is no session yet.")
        splitter = QSplitter()
        splitter.addWidget(self._curve)
        splitter.addWidget(self.table)
        splitter.setSizes([220, 560])
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(1)
        words = "by the middle of the book; fees are in it"
        head = row(self._total, Label(words, tone="muted", level="small"), None, Label("in", tone="muted"), self._quote)
        head.setContentsMargins(10, 3, 6, 3)
        layout = column(head, splitter)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def show_prices(self, prices: MarketView) -> None:
        """Kept also while out of sight: several markets speak one after the other."""
        mid = middle(prices.book)
        if mid is not None and mid != self._mids.get(prices.book.market):
            self._mids[prices.book.market] = mid
            if self.isVisible():
                self.refresh()

    def show_view(self, view: AppView) -> None:
        old, self._view = self._view, view
        if view.broker != old.broker:
            self._mids.clear()
        if view.markets != old.markets or not self._quote.count():
            self._fill_quotes()
        self.refresh()

    def _fill_quotes(self) -> None:
        kept = self._quote.currentData()
        with QSignalBlocker(self._quote):
            self._quote.clear()
            for asset in quotes(self._view.markets):
                self._quote.addItem(plain(asset.symbol, 12), asset.address)
            self._quote.setCurrentIndex(max(self._quote.findData(kept), 0))

    def refresh(self) -> None:
        channel, chosen = self._view.channel, self._quote.currentData()
        quote = next((asset for asset in quotes(self._view.markets) if asset.address == chosen), None)
        if channel is None or quote is None:
            self._model.set_rows(())
            self._curve.show_points(())
            self._total.show_text("")
            return
        made = result(channel, self._view.markets, self._mids, quote, int(time.time()))
        text, tone = total_text(made)
        self._total.show_text(text)
        self._total.set_tone("" if tone == "text" else tone)
        self._model.set_rows(lines(made))
        self._curve.show_points(made.points)


def _columns() -> list[Column[ResultLine]]:
    return [
        Column("", 84, lambda line: line.what),
        Column("Position, outcome", 110, lambda line: line.held, right=True),
        Column("Average", 74, lambda line: line.average, right=True, tone=lambda _: "muted"),
        Column("Realised", 96, lambda line: line.realised, right=True, tone=lambda line: line.realised_tone),
        Column("Unrealised", 96, lambda line: line.unrealised, right=True, tone=lambda line: line.unrealised_tone),
        Column("Worth now", 96, lambda line: line.value, right=True, tone=lambda line: line.value_tone),
        Column("Collateral left", 96, lambda line: line.left, right=True, tone=lambda _: "muted", stretch=True),
    ]
