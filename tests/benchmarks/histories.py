"""A long, truly signed history: signatures checked per second by all cores, and how soon its last page is there."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from coincurve import PrivateKey

from tests.benchmarks.report import ROOT, Figure, Options
from tests.support.long_history import LongHistory, make_history
from wallet.history.parallel import verify_file
from wallet.history.reader import HistoryReader

CHECKS = 100_000  # of the limit, by each process
PAGE = 100


def run(options: Options) -> list[Figure]:
    made = make_history(states=options.history)
    name = f"{made.states:,} states"
    return [*verified(name, made), *opened(name, made, options.rounds)]


def verified(name: str, made: LongHistory) -> Sequence[Figure]:
    """Signatures of states and orders, with the rules, the chain and the seals; the limit is the bare check of one."""
    limit, least = bare_rate()
    start, before = time.perf_counter(), cpu()
    found = verify_file(made.path, made.channel)
    seconds, spent = time.perf_counter() - start, cpu() - before
    assert found.sound, found
    assert found.states == made.states
    signatures = made.signatures + made.intents  # of states, and one of each order
    rate, each = signatures / seconds, spent / signatures
    what = "libsecp256k1 verify"
    return (
        Figure(f"{name}, verified", rate, "sig/s", limit, f"{what}, {os.cpu_count()} cores", limit / rate),
        Figure(f"{name}, CPU of one signature", each * 1e6, "µs", least * 1e6, what, each / least),
    )


def bare_rate() -> tuple[float, float]:
    """Checks per second against a known key, on all cores at once, and CPU seconds of one."""
    workers = os.cpu_count() or 1
    before = cpu()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(check, [10] * workers))  # they have started
        start = time.perf_counter()
        done = sum(pool.map(check, [CHECKS] * workers))
        rate = done / (time.perf_counter() - start)
    return rate, (cpu() - before) / done


def cpu() -> float:
    """CPU seconds of this process and those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def check(times: int) -> int:
    key = PrivateKey(bytes(31) + b"\1")
    digest = bytes(32)
    verify, signature = key.public_key.verify, key.sign(digest, hasher=None)
    return sum(verify(signature, digest, hasher=None) for _ in range(times))


def opened(name: str, made: LongHistory, rounds: int) -> Sequence[Figure]:
    """Opening the file and reading its last page, in a program that never opened it before, and again at once."""
    first, again = [], []
    for _ in range(rounds):
        command = [sys.executable, "-m", "tests.benchmarks.histories", str(made.path), made.channel.hex()]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
        first.append(float(told[0]))
        again.append(float(told[1]))
    return (
        Figure(f"{name}, opened, last page read", min(first) * 1e3, "ms"),
        Figure(f"{name}, the same once more", min(again) * 1e3, "ms"),
    )


def open_page(path: str, channel: bytes) -> float:
    """Seconds to open the history and read its last page."""
    start = time.perf_counter()
    with HistoryReader(Path(path)) as history:
        count, page = history.count(channel), history.page(channel, None, PAGE)
    seconds = time.perf_counter() - start
    assert len(page) >= min(PAGE, count)
    return seconds


if __name__ == "__main__":
    place, of = sys.argv[1], bytes.fromhex(sys.argv[2])
    print(open_page(place, of), open_page(place, of))
