"""Every state of the channel: who issued it, who signed it, what it changed, and the proof one can leave with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QSlider, QSplitter

from wallet.app.snapshots import AppView, MarketInfo, StateRow
from wallet.gui.desk import Desk
from wallet.gui.models.history import Names
from wallet.gui.models.states import StateLine
from wallet.gui.views.history_detail import StateDetail
from wallet.gui.views.history_filter import HistoryFilter
from wallet.gui.views.history_rows import StatesModel
from wallet.gui.widgets.files import ask_where
from wallet.gui.widgets.layout import button, column, row
from wallet.gui.widgets.table import Table
from wallet.gui.widgets.text import describe, set_tip
from wallet.gui.widgets.work import WorkBar
from wallet.protocol.errors import WalletError
from wallet.protocol.plain import plain

if TYPE_CHECKING:
    from wallet.history.search import Search

REFRESH_MS = 500
AROUND = 40  # rows beyond those in sight that are fetched with them


class HistoryView(QFrame):
    """Asks the journal for the rows in sight and for no others; again, at most twice a second, while states flow."""

    said = Signal(str, str)  # a sentence and its tone

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("history")
        self._desk = desk
        self._names = Names({}, {})
        self._markets: tuple[MarketInfo, ...] = ()
        self._channel, self._newest = b"", -1
        self._fetching = False
        self._search: Search | None = None  # what the filters ask for; None: everything
        self._shown = 0  # of what it found
        self._next: int | None = None  # the state whose detail is wanted
        self._detailing = False
        self._model = StatesModel()
        self.table = Table("history.table", "States", self._model, desk.look, "No states yet.")
        self.table.picked.connect(self._pick)
        self.table.verticalScrollBar().valueChanged.connect(self._fetch)
        self._detail = StateDetail(desk)
        self._detail.proof_wanted.connect(self._export_proof)
        self.filters = HistoryFilter()
        self.filters.changed.connect(self._filter)
        self.filters.work.stopped.connect(self._stop_search)
        self._found = desk.clock.mailbox(self._show_found)
        self._progress = desk.clock.mailbox(self._show_progress)
        self._work = WorkBar("history.work", "Progress of the work on the history")
        self._work.stopped.connect(self._stop_work)
        self._stopping = False
        self._tick = QTimer(self)
        self._tick.setSingleShot(True)
        self._tick.timeout.connect(self._reload)
        self.timeline = QSlider(Qt.Orientation.Horizontal)
        describe(
            self.timeline,
            "Timeline",
            "Move through the session's states and see what you had then",
            object_name="history.timeline",
        )
        self.timeline.setEnabled(False)
        self.timeline.valueChanged.connect(self._scrub)
        self._make_layout()

    def _make_layout(self) -> None:
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
        splitter = QSplitter()
        splitter.addWidget(self.table)
        splitter.addWidget(self._detail)
        splitter.setSizes([408, 392])
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(1)
        bar = row(self.timeline, self._work, self._verify, self._export, self._proof, margins=(10, 2, 6, 2), spacing=6)
        bar.setStretch(0, 1)
        bar.setStretch(1, 1)
        layout = column(self.filters, splitter, bar)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    # --- following the channel -----------------------------------------------------------------------------------

    def show_view(self, view: AppView) -> None:
        channel = view.channel
        self._names, self._markets = Names.of(view.assets, view.markets), view.markets
        self.filters.show_markets(view.markets)
        for made in (self._verify, self._export, self._proof):
            made.setEnabled(channel is not None and not (self._work.busy and made is not self._proof))
            if channel is None:
                set_tip(made, "There is no session yet.")
        if channel is None:
            return
        if channel.id != self._channel:
            self._turn_to(channel.id)
        marker = channel.increment * 2 + (1 if channel.awaiting else 0)
        if marker != self._newest and self.isVisible():
            self._newest = marker
            self._later()

    def _turn_to(self, channel: bytes) -> None:
        self._channel, self._newest, self._next = channel, -1, None
        self._model.forget()
        self._detail.clear()
        self._filter()

    def showEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._later()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        self._fetch()

    def _later(self) -> None:
        if not self._tick.isActive() and self._channel:
            self._tick.start(REFRESH_MS if self._model.lines.states else 0)

    def _reload(self) -> None:
        channel = self._channel

        def counted(count: int) -> None:
            if channel == self._channel:
                self._grow(count)

        self._desk.courier.deliver(self._desk.backend.count_states(channel), self, counted, self._desk.ignore)

    def _grow(self, count: int) -> None:
        lines, before = self._model.lines, self._model.lines.states
        lines.renew()
        follows = not self.timeline.isEnabled() or self.timeline.value() == self.timeline.maximum()
        with QSignalBlocker(self.timeline):
            self.timeline.setEnabled(count > 0)
            self.timeline.setMaximum(max(count - 1, 0))
            self.timeline.setPageStep(max(count // 20, 1))
            if follows and self.table.currentIndex().row() < 0:
                self.timeline.setValue(count - 1)
        if self._search is None:
            self._stay(self._model.grow(count))
        elif not self.filters.work.busy:
            lines.states = count
            self._search_above(before)
        self._fetch()

    def _stay(self, more: int) -> None:
        """Rows that come above those one reads do not push them away."""
        bar = self.table.verticalScrollBar()
        if more and bar.value() > 0:
            bar.setValue(bar.value() + more * self.table.verticalHeader().defaultSectionSize())

    def _fetch(self) -> None:
        """What is in sight and not known; one question at a time, so that what was scrolled past is never asked for."""
        if self._fetching or not self._channel or not self.isVisible():
            return
        first = max(self.table.indexAt(QPoint(1, 1)).row(), 0)
        last = first + self.table.viewport().height() // self.table.verticalHeader().defaultSectionSize() + 1
        if not self._model.lines.wanted(first, last):
            return
        numbers = self._model.lines.wanted(first - AROUND, last + AROUND)
        self._fetching, channel = True, self._channel

        def came(rows: list[StateRow]) -> None:
            self._fetching = False
            if channel == self._channel:
                self._model.lines.put(numbers, rows)
                self.table.viewport().update()
            self._fetch()

        def failed(error: WalletError) -> None:
            self._fetching = False
            self._model.lines.put(numbers, ())
            self._fail(error)

        self._desk.courier.deliver(self._desk.backend.states(channel, numbers), self, came, failed)

    # --- filters -------------------------------------------------------------------------------------------------

    def _filter(self) -> None:
        if self._search is not None:
            self._search.stop()
        wanted, count = self.filters.filter.wanted(self._markets, int(time.time())), self._model.lines.states
        self._search, self._shown = None, 0
        self.filters.work.end("")
        if wanted.everything or not self._channel:
            self._model.show_all(count)
        else:
            from wallet.history.search import Search

            self._model.show_found()
            self._run(Search(wanted))
        self._fetch()

    def _run(self, search: Search) -> None:
        self._search = search
        self.filters.work.begin("Searching…")

        def done(_: int) -> None:
            if search is self._search:
                self._show_found(search)
                count = f"{len(search.numbers):,} found".replace(",", "\u202f")
                self.filters.work.end(f"{count}, then stopped" if search.stopped else count)
                self._fetch()

        def failed(error: WalletError) -> None:
            if search is self._search:
                self.filters.work.end("The search failed", "bad")
                self._fail(error)

        future = self._desk.backend.find_states(self._channel, search, lambda: self._found.put(search))
        self._desk.courier.deliver(future, self, done, failed)

    def _show_found(self, search: Search) -> None:
        if search is not self._search:
            return
        numbers = search.numbers[self._shown :]
        self._shown += len(numbers)
        self._model.add_older(numbers)
        words = f"{self._shown:,} found in {search.searched:,} of {search.whole:,}".replace(",", "\u202f")
        self.filters.work.advance(words, search.searched, search.whole)
        self._fetch()

    def _search_above(self, before: int) -> None:
        """The same question to the states that came since."""
        from wallet.history.search import Search

        search = self._search
        assert search is not None
        newer = Search(search.wanted, after=before - 1)

        def done(_: int) -> None:
            if search is self._search:
                self._stay(self._model.add_newer(newer.numbers))
                self._fetch()

        future = self._desk.backend.find_states(self._channel, newer, lambda: None)
        self._desk.courier.deliver(future, self, done, self._desk.ignore)

    def _stop_search(self) -> None:
        if self._search is not None:
            self._search.stop()

    # --- one state -----------------------------------------------------------------------------------------------

    def _pick(self, line: StateLine | None) -> None:
        if line is not None:
            with QSignalBlocker(self.timeline):
                self.timeline.setValue(line.number)
            self._show(line.number)

    def _scrub(self, number: int) -> None:
        """The timeline was moved: what one had then."""
        self._detail.turn_to("then")
        at = self._model.lines.find(number)
        if at is not None:
            with QSignalBlocker(self.table.selectionModel()):
                self.table.setCurrentIndex(self._model.index(at, 0))
            self.table.viewport().update()
        self._show(number)

    def _show(self, number: int) -> None:
        """The latest wish counts: while one answer is under way, others are dropped."""
        self._next = number
        if self._detailing:
            return
        self._detailing, channel = True, self._channel

        def again() -> bool:
            self._detailing = False
            if self._next not in (None, number) or channel != self._channel:
                if self._next is not None:
                    self._show(self._next)
                return True
            return False

        def show(detail: dict[str, Any]) -> None:
            if not again():
                self._detail.show_state(detail, self._names)

        def failed(error: WalletError) -> None:
            if not again():
                self._fail(error)

        self._desk.courier.deliver(self._desk.backend.state_detail(channel, number), self, show, failed)

    # --- commands ------------------------------------------------------------------------------------------------

    def _begin(self, words: str) -> None:
        self._stopping = False
        self._verify.setEnabled(False)
        self._export.setEnabled(False)
        self._work.begin(words)

    def _end(self, words: str, tone: str = "muted") -> None:
        self._verify.setEnabled(True)
        self._export.setEnabled(True)
        self._work.end(words, tone)

    def _stop_work(self) -> None:
        self._stopping = True

    def _show_progress(self, progress: tuple[str, int, int]) -> None:
        word, done, whole = progress
        self._work.advance(f"{word} {done:,} of {whole:,}".replace(",", "\u202f"), done, whole)

    def _verify_all(self) -> None:
        def done(count: int) -> None:
            self._end(f"✓ {count} states verified: chain, signatures and rules hold", "good")

        def failed(error: WalletError) -> None:
            if error.code == "CANCELLED":
                self._end("Stopped before the end")
                return
            self._end("× Verification failed", "bad")
            self._fail(error)

        self._begin("Verifying…")
        future = self._desk.backend.verify_history(
            self._channel, lambda at, of: self._progress.put(("Verifying", at, of)), lambda: self._stopping
        )
        self._desk.courier.deliver(future, self, done, failed)

    def _export_all(self) -> None:
        def write(path: Path) -> None:
            def done(count: int) -> None:
                self._end("")
                self._wrote(f"{count} states", path)

            def failed(error: WalletError) -> None:
                self._end("Stopped: nothing was written" if error.code == "EXPORT_CANCELLED" else "")
                if error.code != "EXPORT_CANCELLED":
                    self._fail(error)

            self._begin("Writing…")
            future = self._desk.backend.export_history(
                self._channel, path, lambda at, of: self._progress.put(("Writing", at, of)), lambda: self._stopping
            )
            self._desk.courier.deliver(future, self, done, failed)

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
