"""The window of the GUI benchmark, a process of its own: ``python -m tests.benchmarks.window TASK SECONDS BEGAN``.

TASK is one of those below; one JSON line comes out. The window and all of its docks are the program's; the backend is
a scripted one, but for the flow, where a thread runs the real driver on a real journal and the real market copies,
fed by other processes.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from wallet.gui.app import _application
from wallet.gui.look import Look, Mode
from wallet.gui.window import MainWindow

FRAME = 1 / 30
TIMER = 0.005
BARS = 500_000


def memory() -> float:
    """MiB that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class FirstPaint(QObject):
    """Calls once, after a widget was painted."""

    def __init__(self, widget: Any, then: Callable[[], None]) -> None:
        super().__init__(widget)
        self._then = then
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() is QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, self._then)
        return False


def opened(backend: Any) -> tuple[QApplication, MainWindow]:
    from tests.gui.scripted import ScriptedLauncher

    app = _application()
    window = MainWindow(ScriptedLauncher(backend), Look(app, Mode.DARK), Path("/nowhere"), None)
    window.resize(1920, 1080)
    window.show()
    window.use_backend(backend)
    return app, window


def wait(app: QApplication, condition: Callable[[], object], within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        app.processEvents()
        time.sleep(0.001)


def start(_: float, began: float) -> dict[str, float]:
    """From the start of the process to a painted workspace that answered a key, and to all it needs to trade."""
    from tests.gui.scripted import ScriptedBackend

    app, window = opened(ScriptedBackend())
    assert window.room is None or not window.room.isVisible()
    wait(app, lambda: window.room is not None and window.room.isVisible())
    assert window.room is not None
    painted: list[float] = []
    FirstPaint(window.room.workspace.ticket, lambda: painted.append(time.time()))
    wait(app, lambda: painted)
    ticket = window.room.workspace.ticket
    QApplication.sendEvent(window, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_S, Qt.KeyboardModifier.NoModifier, "s"))
    window.menus.actions["sell"].trigger()
    app.processEvents()
    assert ticket.isVisible()
    first, held = time.time() - began, memory()
    wait(app, lambda: window.room is not None and window.room.workspace.chart.ready)
    import coincurve  # noqa: F401 - what signing and the chain need

    import wallet.app.service  # noqa: F401

    app.processEvents()
    return {"first": first, "first_memory": held, "ready": time.time() - began, "ready_memory": memory()}


class Gaps(QObject):
    """How late a timer of 5 ms comes."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[float] = []
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._last = time.perf_counter()
        self._timer.start(int(TIMER * 1000))

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(max(0.0, now - self._last - TIMER))
        self._last = now


class Flow:
    """The driver's thread: states from the broker's double at 200 a second, book and trades from another process."""

    def __init__(self, backend: Any, seconds: float) -> None:
        self.backend, self.seconds = backend, seconds
        self.states, self.updates, self.trades = 0.0, 0, 0
        self.began, self.ended = threading.Event(), threading.Event()
        self.each: list[float] = []
        threading.Thread(target=lambda: asyncio.run(self._main()), name="driver", daemon=True).start()

    async def _main(self) -> None:
        from tests.benchmarks.acknowledge import Keys, acknowledge_all
        from tests.benchmarks.session import CHANNEL, fill_journal, profile, write_session
        from wallet.session.link import BrokerLink

        count, now = int(self.seconds * 200), int(time.time())
        session = write_session(count, 4, now)
        here, pipe = [sys.executable, "-m"], subprocess.PIPE
        feeder = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
            [*here, "tests.benchmarks.feeder"], stdin=pipe, stdout=pipe, text=True
        )
        market = await asyncio.create_subprocess_exec(*here, "tests.benchmarks.market_feeder", stdout=pipe)
        assert feeder.stdin is not None
        assert feeder.stdout is not None
        wish = {"states": count, "resting": 4, "now": now, "ahead": 16, "pace": 200}
        print(json.dumps(wish), file=feeder.stdin, flush=True)
        port = json.loads(await asyncio.to_thread(feeder.stdout.readline))["port"]
        with tempfile.TemporaryDirectory(dir=".cache") as folder:
            journal = fill_journal(Path(folder) / "history.db", session)
            link = BrokerLink(profile(port), journal, Keys(), lambda: None)
            tasks = [
                asyncio.create_task(self._read(market)),
                asyncio.create_task(self._publish(link.channels[CHANNEL])),
            ]
            self.began.set()
            await acknowledge_all(link, session)
            said = json.loads(await asyncio.to_thread(feeder.stdout.readline))
            self.states, self.each = said["states"] / said["seconds"], said["each"]
            self.ended.set()
            for task in tasks:
                task.cancel()
            journal.close()
        market.terminate()
        feeder.communicate(timeout=60)

    async def _read(self, market: Any) -> None:
        import msgspec

        from tests.gui.scripted import ETH_USDT
        from wallet.app.views import market_view as shown
        from wallet.market.depth import Delta, Snapshot
        from wallet.market.trades import Trade
        from wallet.session.feed import MarketCopy

        copy = MarketCopy((ETH_USDT.base.address, ETH_USDT.quote.address), 5)
        self.market = lambda: shown("ETH/USDT", copy, b"")
        while line := await market.stdout.readline():
            kind, *rest = msgspec.json.decode(line)
            if kind == "snapshot":
                copy.book.load(Snapshot(*rest))
            elif kind == "depth":
                assert copy.book.apply(Delta(*rest)) is None
                self.updates += 1
            else:
                for trade in copy.tape.add([Trade(*rest)]):
                    copy.candles.add(trade)
                self.trades += 1
            copy.updated = time.time()

    async def _publish(self, channel: Any) -> None:
        """As :meth:`wallet.app.service.Service._publish`: at most once a frame."""
        while True:
            view, last = self.backend.shown, channel.last
            if last is not None and view.channel is not None:
                self.backend.publish(replace(view, channel=replace(view.channel, increment=last.state.increment)))
            made = getattr(self, "market", None)
            if made is not None:
                self.backend.on_market(made())
            await asyncio.sleep(FRAME)


def flow(seconds: float, _: float) -> dict[str, float]:
    from tests.gui.scripted import ScriptedBackend

    backend = ScriptedBackend()
    app, window = opened(backend)
    wait(app, lambda: window.room is not None and window.room.workspace.chart.ready)
    run = Flow(backend, seconds)
    wait(app, run.began.is_set)
    gaps, before = Gaps(), time.perf_counter()
    wait_quietly(app, run.ended)
    seconds = time.perf_counter() - before
    marks = quantiles(gaps.late, n=100, method="inclusive")
    acks = quantiles(run.each, n=100, method="inclusive")
    return {
        "p50": marks[49],
        "p99": marks[98],
        "max": max(gaps.late),
        "ack": acks[98],
        "states": run.states,
        "updates": run.updates / seconds,
        "trades": run.trades / seconds,
    }


def wait_quietly(app: QApplication, ended: threading.Event) -> None:
    """The window's own loop, as in the program, until the event is set."""
    timer = QTimer()
    timer.timeout.connect(lambda: app.exit(0) if ended.is_set() else None)
    timer.start(100)
    app.exec()
    timer.stop()


