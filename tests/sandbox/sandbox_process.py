"""The sandbox as its users start it, and a trader who comes to it with a wallet of his own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.keys.vaults import CHEAP
from wallet.app.account import Account
from wallet.app.profile import Profile
from wallet.keys.mnemonic import create_phrase
from wallet.keys.secret import Secret
from wallet.keys.vault import create_vault
from wallet.session import broker_profile
from wallet.session.feed import MarketCopy

REPOSITORY = Path(__file__).resolve().parents[2]
START_WITHIN = 60.0


class SandboxProcess:
    """One run of ``channel-wallet sandbox``; killed at the end of a ``with``."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.process = launch(directory, *options)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, complaint = self.process.communicate(timeout=60)
            raise RuntimeError(complaint)
        self.ready: dict[str, Any] = json.loads(line)
        self.profile = Path(self.ready["profile"])

    @property
    def ports(self) -> tuple[int, int]:
        """Where it listens: broker and chain."""
        broker, rpc = (int(str(self.ready[name]).rsplit(":", 1)[1]) for name in ("broker", "rpc"))
        return broker, rpc

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.communicate(timeout=60)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Asks it to end; exit code, and all it said after the ready line."""
        self.process.send_signal(number)
        self.process.wait(timeout=60)  # before communicate(), which closes stdin: it must end with stdin open, too
        out, complaint = self.process.communicate()
        return self.process.returncode, out + complaint

    def __enter__(self) -> SandboxProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()


def launch(directory: Path, *options: str) -> subprocess.Popen[str]:
    """``channel-wallet sandbox --dir`` with pipes at all three ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "wallet", "sandbox", "--dir", str(directory), *options],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.asynccontextmanager
async def trader(folder: Path, profile: Path) -> AsyncIterator[Account]:
    """A wallet of a fresh phrase, at work with the broker of ``profile``."""
    opened = Profile(folder)
    try:
        vault = create_vault(opened.vault, create_phrase(), Secret("a password"), params=CHEAP)
        account = Account(opened, vault, broker_profile.load(profile))
        account.start()
        try:
            await account.online(START_WITHIN)
            yield account
        finally:
            await account.stop()
            vault.lock()
    finally:
        opened.close()


async def eventually(condition: Callable[[], object], within: float = START_WITHIN) -> None:
    """Waits until it holds; fails the test if it does not."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.02)


async def watch(account: Account, market: str) -> MarketCopy:
    """The market's book, once its makers are there on both sides."""
    account.watch_market(market, 60)
    info = account.market(market)
    copy = account.link.feed.markets[info.base.address, info.quote.address]
    await eventually(lambda: len(copy.book.bids()) >= 5 and len(copy.book.asks()) >= 5, START_WITHIN)
    return copy
