"""The channels of the profile by broker: the one chosen here is the one on the screen, and under every click."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QFrame, QSizePolicy

from wallet.app.snapshots import AppView
from wallet.gui.look import Look
from wallet.gui.models.channels import ChannelLine, channel_lines, worth_listing
from wallet.gui.widgets.layout import column
from wallet.gui.widgets.table import Column, RowsModel, Table

ROW, HEAD, MOST_ROWS = 24, 26, 8


class ChannelsView(QFrame):
    """``chosen`` gives a broker and a channel, or b"" for a broker's newest. Hidden while there is no choice."""

    chosen = Signal(bytes, bytes)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("channels")
        columns: list[Column[ChannelLine]] = [
            Column(
                "Broker, channel", 100, lambda line: line.name, tone=_name_tone, tip=lambda line: line.tip, stretch=True
            ),
            Column("Status", 78, lambda line: line.status, tone=lambda line: line.tone),
            Column("State", 52, lambda line: line.state, right=True),
        ]
        self._model: RowsModel[ChannelLine] = RowsModel(columns, lambda line: line.key)
        self.table = Table("channels.table", "Channels by broker", self._model, look, "No brokers yet.")
        self.table.picked.connect(self._pick)
        self._shown = (b"", b"")
        self._quiet = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setLayout(column(self.table))
        self.hide()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(240, HEAD + ROW * min(max(len(self._model.rows), 1), MOST_ROWS))

    def show_view(self, view: AppView) -> None:
        self.setVisible(worth_listing(view))
        lines = channel_lines(view)
        self._quiet = True  # rows that come and go move the selection: that is nobody's choice
        try:
            self._show_lines(view, lines)
        finally:
            self._quiet = False

    def _show_lines(self, view: AppView, lines: tuple[ChannelLine, ...]) -> None:
        if lines != self._model.rows:
            grown = len(lines) != len(self._model.rows)
            self._model.set_rows(lines)
            if grown:
                self.updateGeometry()
        self._shown = (view.broker, view.channel.id if view.channel else b"")
        keys = [line.key for line in lines]
        wanted = self._shown if self._shown in keys else (view.broker, b"")
        if wanted in keys and self.table.currentIndex().row() != keys.index(wanted):
            self.table.selectRow(keys.index(wanted))

    def _pick(self, line: ChannelLine | None) -> None:
        if line is not None and not self._quiet and line.key != self._shown:
            self.chosen.emit(*line.key)


def _name_tone(line: ChannelLine) -> str:
    return "text" if line.channel else "muted"
