"""Backups in the window: one click, the schedule's dialog, and a profile restored from one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from tests.gui.scripted import NOW, ScriptedBackend, ScriptedLauncher, app_view, failed
from wallet.app.snapshots import BackupView
from wallet.gui.models.backups import EVERY, options, percent, status
from wallet.gui.window import MainWindow
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui
Find = Callable[[str], Any]
FOLDER = BackupView("/backups", 24, 3, last=NOW)


def test_one_click_asks_where_and_with_a_folder_does_not(
    trading: MainWindow, backend: ScriptedBackend, qtbot: Any
) -> None:
    room: Any = trading.room
    room.back_up()
    shown = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog) and w.isVisible())
    shown.fileSelected.emit("/usb/one.backup")
    shown.close()
    assert ("back_up", Path("/usb/one.backup")) in backend.calls
    backend.publish(app_view(backup=FOLDER))
    qtbot.waitUntil(lambda: room._view.backup == FOLDER)
    room.back_up()
    assert backend.calls[-1] == ("back_up", None)
    qtbot.waitUntil(lambda: "/backups/newest.backup" in room.notice.text)


def test_a_failure_is_said(trading: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    room: Any = trading.room
    backend.answers["back_up"] = failed(WalletError("BACKUP_FAILED", path="x.backup", why="No space left on device"))
    backend.publish(app_view(backup=FOLDER))
    qtbot.waitUntil(lambda: room._view.backup == FOLDER)
    room.back_up()
    qtbot.waitUntil(lambda: "No space left" in room.notice.text)


def test_the_schedule_is_chosen_and_progress_shows(
    trading: MainWindow, backend: ScriptedBackend, find: Find, qtbot: Any, tmp_path: Path
) -> None:
    room: Any = trading.room
    room.show_backups()
    dialog = find("backups")
    qtbot.waitUntil(dialog.isVisible)
    find("backups.now").click()
    assert "folder" in find("backups.status").text()
    assert not [call for call in backend.calls if call[0] in ("back_up", "plan_backups")]
    find("backups.folder").setText(str(tmp_path))
    find("backups.every").setCurrentText("Every day")
    find("backups.keep").setValue(7)
    find("backups.now").click()
    qtbot.waitUntil(lambda: backend.calls[-1] == ("back_up", None))
    assert ("plan_backups", str(tmp_path), 24, 7) in backend.calls
    qtbot.waitUntil(lambda: "newest.backup" in find("backups.status").text())
    backend.publish(app_view(backup=replace(FOLDER, doing="BACKUP-WRITE", done=30, whole=120)))
    qtbot.waitUntil(find("backups.bar").isVisible)
    assert find("backups.bar").value() == 25
    assert not find("backups.now").isEnabled()
    backend.publish(app_view(backup=FOLDER))
    qtbot.waitUntil(lambda: not find("backups.bar").isVisible())
    find("backups.save").click()
    qtbot.waitUntil(lambda: not dialog.isVisible())


def test_what_is_said_of_them() -> None:
    assert options(24) == EVERY
    assert options(5)[-1] == (5, "Every 5 hours")
    assert percent(BackupView()) == 0
    assert percent(replace(FOLDER, done=5, whole=4)) == 100
    assert "by hand" in status(BackupView(), NOW)
    assert "no backup" in status(replace(FOLDER, last=0), NOW)
    assert "2 min ago" in status(FOLDER, NOW + 120)
    assert status(replace(FOLDER, doing="BACKUP-COPY"), NOW) == "Copying the history"


def test_a_profile_is_restored_from_the_start_page(
    window: MainWindow, launcher: ScriptedLauncher, find: Find, qtbot: Any, tmp_path: Path
) -> None:
    find("start.backup").click()
    page: QWidget = find("page.backup")
    assert window.stack.currentWidget() is page
    find("backup.restore").click()
    assert "file" in find("backup.failure").text()
    find("backup.file").setText("/usb/one.backup")
    find("backup.restore").click()
    assert "password" in find("backup.failure").text()
    find("backup.password").setText("secret word")
    find("backup.folder").setText(str(tmp_path / "new"))
    refused: Future[Any] = failed(WalletError("BACKUP_SEALED"))
    launcher.answer = refused
    find("backup.restore").click()
    assert launcher.calls[-1] == ("restore_backup", Path("/usb/one.backup"), "secret word", tmp_path / "new")
    qtbot.waitUntil(lambda: "password is not the one" in find("backup.failure").text())
    assert find("backup.password").text() == ""
    assert window.stack.currentWidget() is page
    launcher.answer = None
    find("backup.password").setText("another")
    find("backup.restore").click()
    qtbot.waitUntil(lambda: window.room is not None and window.room.isVisible())
