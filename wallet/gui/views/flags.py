"""Flags: what the broker signed that may not be signed back. The banner stays until the user has decided."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QSplitter

from wallet.app.messages import sentence
from wallet.app.snapshots import AppView, FlagView
from wallet.gui.look import Look
from wallet.gui.models.figures import clock
from wallet.gui.models.ledger import cost_text, unresolved
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Column, RowsModel, Table
from wallet.gui.widgets.text import Label, set_tip
from wallet.protocol.plain import plain


class FlagBanner(QFrame):
    """The newest undecided flag in words, with what can be done about it. The signals carry the flag."""

    refuse_wanted = Signal(object)
    proof_wanted = Signal(object)
    evidence_wanted = Signal(object)
    details_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("flag.banner")
        self.setProperty("role", "banner")
        self._flag: FlagView | None = None
        self._title = Label("", level="strong", tone="bad", wrap=True)
        self._title.setObjectName("flag.rule")
        self._compare = Label("", wrap=True)
        self._safe = Label("", tone="muted", wrap=True)
        self._safe.setObjectName("flag.safe")
        self._refuse = button("Refuse and go on", "flag.refuse", role="primary")
        self._proof = button("Export proof…", "flag.proof")
        self._evidence = button("Save evidence…", "flag.evidence")
        self._details = button("Details", "flag.details", role="quiet")
        self._refuse.clicked.connect(lambda: self.refuse_wanted.emit(self._flag))
        self._proof.clicked.connect(lambda: self.proof_wanted.emit(self._flag))
        self._evidence.clicked.connect(lambda: self.evidence_wanted.emit(self._flag))
        self._details.clicked.connect(self.details_wanted)
        words = column(self._title, self._compare, self._safe, spacing=3)
        buttons = column(row(self._details, self._evidence, self._proof, self._refuse), None)
        layout = row(words, buttons, margins=(14, 9, 12, 9), spacing=16)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.hide()

    def show_view(self, view: AppView) -> None:
        open_flags = unresolved(view.flags)
        flag = open_flags[0] if open_flags else None
        if flag == self._flag:
            return
        self._flag = flag
        self.setVisible(flag is not None)
        if flag is None:
            return
        rule, compared, safe = flag_words(flag)
        more = f"   (1 of {len(open_flags)})" if len(open_flags) > 1 else ""
        who = f"{plain(flag.broker_name, 24)}: " if len(view.brokers) > 1 else ""
        self._title.show_foreign(f"⚠ {who}{rule}{more}", 600)
        self._compare.show_foreign(compared, 600)
        self._safe.show_text(safe)
        self._refuse.setEnabled(flag.acting)
        self._refuse.setAccessibleName("Refuse and go on")
        why = "" if flag.acting else "This one can't be answered with a refusal: leave with the last good state."
        set_tip(self._refuse, why)
        self.setAccessibleName(f"Flag: {rule}")
        self.setAccessibleDescription(f"{compared}. {safe}")


class FlagsView(QFrame):
    """All flags of the channel, decided ones too. The signal carries the flag."""

    evidence_wanted = Signal(object)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.setObjectName("flags")
        columns: list[Column[FlagView]] = [
            Column("Time", 76, lambda flag: clock(flag.time), tone=lambda _: "muted"),
            Column("State", 64, lambda flag: f"#{flag.increment}"),
            Column("Code", 150, lambda flag: flag.code),
            Column("Status", 110, _status, tone=_tone, stretch=True),
        ]
        self._model: RowsModel[FlagView] = RowsModel(columns, lambda flag: flag.id)
        nothing = "No flags: every state of the broker's kept the rules."
        table = Table("flags.table", "Flags", self._model, look, nothing)
        table.picked.connect(self._show)
        self._flag: FlagView | None = None
        self._words = Label("", wrap=True)
        self._words.setObjectName("flags.words")
        self._words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._words.setMargin(12)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._evidence = button(
            "Save evidence…",
            "flags.evidence",
            role="quiet",
            tip="Write what the broker signed as a file that anyone can check, without this program",
        )
        self._evidence.clicked.connect(lambda: self.evidence_wanted.emit(self._flag))
        self._evidence.hide()
        page = QFrame()
        side = column(self._words, row(None, self._evidence, margins=(6, 2, 6, 4)))
        side.setStretch(0, 1)
        page.setLayout(side)
        splitter = QSplitter()
        splitter.addWidget(table)
        splitter.addWidget(page)
        splitter.setSizes([420, 420])
        splitter.setHandleWidth(1)
        self.setLayout(column(splitter))

    def show_view(self, view: AppView) -> None:
        self._model.set_rows(tuple(sorted(view.flags, key=lambda flag: flag.id, reverse=True)))

    def _show(self, flag: FlagView | None) -> None:
        self._flag = flag
        self._evidence.setVisible(flag is not None)
        if flag is not None:
            self._words.show_text("\n\n".join(flag_words(flag)))


def flag_words(flag: FlagView) -> tuple[str, str, str]:
    """The rule, what was expected and got, and why nothing is lost."""
    rule = sentence(flag.code, {"expected": flag.expected, "got": flag.got})
    compared = f"Expected: {_short(flag.expected)}   ≠   got: {_short(flag.got)}"
    cost = f"Signing it would have cost: {cost_text(flag)}. " if flag.cost else ""
    safe = f"{cost}Nothing was signed. Your last good state is #{flag.last_good}; you can leave with it at any time."
    return rule, compared, safe


def _short(text: str) -> str:
    return plain(text, 260)


def _status(flag: FlagView) -> str:
    return "decided" if flag.resolved else "⚠ undecided"


def _tone(flag: FlagView) -> str:
    return "muted" if flag.resolved else "bad"
