"""A question with verbs on its buttons and the harmless answer as default; the answer comes by a call."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QMessageBox, QWidget

from wallet.gui.widgets.layout import give_back_focus
from wallet.gui.widgets.text import describe


def ask(
    parent: QWidget,
    title: str,
    text: str,
    verb: str,
    yes: Callable[[], None],
    *,
    never_again: Callable[[], None] | None = None,
) -> QMessageBox:
    """Ask; ``yes`` is called if the user says ``verb``.

    With ``never_again`` the question is of the kind that one soon answers without reading: it can be switched off
    there and then, and Enter, pressed once more and not only held, is the answer ``verb``.
    """
    box = _box(parent, "ask", title, text)
    go = box.addButton(verb, QMessageBox.ButtonRole.AcceptRole)
    go.setObjectName("ask.yes")
    stay = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    stay.setObjectName("ask.no")
    box.setDefaultButton(stay if never_again is None else go)
    box.setEscapeButton(stay)
    if never_again is not None:
        _offer_silence(box, go, never_again)
    box.buttonClicked.connect(lambda pressed: yes() if pressed is go else None)
    box.open()
    return box


def _offer_silence(box: QMessageBox, go: QAbstractButton, never_again: Callable[[], None]) -> None:
    tick = QCheckBox("Don't ask again")
    describe(tick, "Don't ask again", "Settings can bring the question back", object_name="ask.never")
    box.setCheckBox(tick)
    box.buttonClicked.connect(lambda pressed: never_again() if pressed is go and tick.isChecked() else None)
    box.installEventFilter(_NoRepeat(box))
    go.installEventFilter(_NoRepeat(box))


class _NoRepeat(QObject):
    """Swallows keys that repeat because they are held: one press must not send and confirm."""

    def eventFilter(self, _: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        return isinstance(event, QKeyEvent) and event.isAutoRepeat()


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
