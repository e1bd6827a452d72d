"""A real window and the real command line on one profile at the same time, under a window manager."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.screen import Screen

pytestmark = [pytest.mark.e2e, pytest.mark.gui, pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]


class Desk:
    """One screen with a window manager, and the programs that are started on it."""

    def __init__(self, folder: Path) -> None:
        self.screen = Screen(folder)
        self.log = folder / "output.txt"
        self._started: list[subprocess.Popen[bytes]] = []
        self.start("openbox")

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in self.screen.environment().items() if key != "CHANNEL_WALLET_PASSWORD"}
        return {**kept, "PYTHONPATH": str(ROOT)}

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as stream:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=stream, stderr=stream, start_new_session=True
            )
        self._started.append(process)
        return process

    def wallet(self, *words: str, password: str | None = None) -> subprocess.Popen[str]:
        environment = self.environment() | ({"CHANNEL_WALLET_PASSWORD": password} if password else {})
        return subprocess.Popen(
            [sys.executable, "-m", "wallet", *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def seen(self) -> list[str]:
        """The names of windows that are on the screen, not minimized."""
        done = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "Channel Wallet"],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.split()

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._started:
            process.wait(30)
        self.screen.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    if not all(map(shutil.which, ("Xvfb", "openbox", "xdotool", "import"))):
        pytest.skip("needs Xvfb, openbox, xdotool and ImageMagick")
    made = Desk(tmp_path)
    yield made
    made.close()


def until(condition: Any, what: str, within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.1)


def answer(process: subprocess.Popen[str], within: float = 90) -> dict[str, Any]:
    out, err = process.communicate(timeout=within)
    assert "Traceback" not in err
    value: dict[str, Any] = json.loads(out)
    return value | {"exit": process.returncode, "stderr": err}


def test_window_and_command_line_work_on_one_profile(desk: Desk, tmp_path: Path) -> None:
    screen, demo = desk.screen, tmp_path / "demo"
    profile = demo / "trader"
    at = ("--profile", str(profile), "--json")
    window = desk.start(sys.executable, "-m", "wallet", "demo", "--dir", str(demo))
    screen.click("session.open")
    screen.until_usable("strip.leave", 90)
    password = (profile / "demo-password").read_text()

    # a second start raises the first out of the task bar, says one sentence, and is done
    until(desk.seen, "the window")
    subprocess.run(["xdotool", "windowminimize", desk.seen()[0]], env=desk.environment(), check=True)
    until(lambda: not desk.seen(), "a minimized window")
    again = desk.wallet("demo", "--dir", str(demo))
    out, err = again.communicate(timeout=60)
    assert (again.returncode, err) == (0, "")
    assert out.count("\n") == 1
    assert "brought to the front" in out
    until(desk.seen, "the window, raised")
    assert window.poll() is None

    # with the password: the window's own driver takes the order
    placed = answer(desk.wallet("order", "buy", "ETH/USDT", "0.1", "--limit", "1000", *at, password=password))
    assert (placed["status"], placed["exit"]) == ("open", 0)
    until(lambda: screen.text("strip.state").startswith("#1"), "state 1 in the window")
    assert answer(desk.wallet("status", *at))["open"] is True

    # without: the user is asked, with the amounts; a no and a yes
    refused = desk.wallet("order", "cancel", "all", *at)
    screen.click("ask.no")
    said = answer(refused)
    assert (said["error"], said["exit"]) == ("OWNER_REFUSED", 1)
    screen.until(lambda rects: "ask.yes" not in rects, "the first question gone")
    allowed = desk.wallet("order", "cancel", "all", *at)
    screen.click("ask.yes")
    screen.picture("asked")
    assert answer(allowed)["cancelled"] == 1
    wrong = answer(desk.wallet("order", "cancel", "all", *at, password="no"))
    assert wrong["error"] == "KEYS_WRONG_PASSWORD"

    # both at once: neither hinders the other
    both = [
        desk.wallet("order", "buy", "ETH/USDT", "0.1", "--limit", str(limit), *at, password=password)
        for limit in (1000, 1001, 1002)
    ]
    assert [answer(process)["status"] for process in both] == ["open"] * 3
    assert answer(desk.wallet("history", "verify", *at))["verified"] >= 6

    # killed without a word: the next start works at once
    os.kill(window.pid, signal.SIGKILL)
    window.wait(30)
    assert answer(desk.wallet("status", *at))["open"] is False
    begun = time.monotonic()
    desk.start(sys.executable, "-m", "wallet", "demo", "--dir", str(demo))
    screen.rects_path.unlink(missing_ok=True)
    screen.until_usable("strip.leave", 90)
    assert time.monotonic() - begun < 90
    until(lambda: answer(desk.wallet("status", *at))["open"], "the new owner")
    ended = answer(desk.wallet("channel", "finalize", *at, password=password))
    assert ended["status"] in ("final", "closing", "settled")
