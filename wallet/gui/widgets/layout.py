"""Short words for the layouts that every view is made of."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from wallet.gui.widgets.text import describe

Part = QWidget | QLayout | int | None


def column(*parts: Part, margins: tuple[int, int, int, int] = (0, 0, 0, 0), spacing: int = 0) -> QVBoxLayout:
    """A vertical layout: widgets, layouts, gaps in pixels, and None for a stretch."""
    box = QVBoxLayout()
    _fill(box, parts, margins, spacing)
    return box


def row(*parts: Part, margins: tuple[int, int, int, int] = (0, 0, 0, 0), spacing: int = 6) -> QHBoxLayout:
    """The same, horizontal."""
    box = QHBoxLayout()
    _fill(box, parts, margins, spacing)
    return box


def _fill(
    box: QVBoxLayout | QHBoxLayout, parts: tuple[Part, ...], margins: tuple[int, int, int, int], spacing: int
) -> None:
    box.setContentsMargins(*margins)
    box.setSpacing(spacing)
    for part in parts:
        if part is None:
            box.addStretch(1)
        elif isinstance(part, int):
            box.addSpacing(part)
        elif isinstance(part, QLayout):
            box.addLayout(part)
        else:
            box.addWidget(part)


def frame(role: str, inner: QLayout, object_name: str = "") -> QFrame:
    """A frame that the style sheet knows by its role."""
    made = QFrame()
    made.setProperty("role", role)
    made.setLayout(inner)
    if object_name:
        made.setObjectName(object_name)
    return made


def give_back_focus(dialog: QDialog) -> None:
    """When it closes, the keyboard returns to the window it came from, also where no window manager sees to that."""
    parent = dialog.parentWidget()
    if parent is not None:
        dialog.finished.connect(parent.window().activateWindow)


def line() -> QFrame:
    """A hairline."""
    made = QFrame()
    made.setProperty("role", "line")
    made.setFixedHeight(1)
    return made


def button(text: str, name: str, *, role: str = "", tip: str = "", large: bool = False) -> QPushButton:
    """A push button with its object name; a button's words are ours, so its accessible name is its text."""
    made = QPushButton(text)
    if role:
        made.setProperty("role", role)
    if large:
        made.setProperty("size", "large")
    made.setAutoDefault(False)
    describe(made, text.replace("&", ""), tip, object_name=name)
    return made


def tool(text: str, name: str, *, role: str, tip: str = "", checkable: bool = False, spoken: str = "") -> QToolButton:
    made = QToolButton()
    made.setText(text)
    made.setProperty("role", role)
    made.setCheckable(checkable)
    describe(made, spoken or text, tip, object_name=name)
    return made
