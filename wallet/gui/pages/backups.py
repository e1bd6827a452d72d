"""Where backups go, how often they are made and how many are kept; and one now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import time

from PySide6.QtWidgets import QComboBox, QDialog, QProgressBar, QSpinBox, QWidget

from wallet.app.messages import explain
from wallet.app.snapshots import AppView
from wallet.gui.desk import Desk
from wallet.gui.models.backups import options, percent, status
from wallet.gui.pages.wallet import PathField
from wallet.gui.widgets.files import ask_folder
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

_LEAD = (
    "A backup holds keys, history and settings, encrypted with this profile's password; no session keys. It is written "
    "beside your work and read again. Best on another disk, or where another computer finds it."
)


class BackupsDialog(QDialog):
    """What is chosen holds once it is saved; a backup goes on when the dialog is shut."""

    def __init__(self, desk: Desk, parent: QWidget, view: AppView) -> None:
        super().__init__(parent)
        self.setObjectName("backups")
        self.setWindowTitle("Backups")
        self.setModal(True)
        self.setFixedWidth(520)
        self._desk, self._view = desk, view
        self._folder = PathField("backups.folder", "Folder", lambda then: ask_folder(self, "Folder of backups", then))
        self._folder.edit.setText(view.backup.folder)
        self._every = QComboBox()
        for hours, words in options(view.backup.hours):
            self._every.addItem(words, hours)
        self._every.setCurrentIndex(self._every.findData(view.backup.hours))
        describe(self._every, "How often", object_name="backups.every")
        self._keep = QSpinBox()
        self._keep.setRange(1, 1_000)
        self._keep.setValue(view.backup.keep)
        describe(self._keep, "How many are kept", object_name="backups.keep")
        self._status = Label("", tone="muted", wrap=True)
        self._status.setObjectName("backups.status")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        describe(self._bar, "Progress of the backup", object_name="backups.bar")
        self._now = button("Back up now", "backups.now")
        self._now.clicked.connect(self._back_up)
        save = button("Save", "backups.save", role="primary")
        save.clicked.connect(lambda: self._save(self.accept))
        shut = button("Close", "backups.close")
        shut.clicked.connect(self.reject)
        choices = row(
            column(Label("Make one", tone="muted"), self._every, spacing=4),
            column(Label("Keep the newest", tone="muted"), self._keep, spacing=4),
            None,
            spacing=18,
        )
        self.setLayout(
            column(
                Label("Backups", level="title"),
                4,
                Label(_LEAD, tone="muted", wrap=True),
                14,
                self._folder,
                12,
                choices,
                16,
                self._status,
                6,
                self._bar,
                16,
                row(self._now, None, shut, save, spacing=8),
                margins=(24, 20, 24, 18),
            )
        )
        give_back_focus(self)
        self.show_view(view)

    def show_view(self, view: AppView) -> None:
        before, self._view = self._view.backup, view
        if view.backup.doing or before.doing or not self._status.text():
            self._say(status(view.backup, time()), "muted")
        self._bar.setVisible(bool(view.backup.doing))
        self._bar.setValue(percent(view.backup))
        self._now.setEnabled(not view.backup.doing)

    def _save(self, then: Callable[[], None]) -> None:
        folder = self._folder.path
        future = self._desk.backend.plan_backups(str(folder or ""), self._every.currentData(), self._keep.value())
        self._desk.courier.deliver(future, self, lambda _: then(), self._fail)

    def _back_up(self) -> None:
        """With what is chosen now: the folder is saved first."""
        if self._folder.path is None:
            self._say("Choose a folder first.", "bad")
            return

        def begin() -> None:
            self._desk.courier.deliver(self._desk.backend.back_up(None), self, self._made, self._fail)

        self._save(begin)

    def _made(self, path: Path) -> None:
        self._say(f"The backup is written: {plain(path.name)}.", "good")

    def _fail(self, error: WalletError) -> None:
        self._say(explain(error), "bad")

    def _say(self, text: str, tone: str) -> None:
        self._status.show_text(text)
        self._status.set_tone(tone)
