"""The order book: one painted widget. A click on a price takes it to the ticket."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from wallet.app.snapshots import BookView, MarketInfo, OrderView
from wallet.gui.look import Look
from wallet.gui.models.book import PERMILLE, Ladder, Level, ladder
from wallet.gui.models.figures import amount_text, notional, price_text, quote_text
from wallet.gui.models.settings import BOOK_SUMS
from wallet.gui.settings import Preferences
from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import describe, set_tip

ROW = 20
HEADER = 22
SPREAD = 28
MARGIN = 10
GROUPS = (1, 10, 100, 1000)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class BookLadder(QWidget):
    """Asks above, bids below, the spread between. ``picked`` gives a level: price for the ticket, side of the book."""

    picked = Signal(Level)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._market: MarketInfo | None = None
        self._book: BookView | None = None
        self._orders: tuple[OrderView, ...] = ()
        self._group = 1
        self._cumulative = True
        self._ladder = Ladder()
        self._cursor: int | None = None  # 0 is the best bid, -1 the best ask
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        describe(
            self, "Order book", "Arrow keys choose a price, Enter takes it to the ticket", object_name="book.ladder"
        )
        set_tip(self, "")
        look.changed.connect(self.update)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(250, 360)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(200, HEADER + SPREAD + 6 * ROW)

    def show_market(self, market: MarketInfo) -> None:
        self._market, self._book, self._ladder = market, None, Ladder()
        self.update()

    def show_book(self, book: BookView, orders: tuple[OrderView, ...]) -> None:
        """The newest book and the trader's orders in it."""
        if book == self._book and orders == self._orders:
            return
        self._book, self._orders = book, orders
        self._rebuild()

    def set_group(self, ticks: int) -> None:
        self._group = ticks
        self._rebuild()

    def set_cumulative(self, cumulative: bool) -> None:
        """Bars and last column of all up to a price, or of each price alone (then in quote)."""
        self._cumulative = cumulative
        self._rebuild()

    def levels(self) -> list[tuple[Level, QRect]]:
        """Every row in sight with its place in this widget, top to bottom."""
        depth = self._depth()
        found = []
        top = self._spread_area().top()
        for index, level in enumerate(self._ladder.asks[:depth]):
            found.append((level, QRect(0, top - (index + 1) * ROW, self.width(), ROW)))
        found.reverse()
        bottom = self._spread_area().bottom() + 1
        for index, level in enumerate(self._ladder.bids[:depth]):
            found.append((level, QRect(0, bottom + index * ROW, self.width(), ROW)))
        return found

    def price(self, level: Level) -> str:
        return price_text(self._market, level.price) if self._market else ""

    def last_column(self, level: Level) -> str:
        """What its row says at the right."""
        if self._market is None:
            return ""
        if self._cumulative:
            return amount_text(self._market, level.total)
        return quote_text(self._market, notional(self._market, level.price, level.amount))

    def _rebuild(self) -> None:
        if self._market and self._book and self._book.market == self._market.name:
            self._ladder = ladder(
                self._book, self._market, self._orders, self._depth(), self._group, cumulative=self._cumulative
            )
        self.update()

    def _depth(self) -> int:
        return max((self.height() - HEADER - SPREAD) // (2 * ROW), 1)

    def _spread_area(self) -> QRect:
        return QRect(0, HEADER + self._depth() * ROW, self.width(), SPREAD)

    # --- input ---------------------------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        at = event.position().toPoint()
        self.setCursor(Qt.CursorShape.PointingHandCursor if self._level_at(at) else Qt.CursorShape.ArrowCursor)
        self.update()

    def leaveEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        level = self._level_at(event.position().toPoint())
        if level is not None and event.button() is Qt.MouseButton.LeftButton:
            self.picked.emit(level)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is not None:
            asks, bids = len(self._ladder.asks[: self._depth()]), len(self._ladder.bids[: self._depth()])
            start = 0 if self._cursor is None else self._cursor + step
            self._cursor = max(-asks, min(start, bids - 1))
            level = self._at_cursor()
            self.setAccessibleDescription(f"{level.side} {self.price(level)}" if level else "")
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            level = self._at_cursor()
            if level is not None:
                self.picked.emit(level)
        else:
            super().keyPressEvent(event)

    def _at_cursor(self) -> Level | None:
        if self._cursor is None:
            return None
        rows = self._ladder.bids if self._cursor >= 0 else self._ladder.asks
        index = self._cursor if self._cursor >= 0 else -self._cursor - 1
        return rows[index] if index < len(rows) else None

    def _level_at(self, point: QPoint) -> Level | None:
        return next((level for level, area in self.levels() if area.contains(point)), None)

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._rebuild()

    # --- painting ------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._look.colour("surface"))
        painter.setFont(self._look.font(-0.5))
        self._paint_header(painter)
        if self._market is None or not (self._ladder.asks or self._ladder.bids):
            painter.setPen(self._look.colour("muted"))
            painter.drawText(self.rect(), int(Qt.AlignmentFlag.AlignCenter), "Waiting for the book…")
            return
        under = self.mapFromGlobal(self.cursor().pos()) if self.underMouse() else QPoint(-1, -1)
        chosen = self._at_cursor() if self.hasFocus() else None
        painter.setOpacity(0.45 if self._ladder.stale else 1.0)
        for level, area in self.levels():
            self._paint_level(painter, level, area, lit=area.contains(under) or level is chosen)
        painter.setOpacity(1.0)
        self._paint_spread(painter)

    def _columns(self, area: QRect) -> tuple[QRect, QRect, QRect]:
        inner = area.adjusted(MARGIN, 0, -MARGIN, 0)
        third = inner.width() // 3
        price = QRect(inner.left(), inner.top(), third, inner.height())
        amount = QRect(inner.left() + third, inner.top(), third, inner.height())
        total = QRect(inner.left() + 2 * third, inner.top(), inner.width() - 2 * third, inner.height())
        return price, amount, total

    def _paint_header(self, painter: QPainter) -> None:
        painter.setPen(self._look.colour("muted"))
        price, amount, total = self._columns(QRect(0, 0, self.width(), HEADER))
        base, quote = (self._market.base.symbol, self._market.quote.symbol) if self._market else ("", "")
        painter.drawText(price, _LEFT, f"Price {quote}")
        painter.drawText(amount, _RIGHT, f"Amount {base}")
        painter.drawText(total, _RIGHT, f"Total {base}" if self._cumulative else f"Value {quote}")

    def _paint_level(self, painter: QPainter, level: Level, area: QRect, *, lit: bool) -> None:
        market = self._market
        if market is None:
            return
        tone = "up" if level.side == "buy" else "down"
        if lit:
            painter.fillRect(area, self._look.colour("accent_soft"))
        width = area.width() * level.share // PERMILLE
        bar = QRect(area.right() - width + 1, area.top() + 1, width, area.height() - 2)
        painter.fillRect(bar, self._look.colour(tone, 38 if self._look.theme.dark else 30))
        if level.own:
            painter.fillRect(QRect(area.left(), area.top() + 2, 3, area.height() - 4), self._look.colour("accent"))
        price, amount, total = self._columns(area)
        painter.setPen(self._look.colour(tone))
        painter.drawText(price, _LEFT, price_text(market, level.price))
        painter.setPen(self._look.colour("text"))
        painter.drawText(amount, _RIGHT, amount_text(market, level.amount))
        painter.setPen(self._look.colour("muted"))
        painter.drawText(total, _RIGHT, self.last_column(level))

    def _paint_spread(self, painter: QPainter) -> None:
        area = self._spread_area()
        painter.fillRect(area, self._look.colour("sunken"))
        inner = area.adjusted(MARGIN, 0, -MARGIN, 0)
        if self._ladder.stale:
            painter.setPen(self._look.colour("warn"))
            painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter), "⚠ stale: fetching the book again")
            return
        if self._ladder.spread is None or self._market is None:
            return
        painter.setPen(self._look.colour("muted"))
        painter.drawText(inner, _LEFT, "Spread")
        percent = f"{(self._ladder.spread_ppm or 0) / 10_000:.4f} %"
        painter.drawText(inner, _RIGHT, percent)
        painter.setFont(self._look.font(bold=True))
        painter.setPen(self._look.colour("text"))
        painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter), price_text(self._market, self._ladder.spread))
        painter.setFont(self._look.font(-0.5))


class BookControls(QWidget):
    """In the title of the dock: what the bars mean, and how prices are drawn together."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.groups = GroupPicker()
        self.sums = tool("Σ", "book.cumulative", role="segment", checkable=True, spoken="Sum up to each price")
        set_tip(self.sums, "Bars and totals: all up to a price, or each price alone")
        self.sums.setChecked(preferences.get(BOOK_SUMS))
        self.sums.clicked.connect(lambda on: preferences.set(BOOK_SUMS, on))
        self.setLayout(row(self.sums, self.groups, spacing=4))


class GroupPicker(QComboBox):
    """In how many ticks rows of the book are drawn together. ``grouped`` gives ticks."""

    grouped = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        describe(self, "Price steps of the book", "Asks are rounded up, bids down", object_name="book.group")
        self.currentIndexChanged.connect(lambda index: self.grouped.emit(GROUPS[max(index, 0)]))

    def show_market(self, market: MarketInfo) -> None:
        with QSignalBlocker(self):
            self.clear()
            for ticks in GROUPS:
                self.addItem(price_text(market, market.tick_size * ticks))
        self.setCurrentIndex(0)
