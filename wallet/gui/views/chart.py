"""The chart's dock: a plain surface at first, the plot once the libraries for it are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QSizePolicy

from wallet.app.snapshots import AppView, MarketInfo, MarketView
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.text import Label

if TYPE_CHECKING:
    from wallet.gui.views.plot import CandlePlot

INTERVALS = (("1", "1 s"), ("5", "5 s"), ("60", "1 m"), ("300", "5 m"), ("900", "15 m"), ("3600", "1 h"))
FIRST_INTERVAL = 5


def interval_choice() -> Choice:
    """The buttons for the length of a candle."""
    made = Choice("chart.interval", [(key, text, f"Candles of {text}") for key, text in INTERVALS])
    made.choose(str(FIRST_INTERVAL))
    return made


class ChartView(QFrame):
    """Keeps the newest snapshots until ``set_plot`` brings what can draw them.

    ``amended`` gives an own order that was dragged, and the price it was dragged to;
    ``picked`` a price that was clicked at.
    """

    amended = Signal(bytes, object)
    picked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("chart")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._plot: CandlePlot | None = None
        self._waiting = Label("Loading the chart…", tone="muted")
        self._waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._box = column(self._waiting)
        self.setLayout(self._box)
        self._market: MarketInfo | None = None
        self._prices: MarketView | None = None
        self._view = AppView()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(620, 320)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, 140)

    @property
    def ready(self) -> bool:
        return self._plot is not None

    def set_plot(self, plot: CandlePlot) -> None:
        self._plot = plot
        plot.amended.connect(self.amended)
        plot.picked.connect(self.picked)
        self._box.replaceWidget(self._waiting, plot)
        self._waiting.deleteLater()
        if self._market is not None:
            plot.show_market(self._market)
        self._draw()

    def show_market(self, market: MarketInfo) -> None:
        self._market, self._prices = market, None
        if self._plot is not None:
            self._plot.show_market(market)

    def show_prices(self, prices: MarketView) -> None:
        self._prices = prices
        self._draw()

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._draw_own()

    def _draw(self) -> None:
        if self._plot is not None and self._prices is not None:
            self._plot.show_candles(self._prices.candles)
            self._draw_own()

    def _draw_own(self) -> None:
        channel = self._view.channel
        if self._plot is not None and channel is not None:
            self._plot.show_own(channel.orders, channel.fills)
            if self._market is not None:
                self._plot.waiting.show_triggers(channel.triggers, self._market)
