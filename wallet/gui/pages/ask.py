"""A question with verbs on its buttons and the harmless answer as default; the answer comes by a call."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from wallet.gui.widgets.layout import give_back_focus


def ask(parent: QWidget, title: str, text: str, verb: str, yes: Callable[[], None]) -> QMessageBox:
    """Ask; ``yes`` is called if the user says ``verb``."""
    box = _box(parent, "ask", title, text)
    go = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
    go.setObjectName("ask.yes")
    stay = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    stay.setObjectName("ask.no")
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.buttonClicked.connect(lambda pressed: yes() if pressed is go else None)
    box.open()
    return box


def tell(parent: QWidget, title: str, text: str) -> QMessageBox:
    """Say something that needs no answer."""
    box = _box(parent, "tell", title, text)
    box.addButton("Close", QMessageBox.ButtonRole.RejectRole)
    box.open()
    return box


def _box(parent: QWidget, name: str, title: str, text: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setObjectName(name)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(title)
    box.setText(title)
    box.setInformativeText(text)
    give_back_focus(box)
    return box
