"""The markets of the broker; choosing one changes book, chart, tape and ticket."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame

from wallet.app.snapshots import MarketInfo, MarketView
from wallet.gui.look import Look
from wallet.gui.models.figures import NONE, price_text
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.table import Column, RowsModel, Table


@dataclass(frozen=True, slots=True)
class MarketLine:
    market: MarketInfo
    last: int | None = None
    change_bp: int | None = None  # hundredths of a percent over the candles shown

    @property
    def key(self) -> str:
        return self.market.name

    def price(self) -> str:
        return NONE if self.last is None else price_text(self.market, self.last)

    def change(self) -> str:
        if self.change_bp is None:
            return NONE
        arrow = "▲" if self.change_bp > 0 else "▼" if self.change_bp < 0 else ""
        return f"{arrow} {abs(self.change_bp) / 100:.2f} %"

    def tone(self) -> str:
        return "up" if (self.change_bp or 0) > 0 else "down" if (self.change_bp or 0) < 0 else "muted"


def line_of(market: MarketInfo, view: MarketView) -> MarketLine:
    """Last price, and its change over the candles shown."""
    last = view.tape[0].price if view.tape else view.candles[-1].close if view.candles else None
    first = view.candles[0].open if view.candles else None
    return MarketLine(market, last, 10_000 * (last - first) // first if last and first else None)


class MarketsView(QFrame):
    """``chosen`` gives the name of a market."""

    chosen = Signal(str)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("markets")
        columns: list[Column[MarketLine]] = [
            Column("Market", 84, lambda line: line.market.name, stretch=True),
            Column("Price", 70, MarketLine.price, right=True),
            Column("Change", 74, MarketLine.change, right=True, tone=MarketLine.tone),
        ]
        self._model: RowsModel[MarketLine] = RowsModel(columns, lambda line: line.key)
        self._table = Table("markets.table", "Markets", self._model, look, "Waiting for the broker's markets…")
        self._table.picked.connect(self._pick)
        self.setLayout(column(self._table))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 110)

    def show_markets(self, markets: tuple[MarketInfo, ...]) -> None:
        known = {line.key: line for line in self._model.rows}
        self._model.set_rows(
            tuple(replace(known.get(market.name, MarketLine(market)), market=market) for market in markets)
        )

    def show_market(self, view: MarketView) -> None:
        """The last price and change of one market."""
        self._model.set_rows(
            tuple(line_of(line.market, view) if line.key == view.book.market else line for line in self._model.rows)
        )

    def select(self, name: str) -> None:
        for index, line in enumerate(self._model.rows):
            if line.key == name and self._table.currentIndex().row() != index:
                self._table.selectRow(index)

    def _pick(self, line: MarketLine | None) -> None:
        if line is not None:
            self.chosen.emit(line.key)
