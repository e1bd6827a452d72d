"""A broker in a process of its own, to be killed: `python -m tests.broker.broker_process FOLDER PORT`.

Its chain confirms every channel at once. Prints its port when it serves.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.broker.kit import MemoryChain, make_config
from wallet.broker.chain_watch import ChainView, Standing
from wallet.broker.server import Broker


class EagerChain(MemoryChain):
    """Every channel is open."""

    def watch(self, channel: bytes) -> None:
        super().watch(channel)
        asyncio.get_running_loop().call_later(0.01, lambda: self.tell(channel, ChainView(Standing.OPEN)))

    async def refresh(self, channels: Iterable[bytes]) -> None:
        for channel in channels:
            self.tell(channel, ChainView(Standing.OPEN))


async def serve(folder: Path, port: int) -> None:
    broker = Broker(make_config(folder, port, heartbeat=2, answer_time=2), EagerChain())
    await broker.start()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(broker.port, flush=True)
    await stop.wait()
    await broker.stop()


class Process:
    """Start, kill without warning, start again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.broker.broker_process", str(self.folder), str(self.port)]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
