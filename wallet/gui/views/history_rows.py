"""The rows of the history as Qt's tables want them, and their columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wallet.app.snapshots import StateRow
from wallet.gui.models.figures import NONE, clock, stamp
from wallet.gui.models.history import TRANSITIONS
from wallet.gui.models.states import Lines, StateLine
from wallet.gui.widgets.table import ROOT, Column, RowsModel


class StatesModel(RowsModel[StateLine]):
    """The rows of :class:`Lines`; whoever changes those says so here."""

    def __init__(self) -> None:
        super().__init__(_columns(), lambda line: line.number)
        self.lines = Lines()
        self.rows = self.lines

    def show_all(self, count: int) -> None:
        self.beginResetModel()
        self.lines.show_all(count)
        self.endResetModel()

    def show_found(self) -> None:
        self.beginResetModel()
        self.lines.show_found()
        self.endResetModel()

    def forget(self) -> None:
        self.beginResetModel()
        self.lines.forget()
        self.endResetModel()

    def grow(self, count: int) -> int:
        """More states than before, of which all are shown; how many rows came above the others."""
        more = count - len(self.lines)
        if more > 0:
            self.beginInsertRows(ROOT, 0, more - 1)
            self.lines.show_all(count)
            self.endInsertRows()
        return max(more, 0)

    def add_older(self, numbers: Iterable[int]) -> None:
        found = list(numbers)
        if found:
            self.beginInsertRows(ROOT, len(self.lines), len(self.lines) + len(found) - 1)
            self.lines.add_older(found)
            self.endInsertRows()

    def add_newer(self, numbers: Iterable[int]) -> int:
        found = list(numbers)
        if found:
            self.beginInsertRows(ROOT, 0, len(found) - 1)
            self.lines.add_newer(found)
            self.endInsertRows()
        return len(found)


def _columns() -> list[Column[StateLine]]:
    def known(show: Any, otherwise: str = "") -> Any:
        return lambda line: otherwise if line.row is None else show(line.row)

    return [
        Column("#", 62, known(lambda line: str(line.increment), "…"), right=True),
        Column("Transition", 88, known(lambda line: TRANSITIONS.get(line.transition, line.transition))),
        Column("Issuer", 56, known(lambda line: line.issuer), tone=lambda _: "muted"),
        Column("Signed", 58, known(_signers), tone=known(_signers_tone, "muted"), tip=known(_signers_tip)),
        Column("Status", 67, known(_status), tone=known(_status_tone, "muted")),
        Column(
            "Time",
            62,
            known(lambda line: clock(line.time)),
            tone=lambda _: "muted",
            tip=known(lambda line: stamp(line.time)),
            stretch=True,
        ),
    ]


def _signers(line: StateRow) -> str:
    if line.signed_by_trader and line.signed_by_broker:
        return "✓ both"
    if line.implied_by is not None:
        return f"✓ #{line.implied_by}"
    return "you" if line.signed_by_trader else "broker" if line.signed_by_broker else NONE


def _signers_tip(line: StateRow) -> str:
    if line.implied_by is None:
        return ""
    missing = "broker" if line.signed_by_trader else "you"
    return f"Validated by its successor: {missing} signed #{line.implied_by}, which names this state"


def _signers_tone(line: StateRow) -> str:
    both = line.signed_by_trader and line.signed_by_broker
    return "good" if both or line.implied_by is not None else "warn"


def _status(line: StateRow) -> str:
    return "refused" if line.refused else "validated" if line.validated else "waiting"


def _status_tone(line: StateRow) -> str:
    return "bad" if line.refused else "text" if line.validated else "warn"
