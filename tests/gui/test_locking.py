"""The lock over the window: what it covers, what takes it away, and what brings it on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtDBus import QDBusConnection
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from tests.gui.scripted import ScriptedBackend, failed
from wallet.gui import locking
from wallet.gui.front import WindowFront
from wallet.gui.models.settings import LOCK_AFTER, LOCK_ASLEEP, LOCKED_SIGNS
from wallet.gui.sleeping import INTERFACE, PATH, SleepWatch
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
Find = Callable[[str], QWidget]


@pytest.fixture
def profiled(trading: MainWindow, tmp_path: Path) -> MainWindow:
    trading.guard.begin(tmp_path)
    trading.show_page(trading.room)  # type: ignore[arg-type]
    return trading


def test_it_covers_all_and_only_the_password_takes_it_away(
    profiled: MainWindow, backend: ScriptedBackend, find: Find, qtbot: Any
) -> None:
    profiled.show_settings()
    qtbot.waitUntil(lambda: any(w.isVisible() for w in profiled.findChildren(QDialog)))
    profiled.menus.actions["lock-wallet"].trigger()
    assert ("lock", True) in backend.calls
    assert profiled.stack.currentWidget() is profiled.guard.page
    assert not any(w.isVisible() for w in profiled.findChildren(QDialog))
    enabled = {name for name, action in profiled.menus.actions.items() if action.isEnabled()}
    assert enabled == {"quit"}
    profiled.show_workspace()  # what was under way ends, and changes nothing
    assert profiled.stack.currentWidget() is profiled.guard.page

    backend.answers["unlock"] = failed(WalletError("KEYS_WRONG_PASSWORD"))
    QTest.keyClicks(find("lock.password"), "wrong")
    QTest.keyClick(find("lock.password"), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(find("lock.said").text()))  # type: ignore[attr-defined]
    assert profiled.guard.locked
    del backend.answers["unlock"]
    QTest.keyClicks(find("lock.password"), "right")
    QTest.mouseClick(find("lock.unlock"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not profiled.guard.locked)
    assert ("unlock", "right") in backend.calls
    assert profiled.stack.currentWidget() is profiled.room
    assert find("lock.password").text() == ""  # type: ignore[attr-defined]
    assert profiled.menus.actions["leave"].isEnabled()


def test_what_goes_on_is_the_users_choice(profiled: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    profiled.preferences.set(LOCKED_SIGNS, value=False)
    profiled.guard.lock()
    assert ("lock", False) in backend.calls
    qtbot.waitUntil(lambda: "No key is in memory" in profiled.guard.page.lead.text())


def test_a_market_without_a_password_is_not_locked(trading: MainWindow, backend: ScriptedBackend) -> None:
    assert not trading.menus.actions["lock-wallet"].isEnabled()
    trading.guard.lock()
    assert not trading.guard.locked
    assert not [call for call in backend.calls if call[0] == "lock"]


def test_it_locks_itself_when_nobody_uses_it(profiled: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [locking.clocks()]
    monkeypatch.setattr(locking, "clocks", lambda: now[0])
    profiled.preferences.set(LOCK_AFTER, 5)
    start = now[0]

    def later(seconds: float) -> None:
        now[0] = (start[0] + seconds, start[1] + seconds)

    later(290)
    profiled.windowHandle().installEventFilter(profiled.guard)
    QTest.keyClick(profiled.windowHandle(), Qt.Key.Key_Shift)
    later(310)
    profiled.guard.look()
    assert not profiled.guard.locked  # it was used
    later(600)
    profiled.guard.look()
    assert profiled.guard.locked


def test_nobody_at_a_locked_window_says_yes_to_the_command_line(profiled: MainWindow, qtbot: Any) -> None:
    front = WindowFront(profiled, lambda: profiled.guard.locked)
    profiled.guard.lock()
    answer = front.ask("Send everything")
    qtbot.waitUntil(answer.done)
    assert answer.result() is False


@pytest.fixture
def bus(qapp: QApplication) -> Iterator[str]:
    """A message bus of the test's own."""
    if shutil.which("dbus-daemon") is None or shutil.which("dbus-send") is None:
        pytest.skip("no dbus-daemon here")
    process = subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--print-address=1"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    QDBusConnection.disconnectFromBus("test-sleep")
    process.terminate()
    process.wait()


def test_it_locks_before_the_computer_sleeps(
    profiled: MainWindow, bus: str, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, told = QObject(), list[int]()
    watch = SleepWatch(parent, QDBusConnection.connectToBus(bus, "test-sleep"), "")
    assert watch.told
    watch.going.connect(lambda: told.append(1))
    for begins in ("false", "true"):
        message = [PATH, f"{INTERFACE}.PrepareForSleep", f"boolean:{begins}"]
        subprocess.run(["dbus-send", f"--bus={bus}", "--type=signal", *message], check=True)
    qtbot.waitUntil(lambda: bool(told))
    assert told == [1]

    profiled.preferences.set(LOCK_ASLEEP, value=False)
    profiled.guard._asleep.going.emit()
    assert not profiled.guard.locked
    profiled.preferences.set(LOCK_ASLEEP, value=True)
    profiled.guard._asleep.going.emit()
    assert profiled.guard.locked


def test_another_program_of_the_users_locks_it(profiled: MainWindow, qtbot: Any) -> None:
    front = WindowFront(profiled, lambda: profiled.guard.locked, profiled.guard.lock)
    front.lock_window()
    qtbot.waitUntil(lambda: profiled.guard.locked)
    front.lock_window()  # once more changes nothing
    QApplication.processEvents()
    assert profiled.stack.currentWidget() is profiled.guard.page
