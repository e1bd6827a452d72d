"""Before the workspace: demo, create, restore, open, the session page; and the end."""

from __future__ import annotations

import json
import stat
import threading
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox

from tests.gui.scripted import (
    ETH,
    USDT,
    WALLET,
    WBTC,
    ScriptedBackend,
    ScriptedLauncher,
    app_view,
    channel,
    failed,
    order,
)
from wallet.app.snapshots import Phase, Step
from wallet.gui.app import Alarm
from wallet.gui.models.onboarding import Words
from wallet.gui.rects import RectWriter
from wallet.gui.window import MainWindow
from wallet.keys.mnemonic import check_phrase
from wallet.keys.secret import Secret
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui


def page(window: MainWindow) -> str:
    return window.stack.currentWidget().objectName()


# --- ways in ---------------------------------------------------------------------------------------------------------


def test_the_demo_is_one_click_away(
    window: MainWindow, launcher: ScriptedLauncher, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.shown = app_view(channel=None)
    assert page(window) == "page.start"
    qtbot.mouseClick(find("start.demo"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page(window) == "page.session")
    assert launcher.calls == [("start_demo",)]


def test_a_running_session_opens_the_workspace_at_once(window: MainWindow, qtbot: Any, find: Any) -> None:
    qtbot.mouseClick(find("start.demo"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page(window) == "room")


def test_progress_comes_from_any_thread(window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any) -> None:
    launcher.answer = Future()
    qtbot.mouseClick(find("start.demo"), Qt.MouseButton.LeftButton)
    threading.Thread(target=window._report, args=("BOOT-CONNECT", 0.8)).start()
    qtbot.waitUntil(lambda: find("progress.bar").value() == 800)
    window._report("BOOT-SOMETHING-NEW", 0.85)
    qtbot.waitUntil(lambda: find("progress.bar").value() == 850)


def test_a_start_that_fails_says_why_and_leads_back(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any
) -> None:
    launcher.answer = failed(WalletError("SANDBOX_FAILED", why="<b>no port</b>"))
    qtbot.mouseClick(find("start.demo"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(find("progress.failure").isVisible)
    assert "<b>no port</b>" in find("progress.failure").text()
    qtbot.mouseClick(find("progress.cancel"), Qt.MouseButton.LeftButton)
    assert page(window) == "page.start"


def test_a_backend_that_comes_after_cancel_is_closed(
    window: MainWindow, launcher: ScriptedLauncher, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    late: Future[Any] = Future()
    late.set_running_or_notify_cancel()  # already at work: can't be cancelled
    launcher.answer = late
    qtbot.mouseClick(find("start.demo"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(find("progress.cancel"), Qt.MouseButton.LeftButton)
    late.set_result(backend)
    qtbot.waitUntil(lambda: backend.closed)
    assert window.room is None


def test_creating_asks_words_back_and_needs_everything(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    qtbot.mouseClick(find("start.create"), Qt.MouseButton.LeftButton)
    words = launcher.phrase.split()
    assert [find(f"create.word.{number}").text() for number in range(12)] == words
    go = find("create.next")
    go.click()
    assert "tick the box" in find("create.failure").text()
    find("create.noted").setChecked(True)
    go.click()
    for number in range(3):
        find(f"page.create.answer.{number}").setText("wrong")
    go.click()
    assert "not the words" in find("create.failure").text()
    for number, at in enumerate(window.new_wallet._asked):
        find(f"page.create.answer.{number}").setText(words[at].upper())
    go.click()
    for password, again, complaint in (
        ("", "", "Choose"),
        ("short", "short", "At least 8"),
        ("a" * 9, "b" * 9, "differ"),
    ):
        find("create.password").setText(password)
        find("create.password.again").setText(again)
        go.click()
        assert complaint in find("create.failure").text()
    find("create.password.again").setText("a" * 9)
    go.click()
    assert "profile file of a broker" in find("create.failure").text()
    find("create.broker").setText(str(tmp_path / "broker.json"))
    find("create.folder").setText(str(tmp_path / "mine"))
    go.click()
    made = ("create_profile", tmp_path / "mine", Words(launcher.phrase), "a" * 9, tmp_path / "broker.json")
    assert launcher.calls == [made]
    qtbot.waitUntil(lambda: page(window) == "room")


def test_a_profile_that_cannot_be_made_says_so_where_it_was_asked(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    launcher.answer = failed(WalletError("KEYS_EXISTS"))
    window._begin(window.restored_wallet)
    find("restore.phrase").setPlainText("  Legal winner\nTHANK ")
    find("restore.next").click()
    assert launcher.calls == [("check_phrase", "legal winner thank")]
    find("restore.password").setText("a" * 9)
    find("restore.password.again").setText("a" * 9)
    find("restore.broker").setText(str(tmp_path / "broker.json"))
    find("restore.next").click()
    qtbot.waitUntil(lambda: page(window) == "page.restore")
    assert find("restore.failure").text() != ""


def test_a_wrong_phrase_is_refused(
    window: MainWindow, launcher: ScriptedLauncher, find: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(phrase: str) -> None:
        raise WalletError("KEYS_PHRASE_CHECKSUM")

    monkeypatch.setattr(launcher, "check_phrase", refuse)
    window._begin(window.restored_wallet)
    find("restore.phrase").setPlainText("one two")
    find("restore.next").click()
    assert find("restore.failure").text() != ""
    assert not find("restore.password").isVisible()


def test_a_strange_word_gets_its_likely_meaning(window: MainWindow, launcher: ScriptedLauncher, find: Any) -> None:
    def refuse(phrase: str) -> None:
        check_phrase(Secret(phrase))

    launcher.check_phrase = refuse  # type: ignore[method-assign]
    window._begin(window.restored_wallet)
    find("restore.phrase").setPlainText(launcher.phrase.replace("sausage", "sausge"))
    find("restore.next").click()
    assert "Word 6" in find("restore.failure").text()
    assert "sausage" in find("restore.failure").text()


def test_twenty_four_words_and_a_passphrase(
    window: MainWindow, launcher: ScriptedLauncher, find: Any, tmp_path: Path
) -> None:
    window._begin(window.new_wallet)
    find("create.noted").setChecked(True)
    find("create.long").click()
    assert not find("create.noted").isChecked()  # what was noted is not these words
    words = [find(f"create.word.{number}").text() for number in range(24)]
    find("create.noted").setChecked(True)
    go = find("create.next")
    go.click()
    for number, at in enumerate(window.new_wallet._asked):
        find(f"page.create.answer.{number}").setText(words[at])
    go.click()
    for name in ("create.password", "create.password.again"):
        find(name).setText("a" * 9)
    find("create.broker").setText(str(tmp_path / "broker.json"))
    assert not find("create.passphrase").isVisible()
    find("create.passphrase.use").click()
    go.click()
    assert "passphrase" in find("create.failure").text()
    find("create.passphrase").setText("Zebra")
    find("create.passphrase.again").setText("zebra")
    go.click()
    assert "differ" in find("create.failure").text()
    assert launcher.calls == []
    find("create.passphrase.again").setText("Zebra")
    go.click()
    assert launcher.calls[0][2] == Words(" ".join(words), "Zebra")
    window._begin(window.new_wallet)
    assert find("create.passphrase").text() == ""


def test_a_wrong_password_empties_the_field_and_says_so(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    launcher.answer = failed(WalletError("KEYS_WRONG_PASSWORD"))
    window.ask_password(tmp_path)
    qtbot.keyClicks(find("open.password"), "secret")
    qtbot.keyClick(find("open.password"), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page(window) == "page.open" and bool(find("open.failure").text()))
    assert launcher.calls == [("open_profile", tmp_path, "secret")]
    assert find("open.password").text() == ""


def test_passwords_are_never_shown(window: MainWindow) -> None:
    hidden = [field for field in window.findChildren(QLineEdit) if "password" in field.objectName()]
    assert len(hidden) >= 5
    assert all(field.echoMode() is QLineEdit.EchoMode.Password for field in hidden)


# --- the session page ------------------------------------------------------------------------------------------------


@pytest.fixture
def session(window: MainWindow, backend: ScriptedBackend, qtbot: Any) -> MainWindow:
    backend.shown = app_view(channel=None)
    window.use_backend(backend)
    qtbot.waitUntil(lambda: page(window) == "page.session")
    return window


def test_slider_and_field_follow_each_other(session: MainWindow, qtbot: Any, find: Any) -> None:
    field, slider = find("session.USDT.amount"), find("session.USDT.slider")
    assert field.text() == "25000"
    slider.setValue(100)
    assert field.text() == "5000"
    field.clear()
    qtbot.keyClicks(field, "50000")
    assert slider.value() == slider.maximum()
    qtbot.keyClick(field, Qt.Key.Key_Backspace)
    assert slider.value() == 100
    assert field.text() == "5000"


def test_more_than_there_is_cannot_be_allocated(session: MainWindow, qtbot: Any, find: Any) -> None:
    field = find("session.USDT.amount")
    field.clear()
    qtbot.keyClicks(field, "50000.000001")
    assert not find("session.open").isEnabled()
    assert find("session.reason").text() == "One of the amounts is not possible."


def test_opening_hands_over_what_was_chosen_and_ends_in_the_workspace(
    session: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    opening: Future[bytes] = Future()
    backend.answers["open_channel"] = opening
    find("session.WBTC.slider").setValue(0)
    qtbot.mouseClick(find("session.open"), Qt.MouseButton.LeftButton)
    chosen = ((ETH.address, 499 * 10**16), (USDT.address, 25_000 * 10**6))
    assert ("open_channel", b"", chosen, False) in backend.calls
    assert not find("session.open").isEnabled()
    assert not find("session.USDT.slider").isEnabled()
    steps = (Step("STEP-OFFER", "done"), Step("STEP-SETUP", "doing"))
    backend.publish(app_view(channel=channel(phase=Phase.AGREED), steps=steps))
    qtbot.waitUntil(find("session.steps").isVisible)
    opening.set_result(bytes(32))
    qtbot.waitUntil(lambda: page(session) == "room")


def test_a_session_that_cannot_be_opened_says_why(
    session: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    backend.answers["open_channel"] = failed(WalletError("SET-FEE"))
    qtbot.mouseClick(find("session.open"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(find("session.notice").isVisible)
    assert "fee ceiling" in session.session.notice.text
    assert find("session.open").isEnabled()
    assert page(session) == "page.session"


def test_an_empty_wallet_on_a_test_market_is_offered_coins(
    session: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any
) -> None:
    assert not find("session.faucet").isVisible()
    poor = tuple(replace(row, wallet=0) for row in WALLET)
    backend.publish(app_view(channel=None, wallet=poor))
    qtbot.waitUntil(find("session.faucet").isVisible)
    qtbot.mouseClick(find("session.faucet"), Qt.MouseButton.LeftButton)
    assert ("faucet", b"") in backend.calls
    backend.publish(app_view(channel=None))
    qtbot.waitUntil(lambda: not find("session.faucet").isVisible())
    assert find(f"session.{WBTC.symbol}.amount").text() == "0.5"


# --- the end ---------------------------------------------------------------------------------------------------------


def test_closing_lets_go_of_the_profile_first(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    backend.publish(app_view(channel=channel(phase=Phase.WITHDRAWN)))
    qtbot.waitUntil(lambda: trading.view.channel.phase is Phase.WITHDRAWN)
    with qtbot.waitSignal(trading.closed):
        trading.close()
    assert backend.closed


def test_closing_says_what_is_still_open(trading: MainWindow, backend: ScriptedBackend, qtbot: Any, find: Any) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1),))))
    qtbot.waitUntil(lambda: bool(trading.room.open_work()) and "1 order is" in trading.room.open_work())
    trading.close()
    box = next(widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMessageBox))
    assert "1 order is still open" in box.informativeText()
    box.defaultButton().click()
    assert trading.isVisible()
    assert not backend.closed
    trading.close()
    with qtbot.waitSignal(trading.closed):
        find("ask.yes").click()


def test_an_unforeseen_error_has_a_page_and_a_way_on(window: MainWindow, qtbot: Any, find: Any) -> None:
    alarm = Alarm(window)
    try:
        raise ValueError("the phrase is: legal winner")
    except ValueError as error:
        alarm._hook(type(error), error, error.__traceback__)
    qtbot.waitUntil(lambda: page(window) == "page.failure")
    report = find("failure.report").toPlainText()
    assert "ValueError at test_pages.py:" in report
    assert "legal" not in report
    find("failure.go_on").click()
    assert page(window) == "page.start"


def test_errors_of_other_threads_reach_the_page_too(window: MainWindow, qtbot: Any) -> None:
    alarm = Alarm(window)

    def work() -> None:
        try:
            raise KeyError("x")
        except KeyError as error:
            alarm._thread_hook(threading.ExceptHookArgs((KeyError, error, error.__traceback__, None)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: page(window) == "page.failure")


# --- the list of rectangles ------------------------------------------------------------------------------------------


def test_rectangles_are_written_owner_only_and_hold_no_secret(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any, tmp_path: Path
) -> None:
    backend.publish(app_view(channel=channel(orders=(order(1),))))
    qtbot.wait(100)
    trading.new_wallet.begin()
    path = tmp_path / "rects.json"
    writer = RectWriter(path, trading)
    writer.write()
    assert not any(entry["visible"] for entry in json.loads(path.read_text()).values())  # nothing stood still yet
    writer.write()
    found = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    best = found["book.sell.0"]
    assert (best["text"], best["visible"]) == ("3\u202f000.03", True)
    assert best["rect"][2] > 100
    assert found["strip.state"]["text"] == "#118 · signed by both"
    assert found["orders.table.action.0"]["text"] == ("01" * 32)
    assert "text" not in found["create.word.0"]
    assert not found["ticket.send"]["enabled"]
    assert "sausage" not in path.read_text()


def test_a_history_that_lost_states_is_opened_only_to_leave(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    launcher.answer = failed(WalletError("STORE_ROLLED_BACK", path="history.db", expected=10, got=7))
    window.open_profile(tmp_path, "secret")
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "ask") is not None)
    box = window.findChild(QMessageBox, "ask")
    assert "it has 7 of 10" in box.informativeText()
    assert "put them back" in box.informativeText()
    assert window.stack.currentWidget() is window.unlock  # behind it, with the sentence
    qtbot.mouseClick(find("ask.yes"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.room is not None)
    assert launcher.calls == [
        ("open_profile", tmp_path, "secret"),
        ("accept_loss", tmp_path),
        ("open_profile", tmp_path, "secret"),
    ]


def test_a_loss_not_accepted_changes_nothing(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, find: Any, tmp_path: Path
) -> None:
    launcher.answer = failed(WalletError("STORE_ROLLED_BACK", path="history.db", expected=10, got=7))
    window.open_profile(tmp_path, "secret")
    qtbot.waitUntil(lambda: window.findChild(QMessageBox, "ask") is not None)
    qtbot.mouseClick(find("ask.no"), Qt.MouseButton.LeftButton)
    assert [call[0] for call in launcher.calls] == ["open_profile"]
    assert window.room is None
