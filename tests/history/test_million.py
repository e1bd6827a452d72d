"""A very long history: opened, paged, exported and checked without loading it.

A slow run takes 300,000 states; CHANNEL_WALLET_STATES=1000000 takes the whole million.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.long_history import CHANNEL, LongHistory, make_history
from wallet.history.reader import HistoryReader

ROOT = Path(__file__).resolve().parents[2]
STATES = int(os.environ.get("CHANNEL_WALLET_STATES", "300000"))
MEMORY = 96 * 2**20  # bytes: of a program that imports all this and reads a history of any length
OPEN_WITHIN = 0.1  # seconds, open and last page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from wallet.history.export import export_csv, export_json
from wallet.history.reader import HistoryReader
path, task, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
began = time.perf_counter()
reader = HistoryReader(path)
channel = reader.channels()[0].id
page = reader.page(channel, None, 100)
opened = time.perf_counter() - began
count = len(page)
if task == "page":
    while page := reader.page(channel, page[-1].state.increment, 1_000):
        count += len(page)
elif task == "walk":
    count = sum(1 for _ in reader.walk(channel))
elif task == "json":
    count = export_json(reader, channel, out)
elif task == "csv":
    count = export_csv(reader, channel, out)
reader.close()
status = Path("/proc/self/status")
if status.exists():  # ru_maxrss would count what the process that started this one held before exec
    rows = dict(line.split(":", 1) for line in status.read_text().splitlines())
    peak = int(rows["VmHWM"].split()[0]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"opened": opened, "seconds": time.perf_counter() - began, "count": count, "memory": peak}))
"""


@pytest.fixture(scope="module")
def made() -> LongHistory:
    """Made once, in about three minutes, and kept in .cache."""
    return make_history(states=STATES)


def work(made: LongHistory, task: str, out: Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(made.path), task, str(out)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    record(task, said)
    return said


def record(task: str, said: Any) -> None:
    results = ROOT / ".cache" / "results"
    results.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    line = {"task": task, "states": STATES, "seed": 1, "commit": commit.stdout.strip(), **said}
    with (results / "million.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


@pytest.mark.skipif(sys.platform == "win32", reason="needs getrusage")
@pytest.mark.parametrize("task", ["last page", "page", "walk", "json", "csv"])
def test_in_bounded_memory(made: LongHistory, task: str, tmp_path: Path) -> None:
    said = work(made, task, tmp_path / "out")
    assert said["count"] == (100 if task == "last page" else made.states)
    assert said["memory"] < MEMORY
    assert said["opened"] < OPEN_WITHIN


def test_any_page_at_once(made: LongHistory) -> None:
    """By the key, not by counting: the middle is as near as the end."""
    with HistoryReader(made.path) as reader:
        for before in (None, made.top // 2, 1_000):
            began = time.perf_counter()
            page = reader.page(CHANNEL, before, 100)
            assert time.perf_counter() - began < OPEN_WITHIN
            assert len(page) >= 100
            assert page[0].state.increment == (made.top if before is None else before - 1)
