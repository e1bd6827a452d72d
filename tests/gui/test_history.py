"""The history page: rows as they come into sight, filters, the timeline, one state in full, and what is written out."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from tests.gui.scripted import CHANNEL, ScriptedBackend, app_view, channel, failed, state_row
from tests.gui.test_room import answer_file, calls, room_of
from wallet.gui.views.history import HistoryView
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui


@pytest.fixture
def history(trading: MainWindow, qtbot: Any) -> Any:
    workspace = room_of(trading).workspace
    workspace.raise_dock("history")
    qtbot.waitUntil(lambda: cell(workspace.history, 0) == "118")
    return workspace.history


def cell(history: HistoryView, row: int, column: int = 0) -> str:
    return str(history.table.model().index(row, column).data())


def choose(find: Any, qtbot: Any, name: str, key: str) -> None:
    """As the keyboard does it: an item is activated."""
    box = find(f"history.filter.{name}")
    box.setCurrentIndex(box.findData(key))
    box.activated.emit(box.currentIndex())


def in_sight(history: HistoryView) -> range:
    first = history.table.indexAt(QPoint(1, 1)).row()
    return range(first, first + history.table.viewport().height() // 24)


def test_only_rows_in_sight_are_asked_for(history: Any, backend: ScriptedBackend, qtbot: Any) -> None:
    assert history.table.model().rowCount() == 119
    assert cell(history, 118) == "…"
    history.table.scrollToBottom()
    qtbot.waitUntil(lambda: cell(history, 118) == "0")
    assert cell(history, 118, 1) == "Setup"
    asked = [call[1] for call in calls(backend, "states")]
    assert all(len(numbers) <= 300 for numbers in asked)
    assert 60 not in asked[0]


def test_a_million_states_scroll_and_only_those_in_sight_are_asked_for(
    history: Any, backend: ScriptedBackend, qtbot: Any
) -> None:
    backend.recorded = Million()
    backend.publish(app_view(channel=channel(increment=999_999)))
    qtbot.waitUntil(lambda: history.table.model().rowCount() == 1_000_000)
    bar = history.table.verticalScrollBar()
    for part in (1, 3, 2, 5, 4):
        bar.setValue(bar.maximum() * part // 5)
    qtbot.waitUntil(lambda: all(cell(history, row) == str(999_999 - row) for row in in_sight(history)))
    assert sum(len(call[1]) for call in calls(backend, "states")) < 2_000


class Million(list):  # type: ignore[type-arg]
    """A million states of which none is made before it is asked for."""

    def __len__(self) -> int:
        return 1_000_000

    def __getitem__(self, number: Any) -> Any:
        return state_row(number)

    def __iter__(self) -> Any:
        raise AssertionError("nobody may walk all of it")


def test_new_states_come_on_top(history: Any, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.recorded += [state_row(119), state_row(120, validated=False, signed_by_trader=False)]
    backend.publish(app_view(channel=channel(increment=120)))
    qtbot.waitUntil(lambda: cell(history, 0) == "120")
    assert [cell(history, 0, column) for column in (3, 4)] == ["broker", "waiting"]
    backend.recorded[120] = state_row(120)
    backend.publish(app_view(channel=channel(increment=121)))
    qtbot.waitUntil(lambda: cell(history, 0, 4) == "validated")


def test_new_states_do_not_push_away_what_one_reads(history: Any, backend: ScriptedBackend, qtbot: Any) -> None:
    bar = history.table.verticalScrollBar()
    bar.setValue(40 * 24)
    qtbot.waitUntil(lambda: cell(history, 40) == "78")
    backend.recorded += [state_row(119), state_row(120)]
    backend.publish(app_view(channel=channel(increment=120)))
    qtbot.waitUntil(lambda: history.table.model().rowCount() == 121)
    assert cell(history, in_sight(history)[0]) == "78"


def test_a_filter_shows_what_fits_and_follows_the_channel(
    history: Any, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    choose(find, qtbot, "transition", "trade")
    qtbot.waitUntil(lambda: find("history.search.words").text() == "40 found")
    qtbot.waitUntil(lambda: cell(history, 0, 1) == "Trade")
    assert history.table.model().rowCount() == 40
    backend.recorded += [state_row(119), state_row(120), state_row(121)]
    backend.publish(app_view(channel=channel(increment=121)))
    qtbot.waitUntil(lambda: cell(history, 0) == "121")
    assert history.table.model().rowCount() == 41
    qtbot.mouseClick(find("history.filter.clear"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: history.table.model().rowCount() == 122)
    assert not find("history.filter.clear").isVisible()


def test_a_search_can_be_stopped_and_shows_what_it_has(
    history: Any, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    searching: Future[int] = Future()
    backend.answers["find_states"] = searching
    choose(find, qtbot, "transition", "trade")
    qtbot.waitUntil(lambda: "40 found in" in find("history.search.words").text())
    qtbot.mouseClick(find("history.search.stop"), Qt.MouseButton.LeftButton)
    assert history._search.stopped
    searching.set_result(40)
    qtbot.waitUntil(lambda: find("history.search.words").text() == "40 found, then stopped")
    assert history.table.model().rowCount() == 40


def test_the_timeline_shows_what_one_had_then(history: Any, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    line = find("history.timeline")
    assert (line.maximum(), line.value()) == (118, 118)
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: find("history.state").text().startswith("#117 "))
    line.setValue(40)
    qtbot.waitUntil(lambda: find("history.state").text().startswith("#40 "))
    then = find("history.then").model()
    rows = {
        then.index(row, 0).data(): [then.index(row, at).data() for at in (1, 2, 4)] for row in range(then.rowCount())
    }
    assert rows == {"ETH": ["2.4995", "0", "3.2495"], "USDT": ["23\u202f500", "0", "26\u202f500"]}
    assert find("history.then").isVisible()
    assert history.table.currentIndex().row() == 118 - 40


def test_while_the_timeline_moves_only_the_last_wish_is_answered(
    history: Any, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    slow: Future[Any] = Future()
    backend.answers["state_detail"] = slow
    line = find("history.timeline")
    for number in range(100, 20, -1):
        line.setValue(number)
    answer = dict(backend.state_detail(CHANNEL, 0).result() if slow.done() else {})
    assert answer == {}
    del backend.answers["state_detail"]
    slow.set_result(backend.state_detail(CHANNEL, 100).result())
    qtbot.waitUntil(lambda: find("history.state").text().startswith("#21 "))
    asked = [call[1] for call in calls(backend, "state_detail")]
    assert asked[0] == 100
    assert asked[-1] == 21
    assert len(asked) < 6


def test_a_selected_state_shows_what_it_changed_and_what_was_signed(history: Any, qtbot: Any, find: Any) -> None:
    history.table.selectRow(2)
    changes = find("history.changes").model()
    qtbot.waitUntil(lambda: changes.rowCount() > 0)
    rows = {changes.index(row, 0).data(): changes.index(row, 3).data() for row in range(changes.rowCount())}
    assert rows["ETH available"] == "+0.4995"
    assert '"trader": "0x01' in find("history.raw").toPlainText()
    assert '"2499500000000000000"' in find("history.raw").toPlainText()
    assert find("history.timeline").value() == 116


def test_verify_all_says_what_holds(history: Any, qtbot: Any, find: Any) -> None:
    qtbot.mouseClick(find("history.verify"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "119 states verified" in find("history.work.words").text())
    assert find("history.verify").isEnabled()


def test_verify_all_says_what_does_not(history: Any, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    backend.answers["verify_history"] = failed(WalletError("BAL-EQUATION"))
    qtbot.mouseClick(find("history.verify"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "failed" in find("history.work.words").text())
    assert find("history.verify").isEnabled()


def test_verifying_can_be_stopped(history: Any, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    verifying: Future[int] = Future()
    backend.answers["verify_history"] = verifying
    qtbot.mouseClick(find("history.verify"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Verifying 119 of 119" in find("history.work.words").text())
    assert not find("history.verify").isEnabled()
    qtbot.mouseClick(find("history.work.stop"), Qt.MouseButton.LeftButton)
    assert history._stopping
    verifying.set_exception(WalletError("CANCELLED"))
    qtbot.waitUntil(lambda: find("history.work.words").text() == "Stopped before the end")
    assert find("history.verify").isEnabled()


def test_proof_of_one_state(history: Any, backend: ScriptedBackend, qtbot: Any, find: Any, tmp_path: Path) -> None:
    history.table.selectRow(3)
    qtbot.waitUntil(find("history.detail.proof").isVisible)
    qtbot.mouseClick(find("history.detail.proof"), Qt.MouseButton.LeftButton)
    answer_file(tmp_path / "p.json")
    assert calls(backend, "export_proof") == [("export_proof", CHANNEL, tmp_path / "p.json", 115)]
