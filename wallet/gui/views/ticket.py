"""The order ticket: keyboard first, nothing impossible can be sent, and what can't be sent says why."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QSizePolicy

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, BookView, MarketInfo
from wallet.gui.models.asked import Presses
from wallet.gui.models.figures import amount_text, asset_amount, input_text, price_text, quote_text
from wallet.gui.models.settings import LIFETIME, SLIPPAGE
from wallet.gui.models.steppers import step_amount, step_price
from wallet.gui.models.ticket import (
    KINDS,
    LIMIT,
    MARKET,
    POST_ONLY,
    Assessment,
    Draft,
    Reason,
    Situation,
    largest,
    led_by_total,
)
from wallet.gui.models.trigger import NAMES, WHEN, WHEN_HELP, assess_any, wish_any
from wallet.gui.settings import Preferences
from wallet.gui.views.summary import Summary
from wallet.gui.widgets.choice import Choice, Picker
from wallet.gui.widgets.field import FigureField
from wallet.gui.widgets.layout import button, column, line, row, tool
from wallet.gui.widgets.text import AmountLabel, Label, describe, set_look, set_tip

PERCENTS = (25, 50, 75, 100)


class Ticket(QFrame):
    """``sent`` gives the :class:`~wallet.gui.models.ticket.Wish` that was asked for."""

    sent = Signal(object)

    def __init__(self, preferences: Preferences) -> None:
        super().__init__()
        self.setObjectName("ticket")
        self._preferences = preferences
        self._market: MarketInfo | None = None
        self._view = AppView()
        self._book: BookView | None = None
        self._draft = Draft(cap=preferences.get(SLIPPAGE), lifetime=preferences.get(LIFETIME))
        self._result = Assessment()
        self._refused: tuple[Draft, str] | None = None
        self._presses = Presses(lambda: secrets.token_hex(16))
        self._side = Choice(
            "ticket.side",
            [("buy", "▲ Buy", "Buy (B)"), ("sell", "▼ Sell", "Sell (S)")],
            roles=("side-buy", "side-sell"),
            spacing=0,
            stretch=True,
        )
        self._kind = Choice("ticket.kind", KINDS, spacing=0)
        self.price = FigureField("ticket.price", "Price")
        self.amount = FigureField("ticket.amount", "Amount")
        self.total = FigureField("ticket.total", "Total", steps=False)
        self._cap = Picker("ticket.cap", "Slippage, at most", SLIPPAGE.options, SLIPPAGE.help)
        self._lifetime = Picker("ticket.lifetime", "Good for", LIFETIME.options, LIFETIME.help)
        self._when = Picker("ticket.when", "Send", WHEN, WHEN_HELP)
        self._consent = QCheckBox("Trade at this price all the same")
        describe(self._consent, "Trade at this price all the same", object_name="ticket.consent")
        self._percents = [
            tool(f"{percent} %", f"ticket.percent.{percent}", role="percent", spoken=f"{percent} percent of available")
            for percent in PERCENTS
        ]
        self._summary = Summary()
        self._spendable = AmountLabel("", tone="muted", level="small")
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
            self._draft = replace(self._draft, price="", amount="", total="", consent=False)
            self._book = None
        self._market = market
        self.price.set_unit(market.quote.symbol)
        self.amount.set_unit(market.base.symbol)
        self.total.set_unit(market.quote.symbol)
        self._refresh()

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._presses.show_view(view)
        self._refresh()

    def show_book(self, book: BookView) -> None:
        changed = self._book is None or self._draft.kind == MARKET or _tops(book) != _tops(self._book)
        self._book = book
        if changed:
            self._refresh()

    def take_price(self, price: int) -> None:
        """A click in the book."""
        if self._market is not None:
            takes_none = self._draft.kind == MARKET and not self._draft.trigger
            kind = LIMIT if takes_none else self._draft.kind
            self._put(price=input_text(price_text(self._market, price)), kind=kind)
            self.amount.edit.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_unanswered(self, client_id: str, order: str, text: str) -> None:
        """Nobody knows whether it was taken: back in the ticket it asks for the very same order again."""
        draft = self._presses.unanswered(client_id, order)
        if draft is not None and not self._draft.amount:
            self._draft = draft
        self.show_refusal(text)

    def answered(self, client_id: str) -> None:
        """It is known what became of that order."""
        self._presses.answered(client_id)

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
        self.amount.edited.connect(lambda text: self._put(amount=text, total=""))
        self.total.edited.connect(lambda text: self._put(total=text, amount=self._draft.amount if text else ""))
        self._when.chosen.connect(lambda when: self._put(when=when))
        self._cap.chosen.connect(lambda cap: self._put(cap=cap))
        self._lifetime.chosen.connect(lambda seconds: self._put(lifetime=seconds))
        self._consent.clicked.connect(lambda ticked: self._put(consent=ticked))
        self.price.stepped.connect(lambda steps: self._step("price", steps))
        self.amount.stepped.connect(lambda steps: self._step("amount", steps))
        for percent, made in zip(PERCENTS, self._percents, strict=True):
            made.clicked.connect(lambda _=False, percent=percent: self._take_percent(percent))
        for field in (self.price, self.amount, self.total):
            field.entered.connect(self._send)
            field.escaped.connect(self.clear)
            field.lettered.connect(self._take_letter)
        self.send.clicked.connect(self._send)
        self._preferences.changed.connect(self._take_defaults)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._send()
        else:
            super().keyPressEvent(event)

    def _take_defaults(self, key: str) -> None:
        """The settings were changed: new orders begin from them."""
        if key in ("", SLIPPAGE.key):
            self._put(cap=self._preferences.get(SLIPPAGE))
        if key in ("", LIFETIME.key):
            self._put(lifetime=self._preferences.get(LIFETIME))

    def _take_letter(self, letter: str) -> None:
        side = {"b": "buy", "s": "sell"}.get(letter)
        if side is not None:
            self._put(side=side)

    def clear(self) -> None:
        self._put(price="", amount="", total="")

    def _put(self, **changes: Any) -> None:
        """Consent is to what was on the screen: any other change takes it back."""
        self._draft = replace(self._draft, **({"consent": False} | changes))
        self._refresh()

    def _situation(self) -> Situation | None:
        return Situation.of(self._view, self._market, self._book) if self._market else None

    def _step(self, where: str, steps: int) -> None:
        now = self._situation()
        if now is not None:
            if where == "price":
                self._put(price=step_price(self._draft, now, steps))
            else:
                self._put(amount=step_amount(self._draft, now, steps), total="")

    def _take_percent(self, percent: int) -> None:
        now = self._situation()
        if now is None or self._market is None:
            return
        amount = largest(self._draft, now, percent)
        if amount is None:
            self.show_refusal(sentence("TICKET-NO-PRICE"))
        else:
            self._put(amount=input_text(amount_text(self._market, amount)), total="")

    def _send(self) -> None:
        now = self._situation()
        wanted = wish_any(self._draft, now) if now is not None else None
        if wanted is not None:
            channel = self._view.channel.id if self._view.channel is not None else b""
            client_id = self._presses.name((channel, wanted.market), self._draft)
            self.sent.emit(replace(wanted, client_id=client_id))

    def sent_off(self) -> None:
        """The amount goes, so that a second Enter sends nothing twice; the price stays for the next order."""
        self._put(amount="", total="")

    # --- what it shows -------------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        for made in self._percents:
            made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setLayout(
            column(
                self._side,
                10,
                self._kind,
                10,
                self._when,
                6,
                self.price,
                self._cap,
                6,
                self.amount,
                6,
                self.total,
                4,
                row(None, self._spendable),
                6,
                row(*self._percents, spacing=5),
                6,
                self._lifetime,
                8,
                line(),
                7,
                self._summary,
                8,
                self._consent,
                6,
                self.send,
                6,
                self.reason,
                None,
                margins=(12, 12, 12, 8),
            )
        )

    def _refresh(self) -> None:
        now = self._situation()
        if now is not None:
            self._draft = led_by_total(self._draft, now)
        if self._refused is not None and self._refused[0] != self._draft:
            self._refused = None
        draft = self._draft
        self._side.choose(draft.side)
        self._kind.choose(draft.kind)
        self.price.set_text(draft.price)
        self.amount.set_text(draft.amount)
        self._cap.choose(draft.cap)
        self._lifetime.choose(draft.lifetime)
        self._consent.setChecked(draft.consent)
        self._when.choose(draft.when)
        self._when.setVisible(draft.kind == MARKET)
        self.price.setVisible(draft.kind != MARKET or bool(draft.trigger))
        self.price.set_label("Once at" if draft.trigger else "Price")
        self._cap.setVisible(draft.kind == MARKET)
        self._lifetime.setVisible(draft.kind in (LIMIT, POST_ONLY))
        if now is None:
            self.send.setEnabled(False)
            return
        self._result = assess_any(self._draft, now)
        self._show_figures(now)
        self._show_reason(now)

    def _show_figures(self, now: Situation) -> None:
        market, result = now.market, self._result
        paid = market.quote if self._draft.side == "buy" else market.base
        self._summary.show_figures(market, self._draft, result)
        if not self._draft.total:
            self.total.set_text("" if result.total is None else input_text(quote_text(market, result.total)))
        spendable = now.spendable(self._draft.side)
        self._spendable.show_text(f"Available {asset_amount(paid, spendable)}")
        enough = spendable > 0
        for made in self._percents:
            made.setEnabled(enough)
            set_tip(made, "" if enough else f"No {paid.symbol} available")

    def _show_reason(self, now: Situation) -> None:
        result = self._result
        asks = self._draft.consent or (result.reason is not None and result.reason.field == "consent")
        self._consent.setVisible(asks)
        verb = "Buy" if self._draft.side == "buy" else "Sell"
        text = f"{verb} {now.market.base.symbol}"
        if self._draft.trigger:
            text = f"Set {NAMES[self._draft.trigger]}"
        if text != self.send.text():
            self.send.setText(text)
            describe(self.send, text)
            set_look(self.send, role=self._draft.side)
        self.send.setEnabled(result.reason is None)
        told, tone = "", "muted"
        if self._refused is not None:
            told, tone = self._refused[1], "bad"
        elif result.reason is not None:
            told = sentence(result.reason.code, result.reason.params)
            tone = "warn" if self._is_wrong(result.reason) else "muted"
        elif result.hint is not None:
            told = sentence(result.hint.code, result.hint.params)
            tone = "warn" if result.hint.code in ("TICKET-FAR", "TICKET-SLIPS") else "muted"
        self.reason.show_text(told)
        self.reason.set_tone(tone)
        set_tip(self.send, told if result.reason is not None else "")
        for name, field in (("price", self.price), ("amount", self.amount)):
            field.set_wrong(result.reason is not None and result.reason.field == name and self._is_wrong(result.reason))

    def _is_wrong(self, reason: Reason) -> bool:
        """Whether something was typed that won't do, against something not typed yet."""
        if reason.field == "consent":
            return True
        typed = {"price": self._draft.price, "amount": self._draft.amount}.get(reason.field, "")
        return bool(typed.strip())


def _tops(book: BookView) -> tuple[object, object]:
    return book.bids[:1], book.asks[:1]
