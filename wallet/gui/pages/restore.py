"""A profile from its backup: the file, its password, and where the profile goes."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit

from wallet.app.messages import sentence
from wallet.gui.pages.page import Page
from wallet.gui.pages.wallet import PathField
from wallet.gui.widgets.files import ask_folder, ask_which
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label, describe

_LEAD = (
    "A backup holds keys, history and settings, and no session key: open sessions come back to be left, not to be "
    "traded in. Keep the old wallet shut from now on, if there still is one."
)


class RestorePage(Page):
    """``wanted`` carries the backup's file, its password, and the folder of the profile to be made."""

    wanted = Signal(object, str, object)

    def __init__(self, profiles: Path) -> None:
        super().__init__("backup", "Restore from a backup", _LEAD, width=560)
        self._file = PathField(
            "backup.file", "Backup file", lambda then: ask_which(self, "Backup", "Backups (*.backup)", then)
        )
        self._password = QLineEdit()
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._password.setMaxLength(1024)
        describe(self._password, "Password", object_name="backup.password")
        self._folder = PathField(
            "backup.folder", "Folder of the new profile", lambda then: ask_folder(self, "Folder of the profile", then)
        )
        self._folder.edit.setText(str(profiles / "wallet"))
        self._failure = Label("", tone="down", wrap=True)
        self._failure.setObjectName("backup.failure")
        go = button("Restore", "backup.restore", role="primary", large=True)
        go.clicked.connect(self._go)
        self._password.returnPressed.connect(self._go)
        password = column(
            Label("Password the profile had when the backup was made", tone="muted"), self._password, spacing=4
        )
        self.set_body(column(self._file, password, self._folder, self._failure, row(go, None), spacing=12))

    def begin(self) -> None:
        self._password.clear()
        self._failure.show_text("")
        self._file.edit.setFocus()

    def fail(self, text: str) -> None:
        self._password.clear()
        self._failure.show_text(text)

    def _go(self) -> None:
        file, folder = self._file.path, self._folder.path
        if file is None:
            self._failure.show_text(sentence("RESTORE-NO-FILE"))
        elif not self._password.text():
            self._failure.show_text(sentence("RESTORE-NO-PASSWORD"))
        elif folder is None:
            self._failure.show_text(sentence("NEW-NO-FOLDER"))
        else:
            self.wanted.emit(file, self._password.text(), folder)
