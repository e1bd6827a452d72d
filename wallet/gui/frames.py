"""What crosses from other threads to the window: latest values at the next frame, results of commands.

However fast the driver publishes, the window wakes at most 30 times a second, and not at all while nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from threading import Lock, Thread
from time import monotonic
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from shiboken6 import isValid

from wallet.app.backend import Backend
from wallet.app.snapshots import MarketView
from wallet.protocol.errors import WalletError

T = TypeVar("T")
FRAME_SECONDS = 1 / 30


class Mailbox(Generic[T]):
    """Keeps the latest value only. ``put`` from any thread; ``take`` on the window's."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = Lock()
        self._value: T | None = None

    def put(self, value: T) -> None:
        with self._lock:
            self._value = value
        self._wake()

    def take(self) -> T | None:
        """The latest value since the last call, or None."""
        with self._lock:
            value, self._value = self._value, None
        return value


class FrameClock(QObject):
    """Calls its painters at most 30 times a second, after something was put into one of its mailboxes."""

    _woken = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pending = False
        self._lock = Lock()
        self._last = 0.0
        self._painters: list[Callable[[], None]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._frame)
        self._woken.connect(self._arm, Qt.ConnectionType.QueuedConnection)

    def mailbox(self, paint: Callable[[Any], None]) -> Mailbox[Any]:
        """A mailbox whose latest value goes to ``paint`` at the next frame."""
        box: Mailbox[Any] = Mailbox(self.wake)

        def frame() -> None:
            value = box.take()
            if value is not None:
                paint(value)

        self._painters.append(frame)
        return box

    def wake(self) -> None:
        """Ask for a frame; from any thread. One signal a frame, however often it is called."""
        with self._lock:
            if self._pending:
                return
            self._pending = True
        self._woken.emit()

    def _arm(self) -> None:
        wait = max(0.0, FRAME_SECONDS - (monotonic() - self._last))
        self._timer.start(int(wait * 1000))

    def _frame(self) -> None:
        with self._lock:
            self._pending = False
        self._last = monotonic()
        for paint in list(self._painters):
            paint()


class Courier(QObject):
    """Brings results of futures, which end on other threads, back to the window's."""

    _arrived = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arrived.connect(_run, Qt.ConnectionType.QueuedConnection)

    def deliver(
        self,
        future: Future[T],
        owner: QObject,
        done: Callable[[T], None],
        failed: Callable[[WalletError], None],
    ) -> None:
        """Call ``done`` or ``failed`` on the window's thread, unless ``owner`` is gone by then."""

        def settle() -> None:
            if not isValid(owner):
                return
            try:
                result = future.result()
            except CancelledError:
                failed(WalletError("CANCELLED"))
            except WalletError as error:
                failed(error)
            except Exception as error:  # noqa: BLE001 - whatever it was, the user gets an answer and the log the cause
                failed(unexpected(error))
            else:
                done(result)

        future.add_done_callback(lambda _: self._arrived.emit(settle) if isValid(self) else None)


def unexpected(error: BaseException) -> WalletError:
    """The report of an error nobody foresaw: its kind and where it struck, never its text (it may hold a secret)."""
    place, trace = "?", error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    wrapped = WalletError("UNEXPECTED", kind=type(error).__name__, place=place)
    wrapped.__cause__ = error
    return wrapped


def _run(call: Callable[[], None]) -> None:
    call()


class MarketBoxes:
    """A mailbox per market, so that a busy one does not push another's last word out."""

    def __init__(self, clock: FrameClock, paint: Callable[[MarketView], None]) -> None:
        self._clock, self._paint = clock, paint
        self._lock = Lock()
        self._boxes: dict[str, MarketView] = {}
        self._frame = clock.mailbox(self._flush)

    def put(self, view: MarketView) -> None:
        with self._lock:
            self._boxes[view.book.market] = view
        self._frame.put("fresh")

    def _flush(self, _: object) -> None:
        with self._lock:
            waiting, self._boxes = list(self._boxes.values()), {}
        for view in waiting:
            self._paint(view)


def close_elsewhere(backend: Backend, then: Callable[[], None]) -> None:
    """``close`` blocks until the driver has stopped; the window must not."""

    def work() -> None:
        try:
            backend.close()
        finally:
            then()

    Thread(target=work, name="closing", daemon=True).start()
