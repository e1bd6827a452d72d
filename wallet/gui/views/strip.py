"""The strip that is always there: connection, chain, session, state, whose signature is due, how fresh it is."""

from __future__ import annotations

from time import time

from PySide6.QtCore import QPoint, QRectF, QSize, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QWidget

from wallet.app.snapshots import AppView, Phase
from wallet.gui.look import Look
from wallet.gui.models.ledger import unresolved
from wallet.gui.models.status import Cell, strip
from wallet.gui.widgets.layout import button, row
from wallet.gui.widgets.text import Label, describe, set_look, set_tip

_TONES = {"good": "good", "warn": "warn", "bad": "bad", "plain": "muted"}


class StatusCell(QWidget):
    """A label, a light where it has one, and a value: painted, since it changes many times a second."""

    def __init__(self, look: Look, key: str) -> None:
        super().__init__()
        self._look = look
        self._cell = Cell(key, "", "")
        self._widest = 0
        self.setObjectName(f"strip.{key}")
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        look.changed.connect(self.update)

    @property
    def cell(self) -> Cell:
        return self._cell

    def show_cell(self, cell: Cell) -> None:
        if cell == self._cell:
            return
        wider = self._width(cell) > self._widest
        self._widest = max(self._widest, self._width(cell))  # a cell that shrank would make its neighbours dance
        self._cell = cell
        describe(self, f"{cell.label}: {cell.value}", cell.tip)
        if wider:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(self._widest, 40)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def _width(self, cell: Cell) -> int:
        small = self._metrics(-1.5, cell.label)
        large = self._metrics(0, cell.value) + (13 if cell.dot else 0)
        return max(small, large) + 24

    def _metrics(self, delta: float, text: str) -> int:
        return QFontMetrics(self._look.font(delta, bold=True)).horizontalAdvance(text)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        look, cell = self._look, self._cell
        painter.setFont(look.font(-1.5))
        painter.setPen(look.colour("muted"))
        painter.drawText(QPoint(12, 15), cell.label)
        left, tone = 12, _TONES[cell.tone]
        if cell.dot:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(look.colour(tone))
            painter.setPen(look.colour(tone))
            painter.drawEllipse(QRectF(12.5, 23.5, 7, 7))
            left += 13
        painter.setFont(look.font(0, bold=True))
        painter.setPen(look.colour("text" if cell.tone in ("plain", "good") or cell.dot else tone))
        painter.drawText(QPoint(left, 31), cell.value)
        painter.fillRect(self.width() - 1, 9, 1, self.height() - 18, look.colour("line"))


ROOMY = 1_140  # pixels that all cells, the badge and the buttons take


class Strip(QFrame):
    """All cells, the badge of a simulated market, and the two things that must never be far: flags and the way out."""

    flags_wanted = Signal()
    leave_wanted = Signal()
    session_wanted = Signal()

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("strip")
        self.setProperty("role", "strip")
        self.setFixedHeight(44)
        self._cells = {
            key: StatusCell(look, key) for key in ("broker", "chain", "session", "state", "age", "away", "keys")
        }
        self._badge = Label("SIMULATED PRICES")
        self._badge.setProperty("role", "badge")
        self._badge.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        describe(self._badge, "Simulated prices", "A demo market: its prices are made up.", object_name="strip.badge")
        self._flags = button("No flags", "strip.flags", role="quiet", tip="Show what was refused and why")
        self._flags.clicked.connect(self.flags_wanted)
        self._leave = button("Finalize and withdraw…", "strip.leave", role="")
        self._leave.clicked.connect(self._act)
        self._opens = False
        parts = [*self._cells.values(), None, self._badge, 8, self._flags, 4, self._leave]
        self.setLayout(row(*parts, margins=(2, 0, 8, 0), spacing=0))
        self._view = AppView()
        self._badge.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        super().resizeEvent(event)
        self._cells["age"].setVisible(self.width() >= ROOMY)  # the state beside it says the more important half

    def show_view(self, view: AppView) -> None:
        self._view = view
        self._badge.setVisible(view.simulated)
        self.refresh()
        count = len(unresolved(view.flags))
        text = f"⚠ {count} flag{'s' if count > 1 else ''}" if count else "No flags"
        if text != self._flags.text():
            self._flags.setText(text)
            self._flags.setAccessibleName(text)
            set_look(self._flags, role="danger" if count else "quiet")
        self._show_way(view)

    def refresh(self) -> None:
        """Ages move on by themselves."""
        for cell in strip(self._view, time()):
            self._cells[cell.key].show_cell(cell)

    def _show_way(self, view: AppView) -> None:
        phase = view.channel.phase if view.channel else Phase.NONE
        self._opens = phase in (Phase.NONE, Phase.WITHDRAWN, Phase.ABANDONED)
        text = "Finalize and withdraw…"
        if self._opens:
            text = "Open a session…"
        elif phase is Phase.DISPUTED:
            text = "Show the dispute…"
        if text != self._leave.text():
            self._leave.setText(text)
            self._leave.setAccessibleName(text.rstrip("…"))
        possible = self._opens or phase not in (Phase.REQUESTED, Phase.AGREED, Phase.OPENING)
        self._leave.setEnabled(possible)
        set_tip(self._leave, "" if possible else "The session is still being opened.")

    def _act(self) -> None:
        (self.session_wanted if self._opens else self.leave_wanted).emit()
