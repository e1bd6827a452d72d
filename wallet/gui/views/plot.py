"""The candle plot. Imported late: pyqtgraph and numpy take longer to load than the window to appear.

Public items only, few of them, thin opaque pens: bars and wicks are cut and binned here before they are drawn.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QVBoxLayout, QWidget

from wallet.app.snapshots import CandleView, FillView, MarketInfo, OrderStatus, OrderView
from wallet.gui.look import Look
from wallet.gui.models.book import LIVE
from wallet.gui.models.figures import (
    amount_text,
    clock,
    price_decimals,
    price_number,
    price_places,
    price_text,
)
from wallet.gui.views.series import Series, Slice
from wallet.gui.views.waiting import WaitingLines
from wallet.gui.widgets.text import Label, describe, veiled

SHOWN = 120  # candles in sight at first
MAX_MARKS = 200


class DirectAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Draws itself at once. The library's own way, a recorded picture, looks every font up again at every replay."""

    def paint(self, painter: QPainter, option: object, widget: object) -> None:
        if self.style["tickFont"]:
            painter.setFont(self.style["tickFont"])
        specs = self.generateDrawSpecs(painter)
        if specs is not None:
            self.drawPicture(painter, *specs)


class TimeAxis(DirectAxis):
    """Positions are numbers of candles; the axis says local times for them."""

    def __init__(self) -> None:
        super().__init__(orientation="bottom")
        self.series = Series()

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802 - pyqtgraph's
        return [self.text_at(value) for value in values]

    def text_at(self, position: float) -> str:
        index = round(position)
        starts = self.series.starts
        if not 0 <= index < len(starts):
            return ""
        moment = datetime.fromtimestamp(float(starts[index])).astimezone()
        return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")


class PriceAxis(DirectAxis):
    def __init__(self) -> None:
        super().__init__(orientation="right")
        self.places = 2

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:  # noqa: N802 - pyqtgraph's
        return [f"{value:,.{self.places}f}".replace(",", "\u202f") for value in values]


class OrderLine(pg.InfiniteLine):  # type: ignore[misc]  # pyqtgraph ships no types
    """An own order. Once it is open it can be dragged to another price; it stands where it was until it is there."""

    def __init__(self, place: float) -> None:
        super().__init__(angle=0, movable=False, label="", labelOpts={"position": place})
        self.order: OrderView | None = None

    def show_order(self, order: OrderView, at: float) -> None:
        self.order = order
        self.setMovable(order.status is OrderStatus.OPEN)
        if not self.moving:
            self.setValue(at)


