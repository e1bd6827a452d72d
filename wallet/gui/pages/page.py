"""The frame that pages before the workspace share: a column in the middle, a heading, a way back."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLayout, QScrollArea, QWidget

from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.text import Label


class Page(QWidget):
    """``body`` stands in a column of fixed width; ``back`` is offered unless the page says otherwise."""

    back = Signal()

    def __init__(self, name: str, title: str, lead: str, *, width: int = 560, has_back: bool = True) -> None:
        super().__init__()
        self.setObjectName(f"page.{name}")
        self.title = Label(title, level="display")
        self.lead = Label(lead, tone="muted", wrap=True)
        self._width = width
        self._back = button("‹ Back", f"page.{name}.back", role="link")
        self._back.clicked.connect(self.back)
        self._back.setVisible(has_back)

    def set_body(self, body: QLayout, picture: QWidget | None = None) -> None:
        inner = QFrame()
        inner.setFixedWidth(self._width)
        above = row(self._back, None) if picture is None else row(picture, None)
        head = column(above, 6, self.title, 6, self.lead, 20)
        inner.setLayout(column(head, body, None))
        holder = QWidget()
        holder.setLayout(row(None, column(None, inner, None), None, margins=(24, 24, 24, 24)))
        area = QScrollArea()
        area.setWidget(holder)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(column(area))
