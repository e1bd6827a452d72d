"""What the user does with orders, from any view: asked about where that is due, sent, and answered in the notice."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, BookView, OrderStatus, OrderView
from wallet.gui.desk import Desk
from wallet.gui.models import trigger
from wallet.gui.models.asking import question
from wallet.gui.models.settings import CONFIRM_ORDERS
from wallet.gui.models.steps import live_orders
from wallet.gui.models.ticket import Situation, Wish
from wallet.gui.pages.amend import AmendDialog
from wallet.gui.pages.ask import ask
from wallet.gui.views.ticket import Ticket
from wallet.gui.widgets.notice import Notice
from wallet.protocol.errors import WalletError


class Dealer(QObject):
    """Acts on the channel in view: what is on the screen is what a click means."""

    def __init__(self, desk: Desk, ticket: Ticket, notice: Notice, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk, self._ticket, self._notice, self._parent = desk, ticket, notice, parent
        self._view = AppView()
        self._book: BookView | None = None
        self._amending: AmendDialog | None = None

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._refresh_dialog()

    def show_book(self, book: BookView) -> None:
        self._book = book

    @property
    def _channel(self) -> bytes:
        return self._view.channel.id if self._view.channel else b""

    # --- new orders ----------------------------------------------------------------------------------------------

    def place(self, wanted: Wish) -> None:
        """Asks first, unless the user has switched that off."""
        market = next((row for row in self._view.markets if row.name == wanted.market), None)
        preferences = self._desk.preferences
        if market is None or not preferences.get(CONFIRM_ORDERS):
            self._send(wanted)
            return
        title, text = trigger.question(wanted, market) if wanted.trigger else question(wanted, market)
        verb = (
            f"Set {trigger.NAMES[wanted.trigger]}"
            if wanted.trigger
            else f"{wanted.side.capitalize()} {market.base.symbol}"
        )
        silence = lambda: preferences.set(CONFIRM_ORDERS, value=False)  # noqa: E731 - one line of a call
        ask(self._parent.window(), title, text, verb, lambda: self._send(wanted), never_again=silence)

    def _send(self, wanted: Wish) -> None:
        if wanted.trigger:
            self._arm(wanted)
            return
        ticket = self._ticket

        def taken(_: bytes) -> None:
            ticket.answered(wanted.client_id)

        def refused(error: WalletError) -> None:
            text = self._desk.explain(error)
            if error.code == "ORDER_UNKNOWN":
                again = sentence("TICKET-AGAIN")
                ticket.show_unanswered(wanted.client_id, str(error.params.get("order", "")), f"{text} {again}")
                self._notice.say(f"{text} {again}", "bad")
                return
            ticket.answered(wanted.client_id)
            ticket.show_refusal(text)
            self._notice.say(f"The order was not taken. {text}", "bad")

        ticket.sent_off()
        future = self._desk.backend.place_order(
            self._channel,
            wanted.market,
            wanted.side,
            wanted.price,
            wanted.amount,
            wanted.time_in_force,
            client_id=wanted.client_id,
            lifetime=wanted.lifetime,
        )
        self._desk.courier.deliver(future, self, taken, refused)

    def _arm(self, wanted: Wish) -> None:
        """A stop-loss or take-profit: kept here, and sent by this program."""
        name = trigger.NAMES[wanted.trigger]

        def refused(error: WalletError) -> None:
            self._ticket.answered(wanted.client_id)
            self._ticket.show_refusal(self._desk.explain(error))
            self._notice.say(f"The {name} was not set. {self._desk.explain(error)}", "bad")

        def done(_: bytes) -> None:
            self._ticket.answered(wanted.client_id)
            self._notice.say(f"The {name} is set. It works only while this program runs.", "good")

        self._ticket.sent_off()
        future = self._desk.backend.add_trigger(
            self._channel, wanted.market, wanted.side, wanted.trigger, wanted.price, wanted.amount, wanted.cap
        )
        self._desk.courier.deliver(future, self, done, refused)

    def cancel_trigger(self, which: bytes) -> None:
        self._desk.courier.deliver(self._desk.backend.cancel_trigger(which), self, lambda _: None, self._say_error)

    # --- changing one --------------------------------------------------------------------------------------------

    def ask_amend(self, order: bytes, price: int | None = None) -> None:
        """Asks for the new price and amount; ``price`` is one that was pointed at."""
        found = self._order(order)
        market = next((row for row in self._view.markets if found is not None and row.name == found.market), None)
        if found is None or market is None or found.status is not OrderStatus.OPEN:
            self._notice.say("Only an open order can be changed.", "warn")
            return
        book = self._book if self._book is not None and self._book.market == market.name else None
        situation = Situation.of(self._view, market, book)
        dialog = AmendDialog(found, market, situation, self._parent.window(), price)
        dialog.wanted.connect(self._amend)
        dialog.destroyed.connect(self._forget_dialog)
        self._amending = dialog
        dialog.open()

    def _refresh_dialog(self) -> None:
        if self._amending is not None:
            found = self._order(self._amending.order.id)
            self._amending.show_order(found, Situation.of(self._view, self._amending.market, self._book))

    def _forget_dialog(self) -> None:
        self._amending = None

    def _order(self, order: bytes) -> OrderView | None:
        rows = self._view.channel.orders if self._view.channel else ()
        return next((row for row in rows if row.id == order), None)

    def _amend(self, order: bytes, price: int, amount: int) -> None:
        future = self._desk.backend.amend_order(order, price, amount)
        self._notice.say("The order is taken back and placed anew…")
        self._desk.courier.deliver(
            future, self, lambda _: self._notice.say("The order is changed.", "good"), self._say_error
        )

    # --- taking back ---------------------------------------------------------------------------------------------

    def cancel(self, order: bytes) -> None:
        self._desk.courier.deliver(self._desk.backend.cancel_order(order), self, lambda _: None, self._say_error)

    def ask_cancel_all(self, market: str = "") -> None:
        """Of one market, or of all."""
        count = live_orders(self._view.channel, market) if self._view.channel else 0
        if not count:
            return
        where = f" in {market}" if market else ""
        words = f"{count} open order{'s' if count > 1 else ''}{where} will be cancelled."
        title, verb = f"Cancel all orders{where}?", "Cancel all orders"
        ask(self._parent.window(), title, words, verb, lambda: self.cancel_all(market))

    def cancel_all(self, market: str = "") -> None:
        future = self._desk.backend.cancel_all(self._channel, market)
        self._desk.courier.deliver(future, self, self._say_cancelled, self._say_error)

    def _say_cancelled(self, count: int) -> None:
        self._notice.say(f"{count} order{'s' if count != 1 else ''} cancelled.", "good")

    # --- stopping ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """At once and unasked: who stops is in a hurry, and nothing is lost by it."""
        self._desk.courier.deliver(
            self._desk.backend.stop_trading(),
            self,
            lambda count: self._notice.say(f"Stopped. {count} orders taken back; no order is signed.", "warn"),
            self._say_error,
        )

    def resume(self) -> None:
        self._desk.courier.deliver(
            self._desk.backend.resume_trading(),
            self,
            lambda _: self._notice.say("Trading is resumed.", "good"),
            self._say_error,
        )

    def _say_error(self, error: WalletError) -> None:
        self._notice.say(self._desk.explain(error), "bad")
