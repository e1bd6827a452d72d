"""Long work, step by step: a light for each, its sentence, and what it says about itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from wallet.app.messages import known, sentence
from wallet.app.snapshots import Step
from wallet.gui.look import Look
from wallet.gui.widgets.layout import column, row
from wallet.gui.widgets.text import Label

_WORDS = {"todo": "not yet", "doing": "at work", "done": "done", "failed": "failed"}


class _Light(QWidget):
    """A mark whose shape says the state as well as its colour."""

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._state = "todo"
        self.setFixedSize(QSize(18, 18))

    def show_state(self, state: str) -> None:
        self._state = state
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(2, 2, 14, 14)
        name = {"done": "good", "doing": "accent", "failed": "bad"}.get(self._state, "faint")
        colour = self._look.colour(name)
        painter.setPen(QPen(colour, 1.6))
        if self._state in ("done", "failed"):
            painter.setBrush(colour)
        painter.drawEllipse(area)
        mark = QPen(self._look.colour("surface"), 1.8)
        mark.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(mark)
        if self._state == "done":
            painter.drawPolyline([QPointF(5.4, 9.2), QPointF(8, 11.8), QPointF(12.6, 6.6)])
        elif self._state == "failed":
            painter.drawLine(6, 6, 12, 12)
            painter.drawLine(12, 6, 6, 12)
        elif self._state == "doing":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(QRectF(6, 6, 6, 6))


class _StepRow(QWidget):
    def __init__(self, look: Look) -> None:
        super().__init__()
        self._light = _Light(look)
        self._title = Label()
        self._detail = Label(tone="muted", level="small", wrap=True)
        self._detail.hide()
        text = column(self._title, self._detail, spacing=1)
        self.setLayout(row(self._light, text, margins=(0, 3, 0, 3), spacing=10))

    def show_step(self, step: Step) -> None:
        self._light.show_state(step.state)
        title = sentence(step.code)
        self._title.show_text(title)
        self._title.set_tone({"todo": "muted", "failed": "bad"}.get(step.state, ""))
        self._detail.show_foreign(sentence(step.detail) if known(step.detail) else step.detail)
        self._detail.setVisible(bool(step.detail))
        self.setAccessibleName(f"{title}: {_WORDS.get(step.state, step.state)}")


class Stepper(QWidget):
    """A list of steps that changes in place."""

    def __init__(self, name: str, look: Look) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName("Progress")
        self._look = look
        self._rows: list[_StepRow] = []
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(2)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        look.changed.connect(self.update)

    def show_steps(self, steps: Sequence[Step]) -> None:
        while len(self._rows) < len(steps):
            made = _StepRow(self._look)
            self._rows.append(made)
            self._box.addWidget(made)
        for index, part in enumerate(self._rows):
            part.setVisible(index < len(steps))
            if index < len(steps):
                part.show_step(steps[index])
