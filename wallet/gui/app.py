"""The window as a program: started once, ended in good order, never gone without a word."""

from __future__ import annotations

import logging
import os
import sys
import threading
from pathlib import Path
from types import TracebackType

from platformdirs import user_data_path
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from wallet.gui.front import WindowFront
from wallet.gui.launcher import Launcher
from wallet.gui.look import Look, app_icon
from wallet.gui.rects import VARIABLE, RectWriter
from wallet.gui.settings import settings_of
from wallet.gui.signals import SignalGate
from wallet.gui.window import MainWindow

log = logging.getLogger(__name__)


class Alarm(QObject):
    """Brings errors nobody caught, from whatever thread, to the window's thread."""

    raised = Signal(object)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.raised.connect(window.show_failure, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        sys.excepthook = self._hook
        threading.excepthook = self._thread_hook

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.error("unexpected error in the window", exc_info=(kind, error, trace))
        self.raised.emit(error)

    def _thread_hook(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self._hook(args.exc_type, args.exc_value, args.exc_traceback)


def run(launcher: Launcher, profile: Path | None, demo: bool, file: Path | None = None) -> int:
    """Show the window until it is closed; the process's exit code.

    ``profile`` is opened (its password is asked for), ``demo`` starts the demo market at once; of ``file``, a proof of
    anyone's, is shown what it is worth.
    """
    app = _application()
    settings = settings_of(profile)
    window = MainWindow(launcher, Look(app), _profiles(), settings)
    window.apply_preferences()
    alarm = Alarm(window)
    alarm.install()
    window.closed.connect(app.quit)
    rects = os.environ.get(VARIABLE)
    if rects:
        RectWriter(Path(rects), window)
    launcher.attend(WindowFront(window, lambda: window.guard.locked, window.guard.lock))
    window.show()
    if demo:
        window.start_demo()
    elif profile is not None:
        window.ask_password(profile)
    if file is not None:
        window.show_proof(file)
    try:
        with SignalGate(window.quit_now):
            return app.exec()
    finally:
        sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__


def _application() -> QApplication:
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(["channel-wallet"])
    app.setApplicationName("channel-wallet")
    app.setApplicationDisplayName("Channel Wallet")
    app.setDesktopFileName("org.channelwallet.ChannelWallet")  # the desktop entry by its name
    app.setWindowIcon(app_icon())
    app.setQuitOnLastWindowClosed(False)  # closing lets go of the profile first
    return app


def _profiles() -> Path:
    return user_data_path("channel-wallet", appauthor=False)
