"""The workspace: docks around the chart, their layout kept in the profile, and the wires between them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMainWindow, QTabWidget

from wallet.app.snapshots import AppView, MarketInfo, MarketView
from wallet.gui.desk import Desk
from wallet.gui.models.book import Level
from wallet.gui.models.settings import BOOK_SUMS
from wallet.gui.views.activity import FillsView, OrdersView
from wallet.gui.views.book import BookControls, BookLadder
from wallet.gui.views.chart import FIRST_INTERVAL, ChartView, interval_choice
from wallet.gui.views.depth import DepthChart
from wallet.gui.views.dock import Dock
from wallet.gui.views.flags import FlagsView
from wallet.gui.views.funds import FundsView
from wallet.gui.views.history import HistoryView
from wallet.gui.views.layouts import STANDARD, Layouts
from wallet.gui.views.markets import MarketsView
from wallet.gui.views.result import ResultView
from wallet.gui.views.tape import Tape
from wallet.gui.views.ticket import Ticket


class Workspace(QMainWindow):
    """Shows snapshots and says what the user wants; commands are the window's business."""

    order_wanted = Signal(object)
    cancel_wanted = Signal(bytes)
    cancel_all_wanted = Signal(str)
    trigger_cancel_wanted = Signal(bytes)
    amend_wanted = Signal(bytes, object)
    stop_wanted = Signal()
    said = Signal(str, str)

    def __init__(self, desk: Desk, settings: QSettings | None) -> None:
        super().__init__()
        self.setObjectName("workspace")
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._desk = desk
        self._market: MarketInfo | None = None
        self._interval = FIRST_INTERVAL
        self._view = AppView()
        self._prices: MarketView | None = None
        self._locked = True
        self.markets = MarketsView(desk.look)
        self.funds = FundsView(desk.look)
        self.chart, self._intervals = ChartView(), interval_choice()
        self.depth_chart = DepthChart(desk.look)
        self.book, controls = BookLadder(desk.look), BookControls(desk.preferences)
        self._groups = controls.groups
        self.tape = Tape(desk.look)
        self.ticket = Ticket(desk.preferences)
        self.orders, self.fills = OrdersView(desk.look), FillsView(desk.look)
        self.history = HistoryView(desk)
        self.result = ResultView(desk.look)
        self.flags = FlagsView(desk.look)
        self.docks = {
            "markets": Dock("markets", "Markets", self.markets),
            "funds": Dock("funds", "Channel", self.funds),
            "chart": Dock("chart", "Chart", self.chart, self._intervals),
            "depth": Dock("depth", "Depth", self.depth_chart),
            "book": Dock("book", "Order book", self.book, controls),
            "tape": Dock("tape", "Trades", self.tape),
            "ticket": Dock("ticket", "Order", self.ticket),
            "orders": Dock("orders", "Open orders", self.orders),
            "fills": Dock("fills", "Fills", self.fills),
            "result": Dock("result", "Session result", self.result),
            "history": Dock("history", "History", self.history),
            "flags": Dock("flags", "Flags", self.flags),
        }
        self._connect()
        self.layouts = Layouts(self, self.docks, settings)
        self.layouts.arrange(STANDARD)

    def _connect(self) -> None:
        self.markets.chosen.connect(self.choose_market)
        self._intervals.chosen.connect(self._choose_interval)
        self._groups.grouped.connect(self.book.set_group)
        self._desk.preferences.changed.connect(self._take_preference)
        self._take_preference(BOOK_SUMS.key)
        self.book.picked.connect(self._take_level)
        self.ticket.sent.connect(self.order_wanted)
        self.orders.cancelled.connect(self.cancel_wanted)
        self.orders.all_cancelled.connect(self.cancel_all_wanted)
        self.orders.trigger_cancelled.connect(self.trigger_cancel_wanted)
        self.orders.changed.connect(lambda order: self.amend_wanted.emit(order, None))
        self.orders.stopped.connect(self.stop_wanted)
        self.chart.amended.connect(self.amend_wanted)
        self.chart.picked.connect(self.ticket.take_price)
        self.history.said.connect(self.said)
        for dock in self.docks.values():
            dock.visibilityChanged.connect(self._came_up)

    # --- layout --------------------------------------------------------------------------------------------------

    def _take_preference(self, key: str) -> None:
        if key in ("", BOOK_SUMS.key):
            self.book.set_cumulative(self._desk.preferences.get(BOOK_SUMS))

    def reset_layout(self) -> None:
        """Back to the layout of the first start."""
        self.layouts.arrange(self.layouts.usual())

    def lock(self, *, locked: bool) -> None:
        self._locked = locked
        for dock in self.docks.values():
            dock.lock(locked=locked)
        self.layouts.mark_tabs()

    def view_actions(self) -> list[QAction]:
        """One per dock, to show and hide it."""
        return [dock.toggleViewAction() for dock in self.docks.values()]

    def raise_dock(self, name: str) -> None:
        self.docks[name].show()
        self.docks[name].raise_()

    def go_to(self, name: str) -> None:
        """What a shortcut means: a side of the ticket, the price, the book, or a panel."""
        if name in ("buy", "sell"):
            self.ticket.choose_side(name)
            if not self.ticket.isAncestorOf(QApplication.focusWidget() or self):
                self.ticket.price.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif name == "price":
            self.ticket.price.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        elif name == "find-market":
            self.raise_dock("markets")
            self.markets.open_search()
        elif name == "book":
            self.book.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            self.raise_dock(name)

    # --- what comes in -------------------------------------------------------------------------------------------

    def show_view(self, view: AppView) -> None:
        old, self._view = self._view, view
        if view.markets != old.markets or view.broker != old.broker:
            self.markets.show_markets(view.markets)
            kept = self._market.name if self._market else ""
            self._market = None
            names = [market.name for market in view.markets]
            if names:
                self.choose_market(kept if kept in names else names[0])
        self.ticket.show_view(view)
        self.chart.show_view(view)
        if self._prices is not None and (view.channel and view.channel.orders) != (old.channel and old.channel.orders):
            self.book.show_book(self._prices.book, view.channel.orders if view.channel else ())
        self._show_if_seen("funds", self.funds.show_view)
        self._show_if_seen("orders", self.orders.show_view)
        self._show_if_seen("fills", self.fills.show_view)
        self._show_if_seen("result", self.result.show_view)
        self._show_if_seen("flags", self.flags.show_view)
        self.history.show_view(view)
        self._count_tabs(view)

    def _show_if_seen(self, name: str, show: Callable[[AppView], None]) -> None:
        """Hidden views are drawn when they come up, not before."""
        if self.docks[name].widget().isVisible() or not self.isVisible():
            show(self._view)

    def _count_tabs(self, view: AppView) -> None:
        count = len(view.flags)
        title = f"Flags ({count})" if count else "Flags"
        if self.docks["flags"].windowTitle() != title:
            self.docks["flags"].setWindowTitle(title)

    def show_prices(self, prices: MarketView) -> None:
        self.markets.show_market(prices)
        self.result.show_prices(prices)
        if self._market is None or prices.book.market != self._market.name:
            return
        self._prices = prices
        channel = self._view.channel
        self.book.show_book(prices.book, channel.orders if channel else ())
        self.tape.show_rows(prices.tape)
        self.ticket.show_book(prices.book)
        if prices.interval == self._interval:
            self.chart.show_prices(prices)
        if self.depth_chart.isVisible():
            self.depth_chart.show_book(prices.book)

    @property
    def market(self) -> str:
        """The name of the market everything turns to."""
        return self._market.name if self._market else ""

    def choose_market(self, name: str) -> None:
        """Everything that is about one market turns to this one."""
        market = next((market for market in self._view.markets if market.name == name), None)
        if market is None or (self._market is not None and self._market == market):
            return
        self._market, self._prices = market, None
        shown: list[Callable[[MarketInfo], None]] = [
            self.chart.show_market,
            self.depth_chart.show_market,
            self.book.show_market,
            self._groups.show_market,
            self.tape.show_market,
            self.ticket.show_market,
            self.orders.show_market,
        ]
        for show in shown:
            show(market)
        self.docks["chart"].heading.show_foreign(name, 24)
        self.markets.select(name)
        self._desk.backend.watch_market(name, self._interval)

    def _choose_interval(self, key: str) -> None:
        self._interval = int(key)
        if self._market is not None:
            self.chart.show_market(self._market)
            self._desk.backend.watch_market(self._market.name, self._interval)

    def _take_level(self, level: Level) -> None:
        self.ticket.take_price(level.price)

    def _came_up(self, visible: bool) -> None:
        """A tab came up: what it missed while it was hidden is drawn now."""
        if visible:
            self.show_view(self._view)
            if self._prices is not None:
                self.show_prices(self._prices)
