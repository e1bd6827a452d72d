"""A field for one figure: what it is, the figure, its unit, and a step up and down."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRegularExpression, Qt, Signal
from PySide6.QtGui import QKeyEvent, QRegularExpressionValidator
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from wallet.gui.widgets.layout import row, tool
from wallet.gui.widgets.text import Label, describe, set_look

# Digits and one point: signs, exponents and other alphabets can't be typed.
_FIGURE = QRegularExpression(r"[0-9]{0,40}(\.[0-9]{0,36})?")


class FigureField(QFrame):
    """Emits ``edited`` with the text, ``stepped`` with +1 or −1 (Page Up and Down: 10), ``entered``, ``escaped``.

    A letter is no figure: it goes out as ``lettered``, for whoever gives letters a meaning.
    """

    edited = Signal(str)
    stepped = Signal(int)
    entered = Signal()
    escaped = Signal()
    lettered = Signal(str)

    def __init__(self, name: str, label: str, *, steps: bool = True) -> None:
        super().__init__()
        self.setObjectName(f"{name}.frame")
        self.setProperty("role", "field")
        self._label = Label(label, tone="muted")
        self._unit = Label("", tone="muted")
        self.edit = QLineEdit()
        self.edit.setProperty("bare", "true")
        self.edit.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.edit.setValidator(QRegularExpressionValidator(_FIGURE, self))
        self.edit.setMaxLength(78)
        self.edit.installEventFilter(self)
        describe(self.edit, label, object_name=name)
        self.edit.textEdited.connect(self.edited)
        parts: list[QWidget | int] = [self._label, 6, self.edit, self._unit]
        if steps:
            self._down = tool("−", f"{name}.down", role="step", spoken=f"{label}: one step down")
            self._up = tool("+", f"{name}.up", role="step", spoken=f"{label}: one step up")
            for made, sign in ((self._down, -1), (self._up, 1)):
                made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
                made.setAutoRepeat(True)
                made.clicked.connect(lambda _=False, sign=sign: self.stepped.emit(sign))
            parts += [self._down, self._up]
        self.setLayout(row(*parts, margins=(9, 5, 5, 5), spacing=4))
        self.setFocusProxy(self.edit)

    @property
    def text(self) -> str:
        return self.edit.text()

    def set_text(self, text: str) -> None:
        """Put a figure in without ``edited``."""
        if text != self.edit.text():
            self.edit.setText(text)

    def set_label(self, label: str) -> None:
        if label != self._label.text():
            self._label.setText(label)
            self.edit.setAccessibleName(label)

    def set_unit(self, unit: str) -> None:
        self._unit.show_foreign(unit, 12)

    def set_wrong(self, wrong: bool) -> None:
        if bool(self.property("wrong")) != wrong:
            set_look(self, wrong=wrong)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            set_look(self, focused=event.type() == QEvent.Type.FocusIn)
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            return self._key(event)
        return super().eventFilter(watched, event)

    def _key(self, event: QKeyEvent) -> bool:
        key, text = event.key(), event.text()
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        if key in steps:
            self.stepped.emit(steps[Qt.Key(key)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.entered.emit()
        elif key == Qt.Key.Key_Escape:
            self.escaped.emit()
        elif text.isalpha() and event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.ShiftModifier,
        ):
            self.lettered.emit(text.lower())
        else:
            return False
        return True
