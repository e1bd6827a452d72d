"""The sandbox as a process: broker, chain and market makers on loopback, for the demo and for tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from wallet.protocol.errors import WalletError
from wallet.protocol.terms import Initiative
from wallet.sandbox.boot import Node, Sandbox, sandbox
from wallet.sandbox.plan import ETH, USDT, WBTC
from wallet.sandbox.population import populate

GIFT = {"ETH": 10 * ETH, "USDT": 50_000 * USDT, "WBTC": WBTC}  # as the faucet of its own chain gives

log = logging.getLogger(__name__)


def run(
    directory: Path,
    start_logging: Callable[[Path], object] = lambda _: None,
    *,
    follow_stdin: bool = False,
    initiative: Initiative = Initiative.BROKER,
    node: Node | None = None,
    gifts: Sequence[bytes] = (),
) -> int:
    """Runs a sandbox in ``directory`` until SIGINT or SIGTERM; the exit code.

    When it can be traded in, one JSON line goes to stdout: {"profile": path, "broker": url, "rpc": url, "chainId": n}.
    ``start_logging`` is told the directory for logs once this process owns it. ``follow_stdin``: end also when stdin
    does, which is when whoever holds its other end is gone, however he went. ``initiative``, ``node``: as
    :func:`sandbox`. ``gifts``: accounts that are given test coins first.
    Raises WalletError for a sandbox that can't be started, or that had to stop because its disk failed.
    """
    try:
        serving = _serve(directory, start_logging, initiative, node, gifts)
        return asyncio.run(_run(serving, follow_stdin=follow_stdin))
    except KeyboardInterrupt:
        return 0


async def _run(serving: Coroutine[Any, Any, None], *, follow_stdin: bool) -> int:
    stop = asyncio.Event()
    _listen_for_the_end(stop, follow_stdin=follow_stdin)
    work = asyncio.create_task(serving)
    ending = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((work, ending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        ending.cancel()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return 0


async def _serve(
    directory: Path,
    start_logging: Callable[[Path], object],
    initiative: Initiative,
    node: Node | None,
    gifts: Sequence[bytes],
) -> None:
    async with sandbox(directory, initiative, node) as found:
        start_logging(found.folder.logs)
        for account in gifts:
            await found.give(account, {row.address: GIFT[row.symbol] for row in found.broker.config.tokens})
        _say_ready(found)
        async with populate(found):
            await found.broker.stopped.wait()
        raise WalletError("BROKER_HALTED")


def _say_ready(found: Sandbox) -> None:
    ready = {
        "profile": str(found.folder.profile),
        "broker": found.profile.url,
        "rpc": found.chain.url,
        "chainId": found.chain.chain_id,
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


def _listen_for_the_end(stop: asyncio.Event, *, follow_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":  # there Ctrl-C ends the loop itself
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    if not follow_stdin:
        return

    stdin = sys.stdin.fileno()

    def follow() -> None:
        # Not through sys.stdin: its lock, held here for good, would abort the interpreter when it shuts down.
        with contextlib.suppress(OSError, ValueError):
            while os.read(stdin, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop is over already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=follow, name="stdin", daemon=True).start()
