"""The window as a process: it starts, it remembers, it ends in good order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings

from tests.gui.scripted import ScriptedBackend, ScriptedLauncher
from tests.support.waiting import eventually
from wallet.gui.look import Look, Mode
from wallet.gui.models.settings import THEME
from wallet.gui.settings import Preferences, settings_of
from wallet.gui.signals import SignalGate
from wallet.gui.window import MainWindow

pytestmark = pytest.mark.gui

PROGRAM = """
import sys
from pathlib import Path
from wallet.gui.app import run
from tests.gui.scripted import ScriptedLauncher
launcher = ScriptedLauncher()
profile = Path(sys.argv[1]) if len(sys.argv) > 1 else None
code = run(launcher, profile, profile is None)
print("closed", launcher.backend.closed, flush=True)
sys.exit(code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_the_profile_and_ends_well(number: signal.Signals, tmp_path: Path) -> None:
    rects = tmp_path / "rects.json"
    environment = {**os.environ, "CHANNEL_WALLET_RECTS": str(rects), "PYTHONPATH": "."}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    )
    for _ in range(300):
        if rects.exists() and '"strip.state"' in rects.read_text():
            break
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    process.send_signal(number)
    said, complained = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "closed True\n")
    assert "Traceback" not in complained


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("words", [(), ("open",)])
def test_a_proof_file_as_the_only_word_is_shown(words: tuple[str, ...], tmp_path: Path) -> None:
    """As a desktop starts it for a file; without a profile, and none is made."""
    rects, file = tmp_path / "rects.json", tmp_path / "withdrawal-proof.json"
    vectors = Path(__file__).parents[2] / "resources" / "spec" / "vectors" / "proofs.json"
    rows = json.loads(vectors.read_text())["cases"]
    file.write_text(json.dumps(next(row["proof"] for row in rows if "worth" in row)))
    environment = {**os.environ, "CHANNEL_WALLET_RECTS": str(rects), "PYTHONPATH": ".", "HOME": str(tmp_path)}
    environment["XDG_DATA_HOME"] = environment["XDG_CONFIG_HOME"] = str(tmp_path / "home")
    command = [sys.executable, "-m", "wallet", *words, str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        eventually(lambda: rects.exists() and "The proof holds" in rects.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert "Traceback" not in complained
    assert not list(tmp_path.rglob("keys.vault"))


def test_signals_are_caught_only_while_the_window_is_there(qtbot: Any) -> None:
    came: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    with SignalGate(lambda: came.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
        qtbot.waitUntil(lambda: came == [1])
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1


def test_theme_and_layout_belong_to_the_profile(
    window: MainWindow, launcher: ScriptedLauncher, look: Look, qtbot: Any, tmp_path: Path
) -> None:
    profile = tmp_path / "mine"
    profile.mkdir()
    kept = QSettings(str(profile / "window.ini"), QSettings.Format.IniFormat)
    kept.setValue("theme", "light")
    kept.sync()
    window.open_profile(profile, "secret")
    qtbot.waitUntil(lambda: window.room is not None)
    assert look.mode is Mode.LIGHT
    assert window.menus.themes[Mode.LIGHT].isChecked()
    window.preferences.set(THEME, "dark")
    assert look.mode is Mode.DARK
    assert Preferences(settings_of(profile)).get(THEME) == "dark"


def test_a_throwaway_market_keeps_nothing(tmp_path: Path) -> None:
    assert settings_of(None) is None
    assert settings_of(tmp_path / "nowhere") is None
    assert Preferences(None).get(THEME) == "system"
    strange = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    strange.setValue("theme", "<b>purple")
    assert Preferences(strange).get(THEME) == "system"


def test_the_backend_is_asked_for_snapshots_once(window: MainWindow, backend: ScriptedBackend, qtbot: Any) -> None:
    window.use_backend(backend)
    qtbot.waitUntil(lambda: window.room is not None and window.room.isVisible())
    assert [call for call in backend.calls if call[0] == "watch_market"] == [("watch_market", "ETH/USDT", 5)]
