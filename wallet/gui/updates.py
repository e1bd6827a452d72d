"""Looks for the notice of a newer release while a profile is open, if its user switched that on. Never by itself."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from wallet import __version__
from wallet.app.messages import explain
from wallet.gui.frames import Courier
from wallet.gui.models.updates import EVERY_MS, FIRST_MS, Found, failed, newer, newest
from wallet.protocol.errors import WalletError

if TYPE_CHECKING:
    from wallet.app.updates import Release, Source


class UpdateWatch(QObject):
    """``found`` gives the end of every look. Without a profile (a throwaway market) there is nothing to look for."""

    found = Signal(object)

    def __init__(self, courier: Courier, parent: QObject) -> None:
        super().__init__(parent)
        self._courier = courier
        self._looking: Future[Release | None] | None = None
        self.profile: Path | None = None
        self.last = Found()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._due)

    def begin(self, profile: Path | None) -> None:
        """From here on it is that profile's matter."""
        self.profile = profile
        self._looking = None
        self._tell(Found())
        if profile is None:
            self._timer.stop()
        else:
            self._timer.start(FIRST_MS)

    def source(self) -> Source | None:
        """What is switched on; None for off. Raises WalletError("UPDATE_SETTINGS")."""
        from wallet.app.updates import load

        return load(self.profile) if self.profile is not None else None

    def switch_on(self, url: str, key: str) -> None:
        """Raises WalletError("UPDATE_URL" | "UPDATE_KEY" | "FILE_UNWRITABLE")."""
        from wallet.app.updates import read_source, save

        if self.profile is None:
            return
        wanted = read_source(url, key, __version__)
        try:
            now = self.source()
        except WalletError:
            now = None
        if now is None or (now.url, now.key) != (wanted.url, wanted.key):
            self._looking = None
            save(self.profile, wanted)
            self._tell(Found())

    def switch_off(self) -> None:
        """Forget address and key."""
        from wallet.app.updates import save

        if self.profile is not None:
            self._looking = None
            save(self.profile, None)
            self._tell(Found())

    def look(self) -> None:
        """Look now; ``found`` comes when it is over."""
        if self.profile is None or self._looking is not None:
            return
        looking = self._looking = _check(self.profile)

        def done(release: Release | None) -> None:
            if self._looking is looking:
                self._end(newest(__version__) if release is None else newer(release.version, release.date, __version__))

        def broken(error: WalletError) -> None:
            if self._looking is looking:
                self._end(failed(error.code, explain(error)))

        self._courier.deliver(looking, self, done, broken)

    def _due(self) -> None:
        self._timer.start(EVERY_MS)
        try:
            wanted = self.source() is not None
        except WalletError as error:
            self._end(failed(error.code, explain(error)))
            return
        if wanted:
            self.look()

    def _end(self, found: Found) -> None:
        self._looking = None
        self._tell(found)

    def _tell(self, found: Found) -> None:
        self.last = found
        self.found.emit(found)


def _check(profile: Path) -> Future[Release | None]:
    """On a thread that quitting does not wait for: a server that never answers would hold the window open."""
    future: Future[Release | None] = Future()

    def work() -> None:
        import asyncio

        from wallet.app.updates import check

        try:
            future.set_result(asyncio.run(check(profile, __version__)))
        except BaseException as error:  # noqa: BLE001 - whatever it was, it is told on the window's thread
            future.set_exception(error)

    threading.Thread(target=work, name="updates", daemon=True).start()
    return future