def paint(_: float, __: float) -> dict[str, float]:
    """One repaint of the ladder, and the chart's answer to a new last bar of half a million."""
    from tests.gui.scripted import NOW, ScriptedBackend, market_view
    from wallet.app.snapshots import CandleView

    backend = ScriptedBackend()
    app, window = opened(backend)
    wait(app, lambda: window.room is not None and window.room.workspace.chart.ready)
    assert window.room is not None
    workspace = window.room.workspace
    ladder = [once(workspace.book.repaint) for _ in range(200)]
    view = market_view()
    start = NOW - BARS * 5
    steps = (0, 90_000, -90_000, 10_000)
    bars = tuple(
        CandleView(start + at * 5, *(3_000_000_000 + at % 977 * 10_000 + step for step in steps), 10**18)
        for at in range(BARS)
    )
    workspace.show_prices(replace(view, candles=bars))
    app.processEvents()
    last = []
    for turn in range(60):
        fresh = (*bars[:-1], replace(bars[-1], close=3_000_000_000 + turn * 10_000))
        prices = replace(view, candles=fresh)
        last.append(once(lambda prices=prices: (workspace.chart.show_prices(prices), app.processEvents())))
    return {"ladder": quantiles(ladder, n=100, method="inclusive")[49], "last": quantiles(last, n=100)[49]}


def once(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def hour(seconds: float, _: float) -> dict[str, float]:
    """Memory before and after an hour's worth of market: four views a second, all of them drawn."""
    from tests.gui.scripted import ScriptedBackend, market_view

    backend = ScriptedBackend()
    app, window = opened(backend)
    wait(app, lambda: window.room is not None and window.room.workspace.chart.ready)
    assert window.room is not None
    views = [market_view(seed=seed, middle=3_000_000_000 + seed * 100_000) for seed in range(40)]
    found, count = [], int(seconds * 4)
    for at in range(count):
        window.room.show_prices(views[at % len(views)])
        app.processEvents()
        if at in (count // 4, count - 1):
            gc.collect()
            found.append(memory())
    return {"before": found[0], "after": found[1], "views": count}


def idle(seconds: float, _: float) -> dict[str, float]:
    """CPU of the whole process while nothing happens."""
    from tests.gui.scripted import ScriptedBackend

    app, window = opened(ScriptedBackend())
    wait(app, lambda: window.room is not None and window.room.workspace.chart.ready)
    QTimer.singleShot(2_000, lambda: app.exit(0))
    app.exec()
    before = time.process_time()
    QTimer.singleShot(int(seconds * 1000), lambda: app.exit(0))
    app.exec()
    return {"cpu": (time.process_time() - before) / seconds}


TASKS: dict[str, Callable[[float, float], dict[str, float]]] = {
    "start": start,
    "flow": flow,
    "paint": paint,
    "hour": hour,
    "idle": idle,
}


if __name__ == "__main__":
    print(json.dumps(TASKS[sys.argv[1]](float(sys.argv[2]), float(sys.argv[3]))), flush=True)
    os._exit(0)  # the interpreter's end is none of what is measured
