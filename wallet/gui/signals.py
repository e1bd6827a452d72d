"""SIGINT and SIGTERM end the program as closing its window does: the profile is let go of in good order.

Python runs signal handlers only between its own instructions, of which a waiting window executes none: the interpreter
writes a byte into a socket at once, and that wakes the window.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QSocketNotifier

CAUGHT = (signal.SIGINT, signal.SIGTERM)


class SignalGate:
    """While it is entered, ``stop`` is called on the window's thread when one of the signals comes."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._read, self._write = socket.socketpair()
        self._read.settimeout(0)
        self._write.settimeout(0)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._came)

    def __enter__(self) -> SignalGate:
        self._before = {number: signal.signal(number, lambda *_: None) for number in CAUGHT}
        self._wakeup = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _came(self) -> None:
        came = self._read.recv(64)
        if any(number in came for number in CAUGHT):
            self._stop()
