"""One state of the history: what it changed, what one had then, and the very text that was signed."""

from __future__ import annotations

import json
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QStackedWidget

from wallet.gui.desk import Desk
from wallet.gui.models.figures import stamp
from wallet.gui.models.history import TRANSITIONS, Change, Names, Standing, compare, standings
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import ElidedLabel, describe

LONGEST_DETAIL = 200_000
TABS = ("changes", "then", "raw")


class StateDetail(QFrame):
    """``proof_wanted`` gives the increment of the state that is shown."""

    proof_wanted = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._increment: int | None = None
        self._title = ElidedLabel("Choose a state to see what it changed.", tone="muted")
        self._title.setObjectName("history.state")
        self._tabs = Choice(
            "history.detail",
            [
                ("changes", "Changes", "Old and new values"),
                ("then", "Balances", "What you had when this state was signed"),
                ("raw", "Signed", "The array, the envelope, the typed data, digest and signatures"),
            ],
        )
        self._proof = button(
            "Proof…", "history.detail.proof", role="quiet", tip="Export a withdrawal proof of this very state"
        )
        self._proof.clicked.connect(lambda: self.proof_wanted.emit(self._increment))
        self._proof.hide()
        self._changes: RowsModel[Change] = RowsModel(_changes(), lambda line: line.what)
        changes = Table("history.changes", "What this state changed", self._changes, desk.look)
        self._then: RowsModel[Standing] = RowsModel(_standings(), lambda line: line.asset)
        then = Table("history.then", "Balances as they were", self._then, desk.look)
        self._raw = QPlainTextEdit()
        self._raw.setReadOnly(True)
        self._raw.setTabChangesFocus(True)
        self._raw.setProperty("level", "mono")
        describe(self._raw, "Signed data of the state", object_name="history.raw")
        self._pages = QStackedWidget()
        for page in (changes, then, self._raw):
            self._pages.addWidget(page)
        self._tabs.chosen.connect(self._turn)
        head = row(self._title, self._tabs, self._proof, margins=(10, 3, 6, 3))
        head.setStretch(0, 1)
        layout = column(head, self._pages)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _turn(self, key: str) -> None:
        self._pages.setCurrentIndex(TABS.index(key))

    def turn_to(self, key: str) -> None:
        self._tabs.choose(key)
        self._turn(key)

    def clear(self) -> None:
        self._increment = None
        self._title.show_text("Choose a state to see what it changed.")
        self._title.set_tone("muted")
        self._proof.hide()
        self._changes.set_rows(())
        self._then.set_rows(())
        self._raw.clear()

    def show_state(self, detail: dict[str, Any], names: Names) -> None:
        self._increment = detail["increment"]
        envelope, how = detail["envelope"], detail.get("validation") or {}
        kind = str(envelope["transition"])
        successor = how.get("increment")
        implied = "" if successor is None else f" · validated by #{successor}"
        self._title.show_text(
            f"#{self._increment} · {TRANSITIONS.get(kind, kind)} · {stamp(int(envelope['time']))}{implied}"
        )
        self._title.set_tone("")
        self._proof.setVisible(bool(detail["proof"]))
        self._changes.set_rows(compare(detail.get("previous_array"), detail["array"], names))
        self._then.set_rows(standings(detail["array"], detail["pays"], names))
        shown = {
            "state": detail["array"],
            "envelope": envelope,
            "digest": detail["digest"],
            "signatures": detail["signatures"],
            "validation": detail.get("validation"),
            "typedData": detail["typed_data"],
        }
        self._raw.setPlainText(json.dumps(shown, indent=1, default=str)[:LONGEST_DETAIL])


def _changes() -> list[Column[Change]]:
    return [
        Column("", 96, lambda line: line.what, tone=_emphasis, stretch=True),
        Column("Old", 84, lambda line: line.old, right=True, tone=lambda _: "muted"),
        Column("New", 84, lambda line: line.new, right=True, tone=_emphasis),
        Column("Change", 84, lambda line: line.difference, right=True, tone=_difference),
    ]


def _standings() -> list[Column[Standing]]:
    return [
        Column("Asset", 60, lambda line: line.asset),
        Column("Available", 84, lambda line: line.available, right=True),
        Column("Locked", 76, lambda line: line.locked, right=True),
        Column("Outcome", 84, lambda line: line.outcome, right=True, tone=lambda line: line.tone),
        Column("Would pay out", 90, lambda line: line.pays, right=True, stretch=True),
    ]


def _emphasis(line: Change) -> str:
    return "text" if line.changed else "muted"


def _difference(line: Change) -> str:
    return {"up": "up", "down": "down"}.get(line.tone, "text")
