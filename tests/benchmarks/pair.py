"""Acknowledged states per second of the real pair: broker and wallet, a process each, every step durable on both sides.

The wallet places orders far from the price and takes them back, some at a time, so that the broker always has a next
state to issue; states themselves go one after the other, as the protocol has it. The limit is what two parties can not
do a state for less than, measured right before and after in the same directory: each side's own limit (verify, sign,
hash, one commit) and one round trip of frames of the same sizes between two processes, in series.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, median

from tests.benchmarks import bare
from tests.benchmarks.report import ROOT, Figure, Options
from tests.benchmarks.session import BROKER, TRADER, write_session
from tests.crashes.wallet_worker import FAR, Wallet
from wallet.history.rows import encode_state
from wallet.protocol.intents import TimeInForce
from wallet.protocol.state import Side
from wallet.session import broker_profile
from wallet.session.channel import TraderChannel

HANDS = 6  # orders under way at the same time
RESTING = 4
ACK = 200  # characters of an answer: envelope and one signature
LIMIT = "two limits and one echo"


def run(options: Options) -> list[Figure]:
    rounds = [asyncio.run(one_round(options, number)) for number in range(options.rounds)]
    per_state, limit, echo, share = (min(row[at] for row in rounds) for at in range(4))
    return [
        Figure("real pair", 1 / per_state, "states/s", 1 / limit, LIMIT, per_state / limit),
        Figure("real pair, per state", per_state * 1e6, "µs", limit * 1e6, LIMIT, per_state / limit),
        Figure("echo of the same frames", echo * 1e6, "µs"),
        Figure("one side's limit", share * 1e6, "µs"),
    ]


async def one_round(options: Options, number: int) -> tuple[float, float, float, float]:
    """Seconds per state, of the limit, of one echo, and of one side's limit."""
    session = write_session(options.states, RESTING, int(time.time()))
    rows = [encode_state(state) for state in session.states[RESTING:]]

    def alone() -> float:
        return fmean(bare.with_commit(options.folder, BROKER, TRADER, session, RESTING, rows).each)

    size = round(median(len(frame) for frame in session.proposals[RESTING:]))
    before, there = alone(), await echo(options.states, size)
    folder = options.folder / f"pair-{number}"
    folder.mkdir()
    seconds, states = await trade(folder, options.states)
    share, back = min(before, alone()), min(there, await echo(options.states, size))
    return seconds / states, 2 * share + back, back, share


async def echo(times: int, size: int) -> float:
    """Seconds of one round trip: a frame of ``size`` there, one of an answer's size back, on a bare connection."""
    import websockets.asyncio.client as websockets

    with process("tests.benchmarks.echo", str(ACK)) as lines:
        async with websockets.connect(f"ws://127.0.0.1:{next(lines)['port']}", compression=None, proxy=None) as line:
            frame = "x" * size
            each = []
            for _ in range(times):
                start = time.perf_counter()
                await line.send(frame)
                await line.recv()
                each.append(time.perf_counter() - start)
    return fmean(each)


async def trade(folder: Path, states: int) -> tuple[float, int]:
    """Seconds, and how many states both have signed in them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    wish = {"host": f"127.0.0.1:{port}", "port": port}
    with process("tests.crashes.broker_worker", str(folder), json.dumps(wish)) as lines:
        profile = next(lines)["profile"] | {"rpc": ["http://127.0.0.1:1"]}
        (folder / "broker.json").write_text(json.dumps(profile), encoding="utf-8")
        wallet = Wallet(folder, "ann", broker_profile.load(folder / "broker.json"))
        try:
            channel = await wallet.open()
            return await busy(wallet, channel, states)
        finally:
            await wallet.stop()


async def busy(wallet: Wallet, channel: TraderChannel, states: int) -> tuple[float, int]:
    """Places and takes back until ``states`` more were signed by both."""
    assert channel.last is not None
    first = channel.last.state.increment

    def done() -> int:
        return channel.last.state.increment - first if channel.last is not None else 0

    async def hand() -> None:
        while done() < states:
            order = await wallet.place(channel, Side.BUY, FAR, TimeInForce.POST_ONLY)
            await opened(wallet, channel, order)
            await wallet.take_back(channel, order)

    start = time.perf_counter()
    await asyncio.gather(*(hand() for _ in range(HANDS)))
    return time.perf_counter() - start, done()


async def opened(wallet: Wallet, channel: TraderChannel, order: bytes) -> None:
    def is_open() -> bool:
        row = channel.requests.get(order)
        return row is not None and row.status == "open"

    assert await wallet.link.until(is_open, 10)


@contextmanager
def process(module: str, *arguments: str) -> Iterator[Iterator[dict[str, object]]]:
    """A process of its own, and the JSON lines that it says."""
    started = subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    try:
        yield (json.loads(line) for line in started.stdout)
    finally:
        started.terminate()
        started.wait(30)
        started.stdout.close()
