"""The trading room: strip, banner and notices around the workspace, and the commands its views ask for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

from PySide6.QtCore import QSettings, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from wallet.app.messages import sentence
from wallet.app.recovering import found_words
from wallet.app.snapshots import AppView, FlagView, MarketView, Phase
from wallet.gui.desk import Desk
from wallet.gui.models.settings import CONFIRM_ORDERS
from wallet.gui.models.steps import live_orders
from wallet.gui.models.ticket import Wish, question
from wallet.gui.pages.ask import ask
from wallet.gui.pages.backups import BackupsDialog
from wallet.gui.pages.leave import LeaveDialog
from wallet.gui.views.dispute import DisputeBanner
from wallet.gui.views.flags import FlagBanner
from wallet.gui.views.recovering import RecoveringBanner
from wallet.gui.views.strip import Strip
from wallet.gui.views.workspace import Workspace
from wallet.gui.widgets.files import ask_where, ask_which
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.notice import Notice
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

PLOT_AFTER_MS = 100


def load_plot() -> ModuleType:
    """pyqtgraph and numpy take longer to load than all the rest: only once there is something to see."""
    return import_module("wallet.gui.views.plot")


class TradingRoom(QWidget):
    """Everything one sees while a backend is at work."""

    session_wanted = Signal()

    def __init__(self, desk: Desk, settings: QSettings | None) -> None:
        super().__init__()
        self.setObjectName("room")
        self._desk = desk
        self._view = AppView()
        self._leave: LeaveDialog | None = None
        self._backups: BackupsDialog | None = None
        self._problem = ""
        self._doubted = False  # said once that the profile lies in a doubtful place
        self._chosen = (b"", b"")
        self.opening = False  # a session is being opened: the newest channel is in view, whichever that will be
        self.strip = Strip(desk.look)
        self.banner = FlagBanner()
        self.dispute = DisputeBanner()
        self.recovering = RecoveringBanner()
        self.notice = Notice()
        self.workspace = Workspace(desk, settings)
        layout = column(self.strip, self.dispute, self.recovering, self.banner, self.notice, self.workspace)
        layout.setStretch(5, 1)
        self.setLayout(layout)
        self._connect()
        self._shown = False

    def _connect(self) -> None:
        self.strip.leave_wanted.connect(self.show_leave)
        self.dispute.details_wanted.connect(self.show_leave)
        self.dispute.stay_wanted.connect(self._stay)
        self.recovering.leave_wanted.connect(self.show_leave)
        self.strip.session_wanted.connect(self.session_wanted)
        self.strip.flags_wanted.connect(lambda: self.workspace.raise_dock("flags"))
        self.banner.details_wanted.connect(lambda: self.workspace.raise_dock("flags"))
        self.banner.refuse_wanted.connect(self._refuse)
        self.banner.proof_wanted.connect(lambda flag: self.export_proof(flag.last_good, flag.channel))
        self.banner.evidence_wanted.connect(self._save_evidence)
        self.workspace.flags.evidence_wanted.connect(self._save_evidence)
        self.workspace.order_wanted.connect(self._ask_place)
        self.workspace.cancel_wanted.connect(self._cancel)
        self.workspace.cancel_all_wanted.connect(self.ask_cancel_all)
        self.workspace.said.connect(self.notice.say)
        self.workspace.funds.chosen.connect(self.choose)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        if not self._shown:
            self._shown = True
            self.workspace.restore_layout()
            QTimer.singleShot(PLOT_AFTER_MS, self._load_plot)

    def _load_plot(self) -> None:
        self.workspace.chart.set_plot(load_plot().CandlePlot(self._desk.look))

    # --- snapshots -----------------------------------------------------------------------------------------------

    @property
    def _channel(self) -> bytes:
        """The channel in view: what is on the screen is what a click acts on."""
        return self._view.channel.id if self._view.channel else b""

    def choose(self, broker: bytes, channel: bytes) -> None:
        """Which broker and channel are in view; it stays so until the user chooses another."""
        if (broker, channel) != self._chosen:
            self._chosen = (broker, channel)
            self._desk.backend.choose(broker, channel)

    def show_view(self, view: AppView) -> None:
        self._view = view
        followed = not self._chosen[1] and self._chosen[0] in (b"", view.broker)
        if self._channel and followed and not self.opening:
            self.choose(view.broker, self._channel)  # or one opened elsewhere would take its place under a click
        self.strip.show_view(view)
        self.dispute.show_view(view)
        self.recovering.show_view(view)
        self.banner.show_view(view)
        self.workspace.show_view(view)
        if self._leave is not None:
            self._leave.show_view(view)
        if self._backups is not None:
            self._backups.show_view(view)
        self._show_problem(view)

    def _show_problem(self, view: AppView) -> None:
        problem = view.connection.problem
        if problem == self._problem and (self._doubted or not view.doubt):
            return
        self._problem = problem
        if problem:
            self.notice.say(sentence(problem, dict(view.connection.problem_params)), "warn")
        elif view.doubt and not self._doubted:
            self._doubted = True
            self.notice.say(sentence(view.doubt), "warn")
        else:
            self.notice.dismiss()

    def show_prices(self, prices: MarketView) -> None:
        if prices.book.broker != self._view.broker:
            return  # on its way when another broker was chosen
        self.workspace.show_prices(prices)

    def refresh_ages(self) -> None:
        self.strip.refresh()
        self.dispute.refresh()
        if self._leave is not None:
            self._leave.refresh()

    def save_layout(self) -> None:
        self.workspace.save_layout()

    def open_work(self) -> str:
        """What would be left behind by quitting now; empty if nothing."""
        channel = self._view.channel
        if channel is None or channel.phase in (Phase.NONE, Phase.WITHDRAWN, Phase.ABANDONED):
            return ""
        count = live_orders(channel)
        orders = f"{count} order{'s are' if count > 1 else ' is'} still open. " if count else ""
        return (
            f"{orders}The session stays open and goes on when you come back. While this program is closed nothing is "
            "signed, and your orders are not filled for long: the broker needs a sign of life from you."
        )

    # --- commands ------------------------------------------------------------------------------------------------

    def _ask_place(self, wanted: Wish) -> None:
        market = next((row for row in self._view.markets if row.name == wanted.market), None)
        preferences = self._desk.preferences
        if market is None or not preferences.get(CONFIRM_ORDERS):
            self._place(wanted)
            return
        title, text = question(wanted, market)
        verb = f"{wanted.side.capitalize()} {market.base.symbol}"
        ask(
            self.window(),
            title,
            text,
            verb,
            lambda: self._place(wanted),
            never_again=lambda: preferences.set(CONFIRM_ORDERS, value=False),
        )

    def _place(self, wanted: Wish) -> None:
        ticket = self.workspace.ticket

        def taken(_: bytes) -> None:
            ticket.answered(wanted.client_id)

        def refused(error: WalletError) -> None:
            text = self._desk.explain(error)
            if error.code == "ORDER_UNKNOWN":
                again = sentence("TICKET-AGAIN")
                ticket.show_unanswered(wanted.client_id, str(error.params.get("order", "")), f"{text} {again}")
                self.notice.say(f"{text} {again}", "bad")
                return
            ticket.answered(wanted.client_id)
            ticket.show_refusal(text)
            self.notice.say(f"The order was not taken. {text}", "bad")

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

    def _cancel(self, order: bytes) -> None:
        self._desk.courier.deliver(self._desk.backend.cancel_order(order), self, lambda _: None, self._say_error)

    def ask_cancel_all(self) -> None:
        count = live_orders(self._view.channel) if self._view.channel else 0
        if count:
            words = f"{count} open order{'s' if count > 1 else ''} will be cancelled."
            ask(self.window(), "Cancel all orders?", words, "Cancel all orders", self._cancel_all)

    def _cancel_all(self) -> None:
        def done(count: int) -> None:
            self.notice.say(f"{count} order{'s' if count != 1 else ''} cancelled.", "good")

        self._desk.courier.deliver(self._desk.backend.cancel_all(self._channel), self, done, self._say_error)

    def _refuse(self, flag: FlagView) -> None:
        def done(_: None) -> None:
            self.notice.say("Refused. The channel goes on from your last good state.", "good")

        self._desk.courier.deliver(self._desk.backend.refuse(flag.id), self, done, self._say_error)

    def export_proof(self, increment: int | None = None, channel: bytes = b"") -> None:
        channel = channel or self._channel

        def write(path: Path) -> None:
            def done(at: int) -> None:
                self.notice.say(f"Proof of state #{at} written to {plain(str(path))}.", "good")

            future = self._desk.backend.export_proof(channel, path, increment)
            self._desk.courier.deliver(future, self, done, self._say_error)

        ask_where(self, "Export withdrawal proof", "withdrawal-proof.json", write)

    def _save_evidence(self, flag: FlagView) -> None:
        def write(path: Path) -> None:
            def done(_: None) -> None:
                self.notice.say(f"Evidence written to {plain(str(path))}.", "good")

            future = self._desk.backend.export_evidence(path, flag.id)
            self._desk.courier.deliver(future, self, done, self._say_error)

        ask_where(self, "Save evidence", f"flag-{flag.id}-{flag.code}.json", write)

    def back_up(self) -> None:
        """One click where a folder is chosen; else the user says where."""

        def begin(path: Path | None) -> None:
            self.notice.say("The backup is being written…")
            self._desk.courier.deliver(self._desk.backend.back_up(path), self, done, self._say_error)

        def done(path: Path) -> None:
            self.notice.say(f"The backup is written and read again: {plain(str(path))}.", "good")

        if self._view.backup.folder:
            begin(None)
        else:
            ask_where(self, "Back up the profile", "channel-wallet.backup", begin)

    def show_backups(self) -> None:
        self._backups = BackupsDialog(self._desk, self.window(), self._view)
        self._backups.open()

    def find_channels(self) -> None:
        """Sessions that only the chain remembers, with the broker in view."""

        def done(found: tuple[int, int]) -> None:
            self.notice.say(found_words(*found), "good" if found[0] else "plain")

        self.notice.say("Looking for sessions of yours on the chain…")
        self._desk.courier.deliver(self._desk.backend.find_channels(self._view.broker), self, done, self._say_error)

    def ask_broker(self) -> None:
        """Another broker, beside those there are."""

        def add(path: Path) -> None:
            self.notice.say("Asking the broker to prove who he is…")
            self._desk.courier.deliver(self._desk.backend.add_broker(path), self, added, self._say_error)

        def added(broker: bytes) -> None:
            self.notice.say("The broker is added. Open a session with him when you like.", "good")
            self.choose(broker, b"")

        ask_which(self, "Add a broker", "Broker profiles (*.json)", add)

    def ask_remove_broker(self) -> None:
        """The one in view, if no channel with him is open."""
        broker, name = self._view.broker, plain(self._view.connection.broker_name, 40)

        def removed(_: None) -> None:
            self.notice.say(f"{name} is removed. The history of your sessions with him stays.", "good")
            self.choose(b"", b"")

        def remove() -> None:
            self._desk.courier.deliver(self._desk.backend.remove_broker(broker), self, removed, self._say_error)

        words = "He is not connected any more. The history of your sessions with him stays."
        ask(self.window(), f"Remove {name}?", words, "Remove", remove)

    def show_leave(self) -> None:
        """The dialog goes on where the channel is, however often it is shut and opened."""
        if self._leave is None or self._leave.channel != self._channel:
            self._leave = LeaveDialog(self._desk, self.window(), self._channel)
        self._leave.show_view(self._view)
        self._leave.open()

    def _stay(self) -> None:
        def done(_: None) -> None:
            self.notice.say("The session goes on: it is not left by itself.", "good")

        self._desk.courier.deliver(self._desk.backend.stay(self._channel), self, done, self._say_error)

    def _say_error(self, error: WalletError) -> None:
        self.notice.say(self._desk.explain(error), "bad")
