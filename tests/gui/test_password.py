"""The password in the window: asked for, waited for, changed; and the keyring's switch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt

from tests.gui.scripted import ScriptedBackend, ScriptedLauncher, failed
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
Find = Callable[[str], Any]


def test_a_profile_that_stays_unlocked_is_opened_at_once(
    window: MainWindow, launcher: ScriptedLauncher, qtbot: Any, tmp_path: Path
) -> None:
    launcher.staying.add(tmp_path)
    window.ask_password(tmp_path)
    assert launcher.calls == [("open_profile", tmp_path, "")]
    qtbot.waitUntil(lambda: window.backend is not None)


def test_a_keyring_that_fails_leaves_the_password(
    window: MainWindow, launcher: ScriptedLauncher, find: Find, qtbot: Any, tmp_path: Path
) -> None:
    launcher.staying.add(tmp_path)
    launcher.answer = failed(WalletError("KEYRING_LOCKED"))
    window.ask_password(tmp_path)
    qtbot.waitUntil(lambda: "keyring is locked" in find("open.failure").text())
    assert window.stack.currentWidget() is window.unlock
    qtbot.keyClicks(find("open.password"), "secret")
    qtbot.keyClick(find("open.password"), Qt.Key.Key_Return)
    assert launcher.calls[-1] == ("open_profile", tmp_path, "secret")


def test_after_wrong_passwords_the_wait_is_counted_down(
    window: MainWindow, launcher: ScriptedLauncher, find: Find, qtbot: Any, tmp_path: Path
) -> None:
    launcher.answer = failed(WalletError("KEYS_WRONG_PASSWORD"))
    window.ask_password(tmp_path)
    launcher.wait = 3.2
    qtbot.keyClicks(find("open.password"), "secret")
    qtbot.keyClick(find("open.password"), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: find("open.wait").text() == "Try again in 4 s")
    assert not find("open.unlock").isEnabled()
    asked = len(launcher.calls)
    qtbot.keyClicks(find("open.password"), "again")
    qtbot.keyClick(find("open.password"), Qt.Key.Key_Return)
    assert len(launcher.calls) == asked
    launcher.wait = 0.9
    qtbot.waitUntil(lambda: find("open.wait").text() == "Try again in 1 s")
    launcher.wait = 0
    qtbot.waitUntil(lambda: find("open.unlock").isEnabled())
    assert find("open.wait").text() == ""


def test_a_new_password_says_what_is_weak(window: MainWindow, find: Find) -> None:
    window.start.create_wanted.emit()
    find("create.password").setText("jennifer1987")
    assert find("create.strength").text() == "weak"
    assert find("create.strength.why").text().startswith("It is built on one common word")
    find("create.password").setText("correct horse battery staple")
    assert (find("create.strength").text(), find("create.strength.why").text()) == ("strong", "")
    find("create.password").setText("")
    assert find("create.strength").text() == ""


def test_the_password_is_changed(trading: MainWindow, backend: ScriptedBackend, find: Find, qtbot: Any) -> None:
    trading.menus.actions["password"].trigger()
    find("password.change").click()
    assert find("password.said").text() == "Type the password until now."
    find("password.old").setText("old one")
    find("password.new.password").setText("another good one")
    find("password.change").click()
    assert find("password.said").text() == "The two passwords differ."
    find("password.new.password.again").setText("another good one")
    work: Future[None] = Future()
    backend.answers["change_password"] = work
    find("password.change").click()
    assert backend.calls[-1] == ("change_password", "old one", "another good one")
    assert not find("password.change").isEnabled()
    work.set_result(None)
    qtbot.waitUntil(lambda: find("password.said").text() == "The password is changed.")
    assert [find(f"password.{name}").text() for name in ("old", "new.password", "new.password.again")] == ["", "", ""]
    backend.answers["change_password"] = failed(WalletError("KEYS_WRONG_PASSWORD"))
    for name in ("old", "new.password", "new.password.again"):
        find(f"password.{name}").setText("another good one")
    find("password.change").click()
    qtbot.waitUntil(lambda: "password is wrong" in find("password.said").text())
    assert find("password.change").isEnabled()


def test_the_keyring_is_switched_on_and_off(
    trading: MainWindow, backend: ScriptedBackend, find: Find, qtbot: Any
) -> None:
    trading.menus.actions["password"].trigger()
    tick = find("password.stay")
    assert not tick.isChecked()
    backend.answers["stay_unlocked"] = failed(WalletError("KEYRING_ABSENT"))
    tick.click()
    qtbot.waitUntil(lambda: "no keyring" in find("password.said").text())
    assert not tick.isChecked()
    del backend.answers["stay_unlocked"]
    for on, words in ((True, "The keyring opens"), (False, "Only the password")):
        tick.click()
        qtbot.waitUntil(lambda words=words: find("password.said").text().startswith(words))
        assert backend.calls[-1] == ("stay_unlocked", on)
        assert tick.isChecked() is on is backend.stays