class CandlePlot(QWidget):
    """Candles over volume with a crosshair; own orders as lines, own fills as marks.

    ``amended`` gives an order's id and the price, on tick, that its line was dragged to;
    ``picked`` the price, on tick, of a click beside the lines.
    """

    amended = Signal(bytes, object)
    picked = Signal(object)

    def __init__(self, look: Look) -> None:
        super().__init__()
        describe(self, "Price chart", object_name="chart.plot")
        self._look = look
        self._market: MarketInfo | None = None
        self._series = Series()
        self._follow = True
        self._view = pg.GraphicsLayoutWidget()
        self._view.ci.layout.setSpacing(0)
        self._view.ci.layout.setContentsMargins(0, 4, 0, 0)
        self._time, self._prices = TimeAxis(), PriceAxis()
        hidden = DirectAxis(orientation="bottom")
        self._price = self._view.addPlot(0, 0, axisItems={"bottom": hidden, "right": self._prices})
        self._volume = self._view.addPlot(1, 0, axisItems={"bottom": self._time, "right": DirectAxis("right")})
        self._view.ci.layout.setRowStretchFactor(0, 5)
        self._view.ci.layout.setRowStretchFactor(1, 1)
        self._build()
        self._legend = Label("", level="small", parent=self._view)
        self._legend.move(12, 6)
        self._order_lines: list[OrderLine] = []
        self.waiting = WaitingLines(self._price, look)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        look.changed.connect(self._dress)
        self._dress()

    def _build(self) -> None:
        for plot in (self._price, self._volume):
            plot.hideButtons()
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(x=True, y=False)
            plot.showAxis("right")
            plot.hideAxis("left")
            plot.getAxis("right").setWidth(66)
            for axis in ("right", "bottom"):
                plot.getAxis(axis).setZValue(-1)  # lines lie under the candles
            plot.setClipToView(False)
        self._prices.setTickDensity(2)
        self._price.getAxis("bottom").setHeight(0)
        self._price.getAxis("bottom").setStyle(showValues=False, tickLength=0)
        self._volume.getAxis("right").setStyle(showValues=False, tickLength=0)
        self._volume.setXLink(self._price)
        self._bars = {tone: pg.BarGraphItem(x=[], height=[], width=1) for tone in ("up", "down")}
        self._wicks = {tone: pg.PlotCurveItem(connect="pairs", antialias=False) for tone in ("up", "down")}
        self._columns = {tone: pg.BarGraphItem(x=[], height=[], width=1) for tone in ("up", "down")}
        for item in (*self._wicks.values(), *self._bars.values()):
            self._price.addItem(item)
        for item in self._columns.values():
            self._volume.addItem(item)
        self._last = pg.InfiniteLine(angle=0, movable=False, label="", labelOpts={"position": 0.97, "fill": None})
        self._price.addItem(self._last)
        self._buys, self._sells = (pg.ScatterPlotItem(symbol=mark, size=10) for mark in ("t1", "t"))
        self._price.addItem(self._buys)
        self._price.addItem(self._sells)
        self._cross = [pg.InfiniteLine(angle=angle, movable=False) for angle in (90, 0)]
        for cross in self._cross:
            cross.hide()
            self._price.addItem(cross, ignoreBounds=True)
        self._moves = pg.SignalProxy(self._view.scene().sigMouseMoved, rateLimit=60, slot=self._hover)
        self._view.scene().sigMouseClicked.connect(self._clicked)
        self._price.vb.sigXRangeChanged.connect(self._draw)
        self._price.vb.sigRangeChangedManually.connect(self._let_go)

    # --- what comes in -------------------------------------------------------------------------------------------

    def show_market(self, market: MarketInfo) -> None:
        self._market = market
        scale = 10.0 ** price_decimals(market)
        self._series = Series(scale, 10.0**market.base.decimals)
        self._time.series = self._series
        self._prices.places = price_places(market)
        self._follow = True
        self._draw()

    def show_candles(self, candles: tuple[CandleView, ...]) -> None:
        if not self._series.update(candles):
            return
        if self._follow:
            right = len(self._series) + 4
            self._price.setXRange(right - SHOWN, right, padding=0)
        self._draw()
        if not self._cross[0].isVisible():
            self._legend_for(len(self._series) - 1)

    def show_own(self, orders: tuple[OrderView, ...], fills: tuple[FillView, ...]) -> None:
        """Own open orders and the newest fills of this market."""
        market = self._market
        if market is None:
            return
        live = [order for order in orders if order.market == market.name and order.status in LIVE]
        while len(self._order_lines) < len(live):
            made = OrderLine(0.06 + 0.09 * (len(self._order_lines) % 8))
            made.sigPositionChangeFinished.connect(self._dragged)
            self._order_lines.append(made)
            self._price.addItem(made, ignoreBounds=True)
        for index, line in enumerate(self._order_lines):
            line.setVisible(index < len(live))
            if index < len(live):
                self._dress_order(line, live[index], market)
        starts = self._series.starts
        for side, item in (("buy", self._buys), ("sell", self._sells)):
            own = [fill for fill in fills if fill.market == market.name and fill.side == side][-MAX_MARKS:]
            at = np.searchsorted(starts, [fill.time for fill in own], side="right") - 1
            item.setData(x=at, y=[price_number(market, fill.price) for fill in own])

    # --- drawing -------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        market = self._market
        if market is None or not len(self._series):
            self._clear()
            return
        left, right = self._price.vb.viewRange()[0]
        part = self._series.slice(left, right, int(self._price.vb.width()) or 800)
        if not len(part.x):
            self._clear()
            return
        rises = part.close >= part.open
        for tone, chosen in (("up", rises), ("down", ~rises)):
            self._draw_side(tone, part, chosen)
        low, high = float(part.low.min()), float(part.high.max())
        room = max((high - low) * 0.08, high * 1e-4)
        self._price.setYRange(low - room, high + room, padding=0)
        self._volume.setYRange(0, max(float(part.volume.max()) * 1.1, 1e-9), padding=0)
        close = self._series.candles[-1].close
        self._last.setValue(price_number(market, close))

    def _draw_side(self, tone: str, part: Slice, chosen: Any) -> None:
        x, width = part.x[chosen], 0.7 * part.width
        opened, closed = part.open[chosen], part.close[chosen]
        # a candle that ends where it began is still a line
        thin = part.high.max() * 2e-6
        body = closed - opened
        body = np.where(np.abs(body) < thin, thin, body)
        self._bars[tone].setOpts(x=x, y0=opened, height=body, width=width)
        wick_x, wick_y = np.repeat(x, 2), np.empty(2 * len(x))
        wick_y[0::2], wick_y[1::2] = part.low[chosen], part.high[chosen]
        self._wicks[tone].setData(wick_x, wick_y)
        self._columns[tone].setOpts(x=x, y0=0, height=part.volume[chosen], width=width)

    def _clear(self) -> None:
        for bars in (*self._bars.values(), *self._columns.values()):
            bars.setOpts(x=[], y0=[], height=[], width=1)
        for wick in self._wicks.values():
            wick.setData([], [])

    def _let_go(self, *_: object) -> None:
        """Dragging keeps its place; back at the newest candle the chart follows again."""
        right = self._price.vb.viewRange()[0][1]
        self._follow = right >= len(self._series)

    def _dress(self) -> None:
        look = self._look
        self._view.setBackground(look.colour("surface"))
        for plot in (self._price, self._volume):
            for side in ("right", "bottom"):
                axis = plot.getAxis(side)
                # one level of lines, opaque: blending long lines costs more than all the rest of the chart
                axis.setStyle(maxTickLevel=0)
                axis.setGrid(255)
                axis.setPen(look.colour("line_strong"))
                axis.setTickPen(pg.mkPen(look.colour("line"), width=1))
                axis.setTextPen(look.colour("muted"))
                axis.setTickFont(look.font(-1))
        for tone in ("up", "down"):
            colour = look.colour(tone)
            self._bars[tone].setOpts(brush=colour, pen=pg.mkPen(colour, width=1))
            self._wicks[tone].setPen(pg.mkPen(colour, width=1))
            self._columns[tone].setOpts(brush=look.colour(tone, 90), pen=pg.mkPen(None))
        self._last.setPen(pg.mkPen(look.colour("muted"), width=1, style=Qt.PenStyle.DotLine))
        for cross in self._cross:
            cross.setPen(pg.mkPen(look.colour("muted"), width=1, style=Qt.PenStyle.DashLine))
        for item, tone in ((self._buys, "up"), (self._sells, "down")):
            item.setBrush(look.colour(tone))
            item.setPen(pg.mkPen(look.colour("surface"), width=1))

    def _dragged(self, line: OrderLine) -> None:
        order, market = line.order, self._market
        if order is None or market is None:
            return
        ticks = round(line.value() * 10.0 ** price_decimals(market) / market.tick_size)
        line.setValue(price_number(market, order.price))  # until a state says otherwise
        price = max(ticks, 1) * market.tick_size
        if price != order.price:
            self.amended.emit(order.id, price)

    def _dress_order(self, line: OrderLine, order: OrderView, market: MarketInfo) -> None:
        tone = "up" if order.side == "buy" else "down"
        colour = self._look.colour(tone)
        line.show_order(order, price_number(market, order.price))
        line.setHoverPen(pg.mkPen(colour, width=3))
        line.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))
        sign = "▲" if order.side == "buy" else "▼"
        line.label.setColor(colour)
        line.label.fill = pg.mkBrush(self._look.colour("surface"))
        line.label.setFormat(f"{sign} {veiled(amount_text(market, order.amount - order.filled))}")

    # --- the pointer ---------------------------------------------------------------------------------------------

    def _clicked(self, event: Any) -> None:
        market, point = self._market, event.scenePos()
        inside = self._price.vb.sceneBoundingRect().contains(point) and bool(len(self._series))
        if market is None or not inside or event.isAccepted() or event.button() != Qt.MouseButton.LeftButton:
            return
        ticks = round(self._price.vb.mapSceneToView(point).y() * 10.0 ** price_decimals(market) / market.tick_size)
        if ticks > 0:
            self.picked.emit(ticks * market.tick_size)

    def _hover(self, event: tuple[QPointF]) -> None:
        point = event[0]
        inside = self._price.sceneBoundingRect().contains(point) and bool(len(self._series))
        for cross in self._cross:
            cross.setVisible(inside)
        if not inside:
            self._legend_for(len(self._series) - 1)
            return
        at = self._price.vb.mapSceneToView(point)
        index = min(max(round(at.x()), 0), len(self._series) - 1)
        self._cross[0].setValue(index)
        self._cross[1].setValue(at.y())
        self._legend_for(index)

    def _legend_for(self, index: int) -> None:
        market, candles = self._market, self._series.candles
        if market is None or not 0 <= index < len(candles):
            self._legend.setText("")
            return
        candle = candles[index]
        parts = [
            f"{word} {price_text(market, value)}"
            for word, value in (("O", candle.open), ("H", candle.high), ("L", candle.low), ("C", candle.close))
        ]
        change = 10_000 * (candle.close - candle.open) // candle.open if candle.open else 0
        arrow = "▲" if change > 0 else "▼" if change < 0 else ""
        volume = f"Vol {amount_text(market, candle.volume)}"
        self._legend.show_text("   ".join((clock(candle.start), *parts, f"{arrow} {abs(change) / 100:.2f} %", volume)))
        self._legend.set_tone("up" if change > 0 else "down" if change < 0 else "muted")
        self._legend.adjustSize()
