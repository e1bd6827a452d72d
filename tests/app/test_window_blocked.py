"""No window can slow the driver: its thread answers while the window's is stuck."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.session.ground import ground, intent
from tests.session.moves import cancelled, opened, shown
from wallet.history.journal import IntentRecord
from wallet.protocol.state import Side

STUCK = 2.0  # seconds
SLOWEST = 0.5


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def compute(seconds: float) -> None:
    """Python that never waits: it holds the interpreter whenever it can."""
    end, number = time.perf_counter() + seconds, 1
    while time.perf_counter() < end:
        number = (number * 1103515245 + 12345) % 2**31


@pytest.mark.parametrize("stuck", [sleep, compute])
def test_answers_go_on_while_the_window_is_stuck(tmp_path: Path, qapp: object, stuck: Callable[[float], None]) -> None:
    """A modal dialog, a slow paint: the window's thread does nothing for seconds; every state gets its answer."""
    from PySide6.QtCore import QCoreApplication, QObject, Signal

    class Screen(QObject):
        changed = Signal(int)

    screen, drawn = Screen(), list[int]()
    screen.changed.connect(drawn.append)
    began, ended = threading.Event(), threading.Event()
    delays: list[float] = []

    async def drive() -> None:
        async with ground(tmp_path) as there:
            there.link._changed = lambda: screen.changed.emit(len(delays))
            began.set()
            number = 10
            while not ended.is_set():
                signed = intent(number, Side.BUY, 500 * 10**6, 10**18)
                there.channel.requests.add(IntentRecord(signed, "submitted", "", 0))
                number += 1
                for state in (opened(there, signed.id), None):
                    proposed = shown(state or cancelled(there, "0x" + signed.id.hex()))
                    sent = time.perf_counter()
                    assert "ack" in await there.liar.show(*proposed)
                    delays.append(time.perf_counter() - sent)

    driver = threading.Thread(target=lambda: asyncio.run(drive()), name="driver")
    driver.start()
    try:
        assert began.wait(10)
        before = len(delays)
        stuck(STUCK)
        answered = len(delays) - before
    finally:
        ended.set()
        driver.join(20)
    assert answered >= 10
    assert max(delays) < SLOWEST
    assert drawn == []  # nothing was waited for: it is drawn when the window can
    QCoreApplication.processEvents()
    assert len(drawn) >= answered


def test_the_driver_holds_no_qt(tmp_path: Path) -> None:
    """Neither the session nor the application behind a screen brings it in."""
    code = "import sys, wallet.session.link, wallet.app.service; print([m for m in sys.modules if 'PySide' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
