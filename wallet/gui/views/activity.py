"""Open orders and fills, as tables."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, MarketInfo
from wallet.gui.look import Look
from wallet.gui.models.ledger import KINDS, SIDES, STATUS, FillLine, OrderLine, fills, open_orders, side_tone
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label, set_tip


class OrdersView(QFrame):
    """``cancelled`` and ``changed`` give an order's id; ``all_cancelled`` a market, "" for every order."""

    cancelled = Signal(bytes)
    changed = Signal(bytes)
    all_cancelled = Signal(str)
    stopped = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("orders")
        columns: list[Column[OrderLine]] = [
            Column("Time", 70, OrderLine.time, tone=lambda _: "muted"),
            Column("Market", 86, lambda line: line.order.market),
            Column(
                "Side", 58, lambda line: SIDES.get(line.order.side, ""), tone=lambda line: side_tone(line.order.side)
            ),
            Column("Type", 78, lambda line: KINDS.get(line.order.time_in_force, ""), tone=lambda _: "muted"),
            Column("Price", 78, OrderLine.price, right=True),
            Column("Amount", 76, OrderLine.amount, right=True),
            Column("Filled", 50, OrderLine.filled, right=True, tone=lambda _: "muted"),
            Column("Locked", 110, OrderLine.locked, right=True),
            Column("Status", 90, _status, tone=lambda line: STATUS[line.order.status][1], tip=_why, stretch=True),
            Column("", 78, lambda _: "× Cancel", action=lambda line: line.cancellable),
        ]
        self._model: RowsModel[OrderLine] = RowsModel(columns, lambda line: line.key)
        self.table = Table("orders.table", "Open orders", self._model, look, "No open orders.")
        self.table.acted.connect(lambda line: self.cancelled.emit(line.order.id))
        self.table.opened.connect(lambda line: self.changed.emit(line.order.id))
        self._market = ""
        self._count = Label("", tone="muted", level="small")
        self._all = button("Cancel all", "orders.cancel_all", role="quiet")
        self._all.clicked.connect(lambda: self.all_cancelled.emit(""))
        self._here = button("Cancel this market", "orders.cancel_market", role="quiet")
        self._here.clicked.connect(lambda: self.all_cancelled.emit(self._market))
        self._stop = button(
            "Stop trading", "orders.stop", role="quiet", tip="Take every order back at once and sign no more"
        )
        self._stop.clicked.connect(self.stopped)
        bar = row(self._count, None, self._stop, self._here, self._all, margins=(10, 2, 6, 2))
        self.setLayout(column(self.table, bar))
        self.show_view(AppView())

    def show_market(self, market: MarketInfo) -> None:
        self._market = market.name

    def show_view(self, view: AppView) -> None:
        lines = open_orders(view.channel, {market.name: market for market in view.markets})
        self._model.set_rows(lines)
        live = sum(line.cancellable for line in lines)
        self._count.show_text(f"{live} open" if live else "")
        self._stop.setEnabled(view.channel is not None and not view.stopped)
        here = any(line.cancellable and line.order.market == self._market for line in lines)
        self._here.setEnabled(here)
        set_tip(self._here, "" if here else "There is nothing to cancel in this market.")
        self._all.setEnabled(bool(live))
        set_tip(self._all, "" if live else "There is nothing to cancel.")


class FillsView(QFrame):
    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("fills")
        columns: list[Column[FillLine]] = [
            Column("Time", 76, FillLine.time, tone=lambda _: "muted"),
            Column("Market", 90, lambda line: line.fill.market),
            Column("Side", 64, lambda line: SIDES.get(line.fill.side, ""), tone=lambda line: side_tone(line.fill.side)),
            Column("Price", 92, FillLine.price, right=True),
            Column("Amount", 88, FillLine.amount, right=True),
            Column("Total", 104, FillLine.total, right=True),
            Column("Fee", 140, FillLine.fee, right=True, tone=lambda _: "muted"),
            Column("State", 70, FillLine.state, right=True, tone=lambda _: "muted", stretch=True),
        ]
        self._model: RowsModel[FillLine] = RowsModel(columns, lambda line: line.key)
        self.table = Table("fills.table", "Fills", self._model, look, "No fills yet in this session.")
        self.setLayout(column(self.table))

    def show_view(self, view: AppView) -> None:
        self._model.set_rows(fills(view.channel, {market.name: market for market in view.markets}))


def _status(line: OrderLine) -> str:
    return STATUS[line.order.status][0]


def _why(line: OrderLine) -> str | None:
    return sentence(line.order.reason) if line.order.reason else None
