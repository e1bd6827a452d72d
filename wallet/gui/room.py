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
from wallet.gui.dealing import Dealer
from wallet.gui.desk import Desk
from wallet.gui.models.settings import BREAK_LIMIT
from wallet.gui.models.steps import live_orders
from wallet.gui.pages.ask import ask
from wallet.gui.pages.backups import BackupsDialog
from wallet.gui.pages.chain import ChainDialog
from wallet.gui.pages.leave import LeaveDialog
from wallet.gui.pages.naming import NameDialog
from wallet.gui.pages.password import PasswordDialog
from wallet.gui.views.dispute import DisputeBanner
from wallet.gui.views.flags import FlagBanner
from wallet.gui.views.layouts import MAX_KEPT, MAX_NAME
from wallet.gui.views.recovering import RecoveringBanner
from wallet.gui.views.stopped import StoppedBanner
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
        self._chain: ChainDialog | None = None
        self._problem = ""
        self._doubted = False  # said once that the profile lies in a doubtful place
        self._chosen = (b"", b"")
        self.opening = False  # a session is being opened: the newest channel is in view, whichever that will be
        self.strip = Strip(desk.look)
        self.banner = FlagBanner()
        self.dispute = DisputeBanner()
        self.recovering = RecoveringBanner()
        self.notice = Notice()
        self.stopped = StoppedBanner()
        self.workspace = Workspace(desk, settings)
        self.dealer = Dealer(desk, self.workspace.ticket, self.notice, self)
        banners = (self.dispute, self.recovering, self.stopped, self.banner, self.notice)
        layout = column(self.strip, *banners, self.workspace)
        layout.setStretch(len(banners) + 1, 1)
        self.setLayout(layout)
        self._connect()
        self._limit_breaks()
        desk.preferences.changed.connect(self._limit_breaks)
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
        self.workspace.order_wanted.connect(self.dealer.place)
        self.workspace.amend_wanted.connect(self.dealer.ask_amend)
        self.workspace.stop_wanted.connect(self.dealer.stop)
        self.stopped.resume_wanted.connect(self.dealer.resume)
        self.stopped.leave_wanted.connect(self.show_leave)
        self.workspace.cancel_wanted.connect(self.dealer.cancel)
        self.workspace.trigger_cancel_wanted.connect(self.dealer.cancel_trigger)
        self.workspace.cancel_all_wanted.connect(self.dealer.ask_cancel_all)
        self.workspace.fills.export_wanted.connect(self.export_fills)
        self.workspace.said.connect(self.notice.say)
        self.workspace.funds.chosen.connect(self.choose)

    def _limit_breaks(self, key: str = "") -> None:
        """The driver keeps it: it is at work before there is a window."""
        if key in ("", BREAK_LIMIT.key):
            limit = self._desk.preferences.get(BREAK_LIMIT)
            self._desk.courier.deliver(self._desk.backend.limit_breaks(limit), self, lambda _: None, self._say_error)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        if not self._shown:
            self._shown = True
            self.workspace.layouts.restore()
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
        self.stopped.show_view(view)
        self.dealer.show_view(view)
        self.workspace.show_view(view)
        if self._leave is not None:
            self._leave.show_view(view)
        for dialog in (self._backups, self._chain):
            if dialog is not None:
                dialog.show_view(view)
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
        if prices.book.market == self.workspace.market:
            self.dealer.show_book(prices.book)

    def refresh_ages(self) -> None:
        self.strip.refresh()
        self.dispute.refresh()
        if self._leave is not None:
            self._leave.refresh()

    def save_layout(self) -> None:
        self.workspace.layouts.remember()

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

    def export_fills(self) -> None:
        """Every fill of the session in view, for a spreadsheet."""
        channel = self._channel

        def write(path: Path) -> None:
            def done(count: int) -> None:
                self.notice.say(f"{count} fills written to {plain(str(path))}.", "good")

            self._desk.courier.deliver(self._desk.backend.export_fills(channel, path), self, done, self._say_error)

        ask_where(self, "Export fills", "fills.csv", write)

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

    def ask_layout_name(self) -> None:
        """The docks as they stand now, to come back to."""
        layouts = self.workspace.layouts

        def keep(name: str) -> None:
            kept = layouts.keep(name)
            full = f"At most {MAX_KEPT} layouts are kept: remove one first."
            self.notice.say(f"The layout is saved as {kept}." if kept else full, "good" if kept else "warn")

        words = "Panels, their places and sizes. It is shown again from View, My layouts."
        dialog = NameDialog("Save layout as", words, MAX_NAME, self.window())
        dialog.named.connect(keep)
        dialog.open()

    def show_backups(self) -> None:
        self._backups = BackupsDialog(self._desk, self.window(), self._view)
        self._backups.open()

    def show_password(self) -> None:
        PasswordDialog(self._desk, self.window()).open()

    def show_chain(self) -> None:
        """The gas key and the nodes, of the chain in view."""
        self._chain = ChainDialog(self._desk, self.window(), self._view)
        self._chain.open()

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
