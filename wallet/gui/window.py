"""The main window: pages before a backend, the workspace with it, menus, and closing in good order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from PySide6.QtCore import QSettings, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QWidget

from wallet.app.backend import Backend
from wallet.app.messages import explain, sentence
from wallet.app.snapshots import AppView, MarketView, Phase
from wallet.gui.desk import Desk
from wallet.gui.frames import Courier, FrameClock, MarketBoxes, close_elsewhere
from wallet.gui.launcher import Launcher
from wallet.gui.locking import LockGuard
from wallet.gui.look import Look
from wallet.gui.menus import Menus
from wallet.gui.models.onboarding import Words
from wallet.gui.pages.alone import AlonePage
from wallet.gui.pages.ask import ask
from wallet.gui.pages.failure import FailurePage
from wallet.gui.pages.progress import CREATE_STEPS, DEMO_STEPS, OPEN_STEPS, RESTORE_STEPS, ProgressPage
from wallet.gui.pages.proof import open_proof
from wallet.gui.pages.restore import RestorePage
from wallet.gui.pages.session import SessionPage
from wallet.gui.pages.settings import SettingsDialog
from wallet.gui.pages.start import StartPage
from wallet.gui.pages.unlock import UnlockPage
from wallet.gui.pages.updates import UpdatesDialog
from wallet.gui.pages.wallet import NewWalletPage
from wallet.gui.presence import Presence
from wallet.gui.purse.page import PursePage
from wallet.gui.room import PLOT_AFTER_MS, TradingRoom, load_plot
from wallet.gui.settings import Preferences, restore_geometry, settings_of
from wallet.gui.updates import UpdateWatch
from wallet.gui.widgets.files import ask_which
from wallet.protocol.errors import WalletError

AGE_MS = 500


class MainWindow(QMainWindow):
    """One stack of pages. ``profiles`` is the folder proposed for profiles."""

    closed = Signal()

    def __init__(self, launcher: Launcher, look: Look, profiles: Path, settings: QSettings | None) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("Channel Wallet")
        self.setMinimumSize(1024, 640)
        self.setAcceptDrops(True)
        self._launcher, self._look, self._settings = launcher, look, settings
        self.preferences = Preferences(settings)
        self.preferences.changed.connect(self.apply_preferences)
        self.presence = Presence(self)
        self.courier, self.clock = Courier(self), FrameClock(self)
        self.updates = UpdateWatch(self.courier, self)
        self._apps = self.clock.mailbox(self._show_app)
        self._progress = self.clock.mailbox(self._show_progress)
        self._markets = MarketBoxes(self.clock, self._show_prices)
        self._starting: Future[Backend] | None = None
        self._quitting = False
        self._searching = False  # for what the chain remembers of a phrase that was restored
        self.backend: Backend | None = None
        self.room: TradingRoom | None = None
        self.purse: PursePage | None = None
        self.view = AppView()
        self.stack = QStackedWidget()
        self.setCentralWidget(self.stack)
        self._make_pages(profiles)
        self.guard = LockGuard(self)
        self.menus = Menus(self, look)
        self._ages = QTimer(self)
        self._ages.timeout.connect(self._age)
        restore_geometry(self, settings)
        self.show_page(self.start)

    def _make_pages(self, profiles: Path) -> None:
        self.start = StartPage(self._look)
        self.progress = ProgressPage(self._look)
        self.new_wallet = NewWalletPage(self._launcher, profiles, restore=False)
        self.restored_wallet = NewWalletPage(self._launcher, profiles, restore=True)
        self.unlock = UnlockPage(self._launcher, profiles)
        self.from_backup = RestorePage(profiles)
        self.alone = AlonePage(self._launcher, self.courier, profiles)
        self.session = SessionPage(self._look)
        self.failure = FailurePage()
        self._before_failure: QWidget = self.start
        wallets = (self.new_wallet, self.restored_wallet)
        ways = (self.start, *wallets, self.from_backup, self.alone, self.unlock)
        for page in (*ways, self.progress, self.session, self.failure):
            self.stack.addWidget(page)
        self.start.demo_wanted.connect(self.start_demo)
        self.start.create_wanted.connect(lambda: self._begin(self.new_wallet))
        self.start.restore_wanted.connect(lambda: self._begin(self.restored_wallet))
        self.start.open_wanted.connect(lambda: self.ask_password(None))
        self.start.backup_wanted.connect(lambda: self._begin(self.from_backup))
        self.from_backup.wanted.connect(self.restore_backup)
        self.start.alone_wanted.connect(lambda: self._begin(self.alone))
        for back in (*wallets, self.from_backup, self.alone, self.unlock):
            back.back.connect(lambda: self.show_page(self.start))
        for wallet in wallets:
            wallet.made.connect(self._create)
        self.unlock.opened.connect(self.open_profile)
        self.progress.cancelled.connect(self._give_up)
        self.session.wanted.connect(self._open_session)
        self.session.faucet_wanted.connect(self._faucet)
        self.session.later.connect(self.show_workspace)
        self.session.broker_wanted.connect(lambda broker: self._follow(broker, b""))
        self.failure.going_on.connect(lambda: self.show_page(self._before_failure))
        self.failure.quitting.connect(self.quit_now)

    def show_page(self, page: QWidget) -> None:
        if page is self.session:
            self.session.show_view(self.view)
        self.stack.setCurrentWidget(self.guard.allowed(page))
        self.menus.show_for(self)

    def apply_preferences(self, _key: str = "") -> None:
        """What the settings say holds at once."""
        self._look.take(self.preferences)
        self.menus.show_theme(self._look.mode)
        self.menus.show_hiding(self._look.hides)
        self.menus.show_keys()

    def show_settings(self) -> None:
        SettingsDialog(self.preferences, self).open()

    def show_updates(self) -> None:
        UpdatesDialog(self.updates, self).open()

    # --- ways to a backend ---------------------------------------------------------------------------------------

    def start_demo(self) -> None:
        self.progress.begin(
            "Starting the demo market",
            "A broker, a chain and a market are started on this computer. Prices are made up.",
            DEMO_STEPS,
        )
        self._wait_for(self._launcher.start_demo(self._report), self.progress.fail)

    def ask_password(self, path: Path | None = None) -> None:
        self.show_page(self.unlock)
        self.unlock.begin(path)

    def open_profile(self, path: Path, password: str) -> None:
        self.progress.begin("Opening the profile", "Unlocking takes a moment on purpose.", OPEN_STEPS)

        def failed(text: str) -> None:
            self.unlock.fail(text)
            self.show_page(self.unlock)

        def lost(error: WalletError) -> None:
            text = f"{sentence('LOSS-WHAT', dict(error.params))}\n\n{sentence('LOSS-CHOICE')}"
            ask(self, sentence("LOSS-TITLE"), text, "Go on without trading", lambda: self._accept_loss(path, password))

        future = self._launcher.open_profile(path, password, self._report)
        self._wait_for(future, failed, path, {"STORE_ROLLED_BACK": lost})

    def _accept_loss(self, path: Path, password: str) -> None:
        def failed(error: WalletError) -> None:
            self.unlock.fail(explain(error))

        self.courier.deliver(
            self._launcher.accept_loss(path), self, lambda _: self.open_profile(path, password), failed
        )

    def restore_backup(self, file: Path, password: str, path: Path) -> None:
        self.progress.begin("Restoring the backup", "All of it is read and checked before it is used.", RESTORE_STEPS)

        def failed(text: str) -> None:
            self.from_backup.fail(text)
            self.show_page(self.from_backup)

        self._wait_for(self._launcher.restore_backup(file, password, path, self._report), failed, path)

    def _begin(self, page: NewWalletPage | RestorePage | AlonePage) -> None:
        page.begin()
        self.show_page(page)

    def _create(self, path: Path, words: Words, password: str, broker: Path) -> None:
        restoring = self.stack.currentWidget() is self.restored_wallet
        page = self.restored_wallet if restoring else self.new_wallet
        self.progress.begin("Making the profile", "Keys are encrypted and written to disk.", CREATE_STEPS)

        def failed(text: str) -> None:
            self._searching = False
            page.fail(text)
            self.show_page(page)

        self._searching = restoring
        self._wait_for(self._launcher.create_profile(path, words, password, broker, self._report), failed, path)

    def _report(self, code: str, part: float) -> None:
        self._progress.put((code, part))

    def _show_progress(self, progress: tuple[str, float]) -> None:
        if self._starting is not None:
            self.progress.advance(progress)

    def _wait_for(
        self,
        future: Future[Backend],
        failed: Callable[[str], None],
        path: Path | None = None,
        ways_on: Mapping[str, Callable[[WalletError], None]] | None = None,
    ) -> None:
        """``ways_on``: what is offered besides, by the code of what went wrong."""
        self._starting = future
        self.show_page(self.progress)
        QTimer.singleShot(PLOT_AFTER_MS, load_plot)  # while the user waits anyway

        def done(backend: Backend) -> None:
            if self._starting is not future or self._quitting:
                close_elsewhere(backend, lambda: None)  # given up meanwhile
                return
            self._starting = None
            self._remember_in(path)
            self.use_backend(backend)

        def broken(error: WalletError) -> None:
            if self._starting is future:
                self._starting = None
                failed(explain(error))
                if ways_on is not None and error.code in ways_on:
                    ways_on[error.code](error)

        self.courier.deliver(future, self, done, broken)

    def _remember_in(self, path: Path | None) -> None:
        """From here on the window is that profile's: its theme now, its layout when the workspace appears."""
        if path is not None:
            self._settings = settings_of(path)
            self.preferences.use(self._settings)
        self.updates.begin(path)
        self.guard.begin(path)

    def _give_up(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
        self._starting = None
        self.show_page(self.start)

    def use_backend(self, backend: Backend) -> None:
        """A backend is there: make the trading room and let snapshots come."""
        self.backend = backend
        desk = Desk(backend, self.courier, self.clock, self._look, self.preferences)
        self.room = TradingRoom(desk, self._settings)
        self.room.session_wanted.connect(lambda: self.show_page(self.session))
        self.stack.addWidget(self.room)
        self.purse = PursePage(desk, self.stack, self.show_page)
        self._ages.start(AGE_MS)
        backend.subscribe(self._apps.put, self._markets.put)

    # --- snapshots -----------------------------------------------------------------------------------------------

    def _show_app(self, view: AppView) -> None:
        first, self.view = self.view.account == b"", view
        phase = view.channel.phase if view.channel else Phase.NONE
        if first and self.room is not None:
            running = phase not in (Phase.NONE, Phase.WITHDRAWN, Phase.ABANDONED)
            self.show_page(self.room if running or self._searching else self.session)
        if self.room is not None:
            self.room.show_view(view)
            if first and self._searching:
                self._searching = False
                self.room.find_channels()
        if self.stack.currentWidget() is self.session:
            self.session.show_view(view)
        if self.purse is not None:
            self.purse.show_app(view)
        self.guard.show_app(view)
        self.presence.show_view(view)
        self.menus.show_for(self)

    def _show_prices(self, prices: MarketView) -> None:
        if self.room is not None:
            self.room.show_prices(prices)
        if self.stack.currentWidget() is self.session:
            self.session.show_prices(prices)

    def _age(self) -> None:
        if self.room is not None and self.room.isVisible():
            self.room.refresh_ages()

    # --- the session page ----------------------------------------------------------------------------------------

    def show_workspace(self) -> None:
        if self.room is not None:
            self.show_page(self.room)

    def _open_session(self, allocations: list[tuple[bytes, int]]) -> None:
        if self.backend is None:
            return
        self.session.notice.dismiss()
        self.session.set_busy(busy=True)

        def done(channel: bytes) -> None:
            self.session.set_busy(busy=False)
            self._follow(broker, channel)
            self.show_workspace()

        def failed(error: WalletError) -> None:
            self.session.set_busy(busy=False)
            self._follow(broker, b"")
            self.session.notice.say(f"{explain(error)} Nothing is lost; you can try again.", "bad")

        broker, another = self.view.broker, self.session.is_another
        self._follow(broker, b"", opening=True)  # the newest: the one that is about to be
        self.courier.deliver(self.backend.open_channel(broker, allocations, another), self, done, failed)

    def _follow(self, broker: bytes, channel: bytes, *, opening: bool = False) -> None:
        if self.room is not None:
            self.room.opening = opening
            self.room.choose(broker, channel)

    def _faucet(self) -> None:
        if self.backend is None:
            return
        notice = self.session.notice
        notice.say("Asking the test chain for coins…")
        self.courier.deliver(
            self.backend.faucet(self.view.broker),
            self,
            lambda _: notice.say("Test coins have arrived.", "good"),
            lambda error: notice.say(explain(error), "bad"),
        )

    # --- proofs of anyone's ---

    def ask_proof(self) -> None:
        ask_which(self, "Open a proof", "Proofs (*.json *.txt)", self.show_proof)

    def show_proof(self, path: Path) -> None:
        """What a proof file is worth; the chain is asked where the profile knows a node of it."""
        open_proof(path, self.view.assets, self, self.courier, self.backend)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        if len(event.mimeData().urls()) == 1 and event.mimeData().urls()[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        event.acceptProposedAction()
        self.show_proof(Path(event.mimeData().urls()[0].toLocalFile()))

    # --- the unforeseen, and the end -----------------------------------------------------------------------------

    def show_failure(self, error: BaseException) -> None:
        """An unexpected error, from whatever thread it was brought here."""
        current = self.stack.currentWidget()
        if current is not self.failure and current is not None:
            self._before_failure = current
        self.failure.show_error(error)
        self.show_page(self.failure)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        if self._quitting:
            event.accept()
            return
        event.ignore()
        if not self.presence.keeps():
            self.presence.ask_quit()

    def quit_now(self) -> None:
        """Let go of the profile first: its driver must not be torn off in the middle of a write."""
        if self._quitting:
            return
        self._quitting = True
        self._ages.stop()
        self.presence.gone()
        self._save_geometry()
        self.setEnabled(False)
        if self._starting is not None:
            self._starting.cancel()
        if self.backend is None:
            self._end()
        else:
            ended = self.clock.mailbox(lambda _: self._end())
            close_elsewhere(self.backend, lambda: ended.put("ended"))

    def _end(self) -> None:
        self.close()
        self.closed.emit()

    def _save_geometry(self) -> None:
        if self._settings is not None:
            self._settings.setValue("window/geometry", self.saveGeometry())
            if self.room is not None:
                self.room.save_layout()
            self._settings.sync()
