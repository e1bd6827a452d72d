"""Acknowledged states per second: the whole driver over loopback, each state durable before its ACK leaves.

A process of its own plays a recording to it, either a few states ahead, so that only the wallet is measured, or each
after the ACK of the one before, for the time that one takes. The limit is measured right before and after each round,
in the same directory: verify, sign, hash and one commit of the same bytes, with nothing around them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from tests.benchmarks import bare
from tests.benchmarks.report import ROOT, Figure, Options
from tests.benchmarks.session import BROKER, CHANNEL, TRADER, Session, fill_journal, forget, profile, write_session
from wallet.history.rows import encode_state
from wallet.keys.signer import Signer
from wallet.session.link import BrokerLink

SIZES = (("small: 4 open orders", 4), ("large: 50 open orders", 50))
AHEAD = 16
LIMIT = "verify + sign + keccak + commit"


class Keys:
    """The session key of the one channel."""

    def signer(self, address: bytes) -> Signer:
        key = Signer(TRADER.secret)
        assert address == key.address
        return key


@dataclass
class Round:
    per_state: float  # seconds on the wall, the recording being ahead
    cpu: float  # seconds of the wallet's process per state
    slow: float  # the 99th percentile of one state by itself
    limit: float  # seconds on the wall
    slow_commit: float  # the 99th percentile of a bare commit


def run(options: Options) -> list[Figure]:
    figures = []
    for name, resting in SIZES:
        rounds = [one_round(options, resting) for _ in range(options.rounds)]
        value, limit = min(row.per_state for row in rounds), min(row.limit for row in rounds)
        slow, commit = min(row.slow for row in rounds), min(row.slow_commit for row in rounds)
        figures += [
            Figure(f"{name}, fed by a recording", 1 / value, "states/s", 1 / limit, LIMIT, value / limit),
            Figure(f"{name}, per state", value * 1e6, "µs", limit * 1e6, LIMIT, value / limit),
            Figure(f"{name}, p99 of one", slow * 1e6, "µs", commit * 1e6, "p99 of a bare commit", slow / commit),
            Figure(f"{name}, CPU of the wallet", min(row.cpu for row in rounds) * 1e6, "µs"),
        ]
    return figures


def one_round(options: Options, resting: int) -> Round:
    now = int(time.time())
    session = write_session(options.states, resting, now)
    rows = [encode_state(state) for state in session.states[resting:]]
    before = bare.with_commit(options.folder, BROKER, TRADER, session, resting, rows)
    forget()
    seconds, _, cpu = drive(options, session, resting, now, AHEAD)
    forget()
    _, each, _ = drive(options, session, resting, now, 1)
    after = bare.with_commit(options.folder, BROKER, TRADER, session, resting, rows)
    return Round(
        seconds / len(rows),
        cpu / len(session.states),
        p99(each),
        fmean(before.each + after.each),
        min(p99(before.commits), p99(after.commits)),
    )


def p99(values: Sequence[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[98]


def drive(options: Options, session: Session, resting: int, now: int, ahead: int) -> tuple[float, list[float], float]:
    """Seconds on the wall for the measured states and for each, and CPU seconds of this process for all of them."""
    feeder = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.feeder"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert feeder.stdin is not None
    assert feeder.stdout is not None
    wish = {"states": len(session.states) - resting, "resting": resting, "now": now, "ahead": ahead}
    try:
        print(json.dumps(wish), file=feeder.stdin, flush=True)
        port = json.loads(feeder.stdout.readline())["port"]
        journal = fill_journal(options.folder / f"history-{time.monotonic_ns()}.db", session)
        cpu = asyncio.run(acknowledge_all(BrokerLink(profile(port), journal, Keys(), lambda: None), session))
        said = json.loads(feeder.stdout.readline())
        journal.close()
        assert said["states"] == wish["states"]
        return said["seconds"], said["each"], cpu
    finally:
        feeder.communicate(timeout=60)


async def acknowledge_all(link: BrokerLink, session: Session) -> float:
    """Runs the driver until the last state is acknowledged; CPU seconds from when it was connected."""
    channel = link.channels[CHANNEL]
    task = asyncio.create_task(link.run())
    await link.online(10)
    start = time.process_time()
    last = session.states[-1].increment

    def done() -> bool:
        return channel.last is not None and channel.last.state.increment >= last

    while not done():
        assert channel.frozen is None, channel.frozen
        await asyncio.sleep(0.02)
    cpu = time.process_time() - start
    await asyncio.sleep(0.1)  # the last ACK leaves
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return cpu
