"""The window under Xvfb (1920×1080, the default layout): start, gaps of its loop under load, painting, memory, idling.

The limit of each row is its aim; the ratio says how much of it is used.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.report import ROOT, Figure, Options

HOUR = 3_600


def run(options: Options) -> list[Figure]:
    """No figures where there is no Xvfb. ``options.states`` at 1,000 is the whole of it; fewer make it shorter."""
    if shutil.which("Xvfb") is None:
        return []
    part = min(options.states / 1_000, 1)
    with screen() as display:
        starts = [work(display, "start", 0) for _ in range(options.rounds)]
        flow = work(display, "flow", max(20 * part, 2))
        paint = work(display, "paint", 0)
        hour = work(display, "hour", HOUR * part)
        idle = work(display, "idle", max(10 * part, 1))
    best = {name: min(row[name] for row in starts) for name in starts[0]}
    return [
        aimed("start to first paint, a key answered", best["first"] * 1e3, "ms", 600),
        aimed("memory then", best["first_memory"], "MiB", 100),
        aimed("start to ready: chart, signing, chain", best["ready"] * 1e3, "ms", 2_000),
        aimed("memory then, ready", best["ready_memory"], "MiB", 220),
        Figure("book updates in the flow", flow["updates"], "1/s"),
        Figure("trades in the flow", flow["trades"], "1/s"),
        Figure("channel states in the flow, each durable", flow["states"], "1/s"),
        Figure("UI gap, p50", flow["p50"] * 1e3, "ms"),
        aimed("UI gap, p99", flow["p99"] * 1e3, "ms", 33),
        aimed("UI gap, max", flow["max"] * 1e3, "ms", 100),
        Figure("ACK in the same run, p99", flow["ack"] * 1e3, "ms"),
        Figure("one repaint of the ladder", paint["ladder"] * 1e3, "ms"),
        aimed("a new last bar of 500,000", paint["last"] * 1e3, "ms", 8),
        aimed("memory after the replay, per memory before it", hour["after"] / hour["before"], "", 1.02),
        Figure("market views replayed", hour["views"], ""),
        aimed("CPU while idle", idle["cpu"] * 100, "%", 1),
    ]


def aimed(name: str, value: float, unit: str, aim: float) -> Figure:
    return Figure(name, value, unit, aim, "aim", value / aim)


def work(display: str, task: str, seconds: float) -> Mapping[str, float]:
    environment = {**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb"}
    command = [sys.executable, "-m", "tests.benchmarks.window", task, str(seconds), str(time.time())]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@contextmanager
def screen() -> Iterator[str]:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1920x1080x24", "-nolisten", "tcp", "-noreset"]
    server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        display = f":{pipe.readline().strip()}"
    try:
        yield display
    finally:
        server.terminate()
        server.wait(10)
