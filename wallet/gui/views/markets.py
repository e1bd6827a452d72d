"""The markets of the broker; choosing one changes book, chart, tape and ticket."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit

from wallet.app.snapshots import MarketInfo, MarketView
from wallet.gui.look import Look
from wallet.gui.models.figures import NONE, price_text
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import describe

FEW = 4  # markets that need no search in sight


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
        self._lines: tuple[MarketLine, ...] = ()
        self._shown = ""
        self._quiet = False  # rows that come and go move the selection: that is nobody's choice
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find a market")
        self.search.setMaxLength(40)
        describe(self.search, "Find a market", object_name="markets.search")
        self.search.textChanged.connect(lambda _: self._show_lines())
        self.search.returnPressed.connect(self._take_first)
        self.search.hide()
        self.setLayout(column(self.search, self._table))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 110)

    def show_markets(self, markets: tuple[MarketInfo, ...]) -> None:
        known = {line.key: line for line in self._lines}
        self._lines = tuple(replace(known.get(row.name, MarketLine(row)), market=row) for row in markets)
        self.search.setVisible(len(markets) > FEW or bool(self.search.text()))
        self._show_lines()

    def show_market(self, view: MarketView) -> None:
        """The last price and change of one market."""
        name = view.book.market
        self._lines = tuple(line_of(line.market, view) if line.key == name else line for line in self._lines)
        self._show_lines()

    def select(self, name: str) -> None:
        self._shown = name
        self._mark()

    def open_search(self) -> None:
        """The keyboard goes to the search; Enter takes the first that is found, Escape shows all again."""
        self.search.show()
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)

    def _show_lines(self) -> None:
        self._quiet = True
        try:
            self._model.set_rows(tuple(line for line in self._lines if finds(line.market, self.search.text())))
        finally:
            self._quiet = False
        self._mark()

    def _mark(self) -> None:
        """The market in view is the selected one, if it is among those shown."""
        self._quiet = True
        try:
            keys = [line.key for line in self._model.rows]
            if self._shown not in keys:
                self._table.clearSelection()
            elif self._table.currentIndex().row() != keys.index(self._shown):
                self._table.selectRow(keys.index(self._shown))
        finally:
            self._quiet = False

    def _take_first(self) -> None:
        if self._model.rows:
            self.chosen.emit(self._model.rows[0].key)
            self._leave()

    def _leave(self) -> None:
        self.search.clear()
        self.search.setVisible(len(self._lines) > FEW)
        self._table.setFocus(Qt.FocusReason.OtherFocusReason)

    def _pick(self, line: MarketLine | None) -> None:
        if line is not None and not self._quiet:
            self.chosen.emit(line.key)


def finds(market: MarketInfo, query: str) -> bool:
    """Whether every word of a search is in the name of the market."""
    return all(word in market.name.lower() for word in query.lower().split())
