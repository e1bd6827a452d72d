"""Stop-losses and take-profits on the chart: a dotted line where each is set off. Loaded with the plot."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt

from wallet.app.snapshots import MarketInfo, TriggerView
from wallet.gui.look import Look
from wallet.gui.models.figures import amount_text, price_number
from wallet.gui.models.ledger import TRIGGERS
from wallet.gui.widgets.text import veiled


class WaitingLines:
    """On one plot. They can't be dragged: what waits is taken back and set anew."""

    def __init__(self, plot: Any, look: Look) -> None:
        self._plot, self._look = plot, look
        self._lines: list[Any] = []  # pyqtgraph ships no types

    def show_triggers(self, triggers: tuple[TriggerView, ...], market: MarketInfo) -> None:
        """Those of this market that wait."""
        here = [row for row in triggers if row.market == market.name and not row.failed]
        while len(self._lines) < len(here):
            place = {"position": 0.5 + 0.09 * (len(self._lines) % 5)}
            made = pg.InfiniteLine(angle=0, movable=False, label="", labelOpts=place)
            self._lines.append(made)
            self._plot.addItem(made, ignoreBounds=True)
        for line in self._lines[len(here) :]:
            line.hide()
        for line, row in zip(self._lines, here, strict=False):
            self._dress(line, row, market)
            line.show()

    def _dress(self, line: Any, row: TriggerView, market: MarketInfo) -> None:
        colour = self._look.colour("warn")
        line.setValue(price_number(market, row.at))
        line.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DotLine))
        line.label.setColor(colour)
        line.label.fill = pg.mkBrush(self._look.colour("surface"))
        sign = "▲" if row.side == "buy" else "▼"
        line.label.setFormat(f"{TRIGGERS[row.kind]} {sign} {veiled(amount_text(market, row.amount))}")
