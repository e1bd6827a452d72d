"""A read-only list of where things stand on the screen, for tests that drive the real window from outside.

Written to the file named by CHANNEL_WALLET_RECTS, and only if there is one. It changes nothing and takes nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, QRect, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QWidget

from wallet.gui.models.ledger import OrderLine
from wallet.gui.views.book import BookLadder
from wallet.gui.views.strip import StatusCell
from wallet.gui.widgets.table import Table

VARIABLE = "CHANNEL_WALLET_RECTS"
PERIOD_MS = 500


class RectWriter(QObject):
    """Every named widget of every window of the program: place, visibility, whether it can be used, its words.

    A widget counts as visible once it has stood still for a period: a click must not aim at a layout in the making.
    """

    def __init__(self, path: Path, parent: QObject) -> None:
        super().__init__(parent)
        self._path = path
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.write)
        self._before: dict[str, Any] = {}
        self._timer.start(PERIOD_MS)

    def write(self) -> None:
        found: dict[str, Any] = {}
        for window in QApplication.topLevelWidgets():
            if window.isVisible():
                for widget in [window, *window.findChildren(QWidget)]:
                    _add(found, widget)
        before, self._before = self._before, {name: entry["rect"] for name, entry in found.items()}
        for name, entry in found.items():
            entry["visible"] = entry["visible"] and before.get(name) == entry["rect"]
        text = json.dumps(found, ensure_ascii=False)
        fresh = self._path.with_name(self._path.name + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        fresh.replace(self._path)


def _add(found: dict[str, Any], widget: QWidget) -> None:
    name = widget.objectName()
    if not name or name.startswith("qt_"):
        return
    corner = widget.mapToGlobal(QPoint(0, 0))
    seen = widget.isVisible() and not widget.visibleRegion().isEmpty()
    entry = _entry(QRect(corner, widget.size()), visible=seen)
    entry["enabled"] = widget.isEnabled()
    if isinstance(widget, StatusCell):
        entry["label"] = widget.cell.label
    text = _text(widget)
    if text is not None:
        entry["text"] = text
    found[name] = entry
    if isinstance(widget, BookLadder) and seen:
        for side in ("sell", "buy"):
            rows = [(level, area) for level, area in widget.levels() if level.side == side]
            best_first = rows if side == "buy" else rows[::-1]
            for index, (level, area) in enumerate(best_first):
                at = QRect(widget.mapToGlobal(area.topLeft()), area.size())
                shown: dict[str, Any] = {"text": widget.price(level), "own": level.own}
                found[f"book.{side}.{index}"] = _entry(at, visible=True) | shown
    if isinstance(widget, Table) and seen:
        for index, (line, area) in enumerate(widget.action_areas()):
            words = line.order.id.hex() if isinstance(line, OrderLine) else ""
            found[f"{name}.action.{index}"] = _entry(area, visible=True) | {"text": words}


def _entry(area: QRect, *, visible: bool) -> dict[str, Any]:
    return {"rect": [area.x(), area.y(), area.width(), area.height()], "visible": visible}


def _text(widget: QWidget) -> str | None:
    if widget.property("secret"):
        return None
    if isinstance(widget, QAbstractButton | QLabel):
        return widget.text()
    if isinstance(widget, QLineEdit):
        return None if widget.echoMode() is not QLineEdit.EchoMode.Normal else widget.text()
    if isinstance(widget, StatusCell):
        return widget.cell.value
    return None
