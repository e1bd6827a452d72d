"""Open orders and fills, as tables."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame

from wallet.app.snapshots import AppView, MarketInfo
from wallet.gui.look import Look
from wallet.gui.models.ledger import SIDES, FillLine, OrderLine, TriggerLine, fills, open_orders, side_tone, waiting
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label, set_tip

Line = OrderLine | TriggerLine


class OrdersView(QFrame):
    """Orders, and above them what waits here. ``cancelled`` and ``changed`` give an order's id,
    ``trigger_cancelled`` a trigger's; ``all_cancelled`` a market, "" for every order."""

    cancelled = Signal(bytes)
    changed = Signal(bytes)
    all_cancelled = Signal(str)
    trigger_cancelled = Signal(bytes)
    stopped = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("orders")
        columns: list[Column[Line]] = [
            Column("Time", 70, lambda line: line.time(), tone=lambda _: "muted"),
            Column("Market", 86, lambda line: line.where()),
            Column("Side", 58, lambda line: SIDES.get(line.side, ""), tone=lambda line: side_tone(line.side)),
            Column("Type", 82, lambda line: line.kind(), tone=lambda _: "muted"),
            Column("Price", 84, lambda line: line.price(), right=True),
            Column("Amount", 76, lambda line: line.amount(), right=True, private=True),
            Column("Filled", 50, lambda line: line.filled(), right=True, tone=lambda _: "muted"),
            Column("Locked", 110, lambda line: line.locked(), right=True, private=True),
            Column("Status", 90, _status, tone=lambda line: line.status()[1], tip=_why, stretch=True),
            Column("", 78, lambda _: "× Cancel", action=lambda line: line.cancellable),
        ]
        self._model: RowsModel[Line] = RowsModel(columns, lambda line: line.key)
        self.table = Table("orders.table", "Open orders", self._model, look, "No open orders.")
        self.table.acted.connect(self._cancel)
        self.table.opened.connect(self._change)
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
        by_name = {market.name: market for market in view.markets}
        lines: tuple[Line, ...] = (*waiting(view.channel, by_name), *open_orders(view.channel, by_name))
        self._model.set_rows(lines)
        live = sum(line.cancellable for line in lines)
        self._count.show_text(f"{live} open" if live else "")
        self._stop.setEnabled(view.channel is not None and not view.stopped)
        here = any(line.cancellable and line.where() == self._market for line in lines)
        self._here.setEnabled(here)
        set_tip(self._here, "" if here else "There is nothing to cancel in this market.")
        self._all.setEnabled(bool(live))
        set_tip(self._all, "" if live else "There is nothing to cancel.")

    def _cancel(self, line: Line) -> None:
        signal = self.trigger_cancelled if isinstance(line, TriggerLine) else self.cancelled
        signal.emit(line.key)

    def _change(self, line: Line) -> None:
        if isinstance(line, OrderLine):
            self.changed.emit(line.key)


class FillsView(QFrame):
    """``export_wanted``: all of them as a file."""

    export_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("fills")
        columns: list[Column[FillLine]] = [
            Column("Time", 76, FillLine.time, tone=lambda _: "muted"),
            Column("Market", 90, lambda line: line.fill.market),
            Column("Side", 64, lambda line: SIDES.get(line.fill.side, ""), tone=lambda line: side_tone(line.fill.side)),
            Column("Price", 92, FillLine.price, right=True),
            Column("Amount", 88, FillLine.amount, right=True, private=True),
            Column("Total", 104, FillLine.total, right=True, private=True),
            Column("With fee", 96, FillLine.effective, right=True),
            Column("Fee", 140, FillLine.fee, right=True, private=True, tone=lambda _: "muted"),
            Column("State", 70, FillLine.state, right=True, tone=lambda _: "muted", stretch=True),
        ]
        self._model: RowsModel[FillLine] = RowsModel(columns, lambda line: line.key)
        self.table = Table("fills.table", "Fills", self._model, look, "No fills yet in this session.")
        self._export = button(
            "Export CSV…", "fills.export", role="quiet", tip="Every fill of this session, for a table"
        )
        self._export.clicked.connect(self.export_wanted)
        self.setLayout(column(self.table, row(None, self._export, margins=(10, 2, 6, 2))))

    def show_view(self, view: AppView) -> None:
        some = view.channel is not None and bool(view.channel.fills)
        self._export.setEnabled(some)
        set_tip(self._export, "" if some else "There are no fills yet.")
        self._model.set_rows(fills(view.channel, {market.name: market for market in view.markets}))


def _status(line: Line) -> str:
    return line.status()[0]


def _why(line: Line) -> str | None:
    return line.why() or None
