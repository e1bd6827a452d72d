"""The way from the driver's thread to the window's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

import pytest
from PySide6.QtCore import QObject

from wallet.gui.frames import Courier, FrameClock, unexpected
from wallet.protocol.errors import WalletError

pytestmark = pytest.mark.gui


def test_the_latest_value_wins_and_frames_are_few(qtbot: Any) -> None:
    seen: list[tuple[int, int]] = []
    clock = FrameClock()
    box = clock.mailbox(lambda value: seen.append((value, threading.get_ident())))

    def work() -> None:
        for number in range(5_000):
            box.put(number)
            if number % 50 == 0:
                time.sleep(0.001)

    thread = threading.Thread(target=work)
    started = time.monotonic()
    thread.start()
    qtbot.waitUntil(lambda: bool(seen) and seen[-1][0] == 4_999)
    thread.join()
    assert len(seen) <= 31 * (time.monotonic() - started) + 2
    assert {who for _, who in seen} == {threading.get_ident()}
    assert [value for value, _ in seen] == sorted({value for value, _ in seen})


def test_an_idle_clock_does_not_wake(qtbot: Any) -> None:
    clock = FrameClock()
    clock.mailbox(lambda _: None).put(1)
    qtbot.waitUntil(lambda: not clock._timer.isActive())
    qtbot.wait(60)
    assert not clock._timer.isActive()


def test_results_and_errors_come_back_on_the_windows_thread(qtbot: Any) -> None:
    courier, owner = Courier(), QObject()
    seen: list[Any] = []

    def deliver(end: Any) -> None:
        future: Future[int] = Future()
        courier.deliver(future, owner, lambda value: seen.append((value, threading.get_ident())), seen.append)
        threading.Thread(target=end, args=(future,)).start()

    deliver(lambda future: future.set_result(7))
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen.pop() == (7, threading.get_ident())
    deliver(lambda future: future.set_exception(WalletError("OFFLINE")))
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen.pop().code == "OFFLINE"
    deliver(lambda future: future.set_exception(ZeroDivisionError("secret")))
    qtbot.waitUntil(lambda: len(seen) == 1)
    error = seen.pop()
    assert (error.code, error.params["kind"]) == ("UNEXPECTED", "ZeroDivisionError")
    assert "secret" not in str(error)
    deliver(lambda future: future.cancel())
    qtbot.waitUntil(lambda: len(seen) == 1)
    assert seen.pop().code == "CANCELLED"


def test_who_is_gone_gets_nothing(qtbot: Any) -> None:
    import shiboken6

    courier, owner, seen = Courier(), QObject(), []
    future: Future[int] = Future()
    courier.deliver(future, owner, seen.append, seen.append)
    shiboken6.delete(owner)
    future.set_result(1)
    qtbot.wait(30)
    assert seen == []


def test_an_unexpected_error_names_its_place() -> None:
    try:
        raise RuntimeError("the password is x")
    except RuntimeError as error:
        report = unexpected(error)
    assert str(report.params["place"]).startswith("test_frames.py:")
    assert "password" not in str(report)
