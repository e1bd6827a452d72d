"""Acknowledged states per second: the driver over loopback, each state durable before its ACK leaves.

The peer is a process of its own with everything prepared. The limit is measured right before and after each round,
in the same directory: verify, sign and one commit of the same bytes, with nothing around them.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from tests.benchmarks import bare
from tests.benchmarks.report import ROOT, Figure, Options, median
from tests.benchmarks.session import BROKER, CHANNEL, TRADER, Session, fill_journal, profile, write_session
from wallet.history.rows import encode_state
from wallet.protocol.signatures import address_of, sign
from wallet.protocol.typed import TypedDigest
from wallet.session.link import BrokerLink

SIZES = (("small: 4 open orders", 4), ("large: 50 open orders", 50))


class Key:
    """The session key of the one channel."""

    address = address_of(TRADER.public_key)

    def sign(self, typed: TypedDigest) -> bytes:
        return sign(TRADER, typed)


class Keys:
    def signer(self, address: bytes) -> Key:
        assert address == Key.address
        return Key()


@dataclass
class Round:
    per_state: float  # seconds on the wall
    cpu: float  # seconds of the wallet's process per state
    limit: float  # seconds on the wall


def run(options: Options) -> list[Figure]:
    figures = []
    for name, resting in SIZES:
        rounds = [one_round(options, resting) for _ in range(options.rounds)]
        value, limit = median([row.per_state for row in rounds]), median([row.limit for row in rounds])
        ratio = median([row.per_state / row.limit for row in rounds])
        figures += [
            Figure(f"{name}, through the driver", 1 / value, "states/s", 1 / limit, "verify + sign + commit", ratio),
            Figure(f"{name}, per state", value * 1e6, "µs", limit * 1e6, "verify + sign + commit", ratio),
            Figure(f"{name}, CPU of the wallet", median([row.cpu for row in rounds]) * 1e6, "µs"),
        ]
    return figures


def one_round(options: Options, resting: int) -> Round:
    now = int(time.time())
    session = write_session(options.states, resting, now)
    rows = [encode_state(state) for state in session.states[resting:]]
    before = bare.with_commit(options.folder, BROKER, TRADER, session, resting, rows)
    seconds, cpu = drive(options.folder, session, resting, now)
    after = bare.with_commit(options.folder, BROKER, TRADER, session, resting, rows)
    return Round(seconds / len(rows), cpu / len(session.states), fmean(before + after))


def drive(folder: Path, session: Session, resting: int, now: int) -> tuple[float, float]:
    """Seconds on the wall for the measured states, and CPU seconds of this process for all of them."""
    feeder = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.feeder"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert feeder.stdin is not None
    assert feeder.stdout is not None
    wish = {"states": len(session.states) - resting, "resting": resting, "now": now}
    try:
        print(json.dumps(wish), file=feeder.stdin, flush=True)
        port = json.loads(feeder.stdout.readline())["port"]
        journal = fill_journal(folder / f"history-{time.monotonic_ns()}.db", session)
        cpu = asyncio.run(acknowledge_all(BrokerLink(profile(port), journal, Keys(), lambda: None), session))
        said = json.loads(feeder.stdout.readline())
        journal.close()
        assert said["states"] == wish["states"]
        return said["seconds"], cpu
    finally:
        feeder.communicate(timeout=30)


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
        assert not channel.evidence.rows, channel.evidence.rows
        await asyncio.sleep(0.02)
    cpu = time.process_time() - start
    await asyncio.sleep(0.1)  # the last ACK leaves
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return cpu
