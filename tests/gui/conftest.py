"""A window over a scripted backend, without a display."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QSettings
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.scripted import ScriptedBackend, ScriptedLauncher
from tests.support.waiting import PATIENCE
from wallet.gui.look import Look, Mode
from wallet.gui.models.settings import CONFIRM_ORDERS, THEME
from wallet.gui.settings import Preferences
from wallet.gui.window import MainWindow

Find = Callable[[str], QWidget]


class PatientBot(QtBot):  # type: ignore[misc]
    """Waits as long as a slow machine needs, not the five seconds of its own."""

    def waitUntil(self, callback: Callable[[], bool | None], *, timeout: int = int(PATIENCE * 1_000)) -> None:  # noqa: N802
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(scope="session")
def _one_look(qapp: QApplication) -> Look:
    return Look(qapp, Mode.DARK)


@pytest.fixture
def look(_one_look: Look) -> Look:
    fresh = Preferences()
    fresh.set(THEME, "dark")
    _one_look.take(fresh)
    return _one_look


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def backend() -> ScriptedBackend:
    return ScriptedBackend()


@pytest.fixture
def launcher(backend: ScriptedBackend) -> ScriptedLauncher:
    return ScriptedLauncher(backend)


@pytest.fixture
def window(
    qtbot: object, look: Look, launcher: ScriptedLauncher, settings: QSettings, tmp_path: Path
) -> Iterator[MainWindow]:
    """On the start page."""
    made = MainWindow(launcher, look, tmp_path / "profiles", settings)
    made.resize(1280, 720)
    made.show()
    yield made
    made._quitting = True
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def trading(window: MainWindow, backend: ScriptedBackend, qtbot: object) -> MainWindow:
    """In the workspace, with a channel open and prices there."""
    window.preferences.set(CONFIRM_ORDERS, value=False)  # the question has tests of its own
    window.use_backend(backend)
    qtbot.waitUntil(lambda: window.room is not None and window.room.isVisible())  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: bool(window.room.workspace.book.levels()))  # type: ignore[attr-defined]
    return window


@pytest.fixture
def find(window: MainWindow) -> Find:
    """A widget by its object name, wherever it is."""

    def search(name: str) -> QWidget:
        for root in QApplication.topLevelWidgets():
            found = root.findChild(QWidget, name)
            if found is not None and (root.isVisible() or root is window):
                return found
        raise AssertionError(f"no widget is called {name}")

    return search
