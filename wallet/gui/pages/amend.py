"""Changing an open order: its price and what is left of it, with the same reasons as the ticket."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QWidget

from wallet.app.messages import sentence
from wallet.app.snapshots import MarketInfo, OrderView
from wallet.gui.models.asking import without
from wallet.gui.models.figures import amount_text, input_text, price_text
from wallet.gui.models.steppers import step_amount, step_price
from wallet.gui.models.ticket import Draft, Situation, assess
from wallet.gui.widgets.field import FigureField
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label


class AmendDialog(QDialog):
    """``wanted`` gives the order, its new price and how much shall be left to fill."""

    wanted = Signal(bytes, object, object)

    def __init__(
        self, order: OrderView, market: MarketInfo, now: Situation, parent: QWidget, price: int | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("amend")
        self.setWindowTitle("Change an order")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(380)
        self.order, self.market = order, market
        self._now = without(now, order)
        self._price = FigureField("amend.price", "Price")
        self._amount = FigureField("amend.amount", "Left to fill")
        self._price.set_unit(market.quote.symbol)
        self._amount.set_unit(market.base.symbol)
        self._price.set_text(input_text(price_text(market, order.price if price is None else price)))
        self._amount.set_text(input_text(amount_text(market, order.amount - order.filled)))
        self._reason = Label("", tone="muted", level="small", wrap=True)
        self._reason.setObjectName("amend.reason")
        self._reason.setMinimumHeight(32)
        self._change = button("Change order", "amend.yes", role="primary")
        keep = button("Keep it as it is", "amend.no")
        for field, stepped in ((self._price, self._step_price), (self._amount, self._step_amount)):
            field.edited.connect(lambda _: self._assess())
            field.stepped.connect(stepped)
            field.entered.connect(self._accept)
            field.escaped.connect(self.reject)
        self._change.clicked.connect(self._accept)
        keep.clicked.connect(self.reject)
        title = Label(f"{order.side.capitalize()} order in {market.name}", level="title")
        words = Label(
            "It is taken back first and placed anew once both have signed that it is gone: it loses its place in the "
            "queue. What fills meanwhile comes off the amount.",
            tone="muted",
            wrap=True,
        )
        buttons = row(None, keep, self._change)
        self.setLayout(
            column(
                *(title, 6, words, 14, self._price, 7, self._amount, 8, self._reason, 10, buttons),
                margins=(22, 18, 22, 16),
            )
        )
        give_back_focus(self)
        self._price.edit.selectAll()
        self._price.setFocus()
        self._assess()

    def show_order(self, order: OrderView | None, now: Situation) -> None:
        """The order as it is now; None once it is gone."""
        if order is None:
            self.reject()
        elif order != self.order:
            self.order, self._now = order, without(now, order)
            self._assess()

    def _draft(self) -> Draft:
        return Draft(self.order.side, self.order.time_in_force, self._price.text, self._amount.text)

    def _step_price(self, steps: int) -> None:
        self._price.set_text(step_price(self._draft(), self._now, steps))
        self._assess()

    def _step_amount(self, steps: int) -> None:
        self._amount.set_text(step_amount(self._draft(), self._now, steps))
        self._assess()

    def _assess(self) -> None:
        found = assess(self._draft(), self._now)
        left = self.order.amount - self.order.filled
        same = (found.price, found.amount) == (self.order.price, left)
        told = found.reason or found.hint
        self._reason.show_text(sentence(told.code, told.params) if told else "")
        self._reason.set_tone("warn" if found.reason else "muted")
        self._change.setEnabled(found.reason is None and not same)

    def _accept(self) -> None:
        found = assess(self._draft(), self._now)
        if self._change.isEnabled() and found.price is not None and found.amount is not None:
            self.wanted.emit(self.order.id, found.price, found.amount)
            self.accept()
