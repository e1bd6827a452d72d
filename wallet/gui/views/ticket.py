"""The order ticket: keyboard first, nothing impossible can be sent, and what can't be sent says why."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QSizePolicy

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, AssetInfo, BookView, MarketInfo
from wallet.gui.models.figures import NONE, amount_text, asset_amount, exact, input_text, price_text
from wallet.gui.models.ticket import (
    IOC,
    LIMIT,
    POST_ONLY,
    Assessment,
    Draft,
    Reason,
    Situation,
    assess,
    largest,
    step_amount,
    step_price,
)
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.field import FigureField
from wallet.gui.widgets.layout import button, column, line, row, tool
from wallet.gui.widgets.text import Label, describe, set_look, set_tip

PERCENTS = (25, 50, 75, 100)
_SUMMARY = (
    ("total", "Total"),
    ("fee", "Fee, at most"),
    ("receives", "You receive"),
    ("available", "Available after"),
    ("locked", "Locked after"),
)


class Ticket(QFrame):
    """``sent`` gives market, side, price, amount and time in force in base units."""

    sent = Signal(str, str, object, object, str)  # object: amounts exceed a C++ int

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("ticket")
        self._market: MarketInfo | None = None
        self._view = AppView()
        self._book: BookView | None = None
        self._draft = Draft()
        self._result = Assessment()
        self._refused: tuple[Draft, str] | None = None
        self._side = Choice(
            "ticket.side",
            [("buy", "▲ Buy", "Buy (B)"), ("sell", "▼ Sell", "Sell (S)")],
            roles=("side-buy", "side-sell"),
            spacing=0,
            stretch=True,
        )
        self._kind = Choice(
            "ticket.kind",
            [
                (LIMIT, "Limit", "Rests in the book until it is filled, cancelled or expires"),
                (IOC, "IOC", "Immediate or cancel: trades at once up to its limit; the rest is cancelled"),
                (POST_ONLY, "Post-only", "Only ever rests: refused if it would trade at once"),
            ],
        )
        self.price = FigureField("ticket.price", "Price")
        self.amount = FigureField("ticket.amount", "Amount")
        self._percents = [
            tool(f"{percent} %", f"ticket.percent.{percent}", role="percent", spoken=f"{percent} percent of available")
            for percent in PERCENTS
        ]
        self._values = {key: Label(NONE) for key, _ in _SUMMARY}
        self._spendable = Label("", tone="muted", level="small")
        self._spendable.setObjectName("ticket.spendable")
        self.reason = Label("", tone="muted", level="small", wrap=True)
        self.reason.setObjectName("ticket.reason")
        self.reason.setMinimumHeight(32)
        self.reason.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.send = button("Buy", "ticket.send", role="buy", large=True)
        self._arrange()
        self._connect()
        self._refresh()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(264, 420)

    # --- what comes in -------------------------------------------------------------------------------------------

    def show_market(self, market: MarketInfo) -> None:
        """Another market empties the ticket: a price of one means nothing in another."""
        if self._market is None or self._market.name != market.name:
            self._draft = replace(self._draft, price="", amount="")
            self._book = None
        self._market = market
        self.price.set_unit(market.quote.symbol)
        self.amount.set_unit(market.base.symbol)
        self._refresh()

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._refresh()

    def show_book(self, book: BookView) -> None:
        changed = self._book is None or (book.bids[:1], book.asks[:1]) != (self._book.bids[:1], self._book.asks[:1])
        self._book = book
        if changed:
            self._refresh()

    def take_price(self, price: int) -> None:
        """A click in the book."""
        if self._market is not None:
            self._put(price=input_text(price_text(self._market, price)))
            self.amount.edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_refusal(self, text: str) -> None:
        """Why the order was not taken; stays until the draft changes."""
        self._refused = (self._draft, text)
        self._refresh()

    def choose_side(self, side: str) -> None:
        self._put(side=side)

    @property
    def draft(self) -> Draft:
        return self._draft

    # --- the user's hands ----------------------------------------------------------------------------------------

    def _connect(self) -> None:
        self._side.chosen.connect(lambda key: self._put(side=key))
        self._kind.chosen.connect(lambda key: self._put(kind=key))
        self.price.edited.connect(lambda text: self._put(price=text))
        self.amount.edited.connect(lambda text: self._put(amount=text))
        self.price.stepped.connect(lambda steps: self._step("price", steps))
        self.amount.stepped.connect(lambda steps: self._step("amount", steps))
        for percent, made in zip(PERCENTS, self._percents, strict=True):
            made.clicked.connect(lambda _=False, percent=percent: self._take_percent(percent))
        for field in (self.price, self.amount):
            field.entered.connect(self._send)
            field.escaped.connect(self.clear)
            field.lettered.connect(self._take_letter)
        self.send.clicked.connect(self._send)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._send()
        else:
            super().keyPressEvent(event)

    def _take_letter(self, letter: str) -> None:
        side = {"b": "buy", "s": "sell"}.get(letter)
        if side is not None:
            self._put(side=side)

    def clear(self) -> None:
        self._put(price="", amount="")

    def _put(self, **changes: str) -> None:
        self._draft = replace(self._draft, **changes)
        self._refresh()

    def _situation(self) -> Situation | None:
        return Situation.of(self._view, self._market, self._book) if self._market else None

    def _step(self, where: str, steps: int) -> None:
        now = self._situation()
        if now is not None:
            make = step_price if where == "price" else step_amount
            self._put(**{where: make(self._draft, now, steps)})

    def _take_percent(self, percent: int) -> None:
        now = self._situation()
        if now is None or self._market is None:
            return
        amount = largest(self._draft, now, percent)
        if amount is None:
            self.show_refusal(sentence("TICKET-NO-PRICE"))
        else:
            self._put(amount=input_text(amount_text(self._market, amount)))

    def _send(self) -> None:
        result = self._result
        if self._market is None or result.reason is not None or result.price is None or result.amount is None:
            return
        self.sent.emit(self._market.name, self._draft.side, result.price, result.amount, self._draft.kind)
        # the amount goes, so that a second Enter sends nothing twice; the price stays for the next order
        self._put(amount="")

    # --- what it shows -------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        for index, (key, title) in enumerate(_SUMMARY):
            value = self._values[key]
            value.setObjectName(f"ticket.{key}")
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(Label(title, tone="muted"), index, 0)
            grid.addWidget(value, index, 1)
        for made in self._percents:
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setLayout(
            column(
                self._side,
                10,
                self._kind,
                10,
                self.price,
                7,
                self.amount,
                4,
                row(None, self._spendable),
                6,
                row(*self._percents, spacing=5),
                11,
                line(),
                9,
                grid,
                11,
                self.send,
                6,
                self.reason,
                None,
                margins=(12, 12, 12, 8),
            )
        )

    def _refresh(self) -> None:
        now = self._situation()
        if self._refused is not None and self._refused[0] != self._draft:
            self._refused = None
        self._side.choose(self._draft.side)
        self._kind.choose(self._draft.kind)
        self.price.set_text(self._draft.price)
        self.amount.set_text(self._draft.amount)
        if now is None:
            self.send.setEnabled(False)
            return
        self._result = assess(self._draft, now)
        self._show_figures(now)
        self._show_reason(now)

    def _show_figures(self, now: Situation) -> None:
        market, result, buys = now.market, self._result, self._draft.side == "buy"
        paid, received = (market.quote, market.base) if buys else (market.base, market.quote)
        shown = {
            "total": (market.quote, result.total),
            "fee": (received, result.fee),
            "receives": (received, result.receives),
            "available": (paid, result.available_after),
            "locked": (paid, result.locked_after),
        }
        for key, (asset, value) in shown.items():
            _show_value(self._values[key], asset, value)
        spendable = now.spendable(self._draft.side)
        self._spendable.show_text(f"Available {asset_amount(paid, spendable)}")
        enough = spendable > 0
        for made in self._percents:
            made.setEnabled(enough)
            set_tip(made, "" if enough else f"No {paid.symbol} available")

    def _show_reason(self, now: Situation) -> None:
        result = self._result
        verb = "Buy" if self._draft.side == "buy" else "Sell"
        text = f"{verb} {now.market.base.symbol}"
        if text != self.send.text():
            self.send.setText(text)
            describe(self.send, text)
            set_look(self.send, role=self._draft.side)
        self.send.setEnabled(result.reason is None)
        told, tone = "", "muted"
        if self._refused is not None:
            told, tone = self._refused[1], "down"
        elif result.reason is not None:
            told = sentence(result.reason.code, result.reason.params)
            tone = "warn" if self._is_wrong(result.reason) else "muted"
        elif result.hint is not None:
            told = sentence(result.hint.code, result.hint.params)
            tone = "warn" if result.hint.code == "TICKET-FAR" else "muted"
        self.reason.show_text(told)
        self.reason.set_tone(tone)
        set_tip(self.send, told if result.reason is not None else "")
        for name, field in (("price", self.price), ("amount", self.amount)):
            field.set_wrong(result.reason is not None and result.reason.field == name and self._is_wrong(result.reason))

    def _is_wrong(self, reason: Reason) -> bool:
        """Whether something was typed that won't do, against something not typed yet."""
        typed = {"price": self._draft.price, "amount": self._draft.amount}.get(reason.field, "")
        return bool(typed.strip())


def _show_value(label: Label, asset: AssetInfo, value: int | None) -> None:
    if value is None:
        label.show_text(NONE)
        set_tip(label, "")
        return
    label.show_text(asset_amount(asset, value))
    set_tip(label, exact(asset, value))
