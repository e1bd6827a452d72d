"""About this program, and what to copy for whoever helps: nothing in it is secret or personal."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from wallet import __version__
from wallet.app.snapshots import AppView
from wallet.gui.look import Look
from wallet.gui.models.diagnostics import diagnostics
from wallet.gui.widgets.layout import button, column, give_back_focus, row
from wallet.gui.widgets.text import Label, describe

_WORDS = (
    "Trading channels: every step is signed by you and by the broker, and the last one is all you need to leave.\n\n"
    "Fonts: Inter and JetBrains Mono, both under the SIL Open Font License."
)


class AboutDialog(QDialog):
    def __init__(self, view: AppView, look: Look, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("about")
        self.setWindowTitle("About Channel Wallet")
        self.setMinimumWidth(460)
        self.text = QPlainTextEdit(diagnostics(view, system(look)))
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setProperty("level", "mono")
        self.text.setMinimumHeight(220)
        describe(self.text, "Diagnostics", object_name="about.diagnostics")
        self._copy = button("Copy diagnostics", "about.copy", tip="For whoever helps you: no secret, address or amount")
        self._copy.clicked.connect(self._take)
        close = button("Close", "about.close")
        close.clicked.connect(self.accept)
        words = Label(_WORDS, wrap=True)
        note = Label("For whoever helps you. Nothing below is secret or personal.", tone="muted", wrap=True)
        title = Label(f"Channel Wallet {__version__}", level="title")
        parts = (title, words, note, self.text, row(None, self._copy, close))
        self.setLayout(column(*parts, margins=(20, 18, 20, 16), spacing=10))
        give_back_focus(self)

    def _take(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
        self._copy.setText("Copied")


def system(look: Look) -> dict[str, str]:
    """Versions, and what kind of machine this is."""
    names = ("PySide6-Essentials", "websockets", "aiohttp", "coincurve")
    return {
        "Channel Wallet": __version__,
        "Python": platform.python_version(),
        "Qt": f"{qVersion()} ({QGuiApplication.platformName()})",
        "SQLite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "screen": "×".join(map(str, QGuiApplication.primaryScreen().size().toTuple())),
        "theme": look.mode.value,
        **{name: _version(name) for name in names},
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
