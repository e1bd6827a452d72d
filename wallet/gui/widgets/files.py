"""Questions about files, without a loop of their own: the answer comes by a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from wallet.gui.widgets.layout import give_back_focus


def ask_where(parent: QWidget, title: str, suggestion: str, then: Callable[[Path], None]) -> QFileDialog:
    """Ask where to write a file; ``then`` gets the path, unless the user cancels."""
    dialog = QFileDialog(parent.window(), title, str(Path.home() / suggestion))
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(Path(suggestion).suffix.lstrip("."))
    return _open(dialog, then)


def ask_which(parent: QWidget, title: str, pattern: str, then: Callable[[Path], None]) -> QFileDialog:
    """Ask for an existing file."""
    dialog = QFileDialog(parent.window(), title, str(Path.home()), pattern)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
    return _open(dialog, then)


def ask_folder(parent: QWidget, title: str, then: Callable[[Path], None]) -> QFileDialog:
    """Ask for a folder."""
    dialog = QFileDialog(parent.window(), title, str(Path.home()))
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    return _open(dialog, then)


def _open(dialog: QFileDialog, then: Callable[[Path], None]) -> QFileDialog:
    dialog.setObjectName("file.dialog")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    # the native dialog may run a loop of its own; ours looks the same everywhere
    dialog.setOption(QFileDialog.Option.DontUseNativeDialog)
    dialog.fileSelected.connect(lambda name: then(Path(name)))
    give_back_focus(dialog)
    dialog.open()
    return dialog
