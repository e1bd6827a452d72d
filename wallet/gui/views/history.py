"""Every state of the channel: who issued it, who signed it, what it changed, and the proof one can leave with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QProgressBar, QSplitter, QStackedWidget

from wallet.app.snapshots import AppView, StateRow
from wallet.gui.desk import Desk
from wallet.gui.models.figures import NONE, clock, stamp
from wallet.gui.models.history import TRANSITIONS, Change, Names, compare
from wallet.gui.widgets.choice import Choice
from wallet.gui.widgets.files import ask_where
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import ElidedLabel, Label, describe, set_tip
from wallet.protocol.plain import plain

PAGE = 100
REFRESH_MS = 500
LONGEST_DETAIL = 200_000


class HistoryView(QFrame):
    """Reads pages of the journal through the backend; asks again, at most twice a second, while states flow."""

    said = Signal(str, str)  # a sentence and its tone

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("history")
        self._desk = desk
        self._names = Names({}, {})
        self._newest, self._asked, self._complete = -1, False, False
        self._selected: StateRow | None = None
        self._channel = b""
        self._model: RowsModel[StateRow] = RowsModel(_columns(), lambda line: (line.increment, line.digest))
        self.table = Table("history.table", "States", self._model, desk.look, "No states yet.")
        self.table.picked.connect(self._pick)
        self.table.verticalScrollBar().valueChanged.connect(self._maybe_more)
        self._detail = StateDetail(desk)
        self._detail.proof_wanted.connect(self._export_proof)
        self._progress = QProgressBar()
        describe(self._progress, "Progress of the verification", object_name="history.progress")
        self._progress.setTextVisible(False)
        self._progress.setFixedWidth(120)
        self._progress.hide()
        self._checked = Label("", tone="muted", level="small")
        self._checked.setObjectName("history.verified")
        self._verify = button("Verify all", "history.verify", role="quiet", tip="Check chain, signatures and rules")
        self._export = button("Export…", "history.export", role="quiet", tip="Write the whole history to a file")
        self._proof = button(
            "Export withdrawal proof…",
            "history.proof",
            role="quiet",
            tip="Write a file with which anyone can settle this channel on chain, without this program",
        )
        self._verify.clicked.connect(self._verify_all)
        self._export.clicked.connect(self._export_all)
        self._proof.clicked.connect(lambda: self._export_proof(None))
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.timeout.connect(self._reload)
        splitter = QSplitter()
        splitter.addWidget(self.table)
        splitter.addWidget(self._detail)
        splitter.setSizes([408, 392])
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(1)
        bar = row(
            self._checked,
            self._progress,
            None,
            self._verify,
            self._export,
            self._proof,
            margins=(10, 2, 6, 2),
            spacing=4,
        )
        layout = column(splitter, bar)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    # --- following the channel -----------------------------------------------------------------------------------

    def show_view(self, view: AppView) -> None:
        channel = view.channel
        self._names = Names.of(view.assets, view.markets)
        for made in (self._verify, self._export, self._proof):
            made.setEnabled(channel is not None)
            if channel is None:
                set_tip(made, "There is no session yet.")
        if channel is None:
            return
        if channel.id != self._channel:
            self._channel, self._newest, self._complete = channel.id, -1, False
            self._model.set_rows(())
        marker = channel.increment * 2 + (1 if channel.awaiting else 0)
        if marker != self._newest and self.isVisible():
            self._newest = marker
            self._later()

    def showEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._later()

    def _later(self) -> None:
        if not self._tick.isActive() and self._channel:
            self._tick.start(0 if not self._model.rows else REFRESH_MS)

    def _reload(self) -> None:
        channel = self._channel
        future = self._desk.backend.history(channel, None, PAGE)
        self._desk.courier.deliver(future, self, lambda page: self._merge(channel, page), self._desk.ignore)

    def _merge(self, channel: bytes, page: list[StateRow]) -> None:
        """The newest page before the rows that are older than it; a gap between them starts over."""
        if not page or channel != self._channel:
            return
        lowest = page[-1].increment
        older = tuple(line for line in self._model.rows if line.increment < lowest)
        if older and older[0].increment < lowest - 2:
            older, self._complete = (), False
        if len(page) < PAGE:
            self._complete = True
        self._model.set_rows((*page, *older))

    def _maybe_more(self, value: int) -> None:
        bar = self.table.verticalScrollBar()
        if self._asked or self._complete or not self._model.rows or value < bar.maximum() - 200:
            return
        self._asked = True
        channel = self._channel
        future = self._desk.backend.history(channel, self._model.rows[-1].increment, PAGE)
        self._desk.courier.deliver(
            future, self, lambda page: self._append(channel, page), lambda _: self._append(channel, [])
        )

    def _append(self, channel: bytes, page: list[StateRow]) -> None:
        self._asked = False
        if channel != self._channel:
            return
        self._complete = len(page) < PAGE
        known = {(line.increment, line.digest) for line in self._model.rows}
        self._model.set_rows(
            (*self._model.rows, *(line for line in page if (line.increment, line.digest) not in known))
        )

    # --- one state -----------------------------------------------------------------------------------------------

    def _pick(self, line: StateRow | None) -> None:
        self._selected = line
        if line is None:
            return

        def show(detail: dict[str, Any]) -> None:
            if self._selected is line:
                self._detail.show_state(line, detail, self._names)

        self._desk.courier.deliver(
            self._desk.backend.state_detail(self._channel, line.increment), self, show, self._fail
        )

    # --- commands ------------------------------------------------------------------------------------------------

    def _verify_all(self) -> None:
        self._verify.setEnabled(False)
        self._progress.setRange(0, 0)
        self._progress.show()
        self._checked.show_text("Verifying…")
        box = self._desk.clock.mailbox(self._show_progress)

        def done(count: int) -> None:
            self._verified()
            self._checked.show_text(f"✓ {count} states verified: chain, signatures and rules hold")
            self._checked.set_tone("good")

        def failed(error: Any) -> None:
            self._verified()
            self._checked.show_text("× Verification failed")
            self._checked.set_tone("bad")
            self._fail(error)

        future = self._desk.backend.verify_history(self._channel, lambda at, of: box.put((at, of)))
        self._desk.courier.deliver(future, self, done, failed)

    def _show_progress(self, progress: tuple[int, int]) -> None:
        if self._progress.isVisible():
            self._progress.setRange(0, max(progress[1], 1))
            self._progress.setValue(progress[0])
            self._checked.show_text(f"Verifying {progress[0]} of {progress[1]}")

    def _verified(self) -> None:
        self._verify.setEnabled(True)
        self._progress.hide()

    def _export_all(self) -> None:
        def write(path: Path) -> None:
            future = self._desk.backend.export_history(self._channel, path)
            self._desk.courier.deliver(future, self, lambda count: self._wrote(f"{count} states", path), self._fail)

        ask_where(self, "Export history", "history.json", write)

    def _export_proof(self, increment: int | None) -> None:
        def write(path: Path) -> None:
            future = self._desk.backend.export_proof(self._channel, path, increment)
            self._desk.courier.deliver(future, self, lambda at: self._wrote(f"Proof of state #{at}", path), self._fail)

        number = "" if increment is None else f"-{increment}"
        ask_where(self, "Export withdrawal proof", f"withdrawal-proof{number}.json", write)

    def _wrote(self, what: str, path: Path) -> None:
        self.said.emit(f"{what} written to {plain(str(path))}.", "good")

    def _fail(self, error: Any) -> None:
        self.said.emit(self._desk.explain(error), "bad")


class StateDetail(QFrame):
    """Old and new side by side, or the very text that was signed."""

    proof_wanted = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._increment: int | None = None
        self._title = ElidedLabel("Choose a state to see what it changed.", tone="muted")
        self._tabs = Choice(
            "history.detail",
            [
                ("changes", "Changes", "Old and new values"),
                ("raw", "Signed data", "The array, the envelope, signatures"),
            ],
        )
        self._proof = button(
            "Proof…", "history.detail.proof", role="quiet", tip="Export a withdrawal proof of this very state"
        )
        self._proof.clicked.connect(lambda: self.proof_wanted.emit(self._increment))
        self._proof.hide()
        columns: list[Column[Change]] = [
            Column("", 96, lambda line: line.what, tone=_emphasis, stretch=True),
            Column("Old", 84, lambda line: line.old, right=True, tone=lambda _: "muted"),
            Column("New", 84, lambda line: line.new, right=True, tone=_emphasis),
            Column("Change", 84, lambda line: line.difference, right=True, tone=_difference),
        ]
        self._model: RowsModel[Change] = RowsModel(columns, lambda line: line.what)
        changes = Table("history.changes", "What this state changed", self._model, desk.look)
        self._raw = QPlainTextEdit()
        self._raw.setReadOnly(True)
        self._raw.setProperty("level", "mono")
        describe(self._raw, "Signed data of the state", object_name="history.raw")
        self._pages = QStackedWidget()
        self._pages.addWidget(changes)
        self._pages.addWidget(self._raw)
        self._tabs.chosen.connect(self._turn)
        head = row(self._title, self._tabs, self._proof, margins=(10, 3, 6, 3))
        head.setStretch(0, 1)
        layout = column(head, self._pages)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _turn(self, key: str) -> None:
        self._pages.setCurrentIndex(0 if key == "changes" else 1)

    def show_state(self, line: StateRow, detail: dict[str, Any], names: Names) -> None:
        self._increment = line.increment
        implied = "" if line.implied_by is None else f" · validated by #{line.implied_by}"
        self._title.show_text(f"#{line.increment} · {TRANSITIONS.get(line.transition, line.transition)}{implied}")
        self._title.set_tone("")
        self._proof.setVisible(bool(detail.get("proof", line.validated)))
        self._model.set_rows(compare(detail.get("previous_array"), detail["array"], names))
        shown = {
            "state": detail.get("array"),
            "envelope": detail.get("envelope"),
            "digest": detail.get("digest"),
            "signatures": detail.get("signatures"),
            "validation": detail.get("validation"),
        }
        self._raw.setPlainText(json.dumps(shown, indent=1, default=_hex)[:LONGEST_DETAIL])


def _columns() -> list[Column[StateRow]]:
    return [
        Column("#", 42, lambda line: str(line.increment), right=True),
        Column("Transition", 88, lambda line: TRANSITIONS.get(line.transition, line.transition)),
        Column("Issuer", 56, lambda line: line.issuer, tone=lambda _: "muted"),
        Column("Signed", 58, _signers, tone=_signers_tone, tip=_signers_tip),
        Column("Status", 67, _status, tone=_status_tone),
        Column(
            "Time",
            62,
            lambda line: clock(line.time),
            tone=lambda _: "muted",
            tip=lambda line: stamp(line.time),
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


def _emphasis(line: Change) -> str:
    return "text" if line.changed else "muted"


def _difference(line: Change) -> str:
    return {"up": "up", "down": "down"}.get(line.tone, "text")


def _hex(value: object) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
