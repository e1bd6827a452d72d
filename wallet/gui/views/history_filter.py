"""Above the history: which states are wanted, and how far the search for them is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QDateTime, QSignalBlocker, Signal
from PySide6.QtWidgets import QComboBox, QDateTimeEdit, QFrame, QSizePolicy, QWidget

from wallet.app.snapshots import MarketInfo
from wallet.gui.models.history import TRANSITIONS
from wallet.gui.models.states import ANY, BETWEEN, SIDES, SIGNERS, TIMES, Filter
from wallet.gui.widgets.layout import column, row, tool
from wallet.gui.widgets.text import Label, describe
from wallet.gui.widgets.work import WorkBar
from wallet.protocol.plain import plain


class HistoryFilter(QFrame):
    """``changed`` says that something else is wanted: see :attr:`filter`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._transition = _box("transition", "Transition", [(ANY, "Every transition"), *TRANSITIONS.items()])
        self._market = _box("market", "Market", [(ANY, "Every market")])
        self._side = _box("side", "Side", SIDES)
        self._signer = _box("signer", "Signatures", SIGNERS)
        self._time = _box("time", "Time", TIMES)
        self._since = _moment("since", "From", -86_400)
        self._until = _moment("until", "To", 0)
        self._clear = tool("Show all", "history.filter.clear", role="segment", tip="Every state again")
        self._clear.clicked.connect(self.clear)
        self._clear.hide()
        self.work = WorkBar("history.search", "Progress of the search")
        boxes = (self._transition, self._market, self._side, self._signer, self._time)
        for box in boxes:
            box.activated.connect(self._say)
        for moment in (self._since, self._until):
            moment.editingFinished.connect(self._say_moment)
        self._span = QWidget()
        self._span.setLayout(
            row(Label("From", tone="muted"), self._since, Label("to", tone="muted"), self._until, None)
        )
        self._span.hide()
        first = row(*boxes, self._clear, self.work, spacing=4)
        first.setStretch(len(boxes) + 1, 1)
        self.setLayout(column(first, self._span, margins=(6, 3, 6, 3), spacing=3))
        self._said = Filter()

    @property
    def filter(self) -> Filter:
        between = self._time.currentData() == BETWEEN
        return Filter(
            self._transition.currentData(),
            self._market.currentData(),
            self._side.currentData(),
            self._signer.currentData(),
            self._time.currentData(),
            self._since.dateTime().toSecsSinceEpoch() if between else 0,
            self._until.dateTime().toSecsSinceEpoch() if between else 0,
        )

    def show_markets(self, markets: Sequence[MarketInfo]) -> None:
        names = [market.name for market in markets]
        if names == [self._market.itemData(at) for at in range(1, self._market.count())]:
            return
        chosen = self._market.currentData()
        with QSignalBlocker(self._market):
            self._market.clear()
            self._market.addItem("Every market", ANY)
            for name in names:
                self._market.addItem(plain(name, 24), name)
            self._market.setCurrentIndex(max(self._market.findData(chosen), 0))

    def clear(self) -> None:
        for box in (self._transition, self._market, self._side, self._signer, self._time):
            box.setCurrentIndex(0)
        self._say()

    def _say_moment(self) -> None:
        if self._time.currentData() == BETWEEN:
            self._say()

    def _say(self, _index: int = 0) -> None:
        chosen = self.filter
        self._span.setVisible(chosen.time == BETWEEN)
        self._clear.setVisible(chosen != Filter())
        if chosen != self._said:
            self._said = chosen
            self.changed.emit()


def _box(name: str, label: str, options: Sequence[tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    for key, text in options:
        box.addItem(text, key)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(13)
    box.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    box.setMinimumWidth(60)
    describe(box, label, object_name=f"history.filter.{name}")
    return box


def _moment(name: str, label: str, shift: int) -> QDateTimeEdit:
    edit = QDateTimeEdit(QDateTime.currentDateTime().addSecs(shift))
    edit.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
    describe(edit, label, object_name=f"history.filter.{name}")
    return edit
