"""Opening a profile: by its password, or by this computer's keyring where it was told to stay unlocked."""

from __future__ import annotations

from math import ceil
from pathlib import Path

from PySide6.QtCore import QTimer, Signal

from wallet.app.messages import sentence
from wallet.gui.launcher import Launcher
from wallet.gui.pages.page import Page
from wallet.gui.pages.wallet import PathField, secret_field
from wallet.gui.widgets.files import ask_folder
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label

_LOOK_AGAIN = 250  # milliseconds


class UnlockPage(Page):
    """``opened`` gives the folder and the password; "" for the keyring's key."""

    opened = Signal(object, str)

    def __init__(self, launcher: Launcher, profiles: Path) -> None:
        lead = "The password unlocks the keys; it never leaves this computer."
        super().__init__("open", "Open a profile", lead, width=520)
        self._launcher = launcher
        self._folder = PathField("open.folder", "Folder of the profile", lambda then: ask_folder(self, "Profile", then))
        self._folder.edit.setText(str(profiles / "wallet"))
        self._folder.edit.textChanged.connect(lambda _: self._show_wait())
        self._password = secret_field("open.password", "Password")
        self._failure = Label("", tone="bad", wrap=True)
        self._failure.setObjectName("open.failure")
        self._wait = Label("", tone="muted")
        self._wait.setObjectName("open.wait")
        self._unlock = button("Unlock", "open.unlock", role="primary", large=True)
        self._unlock.clicked.connect(self._go)
        self._password.returnPressed.connect(self._go)
        self._ticking = QTimer(self)
        self._ticking.setInterval(_LOOK_AGAIN)
        self._ticking.timeout.connect(self._show_wait)
        self.set_body(
            column(
                self._folder,
                Label("Password", tone="muted"),
                self._password,
                self._failure,
                row(self._unlock, 12, self._wait, None),
                spacing=8,
            )
        )

    def begin(self, path: Path | None = None) -> None:
        """Asks for the password; a profile that stays unlocked is opened at once."""
        self._password.clear()
        self._failure.show_text("")
        if path is not None:
            self._folder.edit.setText(str(path))
        self._show_wait()
        self._password.setFocus()
        if path is not None and self._launcher.stays_unlocked(path):
            self.opened.emit(path, "")

    def fail(self, text: str) -> None:
        self._password.clear()
        self._failure.show_text(text)
        self._show_wait()

    def _show_wait(self) -> None:
        """After wrong passwords: how long until the next is tried, counted down."""
        path = self._folder.path
        left = self._launcher.password_wait(path) if path is not None else 0
        self._unlock.setEnabled(left <= 0)
        self._wait.show_text(f"Try again in {ceil(left)} s" if left > 0 else "")
        if left > 0:
            self._ticking.start()
        else:
            self._ticking.stop()

    def _go(self) -> None:
        path = self._folder.path
        if not self._unlock.isEnabled():
            return
        if path is None:
            self._failure.show_text(sentence("NEW-NO-FOLDER"))
        elif self._password.text() or self._launcher.stays_unlocked(path):
            self.opened.emit(path, self._password.text())
        else:
            self._failure.show_text("Type the password.")
